import type { Access } from "../access/access.ts";
import type { Page } from "../storage/data-driver.ts";
import type { PageParams } from "./addresses.ts";

export interface StoreRecord {
  name: string;
  /** Short name of its backend. */
  backingStore: string;
  locking: boolean;
  /** Belongs to Isimud: its keys can be seen, its values never. */
  internal: boolean;
}

export interface KeyRecord {
  store: string;
  key: string;
}

export interface LockRecord {
  store: string;
  key: string;
  /** Who holds it, as the backend names holders. */
  holder: string;
  /** Grows with every lock of the key; a write under an older one is refused. */
  fence: number;
  expiresAt: Date;
}

export interface AcquiredLock extends LockRecord {
  /** Present it to `set`, `delete` and `releaseLock`. Known to its holder only. */
  lockToken: string;
}

/** The whole needs the role admin. STORE_DOES_NOT_EXIST for a name that nobody configured; an internal store is FORBIDDEN but for its keys and locks. */
export interface KeyValueStoreOperations {
  /** By name. */
  list(access: Access, params: Record<string, never>): Promise<StoreRecord[]>;
  get(access: Access, params: { store: string }): Promise<StoreRecord>;
  keys(access: Access, params: { store: string } & PageParams): Promise<Page<KeyRecord>>;
  /** Locks held now, of one store or all. */
  locks(access: Access, params: { store?: string | null }): Promise<LockRecord[]>;
  /** Makes a store. STORE_ALREADY_CONFIGURED, BAD_INPUT for an unknown backend. */
  configure(access: Access, params: { store: string; backingStore: string; locking?: boolean }): Promise<StoreRecord>;
  /** JSON text of the value. KEY_DOES_NOT_EXIST. */
  getValue(access: Access, params: { store: string; key: string }): Promise<string>;
  /** In the order asked; any missing key is KEY_DOES_NOT_EXIST and names it. */
  getValues(access: Access, params: { store: string; keys: readonly string[] }): Promise<string[]>;
  /** LOCK_NOT_VALID, LOCK_TIMEOUT. */
  setValue(
    access: Access,
    params: { store: string; key: string; valueText: string; lockToken?: string | null },
  ): Promise<void>;
  /** In one call, without locks. */
  setValues(
    access: Access,
    params: { store: string; entries: readonly { key: string; valueText: string }[] },
  ): Promise<void>;
  /** KEY_DOES_NOT_EXIST, LOCK_NOT_VALID, LOCK_TIMEOUT. */
  deleteValue(access: Access, params: { store: string; key: string; lockToken?: string | null }): Promise<void>;
  /** In one call, without locks. */
  deleteValues(access: Access, params: { store: string; keys: readonly string[] }): Promise<void>;
  /** LOCK_TIMEOUT when another holds it for longer than the store waits. */
  acquireLock(access: Access, params: { store: string; key: string }): Promise<AcquiredLock>;
  /** LOCK_NOT_VALID when it is over already. */
  releaseLock(access: Access, params: { lockToken: string }): Promise<void>;
}
