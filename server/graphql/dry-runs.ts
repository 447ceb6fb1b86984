import type { Destination, DryRun, PlannedQueue } from "../jobs/dry-run.ts";
import { MAX_DRY_RUN_LIMIT } from "../operations/dry-runs/dry-runs.ts";
import { MAX_JOB_QUEUES } from "../operations/dry-runs/scope.ts";
import { JobKindType, JobType, LeftBehindType } from "./jobs.ts";
import { MessageFilterType } from "./message-search.ts";
import { MessageType } from "./messages.ts";
import { QueueFilter } from "./queue-filter.ts";
import { followQueue, QUEUE_REFERENCE, QueueType } from "./queue-types.ts";
import { projectField, queueField } from "./schema/addresses.ts";
import { batched } from "./schema/batched.ts";
import { builder } from "./schema/builder.ts";
import { ASKING_THE_STORE, CountType, KEEPING_WAITING } from "./schema/connection.ts";
import { RawJson } from "./schema/json.ts";

const newLifeField = {
  type: "SafeInt",
  description: "Gives each message a new life of so many seconds. Left out: it keeps its expiry.",
} as const;

const RedriveAction = builder.inputType("RedriveAction", {
  description: "Takes dead letters back. Their deliveries begin at 0 again.",
  fields: (t) => ({
    to: t.string({
      description:
        "A queue of the same project. Left out: the queue that each message came from; when that is unknown, the only queue that has this one as its dead letter queue.",
    }),
    ttlSeconds: t.field(newLifeField),
  }),
});
const DeleteAction = builder.inputType("DeleteAction", {
  description: "Deletes messages.",
  fields: (t) => ({
    force: t.boolean({ required: true, defaultValue: false, description: "Those that a live claim holds too." }),
  }),
});
const MoveAction = builder.inputType("MoveAction", {
  description: "Moves messages to the end of another queue, in any pool.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    ttlSeconds: t.field(newLifeField),
  }),
});
const ReleaseAction = builder.inputType("ReleaseAction", {
  description: "Releases claimed messages. Each keeps its place and its deliveries.",
  fields: (t) => ({
    delaySeconds: t.field({
      type: "SafeInt",
      required: true,
      defaultValue: 0,
      description: "How long they stay delayed. 0: they are ready at once.",
    }),
  }),
});
const PurgeAction = builder.inputType("PurgeAction", {
  description: "Removes the messages of whole queues, claimed ones too.",
  fields: (t) => ({
    before: t.field({ type: "DateTime", description: "Only those that were posted before this time." }),
  }),
});
const MessageActionType = builder.inputType("MessageAction", {
  isOneOf: true,
  description: "What to do with messages: exactly one of these.",
  fields: (t) => ({
    redrive: t.field({ type: RedriveAction, description: "Back to where they came from, or to another queue." }),
    delete: t.field({ type: DeleteAction, description: "Delete them." }),
    move: t.field({ type: MoveAction, description: "Move them to another queue." }),
    release: t.field({ type: ReleaseAction, description: "Release those that are claimed." }),
    purge: t.field({ type: PurgeAction, description: "Remove all, or all before a time." }),
  }),
});

const QueueAddressInput = builder.inputType("QueueAddressInput", {
  description: "One queue.",
  fields: (t) => ({ project: t.string(projectField), queue: t.string(queueField) }),
});
const FilteredQueues = builder.inputType("FilteredQueues", {
  description: "The queues of one project, or of all, that meet conditions.",
  fields: (t) => ({
    project: t.string(projectField),
    allProjects: t.boolean({
      required: true,
      defaultValue: false,
      description: "All projects that you may see, instead of one.",
    }),
    queues: t.field({ type: QueueFilter, required: true, description: "The conditions." }),
  }),
});
const QueueScopeType = builder.inputType("QueueScope", {
  isOneOf: true,
  description: `Which queues a job goes over: exactly one of these. At most ${MAX_JOB_QUEUES} queues. A redrive over a project or a filter goes over dead letter queues alone.`,
  fields: (t) => ({
    queue: t.field({ type: QueueAddressInput, description: "This queue." }),
    queues: t.field({ type: [QueueAddressInput], description: "These queues, at most as many as a page may have." }),
    project: t.string({ description: 'All queues of this project; "" is the one without a name.' }),
    filter: t.field({ type: FilteredQueues, description: "Those that meet conditions." }),
  }),
});

