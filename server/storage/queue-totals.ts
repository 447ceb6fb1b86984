/** What has happened to a queue's messages since the queue was created. */

/**
 * Numbers that only grow, whatever is purged, counted again or moved to another pool. A deleted and recreated queue
 * begins at 0. Each process gathers them for up to a second, so they lag by that much, and a process that dies loses at
 * most a second's.
 */
export interface QueueTotals {
  /** Messages that came in: posted, or from another queue. */
  posted: number;
  /** Messages given by claims, each time that one was. */
  claimed: number;
  /** Messages given by claims and pops. */
  delivered: number;
  /** Messages that a release made ready again, or delayed. */
  released: number;
  /**
   * Messages whose claim expired before they were deleted or released. Each is counted once: when it is next claimed,
   * popped, deleted or expires, and at the latest by the next garbage collection.
   */
  lapsed: number;
  /** Messages that were deleted, popped or purged. */
  deleted: number;
  /** Messages whose time to live ended. */
  expired: number;
  /** Messages that moved to the dead letter queue. */
  deadLettered: number;
  /** Messages that went to another queue in another way: redriven, or moved. */
  moved: number;
}

/** What drivers count. Pops are apart from other deletes, because they deliver too. */
export const TALLIED = [
  "posted",
  "claimed",
  "popped",
  "released",
  "lapsed",
  "deleted",
  "expired",
  "deadLettered",
  "moved",
] as const;
export type Tallied = (typeof TALLIED)[number];
export type Tally = Record<Tallied, number>;

export const emptyTally = (): Tally => ({
  posted: 0,
  claimed: 0,
  popped: 0,
  released: 0,
  lapsed: 0,
  deleted: 0,
  expired: 0,
  deadLettered: 0,
  moved: 0,
});

export function totalsOf({ popped, ...tally }: Readonly<Tally>): QueueTotals {
  return { ...tally, delivered: tally.claimed + popped, deleted: tally.deleted + popped };
}

/** The tally as a store returns it: in the order of TALLIED; null stands for 0. */
export function readTally(counts: readonly (string | null)[]): Tally {
  const tally = emptyTally();
  TALLIED.forEach((kind, index) => {
    tally[kind] = Number(counts[index] ?? 0);
  });
  return tally;
}

/** How busy a queue was lately halves its weight about every seven seconds (e-fold in ten). */
export const WEIGHT_SECONDS = 10;
