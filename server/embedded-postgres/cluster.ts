/** The embedded PostgreSQL's files: how they are made, and what their owner may change without a password. */
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { renameDurably, writeDurably } from "../process/durable-file.ts";
import { StartError } from "../process/start-error.ts";
import type { Place } from "./place.ts";

/** The major version of the binaries; a cluster of another one is refused. */
const MAJOR = "18";
/** The service's role: it owns its database and may make others, and is no superuser. */
export const ROLE = "isimud";
export const DATABASE = "isimud";
/** The cluster's superuser. Nobody can sign in as it. */
const SUPERUSER = "postgres";
const PASSWORD = /^[\w-]{32}$/;
/** While an older cluster is changed. */
const NEXT_ROLE = "isimud_next";
const CHANGER = "isimud_changer";

export const clusterOf = (place: Place): string => join(place.home, "data");

/** Null when there is none, or what is there cannot be one: a power cut may leave a file empty. */
export function readPassword(dataDir: string): string | null {
  const file = passwordFile(dataDir);
  const text = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  return PASSWORD.test(text) ? text : null;
}

function makePassword(dataDir: string): string {
  const password = randomBytes(24).toString("base64url");
  writeDurably(passwordFile(dataDir), `${password}\n`);
  return password;
}

const passwordFile = (dataDir: string) => join(dataDir, "postgres-password");

/**
 * Makes the database's files under another name and renames them, so that a start killed half-way leaves nothing that
 * looks like a database. Returns the password.
 */
export async function makeCluster(place: Place, dataDir: string): Promise<string> {
  const unfinished = join(place.home, "data.unfinished");
  const superuserPassword = join(place.home, "password.initdb");
  mkdirSync(place.home, { recursive: true, mode: 0o700 });
  rmSync(unfinished, { recursive: true, force: true });
  writeFileSync(superuserPassword, randomBytes(24).toString("base64url"), { mode: 0o600 });
  if (place.account) chownSync(superuserPassword, place.account.uid, place.account.gid);
  const result = spawnSync(
    binary(place, "initdb"),
    [
      `--pgdata=${unfinished}`,
      `--username=${SUPERUSER}`,
      "--encoding=UTF8",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--locale=C",
      "--auth=scram-sha-256",
      `--pwfile=${superuserPassword}`,
      "--no-instructions",
    ],
    { ...asAccount(place), encoding: "utf8" },
  );
  unlinkSync(superuserPassword);
  if (result.error) throw cannotRun(result.error);
  if (result.status !== 0) throw new StartError(`PostgreSQL could not make its database.\n${result.stderr}`);
  const password = readPassword(dataDir) ?? makePassword(dataDir);
  await runAsOwner(place, unfinished, [
    `CREATE ROLE ${ROLE} LOGIN CREATEDB PASSWORD '${password}'`,
    `CREATE DATABASE ${DATABASE} OWNER ${ROLE}`,
  ]);
  renameDurably(unfinished, clusterOf(place));
  return password;
}

/**
 * Gives the service's role a new password. The server must not run: whoever owns the files needs no password. After a
 * crash this recovers the database first, which may take minutes; `aborted` ends it.
 */
export async function renewPassword(place: Place, dataDir: string, aborted?: AbortSignal): Promise<string> {
  const password = makePassword(dataDir);
  await runAsOwner(place, clusterOf(place), [`ALTER ROLE ${ROLE} PASSWORD '${password}'`], aborted);
  return password;
}

/** Runs statements in PostgreSQL's single-user mode, as its superuser. */
async function runAsOwner(
  place: Place,
  cluster: string,
  statements: readonly string[],
  aborted?: AbortSignal,
): Promise<void> {
  const flags = ["--single", "-D", cluster, "-j", "-c", "exit_on_error=true", "postgres"];
  const child = spawn(binary(place, "postgres"), flags, { ...asAccount(place), stdio: ["pipe", "ignore", "pipe"] });
  const end = () => child.kill("SIGTERM");
  aborted?.addEventListener("abort", end, { once: true });
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  // It may end before it has read all.
  child.stdin.on("error", () => {});
  child.stdin.end(statements.map((statement) => `${statement};\n\n`).join(""));
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", (error) => reject(cannotRun(error)));
      child.once("close", resolve);
    });
    aborted?.throwIfAborted();
    if (code !== 0) throw new StartError(`PostgreSQL could not change its database.\n${errors}`);
  } finally {
    aborted?.removeEventListener("abort", end);
  }
}

export function checkVersion(cluster: string): void {
  const file = join(cluster, "PG_VERSION");
  const version = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  if (version === MAJOR) return;
  if (!/^\d+$/.test(version)) {
    throw new StartError(
      `${file} is missing or damaged, so this is no whole database. Restore ${cluster} from a backup; or, if it is lost for good, delete it to begin with an empty one.`,
    );
  }
  throw new StartError(
    `The database in ${cluster} was made by PostgreSQL ${version}, and this Isimud brings ${MAJOR}. ` +
      `Start it once more with the Isimud that made it and \`pg_dump\` it, or run a PostgreSQL ${version} on it yourself and set DATABASE_URL.`,
  );
}

