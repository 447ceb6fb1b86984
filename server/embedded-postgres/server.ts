/**
 * A real PostgreSQL for a machine that has none, from binaries that npm installed.
 *
 * It runs detached in a process group of its own, so that Ctrl-C stops Isimud first and the database last. It listens
 * on a unix socket in a folder that only its account may enter (on Windows and for long paths: on loopback), and its
 * password is random, in a file that only this user may read.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, statSync, unlinkSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { makePrivate } from "../process/data-dir.ts";
import { writeDurably } from "../process/durable-file.ts";
import { commandLine, isAlive } from "../process/process-state.ts";
import { StartError } from "../process/start-error.ts";
import {
  asAccount,
  binary,
  cannotRun,
  checkVersion,
  clusterOf,
  completeCluster,
  DATABASE,
  makeCluster,
  ROLE,
  readPassword,
  renewPassword,
} from "./cluster.ts";
import { findPlace, type Place, rememberPlace } from "./place.ts";

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
 * A password that is lost, damaged or refused is set anew: whoever owns the files may do that.
 */
export async function startEmbeddedPostgres(params: {
  dataDir: string;
  /** Said to the user while this takes time. */
  report?: (line: string) => void;
  /** PostgreSQL settings, over the defaults. */
  settings?: Record<string, string>;
  /** Ends the start: what it has started so far is stopped, and it rejects. */
  signal?: AbortSignal;
}): Promise<EmbeddedPostgres> {
  const { dataDir, report = () => {}, signal: aborted } = params;
  makePrivate(dataDir);
  const place = findPlace(dataDir);
  if (place.notice) report(place.notice);
  const cluster = clusterOf(place);
  let password = existsSync(cluster) ? readPassword(dataDir) : await firstPassword(place, dataDir, report);
  rememberPlace(dataDir, place);
  checkVersion(cluster);
  await stopOrphan(place, report);
  if (password === null) {
    report(`${join(dataDir, "postgres-password")} is missing or damaged. The database gets a new password.`);
    password = await renewPassword(place, dataDir, aborted);
  }

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
    const url = new URL(`postgresql://${ROLE}:${password}@localhost:${port}/${database}`);
    if (socket) url.searchParams.set("host", socket);
    else url.hostname = "127.0.0.1";
    return url.toString();
  };
  const connect = async (database: string) => {
    // `ssl`, because `pg` would ask the environment (PGSSLMODE).
    const client = new pg.Client({ connectionString: address(database), ssl: false, connectionTimeoutMillis: 5000 });
    client.on("error", () => {});
    await client.connect();
    return client;
  };

  const launch = async () => {
    const child = spawnServer(place, cluster, settings);
    server = child;
    const failed = new Promise<never>((_, reject) => {
      child.once("error", (error) => reject(cannotRun(error)));
      child.once("exit", () => reject(new StartError(`PostgreSQL did not start.\n${lastLines(logFile(place))}`)));
    });
    failed.catch(() => {});
    try {
      await Promise.race([ready(() => connect("postgres"), report, aborted), failed]);
    } catch (error) {
      await stopServer(place, child);
      throw error;
    }
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

  try {
    try {
      await launch();
    } catch (error) {
      if (!isRefusal(error)) throw error;
      report(`The database refuses the password in ${join(dataDir, "postgres-password")}. It gets a new one.`);
      password = await renewPassword(place, dataDir, aborted);
      await launch();
    }
    await completeCluster(connect, password);
    rememberUrl(dataDir, socket ? address(DATABASE) : null);
  } catch (error) {
    stopping = true;
    if (server) await stopServer(place, server);
    throw error;
  }

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

/** The address of the database that runs in `dataDir`; null when it has another one at each start, or none was started yet. */
export function embeddedUrl(dataDir: string): string | null {
  const file = join(dataDir, URL_FILE);
  return (existsSync(file) && readFileSync(file, "utf8").trim()) || null;
}

function rememberUrl(dataDir: string, url: string | null): void {
  const file = join(dataDir, URL_FILE);
  if (url === null) rmSync(file, { force: true });
  else writeDurably(file, `${url}\n`);
}

function firstPassword(place: Place, dataDir: string, report: (line: string) => void): Promise<string> {
  report("Making the database (once)...");
  return makeCluster(place, dataDir);
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

/** Until it answers. What is no sign of a start or a recovery is an error at once. */
async function ready(
  connect: () => Promise<pg.Client>,
  report: (line: string) => void,
  aborted: AbortSignal | undefined,
): Promise<void> {
  const began = Date.now();
  let reported = false;
  for (;;) {
    aborted?.throwIfAborted();
    try {
      const client = await connect();
      await client.end();
      return;
    } catch (error) {
      if (!isStarting(error) || Date.now() - began > START_DEADLINE_MS) throw error;
      if (!reported && Date.now() - began > 3000) {
        reported = true;
        report("PostgreSQL is recovering...");
      }
      await sleep(20);
    }
  }
}

/**
 * Nobody listens yet, or the server says that it starts up (cannot_connect_now); or it is too busy recovering to
 * answer.
 */
function isStarting(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  return code === "ECONNREFUSED" || code === "ENOENT" || code === "57P03" || /timeout|terminated/i.test(message ?? "");
}

/** invalid_password */
function isRefusal(error: unknown): boolean {
  return (error as { code?: string }).code === "28P01";
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
  // PostgreSQL writes a negative number in its single-user mode.
  const pid = Math.abs(Number(readFileSync(file, "utf8").split("\n")[0]));
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

function logFile(place: Place): string {
  return join(place.home, "postgres.log");
}

function lastLines(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n").slice(-8).join("\n") : "";
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
