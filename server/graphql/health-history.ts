/** The health of the pools over time, from samples. */

import type { HealthInterval, OperationInterval } from "../history/health-history.ts";

import type { HealthSampling } from "../operations/health/health-history.ts";
import { PoolHealthType } from "./health.ts";
import { ErrorCodeType } from "./http/mask-errors.ts";
import { PoolType } from "./pools.ts";
import { batched } from "./schema/batched.ts";
import { builder } from "./schema/builder.ts";
import { ASKING_THE_STORE, connectionType, pageArgs, pageCost, pageOf } from "./schema/connection.ts";
import type { GraphQLContext } from "./schema/context.ts";

const OperationIntervalType = builder.objectRef<OperationInterval>("OperationInterval").implement({
  description: "One operation of the probes in an interval of time.",
  fields: (t) => ({
    operation: t.exposeString("operation", { description: "Its name, such as post_messages." }),
    samples: t.expose("samples", { type: "SafeInt", description: "How often it ran." }),
    failed: t.expose("failed", { type: "SafeInt", description: "How often it failed." }),
    errorCode: t.expose("errorCode", {
      type: ErrorCodeType,
      nullable: true,
      description: "Why it last failed, as a code; null when it did not fail.",
    }),
    p50Ms: t.exposeFloat("p50Ms", {
      nullable: true,
      description: "Median of the durations of the successful runs, in milliseconds; null without any.",
    }),
    p95Ms: t.exposeFloat("p95Ms", {
      nullable: true,
      description: "95th percentile of the durations of the successful runs, in milliseconds; null without any.",
    }),
  }),
});

const PoolHealthIntervalType = builder.objectRef<HealthInterval>("PoolHealthInterval").implement({
  description: "The health of a pool in an interval of time.",
  fields: (t) => ({
    from: t.expose("from", { type: "DateTime", description: "Start of the interval." }),
    until: t.expose("until", { type: "DateTime", description: "End of the interval. It may be in the future." }),
    lastAt: t.expose("lastAt", {
      type: "DateTime",
      nullable: true,
      description: "When its newest sample was taken; null without any.",
    }),
    samples: t.expose("samples", { type: "SafeInt", description: "How often the pool was probed." }),
    unreachable: t.expose("unreachable", { type: "SafeInt", description: "How often its storage did not answer." }),
    failing: t.expose("failing", {
      type: "SafeInt",
      description: "How often its storage answered, but an operation failed.",
    }),
    errorCode: t.expose("errorCode", {
      type: ErrorCodeType,
      nullable: true,
      description: "Why its storage last did not answer, as a code; null when it always did.",
    }),
    p50Ms: t.exposeFloat("p50Ms", {
      nullable: true,
      description:
        "Median of the durations of the samples in which all operations succeeded, in milliseconds; null without any.",
    }),
    p95Ms: t.exposeFloat("p95Ms", {
      nullable: true,
      description:
        "95th percentile of the durations of the samples in which all operations succeeded, in milliseconds; null without any.",
    }),
    operations: t.field({
      type: [OperationIntervalType],
      complexity: { field: ASKING_THE_STORE, multiplier: 9 },
      description:
        "The same for each operation while the storage answered, in the order of the probe. All intervals of a list cost one statement.",
      resolve: (interval, _args, context) =>
        batched(context, "PoolHealthInterval.operations", interval, (intervals) =>
          context.operations.healthHistory.operations(context.access, { intervals }),
        ),
    }),
  }),
});

const PoolHealthIntervalConnectionType = connectionType(
  "PoolHealthInterval",
  PoolHealthIntervalType,
  "intervals in which a pool was probed",
);

const lastHourDescription =
  "Its health in the last hour, in twelve intervals of five minutes, oldest first. The last interval is not over yet; intervals without samples are included. All pools of a list cost one statement.";
const lastHourCost = { field: ASKING_THE_STORE, multiplier: 12 };
const lastHourOf = (pool: string, context: GraphQLContext) =>
  batched(context, "Pool.healthLastHour", pool, (pools) =>
    context.operations.healthHistory.lastHour(context.access, { pools }),
  );

builder.objectFields(PoolType, (t) => ({
  healthLastHour: t.field({
    type: [PoolHealthIntervalType],
    complexity: lastHourCost,
    description: lastHourDescription,
    resolve: ({ name }, _args, context) => lastHourOf(name, context),
  }),
  healthHistory: t.field({
    type: PoolHealthIntervalConnectionType,
    nullable: true,
    args: {
      since: t.arg({ type: "DateTime", description: "Only samples from then on. Left out: all stored samples." }),
      stepSeconds: t.arg({
        type: "SafeInt",
        description:
          "Length of an interval, from 30 to 86,400 seconds. Each begins at a multiple of it. Left out: 300.",
      }),
      ...pageArgs,
    },
    complexity: pageCost,
    description: "Its health over time, newest interval first. Intervals without samples are left out.",
    resolve: async ({ name }, { since, stepSeconds, ...args }, context, info) => ({
      page: await batched(context, info, name, (pools) =>
        context.operations.healthHistory.list(context.access, {
          pools,
          since,
          stepSeconds,
          page: pageOf(args, "healthHistory"),
        }),
      ),
      order: "healthHistory" as const,
    }),
  }),
}));

builder.objectFields(PoolHealthType, (t) => ({
  healthLastHour: t.field({
    type: [PoolHealthIntervalType],
    complexity: lastHourCost,
    description: lastHourDescription,
    resolve: ({ pool }, _args, context) => lastHourOf(pool, context),
  }),
}));

const HealthSamplingType = builder.objectRef<HealthSampling>("HealthSampling").implement({
  description: "How the health of the pools is sampled: one process probes all pools, for all processes.",
  fields: (t) => ({
    everySeconds: t.expose("everySeconds", {
      type: "SafeInt",
      nullable: true,
      description: "Seconds between two samples; null: none are taken.",
    }),
    keptSeconds: t.expose("keptSeconds", { type: "SafeInt", description: "How long a sample is kept, in seconds." }),
    lastAt: t.expose("lastAt", {
      type: "DateTime",
      nullable: true,
      description: "When the newest sample of any pool was taken; null without any.",
    }),
    nextAt: t.expose("nextAt", {
      type: "DateTime",
      nullable: true,
      description: "When the next samples are due; null when none are taken, or none has been yet.",
    }),
  }),
});

builder.queryFields((t) => ({
  healthSampling: t.field({
    type: HealthSamplingType,
    complexity: ASKING_THE_STORE,
    description: "How the health of the pools is sampled. `Pool.healthHistory` returns the samples.",
    resolve: (_root, _args, { access, operations }) => operations.healthHistory.sampling(access, {}),
  }),
}));
