import { type Access, requirePermission } from "../../access/access.ts";
import type { OperationContext } from "../context.ts";
import { badInput, checkBatch, checkWhole } from "../input/limits.ts";
import { checkName } from "../input/names.ts";

export interface PoolShare {
  pool: string;
  /** The weight that the caller gave, or the pool's own. */
  weight: number;
  /** The pool's share of new queues, from 0 to 1. All shares add up to 1, or to 0 when no pool takes new queues. */
  share: number;
  /** Queues that the pool holds now, exact up to 10,000. */
  queues: { value: number; exact: boolean };
  /** Its share of the queues that all these pools hold now, from 0 to 1. */
  shareNow: number;
}

export interface PoolPlacementOperations {
  /**
   * How new queues of a flavor (null: without a flavor) would be spread if its pools had these weights and all
   * answered, next to how those that the caller may see are spread now. Pools are listed by name. Changes nothing. Role
   * viewer. BAD_INPUT for a pool that is not of the flavor.
   */
  predict(
    access: Access,
    params: { flavor: string | null; weights: readonly { pool: string; weight: number }[] },
  ): Promise<PoolShare[]>;
  /**
   * Each pool's share of the new queues of its flavor, by its weight, from 0 to 1, in the order given. The built-in
   * pool gets all new queues without a flavor while no registered pool takes any, else none. Permission read.
   */
  shares(access: Access, params: { pools: readonly Weighted[] }): Promise<number[]>;
  /**
   * Each pool's share of the queues that the pools of its flavor hold now, as far as the caller may see them, from 0 to
   * 1, in the order given. Null for the built-in pool, and for one that does not exist. Permission read.
   */
  sharesNow(access: Access, params: { pools: readonly (Weighted & { name: string })[] }): Promise<(number | null)[]>;
}

/** The sums of `value` by `key`. */
function sums<T, K>(items: readonly T[], key: (item: T) => K, value: (item: T) => number): Map<K, number> {
  const found = new Map<K, number>();
  for (const item of items) found.set(key(item), (found.get(key(item)) ?? 0) + value(item));
  return found;
}

interface Weighted {
  builtIn: boolean;
  flavor: string | null;
  /** Null for the built-in pool. */
  weight: number | null;
}

const MAX_WEIGHT = 2 ** 32 - 1;

export function createPoolPlacementOperations({ control, limits }: OperationContext): PoolPlacementOperations {
  return {
    async predict(access, params) {
      requirePermission(access, "read");
      const flavor = params.flavor === null ? null : checkName("flavor", params.flavor);
      const asked = new Map<string, number>();
      for (const { pool, weight } of checkBatch(limits, "weights", params.weights)) {
        asked.set(checkName("weights.pool", pool), checkWhole("weights.weight", weight, 0, MAX_WEIGHT));
      }
      const pools = (await control.pools.getPoolsByFlavor(flavor)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
      for (const name of asked.keys()) {
        if (pools.some((pool) => pool.name === name)) continue;
        const which = flavor === null ? "without a flavor" : `of the flavor ${flavor}`;
        throw badInput("weights.pool", `${name} is not among the pools ${which}.`, { pool: name });
      }
      const counts = await control.catalogue.countByPools({
        pools: pools.map(({ name }) => name),
        projects: access.rights.read,
      });
      const counted = pools.map(({ name, weight }, index) => ({
        pool: name,
        weight: asked.get(name) ?? weight,
        queues: counts[index] ?? { value: 0, exact: true },
      }));
      const weights = counted.reduce((sum, { weight }) => sum + weight, 0);
      const queues = counted.reduce((sum, one) => sum + one.queues.value, 0);
      return counted.map((one) => ({
        ...one,
        share: weights === 0 ? 0 : one.weight / weights,
        shareNow: queues === 0 ? 0 : one.queues.value / queues,
      }));
    },

    async shares(access, params) {
      requirePermission(access, "read");
      const flavors = [...new Set(params.pools.map(({ flavor }) => flavor))];
      const pools = await control.pools.getPoolsByFlavors(flavors);
      const totals = sums(
        pools,
        ({ flavor }) => flavor,
        ({ weight }) => weight,
      );
      return params.pools.map(({ builtIn, flavor, weight }) => {
        const total = totals.get(flavor) ?? 0;
        if (builtIn) return total === 0 ? 1 : 0;
        return total === 0 ? 0 : (weight ?? 0) / total;
      });
    },

    async sharesNow(access, params) {
      requirePermission(access, "read");
      const flavors = new Set(params.pools.filter(({ builtIn }) => !builtIn).map(({ flavor }) => flavor));
      const pools = flavors.size === 0 ? [] : await control.pools.getPoolsByFlavors([...flavors]);
      const counts = await control.catalogue.countByPools({
        pools: pools.map(({ name }) => name),
        projects: access.rights.read,
      });
      const queues = new Map(pools.map(({ name }, index) => [name, counts[index]?.value ?? 0]));
      const totals = sums(
        pools,
        ({ flavor }) => flavor,
        ({ name }) => queues.get(name) ?? 0,
      );
      return params.pools.map(({ builtIn, name, flavor }) => {
        const [own, total] = [queues.get(name), totals.get(flavor) ?? 0];
        if (builtIn || own === undefined) return null;
        return total === 0 ? 0 : own / total;
      });
    },
  };
}
