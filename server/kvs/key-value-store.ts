/**
 * A named key-value store with write locks, after Keystone's kvs.core. Programs share entries through it, and the
 * drivers use it as a cache. Each store lives in a region of one backend: memory, postgres or redis.
 *
 * Values are JSON. A store copies and deeply freezes them when they are written. So readers share one object, and
 * nobody can change it.
 */
import { DomainError } from "../errors.ts";
import type { Clock } from "./clock.ts";
import { frozenCopy } from "./json-value.ts";
import { KeyLock, type Lock } from "./lock.ts";
import { type Region, type RegionOptions, requirePositive } from "./region.ts";

/**
 * `lock`: a lock on this key that the caller holds. Left out: the write acquires and releases the key's lock itself, if
 * the store has locking.
 */
export interface WriteOptions {
  lock?: Lock;
}

export interface SetOptions extends WriteOptions {
  /** Seconds until this entry expires. Default: the store's expirationSeconds. */
  ttlSeconds?: number;
}

/**
 * Every method but `isConfigured` and `configure` throws STORE_NOT_CONFIGURED until the store is configured. `V` is the
 * type of the values; nothing checks it at run time.
 */
export class KeyValueStore<V = unknown> {
  readonly #region: Region;
  readonly #clock: Clock;

  constructor(region: Region, clock: Clock) {
    this.#region = region;
    this.#clock = clock;
  }

  get isConfigured(): boolean {
    return this.#region.isConfigured;
  }

  /** May be called once: STORE_ALREADY_CONFIGURED. After BAD_INPUT the store is still unconfigured. */
  configure(options: RegionOptions): void {
    this.#region.configure(options);
  }

  /**
   * The value if it is in this process, without a promise; for caches on a hot path. Undefined: absent, or kept
   * elsewhere, so that only `get` can tell. With a memory backend and without key mangler it takes well under a
   * microsecond.
   */
  peek(key: string): V | undefined {
    const { backing, mangle } = this.#region.settings;
    return backing.peek?.(mangle === null ? key : mangle(key)) as V | undefined;
  }

  /** KEY_DOES_NOT_EXIST, also for an expired entry. */
  async get(key: string): Promise<V> {
    const { backing, mangle } = this.#region.settings;
    const [value] = await backing.get([mangle === null ? key : mangle(key)]);
    if (value === undefined) throw keyDoesNotExist(key);
    return value as V;
  }

  /** The values in the order of `keys`. Undefined where the key is absent, or its entry has expired. */
  async getMulti(keys: readonly string[]): Promise<(V | undefined)[]> {
    const values = await this.#region.settings.backing.get(keys.map((key) => this.#storedKey(key)));
    return values as (V | undefined)[];
  }

  /**
   * Writes one entry. LOCK_NOT_VALID when the given lock is for another key, not active, or expired. LOCK_TIMEOUT when
   * no lock is given and others hold the key's lock for too long. BAD_INPUT for a value that is not JSON.
   */
  async set(key: string, value: V, options: SetOptions = {}): Promise<void> {
    requirePositive("ttl", options.ttlSeconds);
    const { backing, expirationSeconds } = this.#region.settings;
    const entry = [this.#storedKey(key), frozenCopy(value)] as const;
    const ttlSeconds = options.ttlSeconds ?? expirationSeconds;
    await this.#locked(key, options.lock, async (lock) => {
      const hold = lock?.holdFor(key, this.#region.settings);
      if (!(await backing.set([entry], { ttlSeconds, hold }))) throw lockLost(key);
    });
  }

  /**
   * Writes all entries or none, in one call. It neither acquires nor respects locks: two callers that each needed
   * several locks could deadlock.
   */
  async setMulti(
    entries: ReadonlyMap<string, V> | Readonly<Record<string, V>>,
    options: { ttlSeconds?: number } = {},
  ): Promise<void> {
    requirePositive("ttl", options.ttlSeconds);
    const { backing, expirationSeconds } = this.#region.settings;
    const pairs = entries instanceof Map ? [...entries] : Object.entries(entries);
    const stored = pairs.map(([key, value]) => [this.#storedKey(key), frozenCopy(value)] as const);
    await backing.set(stored, { ttlSeconds: options.ttlSeconds ?? expirationSeconds });
  }

  /** Deletes one entry, and returns whether there was one. Locks as in `set`. */
  async delete(key: string, options: WriteOptions = {}): Promise<boolean> {
    const { backing } = this.#region.settings;
    const storedKey = this.#storedKey(key);
    return this.#locked(key, options.lock, async (lock) => {
      const { refused, deleted } = await backing.delete([storedKey], lock?.holdFor(key, this.#region.settings));
      if (refused) throw lockLost(key);
      return deleted > 0;
    });
  }

  /** Deletes the keys that exist, in one call, and returns how many. It neither acquires nor respects locks. */
  async deleteMulti(keys: readonly string[]): Promise<number> {
    const { deleted } = await this.#region.settings.backing.delete(keys.map((key) => this.#storedKey(key)));
    return deleted;
  }

  /** A lock on the key, not acquired yet. */
  getLock(key: string): Lock {
    return new KeyLock(key, this.#region.settings, this.#clock);
  }

  /**
   * Continues a lock that another call acquired, perhaps in another process. `token` is that lock's token.
   * LOCK_NOT_VALID when it is no longer live.
   */
  async resumeLock(key: string, token: string): Promise<Lock> {
    return new KeyLock(key, this.#region.settings, this.#clock).resume(token);
  }

  /**
   * Renews a lock that another call acquired, in one call of the backend. See Lock.renew. LOCK_NOT_VALID when it is no
   * longer live.
   */
  async renewLock(key: string, token: string, ttlSeconds?: number): Promise<Lock> {
    return new KeyLock(key, this.#region.settings, this.#clock).renewAs(token, ttlSeconds);
  }

  #storedKey(key: string): string {
    const { mangle } = this.#region.settings;
    return mangle === null ? key : mangle(key);
  }

  async #locked<T>(key: string, given: Lock | undefined, write: (lock: KeyLock | undefined) => Promise<T>): Promise<T> {
    if (given !== undefined) {
      if (!(given instanceof KeyLock))
        throw new DomainError("LOCK_NOT_VALID", "This lock is not one of this store's.", { details: { target: key } });
      return write(given);
    }
    if (!this.#region.settings.locking) return write(undefined);
    await using own = new KeyLock(key, this.#region.settings, this.#clock);
    await own.acquire();
    return await write(own);
  }
}

function keyDoesNotExist(key: string): DomainError {
  return new DomainError("KEY_DOES_NOT_EXIST", `The key ${JSON.stringify(key)} is not in this store.`, {
    details: { key },
  });
}

/**
 * The backend has dropped a lock that the holder takes for live: the process was stopped, a clock jumped, or another
 * call released it with its token.
 */
function lockLost(key: string): DomainError {
  return new DomainError("LOCK_NOT_VALID", "The lock was dropped before the write arrived. Nothing was written.", {
    details: { target: key },
  });
}
