import { DomainError, hasCode } from "../../errors.ts";

/** Failures in a row after which a pool counts as away. */
const FAILURES = 5;
/** Between two calls that try it again, in milliseconds. */
const TRY_EVERY_MS = 1000;

/**
 * Keeps callers from waiting for a pool that does not answer: after some failures in a row they are refused at once, STORAGE_UNAVAILABLE, and one call a
 * second tries the pool. The first that succeeds opens it to all. What a pool refuses is a sign that it is there; what took too long is a sign of nothing.
 */
export class CircuitBreaker {
  readonly #pool: string;
  readonly #now: () => number;
  #failures = 0;
  #reason = "";
  #nextTry = 0;

  constructor(pool: string, now: () => number) {
    this.#pool = pool;
    this.#now = now;
  }

  /** On every call's way, so it adds a single step to the promise. `otherwise` is asked what a failure means. */
  run<T>(work: () => Promise<T>, otherwise: (error: unknown) => Promise<T> = rethrown): Promise<T> {
    if (this.#failures >= FAILURES) {
      if (this.#now() < this.#nextTry) return Promise.reject(this.#away());
      this.#nextTry = this.#now() + TRY_EVERY_MS;
    }
    const failed = (error: unknown) => {
      this.#failed(error);
      return otherwise(error);
    };
    try {
      return work().then(this.#succeeded, failed);
    } catch (error) {
      return failed(error);
    }
  }

  readonly #succeeded = <T>(result: T): T => {
    this.#failures = 0;
    return result;
  };

  #failed(error: unknown): void {
    // In a pool that stands still, too, calls wait for their turn until they are late.
    if (hasCode(error, "DEADLINE_EXCEEDED")) return;
    if (!isAway(error)) {
      this.#failures = 0;
      return;
    }
    this.#reason = error.message;
    if (++this.#failures === FAILURES) this.#nextTry = this.#now() + TRY_EVERY_MS;
  }

  #away(): DomainError {
    return new DomainError(
      "STORAGE_UNAVAILABLE",
      `The pool ${JSON.stringify(this.#pool)} does not answer and is tried again each second. The last try said: ${this.#reason}`,
      { details: { pool: this.#pool } },
    );
  }
}

function isAway(error: unknown): error is DomainError {
  return hasCode(error, "STORAGE_UNAVAILABLE") || hasCode(error, "OUTCOME_UNKNOWN");
}

async function rethrown(error: unknown): Promise<never> {
  throw error;
}
