/**
 * Applies the SQL files in prisma/migrations to a database.
 *
 * They are recorded in Prisma's own table and format, so that `prisma migrate deploy` can continue from here. All
 * missing migrations are applied in one transaction under a lock. So a start that is killed or fails changes nothing,
 * and processes that start at the same time take turns.
 */
import { createHash } from "node:crypto";
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

export interface Migration {
  name: string;
  sql: string;
  checksum: string;
}

type Database = { url: string } | { connections: pg.Pool; schema: string };

/**
 * Applies the missing migrations and returns their names. `only: "pool"` applies those of a registered pool's tables.
 * The schema is created if it is missing. With `rehearsal` everything is rolled back at the end.
 *
 * NOT_SUPPORTED when this database cannot be used: it is not UTF8, too old, of a newer Isimud, or has a migration that
 * failed or was changed. Connection errors are passed on unchanged.
 */
export function migrate(params: Database & Scope): Promise<string[]> {
  return withClient(params, (client, schema) => inOneTransaction(client, schema, params));
}

/** What `migrate` would apply now. Only reads, and waits for nobody. Errors as `migrate`. */
export function missingMigrations(params: Database & Pick<Scope, "only">): Promise<Migration[]> {
  return withClient(params, async (client, schema) => {
    await client.query("BEGIN READ ONLY");
    await checkServer(client);
    const found = await client.query<{ exists: boolean }>("SELECT to_regclass($1) IS NOT NULL AS exists", [
      `"${schema}"._prisma_migrations`,
    ]);
    const missing = found.rows[0]?.exists === true ? await pending(client, params.only) : ours(params.only);
    await client.query("ROLLBACK");
    return missing;
  });
}

/** The SQL with which `migrate` applies these migrations, as a script that somebody may run instead. */
export function migrationScript(schema: string, migrations: readonly Migration[]): string {
  const parts = migrations.flatMap((migration) => [`-- ${migration.name}`, migration.sql, recordOf(migration)]);
  const statements = [...preparation(schema, { rehearsal: false }), ...creation(schema), ...parts];
  return `BEGIN;\n\n${statements.map((sql) => (/^--|;\s*$/.test(sql) ? sql.trim() : `${sql};`)).join("\n\n")}\n\nCOMMIT;\n`;
}

/** Gives `work` a connection whose search path is the schema. One that fails is closed. */
export async function withClient<T>(
  params: Database,
  work: (client: pg.PoolClient, schema: string) => Promise<T>,
): Promise<T> {
  if ("connections" in params) {
    const client = await params.connections.connect();
    try {
      const result = await work(client, params.schema);
      client.release();
      return result;
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
    return await withClient({ connections, schema }, work);
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
  for (const sql of preparation(schema, { rehearsal })) await client.query(sql);
  await checkServer(client);
  for (const sql of creation(schema)) await client.query(sql);
  const applied = await pending(client, only);
  for (const migration of applied) {
    await apply(client, migration);
    await client.query(recordOf(migration));
  }
  await client.query(rehearsal ? "ROLLBACK" : "COMMIT");
  return applied.map((migration) => migration.name);
}

/** INTERNAL when it fails; the transaction is then over. */
export async function apply(client: pg.PoolClient, { name, sql }: Migration): Promise<void> {
  try {
    await client.query(sql);
  } catch (error) {
    if ((error as { code?: unknown }).code === LOCK_NOT_AVAILABLE) throw error;
    throw new DomainError("INTERNAL", `The migration ${name} failed. The database is as it was before.`, {
      cause: error,
    });
  }
}

/** What the transaction begins with. */
function preparation(schema: string, { rehearsal }: { rehearsal: boolean }): string[] {
  return [
    // Waiting for another process's migrations, and building an index, may take longer than a request may.
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL lock_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
    `SELECT pg_advisory_xact_lock(${LOCK_CLASS}, hashtext('${schema}'))`,
    // A rehearsal must not block callers who use the tables: for their locks it has the session's time-out again.
    ...(rehearsal ? ["SET LOCAL lock_timeout TO DEFAULT"] : []),
  ];
}

/** Hazard: the name goes into SQL as it is. parsePostgresUri has checked it. */
function creation(schema: string): string[] {
  return [
    // Not CREATE SCHEMA IF NOT EXISTS, for which a role needs the right to create one even if it exists.
    `DO $$ BEGIN
  IF to_regnamespace('"${schema}"') IS NULL THEN CREATE SCHEMA "${schema}"; END IF;
END $$`,
    `SET LOCAL search_path = "${schema}"`,
    `CREATE TABLE IF NOT EXISTS _prisma_migrations (
  id varchar(36) PRIMARY KEY NOT NULL,
  checksum varchar(64) NOT NULL,
  finished_at timestamptz,
  migration_name varchar(255) NOT NULL,
  logs text,
  rolled_back_at timestamptz,
  started_at timestamptz NOT NULL DEFAULT now(),
  applied_steps_count integer NOT NULL DEFAULT 0)`,
  ];
}

/** Neither a name nor a checksum of ours needs escaping. */
function recordOf({ name, checksum }: Migration): string {
  return `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
VALUES (gen_random_uuid()::text, '${checksum}', '${name}', transaction_timestamp(), clock_timestamp(), 1)`;
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
  return ours(only).filter((one) => !done.has(one.name));
}

/** The migrations of this version, in their order. */
export function ours(only: Scope["only"]): Migration[] {
  return readMigrations().filter(({ name }) => only === "all" || isPoolMigration(name));
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
