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

/**
 * Does it pass by itself? Only for steps that may be done twice, since a step may have been done when its outcome is
 * unknown.
 */
export function isPassing(error: unknown): boolean {
  return error instanceof DomainError && PASSING.has(error.code);
}

/** For people, after "waiting for". */
function awaitedBy(error: unknown): string {
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
  /** What was waited before it went on the last time. */
  #spentMs = 0;
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
        if (!isPassing(error)) {
          this.end();
          throw error;
        }
        await this.outlast(error);
      }
    }
  }

  /** Waits a while, longer each time, and shows for what. Throws the error when the time is up. */
  async outlast(error: unknown): Promise<void> {
    const now = performance.now();
    this.#since ??= now;
    try {
      if (this.#spentMs + now - this.#since >= this.#maxWaitMs) throw error;
      await this.#show(awaitedBy(error));
      await this.#pause(this.#pauseMs * (0.75 + Math.random() / 2));
    } catch (failure) {
      this.end();
      throw failure;
    }
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }

  /**
   * Work that begins anew, and is no further yet than it was, is no wait. But what was waited for it counts, else it
   * might fail for ever.
   */
  goOn(): void {
    if (this.#since === null) return;
    this.#spentMs += performance.now() - this.#since;
    this.#since = null;
    void this.#show(null);
  }

  /** Something got done, or is given up. */
  end(): void {
    this.goOn();
    this.#spentMs = 0;
    this.#pauseMs = FIRST_PAUSE_MS;
  }
}
