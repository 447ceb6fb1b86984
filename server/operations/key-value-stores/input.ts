/** How callers name a store, a key and a lock, and the checks of that. */
import { type Access, requireEverywhere } from "../../access/access.ts";
import { DomainError } from "../../errors.ts";
import type { KeyValueStore } from "../../kvs/key-value-store.ts";
import type { OperationContext } from "../context.ts";
import { checkBatch, checkText, checkWhole, isStorable } from "../input/limits.ts";
import { checkLength, checkName } from "../input/names.ts";

export const MAX_KEY_LENGTH = 1024;
const MIN_LOCK_TIMEOUT = 2;
const MAX_LOCK_TIMEOUT = 3600;

/** Opens a user's store. Its values are JSON texts, so that they come back exactly as they were given. */
export async function open(
  { stores }: OperationContext,
  access: Access,
  store: string,
): Promise<KeyValueStore<string>> {
  requireEverywhere(access, "administer");
  return (await stores.open(checkName("store", store))) as KeyValueStore<string>;
}

export function chosenMany({ limits }: OperationContext, access: Access, names: readonly string[]): string[] {
  requireEverywhere(access, "administer");
  return checkBatch(limits, "stores", names).map((name) => checkName("stores", name));
}

export function checkKey(key: unknown): string {
  return checkLength("key", checkText("key", key), MAX_KEY_LENGTH);
}

export function checkLockToken(lockToken: unknown): string {
  if (!isStorable(lockToken) || lockToken === "" || lockToken.length > MAX_KEY_LENGTH) {
    throw new DomainError(
      "LOCK_NOT_VALID",
      "This is not a lock token. Pass the one that acquireKeyValueLock returned, unchanged.",
    );
  }
  return lockToken;
}

/** Undefined: left out. */
export function checkLockTimeout(field: string, seconds: number | null | undefined): number | undefined {
  if (seconds === undefined || seconds === null) return undefined;
  return checkWhole(field, seconds, MIN_LOCK_TIMEOUT, MAX_LOCK_TIMEOUT, "seconds");
}
