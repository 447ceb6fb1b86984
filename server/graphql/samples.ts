/** Samples of queues, pools and projects: the last one, and their history. */
import { type ByChange, CHANGES, type Change, FINEST, type ResolutionSeconds } from "../history/sample.ts";
import type { LastSample } from "../history/sample-history.ts";
import type { Metric } from "../history/sample-series.ts";
import {
  DEFAULT_RANGE_SECONDS,
  type History,
  type HistoryParams,
  type Sampling,
  USUAL_INTERVALS,
} from "../operations/samples/samples.ts";
import { ANY_VALUE } from "./http/document-limits.ts";
import { followPool, POOL_REFERENCE, PoolType } from "./pools.ts";
import { ProjectType } from "./projects.ts";
import { addressOf, QueueConnectionType, QueueType } from "./queue-types.ts";
import { batched } from "./schema/batched.ts";
import { builder } from "./schema/builder.ts";
import { ASKING_THE_STORE } from "./schema/connection.ts";

const CHANGE_DESCRIPTIONS: Record<Change, string> = {
  posted: "Messages that came in: posted, or from another queue.",
  claimed: "Messages that claims were given.",
  released: "Messages that were given back.",
  lapsed: "Messages whose claim expired. They are counted when they are next used, or by garbage collection.",
  deleted: "Messages that were deleted, popped or purged.",
  expired: "Messages whose time to live ended.",
  deadLettered: "Messages that were moved to the dead letter queue.",
  delivered: "Messages that claims and pops were given.",
  moved: "Messages that went to another queue in another way than as dead letters: redriven, or moved.",
};

const SampleRatesType = builder.objectRef<ByChange>("SampleRates").implement({
  description: "What happened to messages, in messages a second.",
  fields: (t) => ({
    posted: t.exposeFloat("posted", { description: CHANGE_DESCRIPTIONS.posted }),
    claimed: t.exposeFloat("claimed", { description: CHANGE_DESCRIPTIONS.claimed }),
    released: t.exposeFloat("released", { description: CHANGE_DESCRIPTIONS.released }),
    lapsed: t.exposeFloat("lapsed", { description: CHANGE_DESCRIPTIONS.lapsed }),
    deleted: t.exposeFloat("deleted", { description: CHANGE_DESCRIPTIONS.deleted }),
    expired: t.exposeFloat("expired", { description: CHANGE_DESCRIPTIONS.expired }),
    deadLettered: t.exposeFloat("deadLettered", { description: CHANGE_DESCRIPTIONS.deadLettered }),
    delivered: t.exposeFloat("delivered", { description: CHANGE_DESCRIPTIONS.delivered }),
    moved: t.exposeFloat("moved", { description: CHANGE_DESCRIPTIONS.moved }),
  }),
});

const SampleType = builder.objectRef<LastSample>("Sample").implement({
  description:
    "How a queue was at its last sample, or all queues of a pool or a project together. The states are those of QueueStats.",
  fields: (t) => ({
    asOf: t.expose("asOf", {
      type: "DateTime",
      description: "When the numbers were right. In a sum, numbers of queues that are used most may be newer.",
    }),
    ready: t.expose("ready", { type: "SafeInt", description: "Ready messages." }),
    claimed: t.expose("claimed", { type: "SafeInt", description: "Claimed messages." }),
    delayed: t.expose("delayed", { type: "SafeInt", description: "Delayed messages." }),
    exhausted: t.expose("exhausted", { type: "SafeInt", description: "Exhausted messages." }),
    total: t.expose("total", { type: "SafeInt", description: "All messages." }),
    exact: t.exposeBoolean("exact", { description: "False: the numbers come from counters. See `QueueStats.exact`." }),
    oldestReadyAt: t.expose("oldestReadyAt", {
      type: "DateTime",
      nullable: true,
      description: "When the oldest ready message was posted; null when none was ready.",
    }),
    rates: t.expose("rates", {
      type: SampleRatesType,
      nullable: true,
      description: "Since the sample before. Null when that is unknown: at the first sample, and after a move.",
    }),
  }),
});

