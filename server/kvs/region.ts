/**
 * A region: the part of a backend that one store (or several that share it) lives in, with its keys' spelling and its
 * proxies.
 */
import { DomainError } from "../errors.ts";
import { type KeyMangler, sha1Mangler } from "./key-mangler.ts";

/**
 * One region's entries and locks in its backend. Keys arrive mangled, values deeply frozen; both may be handed out
 * again as they are. An expired entry is absent at once.
 */
export interface BackingStore {
  /** Only where the entries are in this process. Undefined: absent, or unknown here. Never waits. */
  peek?(key: string): unknown;
  /** One value per key, in order; undefined where it is absent. */
  get(keys: readonly string[]): Promise<unknown[]>;
  /**
   * Writes all entries, or none of them. With `hold` there is one entry, and it is written only if that lock still is
   * the key's and no later holder has written: checked in the same step. False: refused, nothing written.
   */
  set(
    entries: readonly (readonly [string, unknown])[],
    options: { ttlSeconds: number | null; hold?: Hold },
  ): Promise<boolean>;
  /** Deletes those that exist. With `hold`, as `set`. */
  delete(keys: readonly string[], hold?: Hold): Promise<{ refused: boolean; deleted: number }>;
  /**
   * Takes the key's lock for `lifeSeconds`, waiting at most `waitSeconds` for its holder to release it or to be
   * dropped. Null: still held then. Fences grow with each holder and are never given twice.
   */
  acquireLock(key: string, holder: string, times: { lifeSeconds: number; waitSeconds: number }): Promise<Grant | null>;
  /** Silent when this holder does not hold it any more. */
  releaseLock(key: string, hold: Hold): Promise<void>;
  /** The live lock of this holder on the key, if there is one. */
  findLock(key: string, holder: string): Promise<Grant | null>;
}

export interface Grant {
  fence: number;
  /** The backend does not drop the lock sooner than this, counted from the answer. */
  remainingSeconds: number;
}

/** Which acquisition of a lock a write relies on. */
export interface Hold {
  readonly holder: string;
  readonly fence: number;
}

/**
 * Wraps a region's backend: gives the methods that it changes, and all others go straight to `inner`. One that changes
 * `get` without `peek` turns peeking off, so that no read passes it by.
 */
export type RegionProxy = (inner: BackingStore) => Partial<BackingStore>;

/** A place to keep entries: its short name is the key in the table of backends given to createKeyValueStores. */
export interface Backend {
  /** The same region opened twice is the same entries. */
  open(region: string, options: { maximumEntries?: number }): BackingStore;
  /** Regions that hold an entry now, those of other processes too where the backend is shared. */
  regions(range: Range<string>): Promise<string[]>;
  /** Exact up to 10,000, then value 10,000 and exact false. */
  count(region: string): Promise<{ value: number; exact: boolean }>;
  /** Keys as the backend spells them. */
  keys(region: string, range: Range<string>): Promise<StoredKey[]>;
  /** Live locks of all regions, or of one. */
  locks(range: Range<LockPlace>, region?: string): Promise<StoredLock[]>;
  /** Frees expired entries and locks, in small batches, and says how many. Safe to run anywhere at any time. */
  sweep(): Promise<number>;
}

/**
 * In ascending order (of code points), at most `limit`: the first ones above `after`, or the last ones below `before`.
 * At most one of them is given.
 */
export interface Range<M> {
  after?: M;
  before?: M;
  limit: number;
}

/** Counts are exact up to this. */
export const COUNT_LIMIT = 10_000;

export interface LockPlace {
  region: string;
  key: string;
}

export interface StoredKey {
  key: string;
  /** Null: stays until it is deleted. */
  expiresAt: Date | null;
}

export interface StoredLock extends LockPlace {
  holder: string;
  fence: number;
  expiresAt: Date;
}

export type Backends = Readonly<Record<string, Backend>>;

export interface RegionOptions {
  /** The short name of a backend. */
  backingStore: string;
  /** Left out: SHA-1. False: keys as they are. */
  keyMangler?: KeyMangler | false;
  /** The first is the outermost. */
  proxies?: readonly RegionProxy[];
  /** Left out: true. False: locks are granted to everybody at once and writers take none. */
  locking?: boolean;
  /**
   * How long a lock lives unless released. More than the one second of its holder's margin, at most a day. Default 5.
   */
  lockTimeoutSeconds?: number;
  /** How long a caller waits for a lock; at most, and by default, lockTimeoutSeconds. */
  lockWaitSeconds?: number;
  /** How long an entry lives that is written without a ttl of its own. Left out: until it is deleted. */
  expirationSeconds?: number;
  /** Memory: beyond it the least recently used entry is forgotten. Default 10,000. */
  maximumEntries?: number;
}

/** What a configured region has. */
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
 * By how much a lock counts as expired for its holder before the backend drops it: a write that was checked just in
 * time still arrives in time.
 */
export const LOCK_MARGIN_SECONDS = 1;
const DEFAULT_LOCK_TIMEOUT_SECONDS = 5;
/** A day: a timer of Node's cannot wait for more than 24. */
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
   * Once: STORE_ALREADY_CONFIGURED. BAD_INPUT for an unknown backend or a time that makes no sense; it can then be
   * configured still.
   */
  configure(options: RegionOptions): void {
    if (this.#settings !== undefined) {
      throw new DomainError(
        "STORE_ALREADY_CONFIGURED",
        `The store ${this.name} is configured already. Make another store for other settings.`,
        {
          details: { store: this.name },
        },
      );
    }
    const backend = this.#backends[options.backingStore];
    if (backend === undefined || !Object.hasOwn(this.#backends, options.backingStore)) {
      const known = Object.keys(this.#backends).join(", ");
      throw new DomainError("BAD_INPUT", `There is no backing store ${options.backingStore}. Take one of: ${known}.`);
    }
    const {
      keyMangler = sha1Mangler,
      proxies = [],
      locking = true,
      lockTimeoutSeconds = DEFAULT_LOCK_TIMEOUT_SECONDS,
    } = options;
    if (!(lockTimeoutSeconds > LOCK_MARGIN_SECONDS && lockTimeoutSeconds <= MAX_LOCK_TIMEOUT_SECONDS)) {
      throw new DomainError(
        "BAD_INPUT",
        `The lock timeout must be more than ${LOCK_MARGIN_SECONDS} second and at most ${MAX_LOCK_TIMEOUT_SECONDS}.`,
      );
    }
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

/** BAD_INPUT unless it is left out or a number of seconds above 0. */
export function requirePositive(what: string, seconds: number | undefined): void {
  if (seconds !== undefined && !(seconds > 0 && Number.isFinite(seconds))) {
    throw new DomainError("BAD_INPUT", `The ${what} must be a number of seconds above 0.`);
  }
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
    releaseLock: (key, hold) => inner.releaseLock(key, hold),
    findLock: (key, holder) => inner.findLock(key, holder),
    ...changed,
    ...(peek === undefined ? { peek: undefined } : { peek }),
  };
}
