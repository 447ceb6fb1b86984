/** Runs jobs. Every process looks for jobs; one process at a time runs each job. */
import { randomUUID } from "node:crypto";
import type { JobKind, JobStore } from "./job.ts";
import type { JobWork } from "./job-work.ts";
import { LEASE_SECONDS, RunningJob } from "./running-job.ts";

const LOOK_EVERY_MS = 1000;
/** Of the kinds of each lane: a long deletion delays no drain. */
const JOBS_AT_A_TIME = 2;
const LANES: readonly (readonly JobKind[])[] = [
  ["moveQueue", "drainPool"],
  ["redriveMessages", "deleteMessages", "moveMessages", "releaseClaims", "purgeQueues"],
  ["generateMessages"],
];
/**
 * Jobs of this process in all. Those that wait do nothing, so they do not count as JOBS_AT_A_TIME. Those with a rate
 * are counted by themselves, because they wait most of the time.
 */
const HELD_AT_A_TIME = 50;

export interface JobRunner {
  /** Jobs were added or changed: looks for them now instead of within the second, and asks about those that run. */
  wake(): void;
  /** Takes no more jobs, stops the running ones at their next safe point, and releases them to other processes. */
  stop(): Promise<void>;
}

/**
 * Starts looking for jobs of the kinds in `work`, once a second. `work` must be safe to start again after a crash at any
 * point. `beside` is called at each look, even while an earlier call still runs: it cleans up what else a dead process
 * left. `onError` gets failures that no caller sees, and must not throw.
 */
export function startJobRunner(params: {
  store: JobStore;
  work: Partial<Record<JobKind, JobWork>>;
  beside?: () => Promise<unknown>;
  onError: (error: unknown) => void;
  /** How long a job keeps trying without progress. */
  maxWaitSeconds: number;
  /** While it is true no job runs: those that do stop at their next safe point, and are released. Left out: never. */
  isSuspended?: () => Promise<boolean>;
  holder?: string;
}): JobRunner {
  const { store, work, beside = async () => undefined, onError, maxWaitSeconds } = params;
  const { isSuspended = async () => false } = params;
  const holder = params.holder ?? randomUUID();
  const running = new Map<RunningJob, Promise<void>>();
  const besides = new Set<Promise<unknown>>();
  const ending = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | null = null;
  let again = false;

  /** What may be taken now; null: nothing. */
  function room(): { kinds: JobKind[]; rated: boolean } | null {
    const jobs = [...running.keys()];
    const rated = jobs.filter((job) => job.isRated).length;
    if (jobs.length - rated >= HELD_AT_A_TIME) return null;
    const kinds = LANES.flatMap((lane) => {
      const busy = jobs.filter((job) => lane.includes(job.kind) && !job.isWaiting).length;
      return busy < JOBS_AT_A_TIME ? lane.filter((kind) => work[kind] !== undefined) : [];
    });
    return kinds.length === 0 ? null : { kinds, rated: rated < HELD_AT_A_TIME };
  }

  async function look(): Promise<void> {
    // Not awaited: a pool that hangs would delay all jobs.
    const cleaning = beside()
      .catch(onError)
      .finally(() => besides.delete(cleaning));
    besides.add(cleaning);
    try {
      if (await isSuspended()) {
        for (const job of running.keys()) job.release();
        return;
      }
      while (!ending.signal.aborted) {
        const free = room();
        const taken = free && (await store.take({ holder, leaseSeconds: LEASE_SECONDS, ...free }));
        if (taken === null) break;
        const job = new RunningJob({
          job: taken,
          store,
          maxWaitSeconds,
          ending: ending.signal,
          onWait: lookNow,
          onError,
        });
        const ended = job
          .run(work[taken.kind] as JobWork)
          .catch(onError)
          .finally(() => {
            running.delete(job);
            lookNow();
          });
        running.set(job, ended);
      }
    } catch (error) {
      onError(error);
    }
  }

  function lookNow(): void {
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
        lookNow();
      } else if (!ending.signal.aborted) {
        timer = setTimeout(lookNow, LOOK_EVERY_MS).unref();
      }
    });
  }

  lookNow();
  return {
    wake() {
      for (const job of running.keys()) job.ask();
      lookNow();
    },
    async stop() {
      ending.abort();
      clearTimeout(timer);
      await looking;
      await Promise.all([...running.values(), ...besides]);
    },
  };
}
