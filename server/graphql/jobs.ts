import { JOB_KINDS, JOB_STATES, type Job } from "../jobs/job.ts";
import type { PoolShare } from "../operations/pool-facts/placement.ts";
import { projectField, queueField } from "./schema/addresses.ts";
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

const JobKindType = builder.enumType("JobKind", {
  description: "What a job does.",
  values: {
    MOVE_QUEUE: { value: JOB_KINDS[0], description: "Moves a queue to another pool while it is used." },
    DRAIN_POOL: { value: JOB_KINDS[1], description: "Moves all queues of a pool to others." },
  } as const,
});

const STATE_DESCRIPTIONS: Record<Job["state"], string> = {
  waiting: "No process has begun with it yet.",
  running: "A process does it, or will go on with it when the one that did has been silent for some seconds.",
  done: "It was done.",
  failed: "It failed; `error` says why. What was moved stays where it is.",
  cancelled: "It was cancelled. What was moved stays where it is.",
};

const JobStateType = builder.enumType("JobState", {
  description: "How far a job is.",
  values: Object.fromEntries(
    JOB_STATES.map((state) => [state.toUpperCase(), { value: state, description: STATE_DESCRIPTIONS[state] }]),
  ) as Record<Uppercase<Job["state"]>, { value: Job["state"]; description: string }>,
});

const JobErrorType = builder.objectRef<NonNullable<Job["error"]>>("JobError").implement({
  description: "Why a job failed.",
  fields: (t) => ({
    code: t.exposeString("code", { description: "One of ErrorCode." }),
    message: t.exposeString("message", { description: "For people." }),
  }),
});

const JobType = builder.objectRef<Job>("Job").implement({
  description: "A long action. It goes on when its request has ended, and when the process that does it dies.",
  fields: (t) => ({
    id: t.exposeString("id", { description: "Its id." }),
    kind: t.expose("kind", { type: JobKindType, description: "What it does." }),
    project: t.exposeString("project", { nullable: true, description: "The queue's project; null for a pool." }),
    target: t.exposeString("target", { description: "The queue's or the pool's name." }),
    state: t.expose("state", { type: JobStateType, description: "How far it is." }),
    progress: t.expose("progress", {
      type: "SafeInt",
      description: "How much is done: messages of a queue that moves, queues of a pool that is drained.",
    }),
    total: t.expose("total", { type: "SafeInt", nullable: true, description: "Of how much; null while nobody knows." }),
    rate: t.exposeFloat("rate", { nullable: true, description: "How much a second; null at the beginning." }),
    waitingFor: t.exposeString("waitingFor", {
      nullable: true,
      description:
        "What it waits for before it tries again, such as `pool fast`, a pool that is away, or `queue orders`, which somebody else moves; null while it goes on. A job fails when nothing of it got done for a day (`MAX_JOB_WAIT`).",
    }),
    input: t.field({
      type: "JSON",
      description: "What it was asked for, an object.",
      resolve: (job) => new RawJson(job.inputText),
    }),
    inputText: t.exposeString("inputText", { description: "The same as text." }),
    result: t.field({
      type: "JSON",
      nullable: true,
      description:
        "What came of it, an object; null until it is done. Of a move: messages, claims, pauseMs, seconds; `included`, the names of the queues that moved with it; `excluded`, those of its dead letter group that did not, each `{queue, why}`. Of a drain: queues, and `excluded`, up to 100 queues that now live in another pool than their dead letter queue.",
      resolve: (job) => (job.resultText === null ? null : new RawJson(job.resultText)),
    }),
    resultText: t.exposeString("resultText", { nullable: true, description: "The same as text." }),
    error: t.expose("error", { type: JobErrorType, nullable: true, description: "Why it failed; else null." }),
    cancelRequested: t.exposeBoolean("cancelRequested", { description: "It stops at its next safe point." }),
    actor: t.exposeString("actor", { description: "Who asked for it." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was asked for." }),
    startedAt: t.expose("startedAt", { type: "DateTime", nullable: true, description: "When it began." }),
    finishedAt: t.expose("finishedAt", { type: "DateTime", nullable: true, description: "When it ended." }),
  }),
});

const JobConnectionType = connectionType("Job", JobType, "jobs");

const PoolShareType = builder.objectRef<PoolShare>("PoolShare").implement({
  description: "A pool's part of the queues of its flavor.",
  fields: (t) => ({
    pool: t.exposeString("pool", { description: "The pool's name." }),
    weight: t.expose("weight", { type: "SafeInt", description: "The weight that was asked for, or else its own." }),
    share: t.exposeFloat("share", { description: "Of new queues, from 0 to 1." }),
    queues: t.expose("queues", { type: CountType, description: "How many live there today." }),
    shareNow: t.exposeFloat("shareNow", { description: "Of the queues of today, from 0 to 1." }),
  }),
});

const PoolWeightInput = builder.inputType("PoolWeightInput", {
  description: "A pool, and the weight that it might have.",
  fields: (t) => ({
    pool: t.string({ required: true, description: "The pool's name." }),
    weight: t.field({ type: "SafeInt", required: true, description: "The weight to suppose." }),
  }),
});

builder.queryFields((t) => ({
  job: t.field({
    type: JobType,
    nullable: true,
    args: { id: t.arg.string({ required: true, description: "The job's id." }) },
    description: "One job; null when there is none that you may see.",
    resolve: (_root, { id }, { access, operations }) => operations.jobs.get(access, { id }),
  }),
  jobs: t.field({
    type: JobConnectionType,
    args: {
      kind: t.arg({ type: JobKindType, description: "Only of this kind." }),
      state: t.arg({ type: JobStateType, description: "Only in this state." }),
      target: t.arg.string({ description: "Only about the queue or pool of this name." }),
      ...pageArgs,
    },
    complexity: pageCost,
    description: "Jobs, newest first. A caller with some projects sees those of their queues.",
    resolve: async (_root, args, { access, operations }) => ({
      page: await operations.jobs.list(access, {
        kind: args.kind,
        state: args.state,
        target: args.target,
        page: pageOf(args),
      }),
      cursorOf: ({ id }: Job) => id,
    }),
  }),
  poolPlacement: t.field({
    type: [PoolShareType],
    args: {
      flavor: t.arg.string({ description: "Of the pools of this flavor. Left out: of those without one." }),
      weights: t.arg({ type: [PoolWeightInput], description: "Weights to suppose; other pools keep theirs." }),
    },
    complexity: ASKING_THE_STORE,
    description:
      "How new queues would be spread if pools had other weights, beside how queues lie today. Changes nothing.",
    resolve: (_root, { flavor, weights }, { access, operations }) =>
      operations.poolPlacement.predict(access, { flavor: flavor ?? null, weights: weights ?? [] }),
  }),
}));

const MoveQueueInput = builder.inputType("MoveQueueInput", {
  description: "A queue, and the pool to move it to.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    pool: t.string({ required: true, description: "The pool's name. It must be of the queue's flavor." }),
  }),
});
const DrainPoolInput = builder.inputType("DrainPoolInput", {
  description: "The pool to empty.",
  fields: (t) => ({ pool: t.string({ required: true, description: "The pool's name." }) }),
});
const CancelJobInput = builder.inputType("CancelJobInput", {
  description: "The job to stop.",
  fields: (t) => ({ id: t.string({ required: true, description: "The job's id." }) }),
});
const jobPayload = (name: string, mutation: string) =>
  builder.objectRef<{ job: Job }>(name).implement({
    description: `What became of ${mutation}.`,
    fields: (t) => ({ job: t.expose("job", { type: JobType, description: "The job as it is now." }) }),
  });
