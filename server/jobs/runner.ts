/** Runs jobs. Every process looks for jobs; one process at a time runs each job. */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { DomainError } from "../errors.ts";
import type { Job, JobKind, JobStore } from "./job.ts";
import { Patience } from "./patience.ts";

/** A holder without a heartbeat for so long counts as dead. Then another process continues the job. */
const LEASE_SECONDS = 10;
const BEAT_EVERY_MS = 2000;
const LOOK_EVERY_MS = 1000;
const JOBS_AT_A_TIME = 2;
/** Jobs of this process in all. Those that wait do nothing, so they do not count as JOBS_AT_A_TIME. */
const HELD_AT_A_TIME = 50;
/** How often a job that waits looks whether it must stop. */
const STOP_LOOK_MS = 100;

/** How a job's work reports its progress, and learns that it must stop. */
export interface JobProgress {
  /** Reports the progress; `total` is null while it is unknown. Cheap: stored with the next heartbeat. */
  report(progress: number, total: number | null): void;
  /** A safe point: throws JobStopped when the job must stop. */
  checkpoint(): void;
  /** Like `checkpoint`, but asks the store. For steps that only the job's holder may do. Throws if the store fails. */
  confirm(): Promise<void>;
  /**
   * Runs `step` and returns its result. Repeats it while it fails with what passes by itself, such as an unreachable
   * pool, until the job must stop or has waited too long without progress.
   */
  patiently<T>(step: () => Promise<T>): Promise<T>;
  /** Like `patiently`, for a step that must be done even if the job was cancelled. */
  atLast<T>(step: () => Promise<T>): Promise<T>;
  /**
   * Pauses before the next try, longer each time, and shows what the job waits for. Throws the error when the job has
   * waited too long without progress.
   */
  outlast(error: unknown): Promise<void>;
}

/** Does the work of a job and returns its result, plain JSON. Continues where a former holder died, at any point. */
export type JobWork = (job: Job, progress: JobProgress) => Promise<object>;

export interface JobRunner {
  /** Looks for jobs now instead of within the second. */
  wake(): void;
  /** Takes no more jobs, stops the running ones at their next safe point, and releases them to other processes. */
  stop(): Promise<void>;
}

/**
 * Thrown at a safe point.
 *
 * - "cancelled": somebody cancelled the job.
 * - "lost": another process holds it now.
 * - "stopping": this process ends, and another continues the job.
 */
export class JobStopped extends Error {
  readonly why: "cancelled" | "lost" | "stopping";

  constructor(why: JobStopped["why"]) {
    super(`The job stops: ${why}.`);
    this.why = why;
  }
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
  const running = new Set<Promise<void>>();
  const besides = new Set<Promise<unknown>>();
  let waiting = 0;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | null = null;
  let again = false;
  let stopping = false;

  async function look(): Promise<void> {
    // Not awaited: a pool that hangs would delay all jobs.
    const cleaning = beside()
      .catch(onError)
      .finally(() => besides.delete(cleaning));
    besides.add(cleaning);
    try {
      while (!stopping && running.size - waiting < JOBS_AT_A_TIME && running.size < HELD_AT_A_TIME) {
        const job = await store.take({ holder, leaseSeconds: LEASE_SECONDS });
        if (job === null) break;
        const doing = run(job)
          .catch(onError)
          .finally(() => {
            running.delete(doing);
            wake();
          });
        running.add(doing);
      }
    } catch (error) {
      onError(error);
    }
  }

  function wake(): void {
    clearTimeout(timer);
    if (stopping) return;
    if (looking !== null) {
      again = true;
      return;
    }
    looking = look().finally(() => {
      looking = null;
      if (again) {
        again = false;
        wake();
      } else if (!stopping) {
        timer = setTimeout(wake, LOOK_EVERY_MS).unref();
      }
    });
  }

