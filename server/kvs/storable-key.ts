/** Keys that all backends can hold, so that a store can change its backend. */
import { DomainError } from "../errors.ts";

/** Of a region's name or a key, in UTF-8. PostgreSQL stores both in one index entry, whose size is limited. */
const MAX_KEY_BYTES = 1024;

/**
 * PostgreSQL's text cannot hold U+0000, and on Redis it separates region and key. Lone surrogates would all become the
 * same replacement character, so that two keys would become one.
 */
export function isStorable(key: string): boolean {
  return !key.includes("\0") && key.isWellFormed() && Buffer.byteLength(key) <= MAX_KEY_BYTES;
}

/** BAD_INPUT unless all backends can hold the key. */
export function requireStorable(key: string): void {
  if (isStorable(key)) return;
  throw new DomainError("BAD_INPUT", `A key is Unicode text without U+0000, of at most ${MAX_KEY_BYTES} bytes.`);
}
