/** Which keys all backends can hold, so that a store can change its backend. */
import { DomainError } from "../errors.ts";

/** Of a region's name or a key, in UTF-8. PostgreSQL has both in one index entry, whose size it bounds. */
const MAX_KEY_BYTES = 1024;

/**
 * PostgreSQL's text has no U+0000, which stands between region and key on Redis. Lone surrogates would all become the
 * same replacement character: two keys would meet.
 */
export function isStorable(key: string): boolean {
  return !key.includes("\0") && key.isWellFormed() && Buffer.byteLength(key) <= MAX_KEY_BYTES;
}

/** BAD_INPUT. */
export function requireStorable(key: string): void {
  if (isStorable(key)) return;
  throw new DomainError("BAD_INPUT", `A key is Unicode text without U+0000, of at most ${MAX_KEY_BYTES} bytes.`);
}