const METRIC_DESCRIPTIONS: Record<Metric, string> = {
  ready: "Ready messages at the end of the interval.",
  claimed: "Claimed messages at the end of the interval.",
  delayed: "Delayed messages at the end of the interval.",
  exhausted: "Exhausted messages at the end of the interval.",
  total: "All messages at the end of the interval.",
  oldestReadySeconds:
    "How long the oldest ready message had waited at the end of the interval, in seconds; 0 when none was ready.",
  ...(Object.fromEntries(
    CHANGES.map((change) => [`${change}Rate`, `A second, on average: ${CHANGE_DESCRIPTIONS[change]}`]),
  ) as Record<`${Change}Rate`, string>),
};
const enumName = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
const SampleMetric = builder.enumType("SampleMetric", {
  description: "What a history shows.",
  values: Object.fromEntries(
    Object.entries(METRIC_DESCRIPTIONS).map(([value, description]) => [
      enumName(value),
      { value: value as Metric, description },
    ]),
  ) as Record<string, { value: Metric; description: string }>,
});

const SampleResolution = builder.enumType("SampleResolution", {
  description: "The length of the intervals of a history.",
  values: {
    TEN_SECONDS: {
      value: 10,
      description: "For queues only. Only of the 1,000 that are used most; of others, what is known. Kept for an hour.",
    },
    MINUTE: { value: 60, description: "Kept for a day, or shorter: see `QueueSampling.kept`." },
    TEN_MINUTES: {
      value: 600,
      description: "Kept for a week, or shorter. An interval can be read two minutes after its end.",
    },
    HOUR: {
      value: 3600,
      description: "Kept for 92 days, or shorter. An interval can be read two minutes after its end.",
    },
  } as Record<string, { value: ResolutionSeconds; description: string }>,
});

const HistoryRange = builder.inputType("HistoryRange", {
  description: "A stretch of time.",
  fields: (t) => ({
    seconds: t.field({
      type: "SafeInt",
      required: true,
      defaultValue: 3600,
      description: "Its length: from one interval to 92 days, and not longer than samples of the resolution are kept.",
    }),
    until: t.field({ type: "DateTime", description: "Its end. Left out: now." }),
  }),
});

interface HistoryParent {
  history: History;
  metrics: readonly Metric[];
}

const HistorySeriesType = builder.objectRef<{ metric: Metric; values: (number | null)[] }>("HistorySeries").implement({
  description: "One metric over time.",
  fields: (t) => ({
    metric: t.expose("metric", { type: SampleMetric, description: "Which." }),
    values: t.field({
      type: ["Float"],
      nullable: { list: false, items: true },
      description: "A value for each interval, oldest first. Null: nothing is known of that time.",
      resolve: ({ values }) => values,
    }),
  }),
});

const HistoryType = builder.objectRef<HistoryParent>("History").implement({
  description:
    "How a queue, a pool or a project was over time, in intervals of equal length. When nothing changes, no sample is taken, and the values stay; when it was not possible to sample, they are null.",
  fields: (t) => ({
    from: t.field({
      type: "DateTime",
      description: "Start of the first interval, a multiple of the resolution.",
      resolve: ({ history }) => new Date(history.from),
    }),
    until: t.field({
      type: "DateTime",
      description: "End of the last interval.",
      resolve: ({ history }) => new Date(history.until),
    }),
    resolutionSeconds: t.field({
      type: "SafeInt",
      description: "Length of each interval.",
      resolve: ({ history }) => history.resolutionSeconds,
    }),
    series: t.field({
      type: [HistorySeriesType],
      complexity: { field: 0, multiplier: 1 },
      description: "One for each metric, in the order asked.",
      resolve: ({ history, metrics }) => metrics.map((metric) => ({ metric, values: history.values(metric) })),
    }),
  }),
});

