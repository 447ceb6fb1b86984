/** Collects garbage again and again while the process runs. */
import { randomUUID } from "node:crypto";
import type { Access } from "./access/access.ts";
import type { FailureLog } from "./failure-log.ts";
import type { GcReport } from "./operations/gc.ts";

const WHAT = "Garbage collection";

export interface GcSchedule {
  /** Starts no more, and waits for the one that runs. */
  stop(): Promise<void>;
}

/**
 * The next one begins `intervalSeconds` after the last has ended, so two never overlap in this process; a little dice
 * keeps many processes from beginning together. One that fails is followed by the next; of those
 * in a row that fail alike the first is told, and then the one that works again.
 */
export function startGcSchedule(params: {
  collect: (access: Access) => Promise<GcReport>;
  intervalSeconds: number;
  outages: FailureLog;
  random?: () => number;
}): GcSchedule {
  const random = params.random ?? Math.random;
  let running: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const run = async () => {
    try {
      await params.collect({ actor: "isimud:gc", role: "admin", projects: "all", requestId: randomUUID() });
      params.outages.worked(WHAT);
    } catch (error) {
      params.outages.failed(WHAT, error);
    }
    plan();
  };
  const plan = () => {
    if (stopped) return;
    timer = setTimeout(
      () => {
        running = run();
      },
      params.intervalSeconds * 1000 * (0.9 + 0.2 * random()),
    );
    timer.unref();
  };
  plan();
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
