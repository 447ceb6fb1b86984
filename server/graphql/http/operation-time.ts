/** The time of an operation: one deadline for all of its fields, and one wait that they share. */
import { DomainError } from "../../errors.ts";
import { MAX_WAIT_SECONDS } from "../../operations/live/long-polls.ts";

/**
 * The clock of one operation. It stops while a field waits for messages, at most for the longest wait that a field
 * asked for. So fields with three waits of five seconds wait five seconds together, whether one after the other or at
 * once.
 */
export class OperationTime {
  readonly #begun = performance.now();
  readonly #limitMs: number;
  /** How long fields have waited, without the present wait. */
  #waitedMs = 0;
  #waitingSince = 0;
  #waiting = 0;
  #longestWaitMs = 0;
  #late: Promise<never> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  /** Infinity for a stream, which lasts until its client leaves. */
  constructor(limitSeconds: number) {
    this.#limitMs = limitSeconds * 1000;
  }

  /** DEADLINE_EXCEEDED once the time is up: then no further field of this operation begins. */
  requireLeft(): void {
    if (this.#leftMs() <= 0) throw this.#exceeded();
  }

  /**
   * Settles as `reading` does, or rejects with DEADLINE_EXCEEDED when the time is up first. The read then continues,
   * and its result is dropped.
   */
  unlessLate<T>(reading: Promise<T>): Promise<T> {
    if (this.#limitMs === Number.POSITIVE_INFINITY || this.#ended) return reading;
    this.#late ??= this.#whenLate();
    return Promise.race([reading, this.#late]);
  }

  /**
   * Runs `work`, which may wait until its signal aborts: after `seconds`, less what fields of this operation have
   * waited already, or when `signal` aborts.
   */
  async waiting<T>(seconds: number, signal: AbortSignal, work: (until: AbortSignal) => Promise<T>): Promise<T> {
    const waited = this.#waited();
    // The operation itself refuses a value out of bounds.
    const mayWaitMs = 1000 * Math.min(Math.max(seconds, 0), MAX_WAIT_SECONDS);
    const left = Math.ceil(Math.max(mayWaitMs - waited, 0));
    const until = waited === 0 ? signal : AbortSignal.any([signal, AbortSignal.timeout(left)]);
    this.#longestWaitMs = Math.max(this.#longestWaitMs, mayWaitMs);
    if (this.#waiting === 0) this.#waitingSince = performance.now();
    this.#waiting++;
    try {
      return await work(until);
    } finally {
      const waitedNow = this.#waited();
      this.#waiting--;
      if (this.#waiting === 0) this.#waitedMs = waitedNow;
    }
  }

  /** The operation has its answer. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  #waited(): number {
    const now = this.#waiting === 0 ? 0 : performance.now() - this.#waitingSince;
    return Math.min(this.#waitedMs + now, this.#longestWaitMs);
  }

  #leftMs(): number {
    return this.#limitMs + this.#waited() - (performance.now() - this.#begun);
  }

  #whenLate(): Promise<never> {
    const late = new Promise<never>((_, reject) => {
      const look = () => {
        const left = this.#leftMs();
        if (left <= 0) reject(this.#exceeded());
        else this.#timer = setTimeout(look, Math.ceil(left));
      };
      look();
    });
    late.catch(() => {});
    return late;
  }

  #exceeded(): DomainError {
    return new DomainError(
      "DEADLINE_EXCEEDED",
      `This operation took longer than the ${this.#limitMs / 1000} seconds that it has. Ask for less at a time, or try again later.`,
      { details: { maximum: this.#limitMs / 1000 } },
    );
  }
}
