import { type Access, requireEverywhere } from "../../access/access.ts";
import { hasCode } from "../../errors.ts";
import type { KeyValueStore } from "../../kvs/key-value-store.ts";
import type { BatchResult } from "../../storage/batch-result.ts";
import type { Page } from "../../storage/list-pages.ts";
import type { OperationContext } from "../context.ts";
import type { PageParams } from "../input/addresses.ts";
import { checkJsonText } from "../input/json-text.ts";
import { checkBatch, checkTextSize, pageRequest } from "../input/limits.ts";
import { checkName } from "../input/names.ts";
import { readVisible } from "../input/visible.ts";
import { checkKey, checkLockToken, chosenMany, open } from "./input.ts";

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

export interface EntryOperations {
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
}

export function createEntryOperations(context: OperationContext): EntryOperations {
  const { stores, limits } = context;
  return {
    async getEntries(access, params) {
      return readVisible(checkBatch(limits, "entries", params.entries), {
        choose({ store, key }) {
          requireEverywhere(access, "administer");
          return { store: checkName("store", store), key: checkKey(key) };
        },
        async read(wanted) {
          const byStore = Map.groupBy(wanted, ({ store }) => store);
          const found = await Promise.all(
            [...byStore].map(([store, entries]) => readEntries(context, access, store, entries)),
          );
          return found.flat();
        },
        keyOf: entryKey,
        foundKeyOf: entryKey,
      });
    },

    async keys(access, params) {
      requireEverywhere(access, "administer");
      return stores.keys(checkName("store", params.store), pageRequest(limits, params.page));
    },

    async countMany(access, params) {
      return stores.countMany(chosenMany(context, access, params.stores));
    },

    async keysOfMany(access, params) {
      return stores.keysOfMany(chosenMany(context, access, params.stores), pageRequest(limits, params.page));
    },

    async getValue(access, params) {
      return (await open(context, access, params.store)).get(checkKey(params.key));
    },

    async getValues(access, params) {
      const store = await open(context, access, params.store);
      const values = await store.getMulti(checkBatch(limits, "keys", params.keys).map(checkKey));
      return values.map((valueText) => valueText ?? null);
    },

    async setValue(access, params) {
      const store = await open(context, access, params.store);
      const key = checkKey(params.key);
      const value = checkValue(context, "value", params.valueText);
      await store.set(key, value, await lockOf(store, key, params.lockToken));
    },

    async setValues(access, params) {
      const store = await open(context, access, params.store);
      const entries = checkBatch(limits, "entries", params.entries).map(
        ({ key, valueText }, index) =>
          [checkKey(key), checkValue(context, `entries.${index}.value`, valueText)] as const,
      );
      await store.setMulti(new Map(entries));
    },

    async deleteValue(access, params) {
      const store = await open(context, access, params.store);
      const key = checkKey(params.key);
      const deleted = await store.delete(key, await lockOf(store, key, params.lockToken));
      return { deleted: deleted ? 1 : 0 };
    },

    async deleteValues(access, params) {
      const store = await open(context, access, params.store);
      return { deleted: await store.deleteMulti(checkBatch(limits, "keys", params.keys).map(checkKey)) };
    },
  };
}

/** Those of these keys of a user's store that have a value; none when there is no such store. */
async function readEntries(
  context: OperationContext,
  access: Access,
  name: string,
  entries: readonly { key: string }[],
): Promise<EntryRecord[]> {
  try {
    const store = await open(context, access, name);
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

const entryKey = ({ store, key }: { store: string; key: string }) => `${store}/${key}`;

function checkValue({ limits }: OperationContext, field: string, valueText: string): string {
  checkTextSize(field, valueText, limits.MAX_QUEUE_METADATA);
  checkJsonText(field, valueText, limits.MAX_JSON_DEPTH);
  return valueText;
}

/** The option that makes a write use the lock of this token. Without a token it is empty. */
async function lockOf(store: KeyValueStore<string>, key: string, lockToken: string | null | undefined) {
  if (lockToken === null || lockToken === undefined) return {};
  return { lock: await store.resumeLock(key, checkLockToken(lockToken)) };
}
