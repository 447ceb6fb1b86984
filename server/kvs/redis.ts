/**
 * The backend on a Redis or Valkey, shared by every process that uses it. The server's clock decides what has expired.
 * All keys have the same hash tag, so in a cluster they are on one server, and each call is one script.
 */
import { readsBackward } from "../storage/list-pages.ts";
import { parseRedisUri } from "../storage/redis/server/address.ts";
import { RedisCluster, SingleServer } from "../storage/redis/server/cluster.ts";
import type { ArgsOf, KeyList, Script } from "../storage/redis/server/script.ts";
import { type Answered, Scripts } from "../storage/redis/server/scripts.ts";
import { type Clock, monotonicNow } from "./clock.ts";
import { frozenCopy } from "./json-value.ts";
import { pollForLock } from "./lock-polling.ts";
import {
  ACQUIRE,
  COUNT,
  DELETE,
  FIND,
  GET,
  LIST_ENTRIES,
  LIST_LOCKS,
  PARTS,
  REGIONS,
  RELEASE,
  RENEW,
  SET,
  SWEEP,
} from "./redis-scripts.ts";
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
import { isStorable, requireStorable } from "./storable-key.ts";

export interface RedisBackend extends Backend {
  /** Waits for calls in flight, then closes the connection. */
  close(): Promise<void>;
}

/**
 * Connects at the first call. Waiters for a lock poll, and get it in no particular order. BAD_INPUT for an invalid URI.
 */
export function createRedisBackend(params: {
  uri: string;
  clock?: Clock;
  onError?: (error: unknown) => void;
}): RedisBackend {
  const clock = params.clock ?? { offsetMs: 0 };
  const address = parseRedisUri(params.uri);
  const onError = params.onError ?? (() => undefined);
  const link = address.cluster ? new RedisCluster(address, onError) : new SingleServer(address, onError);
  const store = new Store(new Scripts(link), `${address.prefix}:{key-values}`, clock);

  return {
    open: (region) => new RedisRegion(region, store, clock),
    async regions(range) {
      const forward = !readsBackward(range);
      const marker = range.before ?? range.after ?? "";
      const [, found] = await store.run(REGIONS, { forward, marker, limit: range.limit });
      return forward ? found : found.toReversed();
    },
    counts: (regions) =>
      Promise.all(
        regions.map(async (region) => {
          const [, count] = await store.run(COUNT, { region });
          return count > COUNT_LIMIT ? { value: COUNT_LIMIT, exact: false } : { value: count, exact: true };
        }),
      ),
    keys: (regions, range) =>
      Promise.all(
        regions.map(async (region) => {
          const { backward, ...bounds } = boundsOf(range, (key) => nameOf(region, key), region);
          const [, page] = await store.run(LIST_ENTRIES, bounds);
          const keys = page.map(([name, ends]): StoredKey => {
            return { key: lockedKeyOf(name).key, expiresAt: ends === "-" ? null : dateOf(ends) };
          });
          return backward ? keys.reverse() : keys;
        }),
      ),
    locks: (range) => locksIn(store, range),
    locksOf: (regions, range) => Promise.all(regions.map((region) => locksIn(store, range, region))),
    async sweep() {
      for (let sum = 0; ; ) {
        const [verdict, freed] = await store.run(SWEEP, {});
        sum += freed;
        if (verdict === "ok") return sum;
      }
    },
    close: () => store.close(),
  };
}

/** Live locks of all regions, or of one. */
async function locksIn(store: Store, range: Range<LockedKey>, only?: string): Promise<StoredLock[]> {
  const { backward, ...bounds } = boundsOf<LockedKey>(range, ({ region, key }) => nameOf(region, key), only);
  const [, page] = await store.run(LIST_LOCKS, bounds);
  const locks = page.map(
    ([name, fence, ends, holder]): StoredLock => ({
      ...lockedKeyOf(name),
      holder,
      fence: Number(fence),
      expiresAt: dateOf(ends),
    }),
  );
  return backward ? locks.reverse() : locks;
}

interface Bounds {
  command: "ZRANGEBYLEX" | "ZREVRANGEBYLEX";
  from: string;
  to: string;
  limit: number;
  backward: boolean;
}

/** The range of names between a marker and the end of the region, or of all regions. */
function boundsOf<M>(range: Range<M>, name: (marker: M) => string, region: string | undefined): Bounds {
  const [least, most] = region === undefined ? ["-", "+"] : [`[${region}\0`, `(${region}\u0001`];
  const { after, before, limit } = range;
  if (readsBackward(range)) {
    const from = before === undefined ? most : `(${name(before)}`;
    return { command: "ZREVRANGEBYLEX", from, to: least, limit, backward: true };
  }
  const from = after === undefined ? least : `(${name(after)}`;
  return { command: "ZRANGEBYLEX", from, to: most, limit, backward: false };
}

const nameOf = (region: string, key: string) => `${region}\0${key}`;

