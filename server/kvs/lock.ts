/** A write lock on one key of a store. */
import { randomUUID } from "node:crypto";
import { DomainError } from "../errors.ts";
import { type Clock, monotonicNow } from "./clock.ts";
import { type Hold, LOCK_MARGIN_SECONDS, type RegionSettings } from "./region.ts";

/**
 * Holds off other writers of one key, not its readers. Made by a store's getLock and passed into its set and delete;
 * `await using lock = await store.getLock(key).acquire()` releases it at the end of the block, whatever happens there.
 * A holder that dies leaves it to the backend, which drops it after the store's lock timeout.
 */
export interface Lock extends AsyncDisposable {
  readonly key: string;
  /** Acquired and not released. True for an expired one too. */
  readonly active: boolean;
  /** From one second before the backend drops it on: writes with it are refused. False while it is not active. */
  readonly expired: boolean;
  /**
   * Names this holder to resumeLock, in any process; null while it is not active. Who knows it may write and release.
   */
  readonly token: string | null;
  /** Grows with every holder of the key; null while it is not active, or when the store has no locking. */
  readonly fence: number | null;
  /**
   * Waits as long as the store lets callers wait, at most its lock timeout: LOCK_TIMEOUT with details.target = key.
   * LOCK_NOT_VALID when it is active already.
   */
  acquire(): Promise<Lock>;
  /** Twice is once; silent when it has expired. */
  release(): Promise<void>;
}

/** The lock as its store makes it. With locking off it is granted at once and guards nothing. */
export class KeyLock implements Lock {
  readonly key: string;
  readonly #settings: RegionSettings;
  readonly #clock: Clock;
  #hold: (Hold & { validUntil: number }) | null = null;
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

  async acquire(): Promise<Lock> {
    if (this.#hold !== null || this.#acquiring) throw this.#notValid("is acquired already. Release it, or get another");
    this.#acquiring = true;
    try {
      const holder = randomUUID();
      const { backing, locking, lockTimeoutSeconds, lockWaitSeconds } = this.#settings;
      if (!locking) {
        this.#hold = { holder, fence: 0, validUntil: Number.POSITIVE_INFINITY };
        return this;
      }
      const times = { lifeSeconds: lockTimeoutSeconds, waitSeconds: lockWaitSeconds };
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

  /** Takes up the lock of this holder where it is. LOCK_NOT_VALID when it is not live any more. */
  async resume(holder: string): Promise<Lock> {
    const grant = this.#settings.locking ? await this.#settings.backing.findLock(this.#storedKey, holder) : null;
    if (grant === null) throw this.#notValid("is not active. It was released or has expired; acquire a new one");
    this.#start(holder, grant);
    return this;
  }

  /** What a write to this key of this region may rely on; undefined when the region has no locking. LOCK_NOT_VALID. */
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
   * Unlike release, silent when the backend cannot be reached: the lock is then dropped by itself, and the block's own
   * result counts.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch(() => undefined);
  }

  #start(holder: string, grant: { fence: number; remainingSeconds: number }): void {
    const validUntil = monotonicNow(this.#clock) + (grant.remainingSeconds - LOCK_MARGIN_SECONDS) * 1000;
    this.#hold = { holder, fence: grant.fence, validUntil };
  }

  #notValid(why: string): DomainError {
    return new DomainError("LOCK_NOT_VALID", `The lock ${why}.`, { details: { target: this.key } });
  }
}
