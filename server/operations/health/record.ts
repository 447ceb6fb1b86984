import type { PoolCheck } from "../pool-facts/health-checks.ts";

export interface ControlHealth {
  reachable: boolean;
  durationSeconds: number;
}

export interface PoolHealth extends Omit<PoolCheck, "identity"> {
  /**
   * A sentence that says why the pool takes no writes although it answers: a call of this process or a check was
   * refused, and no later check was accepted. Else null.
   */
  writesRefused: string | null;
  /**
   * The pool that is the same server and namespace. That can happen when a pool is registered without verifying. Null:
   * no such pool is known now.
   */
  sameAs: string | null;
}

/** A pool's health before it is known whether its writes are refused. */
export type CheckedPool = Omit<PoolHealth, "writesRefused">;

/**
 * Sets `sameAs` on pools that are one store: all but the first name the first. The built-in pool always comes first.
 */
export function withDuplicates(pools: readonly PoolCheck[]): CheckedPool[] {
  const firsts = new Map<string, string>();
  return pools.map(({ identity, ...health }) => {
    const first = identity === null ? undefined : firsts.get(identity);
    if (identity !== null && first === undefined) firsts.set(identity, health.pool);
    return { ...health, sameAs: first ?? null };
  });
}
