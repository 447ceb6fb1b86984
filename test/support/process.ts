/**
 * The service as users start it: `isimud start` in a process of its own, with pages, with its own DATA_DIR and
 * port.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestDatabase } from "./database.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** What the npm script "start" runs. Tests start it without npm, so that signals reach it. */
const PROGRAM = [process.execPath, "--import", "./server/cli/check-node.mjs", "server/cli/isimud.ts", "start"] as const;
/**
 * Long, because the first start after a change of the pages builds them, perhaps after waiting for another test file's
 * build.
 */
export const START_DEADLINE_MS = 1_200_000;

export interface StartedProcess {
  child: ChildProcess;
  /** Everything that it has printed so far. */
  output(): string;
  /** Resolves with the first match of `pattern` in the output. Rejects when the process ends before. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves with the exit code, or the signal, when the process ends. */
  ended: Promise<number | NodeJS.Signals | null>;
}

/**
 * Starts a process. `settings` are environment variables. DATABASE_URL and other variables of the user who runs the
 * tests do not reach it.
 */
export function startProcess(
  settings: Record<string, string>,
  [command, ...args]: readonly [string, ...string[]] = PROGRAM,
  cwd = ROOT,
): StartedProcess {
  const { PATH, HOME, TMPDIR, NODE_COMPILE_CACHE } = process.env;
  const child = spawn(command, args, {
    cwd,
    env: { PATH, HOME, TMPDIR, NODE_COMPILE_CACHE, NODE_ENV: "production", LOG_LEVEL: "warn", ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const watchers = new Set<() => void>();
  const take = (chunk: Buffer) => {
    output += chunk;
    for (const watcher of watchers) watcher();
  };
  child.stdout?.on("data", take);
  child.stderr?.on("data", take);
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once("close", (code, signal) => resolve(code ?? signal));
  });
  return {
    child,
    output: () => output,
    ended,
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = pattern.exec(output);
          if (!found) return;
          watchers.delete(look);
          resolve(found);
        };
        watchers.add(look);
        look();
        void ended.then((how) => reject(new Error(`It ended with ${how} before it printed ${pattern}.\n${output}`)));
      }),
  };
}

export interface WholeService {
  url: string;
  /** What its present process has printed so far. */
  output(): string;
  /** Ends the process. Its data and its port stay the same. */
  stop(): Promise<void>;
  /** Starts the process again after `stop`. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/**
 * For browser tests: the whole service, on a database that ends with it. Give `beforeAll` START_DEADLINE_MS, since the
 * service may have to build its pages. `settings` are environment variables.
 */
export async function startWholeService({
  database,
  settings = {},
}: {
  database: TestDatabase;
  settings?: Record<string, string>;
}): Promise<WholeService> {
  const dataDir = temporaryDataDir();
  const own = {
    PORT: String(await freePort()),
    DATA_DIR: dataDir,
    DATABASE_URL: database.url,
    SECRET_KEY: randomBytes(32).toString("base64"),
    DRAIN_SECONDS: "0",
  };
  let started: StartedProcess;
  const start = async () => {
    started = startProcess({ ...own, ...settings });
    const [, url = ""] = await started.printed(/Isimud is at (\S+)/);
    return url;
  };
  const stop = async () => {
    started.child.kill("SIGTERM");
    await started.ended;
  };
  return {
    url: await start(),
    output: () => started.output(),
    stop,
    start: async () => void (await start()),
    close: async () => {
      await stop();
      removeDataDir(dataDir);
      await database.drop();
    },
  };
}

/** Creates a folder that PostgreSQL's account can enter, even when root runs the tests. */
export function temporaryDataDir(): string {
  const folder = mkdtempSync(join(tmpdir(), "isimud-data-"));
  chmodSync(folder, 0o755);
  return folder;
}

/** Removes a data folder, and the database if it had to live elsewhere. */
export function removeDataDir(folder: string): void {
  const pointer = join(folder, "postgres-elsewhere");
  if (existsSync(pointer)) rmSync(dirname(readFileSync(pointer, "utf8").trim()), { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
}

/**
 * A port on which nobody listens, for a server to start on later, or for nobody at all. Ports of this range are given
 * to no `listen(0)` and no connection, by Linux as by others: one of those could be taken by another test before the
 * server starts, or while it is restarted. Browsers and fetch refuse none of them.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = nextPort;
    nextPort = port < LAST_PORT ? port + 1 : FIRST_PORT;
    if (await isFree(port)) return port;
  }
}

const [FIRST_PORT, LAST_PORT] = [10_100, 15_999];
/** Random, so that test processes that run at once look at different ports. */
let nextPort = randomInt(FIRST_PORT, LAST_PORT);

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(false);
      else reject(error);
    });
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
