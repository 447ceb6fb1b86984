/** What gives out no messages, because somebody paused it. */

import { MAX_REASON_LENGTH } from "../operations/audit/reason.ts";
import type { QueueAddress } from "../operations/input/addresses.ts";
import { MAX_PAUSES } from "../operations/pauses/pauses.ts";
import type { Pause } from "../storage/pause.ts";
import { CreateClaimPayload } from "./claims.ts";
import { PopMessagesPayload } from "./messages.ts";
import { addressOf, followQueue, QUEUE_REFERENCE, QueueType } from "./queue-types.ts";
import { projectField, queueField, reasonField } from "./schema/addresses.ts";
import { batched } from "./schema/batched.ts";
import { builder } from "./schema/builder.ts";
import { ASKING_THE_STORE } from "./schema/connection.ts";
import type { GraphQLContext } from "./schema/context.ts";

const PauseScopeType = builder.enumType("PauseScope", {
  description: "What is paused.",
  values: {
    EVERYTHING: { value: "everything", description: "All queues of all projects." },
    PROJECT: { value: "project", description: "All queues of a project, those too that are created later." },
    QUEUE: { value: "queue", description: "A queue." },
  } as Record<string, { value: Pause["scope"]; description: string }>,
});

const PauseType = builder.objectRef<Pause>("Pause").implement({
  description:
    "What is paused gives out no messages: claims and pops answer empty. Everything else works: messages are posted, renewed, released, deleted and moved. Messages expire as always.",
  fields: (t) => ({
    scope: t.expose("scope", { type: PauseScopeType, description: "What is paused." }),
    project: t.string({
      nullable: true,
      description: "The project, or the queue's project; null for everything.",
      resolve: (pause) => (pause.scope === "everything" ? null : pause.project),
    }),
    queueName: t.string({
      nullable: true,
      description: "The queue's name; null for a project and for everything.",
      resolve: (pause) => (pause.scope === "queue" ? pause.queue : null),
    }),
    queue: t.field({
      type: QueueType,
      nullable: true,
      description: `The queue; null for a project and for everything. ${QUEUE_REFERENCE}`,
      resolve: (pause, _args, context, info) =>
        pause.scope === "queue" ? followQueue({ project: pause.project, name: pause.queue }, context, info) : null,
    }),
    at: t.expose("at", { type: "DateTime", description: "Since when." }),
    actor: t.exposeString("actor", { description: "Who paused it." }),
    reason: t.exposeString("reason", { description: "Why, in that person's words." }),
  }),
});

const pauseOf = (address: QueueAddress, { access, operations }: GraphQLContext) =>
  operations.pauses.ofQueues(access, { queues: [address] }).then(([pause]) => pause ?? null);

builder.objectFields(QueueType, (t) => ({
  pause: t.field({
    type: PauseType,
    nullable: true,
    description:
      "Why it gives out no messages: the pause of everything, of its project or of itself, the widest one. Null: it is not paused. May be a second old. All queues of a list cost one statement.",
    resolve: (queue, _args, context) =>
      batched(context, "Queue.pause", addressOf(queue), (queues) =>
        context.operations.pauses.ofQueues(context.access, { queues }),
      ),
  }),
}));

const EMPTY_BECAUSE = "Why it is empty: the queue is paused. Null: it is not, or there is something.";
builder.objectFields(CreateClaimPayload, (t) => ({
  pause: t.field({
    type: PauseType,
    nullable: true,
    description: EMPTY_BECAUSE,
    resolve: ({ address, claim }, _args, context) => (claim === null ? pauseOf(address, context) : null),
  }),
}));
builder.objectFields(PopMessagesPayload, (t) => ({
  pause: t.field({
    type: PauseType,
    nullable: true,
    description: EMPTY_BECAUSE,
    resolve: ({ address, messages }, _args, context) => (messages.length === 0 ? pauseOf(address, context) : null),
  }),
}));

builder.queryFields((t) => ({
  pauses: t.field({
    type: [PauseType],
    complexity: ASKING_THE_STORE,
    description: `All that is paused and that you may see: everything first, then projects, then queues, by name. About ${MAX_PAUSES} at most.`,
    resolve: (_root, _args, { access, operations }) => operations.pauses.list(access),
  }),
}));

const PausedQueueInput = builder.inputType("PausedQueueInput", {
  description: "A queue.",
  fields: (t) => ({ project: t.string(projectField), queue: t.string(queueField) }),
});
const PauseTargetInput = builder.inputType("PauseTargetInput", {
  description: "What to pause or to resume.",
  isOneOf: true,
  fields: (t) => ({
    queue: t.field({ type: PausedQueueInput, description: "This queue." }),
    project: t.string({ description: "All queues of this project, those too that are created later." }),
    everything: t.boolean({ description: "True: all queues of all projects. Role admin." }),
  }),
});
const targetField = { type: PauseTargetInput, required: true, description: "What." } as const;

const PauseInput = builder.inputType("PauseInput", {
  description: "What to pause, and why.",
  fields: (t) => ({
    target: t.field(targetField),
    reason: t.string({
      required: true,
      description: `Why, for all who look: 1 to ${MAX_REASON_LENGTH} characters. It is in the audit log too.`,
    }),
  }),
});
const ResumeInput = builder.inputType("ResumeInput", {
  description: "What to resume.",
  fields: (t) => ({ target: t.field(targetField), reason: t.string(reasonField) }),
});

const PausePayload = builder.objectRef<{ pause: Pause }>("PausePayload").implement({
  description: "The result of pause.",
  fields: (t) => ({ pause: t.expose("pause", { type: PauseType, description: "The pause." }) }),
});
const ResumePayload = builder.objectRef<{ resumed: Pause | null }>("ResumePayload").implement({
  description: "The result of resume.",
  fields: (t) => ({
    resumed: t.expose("resumed", {
      type: PauseType,
      nullable: true,
      description: "The pause that ended; null when there was none of just this target.",
    }),
  }),
});

builder.mutationFields((t) => ({
  pause: t.field({
    type: PausePayload,
    args: { input: t.arg({ type: PauseInput, required: true, description: "What, and why." }) },
    description:
      "Pauses a queue, a project or everything: claims and pops answer empty, and clients that wait go on waiting. Takes effect everywhere within a second. What is paused already stays as it is, with its reason. QUEUE_DOES_NOT_EXIST.",
    resolve: async (_root, { input }, { access, operations }) => ({
      pause: await operations.pauses.pause(access, input),
    }),
  }),
  resume: t.field({
    type: ResumePayload,
    args: { input: t.arg({ type: ResumeInput, required: true, description: "What." }) },
    description:
      "Ends the pause of just this target. A queue stays paused while its project or everything is. Clients that wait are served within a second. Safe to repeat.",
    resolve: async (_root, { input }, { access, operations }) => {
      return { resumed: await operations.pauses.resume(access, input) };
    },
  }),
}));
