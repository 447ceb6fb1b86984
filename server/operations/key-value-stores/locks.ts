import { createHash } from "node:crypto";
import { type Access, requireEverywhere } from "../../access/access.ts";
import { DomainError } from "../../errors.ts";
import type { Lock } from "../../kvs/lock.ts";
import type { StoredLock } from "../../kvs/region.ts";
import { USER_LOCK_WAIT_SECONDS } from "../../kvs/stores.ts";
import type { BatchResult } from "../../storage/batch-result.ts";
import type { Page } from "../../storage/list-pages.ts";
import type { OperationContext } from "../context.ts";
import type { PageParams } from "../input/addresses.ts";
import { pageRequest } from "../input/limits.ts";
import { checkName } from "../input/names.ts";
import { checkWait } from "../live/long-polls.ts";
import { checkKey, checkLockTimeout, checkLockToken, chosenMany, open } from "./input.ts";

export interface LockRecord {
  store: string;
  key: string;
  /** A digest of the holder: the same holder has the same digest. It is no lock token. */
  holder: string;
  /** Grows with every lock of the key. A write with an older fence is refused. */
  fence: number;
  expiresAt: Date;
}

export interface AcquiredLock {
  store: string;
  key: string;
  /** For `setValue`, `deleteValue`, `renewLock` and `releaseLock`. Only the holder gets it. */
  lockToken: string;
  fence: number;
  /** When another caller can get it. What the holder writes in the last second before is refused. */
  expiresAt: Date;
}

export interface LockOperations {
  /** The locks that are held now, of one store or of all. */
  locks(access: Access, params: { store?: string | null } & PageParams): Promise<Page<LockRecord>>;
  /** `locks` of each store, in the order given, one statement or pipeline a backend. */
  locksOfMany(
    access: Access,
    params: { stores: readonly string[] } & PageParams,
  ): Promise<BatchResult<Page<LockRecord>>[]>;
  /**
   * Acquires the key's lock.
   *
   * - `ttlSeconds` (2 to 3,600): how long it lasts. Default: the store's lockTimeoutSeconds.
   * - `waitSeconds` (0 to 20, default LOCK_WAIT_SECONDS): how long to wait for it, at most until `signal` aborts. Then
   *   LOCK_TIMEOUT.
   */
  acquireLock(
    access: Access,
    params: {
      store: string;
      key: string;
      ttlSeconds?: number | null;
      waitSeconds?: number | null;
      signal?: AbortSignal;
    },
  ): Promise<AcquiredLock>;
  /**
   * Renews a lock: it lasts `ttlSeconds` from now, as in `acquireLock`. Its token and its fence stay. LOCK_NOT_VALID
   * when it has ended or ends within a second: another caller may hold it by then.
   */
  renewLock(
    access: Access,
    params: { store: string; key: string; lockToken: string; ttlSeconds?: number | null },
  ): Promise<AcquiredLock>;
  /** Releases the lock. LOCK_NOT_VALID when it has ended already. */
  releaseLock(access: Access, params: { store: string; key: string; lockToken: string }): Promise<void>;
}

/** How long `acquireLock` waits by default. */
export const LOCK_WAIT_SECONDS = USER_LOCK_WAIT_SECONDS;

export function createLockOperations(context: OperationContext): LockOperations {
  const { stores, limits } = context;
  return {
    async locks(access, params) {
      requireEverywhere(access, "administer");
      const store = params.store ?? undefined;
      return lockRecords(
        await stores.locks({
          page: pageRequest(limits, params.page),
          ...(store === undefined ? {} : { store: checkName("store", store) }),
        }),
      );
    },

    async locksOfMany(access, params) {
      const found = await stores.locksOfMany(
        chosenMany(context, access, params.stores),
        pageRequest(limits, params.page),
      );
      return found.map((page) => (page instanceof DomainError ? page : lockRecords(page)));
    },

    async acquireLock(access, params) {
      const store = await open(context, access, params.store);
      const key = checkKey(params.key);
      const ttlSeconds = checkLockTimeout("ttlSeconds", params.ttlSeconds);
      const lock = await store.getLock(key).acquire({
        waitSeconds: checkWait(params.waitSeconds ?? LOCK_WAIT_SECONDS),
        ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
        ...(params.signal === undefined ? {} : { signal: params.signal }),
      });
      return acquired(params.store, lock);
    },

    async renewLock(access, params) {
      const store = await open(context, access, params.store);
      const key = checkKey(params.key);
      const ttlSeconds = checkLockTimeout("ttlSeconds", params.ttlSeconds);
      return acquired(params.store, await store.renewLock(key, checkLockToken(params.lockToken), ttlSeconds));
    },

    async releaseLock(access, params) {
      const store = await open(context, access, params.store);
      const key = checkKey(params.key);
      const lock = await store.resumeLock(key, checkLockToken(params.lockToken));
      await lock.release();
    },
  };
}

/** Users' stores have locking, so their active locks have all of these. */
function acquired(store: string, { key, token, fence, expiresAt }: Lock): AcquiredLock {
  return { store, key, lockToken: token as string, fence: fence as number, expiresAt: expiresAt as Date };
}

function lockRecords(page: Page<StoredLock>): Page<LockRecord> {
  const items = page.items.map(({ region, key, holder, fence, expiresAt }) => {
    return { store: region, key, holder: holderDigest(holder), fence, expiresAt };
  });
  return { ...page, items };
}

/** Hazard: whoever knows the holder itself can write and release. So only a digest is shown. */
function holderDigest(holder: string): string {
  return createHash("sha256").update(holder).digest("hex").slice(0, 12);
}
