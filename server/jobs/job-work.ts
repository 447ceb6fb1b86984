/** The work of a job, and what it may ask of whoever runs it. */
import type { Job } from "./job.ts";

/** How a job's work reports its progress, and learns that it must stop. */
export interface JobProgress {
  /** Reports the progress; `total` is null while it is unknown. Cheap: stored with the next heartbeat. */
  report(progress: number, total: number | null): void;
  /** Where another holder goes on. Stored with the next heartbeat, together with the progress. */
  keep(position: object): void;
  /**
   * How many steps the job may make now, 1 to `most`. Waits for its rate; waiting takes no room from other jobs. A safe
   * point. Call `unused` with those that were not made.
   */
  allowance(most: number): Promise<number>;
  unused(steps: number): void;
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

/**
 * Thrown at a safe point.
 *
 * - "cancelled": somebody cancelled the job.
 * - "lost": another process holds it now.
 * - "held": somebody held the job; whoever takes it after it was resumed continues it.
 * - "stopping": this process ends, or runs no jobs now. Whoever takes the job continues it.
 */
export class JobStopped extends Error {
  readonly why: "cancelled" | "lost" | "held" | "stopping";

  constructor(why: JobStopped["why"]) {
    super(`The job stops: ${why}.`);
    this.why = why;
  }
}
