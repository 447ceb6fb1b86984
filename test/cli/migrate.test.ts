/** `isimud migrate`, as users run it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findDrift } from "../../prisma/drift.ts";
import { missingMigrations } from "../../prisma/migrate.ts";
import { createSecretBox } from "../../server/secret-box.ts";
import { createPostgresControlDriver } from "../../server/storage/postgres/control/control-driver.ts";
import { openConnections } from "../../server/storage/postgres/sql/connection.ts";
import { runCommand } from "../support/command-line.ts";
import { createEmptyDatabase, type TestDatabase } from "../support/database.ts";
import { removeDataDir, temporaryDataDir } from "../support/process.ts";

const SECRET_KEY = "a secret key for tests only";
let ours: TestDatabase;
let byHand: TestDatabase;
beforeAll(async () => {
  [ours, byHand] = await Promise.all([createEmptyDatabase(), createEmptyDatabase()]);
});
afterAll(async () => {
  await Promise.all([ours.drop(), byHand.drop()]);
});

const run = (args: string[], settings: Record<string, string> = { DATABASE_URL: ours.url, SECRET_KEY }) =>
  runCommand(["migrate", ...args], { settings });

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client.query(sql).then(({ rows }) => client.end().then(() => rows));
}

test("a dry run prints SQL that does the same, and changes nothing; migrate then does it", async () => {
  const planned = await run(["--dry-run"]);
  expect(planned).toMatchObject({ code: 0, errors: expect.stringMatching(/^Would be applied: \d+\.\n$/) });
  expect(await query(ours.url, "SELECT FROM pg_tables WHERE schemaname = 'public'")).toEqual([]);
  await query(byHand.url, planned.output);
  expect(await missingMigrations({ url: byHand.url, only: "all" })).toEqual([]);
  expect(await findDrift({ url: byHand.url, only: "all", except: [] })).toEqual([]);

  const done = await run([]);
  expect(done).toMatchObject({ code: 0, errors: planned.errors.replace("Would be applied", "Applied") });
  expect(done.output.split("\n")).toContain("20261122080000_control");
  const [again, json] = await Promise.all([run([]), run(["--dry-run", "--json"])]);
  expect(again).toEqual({ code: 0, output: "", errors: "Nothing is missing.\n" });
  expect(JSON.parse(json.output)).toEqual({ dryRun: true, migrations: [], sql: "", pools: [] });
});

test("pools with tables of their own are told, and brought up to date when that is asked for", async () => {
  const connections = openConnections({ url: ours.url, connections: 1 });
  const { pools } = createPostgresControlDriver({
    connections,
    schema: "public",
    secrets: createSecretBox(SECRET_KEY),
  });
  const url = new URL(ours.url);
  url.searchParams.set("schema", "near");
  const near = url.toString();
  await pools.create({ name: "near", uri: near, weight: 1 });
  await pools.create({ name: "away", uri: "postgresql://u@127.0.0.1:1/none", weight: 1 });
  await connections.end();
  const told = await run([]);
  expect(told).toMatchObject({ code: 0, output: "" });
  expect(told.errors).toMatch(/^Pool away: not known\. .*ECONNREFUSED/m);
  expect(told.errors).toMatch(/^Pool near: \d+ will be applied when a process first uses it/m);
  const done = await run(["--pools"]);
  expect(done).toMatchObject({ code: 1, errors: expect.stringMatching(/^Pool near: applied \d+\.$/m) });
  expect(await missingMigrations({ url: near, only: "pool" })).toEqual([]);
});

test("a dry run without any database creates none", async () => {
  const parent = temporaryDataDir();
  const folder = join(parent, "none");
  const planned = await run(["--dry-run"], { DATA_DIR: folder });
  expect(planned).toMatchObject({ code: 0, output: expect.stringContaining("CREATE TABLE queues") });
  expect(existsSync(folder)).toBe(false);
  removeDataDir(parent);
});
