export { normaliseUuid, uuidMarker } from "../list-markers.ts";

/**
 * A message's id is its marker sealed with its pool's seed: a version 8 UUID (RFC 9562) with 60 bits of marker and 62 of seed.
 *
 * Why: an id that can be computed needs no column and no index of its own, which every post and delete would pay for.
 * The seed is random per pool, so ids of different pools never meet. A message that moves to another queue or pool gets a new
 * marker there and keeps its id in the column origin_id.
 */
const MARKER_LIMIT = 1n << 60n;

export interface MessageIds {
  idOf(marker: string): string;
  /** The marker sealed in an id of this pool; null for an id from elsewhere. */
  markerOf(id: string): string | null;
}

/** `seed`: 62 bits, as pool_identity keeps it. */
export function messageIds(seed: bigint): MessageIds {
  const tail = (seed | (1n << 63n)).toString(16).padStart(16, "0");
  const suffix = `-${tail.slice(0, 4)}-${tail.slice(4)}`;
  return {
    idOf(marker) {
      const value = BigInt(marker);
      if (value < 0n || value >= MARKER_LIMIT) throw new RangeError("A marker must fit into 60 bits.");
      const hex = value.toString(16).padStart(15, "0");
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(12)}${suffix}`;
    },
    markerOf(id) {
      if (!id.endsWith(suffix) || id.length !== 36 || id[14] !== "8") return null;
      return BigInt(`0x${id.slice(0, 8)}${id.slice(9, 13)}${id.slice(15, 18)}`).toString();
    },
  };
}
