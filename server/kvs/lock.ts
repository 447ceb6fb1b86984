/** A write lock on one key of a store. */
import { randomUUID } from "node:crypto";
import { DomainError } from "../errors.ts";
import { type Clock, monotonicNow } from "./clock.ts";
import {
  type Grant,
  type Hold,
  LOCK_MARGIN_SECONDS,
  type RegionSettings,
  requireLockTimeout,
  requirePositive,
} from "./region.ts";

export interface AcquireOptions {
  /** How long the lock lasts. Default: the store's lockTimeoutSeconds. */
  ttlSeconds?: number;
  /** How long to wait for it; 0: not at all. Default: the store's lockWaitSeconds. */
  waitSeconds?: number;
  /** Ends the wait, as if its time were over. */
  signal?: AbortSignal;
}

/**
 * Excludes other writers of one key, but not its readers. A store's getLock creates it; the caller passes it to the
 * store's set and delete.
 *
 * `await using lock = await store.getLock(key).acquire()` releases it at the end of the block, also after an error. If
 * the holder dies, the backend drops the lock after the store's lock timeout.
 */
export interface Lock extends AsyncDisposable {
  readonly key: string;
  /** True from acquire to release, also once the lock has expired. */
  readonly active: boolean;
  /** True from one second before the backend drops it: writes with it are refused. False while it is not active. */
  readonly expired: boolean;
  /**
   * Identifies this holder to resumeLock, in any process. Null while the lock is not active. Hazard: everyone who knows
   * the token may write and release.
   */
  readonly token: string | null;
  /** Grows with every holder of the key. Null while the lock is not active, or when the store has no locking. */
  readonly fence: number | null;
  /**
   * When the backend drops it, by the backend's clock. Writes with it are refused one second earlier. Null as `fence`
   * is.
   */
  readonly expiresAt: Date | null;
  /**
   * LOCK_TIMEOUT with details.target = key when others hold the key's lock for longer than the wait. LOCK_NOT_VALID
   * when this lock is active already. BAD_INPUT.
   */
  acquire(options?: AcquireOptions): Promise<Lock>;
  /**
   * From now on it lasts `ttlSeconds`, by default the store's lockTimeoutSeconds; its fence stays. LOCK_NOT_VALID when
   * it is not active, or has expired: then another holder may have written meanwhile. BAD_INPUT.
   */
  renew(ttlSeconds?: number): Promise<Lock>;
  /** Silent when it was released already or has expired. */
  release(): Promise<void>;
}

const GONE = "is not active. It was released or has expired; acquire a new one and read the value again";

/** The lock as its store creates it. With locking off it is granted at once and guards nothing. */
export class KeyLock implements Lock {
  readonly key: string;
  readonly #settings: RegionSettings;
  readonly #clock: Clock;
  #hold: (Hold & { validUntil: number; expiresAt: Date | null }) | null = null;
  #acquiring = false;

  constructor(key: string, settings: RegionSettings, clock: Clock) {
    this.key = key;
    this.#settings = settings;
    this.#clock = clock;
  }

  get #storedKey(): string {
    return this.#settings.mangle === null ? this.key : this.#settings.mangle(this.key);
  }

  get active(): boolean {
    return this.#hold !== null;
  }

  get expired(): boolean {
    return this.#hold !== null && monotonicNow(this.#clock) >= this.#hold.validUntil;
  }

  get token(): string | null {
    return this.#hold?.holder ?? null;
  }

  get fence(): number | null {
    return this.#settings.locking ? (this.#hold?.fence ?? null) : null;
  }

  get expiresAt(): Date | null {
    return this.#hold?.expiresAt ?? null;
  }

  async acquire(options: AcquireOptions = {}): Promise<Lock> {
    if (this.#hold !== null || this.#acquiring) throw this.#notValid("is acquired already. Release it, or get another");
    this.#acquiring = true;
    try {
      const holder = randomUUID();
      const { backing, locking, lockTimeoutSeconds, lockWaitSeconds } = this.#settings;
      const { ttlSeconds = lockTimeoutSeconds, waitSeconds = lockWaitSeconds, signal } = options;
      requireLockTimeout(ttlSeconds);
      // 0 is allowed: not to wait.
      if (waitSeconds !== 0) requirePositive("wait for a lock", waitSeconds);
      if (!locking) {
        this.#hold = { holder, fence: 0, validUntil: Number.POSITIVE_INFINITY, expiresAt: null };
        return this;
      }
      const times = { lifeSeconds: ttlSeconds, waitSeconds, ...(signal === undefined ? {} : { signal }) };
      const grant = await backing.acquireLock(this.#storedKey, holder, times);
      if (grant === null) {
        throw new DomainError("LOCK_TIMEOUT", "Other writers held this key's lock for too long. Try again.", {
          details: { target: this.key },
        });
      }
      this.#start(holder, grant);
      return this;
    } finally {
      this.#acquiring = false;
    }
  }

  /** Continues the lock that this holder has acquired elsewhere. LOCK_NOT_VALID when that lock is no longer live. */
  async resume(holder: string): Promise<Lock> {
    const grant = this.#settings.locking ? await this.#settings.backing.findLock(this.#storedKey, holder) : null;
    if (grant === null) throw this.#notValid(GONE);
    this.#start(holder, grant);
    return this;
  }

  async renew(ttlSeconds?: number): Promise<Lock> {
    if (this.#hold === null) throw this.#notValid("is not active. Acquire it first");
    if (this.expired) throw this.#notValid("has expired. Acquire a new one and read the value again");
    return this.#settings.locking ? this.renewAs(this.#hold.holder, ttlSeconds) : this;
  }

  /** Like `renew`, for the lock that this holder has acquired, perhaps elsewhere. */
  async renewAs(holder: string, ttlSeconds: number = this.#settings.lockTimeoutSeconds): Promise<Lock> {
    requireLockTimeout(ttlSeconds);
    const { backing, locking } = this.#settings;
    const grant = locking ? await backing.renewLock(this.#storedKey, holder, ttlSeconds) : null;
    if (grant === null) throw this.#notValid(GONE);
    this.#start(holder, grant);
    return this;
  }

  /**
   * The acquisition that a write to this key of this region relies on. Undefined when the region has no locking.
   * LOCK_NOT_VALID when the lock is for another key or region, not active, or expired.
   */
  holdFor(key: string, settings: RegionSettings): Hold | undefined {
    if (this.#settings !== settings || this.key !== key) throw this.#notValid("is for another key or another store");
    if (this.#hold === null) throw this.#notValid("is not active. Acquire it first");
    if (this.expired) throw this.#notValid("has expired. Acquire a new one and read the value again");
    return settings.locking ? this.#hold : undefined;
  }

  async release(): Promise<void> {
    const hold = this.#hold;
    this.#hold = null;
    if (hold !== null && this.#settings.locking) await this.#settings.backing.releaseLock(this.#storedKey, hold);
  }

  /**
   * Unlike `release`, this never throws, even when the backend is unreachable. The backend drops the lock after its
   * timeout, and the result of the block counts.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch(() => undefined);
  }

  #start(holder: string, { fence, remainingSeconds, expiresAt }: Grant): void {
    const validUntil = monotonicNow(this.#clock) + (remainingSeconds - LOCK_MARGIN_SECONDS) * 1000;
    this.#hold = { holder, fence, validUntil, expiresAt };
  }

  #notValid(why: string): DomainError {
    return new DomainError("LOCK_NOT_VALID", `The lock ${why}.`, { details: { target: this.key } });
  }
}
