import { createHash } from "node:crypto";
import { type Access, requireRole } from "../access/access.ts";
import { DomainError, hasCode } from "../errors.ts";
import type { KeyValueStore } from "../kvs/key-value-store.ts";
import type { Lock } from "../kvs/lock.ts";
import type { StoredLock } from "../kvs/region.ts";
import { USER_LOCK_WAIT_SECONDS } from "../kvs/stores.ts";
import type { BatchResult } from "../storage/batch-result.ts";
import type { Page } from "../storage/list-pages.ts";
import { intended, permitted } from "./audit-trail.ts";
import type { OperationContext } from "./context.ts";
import type { PageParams } from "./input/addresses.ts";
import { checkJsonText } from "./input/json-text.ts";
import { badInput, checkBatch, checkTextSize, checkWhole, isStorable, pageRequest } from "./input/limits.ts";
import { checkName, isNameMarker } from "./input/names.ts";
import { readVisible } from "./input/visible.ts";
import { checkWait } from "./live/long-polls.ts";

export interface StoreRecord {
  name: string;
  /** Short name of its backend. */
  backingStore: string;
  /** True for Isimud's own stores: their keys are listed, their values never shown. */
  internal: boolean;
}

export interface KeyRecord {
  /** The key as the backend stores it: a digest if the store hides its keys. */
  key: string;
  /** Null: the entry stays until it is deleted. */
  expiresAt: Date | null;
}

export interface EntryRecord {
  store: string;
  key: string;
  valueText: string;
}

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

/**
 * Everything here needs the role admin. STORE_DOES_NOT_EXIST for a store that nobody created, and for the values and
 * locks of internal stores. Keys have 1 to 1,024 characters. Values are JSON, kept exactly as they were given.
 */
