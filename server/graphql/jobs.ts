import { hasCode } from "../errors.ts";
import { JOB_STATES, type Job, type LeftBehind } from "../jobs/job.ts";
import { jobDoesNotExist } from "../operations/jobs/parts.ts";
import { endOf, leftOf } from "../operations/jobs/run.ts";
import { ErrorCodeType } from "./http/mask-errors.ts";
import { followPool, PoolType } from "./pools.ts";
import { followQueue, QUEUE_REFERENCE, QueueType } from "./queue-types.ts";
import { builder } from "./schema/builder.ts";
import { connectionType, pageArgs, pageCost, pageOf } from "./schema/connection.ts";
import { RawJson } from "./schema/json.ts";
import { NodeType, nodeId, readNodeId } from "./schema/node.ts";

export const JobKindType = builder.enumType("JobKind", {
  description: "What a job does.",
  values: {
    MOVE_QUEUE: { value: "moveQueue", description: "Moves a queue to another pool while it is used." },
    DRAIN_POOL: { value: "drainPool", description: "Moves all queues of a pool to other pools." },
    REDRIVE_MESSAGES: {
      value: "redriveMessages",
      description: "Takes dead letters back to the queues that they came from, or to another one.",
    },
    DELETE_MESSAGES: { value: "deleteMessages", description: "Deletes messages." },
    MOVE_MESSAGES: { value: "moveMessages", description: "Moves messages to another queue." },
    RELEASE_CLAIMS: { value: "releaseClaims", description: "Releases claimed messages." },
    PURGE_QUEUES: { value: "purgeQueues", description: "Removes all messages of queues, or those before a time." },
    GENERATE_MESSAGES: { value: "generateMessages", description: "Posts test messages." },
  } as const,
});

const STATE_DESCRIPTIONS: Record<Job["state"], string> = {
  waiting: "No process has started it yet.",
  running: "A process runs it. If that process dies, another one continues it after some seconds.",
  done: "It succeeded.",
  failed: "It failed; `error` says why. What was done stays done.",
  cancelled: "It was cancelled. What was done stays done.",
};

const JobStateType = builder.enumType("JobState", {
  description: "The state of a job.",
  values: Object.fromEntries(
    JOB_STATES.map((state) => [state.toUpperCase(), { value: state, description: STATE_DESCRIPTIONS[state] }]),
  ) as Record<Uppercase<Job["state"]>, { value: Job["state"]; description: string }>,
});

const JobErrorType = builder.objectRef<NonNullable<Job["error"]>>("JobError").implement({
  description: "Why a job failed.",
  fields: (t) => ({
    code: t.expose("code", { type: ErrorCodeType, description: "Its code." }),
    message: t.exposeString("message", { description: "For people." }),
  }),
});

const JobTargetType = builder.unionType("JobTarget", {
  description: "What a job works on.",
  types: [QueueType, PoolType],
  resolveType: (target) => ("project" in target ? QueueType : PoolType),
});

const jobId = nodeId<Job>("Job", {
  length: 1,
  key: ({ id }) => [id],
  load: (keys, { access, operations }) => operations.jobs.getMany(access, { ids: keys.map(([id = ""]) => id) }),
});
/** The id of the job in its store. JOB_DOES_NOT_EXIST for a text that is no id of a job. */
export function storedJobId(id: string): string {
  const [stored] = readNodeId("Job", id) ?? [];
  if (stored === undefined) throw jobDoesNotExist(id);
  return stored;
}

/** Throws the error. One that names a job names it by the id that the caller gave. */
export const namingJob =
  (id: string) =>
  (error: unknown): never => {
    throw hasCode(error, "JOB_DOES_NOT_EXIST") ? jobDoesNotExist(id) : error;
  };

/** The states of a job, by the id that the caller gave. Errors as `namingJob` says. */
export function jobStates(states: AsyncIterableIterator<Job>, id: string): AsyncIterableIterator<Job> {
  const named: AsyncIterableIterator<Job> = {
    next: () => states.next().catch(namingJob(id)),
    return: (value) => states.return?.(value) ?? Promise.resolve({ value, done: true }),
    [Symbol.asyncIterator]: () => named,
  };
  return named;
}

const LeftWhyType = builder.enumType("LeftReason", {
  description: "Why a job leaves a message as it is.",
  values: {
    CLAIMED: { value: "claimed", description: "A live claim holds it." },
    NOT_CLAIMED: { value: "notClaimed", description: "Its claim had ended before it was released." },
    SOURCE_UNKNOWN: {
      value: "sourceUnknown",
      description:
        "Nobody knows which queue it came from, and not exactly one queue has this one as its dead letter queue.",
    },
    SOURCE_MISSING: { value: "sourceMissing", description: "The queue that it came from does not exist." },
    TOO_LARGE: { value: "tooLarge", description: "The queue where it should go takes no message of its size." },
  } as const,
});

export const LeftBehindType = builder.objectRef<LeftBehind>("LeftBehind").implement({
  description: "Messages that a job leaves as they are, for one reason, in one queue.",
  fields: (t) => ({
    why: t.expose("why", { type: LeftWhyType, description: "Why." }),
    messages: t.expose("messages", { type: "SafeInt", description: "How many." }),
    project: t.exposeString("project", { description: "The queue's project." }),
    queueName: t.exposeString("queue", { description: "The queue's name." }),
    queue: t.field({
      type: QueueType,
      nullable: true,
      description: `The queue. ${QUEUE_REFERENCE}`,
      resolve: ({ project, queue: name }, _args, context, info) => followQueue({ project, name }, context, info),
    }),
  }),
});

