/**
 * A real PostgreSQL for a machine that has none, from binaries that npm installed.
 *
 * It runs detached in a process group of its own, so that Ctrl-C stops Isimud first and the database last. It listens
 * on a unix socket in a folder that only its account may enter (on Windows and for long paths: on loopback), and its
 * password is random, in a file that only this user may read.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { findPlace, type Place, rememberPlace } from "./embedded-postgres-place.ts";
import { commandLine, isAlive } from "./process-state.ts";
import { StartError } from "./start-error.ts";

/** The major version of the binaries; a cluster of another one is refused. */
const MAJOR = "18";
const USER = "isimud";
const DATABASE = "isimud";
/** Only a part of the socket's name, in a folder of its own. The same at each start, so that a pool in this database keeps its address. */
const SOCKET_PORT = 5432;
/** Where whoever may read DATA_DIR finds the address, with its password: for `npm run demo`. */
const URL_FILE = "database-url";
/** Of a socket's path, on the strictest system. */
const SOCKET_PATH_LIMIT = 100;
const LOG_LIMIT = 20 * 1024 * 1024;
/** Recovery after a crash replays at most this much work. */
const START_DEADLINE_MS = 300_000;
const STOP_DEADLINE_MS = 10_000;

export interface EmbeddedPostgres {
  /** Of the database, with its password. */
  url: string;
  /** Of the server process; changes when it was restarted. */
  pid(): number | undefined;
  /** Disconnects everybody and ends the server, within STOP_DEADLINE_MS or by force (the next start then recovers). Twice is once. */
  stop(): Promise<void>;
}

/**
 * Starts the database in `dataDir`, making it at the first time. A server that a killed Isimud left behind is stopped first.
 * While it runs it is started again if it dies. Only one process may use a `dataDir`: the caller sees to that.
 */
export async function startEmbeddedPostgres(params: {
  dataDir: string;
  /** Said to the user while this takes time. */
  report?: (line: string) => void;
  /** PostgreSQL settings, over the defaults. */
  settings?: Record<string, string>;
}): Promise<EmbeddedPostgres> {
  const report = params.report ?? (() => {});
  const place = findPlace(params.dataDir);
  if (place.notice) report(place.notice);
  const password = readPassword(params.dataDir);
  const cluster = join(place.home, "data");
  if (!existsSync(cluster)) {
    report("Making the database (once)...");
    makeCluster(place, password);
  }
  rememberPlace(params.dataDir, place);
  checkVersion(cluster);
  await stopOrphan(place, report);

  const socket = socketFolder(place);
  const port = socket ? SOCKET_PORT : await freePort();
  // Nothing of ours runs now. PostgreSQL would refuse a lock whose process id another program has got since.
  if (socket) rmSync(join(socket, `.s.PGSQL.${port}.lock`), { force: true });
  const settings: Record<string, string> = {
    listen_addresses: socket ? "" : "127.0.0.1",
    unix_socket_directories: socket ?? "",
    port: String(port),
    max_connections: "200",
    max_wal_size: "2GB",
    // Every statement here is short: compiling them, or sharing them among workers, costs more than it saves.
    jit: "off",
    max_parallel_workers_per_gather: "0",
    log_timezone: "UTC",
    timezone: "UTC",
    ...params.settings,
  };
  if (process.platform === "win32") delete settings.unix_socket_directories;

  let server: ChildProcess | undefined;
  let stopping = false;
  const address = (database: string) => {
    const url = new URL(`postgresql://${USER}:${password}@localhost:${port}/${database}`);
    if (socket) url.searchParams.set("host", socket);
    else url.hostname = "127.0.0.1";
    return url.toString();
  };

  const launch = async () => {
    const child = spawnServer(place, cluster, settings);
    server = child;
    const failed = new Promise<never>((_, reject) => {
      child.once("error", (error) => reject(cannotRun(error)));
      child.once("exit", () => reject(new StartError(`PostgreSQL did not start.\n${lastLines(logFile(place))}`)));
    });
    failed.catch(() => {});
    await Promise.race([ready(address("postgres"), report), failed]);
    child.once("exit", () => void relaunch());
  };
  const relaunch = async () => {
    for (let wait = 200; !stopping; wait = Math.min(wait * 2, 5000)) {
      report(`PostgreSQL ended unexpectedly. Starting it again; its log is ${logFile(place)}.`);
      try {
        await launch();
        return;
      } catch (error) {
        report(error instanceof Error ? error.message : String(error));
        await sleep(wait, undefined, { ref: false });
      }
    }
  };

  await launch();
  await makeDatabase(address("postgres"));
  rememberUrl(params.dataDir, socket ? address(DATABASE) : null);

  let stopped: Promise<void> | undefined;
  return {
    url: address(DATABASE),
    pid: () => server?.pid,
    stop: () => {
      stopping = true;
      stopped ??= server ? stopServer(place, server) : Promise.resolve();
      return stopped;
    },
  };
}

