/** The backend in this process. Entries and locks end with the process, and other processes do not see them. */

import { LRUCache } from "lru-cache";
import { entriesUpTo } from "../entry-limit.ts";
import { readsBackward } from "../storage/list-pages.ts";
import { type Clock, monotonicNow } from "./clock.ts";
import { byCodePoint } from "./code-point-order.ts";
import {
  type Backend,
  type BackingStore,
  COUNT_LIMIT,
  type Grant,
  type Hold,
  LOCK_MARGIN_SECONDS,
  type LockedKey,
  type LockTimes,
  type Range,
  type StoredKey,
  type StoredLock,
} from "./region.ts";

const DEFAULT_MAXIMUM_ENTRIES = 10_000;

interface Entry {
  value: unknown;
  fence: number;
  /** In milliseconds of the monotonic clock. Infinity: until it is deleted. */
  expiresAt: number;
}

/**
 * A region with more entries than its maximum drops the least recently used one. Waiters get a lock in the order in
 * which they came.
 */
export function createMemoryBackend(params: { clock?: Clock } = {}): Backend {
  const clock = params.clock ?? { offsetMs: 0 };
  const regions = new Map<string, MemoryRegion>();
  const toDate = (at: number) => dateAt(clock, at);

  function countOf(name: string): { value: number; exact: boolean } {
    let value = 0;
    for (const _ of regions.get(name)?.liveEntries() ?? [])
      if (++value > COUNT_LIMIT) return { value: COUNT_LIMIT, exact: false };
    return { value, exact: true };
  }

  function locksIn(names: readonly string[], range: Range<LockedKey>): StoredLock[] {
    const found: StoredLock[] = [];
    for (const name of names) {
      for (const [key, lock] of regions.get(name)?.liveLocks() ?? []) {
        found.push({ region: name, key, holder: lock.holder, fence: lock.fence, expiresAt: toDate(lock.expiresAt) });
      }
    }
    return select<StoredLock, LockedKey>(found, range, { between: byLockedKey, toMarker: byLockedKey });
  }

  return {
    open(name, { maximumEntries = DEFAULT_MAXIMUM_ENTRIES }) {
      const region = regions.get(name) ?? new MemoryRegion(maximumEntries, clock);
      regions.set(name, region);
      return region;
    },
    async regions(range) {
      const filled = [...regions].filter(([, region]) => region.liveEntries().next().done !== true);
      return select(
        filled.map(([name]) => name),
        range,
        { between: byCodePoint, toMarker: byCodePoint },
      );
    },
    counts: async (names) => names.map(countOf),
    keys: async (names, range) =>
      names.map((name) => {
        const found = select(regions.get(name)?.liveEntries() ?? [], range, {
          between: ([a], [b]) => byCodePoint(a, b),
          toMarker: ([key], marker) => byCodePoint(key, marker),
        });
        return found.map(
          ([key, { expiresAt }]): StoredKey => ({
            key,
            expiresAt: Number.isFinite(expiresAt) ? toDate(expiresAt) : null,
          }),
        );
      }),
    locks: async (range) => locksIn([...regions.keys()], range),
    locksOf: async (names, range) => names.map((name) => locksIn([name], range)),
    async sweep() {
      let freed = 0;
      for (const region of regions.values()) freed += region.sweep();
      return freed;
    },
  };
}

class MemoryRegion implements BackingStore {
  readonly #clock: Clock;
  readonly #entries: LRUCache<string, Entry>;
  readonly #locks = new Map<string, HeldLock>();
  #lastFence = 0;

  constructor(maximumEntries: number, clock: Clock) {
    this.#clock = clock;
    this.#entries = new LRUCache(entriesUpTo(maximumEntries));
  }

