/** `npm run token`, as users run it, and the programs that send what it printed. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../support/command-line.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ AUTH: "accounts" });
});
afterAll(() => server.close());

const run = (program: "token" | "export", args: string[], env: Record<string, string> = {}) => {
  const { DATABASE_URL = "", SECRET_KEY = "" } = server.engine.config;
  return runCommand([program, ...args], { settings: { DATABASE_URL, SECRET_KEY, ...env } });
};

test("a token is made, sent, listed and revoked, while the service runs", async () => {
  const added = await run("token", ["add", "backup", "--scope", "administer", "--days", "1"]);
  expect(added).toMatchObject({ code: 0, output: expect.stringMatching(/^isi_[\w-]{48}\n$/) });
  expect(added.errors).toContain("backup");
  const [exported, listed, json] = await Promise.all([
    run("export", ["--url", server.url], { TOKEN: added.output.trim() }),
    run("token", ["list"]),
    run("token", ["list", "--json"]),
  ]);
  expect(JSON.parse(json.output)).toMatchObject([{ name: "backup", state: "active", projects: null }]);
  expect(json.output).not.toContain(added.output.trim());
  expect(exported).toMatchObject({ code: 0, output: expect.stringContaining('"isimud-settings"') });
  expect(listed.output).toMatch(/^backup {2}isi_.{4}\.\.\. {2}active {2}administer {2}all projects {2}ends /);
  const [revoked, ...wrong] = await Promise.all([
    run("token", ["revoke", "backup"]),
    run("token", ["revoke", "none"]),
    run("token", ["add", "x", "--scope", "everything"]),
    run("token", ["add", "x", "--scope", "read", "--days", "many"]),
  ]);
  expect(revoked).toMatchObject({ code: 0, output: expect.stringContaining("revoked") });
  expect(wrong.map(({ output }) => output)).toEqual(["", "", ""]);
  expect(wrong.map(({ code, errors }) => [code, errors.split("\n")[0]])).toEqual([
    [1, "There is no token named none."],
    [2, expect.stringContaining("'everything' is invalid. It is one of read, produce")],
    [2, expect.stringContaining("'many' is invalid. It must be a whole number.")],
  ]);
  const { items } = await server.engine.control.audit.list({ projects: "all", page: { limit: 2 } });
  expect(items).toMatchObject([
    { action: "revokeToken", actor: "isimud:cli", target: "backup" },
    { action: "createToken", actor: "isimud:cli", target: "backup" },
  ]);
});
