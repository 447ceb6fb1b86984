/**
 * A region: one named set of entries and locks in a backend, with its key mangler and its proxies. A store lives in one
 * region. Several stores may share a region.
 */
import { DomainError } from "../errors.ts";
import { type KeyMangler, sha1Mangler } from "./key-mangler.ts";

/**
 * One region's entries and locks in its backend. Keys arrive mangled. Values arrive deeply frozen, so the same object
 * may be returned to every reader. An expired entry is absent at once.
 */
export interface BackingStore {
  /**
   * Reads a value without waiting. Undefined: absent, or not known in this process. Left out by backends outside this
   * process.
   */
  peek?(key: string): unknown;
  /** One value per key, in order. Undefined where the key is absent. */
  get(keys: readonly string[]): Promise<unknown[]>;
  /**
   * Writes all entries or none. `ttlSeconds` null: they stay until they are deleted.
   *
   * With `hold` there is one entry. The same step checks that this holder still has the key's lock, and that no later
   * holder has written. False: refused, nothing is written.
   */
  set(
    entries: readonly (readonly [string, unknown])[],
    options: { ttlSeconds: number | null; hold?: Hold },
  ): Promise<boolean>;
  /** Deletes the keys that exist. With `hold` there is one key, checked as in `set`. */
  delete(keys: readonly string[], hold?: Hold): Promise<{ refused: boolean; deleted: number }>;
  /**
   * Acquires the key's lock for `lifeSeconds`. Waits at most `waitSeconds` for its holder to release it, or for it to
   * expire, and no longer once `signal` aborts. Null: another holder still has it then. Tries at least once. Fences
   * grow with each holder and are never reused.
   */
  acquireLock(key: string, holder: string, times: LockTimes): Promise<Grant | null>;
  /**
   * Renews this holder's lock: it expires `lifeSeconds` from now, and keeps its fence. Null, and nothing changes, when
   * the holder has none, or one that the backend drops within LOCK_MARGIN_SECONDS.
   */
  renewLock(key: string, holder: string, lifeSeconds: number): Promise<Grant | null>;
  /** Changes nothing when this holder does not have it any more. */
  releaseLock(key: string, hold: Hold): Promise<void>;
  /** This holder's live lock on the key. Null when it has none. */
  findLock(key: string, holder: string): Promise<Grant | null>;
}

export interface LockTimes {
  lifeSeconds: number;
  waitSeconds: number;
  /** The caller does not wait any more. */
  signal?: AbortSignal;
}

export interface Grant {
  fence: number;
  /** When the backend drops the lock, by its own clock. */
  expiresAt: Date;
  /** The backend keeps the lock at least this long, counted from the moment the call returns. */
  remainingSeconds: number;
}

/** The acquisition of a lock that a write relies on. */
export interface Hold {
  readonly holder: string;
  readonly fence: number;
}

/**
 * Wraps a region's backing store. Returns the methods that it changes; calls of all others go straight to `inner`. A
 * proxy that changes `get` but not `peek` turns peeking off, so that no read bypasses it.
 */
export type RegionProxy = (inner: BackingStore) => Partial<BackingStore>;

/** A kind of storage for entries. Its short name is its key in the `backends` of createKeyValueStores. */
export interface Backend {
  /** Opening a region twice gives the same entries. */
  open(region: string, options: { maximumEntries?: number }): BackingStore;
  /** Regions with at least one live entry. A shared backend also returns those that only other processes use. */
  regions(range: Range<string>): Promise<string[]>;
  /**
   * Live entries of each region, in the order given. Exact up to COUNT_LIMIT; above it, `value` is COUNT_LIMIT and
   * `exact` is false. Like the two lists of many regions below: one statement, or one pipeline, for all.
   */
  counts(regions: readonly string[]): Promise<{ value: number; exact: boolean }[]>;
  /** Keys of live entries of each region, as the backend stores them: mangled. */
  keys(regions: readonly string[], range: Range<string>): Promise<StoredKey[][]>;
  /** Live locks of all regions. */
  locks(range: Range<LockedKey>): Promise<StoredLock[]>;
  /** Live locks of each region. */
  locksOf(regions: readonly string[], range: Range<LockedKey>): Promise<StoredLock[][]>;
  /** Frees expired entries and locks, in small batches. Returns how many. Any process may run it at any time. */
  sweep(): Promise<number>;
}

/**
 * A page of at most `limit` items: the first ones, after `after` if it is given; or the last ones, before `before` or
 * with `atEnd`. At most one of the three is given. The items come in ascending order of code points.
 */
export interface Range<M> {
  after?: M;
  before?: M;
  atEnd?: boolean;
  limit: number;
}

/** Counts of entries are exact up to this number. */
export const COUNT_LIMIT = 10_000;

export interface LockedKey {
  region: string;
  key: string;
}

export interface StoredKey {
  key: string;
  /** Null: until it is deleted. */
  expiresAt: Date | null;
}

export interface StoredLock extends LockedKey {
  holder: string;
  fence: number;
  expiresAt: Date;
}

export type Backends = Readonly<Record<string, Backend>>;

export interface RegionOptions {
  /** The short name of a backend. */
  backingStore: string;
  /** Default: SHA-1. False: keys are stored as they are. */
  keyMangler?: KeyMangler | false;
  /** The first is the outermost. */
  proxies?: readonly RegionProxy[];
  /** Default: true. False: every lock is granted at once and guards nothing, and writes acquire none. */
  locking?: boolean;
  /** Seconds until a lock expires that nobody releases. More than LOCK_MARGIN_SECONDS, at most a day. Default 5. */
  lockTimeoutSeconds?: number;
  /** Seconds that a caller waits for a lock. Default and maximum: lockTimeoutSeconds. */
  lockWaitSeconds?: number;
  /** Seconds until an entry without a ttl of its own expires. Default: it stays until it is deleted. */
  expirationSeconds?: number;
  /** Memory only: a region with more entries drops the least recently used one. Default 10,000. */
  maximumEntries?: number;
}

