/**
 * A real PostgreSQL for a machine that has none, from binaries that npm installed.
 *
 * It runs detached in a process group of its own, so that Ctrl-C stops Isimud first and the database last. It listens
 * on a Unix socket in a folder that only its account may enter (on Windows and for long paths: on loopback). Its
 * password is random, in a file that only this user may read.
 */
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { makePrivate } from "../process/data-dir.ts";
import { writeDurably } from "../process/durable-file.ts";
import {
  checkVersion,
  clusterOf,
  completeCluster,
  createCluster,
  DATABASE,
  ROLE,
  readPassword,
  renewPassword,
} from "./cluster.ts";
import { findInstallation, type Installation, rememberInstallation } from "./installation.ts";
import { logFile, spawnServer, stopOrphan, stopServer, untilReady } from "./server-process.ts";

/**
 * Only part of the socket's name, in a folder of its own. It is the same at each start, so that the URI of a pool in
 * this database stays valid.
 */
const SOCKET_PORT = 5432;
/**
 * `npm run demo` finds the database's URL here. The file holds the password, so only the owner of DATA_DIR may read it.
 */
const URL_FILE = "database-url";
/** Characters of a socket's path, on the strictest system. */
const MAX_SOCKET_PATH = 100;
const STOP_DEADLINE_MS = 10_000;

export interface EmbeddedPostgres {
  /** Of the database, with its password. */
  url: string;
  /** Of the server process; changes when the server was restarted. */
  pid(): number | undefined;
  /** Disconnects everybody and ends the server, within 10 s or by force: the next start then recovers. Idempotent. */
  stop(): Promise<void>;
}

interface Params {
  dataDir: string;
  /** Takes lines for the user while this takes time. */
  report?: (line: string) => void;
  /** PostgreSQL settings, over the defaults. */
  settings?: Record<string, string>;
  /** Ends the start: what it has started so far is stopped, and it rejects. */
  signal?: AbortSignal;
  /** How long `stop` takes at most, in milliseconds. */
  stopDeadlineMs?: number;
}

/**
 * Starts the database in `dataDir`, and creates it the first time. A server that a killed Isimud left behind is stopped
 * first. A server that dies later is started again. A password that is lost, damaged or refused is replaced: the owner
 * of the files may do that. Only one process may use a `dataDir`, which the caller must ensure.
 */
