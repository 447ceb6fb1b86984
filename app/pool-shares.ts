interface Weighted {
  builtIn: boolean;
  weight: number | null;
  flavor: string | null;
}

/**
 * Which part of the new queues of its flavor each pool gets, in percent, by weight. The built-in pool gets those without
 * a flavor when no registered pool takes them. `complete` false: other pools are on other pages, so nothing can be said.
 */
export function withShares<Pool extends Weighted>(
  pools: Pool[],
  complete: boolean,
): (Pool & { share: number | null })[] {
  const totals = new Map<string | null, number>();
  for (const pool of pools) {
    if (!pool.builtIn) totals.set(pool.flavor, (totals.get(pool.flavor) ?? 0) + (pool.weight ?? 0));
  }
  return pools.map((pool) => {
    if (!complete) return { ...pool, share: null };
    const total = totals.get(pool.flavor) ?? 0;
    if (pool.builtIn) return { ...pool, share: total === 0 ? 100 : 0 };
    return { ...pool, share: total === 0 ? 0 : (100 * (pool.weight ?? 0)) / total };
  });
}
