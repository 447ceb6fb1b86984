/** Databases of a test file's own, on the server that global-setup.ts started. */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject, vi } from "vitest";

export interface TestDatabase {
  /** May be given a `?schema=`. */
  url: string;
  /** Also ends connections that are still open. */
  drop(): Promise<void>;
}

/** A fresh database with all tables, control and pool, and an identity of its own, which a copy would not have. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const database = await create(`TEMPLATE ${inject("templateDatabase")}`);
  await execute("UPDATE pool_identity SET seed = floor(random() * 4611686018427387903)::bigint", database.url);
  return database;
}

/** A fresh database without tables: a pool before it is registered. `options` follow CREATE DATABASE. */
export function createEmptyDatabase(options = ""): Promise<TestDatabase> {
  return create(options);
}

async function create(options: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString("hex")}`;
  await execute(`CREATE DATABASE ${name} ${options}`);
  const url = new URL(inject("postgresUrl"));
  url.pathname = `/${name}`;
  return { url: url.toString(), drop: () => drop(name) };
}

/**
 * An autovacuum worker that is in the database belongs to the superuser, and only that one may end it: it is soon gone
 * by itself.
 */
function drop(name: string): Promise<void> {
  return vi.waitFor(() => execute(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`), { timeout: 10_000, interval: 100 });
}

async function execute(sql: string, url = inject("postgresUrl")): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(sql).finally(() => client.end());
}