// -------------------------------------------------------------------------------------------- the cluster

/** The address of the database that runs in `dataDir`; null when it has another one at each start, or none was started yet. */
export function embeddedUrl(dataDir: string): string | null {
  const file = join(dataDir, URL_FILE);
  return existsSync(file) ? readFileSync(file, "utf8").trim() : null;
}

function rememberUrl(dataDir: string, url: string | null): void {
  const file = join(dataDir, URL_FILE);
  rmSync(file, { force: true });
  if (url !== null) writeFileSync(file, `${url}\n`, { mode: 0o600 });
}

function readPassword(dataDir: string): string {
  const file = join(dataDir, "postgres-password");
  if (!existsSync(file)) writeFileSync(file, `${randomBytes(24).toString("base64url")}\n`, { mode: 0o600 });
  return readFileSync(file, "utf8").trim();
}

/** Made under another name and renamed, so that a start killed half-way leaves nothing that looks like a database. */
function makeCluster(place: Place, password: string): void {
  const unfinished = join(place.home, "data.unfinished");
  const passwordFile = join(place.home, "password.initdb");
  mkdirSync(place.home, { recursive: true, mode: 0o700 });
  rmSync(unfinished, { recursive: true, force: true });
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (place.account) chownSync(passwordFile, place.account.uid, place.account.gid);
  const result = spawnSync(
    binary(place, "initdb"),
    [
      `--pgdata=${unfinished}`,
      `--username=${USER}`,
      "--encoding=UTF8",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--locale=C",
      "--auth=scram-sha-256",
      `--pwfile=${passwordFile}`,
      "--no-instructions",
    ],
    { ...asAccount(place), encoding: "utf8" },
  );
  unlinkSync(passwordFile);
  if (result.error) throw cannotRun(result.error);
  if (result.status !== 0) throw new StartError(`PostgreSQL could not make its database.\n${result.stderr}`);
  renameSync(unfinished, join(place.home, "data"));
}

function checkVersion(cluster: string): void {
  const version = readFileSync(join(cluster, "PG_VERSION"), "utf8").trim();
  if (version === MAJOR) return;
  throw new StartError(
    `The database in ${cluster} was made by PostgreSQL ${version}, and this Isimud brings ${MAJOR}. ` +
      `Start it once more with the Isimud that made it and \`pg_dump\` it, or run a PostgreSQL ${version} on it yourself and set DATABASE_URL.`,
  );
}

async function makeDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const found = await client.query("SELECT 1 FROM pg_database WHERE datname = $1", [DATABASE]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
}

// --------------------------------------------------------------------------------------------- the server

