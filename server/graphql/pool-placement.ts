import type { PoolShare } from "../operations/pool-facts/placement.ts";
import { followPool, POOL_REFERENCE, PoolType } from "./pools.ts";
import { builder } from "./schema/builder.ts";
import { ASKING_THE_STORE, CountType } from "./schema/connection.ts";

const PoolShareType = builder.objectRef<PoolShare>("PoolShare").implement({
  description: "A pool's share of the queues of its flavor.",
  fields: (t) => ({
    poolName: t.exposeString("pool", { description: "The pool's name." }),
    pool: t.field({
      type: PoolType,
      nullable: true,
      description: `The pool. ${POOL_REFERENCE}`,
      resolve: ({ pool: name }, _args, context, info) => followPool({ name }, context, info),
    }),
    weight: t.expose("weight", { type: "SafeInt", description: "The weight that was supposed, or else its own." }),
    share: t.exposeFloat("share", { description: "Its share of new queues, from 0 to 1." }),
    queues: t.expose("queues", { type: CountType, description: "How many queues it holds now." }),
    shareNow: t.exposeFloat("shareNow", { description: "Its share of the queues that exist now, from 0 to 1." }),
  }),
});

const PoolWeightInput = builder.inputType("PoolWeightInput", {
  description: "A pool, and a weight to suppose for it.",
  fields: (t) => ({
    pool: t.string({ required: true, description: "The pool's name." }),
    weight: t.field({ type: "SafeInt", required: true, description: "The weight to suppose." }),
  }),
});

builder.queryFields((t) => ({
  poolPlacement: t.field({
    type: [PoolShareType],
    args: {
      flavor: t.arg.string({ description: "The pools of this flavor. Left out: pools without a flavor." }),
      weights: t.arg({ type: [PoolWeightInput], description: "Weights to suppose; other pools keep theirs." }),
    },
    complexity: ASKING_THE_STORE,
    description:
      "How new queues would be distributed if pools had other weights, beside how queues are distributed now. Changes nothing.",
    resolve: (_root, { flavor, weights }, { access, operations }) =>
      operations.poolPlacement.predict(access, { flavor: flavor ?? null, weights: weights ?? [] }),
  }),
}));
