/** Stores at regular intervals what this process has gathered, and once more when it ends. */
import type { FailureLog } from "../failure-log.ts";

export interface FlushSchedule {
  /** Starts no further flush, and waits for the last one, which it makes now. */
  stop(): Promise<void>;
}

/**
 * A flush starts at most `everySeconds` after the last one ended, at another moment in each process. One that fails is
 * followed by the next one; the log reports the first failure of a row and the recovery.
 */
export function startFlushSchedule(params: {
  what: string;
  flush: () => Promise<void>;
  everySeconds: number;
  failures: FailureLog;
}): FlushSchedule {
  const { what, flush, everySeconds, failures } = params;
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();
  let stopped = false;

  const run = async () => {
    try {
      await flush();
      failures.succeeded(what);
    } catch (error) {
      failures.failed(what, error);
    }
  };
  const schedule = () => {
    if (stopped) return;
    const begin = () => {
      running = run().then(schedule);
    };
    timer = setTimeout(begin, everySeconds * 1000 * (0.9 + 0.1 * Math.random())).unref();
  };
  schedule();
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
      await run();
    },
  };
}
