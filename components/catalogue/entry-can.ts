import type { CatalogueRow, TargetPool } from "./fragments.ts";

type EntryState = Pick<CatalogueRow, "poolName" | "queue">;

/** The flavor that the queue asks for. */
export const flavorOf = ({ queue }: EntryState): string | null => queue?.attributes.flavor ?? null;

/** The pools that the queue can move to, those without problems first. */
export function moveTargets(entry: EntryState, pools: readonly TargetPool[]): TargetPool[] {
  const fitting = pools.filter(({ name, flavorName }) => name !== entry.poolName && flavorName === flavorOf(entry));
  return fitting.toSorted((a, b) => Number(a.problems.length > 0) - Number(b.problems.length > 0));
}

/** What an operator can do with a queue's entry: null when it is possible, else the reason why not. */
export const entryCan = {
  move: (entry: EntryState, pools: readonly TargetPool[]): string | null => {
    if (moveTargets(entry, pools).length > 0) return null;
    if (pools.every(({ name }) => name === entry.poolName)) return "There is no other pool.";
    const flavor = flavorOf(entry);
    return flavor === null
      ? "The queue has no flavor, and every other pool has one. Register a pool without a flavor."
      : `No other pool has the queue's flavor, ${flavor}. Add a pool to the flavor, or change the queue's _flavor.`;
  },
};
