/** The embedded PostgreSQL's files: creating them, and what their owner may change without a password. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { renameDurably, writeDurably } from "../process/durable-file.ts";
import { StartError } from "../process/start-error.ts";
import type { Installation } from "./installation.ts";

/** The major version of the binaries. A cluster of another version is refused. */
const MAJOR = "18";
/** The service's role. It owns its database, may create others, and is no superuser. */
export const ROLE = "isimud";
export const DATABASE = "isimud";
/** The cluster's superuser. Nobody can sign in as it. */
const SUPERUSER = "postgres";
const PASSWORD = /^[\w-]{32}$/;
/** Roles that exist only while a cluster of an older Isimud is changed. */
const NEXT_ROLE = "isimud_next";
const CHANGER = "isimud_changer";

export const clusterOf = (installation: Installation): string => join(installation.home, "data");

/** Null when the file is missing or holds no password: a power cut may leave it empty. */
export function readPassword(dataDir: string): string | null {
  const file = passwordFile(dataDir);
  const text = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  return PASSWORD.test(text) ? text : null;
}

function createPassword(dataDir: string): string {
  const password = randomBytes(24).toString("base64url");
  writeDurably(passwordFile(dataDir), `${password}\n`);
  return password;
}

const passwordFile = (dataDir: string) => join(dataDir, "postgres-password");

/**
 * Creates the database's files under another name and renames them last, so that a start that is killed half-way leaves
 * nothing that looks like a database. Returns the password of the service's role.
 */
export async function createCluster(installation: Installation, dataDir: string): Promise<string> {
  const unfinished = join(installation.home, "data.unfinished");
  const superuserPassword = join(installation.home, "password.initdb");
  mkdirSync(installation.home, { recursive: true, mode: 0o700 });
  rmSync(unfinished, { recursive: true, force: true });
  writeFileSync(superuserPassword, randomBytes(24).toString("base64url"), { mode: 0o600 });
  if (installation.account) chownSync(superuserPassword, installation.account.uid, installation.account.gid);
  const flags = [
    `--pgdata=${unfinished}`,
    `--username=${SUPERUSER}`,
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--auth=scram-sha-256",
    `--pwfile=${superuserPassword}`,
    "--no-instructions",
  ];
  const initdb = spawn(binary(installation, "initdb"), flags, {
    ...asAccount(installation),
    stdio: ["ignore", "ignore", "pipe"],
  });
  const { code, errors } = await outcomeOf(initdb).finally(() => unlinkSync(superuserPassword));
  if (code !== 0) throw new StartError(`PostgreSQL could not create its database.\n${errors}`);
  const password = readPassword(dataDir) ?? createPassword(dataDir);
  await runAsOwner(installation, unfinished, [
    `CREATE ROLE ${ROLE} LOGIN CREATEDB PASSWORD '${password}'`,
    `CREATE DATABASE ${DATABASE} OWNER ${ROLE}`,
  ]);
  renameDurably(unfinished, clusterOf(installation));
  return password;
}

/**
 * Gives the service's role a new password and returns it. The owner of the files needs no password for that, but the
 * server must not run. After a crash this recovers the database first, which may take minutes; `signal` ends it.
 */
export async function renewPassword(
  installation: Installation,
  dataDir: string,
  signal?: AbortSignal,
): Promise<string> {
  const password = createPassword(dataDir);
  await runAsOwner(installation, clusterOf(installation), [`ALTER ROLE ${ROLE} PASSWORD '${password}'`], signal);
  return password;
}

/** Runs statements in PostgreSQL's single-user mode, as its superuser. */
async function runAsOwner(
  installation: Installation,
  cluster: string,
  statements: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const flags = ["--single", "-D", cluster, "-j", "-c", "exit_on_error=true", "postgres"];
  const child = spawn(binary(installation, "postgres"), flags, {
    ...asAccount(installation),
    stdio: ["pipe", "ignore", "pipe"],
  });
  const end = () => child.kill("SIGTERM");
  signal?.addEventListener("abort", end, { once: true });
  // The server may end before it has read everything.
  child.stdin.on("error", () => {});
  child.stdin.end(statements.map((statement) => `${statement};\n\n`).join(""));
  try {
    const { code, errors } = await outcomeOf(child);
    signal?.throwIfAborted();
    if (code !== 0) throw new StartError(`PostgreSQL could not change its database.\n${errors}`);
  } finally {
    signal?.removeEventListener("abort", end);
  }
}

/** Resolves when the program has ended. A StartError when it cannot be run. */
async function outcomeOf(child: ChildProcess): Promise<{ code: number | null; errors: string }> {
  let errors = "";
  child.stderr?.on("data", (chunk) => {
    errors += chunk;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", (error) => reject(cannotRun(error)));
    child.once("close", resolve);
  });
  return { code, errors };
}

export function checkVersion(cluster: string): void {
  const file = join(cluster, "PG_VERSION");
  const version = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  if (version === MAJOR) return;
  if (!/^\d+$/.test(version)) {
    throw new StartError(
      `${file} is missing or damaged, so the database is incomplete. Restore ${cluster} from a backup; or, if it is lost for good, delete it to start with an empty one.`,
    );
  }
  throw new StartError(
    `The database in ${cluster} was created by PostgreSQL ${version}, and this Isimud brings ${MAJOR}. ` +
      `Start it once more with the Isimud that created it and \`pg_dump\` it, or run a PostgreSQL ${version} on it yourself and set DATABASE_URL.`,
  );
}

/**
 * Upgrades clusters of older Isimuds: their first start may have ended before it created the database, and their role
 * is the superuser that created the cluster. `connect` opens a database with the service's password. If this is killed
 * half-way, the next start repeats it.
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

/** Replaces the role by one of the same name that is no superuser and owns everything that the role owned. */
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
    await inside.query(CHANGE_OWNERS).finally(() => inside.end());
  }
  // One query is one transaction. A session cannot rename its own user, so it switches to another one.
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
 * Gives everything that the current user owns in this database to NEXT_ROLE. Sequences of columns and types of rows
 * follow their tables.
 */
const CHANGE_OWNERS = `
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

export function binary(installation: Installation, name: "initdb" | "postgres" | "pg_ctl"): string {
  return join(installation.binaries, "bin", process.platform === "win32" ? `${name}.exe` : name);
}

/** The database gets nothing of this process's environment: LANG and PG* would change its behaviour. */
export function asAccount(installation: Installation): {
  uid?: number;
  gid?: number;
  cwd: string;
  env: NodeJS.ProcessEnv;
} {
  const env = { PATH: "/usr/bin:/bin", LANG: "C", LC_ALL: "C" } as unknown as NodeJS.ProcessEnv;
  return {
    ...(installation.account && { uid: installation.account.uid, gid: installation.account.gid }),
    cwd: installation.home,
    env,
  };
}

export function cannotRun(error: Error): Error {
  return new StartError(
    `PostgreSQL cannot run here (${error.message}). Run \`npm ci\`, or set DATABASE_URL to a PostgreSQL of your own.`,
    { cause: error },
  );
}