export const JobType = builder.objectRef<Job>("Job").implement({
  description:
    "A long action that the server runs. It continues after its request ended, and after the process that runs it died.",
  interfaces: [NodeType],
  fields: (t) => ({
    id: t.id(jobId),
    kind: t.expose("kind", { type: JobKindType, description: "What it does." }),
    project: t.exposeString("project", {
      nullable: true,
      description: "The project of its queue or queues; null for a pool, and for queues of several projects.",
    }),
    targetName: t.exposeString("target", {
      description: "The queue's or the pool's name; empty when it works on several queues, which `dryRun` names.",
    }),
    target: t.field({
      type: JobTargetType,
      nullable: true,
      description:
        "The queue or the pool; null when it is gone, or there are several queues. Its id, name and project are known; anything else of it is read, for all rows of a list with one statement.",
      resolve: ({ project, target: name }, _args, context, info) =>
        name === ""
          ? null
          : project === null
            ? followPool({ name }, context, info)
            : followQueue({ project, name }, context, info),
    }),
    state: t.expose("state", { type: JobStateType, description: "Its state." }),
    progress: t.expose("progress", {
      type: "SafeInt",
      description: "How much is done: queues of a pool that is drained, else messages. What a job left does not count.",
    }),
    total: t.expose("total", {
      type: "SafeInt",
      nullable: true,
      description: "How much there is to do; null while that is unknown.",
    }),
    rate: t.exposeFloat("rate", { nullable: true, description: "How much is done per second; null at the beginning." }),
    waitingFor: t.exposeString("waitingFor", {
      nullable: true,
      description:
        "What it waits for before it tries again, such as `pool fast`, which is unreachable, or `queue orders`, which another job moves. Null while it makes progress. A job fails after a day without progress (`MAX_JOB_WAIT`).",
    }),
    input: t.field({
      type: "JSON",
      description:
        "Its parameters, an object. For who does not read bodies in full, bodies and what they were searched for are `***`.",
      resolve: async (job, _args, { access, operations }) =>
        new RawJson(await operations.bodies.shownInput(access, job)),
    }),
    inputText: t.string({
      description: "The same as JSON text.",
      resolve: (job, _args, { access, operations }) => operations.bodies.shownInput(access, job),
    }),
    result: t.field({
      type: "JSON",
      nullable: true,
      description:
        "Its result, an object; null until it is done. Of a move: messages, claims, pauseMs, durationSeconds; `included`, the names of the queues that moved with it; `excluded`, those of its dead letter group that did not, each `{queue, why}`. Of a drain: queues, and `excluded`, up to 100 queues that are now in another pool than their dead letter queue. Of a job on messages: messages, and `left` as in `leftBecause`. Of test messages: messages, and the `clientId` by which they are found.",
      resolve: (job) => (job.resultText === null ? null : new RawJson(job.resultText)),
    }),
    resultText: t.exposeString("resultText", { nullable: true, description: "The same as JSON text." }),
    error: t.expose("error", { type: JobErrorType, nullable: true, description: "Why it failed; else null." }),
    cancelRequested: t.exposeBoolean("cancelRequested", { description: "It stops at its next safe point." }),
    reason: t.exposeString("reason", {
      nullable: true,
      description: "Why somebody asked for it; null for moves and drains.",
    }),
    ratePerSecond: t.exposeFloat("ratePerSecond", {
      nullable: true,
      description: "The most messages that it takes a second; null: as many as it can.",
    }),
    isHeld: t.exposeBoolean("held", {
      description:
        "Somebody holds it: nobody works on it until `resumeJob`. It takes no room from other jobs meanwhile.",
    }),
    left: t.field({
      type: "SafeInt",
      description: "How many messages it left as they were, so far.",
      resolve: (job) => leftOf(job).reduce((sum, { messages }) => sum + messages, 0),
    }),
    leftBecause: t.field({
      type: [LeftBehindType],
      description:
        "Why it left them, by reason and queue. At most 100 queues of a reason are named; the last one stands for the others.",
      resolve: leftOf,
    }),
    endsAt: t.field({
      type: "DateTime",
      nullable: true,
      description:
        "When it ends, if it goes on as so far; null while that is unknown, while it is held, and once it has ended.",
      resolve: endOf,
    }),
    actor: t.exposeString("actor", { description: "Who asked for it." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was requested." }),
    startedAt: t.expose("startedAt", { type: "DateTime", nullable: true, description: "When it began." }),
    finishedAt: t.expose("finishedAt", { type: "DateTime", nullable: true, description: "When it ended." }),
  }),
});

const JobConnectionType = connectionType("Job", JobType, "jobs");

builder.queryFields((t) => ({
  job: t.field({
    type: JobType,
    nullable: true,
    args: { id: t.arg.id({ required: true, description: "The job's id." }) },
    description: "One job; null when it does not exist or you may not see it.",
    resolve: (_root, { id }, { access, operations }) => {
      const [stored] = readNodeId("Job", id) ?? [];
      return stored === undefined ? null : operations.jobs.get(access, { id: stored });
    },
  }),
  jobs: t.field({
    type: JobConnectionType,
    args: {
      kind: t.arg({ type: JobKindType, description: "Only jobs of this kind." }),
      state: t.arg({ type: JobStateType, description: "Only jobs in this state." }),
      target: t.arg.string({ description: "Only jobs on the queue or pool of this name." }),
      ...pageArgs,
    },
    complexity: pageCost,
    description: "Jobs, newest first. A caller who may see only some projects sees the jobs on their queues.",
    resolve: async (_root, args, { access, operations }) => ({
      page: await operations.jobs.list(access, {
        kind: args.kind,
        state: args.state,
        target: args.target,
        page: pageOf(args, "jobs"),
      }),
      order: "jobs" as const,
    }),
  }),
}));
