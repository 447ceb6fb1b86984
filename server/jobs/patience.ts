/**
 * How jobs wait for failures that pass by themselves, such as an unreachable pool or a queue that another job moves.
 */
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
 * True for a failure that passes by itself. Only for steps that may be repeated: after OUTCOME_UNKNOWN the step may
 * have been done.
 */
export function isPassing(error: unknown): boolean {
  return error instanceof DomainError && PASSING.has(error.code);
}

/** What the job waits for, for people; follows "waiting for". */
function awaitedBy(error: unknown): string {
  const { pool, queue } = error instanceof DomainError ? error.details : {};
  if (typeof pool === "string") return `pool ${pool}`;
  return typeof queue === "string" ? `queue ${queue}` : "the control database";
}

/**
 * The waiting of one job. Gives up after `maxWaitSeconds` without progress. Pauses grow from FIRST_PAUSE_MS to
 * LONGEST_PAUSE_MS until there is progress again.
 */
export class Patience {
  readonly #maxWaitMs: number;
  readonly #show: (waitingFor: string | null) => Promise<void>;
  /** Throws to stop waiting. */
  readonly #pause: (milliseconds: number) => Promise<void>;
  /** Begin of the wait that runs now; null while the job works. */
  #since: number | null = null;
  /** Time spent waiting since the last progress, without the wait that runs now. */
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

  /** Runs `step`, again and again while its failure passes by itself. Returns its result. */
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

  /** Pauses, longer each time, and shows what the job waits for. Throws the error when the job has waited too long. */
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
   * The job works again, but is no further than before the failure: it does not wait now. The time that it waited still
   * counts, else it could wait and start over for ever.
   */
  goOn(): void {
    if (this.#since === null) return;
    this.#spentMs += performance.now() - this.#since;
    this.#since = null;
    void this.#show(null);
  }

  /** The job made progress, or gave up. */
  end(): void {
    this.goOn();
    this.#spentMs = 0;
    this.#pauseMs = FIRST_PAUSE_MS;
  }
}
