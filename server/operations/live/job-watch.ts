import type { Job } from "../../jobs/job.ts";
import { type Ticker, Wake } from "./ticker.ts";

/** Jobs that one statement reads. */
const BATCH = 1000;

interface Watcher {
  /** The fingerprint of what its reader got last. */
  seen: string;
  /** The latest state that its reader has not got; null: the job's record is gone. Undefined: nothing new. */
  pending: Job | null | undefined;
  wake: Wake;
}

/** Reads all watched jobs once a second, in one statement, whoever watches them and whichever process runs them. */
export class JobWatch {
  readonly #ticker: Ticker;
  readonly #read: (ids: readonly string[]) => Promise<Job[]>;
  readonly #watchers = new Map<string, Set<Watcher>>();
  #stop: (() => void) | undefined;

  constructor(parts: { ticker: Ticker; read: (ids: readonly string[]) => Promise<Job[]> }) {
    this.#ticker = parts.ticker;
    this.#read = parts.read;
  }

  /** Yields `job`, then its latest state each time that it has changed. Ends when the job has ended. */
  async *watch(job: Job, signal: AbortSignal): AsyncGenerator<Job, void, undefined> {
    if (signal.aborted) return;
    if (job.finishedAt !== null) {
      yield job;
      return;
    }
    const watcher: Watcher = { seen: "", pending: job, wake: new Wake() };
    this.#join(job.id, watcher);
    // Leaves at the abort, because a reader that was stopped may never ask again: its job would be read for ever.
    const leave = () => this.#leave(job.id, watcher);
    signal.addEventListener("abort", leave);
    try {
      while (!signal.aborted) {
        const { pending } = watcher;
        if (pending === null) return;
        if (pending === undefined) {
          await watcher.wake.wait(signal);
          continue;
        }
        watcher.pending = undefined;
        watcher.seen = fingerprintOf(pending);
        yield pending;
        if (pending.finishedAt !== null) return;
      }
    } finally {
      signal.removeEventListener("abort", leave);
      leave();
    }
  }

  #join(id: string, watcher: Watcher): void {
    const watchers = this.#watchers.get(id) ?? new Set();
    this.#watchers.set(id, watchers.add(watcher));
    this.#stop ??= this.#ticker.listen(() => this.#poll());
  }

  /** May be called twice. */
  #leave(id: string, watcher: Watcher): void {
    const watchers = this.#watchers.get(id);
    if (!watchers?.delete(watcher) || watchers.size > 0) return;
    this.#watchers.delete(id);
    if (this.#watchers.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }

  async #poll(): Promise<void> {
    const ids = [...this.#watchers.keys()];
    for (let from = 0; from < ids.length; from += BATCH) {
      const batch = ids.slice(from, from + BATCH);
      const found = new Map((await this.#read(batch)).map((job) => [job.id, job]));
      for (const id of batch) this.#tell(id, found.get(id) ?? null);
    }
  }

  #tell(id: string, job: Job | null): void {
    const fingerprint = job === null ? null : fingerprintOf(job);
    for (const watcher of this.#watchers.get(id) ?? []) {
      // What its reader has not got yet is replaced, even by what it got before that.
      if (watcher.pending === undefined && fingerprint === watcher.seen) continue;
      watcher.pending = job;
      watcher.wake.set();
    }
  }
}

/** Equal while nothing of the job has changed that clients see. */
function fingerprintOf(job: Job): string {
  const { state, progress, total, rate, waitingFor, cancelRequested, startedAt } = job;
  const { held, ratePerSecond, positionText } = job;
  const seen = [state, progress, total, rate, waitingFor, cancelRequested, startedAt];
  return JSON.stringify([...seen, held, ratePerSecond, positionText]);
}