export async function startEmbeddedPostgres(params: Params): Promise<EmbeddedPostgres> {
  const { dataDir, report = () => {}, signal } = params;
  makePrivate(dataDir);
  const installation = findInstallation(dataDir);
  if (installation.notice) report(installation.notice);
  let password = await preparePassword(installation, dataDir, report, signal);
  const socket = socketFolder(installation);
  const port = socket ? SOCKET_PORT : await freePort();
  // None of our servers runs now. PostgreSQL would refuse a lock whose process id another program has got since.
  if (socket) rmSync(join(socket, `.s.PGSQL.${port}.lock`), { force: true });

  const urlOf = (database: string) => {
    const url = new URL(`postgresql://${ROLE}:${password}@localhost:${port}/${database}`);
    if (socket) url.searchParams.set("host", socket);
    else url.hostname = "127.0.0.1";
    return url.toString();
  };
  const connect = async (database: string) => {
    // Without `ssl`, `pg` would read PGSSLMODE from the environment.
    const client = new pg.Client({ connectionString: urlOf(database), ssl: false, connectionTimeoutMillis: 5000 });
    client.on("error", () => {});
    await client.connect();
    return client;
  };
  const server = new SupervisedServer({
    installation,
    settings: serverSettings(socket, port, params.settings),
    connect: () => connect("postgres"),
    report,
    signal,
    stopDeadlineMs: params.stopDeadlineMs ?? STOP_DEADLINE_MS,
  });
  try {
    try {
      await server.launch();
    } catch (error) {
      if (!isWrongPassword(error)) throw error;
      report(`The database refuses the password in ${join(dataDir, "postgres-password")}. It gets a new one.`);
      password = await renewPassword(installation, dataDir, signal);
      await server.launch();
    }
    await completeCluster(connect, password);
    rememberUrl(dataDir, socket ? urlOf(DATABASE) : null);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { url: urlOf(DATABASE), pid: () => server.pid, stop: () => server.stop() };
}

/**
 * The URL of the database that runs in `dataDir`. Null when it changes at each start, or none was started yet.
 */
export function embeddedUrl(dataDir: string): string | null {
  const file = join(dataDir, URL_FILE);
  return (existsSync(file) && readFileSync(file, "utf8").trim()) || null;
}

function rememberUrl(dataDir: string, url: string | null): void {
  const file = join(dataDir, URL_FILE);
  if (url === null) rmSync(file, { force: true });
  else writeDurably(file, `${url}\n`);
}

/** Creates the cluster if there is none, stops a server that was left behind, and returns the service's password. */
async function preparePassword(
  installation: Installation,
  dataDir: string,
  report: (line: string) => void,
  signal: AbortSignal | undefined,
): Promise<string> {
  const cluster = clusterOf(installation);
  let password: string | null;
  if (existsSync(cluster)) password = readPassword(dataDir);
  else {
    report("Creating the database (once)...");
    password = await createCluster(installation, dataDir);
  }
  rememberInstallation(dataDir, installation);
  checkVersion(cluster);
  await stopOrphan(installation, report);
  if (password !== null) return password;
  report(`${join(dataDir, "postgres-password")} is missing or damaged. The database gets a new password.`);
  return await renewPassword(installation, dataDir, signal);
}

function serverSettings(
  socket: string | null,
  port: number,
  overrides: Record<string, string> | undefined,
): Record<string, string> {
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
    ...overrides,
  };
  if (process.platform === "win32") delete settings.unix_socket_directories;
  return settings;
}

interface SupervisedServerParams {
  installation: Installation;
  settings: Record<string, string>;
  connect: () => Promise<pg.Client>;
  report: (line: string) => void;
  signal: AbortSignal | undefined;
  stopDeadlineMs: number;
}

/** The server, started again whenever it ends by itself. */
class SupervisedServer {
  readonly #params: SupervisedServerParams;
  #process: ChildProcess | undefined;
  #stopping = false;
  #stopped: Promise<void> | undefined;

  constructor(params: SupervisedServerParams) {
    this.#params = params;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Resolves when the server answers. When it rejects, the server that it started is stopped. */
  async launch(): Promise<void> {
    const { installation, settings } = this.#params;
    const child = spawnServer(installation, settings);
    this.#process = child;
    try {
      await untilReady(installation, child, this.#params);
    } catch (error) {
      await this.#stop(child);
      throw error;
    }
    child.once("exit", () => void this.#relaunch());
  }

  /** Idempotent. */
  stop(): Promise<void> {
    this.#stopping = true;
    this.#stopped ??= this.#process ? this.#stop(this.#process) : Promise.resolve();
    return this.#stopped;
  }

  async #relaunch(): Promise<void> {
    const { installation, report } = this.#params;
    for (let waitMs = 200; !this.#stopping; waitMs = Math.min(waitMs * 2, 5000)) {
      report(`PostgreSQL ended unexpectedly. Starting it again; its log is ${logFile(installation)}.`);
      try {
        await this.launch();
        return;
      } catch (error) {
        report(error instanceof Error ? error.message : String(error));
        await sleep(waitMs, undefined, { ref: false });
      }
    }
  }

  #stop(child: ChildProcess): Promise<void> {
    return stopServer(this.#params.installation, child, this.#params.stopDeadlineMs);
  }
}

/** invalid_password */
function isWrongPassword(error: unknown): boolean {
  return (error as { code?: string }).code === "28P01";
}

/** Null: the path is too long for a socket, or the system has none. */
function socketFolder(installation: Installation): string | null {
  if (process.platform === "win32") return null;
  return join(installation.home, ".s.PGSQL.65535.lock").length < MAX_SOCKET_PATH ? installation.home : null;
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
