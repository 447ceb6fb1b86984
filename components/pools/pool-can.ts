import { formatCount } from "../ui/format.ts";

import type { PoolFacts } from "./fragments.ts";

type PoolState = Pick<PoolFacts, "builtIn" | "queueCount">;

/** What an operator can do with a pool in its state: null when it is possible, else the reason why not. */
export const poolCan = {
  edit: (pool: PoolState): string | null =>
    pool.builtIn ? "The built-in pool is the control database. It has no weight and no URI." : null,
  drain: (pool: PoolState, isDraining: boolean): string | null => {
    if (isDraining) return "It is already being drained.";
    return pool.queueCount.value === 0 ? "It holds no queues." : null;
  },
  delete: (pool: PoolState): string | null => {
    if (pool.builtIn) return "The built-in pool is the control database. It cannot be deleted.";
    const { value, exact } = pool.queueCount;
    if (value === 0) return null;
    const count = formatCount(value, exact ? "exact" : "at-least");
    return `It holds ${count} ${value === 1 ? "queue" : "queues"}. Drain it first.`;
  },
};
