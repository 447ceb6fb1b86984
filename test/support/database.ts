/** Databases for one test file, on the server that global-setup.ts started. */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject, vi } from "vitest";

export interface TestDatabase {
  /** Has no options. A test may add `?schema=`. */
  url: string;
  /** Drops the database, and ends connections that are still open. */
  drop(): Promise<void>;
}

/**
 * Creates a database with all tables of control plane and pool. It gets its own identity, since a copy of the template
 * would have the template's.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const database = await create(`TEMPLATE ${inject("templateDatabase")}`);
  await execute("UPDATE pool_identity SET seed = floor(random() * 4611686018427387903)::bigint", database.url);
  return database;
}

/** Creates a database without tables, as a pool is before it is registered. `options` follow CREATE DATABASE. */
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
 * Tries again for a while: an autovacuum worker in the database belongs to the superuser, who alone may end it. It soon
 * ends by itself.
 */
function drop(name: string): Promise<void> {
  return vi.waitFor(() => execute(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`), { timeout: 10_000, interval: 100 });
}

async function execute(sql: string, url = inject("postgresUrl")): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(sql).finally(() => client.end());
}
