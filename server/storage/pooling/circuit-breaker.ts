import { DomainError, hasCode } from "../../errors.ts";
import { isSlow } from "../call-deadlines.ts";
import { isWriteRefusal } from "../read-only-storage.ts";

/** Failures in a row after which a pool counts as away. */
const FAILURES = 5;
/** Between two calls that try it again, in milliseconds. */
const TRY_EVERY_MS = 1000;
/** After so long without a failure a part is forgotten: a server that has left its cluster gets no more calls. */
const FORGET_MS = 60_000;

interface Failing {
  /** In a row. */
  failures: number;
  /** What the last one said. */
  reason: string;
  nextTry: number;
  failedAt: number;
}

/**
 * Keeps callers from waiting for a pool that does not answer: after some failures in a row they are refused at once, STORAGE_UNAVAILABLE, and one call a
 * second tries the pool. The first that succeeds opens it to all. What a pool refuses is a sign that it is there; so is
 * the answer that it is full or read-only, with which its reads may go on. What took too long is a sign of nothing.
 * Where a pool has parts that fail by themselves, each is judged by its own calls.
 */
export class CircuitBreaker {
  readonly #pool: string;
  readonly #now: () => number;
  /** The parts whose last call failed. */
  readonly #failing = new Map<string, Failing>();

  constructor(pool: string, now: () => number) {
    this.#pool = pool;
    this.#now = now;
  }

  /**
   * On every call's way, so it adds a single step to the promise. `otherwise` is asked what a failure means. `part` says which one the
   * call is for, and is asked only while something fails.
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
        // Of calls from before the pool was open.
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

  /** Are calls refused, here or for a part? What nobody has tried for a while is not known any more. */
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
    // In a pool that stands still, too, calls wait for their turn until they are late.
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

/** The part that a pool without parts is, and one that is not open yet. */
const WHOLE = "";
const whole = () => WHOLE;

function isAway(error: unknown): error is DomainError {
  if (isWriteRefusal(error)) return false;
  return hasCode(error, "STORAGE_UNAVAILABLE") || hasCode(error, "OUTCOME_UNKNOWN");
}

async function rethrown(error: unknown): Promise<never> {
  throw error;
}
