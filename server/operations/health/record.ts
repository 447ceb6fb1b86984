import type { PoolsController } from "../../storage/control-driver.ts";
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
   * The pool that is the same server and namespace, as it was found by now or when the pool was last opened. That can
   * happen when a pool is registered without verifying. Null: no such pool is known.
   */
  sameAs: string | null;
}

/** A pool's health before it is known whether its writes are refused. */
export type CheckedPool = Omit<PoolHealth, "writesRefused">;

type Twins = Awaited<ReturnType<PoolsController["listTwins"]>>;

/** For each pool that was found to be another one's store: that other one. */
export function twinsOf(twins: Twins): ReadonlyMap<string, string> {
  return new Map(twins.map(({ pool, sameAs }) => [pool, sameAs]));
}

/**
 * Sets `sameAs` on pools that are one store: all but the first name the first. The built-in pool always comes first. Of
 * a pool that could not be opened now, `recorded` says what was found before, by whichever process.
 */
export function withDuplicates(pools: readonly PoolCheck[], recorded: ReadonlyMap<string, string>): CheckedPool[] {
  const firsts = new Map<string, string>();
  return pools.map(({ identity, ...health }) => {
    if (identity === null) return { ...health, sameAs: recorded.get(health.pool) ?? null };
    const first = firsts.get(identity);
    if (first === undefined) firsts.set(identity, health.pool);
    return { ...health, sameAs: first ?? null };
  });
}
