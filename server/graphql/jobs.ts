import { hasCode } from "../errors.ts";
import { JOB_STATES, type Job } from "../jobs/job.ts";
import { jobDoesNotExist } from "../operations/jobs.ts";
import type { PoolShare } from "../operations/pool-facts/placement.ts";
import { ErrorCodeType } from "./http/mask-errors.ts";
import { followPool, POOL_REFERENCE, PoolType } from "./pools.ts";
import { followQueue, QueueType } from "./queue-types.ts";
import { projectField, queueField, reasonField } from "./schema/addresses.ts";
import { builder } from "./schema/builder.ts";
import {
  ASKING_THE_STORE,
  CountType,
  connectionType,
  KEEPING_WAITING,
  pageArgs,
  pageCost,
  pageOf,
} from "./schema/connection.ts";
import { RawJson } from "./schema/json.ts";
import { NodeType, nodeId, readNodeId } from "./schema/node.ts";

const JobKindType = builder.enumType("JobKind", {
  description: "What a job does.",
  values: {
    MOVE_QUEUE: { value: "moveQueue", description: "Moves a queue to another pool while it is used." },
    DRAIN_POOL: { value: "drainPool", description: "Moves all queues of a pool to other pools." },
  } as const,
});

const STATE_DESCRIPTIONS: Record<Job["state"], string> = {
  waiting: "No process has started it yet.",
  running: "A process runs it. If that process dies, another one continues it after some seconds.",
  done: "It succeeded.",
  failed: "It failed; `error` says why. What was moved stays where it is.",
  cancelled: "It was cancelled. What was moved stays where it is.",
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
const namingJob =
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

export const JobType = builder.objectRef<Job>("Job").implement({
  description:
    "A long action that the server runs. It continues after its request ended, and after the process that runs it died.",
  interfaces: [NodeType],
  fields: (t) => ({
    id: t.id(jobId),
    kind: t.expose("kind", { type: JobKindType, description: "What it does." }),
    project: t.exposeString("project", { nullable: true, description: "The queue's project; null for a pool." }),
    targetName: t.exposeString("target", { description: "The queue's or the pool's name." }),
    target: t.field({
      type: JobTargetType,
      nullable: true,
      description:
        "The queue or the pool; null when it is gone. Its id, name and project are known; anything else of it is read, for all rows of a list with one statement.",
      resolve: ({ project, target: name }, _args, context, info) =>
        project === null ? followPool({ name }, context, info) : followQueue({ project, name }, context, info),
    }),
    state: t.expose("state", { type: JobStateType, description: "Its state." }),
    progress: t.expose("progress", {
      type: "SafeInt",
      description: "How much is done: messages of a queue that moves, queues of a pool that is drained.",
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
      description: "Its parameters, an object.",
      resolve: (job) => new RawJson(job.inputText),
    }),
    inputText: t.exposeString("inputText", { description: "The same as JSON text." }),
    result: t.field({
      type: "JSON",
      nullable: true,
      description:
        "Its result, an object; null until it is done. Of a move: messages, claims, pauseMs, durationSeconds; `included`, the names of the queues that moved with it; `excluded`, those of its dead letter group that did not, each `{queue, why}`. Of a drain: queues, and `excluded`, up to 100 queues that are now in another pool than their dead letter queue.",
      resolve: (job) => (job.resultText === null ? null : new RawJson(job.resultText)),
    }),
    resultText: t.exposeString("resultText", { nullable: true, description: "The same as JSON text." }),
    error: t.expose("error", { type: JobErrorType, nullable: true, description: "Why it failed; else null." }),
    cancelRequested: t.exposeBoolean("cancelRequested", { description: "It stops at its next safe point." }),
    actor: t.exposeString("actor", { description: "Who asked for it." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was requested." }),
    startedAt: t.expose("startedAt", { type: "DateTime", nullable: true, description: "When it began." }),
    finishedAt: t.expose("finishedAt", { type: "DateTime", nullable: true, description: "When it ended." }),
  }),
});

const JobConnectionType = connectionType("Job", JobType, "jobs");

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

const jobKeyField = {
  description:
    "Any text, up to `limits.maxIdempotencyKeyLength`. A repeat with the same key returns the same job, also after it ended, as long as the job is kept.",
} as const;
const MoveQueueInput = builder.inputType("MoveQueueInput", {
  description: "A queue, and the pool to move it to.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    pool: t.string({ required: true, description: "The pool's name. It must be of the queue's flavor." }),
    idempotencyKey: t.string(jobKeyField),
    reason: t.string(reasonField),
  }),
});
const DrainPoolInput = builder.inputType("DrainPoolInput", {
  description: "The pool to empty.",
  fields: (t) => ({
    pool: t.string({ required: true, description: "The pool's name." }),
    idempotencyKey: t.string(jobKeyField),
    reason: t.string(reasonField),
  }),
});
const CancelJobInput = builder.inputType("CancelJobInput", {
  description: "The job to stop.",
  fields: (t) => ({ id: t.id({ required: true, description: "The job's id." }), reason: t.string(reasonField) }),
});
const JobPayload = builder.objectRef<{ job: Job }>("JobPayload").implement({
  description: "A job that was requested or changed.",
  fields: (t) => ({ job: t.expose("job", { type: JobType, description: "The job as it is now." }) }),
});

builder.mutationFields((t) => ({
  moveQueue: t.field({
    type: JobPayload,
    args: { input: t.arg({ type: MoveQueueInput, required: true, description: "The queue and the pool." }) },
    complexity: KEEPING_WAITING,
    description:
      "Moves a queue to another pool while clients post and claim. Messages keep their ids, order and markers; live claims, idempotency keys and subscriptions move with them. Its dead letter queue, and up to 100 other queues of the same pool that use it, move as well if the pool belongs to their flavors; the job's result names the excluded ones, and why. A short move is done when this answers; a long one continues as a job. A repeat meanwhile returns the same job.",
    resolve: async (_root, { input }, { access, operations }) => ({
      job: await operations.jobs.moveQueue(access, input),
    }),
  }),
  drainPool: t.field({
    type: JobPayload,
    args: { input: t.arg({ type: DrainPoolInput, required: true, description: "The pool." }) },
    complexity: KEEPING_WAITING,
    description:
      "Moves all queues of a pool to the other pools of their flavors, by weight, as a job. The pool's weight becomes 0, so that it gets no new queues. A queue and its dead letter queue stay in one pool if both may be there. Only an empty pool can be deleted. NO_POOL_FOUND when no other pool accepts a queue of it. A repeat meanwhile returns the same job.",
    resolve: async (_root, { input }, { access, operations }) => ({
      job: await operations.jobs.drainPool(access, input),
    }),
  }),
  cancelJob: t.field({
    type: JobPayload,
    args: { input: t.arg({ type: CancelJobInput, required: true, description: "The job." }) },
    description:
      "Cancels a job at its next safe point. Queues that were moved stay in their new pool; a queue whose move is not finished stays in its old one; a pool that was being drained gets its weight back.",
    resolve: async (_root, { input }, { access, operations }) => ({
      job: await operations.jobs.cancel(access, { id: storedJobId(input.id) }).catch(namingJob(input.id)),
    }),
  }),
}));
