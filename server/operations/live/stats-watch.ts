import type { QueueRef } from "../../storage/queue-ref.ts";
import type { QueueStats } from "../../storage/queue-stats.ts";
import { type Ticker, Wake } from "./ticker.ts";

/** `stats` is null once the queue is deleted, and while its pool does not answer. */
export interface StatsChange {
  project: string;
  name: string;
  stats: QueueStats | null;
}

export type ReadStats = (queues: readonly QueueRef[]) => Promise<(QueueStats | null)[]>;

interface WatchedQueue {
  queue: QueueRef;
  /** Undefined until the first read has ended. */
  last: { stats: QueueStats | null; fingerprint: string } | undefined;
  /** The first read, which all watchers share. */
  first: Promise<void> | undefined;
  watchers: Set<Watcher>;
}

interface Watcher {
  /** The latest statistics that its reader has not seen: at most one entry for each queue that it watches. */
  pending: Map<WatchedQueue, QueueStats | null>;
  wake: Wake;
}

/** Polls the statistics of all watched queues once a second, whoever watches them. */
export class StatsWatch {
  readonly #ticker: Ticker;
  readonly #read: ReadStats;
  readonly #batch: number;
  readonly #watched = new Map<string, WatchedQueue>();
  #stop: (() => void) | undefined;

  constructor(parts: { ticker: Ticker; read: ReadStats; batch: number }) {
    this.#ticker = parts.ticker;
    this.#read = parts.read;
    this.#batch = parts.batch;
  }

  async *watch(queues: readonly QueueRef[], signal: AbortSignal): AsyncGenerator<StatsChange, void, undefined> {
    if (signal.aborted) return;
    const watcher: Watcher = { pending: new Map(), wake: new Wake() };
    const mine = new Set(queues.map((queue) => this.#join(queue, watcher)));
    // Leaves at the abort, because a reader that was stopped may never ask again: its queues would be polled for ever.
    const leave = () => {
      for (const watched of mine) this.#leave(watched, watcher);
    };
    signal.addEventListener("abort", leave);
    try {
      await this.#firstReads([...mine]);
      while (!signal.aborted) {
        const next = watcher.pending.entries().next().value;
        if (next === undefined) {
          await watcher.wake.wait(signal);
          continue;
        }
        const [watched, stats] = next;
        watcher.pending.delete(watched);
        yield { project: watched.queue.project, name: watched.queue.name, stats };
      }
    } finally {
      signal.removeEventListener("abort", leave);
      leave();
    }
  }

  async #firstReads(watched: readonly WatchedQueue[]): Promise<void> {
    const unread = watched.filter(({ first }) => first === undefined);
    const read = this.#poll(unread);
    for (const item of unread) {
      item.first = read;
      // The next watcher reads again.
      read.catch(() => {
        item.first = undefined;
      });
    }
    await Promise.all(watched.map(({ first }) => first));
  }

  #join(queue: QueueRef, watcher: Watcher): WatchedQueue {
    const key = JSON.stringify([queue.project, queue.name]);
    const watched = this.#watched.get(key) ?? { queue, last: undefined, first: undefined, watchers: new Set() };
    this.#watched.set(key, watched);
    watched.watchers.add(watcher);
    if (watched.last !== undefined) watcher.pending.set(watched, watched.last.stats);
    this.#stop ??= this.#ticker.listen(() => this.#poll([...this.#watched.values()]));
    return watched;
  }

  /** May be called twice. */
  #leave(watched: WatchedQueue, watcher: Watcher): void {
    if (!watched.watchers.delete(watcher) || watched.watchers.size > 0) return;
    this.#watched.delete(JSON.stringify([watched.queue.project, watched.queue.name]));
    if (this.#watched.size === 0) {
      this.#stop?.();
      this.#stop = undefined;
    }
  }

  async #poll(watched: readonly WatchedQueue[]): Promise<void> {
    for (let from = 0; from < watched.length; from += this.#batch) {
      const batch = watched.slice(from, from + this.#batch);
      const stats = await this.#read(batch.map(({ queue }) => queue));
      for (const [index, item] of batch.entries()) this.#tell(item, stats[index] ?? null);
    }
  }

  #tell(watched: WatchedQueue, stats: QueueStats | null): void {
    const fingerprint = fingerprintOf(stats);
    if (watched.last?.fingerprint === fingerprint) return;
    watched.last = { stats, fingerprint };
    for (const watcher of watched.watchers) {
      watcher.pending.set(watched, stats);
      watcher.wake.set();
    }
  }
}

/** Equal when nothing has changed. Ages are left out, because they grow all the time. */
function fingerprintOf(stats: QueueStats | null): string {
  if (stats === null) return "none";
  const { ready, claimed, delayed, exhausted, total, exact, oldest, newest } = stats;
  return JSON.stringify([ready, claimed, delayed, exhausted, total, exact, oldest?.id, newest?.id]);
}
