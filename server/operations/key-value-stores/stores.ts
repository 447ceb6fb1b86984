import { type Access, requireEverywhere } from "../../access/access.ts";
import { DomainError } from "../../errors.ts";
import { DEFAULT_LOCK_TIMEOUT_SECONDS } from "../../kvs/region.ts";
import { checkUserStoreName } from "../../kvs/store-definition.ts";
import type { Page } from "../../storage/list-pages.ts";
import { intended, permitted, possible, type Trace } from "../audit/audit-trail.ts";
import type { OperationContext } from "../context.ts";
import type { PageParams } from "../input/addresses.ts";
import { checkBatch, checkWhole, pageRequest } from "../input/limits.ts";
import { checkName, isNameMarker } from "../input/names.ts";
import { readVisible } from "../input/visible.ts";
import { checkLockTimeout } from "./input.ts";

export interface StoreRecord {
  name: string;
  /** Short name of its backend. */
  backingStore: string;
  /** True for Isimud's own stores: their keys are listed, their values never shown. */
  internal: boolean;
  /** How long a lock lasts that asks for no other time. Null for an internal store. */
  lockTimeoutSeconds: number | null;
  /** How long a value lasts. Null: until it is deleted, or the store is internal. */
  expirationSeconds: number | null;
}

export interface StoreOperations {
  /** All stores, also internal ones, by name. */
  list(access: Access, params: PageParams): Promise<Page<StoreRecord>>;
  /** In the order asked, null for a store that does not exist or that the caller may not see. At most MAX_PAGE_SIZE. */
  getMany(access: Access, params: { stores: readonly string[] }): Promise<(StoreRecord | null)[]>;
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
   * STORE_ALREADY_CONFIGURED, BAD_INPUT. LOCK_TIMEOUT while a deleted store of that name, which had very many values,
   * is being emptied.
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
  /**
   * Deletes a store with its values and locks. `deleted` is 0 when there was none. Other processes may use it for a few
   * seconds more; what they write is deleted too. Its audit entry is written first.
   *
   * CONFIRMATION_REQUIRED (`details.values`) while it has values, unless `discardValues` is true. STORE_DOES_NOT_EXIST
   * for an internal store.
   */
  delete(access: Access, params: { store: string; discardValues?: boolean }): Promise<{ deleted: number }>;
}

const MAX_EXPIRATION = 10 * 365 * 86_400;

export function createStoreOperations(context: OperationContext): StoreOperations {
  const { stores, limits } = context;

  /** CONFIRMATION_REQUIRED for a user's store that has values. */
  async function requireEmpty(store: string): Promise<void> {
    const [found] = await stores.getMany([store]);
    if (found === undefined || found.internal) return;
    const [count] = await stores.countMany([store]);
    if (count instanceof DomainError) throw count;
    if (count === undefined || count.value === 0) return;
    throw new DomainError(
      "CONFIRMATION_REQUIRED",
      "The store has values, and they would be lost. Pass discardValues if that is what you want.",
      { details: { store, values: count.value, exact: count.exact } },
    );
  }

  return {
    async list(access, params) {
      requireEverywhere(access, "administer");
      return stores.keyValueStores(pageRequest(limits, params.page, isNameMarker));
    },

    async getMany(access, params) {
      return readVisible(checkBatch(limits, "stores", params.stores), {
        choose(name) {
          requireEverywhere(access, "administer");
          return checkName("stores", name);
        },
        read: (wanted) => stores.getMany(wanted),
        keyOf: (name) => name,
        foundKeyOf: ({ name }) => name,
      });
    },

    async create(access, params) {
      const trace: Trace = { access, action: "createKeyValueStore", project: null, target: String(params.store) };
      const store = await permitted(context, trace, () => checkUserStoreName(params.store));
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
      // Not read again: a failure of the read would say that nothing was created.
      const times = {
        lockTimeoutSeconds: lockTimeoutSeconds ?? DEFAULT_LOCK_TIMEOUT_SECONDS,
        expirationSeconds: expirationSeconds ?? null,
      };
      return { store: { name: store, backingStore: stores.durable, internal: false, ...times }, created };
    },

    async delete(access, params) {
      const trace: Trace = { access, action: "deleteKeyValueStore", project: null, target: String(params.store) };
      const store = await permitted(context, trace, () => checkName("store", params.store));
      if (params.discardValues !== true) await possible(context, trace, () => requireEmpty(store));
      const deleted = await intended(
        context,
        trace,
        {},
        () => stores.delete(store),
        (existed) => ({ existed }),
      );
      return { deleted: deleted ? 1 : 0 };
    },
  };
}