const MoveQueuePayload = jobPayload("MoveQueuePayload", "moveQueue");
const DrainPoolPayload = jobPayload("DrainPoolPayload", "drainPool");
const CancelJobPayload = builder.objectRef<{ job: Job | null }>("CancelJobPayload").implement({
  description: "What became of cancelJob.",
  fields: (t) => ({
    job: t.expose("job", {
      type: JobType,
      nullable: true,
      description: "The job as it is now; null when there is none that you may see.",
    }),
  }),
});

builder.mutationFields((t) => ({
  moveQueue: t.field({
    type: MoveQueuePayload,
    args: { input: t.arg({ type: MoveQueueInput, required: true, description: "The queue and the pool." }) },
    complexity: KEEPING_WAITING,
    description:
      "Moves a queue to another pool while clients post and claim: messages with their ids, order and markers, live claims, idempotency keys and subscriptions go along, and so do its dead letter queue and up to 100 others that use that one, from the same pool, as far as the pool is of their flavors; the result names those that are left out, and why. A short move is done when this answers; a long one goes on as a job. Asked for again meanwhile, it gives the same job.",
    resolve: async (_root, { input }, { access, operations }) => ({
      job: await operations.jobs.moveQueue(access, input),
    }),
  }),
  drainPool: t.field({
    type: DrainPoolPayload,
    args: { input: t.arg({ type: DrainPoolInput, required: true, description: "The pool." }) },
    complexity: KEEPING_WAITING,
    description:
      "Moves all queues of a pool to the others of their flavors, by weight, as a job, and makes the pool's weight 0 so that it gets no new ones. A queue and its dead letter queue stay together where both may live. Only an empty pool can be deleted. It is refused (NO_POOL_FOUND) when no other pool takes a queue of it. Asked for again meanwhile, it gives the same job.",
    resolve: async (_root, { input }, { access, operations }) => ({
      job: await operations.jobs.drainPool(access, input),
    }),
  }),
  cancelJob: t.field({
    type: CancelJobPayload,
    args: { input: t.arg({ type: CancelJobInput, required: true, description: "The job." }) },
    description:
      "Stops a job at its next safe point. What was moved stays where it is, a queue on its way stays where it was, and a pool that was being drained gets its weight back.",
    resolve: async (_root, { input }, { access, operations }) => ({ job: await operations.jobs.cancel(access, input) }),
  }),
}));
