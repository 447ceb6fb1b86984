/** `npm run export` and `npm run import`, as users run them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { callerWith } from "../support/access.ts";
import { runCommand } from "../support/command-line.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
const folder = mkdtempSync(join(tmpdir(), "isimud-settings-"));
const path = join(folder, "settings.json");
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const run = (program: "export" | "import", ...args: string[]) => runCommand([program, ...args]);

test("settings go into a file, and come back from it as far as they differ", async () => {
  const { queues } = server.engine.operations;
  const admin = callerWith("admin", "all", "a");
  await queues.create(admin, { project: "shop", queue: "orders", metadataText: '{"a": 1.0}' });
  const [toFile, toOutput] = await Promise.all([
    run("export", "--out", path, "--url", server.url),
    run("export", "--project", "shop", "--url", server.url),
  ]);
  expect(toFile).toEqual({ code: 0, output: "", errors: "" });
  expect(toOutput.output).toBe(readFileSync(path, "utf8"));
  expect(readdirSync(folder)).toEqual(["settings.json"]);

  await queues.delete(admin, { project: "shop", queue: "orders" });
  const planned = await run("import", path, "--dry-run", "--url", server.url);
  expect(planned).toMatchObject({ code: 0, output: expect.stringContaining("create  queue shop/orders\n") });
  expect(planned.output).toContain("Would be created: 1. Would be updated: 0. Failed: 0.");
  expect(await queues.exists(admin, { project: "shop", queue: "orders" })).toBe(false);
  const done = await run("import", path, "--reason", "a test", "--url", server.url);
  expect(done).toMatchObject({ code: 0, output: expect.stringContaining("Created: 1.") });
  expect((await queues.get(admin, { project: "shop", queue: "orders" })).metadata?.text).toBe('{"a": 1.0}');
  const [entry] = (await server.engine.operations.audit.list(admin, { action: "importSettings" })).items;
  expect(entry).toMatchObject({ outcome: "done", reason: "a test" });
});

test("what fails is told, and the program fails too", async () => {
  const broken = join(folder, "broken.json");
  const queues = [{ project: "shop", name: "bad", metadata: { _flavor: "none" } }];
  writeFileSync(broken, JSON.stringify({ format: "isimud-settings", version: 1, queues }));
  const [failed, nothing, away, wrong] = await Promise.all([
    run("import", broken, "--url", server.url),
    run("import", join(folder, "missing.json"), "--url", server.url),
    run("export", "--url", "http://127.0.0.1:1"),
    run("import", "--url", server.url),
  ]);
  expect(failed).toMatchObject({ code: 1, output: expect.stringContaining("failed  queue shop/bad: FLAVOR_DOES_NOT") });
  expect(nothing).toMatchObject({ code: 1, errors: expect.stringContaining("cannot be read") });
  expect(away).toMatchObject({ code: 1, errors: expect.stringContaining("No service answers at http://127.0.0.1:1") });
  expect(wrong).toMatchObject({ code: 2, errors: expect.stringContaining("missing required argument 'file'") });
});
