import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findDrift } from "../../prisma/drift.ts";
import { migrate, missingMigrations } from "../../prisma/migrate.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

const drift = (only: "all" | "pool" = "all", url = database.url) => findDrift({ url, only, except: [] });
function inSchema(schema: string): string {
  const url = new URL(database.url);
  url.searchParams.set("schema", schema);
  return url.toString();
}
const schemas = async () => (await client.query("SELECT nspname FROM pg_namespace ORDER BY 1")).rows;

test("what the migrations made is as it should be, in any schema, and looking leaves nothing", async () => {
  const before = await schemas();
  const pool = inSchema("Far_pool");
  await migrate({ url: pool, only: "pool" });
  // As settings of transactions and tables are called, which stand in the functions.
  const alike = ["isimud", "queues"].map(inSchema);
  for (const url of alike) await migrate({ url, only: "all" });
  for (const url of [database.url, ...alike]) expect(await drift("all", url)).toEqual([]);
  expect(await drift("pool", pool)).toEqual([]);
  await client.query('DROP SCHEMA "Far_pool", isimud, queues CASCADE');
  expect(await schemas()).toEqual(before);
});

test("what is missing, changed or added is named", async () => {
  const [index] = (
    await client.query<{ name: string }>(
      "SELECT indexname AS name FROM pg_indexes WHERE tablename = 'queues' AND indexname LIKE '%idx' ORDER BY 1 LIMIT 1",
    )
  ).rows;
  await client.query(`
    DROP INDEX ${index?.name};
    ALTER TABLE queues DROP COLUMN updated_at;
    ALTER TABLE pools ALTER weight TYPE numeric, ADD COLUMN note text;
    CREATE TABLE of_somebody_else (id int);
    DROP TRIGGER queues_pauses_delete ON queues`);
  expect(await drift()).toEqual([
    "column pools.note was added",
    "column pools.weight is numeric NOT NULL, and should be bigint NOT NULL",
    "column queues.updated_at is missing",
    `index ${index?.name} is missing`,
    "trigger queues_pauses_delete of queues is missing",
  ]);
});

test("migrations that are still missing are no drift", async () => {
  const empty = inSchema("not_there");
  const except = await missingMigrations({ url: empty, only: "all" });
  expect(except.length).toBeGreaterThan(20);
  expect(await findDrift({ url: empty, only: "all", except })).toEqual([]);
});

test("nothing is known where no schema can be created", async () => {
  const { database: name } = client;
  await client.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
  expect(await drift()).toBeNull();
});
