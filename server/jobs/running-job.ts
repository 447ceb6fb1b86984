import { setTimeout as pause } from "node:timers/promises";
import { DomainError } from "../errors.ts";
import { Heartbeats } from "./heartbeats.ts";
import type { Job, JobStore } from "./job.ts";
import { type JobProgress, JobStopped, type JobWork } from "./job-work.ts";
import { Patience } from "./patience.ts";

/** A holder without a heartbeat for so long counts as dead. Then another process continues the job. */
export const LEASE_SECONDS = 10;
/** How often a job that waits looks whether it must stop. */
const STOP_LOOK_MS = 100;

/** A job that this process holds. */
export class RunningJob implements JobProgress {
  readonly #job: Job;
  readonly #store: JobStore;
  readonly #ending: AbortSignal;
  readonly #onWait: () => void;
  readonly #onError: (error: unknown) => void;
  readonly #began = performance.now();
  readonly #beats: Heartbeats;
  /** For steps that end when the job must stop, and for those that must be done all the same. */
  readonly #patient: Patience;
  readonly #atLast: Patience;
  #stop: JobStopped | null = null;
  #at: { progress: number; total: number | null };
  /** The furthest that the job has come. A step that starts over reports less again. */
  #most: number;
  #waitingFor: string | null = null;

  /** `ending` aborts when this process ends. `onWait` is called when the job begins to wait. */
  constructor(params: {
    job: Job;
    store: JobStore;
    maxWaitSeconds: number;
    ending: AbortSignal;
    onWait: () => void;
    onError: (error: unknown) => void;
  }) {
    const { job, maxWaitSeconds } = params;
    this.#job = job;
    this.#store = params.store;
    this.#ending = params.ending;
    this.#onWait = params.onWait;
    this.#onError = params.onError;
    this.#at = { progress: job.progress, total: job.total };
    this.#most = job.progress;
    if (job.cancelRequested) this.#stop = new JobStopped("cancelled");
    const patience = (check: () => void) =>
      new Patience({
        maxWaitSeconds,
        show: (waitingFor) => this.#show(waitingFor),
        pause: (milliseconds) => pauseChecking(milliseconds, check),
      });
    this.#patient = patience(() => this.checkpoint());
    this.#atLast = patience(() => this.#checkpointAtLast());
    // If heartbeats fail until the lease has lapsed, the next one that succeeds reports that.
    this.#beats = new Heartbeats(() => this.#ask().catch(this.#onError));
  }

  /** True while it waits for a failure to pass. */
  get isWaiting(): boolean {
    return this.#waitingFor !== null;
  }

  /** Does the work, and ends the job; or releases it to another process. */
  async run(work: JobWork): Promise<void> {
    try {
      await work(this.#job, this).then(
        (result) => this.#end("done", result, null),
        (error: unknown) => {
          if (!(error instanceof JobStopped)) return this.#end("failed", null, shownError(error, this.#onError));
          if (error.why === "cancelled") return this.#end("cancelled", null, null);
          throw error;
        },
      );
    } catch (error) {
      if (!(error instanceof JobStopped)) throw error;
      // A heartbeat that is under way would renew the lease that is released here.
      await this.#beats.stop();
      if (error.why === "stopping") await this.#store.release(this.#job);
    } finally {
      void this.#beats.stop();
      this.#waitingFor = null;
    }
  }

  report(progress: number, total: number | null): void {
    const hasGrown = progress > this.#at.progress;
    this.#at = { progress, total };
    if (progress > this.#most) {
      this.#most = progress;
      this.#patient.end();
    } else if (hasGrown) this.#patient.goOn();
  }

  checkpoint(): void {
    if (this.#ending.aborted) this.#stop ??= new JobStopped("stopping");
    if (this.#stop !== null) throw this.#stop;
  }

  async confirm(): Promise<void> {
    await this.#ask();
    this.checkpoint();
  }

  patiently<T>(step: () => Promise<T>): Promise<T> {
    return this.#patient.through(step);
  }

  atLast<T>(step: () => Promise<T>): Promise<T> {
    return this.#atLast.through(step);
  }

  outlast(error: unknown): Promise<void> {
    return this.#patient.outlast(error);
  }

  #checkpointAtLast(): void {
    if (this.#ending.aborted) throw new JobStopped("stopping");
    if (this.#stop?.why === "lost") throw this.#stop;
  }

  /** A heartbeat. Its answer says whether the job must stop. */
  async #ask(): Promise<void> {
    const answer = await this.#store.beat({
      job: this.#job,
      leaseSeconds: LEASE_SECONDS,
      ...this.#at,
      rate: this.#rate(),
      waitingFor: this.#waitingFor,
    });
    if (answer === null) this.#stop ??= new JobStopped("lost");
    else if (answer.cancelRequested) this.#stop ??= new JobStopped("cancelled");
  }

  #rate(): number | null {
    const seconds = (performance.now() - this.#began) / 1000;
    return seconds > 0 ? (this.#at.progress - this.#job.progress) / seconds : null;
  }

  async #show(waitingFor: string | null): Promise<void> {
    if (waitingFor === this.#waitingFor) return;
    this.#waitingFor = waitingFor;
    // A job that waits makes room for another one.
    this.#onWait();
    await this.#beats.now();
  }

  #end(state: "done" | "failed" | "cancelled", result: object | null, error: Job["error"]): Promise<boolean> {
    const resultText = result === null ? null : JSON.stringify(result);
    return this.atLast(() => this.#store.end({ job: this.#job, state, ...this.#at, resultText, error }));
  }
}

/** `check` throws to end the pause. */
async function pauseChecking(milliseconds: number, check: () => void): Promise<void> {
  for (const until = performance.now() + milliseconds; performance.now() < until; ) {
    check();
    await pause(Math.min(STOP_LOOK_MS, milliseconds), undefined, { ref: false });
  }
  check();
}

/** The error that the job shows. Anything but a DomainError is a defect, and goes to `onError`. */
function shownError(error: unknown, onError: (error: unknown) => void): NonNullable<Job["error"]> {
  if (error instanceof DomainError) return { code: error.code, message: error.message };
  onError(error);
  return { code: "INTERNAL", message: "The job failed because of a defect in Isimud. The log has more." };
}
