/**
 * Named key-value stores with write locks, after Keystone's kvs.core: for entries that several programs share, and as
 * the drivers' cache. Each store lives in a region of one backend (memory, postgres, ...).
 *
 * Values are JSON. They are copied and deeply frozen when they are written, so what is read is shared and cannot be
 * changed.
 */
import { DomainError } from "../errors.ts";
import type { Clock } from "./clock.ts";
import { frozenCopy } from "./json-value.ts";
import { KeyLock, type Lock } from "./lock.ts";
import { type Region, type RegionOptions, requirePositive } from "./region.ts";

/**
 * `lock`: held by the caller, for this key. Left out: the write takes the key's lock itself, where the store has
 * locking.
 */
export interface WriteOptions {
  lock?: Lock;
}

export interface SetOptions extends WriteOptions {
  /** This entry's own life instead of the store's expirationSeconds. */
  ttlSeconds?: number;
}

/**
 * All but isConfigured and configure are STORE_NOT_CONFIGURED until it is configured. `V` is what the caller keeps in
 * it; nothing checks that.
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

  /** Once: STORE_ALREADY_CONFIGURED. BAD_INPUT leaves it unconfigured. */
  configure(options: RegionOptions): void {
    this.#region.configure(options);
  }

  /**
   * For a cache on a hot path: the value if it is in this process, without a promise. Undefined: absent, or kept
   * elsewhere (then `get` knows). With the key mangler off and a memory backend it costs well under a microsecond.
   */
  peek(key: string): V | undefined {
    const { backing, mangle } = this.#region.settings;
    return backing.peek?.(mangle === null ? key : mangle(key)) as V | undefined;
  }

  /** KEY_DOES_NOT_EXIST, also once it has expired. */
  async get(key: string): Promise<V> {
    const { backing, mangle } = this.#region.settings;
    const [value] = await backing.get([mangle === null ? key : mangle(key)]);
    if (value === undefined) throw keyDoesNotExist([key]);
    return value as V;
  }

  /**
   * In the order asked. KEY_DOES_NOT_EXIST when any is missing; its details name the first as `key` and all as `keys`.
   */
  async getMulti(keys: readonly string[]): Promise<V[]> {
    const values = await this.#region.settings.backing.get(keys.map((key) => this.#storedKey(key)));
    const missing = keys.filter((_, index) => values[index] === undefined);
    if (missing.length > 0) throw keyDoesNotExist(missing);
    return values as V[];
  }

  /**
   * LOCK_NOT_VALID with a lock that is for another key, not active or expired; LOCK_TIMEOUT without one. BAD_INPUT for
   * a value that is not JSON.
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
   * Writes all or none, in one call. Takes no lock and minds none: a caller that needed several at once could wait in a
   * circle with another.
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

  /** KEY_DOES_NOT_EXIST. The look and the deletion are one step. Locks as in `set`. */
  async delete(key: string, options: WriteOptions = {}): Promise<void> {
    const { backing } = this.#region.settings;
    const storedKey = this.#storedKey(key);
    await this.#locked(key, options.lock, async (lock) => {
      const { refused, deleted } = await backing.delete([storedKey], lock?.holdFor(key, this.#region.settings));
      if (refused) throw lockLost(key);
      if (deleted === 0) throw keyDoesNotExist([key]);
    });
  }

  /** In one call, without locks; keys that do not exist are passed over. */
  async deleteMulti(keys: readonly string[]): Promise<void> {
    await this.#region.settings.backing.delete(keys.map((key) => this.#storedKey(key)));
  }

  /** A lock to acquire; nothing is held yet. */
  getLock(key: string): Lock {
    return new KeyLock(key, this.#region.settings, this.#clock);
  }

  /**
   * The lock that another call, perhaps in another process, acquired and named by its token. LOCK_NOT_VALID when it is
   * not live.
   */
  async resumeLock(key: string, token: string): Promise<Lock> {
    return new KeyLock(key, this.#region.settings, this.#clock).resume(token);
  }

  #storedKey(key: string): string {
    const { mangle } = this.#region.settings;
    return mangle === null ? key : mangle(key);
  }

  async #locked(
    key: string,
    given: Lock | undefined,
    write: (lock: KeyLock | undefined) => Promise<void>,
  ): Promise<void> {
    if (given !== undefined) {
      if (!(given instanceof KeyLock))
        throw new DomainError("LOCK_NOT_VALID", "This lock is not one of this store's.", { details: { target: key } });
      return write(given);
    }
    if (!this.#region.settings.locking) return write(undefined);
    await using own = new KeyLock(key, this.#region.settings, this.#clock);
    await own.acquire();
    await write(own);
  }
}

function keyDoesNotExist(keys: readonly string[]): DomainError {
  return new DomainError("KEY_DOES_NOT_EXIST", `The key ${JSON.stringify(keys[0])} is not in this store.`, {
    details: { key: keys[0], keys },
  });
}

/**
 * The backend knew better than the holder: dropped (a stopped process, a clock that jumped), or released with its token
 * elsewhere.
 */
function lockLost(key: string): DomainError {
  return new DomainError("LOCK_NOT_VALID", "The lock was dropped before the write arrived. Nothing was written.", {
    details: { target: key },
  });
}
