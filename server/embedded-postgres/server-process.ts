/** The PostgreSQL process itself: starting it, waiting until it answers, and stopping it. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { commandLine, isAlive } from "../process/process-state.ts";
import { StartError } from "../process/start-error.ts";
import { asAccount, binary, cannotRun, clusterOf } from "./cluster.ts";
import type { Installation } from "./installation.ts";

const MAX_LOG_BYTES = 20 * 1024 * 1024;
/** Recovery after a crash takes less. */
const START_DEADLINE_MS = 300_000;
/** Part of the time for a stop. The rest is for the harder ways, which lose nothing: recovery does their work. */
const FAST_STOP_SHARE = 0.8;
/** For each of the two ways to stop a server that a killed Isimud left behind. */
const ORPHAN_DEADLINE_MS = 10_000;

type StopMode = "fast" | "immediate";

/** Starts the server in a process group of its own. Its output goes to `postgres.log`. */
export function spawnServer(installation: Installation, settings: Readonly<Record<string, string>>): ChildProcess {
  const file = logFile(installation);
  if (existsSync(file) && statSync(file).size > MAX_LOG_BYTES) renameSync(file, `${file}.old`);
  const log = openSync(file, "a", 0o600);
  try {
    const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const child = spawn(binary(installation, "postgres"), ["-D", clusterOf(installation), ...flags], {
      ...asAccount(installation),
      detached: true,
      stdio: ["ignore", log, log],
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

/**
 * Resolves when `server` answers. Rejects when it ends before, when it refuses the connection for another reason than
 * that it is starting or recovering, and when `signal` aborts.
 */
export async function untilReady(
  installation: Installation,
  server: ChildProcess,
  params: { connect: () => Promise<pg.Client>; report: (line: string) => void; signal: AbortSignal | undefined },
): Promise<void> {
  const ended = new Promise<never>((_, reject) => {
    server.once("error", (error) => reject(cannotRun(error)));
    server.once("exit", () => reject(new StartError(`PostgreSQL did not start.\n${lastLines(logFile(installation))}`)));
  });
  ended.catch(() => {});
  await Promise.race([untilConnected(params), ended]);
}

async function untilConnected({
  connect,
  report,
  signal,
}: {
  connect: () => Promise<pg.Client>;
  report: (line: string) => void;
  signal: AbortSignal | undefined;
}): Promise<void> {
  const began = Date.now();
  let reported = false;
  for (;;) {
    signal?.throwIfAborted();
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

/** Nobody listens yet, the server says that it is starting (cannot_connect_now), or recovery keeps it too busy. */
function isStarting(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  return code === "ECONNREFUSED" || code === "ENOENT" || code === "57P03" || /timeout|terminated/i.test(message ?? "");
}

/**
 * Disconnects everybody and ends the server within `deadlineMs`: with everything written, else without, else by
 * SIGKILL. After the last two the next start recovers.
 */
export async function stopServer(installation: Installation, server: ChildProcess, deadlineMs: number): Promise<void> {
  const { pid } = server;
  if (pid === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const exited = new Promise<true>((resolve) => server.once("exit", () => resolve(true)));
  server.ref();
  const steps: [StopMode, number][] = [
    ["fast", deadlineMs * FAST_STOP_SHARE],
    ["immediate", deadlineMs * (1 - FAST_STOP_SHARE)],
  ];
  for (const [mode, milliseconds] of steps) {
    askToStop(installation, pid, mode);
    if (await Promise.race([exited, sleep(milliseconds, false, { ref: false })])) return;
  }
  process.kill(pid, "SIGKILL");
}

/** "fast" disconnects everybody and writes everything. "immediate" leaves the rest to recovery. */
function askToStop(installation: Installation, pid: number, mode: StopMode): void {
  if (process.platform === "win32") {
    spawnSync(binary(installation, "pg_ctl"), ["stop", "-D", clusterOf(installation), "-m", mode, "-W"]);
    return;
  }
  try {
    process.kill(pid, mode === "fast" ? "SIGINT" : "SIGQUIT");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/**
 * Stops the server that a killed parent left behind. Hazard: its pid file may be older than the last boot, or come from
 * another container, so the process of that number may be any program. It is identified before it gets a signal.
 */
export async function stopOrphan(installation: Installation, report: (line: string) => void): Promise<void> {
  const cluster = clusterOf(installation);
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
  for (const mode of ["fast", "immediate"] as const) {
    askToStop(installation, pid, mode);
    for (const end = Date.now() + ORPHAN_DEADLINE_MS; Date.now() < end; await sleep(20)) {
      if (!isAlive(pid)) return;
    }
  }
  throw new StartError(`The PostgreSQL with process id ${pid} does not end. Stop it yourself and start again.`);
}

export function logFile(installation: Installation): string {
  return join(installation.home, "postgres.log");
}

function lastLines(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n").slice(-8).join("\n") : "";
}
