/**
 * Applies the SQL files in prisma/migrations to a database.
 *
 * They are recorded in Prisma's own table and format, so that `prisma migrate deploy` can continue from here. All
 * missing migrations are applied in one transaction under a lock. So a start that is killed or fails changes nothing,
 * and processes that start at the same time take turns.
 */
import { createHash, randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import type pg from "pg";
import { DomainError } from "../server/errors.ts";
import { parsePostgresUri } from "../server/storage/postgres/sql/address.ts";
import { openConnections } from "../server/storage/postgres/sql/connection.ts";

/**
 * First key of the advisory lock; the second is a hash of the schema. Advisory locks with one key belong to the queues.
 */
const LOCK_CLASS = 0x15_19_0d;
const OLDEST_SERVER = 15;
const LOCK_NOT_AVAILABLE = "55P03";
const FOLDER = new URL("./migrations/", import.meta.url);

interface Scope {
  only: "all" | "pool";
  rehearsal?: boolean;
}

interface Migration {
  name: string;
  sql: string;
  checksum: string;
}

/**
 * Applies the missing migrations and returns their names. `only: "pool"` applies those of a registered pool's tables.
 * The schema is created if it is missing. With `rehearsal` everything is rolled back at the end.
 *
 * NOT_SUPPORTED when this database cannot be used: it is not UTF8, too old, of a newer Isimud, or has a migration that
 * failed or was changed. Connection errors are passed on unchanged.
 */
export async function migrate(
  params: ({ url: string } | { connections: pg.Pool; schema: string }) & Scope,
): Promise<string[]> {
  if ("connections" in params) {
    const client = await params.connections.connect();
    try {
      const applied = await inOneTransaction(client, params.schema, params);
      client.release();
      return applied;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }
  const { schema } = parsePostgresUri(params.url);
  const connections = openConnections({
    url: params.url,
    connections: 1,
    applicationName: "isimud migrate",
    patient: true,
  });
  try {
    return await migrate({ ...params, connections, schema });
  } finally {
    await connections.end();
  }
}

async function inOneTransaction(
  client: pg.PoolClient,
  schema: string,
  { only, rehearsal = false }: Scope,
): Promise<string[]> {
  await client.query("BEGIN");
  // Waiting for another process's migrations, and building an index, may take longer than a request may.
  await client.query("SET LOCAL statement_timeout = 0");
  // A rehearsal must not block callers who use the tables: it keeps its lock timeout.
  if (!rehearsal) await client.query("SET LOCAL lock_timeout = 0");
  await client.query("SET LOCAL idle_in_transaction_session_timeout = 0");
  await client.query("SELECT pg_advisory_xact_lock($1::int, hashtext($2))", [LOCK_CLASS, schema]);
  await checkServer(client);
  await createSchema(client, schema);
  const applied = await pending(client, only);
  for (const migration of applied) {
    try {
      await client.query(migration.sql);
    } catch (error) {
      if ((error as { code?: unknown }).code === LOCK_NOT_AVAILABLE) throw error;
      throw new DomainError("INTERNAL", `The migration ${migration.name} failed. The database is as it was before.`, {
        cause: error,
      });
    }
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, transaction_timestamp(), clock_timestamp(), 1)`,
      [randomUUID(), migration.checksum, migration.name],
    );
  }
  await client.query(rehearsal ? "ROLLBACK" : "COMMIT");
  return applied.map((migration) => migration.name);
}

async function checkServer(client: pg.PoolClient): Promise<void> {
  const { rows } = await client.query<{ encoding: string; version: number }>(
    "SELECT current_setting('server_encoding') AS encoding, current_setting('server_version_num')::int AS version",
  );
  const { encoding, version } = rows[0] ?? { encoding: "unknown", version: 0 };
  if (encoding !== "UTF8") {
    throw refusal(
      `its encoding is ${encoding}, and messages are UTF8. Create it with \`CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0\``,
    );
  }
  const major = Math.floor(version / 10_000);
  if (major < OLDEST_SERVER) {
    throw refusal(`its server is PostgreSQL ${major}, and ${OLDEST_SERVER} or newer is needed`);
  }
}

/** Hazard: the name goes into SQL as it is. parsePostgresUri has checked it. */
async function createSchema(client: pg.PoolClient, schema: string): Promise<void> {
  const found = await client.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema]);
  if (found.rowCount === 0) await client.query(`CREATE SCHEMA "${schema}"`);
  await client.query(`SET LOCAL search_path = "${schema}"`);
  await client.query(
    `CREATE TABLE IF NOT EXISTS _prisma_migrations (
       id varchar(36) PRIMARY KEY NOT NULL,
       checksum varchar(64) NOT NULL,
       finished_at timestamptz,
       migration_name varchar(255) NOT NULL,
       logs text,
       rolled_back_at timestamptz,
       started_at timestamptz NOT NULL DEFAULT now(),
       applied_steps_count integer NOT NULL DEFAULT 0)`,
  );
}

async function pending(client: pg.PoolClient, only: "all" | "pool"): Promise<Migration[]> {
  const known = readMigrations();
  const { rows } = await client.query<{ name: string; checksum: string; finished: boolean }>(
    `SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS finished
     FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY started_at, migration_name`,
  );
  for (const row of rows) {
    const migration = known.find((one) => one.name === row.name);
    if (!migration) {
      throw refusal(
        `it belongs to a newer Isimud (it has the migration ${row.name}). Start that one, or restore a backup`,
      );
    }
    if (!row.finished) {
      throw refusal(
        `the migration ${row.name} failed half-way. Repair the tables, then \`npx prisma migrate resolve --applied ${row.name}\``,
      );
    }
    if (migration.checksum !== row.checksum) {
      throw refusal(
        `the migration ${row.name} was changed after it was applied. Put the file back as it was, and write a new migration instead`,
      );
    }
  }
  const done = new Set(rows.map((row) => row.name));
  return known.filter((one) => !done.has(one.name) && (only === "all" || isPoolMigration(one.name)));
}

function isPoolMigration(name: string): boolean {
  return /_pool(_|$)/.test(name);
}

function readMigrations(): Migration[] {
  return readdirSync(FOLDER, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
    .map((name) => {
      const sql = readFileSync(new URL(`${name}/migration.sql`, FOLDER), "utf8");
      return { name, sql, checksum: createHash("sha256").update(sql).digest("hex") };
    });
}

function refusal(reason: string): DomainError {
  return new DomainError("NOT_SUPPORTED", `This database cannot be used: ${reason}.`);
}
