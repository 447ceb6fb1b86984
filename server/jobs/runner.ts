/** Does jobs: every process looks for them, and each is done by one at a time. */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { DomainError } from "../errors.ts";
import type { Job, JobKind, JobStore } from "./job.ts";
import { Patience } from "./patience.ts";

/** Without a heartbeat for so long a holder counts as gone, and another process goes on with the job. */
const LEASE_SECONDS = 10;
const BEAT_EVERY_MS = 2000;
const LOOK_EVERY_MS = 1000;
const JOBS_AT_A_TIME = 2;
/** Those that wait come on top, since they do nothing; so many are held at most. */
const HELD_AT_A_TIME = 50;
/** A job that waits gives up its wait so soon when it is to stop. */
const STOP_LOOK_MS = 100;

/** What a job's work is done with. */
export interface JobProgress {
  /** Writes down how far it is; `total` null while nobody knows. Cheap: it is stored with the next heartbeat. */
  report(progress: number, total: number | null): void;
  /** A safe point: throws JobStopped when the job is to stop. */
  checkpoint(): void;
  /** The same, asking the store: before what only the job's holder may do. Throws when it cannot be asked. */
  confirm(): Promise<void>;
  /**
   * What `step` gives. While it fails with what passes by itself, such as a pool that is away, it is tried again, until
   * the job is to stop or nothing got done for too long.
   */
  patiently<T>(step: () => Promise<T>): Promise<T>;
  /** The same for what must be done even if the job was cancelled. */
  atLast<T>(step: () => Promise<T>): Promise<T>;
  /**
   * Waits a while before the next try, longer each time, and shows for what. Throws the error when nothing got done for
   * too long.
   */
  outlast(error: unknown): Promise<void>;
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
 * `work` must be safe to begin again after a crash at any point. `beside` is called once a second too, for what else
 * was left behind by a process that died; also while an earlier call still runs. `onError` hears of what failed where
 * no caller does, and must not throw.
 */
export function startJobRunner(params: {
  store: JobStore;
  work: Record<JobKind, JobWork>;
  beside?: () => Promise<unknown>;
  onError: (error: unknown) => void;
  /** How long a job goes on trying while nothing of it gets done. */
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
    // A pool that hangs holds it up, and no job.
    const doing = beside()
      .catch(onError)
      .finally(() => besides.delete(doing));
    besides.add(doing);
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
    // The lease may lapse while it fails; then the next one says so.
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
          // There is room for another job now.
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
        const goesOn = progress > at.progress;
        at = { progress, total };
        if (progress > most) {
          most = progress;
          patient.end();
        } else if (goesOn) patient.goOn();
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
          if (!(error instanceof JobStopped)) return end("failed", null, toldAs(error, onError));
          if (error.why === "cancelled") return end("cancelled", null, null);
          throw error;
        },
      );
    } catch (error) {
      if (!(error instanceof JobStopped)) throw error;
      // One under way would give the lease back that is released here.
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

function toldAs(error: unknown, onError: (error: unknown) => void): NonNullable<Job["error"]> {
  if (error instanceof DomainError) return { code: error.code, message: error.message };
  onError(error);
  return { code: "INTERNAL", message: "It failed because of a defect in Isimud; the log has more." };
}
