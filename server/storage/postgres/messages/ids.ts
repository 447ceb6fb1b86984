/**
 * A message's id is its marker sealed with its pool's seed: a version 8 UUID (RFC 9562) with 60 bits of marker and 62
 * of seed.
 *
 * Why: an id that can be computed needs no column and no index, which every post and delete would pay for. The seed is
 * random for each pool, so ids of different pools never meet. A message that moves to another queue or pool gets a new
 * marker there and keeps its id in the column origin_id.
 */
const MARKER_LIMIT = 1n << 60n;
const UUID_LENGTH = 36;

export interface MessageIds {
  /** Returns an id as it is: the idempotency key of a post in another pool remembers ids instead of markers. */
  idOf(marker: string): string;
  /** The marker sealed in an id of this pool; null for an id from elsewhere. */
  markerOf(id: string): string | null;
  /** How the ids of this pool end. */
  readonly suffix: string;
}

/** `idOf` as SQL, for a statement that keeps ids. `suffix`: that of MessageIds. */
export const sealedIn = (marker: string, suffix: string) =>
  `overlay(overlay(lpad(to_hex(${marker}), 15, '0') PLACING '-8' FROM 13 FOR 0) PLACING '-' FROM 9 FOR 0) || ${suffix}`;

/** `seed`: 62 bits, as pool_identity keeps it. */
export function messageIds(seed: bigint): MessageIds {
  const tail = (seed | (1n << 63n)).toString(16).padStart(16, "0");
  const suffix = `-${tail.slice(0, 4)}-${tail.slice(4)}`;
  return {
    suffix,
    idOf(marker) {
      if (marker.length === UUID_LENGTH) return marker;
      const hex = hexOf(marker).padStart(15, "0");
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(12)}${suffix}`;
    },
    markerOf(id) {
      if (!id.endsWith(suffix) || id.length !== UUID_LENGTH || id[14] !== "8") return null;
      const hex = `0x${id.slice(0, 8)}${id.slice(9, 13)}${id.slice(15, 18)}`;
      const number = Number(hex);
      return Number.isSafeInteger(number) ? String(number) : BigInt(hex).toString();
    },
  };
}

/** Most markers are numbers that JavaScript holds exactly, which it prints ten times as fast. */
function hexOf(marker: string): string {
  const number = Number(marker);
  if (Number.isSafeInteger(number) && number >= 0) return number.toString(16);
  const value = BigInt(marker);
  if (value < 0n || value >= MARKER_LIMIT) throw new RangeError("A marker must fit into 60 bits.");
  return value.toString(16);
}