function spawnServer(place: Place, cluster: string, settings: Record<string, string>): ChildProcess {
  const file = logFile(place);
  if (existsSync(file) && statSync(file).size > LOG_LIMIT) renameSync(file, `${file}.old`);
  const log = openSync(file, "a", 0o600);
  try {
    const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const child = spawn(binary(place, "postgres"), ["-D", cluster, ...flags], {
      ...asAccount(place),
      detached: true,
      stdio: ["ignore", log, log],
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

/** Until it answers. Refusals while it recovers are normal. */
async function ready(url: string, report: (line: string) => void): Promise<void> {
  const began = Date.now();
  let reported = false;
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
    client.on("error", () => {});
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      await client.end().catch(() => {});
      if ((error as { code?: string }).code === "28P01") {
        throw new StartError(
          "The database refuses the password in DATA_DIR/postgres-password. Put the right file back.",
        );
      }
      if (Date.now() - began > START_DEADLINE_MS) throw error;
      if (!reported && Date.now() - began > 3000) {
        reported = true;
        report("PostgreSQL is recovering...");
      }
      await sleep(20);
    }
  }
}

async function stopServer(place: Place, server: ChildProcess): Promise<void> {
  const pid = server.pid;
  if (pid === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  server.ref();
  for (const how of ["fast", "immediate"] as const) {
    signal(place, pid, how);
    if (await Promise.race([gone.then(() => true), sleep(STOP_DEADLINE_MS, false, { ref: false })])) return;
  }
  process.kill(pid, "SIGKILL");
}

/** "fast" disconnects everybody and writes everything; "immediate" leaves the rest to recovery. */
function signal(place: Place, pid: number, how: "fast" | "immediate"): void {
  if (process.platform === "win32") {
    spawnSync(binary(place, "pg_ctl"), ["stop", "-D", join(place.home, "data"), "-m", how, "-W"]);
    return;
  }
  try {
    process.kill(pid, how === "fast" ? "SIGINT" : "SIGQUIT");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/**
 * Stops the server that a killed parent left behind. Its pid file may be older than the last boot (or come from another
 * container) and its number may be anybody's by now, so the process is asked what it is before it is sent a signal.
 */
async function stopOrphan(place: Place, report: (line: string) => void): Promise<void> {
  const cluster = join(place.home, "data");
  const file = join(cluster, "postmaster.pid");
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, "utf8").split("\n")[0]);
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return;
  const command = commandLine(pid);
  if (command !== null && !command.includes(cluster)) {
    // PostgreSQL itself would only see that the number is taken, and refuse to start.
    unlinkSync(file);
    return;
  }
  report("Stopping the PostgreSQL that an Isimud left behind when it was killed...");
  for (const how of ["fast", "immediate"] as const) {
    signal(place, pid, how);
    for (const end = Date.now() + STOP_DEADLINE_MS; Date.now() < end; await sleep(20)) {
      if (!isAlive(pid)) return;
    }
  }
  throw new StartError(`The PostgreSQL with process id ${pid} does not end. Stop it by hand and start again.`);
}

// ----------------------------------------------------------------------------------------------- the parts

function binary(place: Place, name: "initdb" | "postgres" | "pg_ctl"): string {
  return join(place.binaries, "bin", process.platform === "win32" ? `${name}.exe` : name);
}

function logFile(place: Place): string {
  return join(place.home, "postgres.log");
}

function lastLines(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n").slice(-8).join("\n") : "";
}

/** Nothing of this process's environment reaches the database: LANG and PG* would change what it does. */
function asAccount(place: Place): { uid?: number; gid?: number; cwd: string; env: NodeJS.ProcessEnv } {
  const env = { PATH: "/usr/bin:/bin", LANG: "C", LC_ALL: "C" } as unknown as NodeJS.ProcessEnv;
  return { ...(place.account && { uid: place.account.uid, gid: place.account.gid }), cwd: place.home, env };
}

/** Null: the path is too long for a socket, or the system has none. */
function socketFolder(place: Place): string | null {
  if (process.platform === "win32") return null;
  return join(place.home, ".s.PGSQL.65535.lock").length < SOCKET_PATH_LIMIT ? place.home : null;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

function cannotRun(error: Error): Error {
  return new StartError(
    `PostgreSQL's program cannot run here (${error.message}). Run \`npm ci\`, or set DATABASE_URL to a PostgreSQL of your own.`,
    { cause: error },
  );
}