const historyArgs = builder.args((t) => ({
  metrics: t.field({ type: [SampleMetric], required: true, description: "What to show." }),
  range: t.field({ type: HistoryRange, description: "When. Left out: the last hour." }),
  resolution: t.field({
    type: SampleResolution,
    description: `Left out: the finest that is still kept for the range, and gives at most ${USUAL_INTERVALS} intervals.`,
  }),
}));

interface HistoryArgs {
  metrics: readonly Metric[];
  range?: { seconds?: number; until?: Date | null } | null;
  resolution?: ResolutionSeconds | null;
}

/** Of so many intervals, each is a block of samples to read; or of so many values, to write. */
const INTERVALS_OF_COST = 10;
const VALUES_OF_COST = 100;

/** What a history costs, by its intervals and values. Those that a variable says count as usual. */
function historyCost(args: object) {
  const { metrics, range, resolution } = args as {
    metrics: { length: number };
    range?: unknown;
    resolution?: unknown;
  };
  const { seconds = DEFAULT_RANGE_SECONDS } = (range ?? {}) as { seconds?: unknown };
  const known = range !== ANY_VALUE && typeof seconds === "number" && resolution !== ANY_VALUE ? seconds : null;
  const step = typeof resolution === "number" ? resolution : (known ?? 0) / USUAL_INTERVALS;
  const intervals = known === null ? USUAL_INTERVALS : Math.max(1, Math.ceil(known / Math.max(step, FINEST)));
  const reading = Math.ceil(intervals / INTERVALS_OF_COST);
  const writing = Math.ceil((intervals * metrics.length) / VALUES_OF_COST);
  return { field: ASKING_THE_STORE + reading + writing, multiplier: 1 };
}

const historyParams = ({ range, resolution }: HistoryArgs): HistoryParams => ({ range, resolutionSeconds: resolution });

async function withMetrics(found: Promise<History | null>, { metrics }: HistoryArgs): Promise<HistoryParent | null> {
  const history = await found;
  return history && { history, metrics };
}

const historyDescription = (what: string) =>
  `${what} over time, from samples. Null when there is no sample of it. All rows of a list are read together, at most \`limits.maxHistoryIntervals\`.`;

builder.objectFields(QueueType, (t) => ({
  sample: t.field({
    type: SampleType,
    nullable: true,
    complexity: ASKING_THE_STORE,
    description:
      "Its last sample: cheaper than `stats`, and up to a minute old. Null when there is none, as of a queue that was never used. All queues of a list cost one statement.",
    resolve: (queue, _args, context) =>
      batched(context, "Queue.sample", addressOf(queue), (queues) =>
        context.operations.samples.last(context.access, { queues }),
      ),
  }),
  history: t.field({
    type: HistoryType,
    nullable: true,
    args: historyArgs,
    complexity: historyCost,
    description: historyDescription("How it was"),
    resolve: (queue, args, context, info) =>
      withMetrics(
        batched(context, info, addressOf(queue), (queues) =>
          context.operations.samples.history(context.access, { queues, ...historyParams(args) }),
        ),
        args,
      ),
  }),
}));

builder.objectFields(ProjectType, (t) => ({
  stats: t.field({
    type: SampleType,
    nullable: true,
    complexity: ASKING_THE_STORE,
    description:
      "All its queues together, at their last samples. Null when there are none. All projects of a list cost one statement.",
    resolve: ({ name }, _args, context) =>
      batched(context, "Project.stats", name, (projects) =>
        context.operations.samples.lastOfProjects(context.access, { projects }),
      ),
  }),
  history: t.field({
    type: HistoryType,
    nullable: true,
    args: historyArgs,
    complexity: historyCost,
    description: historyDescription("How all its queues together were"),
    resolve: ({ name }, args, context, info) =>
      withMetrics(
        batched(context, info, name, (projects) =>
          context.operations.samples.historyOfProjects(context.access, { projects, ...historyParams(args) }),
        ),
        args,
      ),
  }),
}));

