import type { OperationContext } from "../context.ts";
import { createEntryOperations, type EntryOperations } from "./entries.ts";
import { createLockOperations, type LockOperations } from "./locks.ts";
import { createStoreOperations, type StoreOperations } from "./stores.ts";

/**
 * Everything here needs the permission administer in all projects. STORE_DOES_NOT_EXIST for a store that nobody
 * created, and for the values and locks of internal stores. Keys have 1 to 1,024 characters. Values are JSON, kept
 * exactly as they were given.
 */
export interface KeyValueStoreOperations extends StoreOperations, EntryOperations, LockOperations {}

export function createKeyValueStoreOperations(context: OperationContext): KeyValueStoreOperations {
  return { ...createStoreOperations(context), ...createEntryOperations(context), ...createLockOperations(context) };
}