  peek(key: string): unknown {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.expiresAt > monotonicNow(this.#clock)) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  async get(keys: readonly string[]): Promise<unknown[]> {
    return keys.map((key) => this.peek(key));
  }

  async set(
    entries: readonly (readonly [string, unknown])[],
    options: { ttlSeconds: number | null; hold?: Hold },
  ): Promise<boolean> {
    const now = monotonicNow(this.#clock);
    const expiresAt = options.ttlSeconds === null ? Number.POSITIVE_INFINITY : now + options.ttlSeconds * 1000;
    for (const [key, value] of entries) {
      if (!this.#mayWrite(key, options.hold)) return false;
      const fence = options.hold?.fence ?? this.#entries.peek(key)?.fence ?? 0;
      this.#entries.set(key, { value, fence, expiresAt });
    }
    return true;
  }

  async delete(keys: readonly string[], hold?: Hold): Promise<{ refused: boolean; deleted: number }> {
    let deleted = 0;
    for (const key of keys) {
      if (!this.#mayWrite(key, hold)) return { refused: true, deleted: 0 };
      if (this.peek(key) !== undefined) deleted++;
      this.#entries.delete(key);
    }
    return { refused: false, deleted };
  }

  async acquireLock(key: string, holder: string, times: LockTimes): Promise<Grant | null> {
    const lock = this.#locks.get(key);
    if (lock === undefined) {
      const fresh: HeldLock = { holder, fence: 0, expiresAt: 0, waiters: [], drop: undefined };
      this.#locks.set(key, fresh);
      return this.#grant(key, fresh, { holder, lifeSeconds: times.lifeSeconds });
    }
    if (lock.expiresAt <= monotonicNow(this.#clock)) {
      if (lock.waiters.length === 0) return this.#grant(key, lock, { holder, lifeSeconds: times.lifeSeconds });
      this.#passOn(key, lock);
    }
    const { lifeSeconds, waitSeconds, signal } = times;
    if (waitSeconds <= 0 || signal?.aborted) return null;
    return new Promise((resolve) => {
      const giveUp = () => {
        // Lock and wait may end at the same moment. Then the first waiter gets the lock, perhaps this one.
        if (lock.expiresAt <= monotonicNow(this.#clock)) this.#passOn(key, lock);
        const index = lock.waiters.indexOf(waiter);
        if (index === -1) return;
        lock.waiters.splice(index, 1);
        waiter.end(null);
      };
      const timer = setTimeout(giveUp, waitSeconds * 1000);
      signal?.addEventListener("abort", giveUp);
      const end = (grant: Grant | null) => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", giveUp);
        resolve(grant);
      };
      const waiter: Waiter = { holder, lifeSeconds, end };
      lock.waiters.push(waiter);
      this.#watch(key, lock);
    });
  }

  async renewLock(key: string, holder: string, lifeSeconds: number): Promise<Grant | null> {
    const held = this.#locks.get(key);
    const now = monotonicNow(this.#clock);
    if (held?.holder !== holder || held.expiresAt - now <= LOCK_MARGIN_SECONDS * 1000) return null;
    return this.#keepFor(key, held, lifeSeconds);
  }

  async releaseLock(key: string, hold: Hold): Promise<void> {
    const held = this.#locks.get(key);
    if (held?.holder === hold.holder && held.fence === hold.fence) this.#passOn(key, held);
  }

  async findLock(key: string, holder: string): Promise<Grant | null> {
    const held = this.#locks.get(key);
    if (held?.holder !== holder) return null;
    const remainingSeconds = (held.expiresAt - monotonicNow(this.#clock)) / 1000;
    if (remainingSeconds <= 0) return null;
    return { fence: held.fence, expiresAt: dateAt(this.#clock, held.expiresAt), remainingSeconds };
  }

  *liveEntries(): Generator<[string, Entry]> {
    const now = monotonicNow(this.#clock);
    for (const [key, entry] of this.#entries.entries()) if (entry.expiresAt > now) yield [key, entry];
  }

  *liveLocks(): Generator<[string, HeldLock]> {
    const now = monotonicNow(this.#clock);
    for (const [key, lock] of this.#locks) if (lock.expiresAt > now) yield [key, lock];
  }

  sweep(): number {
    const now = monotonicNow(this.#clock);
    let freed = 0;
    for (const [key, entry] of [...this.#entries.entries()]) {
      if (entry.expiresAt <= now && this.#entries.delete(key)) freed++;
    }
    for (const [key, lock] of this.#locks) {
      if (lock.expiresAt <= now && lock.waiters.length === 0 && this.#locks.delete(key)) freed++;
    }
    return freed;
  }

  #mayWrite(key: string, hold: Hold | undefined): boolean {
    if (hold === undefined) return true;
    const held = this.#locks.get(key);
    return (
      held?.holder === hold.holder &&
      held.fence === hold.fence &&
      held.expiresAt > monotonicNow(this.#clock) &&
      (this.#entries.peek(key)?.fence ?? 0) <= hold.fence
    );
  }

  /** Ends the lock of the current holder, and grants it to the first waiter. */
  #passOn(key: string, lock: HeldLock): void {
    const next = lock.waiters.shift();
    if (next === undefined) {
      clearTimeout(lock.drop);
      this.#locks.delete(key);
      return;
    }
    next.end(this.#grant(key, lock, next));
  }

  #grant(key: string, lock: HeldLock, to: { holder: string; lifeSeconds: number }): Grant {
    lock.holder = to.holder;
    lock.fence = ++this.#lastFence;
    return this.#keepFor(key, lock, to.lifeSeconds);
  }

  #keepFor(key: string, lock: HeldLock, lifeSeconds: number): Grant {
    lock.expiresAt = monotonicNow(this.#clock) + lifeSeconds * 1000;
    clearTimeout(lock.drop);
    lock.drop = undefined;
    if (lock.waiters.length > 0) this.#watch(key, lock);
    return { fence: lock.fence, expiresAt: dateAt(this.#clock, lock.expiresAt), remainingSeconds: lifeSeconds };
  }

  /** Only a lock with waiters needs a timer. For any other, the next caller notices that it has expired. */
  #watch(key: string, lock: HeldLock): void {
    lock.drop ??= setTimeout(() => this.#passOn(key, lock), Math.max(0, lock.expiresAt - monotonicNow(this.#clock)));
  }
}

interface HeldLock {
  holder: string;
  fence: number;
  expiresAt: number;
  /** Longest waiting first. */
  waiters: Waiter[];
  drop: NodeJS.Timeout | undefined;
}

interface Waiter {
  holder: string;
  lifeSeconds: number;
  /** Ends the wait, with or without the lock. */
  end: (grant: Grant | null) => void;
}

/** The date of a time of the monotonic clock. */
function dateAt(clock: Clock, at: number): Date {
  return new Date(Date.now() + clock.offsetMs + (at - monotonicNow(clock)));
}

function byLockedKey(a: LockedKey, b: LockedKey): number {
  return byCodePoint(a.region, b.region) || byCodePoint(a.key, b.key);
}

/** The items of a range, in order. Keeps at most `limit` items at a time, since a region may be large. */
function select<T, M>(items: Iterable<T>, range: Range<M>, order: Order<T, M>): T[] {
  const { after, before, limit } = range;
  const direction = readsBackward(range) ? -1 : 1;
  const kept: T[] = [];
  for (const item of items) {
    if (after !== undefined && order.toMarker(item, after) <= 0) continue;
    if (before !== undefined && order.toMarker(item, before) >= 0) continue;
    let index = kept.length;
    while (index > 0 && order.between(item, kept[index - 1] as T) * direction < 0) index--;
    if (index >= limit) continue;
    kept.splice(index, 0, item);
    if (kept.length > limit) kept.pop();
  }
  return direction === 1 ? kept : kept.reverse();
}

interface Order<T, M> {
  between(a: T, b: T): number;
  toMarker(item: T, marker: M): number;
}
