import type { Access } from "../access/access.ts";
import type { Page } from "../storage/data-driver.ts";
import type { PageParams } from "./addresses.ts";

export interface StoreRecord {
  name: string;
  /** Short name of its backend. */
  backingStore: string;
  /** Belongs to Isimud: its keys can be seen, its values never. */
  internal: boolean;
  /** Entries; exact up to 10,000. */
  count: { value: number; exact: boolean };
}

export interface KeyRecord {
  /** As the backend spells it: a digest where the store hides its keys. */
  key: string;
  /** Null: stays until it is deleted. */
  expiresAt: Date | null;
}

export interface LockRecord {
  store: string;
  key: string;
  /** A digest of who holds it: the same holder shows alike, and the digest is no lock token. */
  holder: string;
  /** Grows with every lock of the key; a write under an older one is refused. */
  fence: number;
  expiresAt: Date;
}

export interface AcquiredLock {
  store: string;
  key: string;
  /** Present it to `setValue`, `deleteValue` and `releaseLock`. Known to its holder only. */
  lockToken: string;
  fence: number | null;
}

/**
 * Everything here needs the role admin. STORE_DOES_NOT_EXIST for a name that nobody created, and for the values and locks of internal stores.
 * Keys are 1 to 1,024 characters. Values are JSON, kept to the letter.
 */
export interface KeyValueStoreOperations {
  /** Stores of users and internal ones, by name. */
  list(access: Access, params: PageParams): Promise<Page<StoreRecord>>;
  /** STORE_DOES_NOT_EXIST. */
  keys(access: Access, params: { store: string } & PageParams): Promise<Page<KeyRecord>>;
  /** Locks held now, of one store or all. */
  locks(access: Access, params: { store?: string | null } & PageParams): Promise<Page<LockRecord>>;
  /**
   * Makes a store, for good and for every process. `lockTimeoutSeconds` (2 to 3,600): how long a lock lives, and how long a caller waits for one.
   * `expirationSeconds`: how long a value lives; left out = until it is deleted. STORE_ALREADY_CONFIGURED, BAD_INPUT.
   */
  create(
    access: Access,
    params: { store: string; lockTimeoutSeconds?: number | null; expirationSeconds?: number | null },
  ): Promise<{ store: string }>;
  /** JSON text. KEY_DOES_NOT_EXIST. */
  getValue(access: Access, params: { store: string; key: string }): Promise<string>;
  /** In the order asked; any missing key is KEY_DOES_NOT_EXIST and names it. At most MAX_PAGE_SIZE. */
  getValues(access: Access, params: { store: string; keys: readonly string[] }): Promise<string[]>;
  /** Without a token it takes the key's lock itself. LOCK_NOT_VALID, LOCK_TIMEOUT. */
  setValue(
    access: Access,
    params: { store: string; key: string; valueText: string; lockToken?: string | null },
  ): Promise<void>;
  /** All or none in one call, minding no locks. At most MAX_PAGE_SIZE. */
  setValues(
    access: Access,
    params: { store: string; entries: readonly { key: string; valueText: string }[] },
  ): Promise<void>;
  /** KEY_DOES_NOT_EXIST, LOCK_NOT_VALID, LOCK_TIMEOUT. */
  deleteValue(access: Access, params: { store: string; key: string; lockToken?: string | null }): Promise<void>;
  /** In one call, minding no locks; absent keys are passed over. At most MAX_PAGE_SIZE. */
  deleteValues(access: Access, params: { store: string; keys: readonly string[] }): Promise<void>;
  /** LOCK_TIMEOUT when another holds it for longer than the store waits. It ends by itself after the store's lock timeout. */
  acquireLock(access: Access, params: { store: string; key: string }): Promise<AcquiredLock>;
  /** LOCK_NOT_VALID when it is over already. */
  releaseLock(access: Access, params: { store: string; key: string; lockToken: string }): Promise<void>;
}