/**
 * Brings clusters of older versions to what a new one is. Their first start may have ended before it made the database,
 * and their role is the superuser that made them. `connect` opens a database with the service's password. Killed
 * half-way, the next start does it again.
 */
export async function completeCluster(
  connect: (database: string) => Promise<pg.Client>,
  password: string,
): Promise<void> {
  const client = await connect("postgres");
  try {
    const found = await client.query("SELECT 1 FROM pg_database WHERE datname = $1", [DATABASE]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
    await demoteRole(client, connect, password);
  } finally {
    await client.end();
  }
}

/** Gives all that the role owns to one of its name that is no superuser. */
async function demoteRole(
  client: pg.Client,
  connect: (database: string) => Promise<pg.Client>,
  password: string,
): Promise<void> {
  const { rows } = await client.query<{ super: boolean }>(
    "SELECT rolsuper AS super FROM pg_roles WHERE rolname = current_user",
  );
  if (rows[0]?.super !== true) return;
  await client.query(
    `DO $$ BEGIN CREATE ROLE ${NEXT_ROLE} LOGIN CREATEDB; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
  );
  const databases = await client.query<{ name: string }>(
    "SELECT datname AS name FROM pg_database WHERE datallowconn AND NOT datistemplate",
  );
  for (const { name } of databases.rows) {
    const inside = await connect(name);
    await inside.query(GIVE_AWAY).finally(() => inside.end());
  }
  // One query is one transaction. A session cannot rename its own user, so it becomes another for that.
  await client.query(`
    CREATE ROLE ${CHANGER} SUPERUSER;
    SET SESSION AUTHORIZATION ${CHANGER};
    ALTER ROLE ${ROLE} RENAME TO ${SUPERUSER};
    ALTER ROLE ${SUPERUSER} PASSWORD NULL;
    ALTER ROLE ${NEXT_ROLE} RENAME TO ${ROLE};
    ALTER ROLE ${ROLE} PASSWORD '${password}';
    RESET SESSION AUTHORIZATION;
    DROP ROLE ${CHANGER};`);
}

/**
 * What the current user owns in this database. Sequences of columns go with their tables, and types of rows with
 * theirs.
 */
const GIVE_AWAY = `
  DO $$
  DECLARE statement text;
  BEGIN
    FOR statement IN
      WITH own AS (
        SELECT n.oid, n.nspname, n.nspowner FROM pg_namespace n
        WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
      )
      SELECT format('ALTER DATABASE %I OWNER TO ${NEXT_ROLE}', d.datname)
        FROM pg_database d WHERE d.datname = current_database() AND d.datdba = current_user::regrole
      UNION ALL
      SELECT format('ALTER SCHEMA %I OWNER TO ${NEXT_ROLE}', s.nspname) FROM own s WHERE s.nspowner = current_user::regrole
      UNION ALL
      SELECT format('ALTER TABLE %s OWNER TO ${NEXT_ROLE}', c.oid::regclass)
        FROM own s JOIN pg_class c ON c.relnamespace = s.oid
        WHERE c.relowner = current_user::regrole AND c.relkind IN ('r', 'p', 'v', 'm', 'S') AND NOT EXISTS (
          SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
            AND d.refclassid = 'pg_class'::regclass)
      UNION ALL
      SELECT format('ALTER ROUTINE %s OWNER TO ${NEXT_ROLE}', p.oid::regprocedure)
        FROM own s JOIN pg_proc p ON p.pronamespace = s.oid WHERE p.proowner = current_user::regrole
      UNION ALL
      SELECT format('ALTER TYPE %s OWNER TO ${NEXT_ROLE}', t.oid::regtype)
        FROM own s JOIN pg_type t ON t.typnamespace = s.oid
        WHERE t.typowner = current_user::regrole AND t.typtype IN ('e', 'd', 'r')
    LOOP
      EXECUTE statement;
    END LOOP;
  END $$`;

// ----------------------------------------------------------------------------------------------- the parts

export function binary(place: Place, name: "initdb" | "postgres" | "pg_ctl"): string {
  return join(place.binaries, "bin", process.platform === "win32" ? `${name}.exe` : name);
}

/** Nothing of this process's environment reaches the database: LANG and PG* would change what it does. */
export function asAccount(place: Place): { uid?: number; gid?: number; cwd: string; env: NodeJS.ProcessEnv } {
  const env = { PATH: "/usr/bin:/bin", LANG: "C", LC_ALL: "C" } as unknown as NodeJS.ProcessEnv;
  return { ...(place.account && { uid: place.account.uid, gid: place.account.gid }), cwd: place.home, env };
}

export function cannotRun(error: Error): Error {
  return new StartError(
    `PostgreSQL's program cannot run here (${error.message}). Run \`npm ci\`, or set DATABASE_URL to a PostgreSQL of your own.`,
    { cause: error },
  );
}