export interface KeyValueStoreOperations {
  /** All stores, also internal ones, by name. */
  list(access: Access, params: PageParams): Promise<Page<StoreRecord>>;
  /** In the order asked, null for a store that does not exist or that the caller may not see. At most MAX_PAGE_SIZE. */
  getMany(access: Access, params: { stores: readonly string[] }): Promise<(StoreRecord | null)[]>;
  /**
   * The values of keys of any stores, in the order asked; null for what does not exist or the caller may not see. One
   * call for each store. At most MAX_PAGE_SIZE.
   */
  getEntries(
    access: Access,
    params: { entries: readonly Omit<EntryRecord, "valueText">[] },
  ): Promise<(EntryRecord | null)[]>;
  /** The store's keys. STORE_DOES_NOT_EXIST. */
  keys(access: Access, params: { store: string } & PageParams): Promise<Page<KeyRecord>>;
  /** The locks that are held now, of one store or of all. */
  locks(access: Access, params: { store?: string | null } & PageParams): Promise<Page<LockRecord>>;
  /** How many entries each store has: exact up to 10,000. In the order given, one statement or pipeline a backend. */
  countMany(
    access: Access,
    params: { stores: readonly string[] },
  ): Promise<BatchResult<{ value: number; exact: boolean }>[]>;
  /** `keys` of each store, likewise. */
  keysOfMany(
    access: Access,
    params: { stores: readonly string[] } & PageParams,
  ): Promise<BatchResult<Page<KeyRecord>>[]>;
  /** `locks` of each store, likewise. */
  locksOfMany(
    access: Access,
    params: { stores: readonly string[] } & PageParams,
  ): Promise<BatchResult<Page<LockRecord>>[]>;
  /**
   * Creates a store, permanently and for all processes. Its audit entry is written first, and stays "intended" after a
   * crash.
   *
   * - `lockTimeoutSeconds` (2 to 3,600): how long a lock lasts that asks for no other time. Default 5.
   * - `expirationSeconds`: how long a value lasts. Left out: until it is deleted.
   *
   * - `replace`: a user's store of that name gets these settings, for later values and locks; `created` is false then.
   *   Other processes follow within seconds. Without: STORE_ALREADY_CONFIGURED.
   *
   * STORE_ALREADY_CONFIGURED, BAD_INPUT.
   */
  create(
    access: Access,
    params: {
      store: string;
      lockTimeoutSeconds?: number | null;
      expirationSeconds?: number | null;
      replace?: boolean;
    },
  ): Promise<{ store: StoreRecord; created: boolean }>;
  /** The value's JSON text. KEY_DOES_NOT_EXIST. */
  getValue(access: Access, params: { store: string; key: string }): Promise<string>;
  /** In the order asked, null for a missing key. At most MAX_PAGE_SIZE. */
  getValues(access: Access, params: { store: string; keys: readonly string[] }): Promise<(string | null)[]>;
  /**
   * Sets a value. Without a lock token it acquires the key's lock itself, and waits for it as long as the store's locks
   * last, but at most LOCK_WAIT_SECONDS. LOCK_NOT_VALID, LOCK_TIMEOUT.
   */
  setValue(
    access: Access,
    params: { store: string; key: string; valueText: string; lockToken?: string | null },
  ): Promise<void>;
  /** Sets all values or none, and ignores locks. At most MAX_PAGE_SIZE. */
  setValues(
    access: Access,
    params: { store: string; entries: readonly { key: string; valueText: string }[] },
  ): Promise<void>;
  /**
   * Deletes a value; locks as `setValue` does. `deleted` is 0 when there was none. LOCK_NOT_VALID, LOCK_TIMEOUT.
   */
  deleteValue(
    access: Access,
    params: { store: string; key: string; lockToken?: string | null },
  ): Promise<{ deleted: number }>;
  /** Deletes the values that exist, and ignores locks. At most MAX_PAGE_SIZE. */
  deleteValues(access: Access, params: { store: string; keys: readonly string[] }): Promise<{ deleted: number }>;
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
   * Renews a lock: it lasts `ttlSeconds` from now, as in `acquireLock`. Its token and its fence stay. LOCK_NOT_VALID when
   * it has ended or ends within a second: another caller may hold it by then.
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
export const MAX_KEY_LENGTH = 1024;
const MIN_LOCK_TIMEOUT = 2;
const MAX_LOCK_TIMEOUT = 3600;
const MAX_EXPIRATION = 10 * 365 * 86_400;

export function createKeyValueStoreOperations(context: OperationContext): KeyValueStoreOperations {
  const { stores, limits } = context;

  /** Opens a user's store. Its values are JSON texts, so that they come back exactly as they were given. */
  async function open(access: Access, store: string): Promise<KeyValueStore<string>> {
    requireRole(access, "admin");
    return (await stores.open(checkName("store", store))) as KeyValueStore<string>;
  }

  /** Those of these keys of a user's store that have a value; none when there is no such store. */
  async function readEntries(
    access: Access,
    name: string,
    entries: readonly { key: string }[],
  ): Promise<EntryRecord[]> {
    try {
      const store = await open(access, name);
      const values = await store.getMulti(entries.map(({ key }) => key));
      return entries.flatMap(({ key }, index) => {
        const valueText = values[index];
        return valueText === undefined ? [] : [{ store: name, key, valueText }];
      });
    } catch (error) {
      if (hasCode(error, "STORE_DOES_NOT_EXIST")) return [];
      throw error;
    }
  }

  function checkValue(field: string, valueText: string): string {
    checkTextSize(field, valueText, limits.MAX_QUEUE_METADATA);
    checkJsonText(field, valueText, limits.MAX_JSON_DEPTH);
    return valueText;
  }

  /** The option that makes a write use the lock of this token. Without a token it is empty. */
  async function lockOf(store: KeyValueStore<string>, key: string, lockToken: string | null | undefined) {
    if (lockToken === null || lockToken === undefined) return {};
    return { lock: await store.resumeLock(key, checkLockToken(lockToken)) };
  }

  function chosenMany(access: Access, names: readonly string[]): string[] {
    requireRole(access, "admin");
    return checkBatch(limits, "stores", names).map((name) => checkName("stores", name));
  }

  return {
    async list(access, params) {
      requireRole(access, "admin");
      return stores.keyValueStores(pageRequest(limits, params.page, isNameMarker));
    },

    async getMany(access, params) {
      return readVisible(checkBatch(limits, "stores", params.stores), {
        choose(name) {
          requireRole(access, "admin");
          return checkName("stores", name);
        },
        read: (wanted) => stores.getMany(wanted),
        keyOf: (name) => name,
        foundKeyOf: ({ name }) => name,
      });
    },

    async getEntries(access, params) {
      return readVisible(checkBatch(limits, "entries", params.entries), {
        choose({ store, key }) {
          requireRole(access, "admin");
          return { store: checkName("store", store), key: checkKey(key) };
        },
        async read(wanted) {
          const byStore = Map.groupBy(wanted, ({ store }) => store);
          const found = await Promise.all([...byStore].map(([store, entries]) => readEntries(access, store, entries)));
          return found.flat();
        },
        keyOf: entryKey,
        foundKeyOf: entryKey,
      });
    },

    async keys(access, params) {
      requireRole(access, "admin");
      return stores.keys(checkName("store", params.store), pageRequest(limits, params.page));
    },

    async locks(access, params) {
      requireRole(access, "admin");
      const store = params.store ?? undefined;
      return lockRecords(
        await stores.locks({
          page: pageRequest(limits, params.page),
          ...(store === undefined ? {} : { store: checkName("store", store) }),
        }),
      );
    },

    async countMany(access, params) {
      return stores.countMany(chosenMany(access, params.stores));
    },

    async keysOfMany(access, params) {
      return stores.keysOfMany(chosenMany(access, params.stores), pageRequest(limits, params.page));
    },

    async locksOfMany(access, params) {
      const found = await stores.locksOfMany(chosenMany(access, params.stores), pageRequest(limits, params.page));
      return found.map((page) => (page instanceof DomainError ? page : lockRecords(page)));
    },

    async create(access, params) {
      const trace = { access, action: "createKeyValueStore", project: null, target: String(params.store) };
      const store = await permitted(context, trace, "admin", () => checkName("store", params.store));
      const { expirationSeconds, replace = false } = params;
      const lockTimeoutSeconds = checkLockTimeout("lockTimeoutSeconds", params.lockTimeoutSeconds);
      const definition = {
        ...(lockTimeoutSeconds === undefined ? {} : { lockTimeoutSeconds }),
        ...(expirationSeconds === undefined || expirationSeconds === null
          ? {}
          : { expirationSeconds: checkWhole("expirationSeconds", expirationSeconds, 1, MAX_EXPIRATION, "seconds") }),
      };
      // Stores are not part of the control driver's transactions, so the audit entry is written first.
      const created = await intended(
        context,
        trace,
        definition,
        () => stores.create(store, definition, { replace }),
        (isNew) => ({ created: isNew }),
      );
      return { store: await stores.summary(store), created };
    },

    async getValue(access, params) {
      return (await open(access, params.store)).get(checkKey(params.key));
    },

    async getValues(access, params) {
      const store = await open(access, params.store);
      const values = await store.getMulti(checkBatch(limits, "keys", params.keys).map(checkKey));
      return values.map((valueText) => valueText ?? null);
    },

    async setValue(access, params) {
      const store = await open(access, params.store);
      const key = checkKey(params.key);
      const value = checkValue("value", params.valueText);
      await store.set(key, value, await lockOf(store, key, params.lockToken));
    },

    async setValues(access, params) {
      const store = await open(access, params.store);
      const entries = checkBatch(limits, "entries", params.entries).map(
        ({ key, valueText }, index) => [checkKey(key), checkValue(`entries.${index}.value`, valueText)] as const,
      );
      await store.setMulti(new Map(entries));
    },

    async deleteValue(access, params) {
      const store = await open(access, params.store);
      const key = checkKey(params.key);
      const deleted = await store.delete(key, await lockOf(store, key, params.lockToken));
      return { deleted: deleted ? 1 : 0 };
    },

    async deleteValues(access, params) {
      const store = await open(access, params.store);
      return { deleted: await store.deleteMulti(checkBatch(limits, "keys", params.keys).map(checkKey)) };
    },

    async acquireLock(access, params) {
      const store = await open(access, params.store);
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
      const store = await open(access, params.store);
      const key = checkKey(params.key);
      const ttlSeconds = checkLockTimeout("ttlSeconds", params.ttlSeconds);
      return acquired(params.store, await store.renewLock(key, checkLockToken(params.lockToken), ttlSeconds));
    },

    async releaseLock(access, params) {
      const store = await open(access, params.store);
      const key = checkKey(params.key);
      const lock = await store.resumeLock(key, checkLockToken(params.lockToken));
      await lock.release();
    },
  };
}

/** Undefined: left out. */
function checkLockTimeout(field: string, seconds: number | null | undefined): number | undefined {
  if (seconds === undefined || seconds === null) return undefined;
  return checkWhole(field, seconds, MIN_LOCK_TIMEOUT, MAX_LOCK_TIMEOUT, "seconds");
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

const entryKey = ({ store, key }: { store: string; key: string }) => `${store}/${key}`;

function checkKey(key: unknown): string {
  if (!isStorable(key) || key === "" || key.length > MAX_KEY_LENGTH) {
    throw badInput("key", `A key must be text of 1 to ${MAX_KEY_LENGTH} characters without U+0000.`, {
      ...(typeof key === "string" ? { value: key.length } : {}),
      minimum: 1,
      maximum: MAX_KEY_LENGTH,
    });
  }
  return key;
}

function checkLockToken(lockToken: unknown): string {
  if (!isStorable(lockToken) || lockToken === "" || lockToken.length > MAX_KEY_LENGTH) {
    throw new DomainError(
      "LOCK_NOT_VALID",
      "This is not a lock token. Pass the one that acquireLock returned, unchanged.",
    );
  }
  return lockToken;
}

/** Hazard: whoever knows the holder itself can write and release. So only a digest is shown. */
function holderDigest(holder: string): string {
  return createHash("sha256").update(holder).digest("hex").slice(0, 12);
}