const queueFields = {
  project: { description: "The queue's project." },
  name: { description: "The queue's name." },
  queue: `The queue. ${QUEUE_REFERENCE}`,
} as const;

const DryRunQueueType = builder.objectRef<PlannedQueue>("DryRunQueue").implement({
  description: "A queue that the job goes over.",
  fields: (t) => ({
    project: t.exposeString("project", queueFields.project),
    queueName: t.exposeString("name", queueFields.name),
    queue: t.field({
      type: QueueType,
      nullable: true,
      description: queueFields.queue,
      resolve: ({ project, name }, _args, context, info) => followQueue({ project, name }, context, info),
    }),
    count: t.expose("count", { type: CountType, description: "How many messages of it match." }),
    claimed: t.expose("claimed", { type: "SafeInt", description: "How many of these are claimed now." }),
    upToMarker: t.exposeString("upToMarker", {
      description: "The job acts on no message behind this marker: what is posted later stays.",
    }),
  }),
});

const DryRunDestinationType = builder.objectRef<Destination>("DryRunDestination").implement({
  description: "A queue to which a redrive or a move takes messages.",
  fields: (t) => ({
    project: t.exposeString("project", queueFields.project),
    queueName: t.exposeString("name", queueFields.name),
    queue: t.field({
      type: QueueType,
      nullable: true,
      description: queueFields.queue,
      resolve: ({ project, name }, _args, context, info) => followQueue({ project, name }, context, info),
    }),
    exists: t.exposeBoolean("exists", { description: "False: it is missing, so these messages stay." }),
    count: t.expose("count", { type: CountType, description: "How many messages go there, of those looked at." }),
  }),
});

const at = (time: string | null) => (time === null ? null : new Date(time));

