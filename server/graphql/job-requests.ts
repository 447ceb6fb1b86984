/** Asking for jobs, and changing them. */
import type { Job } from "../jobs/job.ts";
import { MAX_GENERATED_MESSAGES, RATE } from "../operations/jobs/starts.ts";
import { JobType, namingJob, storedJobId } from "./jobs.ts";
import { projectField, queueField, reasonField } from "./schema/addresses.ts";
import { builder } from "./schema/builder.ts";
import { KEEPING_WAITING } from "./schema/connection.ts";
import { JsonInput, optionalTextOf } from "./schema/json-input.ts";

const RATE_WORDS = `How many messages a second at most: ${RATE.least} to ${RATE.most}.`;
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
const HoldJobInput = builder.inputType("HoldJobInput", {
  description: "The job to hold.",
  fields: (t) => ({ id: t.id({ required: true, description: "The job's id." }), reason: t.string(reasonField) }),
});
const ResumeJobInput = builder.inputType("ResumeJobInput", {
  description: "The job to resume.",
  fields: (t) => ({ id: t.id({ required: true, description: "The job's id." }), reason: t.string(reasonField) }),
});
const UpdateJobInput = builder.inputType("UpdateJobInput", {
  description: "A job, and how fast it shall go.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The job's id." }),
    ratePerSecond: t.float({ description: `${RATE_WORDS} Null or left out: as fast as it can.` }),
    reason: t.string(reasonField),
  }),
});
const neededReasonField = { ...reasonField, required: true, description: "Why, in 1 to 1,000 characters." } as const;
const StartJobInput = builder.inputType("StartJobInput", {
  description: "The dry run to carry out.",
  fields: (t) => ({
    token: t.string({ required: true, description: "The `token` of the dry run." }),
    ratePerSecond: t.float({ description: `${RATE_WORDS} Left out: as fast as it can. A purge has no rate.` }),
    reason: t.string(neededReasonField),
  }),
});
const GenerateMessagesInput = builder.inputType("GenerateMessagesInput", {
  description: "A load of test messages.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    messages: t.field({
      type: "SafeInt",
      required: true,
      description: `How many: 1 to ${MAX_GENERATED_MESSAGES}.`,
    }),
    ratePerSecond: t.float({ required: true, description: RATE_WORDS }),
    bodyBytes: t.field({
      type: "SafeInt",
      description: "About how many bytes each body has. Left out: 100. Not together with `body`.",
    }),
    body: t.field({
      type: JsonInput,
      description:
        'The body of each message. In its texts `{{number}}` stands for the number of the message, from 1; the text `"{{number}}"` becomes that number itself.',
    }),
    ttlSeconds: t.field({
      type: "SafeInt",
      description: "How long each message lives. Left out: the queue's `_default_message_ttl`.",
    }),
    reason: t.string(neededReasonField),
    idempotencyKey: t.string({
      description:
        "Any text, up to `limits.maxIdempotencyKeyLength`. It belongs to the queue. A repeat with the same key returns the same job, also after it ended, as long as the job is kept.",
    }),
  }),
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
  startJob: t.field({
    type: JobPayload,
    args: { input: t.arg({ type: StartJobInput, required: true, description: "The dry run, and how fast." }) },
    complexity: KEEPING_WAITING,
    description:
      "Starts the job of a dry run. Starting it twice is once: the second call returns the same job. Each message is judged again when its turn comes; what was posted after the dry run stays. A short job without a rate is done when this answers; others go on. The job asks for your rights before each batch, and fails with FORBIDDEN when they are gone. DRY_RUN_DOES_NOT_EXIST ten minutes after the dry run.",
    resolve: async (_root, { input }, { access, operations }) => ({
      job: await operations.jobs.start(access, input),
    }),
  }),
  generateMessages: t.field({
    type: JobPayload,
    args: { input: t.arg({ type: GenerateMessagesInput, required: true, description: "The queue and the load." }) },
    description:
      "Posts test messages to a queue, as a job, none of them twice. The job's result has the `clientId` of all of them, so that a job can delete them again.",
    resolve: async (_root, { input: { body, ...input } }, { access, operations }) => ({
      job: await operations.jobs.generate(access, { ...input, bodyText: optionalTextOf(body) }),
    }),
  }),
  updateJob: t.field({
    type: JobPayload,
    args: { input: t.arg({ type: UpdateJobInput, required: true, description: "The job, and its rate." }) },
    description:
      "Changes how fast a job goes, within two seconds also while it runs. A job that has ended stays as it is. NOT_SUPPORTED for moves, drains and purges.",
    resolve: async (_root, { input }, { access, operations }) => ({
      job: await operations.jobs
        .update(access, { id: storedJobId(input.id), ratePerSecond: input.ratePerSecond ?? null })
        .catch(namingJob(input.id)),
    }),
  }),
  holdJob: t.field({
    type: JobPayload,
    args: { input: t.arg({ type: HoldJobInput, required: true, description: "The job." }) },
    description:
      "Holds a job: it stops at its next safe point, within two seconds, and goes on from there after `resumeJob`. It can be cancelled meanwhile. A job that has ended stays as it is.",
    resolve: async (_root, { input }, { access, operations }) => ({
      job: await operations.jobs.hold(access, { id: storedJobId(input.id) }).catch(namingJob(input.id)),
    }),
  }),
  resumeJob: t.field({
    type: JobPayload,
    args: { input: t.arg({ type: ResumeJobInput, required: true, description: "The job." }) },
    description: "Ends the hold of a job. One that is not held stays as it is.",
    resolve: async (_root, { input }, { access, operations }) => ({
      job: await operations.jobs.resume(access, { id: storedJobId(input.id) }).catch(namingJob(input.id)),
    }),
  }),
  cancelJob: t.field({
    type: JobPayload,
    args: { input: t.arg({ type: CancelJobInput, required: true, description: "The job." }) },
    description:
      "Cancels a job at its next safe point. What was done to messages stays done. Queues that were moved stay in their new pool; a queue whose move is not finished stays in its old one; a pool that was being drained gets its weight back.",
    resolve: async (_root, { input }, { access, operations }) => ({
      job: await operations.jobs.cancel(access, { id: storedJobId(input.id) }).catch(namingJob(input.id)),
    }),
  }),
}));
