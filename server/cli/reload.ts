/**
 * For development: runs the server in a process of its own and starts it again when its code changes. Next reloads the
 * pages itself.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { watch } from "node:fs";
import { join } from "node:path";
import { environmentForChild } from "../config.ts";
import { ROOT } from "../process/checkout.ts";
import type { Stoppable } from "../process/shutdown.ts";

const WATCHED = ["server", "prisma"];
/** Waits for further changes: an editor or git writes several files at once. */
const SETTLE_MS = 200;

export function runAndReload(environment: Record<string, string>): Stoppable {
  let child = run(environment);
  let timer: NodeJS.Timeout | undefined;
  let restarting: Promise<void> = Promise.resolve();
  const restart = async () => {
    await stop(child);
    console.log("The server's code changed: starting it again...");
    child = run(environment);
  };
  const watchers = WATCHED.map((folder) =>
    watch(join(ROOT, folder), { recursive: true }, (_, file) => {
      if (file?.startsWith("generated") || !/\.(ts|sql|prisma)$/.test(file ?? "")) return;
      clearTimeout(timer);
      timer = setTimeout(() => {
        restarting = restarting.then(restart);
      }, SETTLE_MS);
    }),
  );
  return {
    close: async () => {
      for (const watcher of watchers) watcher.close();
      clearTimeout(timer);
      await restarting;
      await stop(child);
    },
  };
}

function run(environment: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [...process.execArgv, join(ROOT, "server", "main.ts"), "--dev"], {
    cwd: ROOT,
    env: environmentForChild({ ...environment, NODE_ENV: "development", NEXT_TELEMETRY_DISABLED: "1" }),
    stdio: "inherit",
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await exited;
}