  async function run(job: Job): Promise<void> {
    const began = performance.now();
    let stop: JobStopped | null = null;
    let at = { progress: job.progress, total: job.total };
    // The furthest that the job has come. A step that starts over reports less again.
    let most = job.progress;
    let waitingFor: string | null = null;
    const rate = () => {
      const seconds = (performance.now() - began) / 1000;
      return seconds > 0 ? (at.progress - job.progress) / seconds : null;
    };
    const ask = async () => {
      const answer = await store.beat({ job, leaseSeconds: LEASE_SECONDS, ...at, rate: rate(), waitingFor });
      if (answer === null) stop ??= new JobStopped("lost");
      else if (answer.cancelRequested) stop ??= new JobStopped("cancelled");
    };
    // If heartbeats fail until the lease has lapsed, the next one that succeeds reports that.
    const beat = () => ask().catch(onError);
    let lastBeat = Promise.resolve();
    let beatsUnderWay = 0;
    const beatNow = () => {
      beatsUnderWay += 1;
      lastBeat = lastBeat.then(beat).finally(() => {
        beatsUnderWay -= 1;
      });
      return lastBeat;
    };
    const beating = setInterval(() => {
      if (beatsUnderWay === 0) void beatNow();
    }, BEAT_EVERY_MS).unref();
    const checkpoint = () => {
      if (stopping) stop ??= new JobStopped("stopping");
      if (stop !== null) throw stop;
    };
    const checkpointAtLast = () => {
      if (stopping) throw new JobStopped("stopping");
      if (stop?.why === "lost") throw stop;
    };
    const waitFor = (what: string | null) => {
      waiting += Number(what !== null) - Number(waitingFor !== null);
      waitingFor = what;
    };
    const patience = (check: () => void) =>
      new Patience({
        maxWaitSeconds,
        show: async (awaited) => {
          if (awaited === waitingFor) return;
          waitFor(awaited);
          // A job that waits makes room for another one.
          wake();
          await beatNow();
        },
        pause: async (milliseconds) => {
          for (const until = performance.now() + milliseconds; performance.now() < until; ) {
            check();
            await pause(Math.min(STOP_LOOK_MS, milliseconds), undefined, { ref: false });
          }
          check();
        },
      });
    const [patient, lastly] = [patience(checkpoint), patience(checkpointAtLast)];
    const progress: JobProgress = {
      report: (progress, total) => {
        const hasGrown = progress > at.progress;
        at = { progress, total };
        if (progress > most) {
          most = progress;
          patient.end();
        } else if (hasGrown) patient.goOn();
      },
      checkpoint,
      confirm: async () => {
        await ask();
        checkpoint();
      },
      patiently: (step) => patient.through(step),
      atLast: (step) => lastly.through(step),
      outlast: (error) => patient.outlast(error),
    };
    const end = (state: "done" | "failed" | "cancelled", result: object | null, error: Job["error"]) =>
      lastly.through(() =>
        store.end({ job, state, ...at, resultText: result === null ? null : JSON.stringify(result), error }),
      );
    try {
      if (job.cancelRequested) stop = new JobStopped("cancelled");
      await work[job.kind](job, progress).then(
        (result) => end("done", result, null),
        (error: unknown) => {
          if (!(error instanceof JobStopped)) return end("failed", null, shownError(error, onError));
          if (error.why === "cancelled") return end("cancelled", null, null);
          throw error;
        },
      );
    } catch (error) {
      if (!(error instanceof JobStopped)) throw error;
      // A heartbeat that is under way would renew the lease that is released here.
      clearInterval(beating);
      await lastBeat;
      if (error.why === "stopping") await store.release(job);
    } finally {
      clearInterval(beating);
      waitFor(null);
    }
  }

  wake();
  return {
    wake,
    async stop() {
      stopping = true;
      clearTimeout(timer);
      await looking;
      await Promise.all([...running, ...besides]);
    },
  };
}

/** The error that the job shows. Anything but a DomainError is a defect, and goes to `onError`. */
function shownError(error: unknown, onError: (error: unknown) => void): NonNullable<Job["error"]> {
  if (error instanceof DomainError) return { code: error.code, message: error.message };
  onError(error);
  return { code: "INTERNAL", message: "The job failed because of a defect in Isimud. The log has more." };
}
