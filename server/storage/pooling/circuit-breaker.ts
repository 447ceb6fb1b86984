import { DomainError, hasCode } from "../../errors.ts";
import { isSlow } from "../deadlines/call-deadlines.ts";
import { isWriteRefusal } from "../errors/read-only-storage.ts";

/** Failures in a row after which a part is refused. */
const FAILURES = 5;
/** Time between two calls that try a failing part again. */
const TRY_EVERY_MS = 1000;
/** A part without failures for so long is forgotten: a server that has left its cluster gets no more calls. */
const FORGET_MS = 60_000;

interface Failing {
  /** In a row. */
  failures: number;
  /** Message of the last failure. */
  reason: string;
  nextTry: number;
  failedAt: number;
}

/**
 * Keeps callers from waiting for a pool that does not answer. After some failures in a row, calls are refused at once
 * with STORAGE_UNAVAILABLE, and one call a second tries the pool. The first success opens it to all.
 *
 * - A refusal shows that the pool answers. So does an error that it is full or read-only: its reads may succeed.
 * - A call that took too long shows nothing.
 * - Where parts of a pool fail by themselves, each part is judged by its own calls.
 */
export class CircuitBreaker {
  readonly #pool: string;
  readonly #now: () => number;
  /** By name: the parts whose last call failed. */
  readonly #failing = new Map<string, Failing>();

  constructor(pool: string, now: () => number) {
    this.#pool = pool;
    this.#now = now;
  }

  /**
   * Runs a call. It is on the hot path, so it adds a single step to the promise. `otherwise` handles a failure. `part`
   * names the part that the call is for, and is called only while something fails.
   */
  run<T>(
    work: () => Promise<T>,
    otherwise: (error: unknown) => Promise<T> = rethrown,
    part: () => string = whole,
  ): Promise<T> {
    if (this.#failing.size > 0) {
      const refusal = this.#refusalOf(part());
      if (refusal !== null) return Promise.reject(refusal);
    }
    const succeeded = (result: T) => {
      if (this.#failing.size > 0) {
        this.#failing.delete(part());
        // Failures of calls from before the pool was open are of the whole pool.
        this.#failing.delete(WHOLE);
      }
      return result;
    };
    const failed = (error: unknown) => {
      this.#failed(part(), error);
      return otherwise(error);
    };
    try {
      return work().then(succeeded, failed);
    } catch (error) {
      return failed(error);
    }
  }

  /** True when calls to the pool or a part of it are refused, and one failed within the last minute. */
  isAway(): boolean {
    for (const { failures, failedAt } of this.#failing.values()) {
      if (failures >= FAILURES && this.#now() - failedAt <= FORGET_MS) return true;
    }
    return false;
  }

  #refusalOf(part: string): DomainError | null {
    const failing = this.#failing.get(part);
    if (failing === undefined || failing.failures < FAILURES) return null;
    if (this.#now() < failing.nextTry) return this.#away(part, failing);
    failing.nextTry = this.#now() + TRY_EVERY_MS;
    return null;
  }

  #failed(part: string, error: unknown): void {
    const now = this.#now();
    // Too late for its deadline: the call may have waited for its turn in this process.
    if (hasCode(error, "DEADLINE_EXCEEDED") || isSlow(error)) return;
    if (!isAway(error)) {
      this.#failing.delete(part);
      return;
    }
    for (const [name, { failedAt }] of this.#failing) if (now - failedAt > FORGET_MS) this.#failing.delete(name);
    const failing = this.#failing.get(part) ?? { failures: 0, reason: "", nextTry: 0, failedAt: now };
    this.#failing.set(part, failing);
    failing.reason = error.message;
    failing.failedAt = now;
    if (++failing.failures === FAILURES) failing.nextTry = now + TRY_EVERY_MS;
  }

  #away(part: string, { reason }: Failing): DomainError {
    const pool = `pool ${JSON.stringify(this.#pool)}`;
    const who = part === WHOLE ? `The ${pool}` : `The server that has this queue in the ${pool}`;
    return new DomainError(
      "STORAGE_UNAVAILABLE",
      `${who} does not answer and is tried again each second. The last try said: ${reason}`,
      { details: { pool: this.#pool } },
    );
  }
}

/** The name of the only part, when a pool has no parts or is not open yet. */
const WHOLE = "";
const whole = () => WHOLE;

function isAway(error: unknown): error is DomainError {
  if (isWriteRefusal(error)) return false;
  return hasCode(error, "STORAGE_UNAVAILABLE") || hasCode(error, "OUTCOME_UNKNOWN");
}

async function rethrown(error: unknown): Promise<never> {
  throw error;
}
