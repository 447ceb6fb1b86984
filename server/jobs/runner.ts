/** Does jobs: every process looks for them, and each is done by one at a time. */
import { randomUUID } from "node:crypto";
import { DomainError } from "../errors.ts";
import type { Job, JobKind, JobStore } from "./job.ts";

/** Without a heartbeat for so long a holder counts as gone, and another process goes on with the job. */
const LEASE_SECONDS = 10;
const BEAT_EVERY_MS = 2000;
const LOOK_EVERY_MS = 1000;
const JOBS_AT_A_TIME = 2;

/** What a job's work is done with. */
export interface JobProgress {
  /** Writes down how far it is; `total` null while nobody knows. Cheap: it is stored with the next heartbeat. */
  report(progress: number, total: number | null): void;
  /** A safe point: throws JobStopped when the job is to stop. */
  checkpoint(): void;
  /** The same, asking the store: before what only the job's holder may do. */
  confirm(): Promise<void>;
}

/** Gives the job's result, plain JSON. Begins where a former holder was cut off at any point. */
export type JobWork = (job: Job, progress: JobProgress) => Promise<object>;

export interface JobRunner {
  /** Looks for jobs now instead of within the second. */
  wake(): void;
  /** Takes no more, stops those that run at their next safe point, and lets other processes go on with them. */
  stop(): Promise<void>;
}

/** What a safe point throws: it was cancelled; another process has it; or this one ends, and another goes on with it. */
export class JobStopped extends Error {
  readonly why: "cancelled" | "lost" | "stopping";

  constructor(why: JobStopped["why"]) {
    super(`The job stops: ${why}.`);
    this.why = why;
  }
}

/**
 * `work` must be safe to begin again after a crash at any point. `beside` is called once a second too, for what else was left behind by a process
 * that died. `onError` hears of what failed where no caller does, and must not throw.
 */
export function startJobRunner(params: {
  store: JobStore;
  work: Record<JobKind, JobWork>;
  beside?: () => Promise<unknown>;
  onError: (error: unknown) => void;
  holder?: string;
}): JobRunner {
  const { store, work, beside = async () => undefined, onError } = params;
  const holder = params.holder ?? randomUUID();
  const running = new Set<Promise<void>>();
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | null = null;
  let again = false;
  let stopping = false;

  async function look(): Promise<void> {
    try {
      await beside();
      while (!stopping && running.size < JOBS_AT_A_TIME) {
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
    const rate = () => {
      const seconds = (performance.now() - began) / 1000;
      return seconds > 0 ? (at.progress - job.progress) / seconds : null;
    };
    const beat = async () => {
      try {
        const answer = await store.beat({ job, leaseSeconds: LEASE_SECONDS, ...at, rate: rate() });
        if (answer === null) stop ??= new JobStopped("lost");
        else if (answer.cancelRequested) stop ??= new JobStopped("cancelled");
      } catch (error) {
        // The lease may lapse meanwhile; then the next one says so.
        onError(error);
      }
    };
    let lastBeat = Promise.resolve();
    const beating = setInterval(() => {
      lastBeat = beat();
    }, BEAT_EVERY_MS).unref();
    const end = (state: "done" | "failed" | "cancelled", result: object | null, error: Job["error"]) =>
      store.end({ job, state, ...at, resultText: result === null ? null : JSON.stringify(result), error });
    const checkpoint = () => {
      if (stopping) stop ??= new JobStopped("stopping");
      if (stop !== null) throw stop;
    };
    try {
      if (job.cancelRequested) stop = new JobStopped("cancelled");
      const result = await work[job.kind](job, {
        report: (progress, total) => {
          at = { progress, total };
        },
        checkpoint,
        confirm: async () => {
          await beat();
          checkpoint();
        },
      });
      await end("done", result, null);
    } catch (error) {
      // One under way would give the lease back that is released here.
      clearInterval(beating);
      await lastBeat;
      if (!(error instanceof JobStopped)) await end("failed", null, toldAs(error, onError));
      else if (error.why === "cancelled") await end("cancelled", null, null);
      else if (error.why === "stopping") await store.release(job);
    } finally {
      clearInterval(beating);
    }
  }

  wake();
  return {
    wake,
    async stop() {
      stopping = true;
      clearTimeout(timer);
      await looking;
      await Promise.all(running);
    },
  };
}

function toldAs(error: unknown, onError: (error: unknown) => void): NonNullable<Job["error"]> {
  if (error instanceof DomainError) return { code: error.code, message: error.message };
  onError(error);
  return { code: "INTERNAL", message: "It failed because of a defect in Isimud; the log has more." };
}
