/** Runs jobs. Every process looks for jobs; one process at a time runs each job. */
import { randomUUID } from "node:crypto";
import type { JobKind, JobStore } from "./job.ts";
import type { JobWork } from "./job-work.ts";
import { LEASE_SECONDS, RunningJob } from "./running-job.ts";

const LOOK_EVERY_MS = 1000;
const JOBS_AT_A_TIME = 2;
/** Jobs of this process in all. Those that wait do nothing, so they do not count as JOBS_AT_A_TIME. */
const HELD_AT_A_TIME = 50;

export interface JobRunner {
  /** Looks for jobs now instead of within the second. */
  wake(): void;
  /** Takes no more jobs, stops the running ones at their next safe point, and releases them to other processes. */
  stop(): Promise<void>;
}

/**
 * Starts looking for jobs, once a second. `work` must be safe to start again after a crash at any point. `beside` is
 * called at each look, even while an earlier call still runs: it cleans up what else a dead process left. `onError`
 * gets failures that no caller sees, and must not throw.
 */
export function startJobRunner(params: {
  store: JobStore;
  work: Record<JobKind, JobWork>;
  beside?: () => Promise<unknown>;
  onError: (error: unknown) => void;
  /** How long a job keeps trying without progress. */
  maxWaitSeconds: number;
  holder?: string;
}): JobRunner {
  const { store, work, beside = async () => undefined, onError, maxWaitSeconds } = params;
  const holder = params.holder ?? randomUUID();
  const running = new Map<RunningJob, Promise<void>>();
  const besides = new Set<Promise<unknown>>();
  const ending = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | null = null;
  let again = false;

  function hasRoom(): boolean {
    const waiting = [...running.keys()].filter((job) => job.isWaiting).length;
    return running.size - waiting < JOBS_AT_A_TIME && running.size < HELD_AT_A_TIME;
  }

  async function look(): Promise<void> {
    // Not awaited: a pool that hangs would delay all jobs.
    const cleaning = beside()
      .catch(onError)
      .finally(() => besides.delete(cleaning));
    besides.add(cleaning);
    try {
      while (!ending.signal.aborted && hasRoom()) {
        const taken = await store.take({ holder, leaseSeconds: LEASE_SECONDS });
        if (taken === null) break;
        const job = new RunningJob({ job: taken, store, maxWaitSeconds, ending: ending.signal, onWait: wake, onError });
        const ended = job
          .run(work[taken.kind])
          .catch(onError)
          .finally(() => {
            running.delete(job);
            wake();
          });
        running.set(job, ended);
      }
    } catch (error) {
      onError(error);
    }
  }

  function wake(): void {
    clearTimeout(timer);
    if (ending.signal.aborted) return;
    if (looking !== null) {
      again = true;
      return;
    }
    looking = look().finally(() => {
      looking = null;
      if (again) {
        again = false;
        wake();
      } else if (!ending.signal.aborted) {
        timer = setTimeout(wake, LOOK_EVERY_MS).unref();
      }
    });
  }

  wake();
  return {
    wake,
    async stop() {
      ending.abort();
      clearTimeout(timer);
      await looking;
      await Promise.all([...running.values(), ...besides]);
    },
  };
}
