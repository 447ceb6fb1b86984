/** Databases for one test file, on the server that global-setup.ts started. */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import { dropDatabase } from "./drop-database.ts";

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
export function createTestDatabase(): Promise<TestDatabase> {
  return copy(inject("templateDatabase"));
}

/** Creates a database with the tables of a pool, as one that was registered before. It has its own identity. */
export function createPoolDatabase(): Promise<TestDatabase> {
  return copy(inject("templatePool"));
}

/** Creates a database without tables, as a pool is before it is registered. `options` follow CREATE DATABASE. */
export async function createEmptyDatabase(options = ""): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString("hex")}`;
  await onServer(`CREATE DATABASE ${name} ${options}`);
  const url = new URL(inject("postgresUrl"));
  url.pathname = `/${name}`;
  return { url: url.toString(), drop: () => dropDatabase(onServer, name) };
}

/** As files: through its log the server would write all of it twice, and what it has read would leave its cache. */
async function copy(template: string): Promise<TestDatabase> {
  const database = await createEmptyDatabase(`TEMPLATE ${template} STRATEGY FILE_COPY`);
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client
    .query("UPDATE pool_identity SET seed = floor(random() * 4611686018427387903)::bigint")
    .finally(() => client.end());
  return database;
}

/** One connection for all files that this process runs: the server starts a process for each. */
let server: pg.Pool | undefined;

function onServer(sql: string): Promise<pg.QueryResult> {
  server ??= openServer();
  return server.query(sql);
}

function openServer(): pg.Pool {
  const connectionString = inject("postgresUrl");
  const pool = new pg.Pool({ connectionString, max: 1, idleTimeoutMillis: 0, allowExitOnIdle: true });
  // At the end of the run the server ends first.
  pool.on("error", () => undefined);
  return pool;
}
