/**
 * What storages refused lately to callers of this process: whether it can serve them, and which pools take no writes.
 */
import { DomainError, STORAGE_FAILURES } from "../../errors.ts";
import { DEFAULT_POOL } from "../../storage/data-driver.ts";
import { type WriteRefusal, writeRefusalOf } from "../../storage/errors/read-only-storage.ts";

const WINDOW_SECONDS = 10;
/** With fewer calls in the window nothing is concluded: one failure in an idle second must not end readiness. */
const FEWEST_CALLS = 20;

interface Second {
  /** Whole seconds since the clock began. */
  number: number;
  calls: number;
  refused: number;
}

/** `now` returns milliseconds that only grow. */
export class Refusals {
  readonly #now: () => number;
  readonly #seconds: Second[] = Array.from({ length: WINDOW_SECONDS }, () => ({ number: -1, calls: 0, refused: 0 }));
  readonly #writes = new Map<string, { reason: WriteRefusal; at: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Counts a call that has ended. `error` is null when it succeeded. */
  note(error: unknown): void {
    const now = this.#now();
    const number = Math.floor(now / 1000);
    const second = this.#seconds[number % WINDOW_SECONDS] as Second;
    if (second.number !== number) Object.assign(second, { number, calls: 0, refused: 0 });
    second.calls += 1;
    if (!(error instanceof DomainError) || !STORAGE_FAILURES.has(error.code)) return;
    const pool = typeof error.details.pool === "string" ? error.details.pool : DEFAULT_POOL;
    const reason = writeRefusalOf(error);
    if (reason !== null) this.refused(pool, reason);
    // An unreachable registered pool fails for every process, and only for its own queues. So it does not count.
    if (pool === DEFAULT_POOL) second.refused += 1;
  }

  /** True when the control database, or the pool in it, failed half of the calls of the last ten seconds. */
  areMostCalls(): boolean {
    const oldest = Math.floor(this.#now() / 1000) - WINDOW_SECONDS;
    const recent = this.#seconds.filter(({ number }) => number > oldest);
    const calls = recent.reduce((sum, second) => sum + second.calls, 0);
    const refused = recent.reduce((sum, second) => sum + second.refused, 0);
    return calls >= FEWEST_CALLS && refused * 2 >= calls;
  }

  /** The pool refused a write just now. */
  refused(pool: string, reason: WriteRefusal): void {
    this.#writes.set(pool, { reason, at: this.#now() });
  }

  /** A check that began at `since` found that the pool takes writes. A later refusal stays. */
  takesWrites(pool: string, since: number): void {
    const last = this.#writes.get(pool);
    if (last !== undefined && last.at <= since) this.#writes.delete(pool);
  }

  /** Why the pool refused a write. Null when it has not, or when a later check found that it takes writes. */
  ofWrites(pool: string): WriteRefusal | null {
    return this.#writes.get(pool)?.reason ?? null;
  }
}
