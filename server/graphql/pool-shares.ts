/** A pool's share of the queues of its flavor. */
import type { PoolRecord } from "../operations/pools/record.ts";
import { PoolType } from "./pools.ts";
import { inBatches } from "./queue-types.ts";
import { builder } from "./schema/builder.ts";
import { ASKING_THE_STORE } from "./schema/connection.ts";

builder.objectFields(PoolType, (t) => ({
  share: t.loadable({
    type: "Float",
    complexity: ASKING_THE_STORE,
    description:
      "Its share of the new queues of its flavor, by weight, from 0 to 1. The built-in pool has 1 while no registered pool takes queues without a flavor, else 0. All pools of a list cost one statement.",
    loaderOptions: { cache: false },
    load: (pools: PoolRecord[], { access, operations, limits }) =>
      inBatches(pools, limits.MAX_PAGE_SIZE, (batch) => operations.poolPlacement.shares(access, { pools: batch })),
    resolve: (pool) => pool,
  }),
  shareNow: t.loadable({
    type: "Float",
    nullable: true,
    complexity: ASKING_THE_STORE,
    description:
      "Its share of the queues that its flavor's pools hold now, from 0 to 1. Null for the built-in pool. All pools of a list cost two statements.",
    loaderOptions: { cache: false },
    load: (pools: PoolRecord[], { access, operations, limits }) =>
      inBatches(pools, limits.MAX_PAGE_SIZE, (batch) => operations.poolPlacement.sharesNow(access, { pools: batch })),
    resolve: (pool) => pool,
  }),
}));
