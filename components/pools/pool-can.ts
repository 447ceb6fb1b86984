import { formatCount } from "../ui/format.ts";

/** What can be done with a pool in its state: null = it can, else why not. */
interface PoolState {
  builtIn: boolean;
  queueCount: { value: number; exact: boolean };
}

export const poolCan = {
  edit: (pool: PoolState): string | null =>
    pool.builtIn
      ? "The built-in pool is the control database itself. It has no weight and no address of its own."
      : null,
  drain: (pool: PoolState, isDraining: boolean): string | null => {
    if (isDraining) return "It is being drained already.";
    return pool.queueCount.value === 0 ? "No queue lives here." : null;
  },
  delete: (pool: PoolState): string | null => {
    if (pool.builtIn) return "The built-in pool is the control database itself. It cannot be deleted.";
    const { value, exact } = pool.queueCount;
    if (value === 0) return null;
    const count = formatCount(value, exact ? "exact" : "at-least");
    return `${count} ${value === 1 ? "queue lives" : "queues live"} here. Drain it first.`;
  },
};
