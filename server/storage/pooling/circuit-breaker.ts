import { DomainError, hasCode } from "../../errors.ts";
import { isTakingNoWrites } from "../takes-no-writes.ts";

/** Failures in a row after which a pool counts as away. */
const FAILURES = 5;
/** Between two calls that try it again, in milliseconds. */
const TRY_EVERY_MS = 1000;

/**
 * Keeps callers from waiting for a pool that does not answer: after some failures in a row they are refused at once, STORAGE_UNAVAILABLE, and one call a
 * second tries the pool. The first that succeeds opens it to all. What a pool refuses, or what takes too long in it, is a sign that it is there; so is
 * the answer that it is full or read-only, with which its reads may go on.
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

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#failures >= FAILURES) {
      if (this.#now() < this.#nextTry) throw this.#away();
      this.#nextTry = this.#now() + TRY_EVERY_MS;
    }
    try {
      const result = await work();
      this.#failures = 0;
      return result;
    } catch (error) {
      if (isAway(error)) {
        this.#reason = error.message;
        if (++this.#failures === FAILURES) this.#nextTry = this.#now() + TRY_EVERY_MS;
      } else this.#failures = 0;
      throw error;
    }
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
  if (isTakingNoWrites(error)) return false;
  return hasCode(error, "STORAGE_UNAVAILABLE") || hasCode(error, "OUTCOME_UNKNOWN");
}