function lockedKeyOf(name: string): LockedKey {
  const at = name.indexOf("\0");
  return { region: name.slice(0, at), key: name.slice(at + 1) };
}

const dateOf = (microseconds: string) => new Date(Number(microseconds) / 1000);

class RedisRegion implements BackingStore {
  readonly #region: string;
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(region: string, store: Store, clock: Clock) {
    requireStorable(region);
    this.#region = region;
    this.#store = store;
    this.#clock = clock;
  }

  async get(keys: readonly string[]): Promise<unknown[]> {
    const storable = [...new Set(keys.filter(isStorable))];
    if (storable.length === 0) return keys.map(() => undefined);
    const [, texts] = await this.#store.run(GET, { wanted: storable.map((key) => nameOf(this.#region, key)) });
    const values = new Map<string, unknown>();
    storable.forEach((key, index) => {
      const text = texts[index];
      if (typeof text === "string") values.set(key, frozenCopy(JSON.parse(text)));
    });
    return keys.map((key) => values.get(key));
  }

  async set(
    entries: readonly (readonly [string, unknown])[],
    options: { ttlSeconds: number | null; hold?: Hold },
  ): Promise<boolean> {
    for (const [key] of entries) requireStorable(key);
    if (entries.length === 0) return true;
    const { ttlSeconds, hold } = options;
    const values = entries.map(([key, value]) => ({ name: nameOf(this.#region, key), value: JSON.stringify(value) }));
    const [verdict] = await this.#store.run(SET, { ...holdOf(hold), ttl: ttlSeconds, values });
    return verdict === "ok";
  }

  async delete(keys: readonly string[], hold?: Hold): Promise<{ refused: boolean; deleted: number }> {
    const names = keys.filter(isStorable).map((key) => nameOf(this.#region, key));
    if (names.length === 0) return { refused: false, deleted: 0 };
    const [verdict, deleted] = await this.#store.run(DELETE, { ...holdOf(hold), doomed: names });
    return { refused: verdict === "refused", deleted };
  }

  acquireLock(key: string, holder: string, times: LockTimes): Promise<Grant | null> {
    requireStorable(key);
    const args = { name: nameOf(this.#region, key), holder, lifetime: times.lifeSeconds };
    return pollForLock(this.#clock, times, async () => grantOf(await this.#store.run(ACQUIRE, args)));
  }

  async renewLock(key: string, holder: string, lifeSeconds: number): Promise<Grant | null> {
    if (!isStorable(key) || !isStorable(holder)) return null;
    const args = { name: nameOf(this.#region, key), holder, lifetime: lifeSeconds, margin: LOCK_MARGIN_SECONDS };
    const once = { lifeSeconds, waitSeconds: 0 };
    return pollForLock(this.#clock, once, async () => grantOf(await this.#store.run(RENEW, args)));
  }

  async releaseLock(key: string, hold: Hold): Promise<void> {
    await this.#store.run(RELEASE, { ...holdOf(hold), name: nameOf(this.#region, key) });
  }

  async findLock(key: string, holder: string): Promise<Grant | null> {
    if (!isStorable(key) || !isStorable(holder)) return null;
    const sentAt = monotonicNow(this.#clock);
    const answer = await this.#store.run(FIND, { name: nameOf(this.#region, key), holder });
    if (answer[0] === "none") return null;
    const [, fence, ends, left] = answer;
    const remainingSeconds = Number(left) / 1_000_000 - (monotonicNow(this.#clock) - sentAt) / 1000;
    return { fence: Number(fence), expiresAt: dateOf(ends), remainingSeconds };
  }
}

function grantOf(answer: ["held" | "none"] | ["ok", fence: string, ends: string]) {
  return answer[0] === "ok" ? { fence: Number(answer[1]), expiresAt: dateOf(answer[2]) } : null;
}

const holdOf = (hold: Hold | undefined) => ({ holder: hold?.holder ?? "", fence: hold?.fence ?? 0 });

/** Runs scripts on the keys that all regions share. */
class Store {
  readonly #scripts: Scripts;
  readonly #keys: KeyList<typeof PARTS>;
  readonly #clock: Clock;
  #closing: Promise<void> | null = null;

  constructor(scripts: Scripts, base: string, clock: Clock) {
    this.#scripts = scripts;
    this.#keys = PARTS.map((part) => `${base}:${part}`) as readonly string[] as KeyList<typeof PARTS>;
    this.#clock = clock;
  }

  run<Args extends ArgsOf<typeof SWEEP>, Answer extends Answered>(
    script: Script<{ readonly store: KeyList<typeof PARTS> }, Args, Answer>,
    args: Omit<Args, "offset">,
  ): Promise<Answer> {
    const all = { offset: Math.round(this.#clock.offsetMs * 1000), ...args } as unknown as Args;
    return this.#scripts.runToEnd(script, { store: this.#keys }, all);
  }

  close(): Promise<void> {
    this.#closing ??= this.#scripts.calls.settled().then(() => this.#scripts.link.close());
    return this.#closing;
  }
}
