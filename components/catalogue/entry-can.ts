/** What can be done with a queue where it lives: null = it can, else why not. */
interface EntryState {
  pool: string;
  /** That its queue asks for. */
  flavor: string | null;
}

export interface PoolChoice {
  name: string;
  flavor: string | null;
}

/** The pools that the queue may move to. */
export function moveTargets(entry: EntryState, pools: PoolChoice[]): string[] {
  return pools.flatMap(({ name, flavor }) => (name !== entry.pool && flavor === entry.flavor ? [name] : []));
}

export const entryCan = {
  move: (entry: EntryState, pools: PoolChoice[]): string | null => {
    if (moveTargets(entry, pools).length > 0) return null;
    if (pools.every(({ name }) => name === entry.pool)) return "There is no other pool.";
    return entry.flavor === null
      ? "It is of no flavor, and every other pool is of one. Register a pool without a flavor."
      : `It is of the flavor ${entry.flavor}, and no other pool is. Add a pool to the flavor, or change the queue's _flavor.`;
  },
};
