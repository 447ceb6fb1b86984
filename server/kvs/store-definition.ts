/** What a user chooses for a store: its name and its settings. */
import { DomainError } from "../errors.ts";

const USER_STORE_NAME = /^[A-Za-z0-9_-]{1,64}$/;
const MAX_NAME_LENGTH = 64;

/** Returns the name of a store that a user may create. BAD_INPUT. */
export function checkUserStoreName(name: unknown): string {
  if (typeof name === "string" && USER_STORE_NAME.test(name)) return name;
  const isWrongLength = typeof name === "string" && (name === "" || name.length > MAX_NAME_LENGTH);
  throw new DomainError(
    "BAD_INPUT",
    `store must be 1 to ${MAX_NAME_LENGTH} characters out of letters, digits, underscores and dashes. ` +
      "Names with dots are those of internal stores.",
    {
      details: {
        field: "store",
        ...(isWrongLength ? { value: name.length, minimum: 1, maximum: MAX_NAME_LENGTH } : {}),
      },
    },
  );
}

/**
 * The settings that a user may choose for a store. They are stored with it, so every process opens it with the same
 * ones. Times are in seconds.
 */
export interface StoreDefinition {
  lockTimeoutSeconds?: number;
  expirationSeconds?: number;
}

export function isSameDefinition(one: StoreDefinition, other: StoreDefinition): boolean {
  return one.lockTimeoutSeconds === other.lockTimeoutSeconds && one.expirationSeconds === other.expirationSeconds;
}

/** How long a process uses a definition before it looks whether another process has replaced or deleted it. */
export const DEFINITION_SECONDS = 5;