builder.objectFields(PoolType, (t) => ({
  stats: t.field({
    type: SampleType,
    nullable: true,
    complexity: ASKING_THE_STORE,
    description:
      "All its queues together, at their last samples. Null when it was never sampled, and unless you may read all projects. All pools of a list cost one statement.",
    resolve: ({ name }, _args, context) =>
      batched(context, "Pool.stats", name, (pools) =>
        context.operations.samples.lastOfPools(context.access, { pools }),
      ),
  }),
  history: t.field({
    type: HistoryType,
    nullable: true,
    args: historyArgs,
    complexity: historyCost,
    description: historyDescription("How all its queues together were"),
    resolve: ({ name }, args, context, info) =>
      withMetrics(
        batched(context, info, name, (pools) =>
          context.operations.samples.historyOfPools(context.access, { pools, ...historyParams(args) }),
        ),
        args,
      ),
  }),
}));

const KeptSamplesType = builder.objectRef<Sampling["kept"][number]>("KeptSamples").implement({
  description: "How far samples of a resolution go back.",
  fields: (t) => ({
    resolutionSeconds: t.expose("resolutionSeconds", { type: "SafeInt", description: "Length of each interval." }),
    seconds: t.expose("seconds", { type: "SafeInt", description: "For how long they are kept now." }),
  }),
});

const PoolBehindType = builder.objectRef<Sampling["last"]["behind"][number]>("PoolBehind").implement({
  description: "A pool that is not sampled now, as when it does not answer.",
  fields: (t) => ({
    poolName: t.exposeString("pool", { description: "Its name." }),
    pool: t.field({
      type: PoolType,
      nullable: true,
      description: `The pool. ${POOL_REFERENCE}`,
      resolve: ({ pool: name }, _args, context, info) => followPool({ name }, context, info),
    }),
    lastAt: t.expose("at", { type: "DateTime", nullable: true, description: "When its queues were last sampled." }),
  }),
});

const QueueSamplingType = builder.objectRef<Sampling>("QueueSampling").implement({
  description: "How queues are sampled: one process samples those of all pools, for all processes.",
  fields: (t) => ({
    kept: t.field({
      type: [KeptSamplesType],
      description:
        "How far samples go back at each resolution, the finest first. All together take at most QUEUE_SAMPLES_MIB: where that is too little, the resolutions that take most lose their oldest samples.",
      resolve: ({ kept }) => kept,
    }),
    on: t.exposeBoolean("on", { description: "False: no samples are taken. See the setting QUEUE_SAMPLES." }),
    lastAt: t.field({
      type: "DateTime",
      nullable: true,
      description:
        "When queues were last sampled, in the pool where that is longest ago; without the pools that are `behind`. Null until one was.",
      resolve: ({ last }) => last.at,
    }),
    behind: t.field({
      type: [PoolBehindType],
      description:
        "Pools whose queues were never sampled, or last more than three minutes before those of another pool; by name. Lists show their queues as they were then.",
      resolve: ({ last }) => last.behind,
    }),
  }),
});

builder.queryFields((t) => ({
  queueSampling: t.field({
    type: QueueSamplingType,
    complexity: ASKING_THE_STORE,
    description: "How queues are sampled. `Queue.sample` and `Queue.history` return the samples.",
    resolve: (_root, _args, { access, operations }) => operations.samples.sampling(access, {}),
  }),
}));

builder.objectFields(QueueConnectionType, (t) => ({
  asOf: t.field({
    type: "DateTime",
    nullable: true,
    complexity: ASKING_THE_STORE,
    description:
      "When the samples were taken that the list was filtered or ordered by: see `QueueSampling.lastAt`. Lists without them are as of now.",
    resolve: async (_page, _args, { access, operations }) => (await operations.samples.sampling(access, {})).last.at,
  }),
}));