/** The options of a configured region, with the defaults filled in. */
export interface RegionSettings {
  readonly backingStore: string;
  readonly backing: BackingStore;
  readonly mangle: KeyMangler | null;
  readonly locking: boolean;
  readonly lockTimeoutSeconds: number;
  readonly lockWaitSeconds: number;
  readonly expirationSeconds: number | null;
}

/**
 * The holder counts a lock as expired this long before the backend drops it. A write that passes the holder's check
 * just in time then still reaches the backend in time.
 */
export const LOCK_MARGIN_SECONDS = 1;
export const DEFAULT_LOCK_TIMEOUT_SECONDS = 5;
/** A day. Node's timers cannot wait longer than 24 days. */
const MAX_LOCK_TIMEOUT_SECONDS = 86_400;

export class Region {
  readonly name: string;
  readonly #backends: Backends;
  #settings: RegionSettings | undefined;

  constructor(name: string, backends: Backends) {
    this.name = name;
    this.#backends = backends;
  }

  get isConfigured(): boolean {
    return this.#settings !== undefined;
  }

  /** STORE_NOT_CONFIGURED. */
  get settings(): RegionSettings {
    if (this.#settings === undefined) {
      throw new DomainError(
        "STORE_NOT_CONFIGURED",
        `The store ${this.name} is not configured. Configure it before its first use.`,
        {
          details: { store: this.name },
        },
      );
    }
    return this.#settings;
  }

  /**
   * May be called once: STORE_ALREADY_CONFIGURED. BAD_INPUT for an unknown backend or an impossible number. The region
   * then stays unconfigured.
   */
  configure(options: RegionOptions): void {
    if (this.#settings !== undefined) {
      throw new DomainError(
        "STORE_ALREADY_CONFIGURED",
        `The store ${this.name} is configured already. Create another store for other settings.`,
        {
          details: { store: this.name },
        },
      );
    }
    const backend = this.#backends[options.backingStore];
    if (backend === undefined || !Object.hasOwn(this.#backends, options.backingStore)) {
      const known = Object.keys(this.#backends).join(", ");
      throw new DomainError("BAD_INPUT", `There is no backing store ${options.backingStore}. Use one of: ${known}.`);
    }
    const {
      keyMangler = sha1Mangler,
      proxies = [],
      locking = true,
      lockTimeoutSeconds = DEFAULT_LOCK_TIMEOUT_SECONDS,
    } = options;
    requireLockTimeout(lockTimeoutSeconds);
    requirePositive("expiration time", options.expirationSeconds);
    requirePositive("wait for a lock", options.lockWaitSeconds);
    if (
      options.maximumEntries !== undefined &&
      !(Number.isSafeInteger(options.maximumEntries) && options.maximumEntries > 0)
    ) {
      throw new DomainError("BAD_INPUT", "The maximum number of entries must be a whole number above 0.");
    }
    const innermost = backend.open(this.name, { maximumEntries: options.maximumEntries });
    this.#settings = {
      backingStore: options.backingStore,
      backing: proxies.reduceRight<BackingStore>((inner, proxy) => wrap(inner, proxy), innermost),
      mangle: keyMangler === false ? null : keyMangler,
      locking,
      lockTimeoutSeconds,
      lockWaitSeconds: Math.min(options.lockWaitSeconds ?? lockTimeoutSeconds, lockTimeoutSeconds),
      expirationSeconds: options.expirationSeconds ?? null,
    };
  }
}

/** BAD_INPUT unless `seconds` is undefined or a finite number above 0. */
export function requirePositive(what: string, seconds: number | undefined): void {
  if (seconds !== undefined && !(seconds > 0 && Number.isFinite(seconds))) {
    throw new DomainError("BAD_INPUT", `The ${what} must be a number of seconds above 0.`);
  }
}

/** BAD_INPUT unless a lock may last that long. */
export function requireLockTimeout(seconds: number): void {
  if (seconds > LOCK_MARGIN_SECONDS && seconds <= MAX_LOCK_TIMEOUT_SECONDS) return;
  throw new DomainError(
    "BAD_INPUT",
    `The lock timeout must be more than ${LOCK_MARGIN_SECONDS} second and at most ${MAX_LOCK_TIMEOUT_SECONDS}.`,
  );
}

function wrap(inner: BackingStore, proxy: RegionProxy): BackingStore {
  const changed = proxy(inner);
  const peek =
    changed.get === undefined || changed.peek !== undefined ? (changed.peek ?? inner.peek?.bind(inner)) : undefined;
  return {
    get: (keys) => inner.get(keys),
    set: (entries, options) => inner.set(entries, options),
    delete: (keys, hold) => inner.delete(keys, hold),
    acquireLock: (key, holder, times) => inner.acquireLock(key, holder, times),
    renewLock: (key, holder, lifeSeconds) => inner.renewLock(key, holder, lifeSeconds),
    releaseLock: (key, hold) => inner.releaseLock(key, hold),
    findLock: (key, holder) => inner.findLock(key, holder),
    ...changed,
    ...(peek === undefined ? { peek: undefined } : { peek }),
  };
}