const DryRunType = builder.objectRef<DryRun>("DryRun").implement({
  description: "What a job would do. Nothing has been changed.",
  fields: (t) => ({
    token: t.exposeString("token", { description: "Starts the job: see `startJob`. It is the job's identity." }),
    kind: t.expose("kind", { type: JobKindType, description: "The kind of the job." }),
    input: t.field({
      type: "JSON",
      description:
        "What was asked for, an object. For who does not read bodies in full, the text that they were searched for is `***`.",
      resolve: async (dryRun, _args, { access, operations }) =>
        new RawJson(await operations.bodies.shownInput(access, dryRun)),
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was made." }),
    expiresAt: t.expose("expiresAt", {
      type: "DateTime",
      description: "Until when it can be started: ten minutes. One that was started is kept as long as its job.",
    }),
    count: t.field({ type: CountType, description: "How many messages match.", resolve: ({ plan }) => plan.count }),
    claimed: t.field({
      type: "SafeInt",
      description: "How many of these are claimed now. They stay, unless the action takes claimed ones.",
      resolve: ({ plan }) => plan.claimed,
    }),
    oldest: t.field({
      type: "DateTime",
      nullable: true,
      description: "When the oldest of them was posted; null when there is none.",
      resolve: ({ plan }) => at(plan.oldest),
    }),
    newest: t.field({
      type: "DateTime",
      nullable: true,
      description: "When the newest of them was posted.",
      resolve: ({ plan }) => at(plan.newest),
    }),
    sample: t.field({
      type: [MessageType],
      nullable: true,
      complexity: { field: ASKING_THE_STORE, multiplier: 4 },
      description: "The first three of them and the last one, as they are now. One that is gone is left out.",
      async resolve({ plan }, _args, { access, answer, operations }, info) {
        const bodies = answer.reads(info);
        const byQueue = Map.groupBy(plan.sample, ({ project, name }) => JSON.stringify([project, name]));
        const reads = Array.from(byQueue.values(), (some) => {
          const { project, name: queue } = some[0] as (typeof some)[number];
          return operations.messages.bulkGet(access, { project, queue, ids: some.map(({ id }) => id), bodies });
        });
        return (await Promise.all(reads)).flat();
      },
    }),
    queueCount: t.field({
      type: "SafeInt",
      description: "How many queues the job goes over. Queues without a match are left out.",
      resolve: ({ plan }) => plan.queues.length,
    }),
    queues: t.field({
      type: [DryRunQueueType],
      nullable: true,
      args: { first: t.arg.int({ required: true, defaultValue: 100, description: "How many at most." }) },
      complexity: ({ first }) => ({ field: 1, multiplier: Math.max(1, first) }),
      description: "These queues, in the order in which the job goes over them.",
      resolve: ({ plan }, { first }) => plan.queues.slice(0, Math.max(0, first)),
    }),
    destinations: t.field({
      type: [DryRunDestinationType],
      description: "Of a redrive or a move: where the messages go, the most first. At most 100.",
      resolve: ({ plan }) => plan.destinations.slice(0, 100),
    }),
    refused: t.field({
      type: [LeftBehindType],
      description: "What would stay as it is, beside claimed messages, of those looked at.",
      resolve: ({ plan }) => plan.refused,
    }),
    undoable: t.boolean({
      description:
        "Whether what the job removes can be taken back for a while: see `Job.undos`, of each queue by itself. A purge can, and so can a delete of at most `limits.maxUndoableDeletes` messages.",
      resolve: ({ plan }) => plan.undoable,
    }),
    warnings: t.field({
      type: ["String"],
      description: "What to know before it is started, in words for people.",
      resolve: ({ plan }) => plan.warnings,
    }),
    job: t.field({
      type: JobType,
      nullable: true,
      description: "The job that was started with it; null when none was.",
      resolve: ({ token }, _args, context, info) =>
        batched(context, info, token, (tokens) => context.operations.jobs.getByTokens(context.access, { tokens })),
    }),
  }),
});

builder.objectFields(JobType, (t) => ({
  dryRun: t.field({
    type: DryRunType,
    nullable: true,
    description: "The dry run that it carries out; null for moves, drains and test messages.",
    resolve: ({ token, kind }, _args, context, info) =>
      token === null || kind === "generateMessages"
        ? null
        : batched(context, info, token, (tokens) => context.operations.dryRuns.getMany(context.access, { tokens })),
  }),
}));

const DryRunInput = builder.inputType("DryRunInput", {
  description: "What to do with which messages.",
  fields: (t) => ({
    action: t.field({ type: MessageActionType, required: true, description: "What to do." }),
    queues: t.field({ type: QueueScopeType, required: true, description: "In which queues." }),
    filter: t.field({
      type: MessageFilterType,
      description: "With which messages. A filter without a condition is refused; a purge takes none.",
    }),
    all: t.boolean({
      required: true,
      defaultValue: false,
      description: "With every message. Needed where there is no condition.",
    }),
    limit: t.field({
      type: "SafeInt",
      description: `Only the oldest so many that can be acted upon: 1 to ${MAX_DRY_RUN_LIMIT}. Only with one queue. Left out: all.`,
    }),
  }),
});
const DryRunPayload = builder.objectRef<{ dryRun: DryRun }>("DryRunPayload").implement({
  description: "What was found.",
  fields: (t) => ({ dryRun: t.expose("dryRun", { type: DryRunType, description: "The dry run." }) }),
});

builder.queryFields((t) => ({
  dryRun: t.field({
    type: DryRunType,
    nullable: true,
    args: { token: t.arg.string({ required: true, description: "Its token." }) },
    description: "A dry run; null when it does not exist, has expired without a job, or you may not see it.",
    resolve: (_root, { token }, { access, operations }) => operations.dryRuns.get(access, { token }),
  }),
}));

builder.mutationFields((t) => ({
  dryRun: t.field({
    type: DryRunPayload,
    args: { input: t.arg({ type: DryRunInput, required: true, description: "What to do with which messages." }) },
    complexity: KEEPING_WAITING,
    description:
      "Says what a job would do, and changes nothing: how many messages match, which, and where they go. It fixes the queues, the filter and the end of each queue; `startJob` with its token carries it out. It looks for four seconds at most: `count.exact` is false when there is more. Of the first 20,000 messages it says where they would go. Queues whose pools do not answer are left out, with a warning.",
    resolve: async (_root, { input }, { access, operations }) => ({
      dryRun: await operations.dryRuns.make(access, input),
    }),
  }),
}));
