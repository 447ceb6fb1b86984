/** Runs garbage collection periodically while the process runs. */
import { randomUUID } from "node:crypto";
import { type Access, EVERYTHING } from "./access/access.ts";
import type { FailureLog } from "./failure-log.ts";
import type { GcReport } from "./operations/gc.ts";

const WHAT = "Garbage collection";

export interface GcSchedule {
  /** Starts no further collection, and waits for the one that is running. */
  stop(): Promise<void>;
}

/**
 * A collection starts `intervalSeconds`, more or less a tenth, after the last one ended. So two never overlap in this
 * process, and many processes do not start together. A collection that fails is followed by the next one; the log
 * reports the first failure of a row and the recovery.
 */
export function startGcSchedule(params: {
  collect: (access: Access) => Promise<GcReport>;
  intervalSeconds: number;
  failures: FailureLog;
  random?: () => number;
}): GcSchedule {
  const random = params.random ?? Math.random;
  let running: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const run = async () => {
    try {
      await params.collect({ actor: "isimud:gc", kind: "service", rights: EVERYTHING, requestId: randomUUID() });
      params.failures.succeeded(WHAT);
    } catch (error) {
      params.failures.failed(WHAT, error);
    }
    schedule();
  };
  const schedule = () => {
    if (stopped) return;
    timer = setTimeout(
      () => {
        running = run();
      },
      params.intervalSeconds * 1000 * (0.9 + 0.2 * random()),
    );
    timer.unref();
  };
  schedule();
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
