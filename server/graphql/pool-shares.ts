/** A pool's share of the queues of its flavor. */
import { PoolType } from "./pools.ts";
import { batched } from "./schema/batched.ts";
import { builder } from "./schema/builder.ts";
import { ASKING_THE_STORE } from "./schema/connection.ts";

builder.objectFields(PoolType, (t) => ({
  share: t.field({
    type: "Float",
    complexity: ASKING_THE_STORE,
    description:
      "Its share of the new queues of its flavor, by weight, from 0 to 1. The built-in pool has 1 while no registered pool takes queues without a flavor, else 0. All pools of a list cost one statement.",
    resolve: (pool, _args, context) =>
      batched(context, "Pool.share", pool, (pools) =>
        context.operations.poolPlacement.shares(context.access, { pools }),
      ),
  }),
  shareNow: t.field({
    type: "Float",
    nullable: true,
    complexity: ASKING_THE_STORE,
    description:
      "Its share of the queues that its flavor's pools hold now, of those that you may see, from 0 to 1. Null for the built-in pool. All pools of a list cost two statements.",
    resolve: (pool, _args, context) =>
      batched(context, "Pool.shareNow", pool, (pools) =>
        context.operations.poolPlacement.sharesNow(context.access, { pools }),
      ),
  }),
}));
