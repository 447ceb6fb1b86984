import type { Access } from "../../access/access.ts";
import { DomainError } from "../../errors.ts";
import { DEFAULT_POOL } from "../../storage/data-driver.ts";
import { audited, permitted, type Trace } from "../audit/audit-trail.ts";
import type { OperationContext } from "../context.ts";
import { type DropAllParams, type DropAllResult, dropAll } from "../drop-all.ts";
import { checkName } from "../input/names.ts";
import { builtIn, summary } from "./record.ts";

/** Permission administer. */
export interface PoolDeletes {
  /**
   * Unregisters the pool; its storage stays as it is. `deleted` is 0 when there was no such pool. POOL_IN_USE
   * (details `queues`, `exact`), POOL_IN_USE_BY_FLAVOR, NOT_SUPPORTED for the built-in pool.
   */
  delete(access: Access, params: { pool: string }): Promise<{ deleted: number }>;
  /**
   * Unregisters every pool but the built-in one, or none: POOL_IN_USE while one of them holds queues. See
   * DropAllParams.
   */
  dropAll(access: Access, params: DropAllParams): Promise<DropAllResult>;
}

export function createPoolDeletes(context: OperationContext): PoolDeletes {
  return {
    async delete(access, params) {
      const trace: Trace = { access, action: "deletePool", project: null, target: String(params.pool) };
      const name = await permitted(context, trace, () => checkName("pool", params.pool));
      if (name === DEFAULT_POOL) throw builtIn("deleted");
      const deleted = await audited(context, trace, async (tx) => {
        const existed = await tx.pools.exists(name);
        const before = existed ? summary(await tx.pools.get(name)) : null;
        await tx.pools.delete(name);
        return { result: existed, details: { before }, changed: existed };
      });
      await forget(context, name);
      return { deleted: deleted ? 1 : 0 };
    },

    async dropAll(access, params) {
      const trace: Trace = { access, action: "dropAllPools", project: null, target: "*" };
      await permitted(context, trace, () => undefined);
      const dropped: string[] = [];
      const result = await dropAll(context, trace, params, {
        list: (tx, page) => tx.pools.list({ page }),
        identity: ({ name, maskedUri, weight, flavor }) => [name, maskedUri, weight, flavor],
        drop: async (tx, pools) => {
          dropped.length = 0;
          await tx.pools.dropAll();
          // Counted after the deletion, which waited for queues that were being created, so that they count too. An
          // error rolls the deletion back.
          for (const { name } of pools) {
            const queues = await tx.catalogue.countByPool(name);
            if (queues.value > 0) throw inUse(name, queues);
            dropped.push(name);
          }
        },
      });
      await Promise.all(dropped.map((name) => forget(context, name)));
      return result;
    },
  };
}

/** Drops the driver, the health history and the sums of a deleted pool: another pool may get its name. */
async function forget({ data, history, samples, warn }: OperationContext, name: string): Promise<void> {
  await data.forgetPool(name);
  await Promise.all([history.forget(name), samples.forgetPool(name)]).catch((error: unknown) =>
    warn("The history of a deleted pool could not be deleted yet", error),
  );
}

function inUse(name: string, queues: { value: number; exact: boolean }): DomainError {
  return new DomainError(
    "POOL_IN_USE",
    `The pool ${name} still holds queues, or what deleted queues left there while it could not be reached. ` +
      "Move or delete the queues, and delete the catalogue entries that are left.",
    {
      details: { pool: name, queues: queues.value, exact: queues.exact },
    },
  );
}
