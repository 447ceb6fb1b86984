import { setTimeout as pause } from "node:timers/promises";
import { DomainError } from "../errors.ts";
import { Heartbeats } from "./heartbeats.ts";
import type { Job, JobKind, JobStore } from "./job.ts";
import { type JobProgress, JobStopped, type JobWork } from "./job-work.ts";
import { Pace } from "./pace.ts";
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
  readonly #pace: Pace;
  #isPaced = false;
  #positionText: string | null;

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
    this.#positionText = job.positionText;
    this.#pace = new Pace(job.ratePerSecond);
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

  get kind(): JobKind {
    return this.#job.kind;
  }

  /** True while it waits for a failure to pass, or for its rate. */
  get isWaiting(): boolean {
    return this.#waitingFor !== null || this.#isPaced;
  }

  get isRated(): boolean {
    return this.#pace.perSecond !== null;
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
      if (error.why === "stopping" || error.why === "held") await this.#store.release(this.#job);
    } finally {
      void this.#beats.stop();
      this.#waitingFor = null;
      this.#isPaced = false;
    }
  }

  /** Stops it at its next safe point, and releases it to whoever takes it next. */
  release(): void {
    this.#stop ??= new JobStopped("stopping");
  }

  /** Somebody has changed jobs: asks whether it must stop, or go at another rate, before the next heartbeat. */
  ask(): void {
    this.#beats.soon();
  }

  report(progress: number, total: number | null): void {
    const hasGrown = progress > this.#at.progress;
    this.#at = { progress, total };
    if (progress > this.#most) {
      this.#most = progress;
      this.#patient.end();
    } else if (hasGrown) this.#patient.goOn();
  }

  keep(position: object): void {
    this.#positionText = JSON.stringify(position);
  }

  async allowance(most: number): Promise<number> {
    for (;;) {
      this.checkpoint();
      const steps = this.#pace.take(most);
      if (steps > 0) {
        this.#isPaced = false;
        return steps;
      }
      if (!this.#isPaced) {
        this.#isPaced = true;
        this.#onWait();
      }
      // A short look, because the rate may change, and the job may have to stop.
      await pause(Math.min(STOP_LOOK_MS, this.#pace.waitMilliseconds), undefined, { ref: false });
    }
  }

  unused(steps: number): void {
    this.#pace.giveBack(steps);
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
      positionText: this.#positionText,
    });
    if (answer === null) this.#stop ??= new JobStopped("lost");
    else if (answer.cancelRequested) this.#stop ??= new JobStopped("cancelled");
    else if (answer.held) this.#stop ??= new JobStopped("held");
    if (answer !== null && answer.ratePerSecond !== this.#pace.perSecond) this.#pace.change(answer.ratePerSecond);
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
    const ending = { job: this.#job, state, resultText, error, positionText: this.#positionText };
    return this.atLast(() => this.#store.end({ ...ending, ...this.#at }));
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
