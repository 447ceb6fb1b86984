/** The folder of DATA_DIR, as a start or a command makes it. */
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { makePrivate } from "../../server/process/data-dir.ts";
import { StartError } from "../../server/process/start-error.ts";

const folder = mkdtempSync(join(tmpdir(), "isimud-data-dir-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("it is made with the folders above it, and only its user may read it", () => {
  const dataDir = join(folder, "a", "b");
  makePrivate(dataDir);
  expect(statSync(dataDir).mode & 0o066).toBe(0);
  chmodSync(dataDir, 0o755);
  makePrivate(dataDir);
  expect(statSync(dataDir).mode & 0o066).toBe(0);
});

test("where it cannot be made, the error says so at once", () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  for (const dataDir of [file, join(file, "below"), "/proc/isimud/data"]) {
    const attempt = () => makePrivate(dataDir);
    expect(attempt).toThrow(StartError);
    expect(attempt).toThrow(`DATA_DIR is ${dataDir}, but it cannot be made: `);
  }
});

test("a folder that all users share keeps its mode", () => {
  const shared = mkdtempSync(join(folder, "shared-"));
  chmodSync(shared, 0o1777);
  expect(() => makePrivate(shared)).toThrow("Set it to a folder of its own.");
  expect(statSync(shared).mode & 0o7777).toBe(0o1777);
});
