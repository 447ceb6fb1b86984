import type { CatalogueRow, PoolChoice } from "./fragments.ts";

type EntryState = Pick<CatalogueRow, "pool" | "flavor">;

/** The pools that the queue can move to. */
export function moveTargets(entry: EntryState, pools: PoolChoice[]): string[] {
  return pools.flatMap(({ name, flavor }) => (name !== entry.pool && flavor === entry.flavor ? [name] : []));
}

/** What an operator can do with a queue's entry: null when it is possible, else the reason why not. */
export const entryCan = {
  move: (entry: EntryState, pools: PoolChoice[]): string | null => {
    if (moveTargets(entry, pools).length > 0) return null;
    if (pools.every(({ name }) => name === entry.pool)) return "There is no other pool.";
    return entry.flavor === null
      ? "The queue has no flavor, and every other pool has one. Register a pool without a flavor."
      : `No other pool has the queue's flavor, ${entry.flavor}. Add a pool to the flavor, or change the queue's _flavor.`;
  },
};
