/** How jobs outlast what passes: a pool or database that is away, a queue that somebody else moves. */
import { DomainError, type ErrorCode } from "../errors.ts";

const PASSING: ReadonlySet<ErrorCode> = new Set([
  "STORAGE_UNAVAILABLE",
  "DEADLINE_EXCEEDED",
  "OUTCOME_UNKNOWN",
  "QUEUE_IS_MOVING",
  "QUEUE_EPOCH_STALE",
]);

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

/** Does it pass by itself? Only for steps that may be done twice, since a step may have been done when its outcome is unknown. */
export function isPassing(error: unknown): boolean {
  return error instanceof DomainError && PASSING.has(error.code);
}

/** For people, after "waiting for". */
export function awaitedBy(error: unknown): string {
  const { pool, queue } = error instanceof DomainError ? error.details : {};
  if (typeof pool === "string") return `pool ${pool}`;
  return typeof queue === "string" ? `queue ${queue}` : "the control database";
}

/** Of one job. Its time is up when nothing got done for `maxWaitSeconds`; the pauses grow as long as nothing does. */
export class Patience {
  readonly #maxWaitMs: number;
  readonly #show: (waitingFor: string | null) => Promise<void>;
  /** Throws to stop waiting. */
  readonly #pause: (milliseconds: number) => Promise<void>;
  #since: number | null = null;
  #pauseMs = FIRST_PAUSE_MS;

  constructor(params: {
    maxWaitSeconds: number;
    show: (waitingFor: string | null) => Promise<void>;
    pause: (milliseconds: number) => Promise<void>;
  }) {
    this.#maxWaitMs = params.maxWaitSeconds * 1000;
    this.#show = params.show;
    this.#pause = params.pause;
  }

  /** What `step` gives, which is tried again while it fails with what passes. */
  async through<T>(step: () => Promise<T>): Promise<T> {
    for (let waited = false; ; waited = true) {
      try {
        const result = await step();
        if (waited) this.end();
        return result;
      } catch (error) {
        if (!isPassing(error)) throw error;
        await this.outlast(error);
      }
    }
  }

  /** Waits a while, longer each time, and shows for what. Throws the error when the time is up. */
  async outlast(error: unknown): Promise<void> {
    const now = performance.now();
    this.#since ??= now;
    if (now - this.#since >= this.#maxWaitMs) throw error;
    await this.#show(awaitedBy(error));
    await this.#pause(this.#pauseMs * (0.75 + Math.random() / 2));
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }

  /** Something got done. */
  end(): void {
    if (this.#since === null) return;
    this.#since = null;
    this.#pauseMs = FIRST_PAUSE_MS;
    void this.#show(null);
  }
}
