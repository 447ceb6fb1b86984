import type { SubscriptionRecord } from "../operations/subscriptions/record.ts";
import { addressOf, followQueue, QUEUE_REFERENCE, QueueType } from "./queue-types.ts";
import {
  createQueueField,
  idempotencyKeyField,
  orNull,
  projectField,
  queueArgs,
  queueField,
  reasonField,
} from "./schema/addresses.ts";
import { batched } from "./schema/batched.ts";
import { builder } from "./schema/builder.ts";
import { connectionType, pageArgs, pageCost, pageOf } from "./schema/connection.ts";
import { DeletePayload } from "./schema/delete-payload.ts";
import { RawJson } from "./schema/json.ts";
import { JsonInput, optionalTextOf } from "./schema/json-input.ts";

const QueueSubscriptionType = builder.objectRef<SubscriptionRecord>("QueueSubscription").implement({
  description:
    "A subscriber of a queue; Zaqar calls it a subscription. It is stored, listed and confirmed, but nothing is delivered yet. It stays when its queue is deleted.",
  fields: (t) => ({
    id: t.exposeID("id", { description: "Its id." }),
    project: t.exposeString("project", { description: "Its queue's project." }),
    queueName: t.exposeString("source", { description: "Its queue's name." }),
    queue: t.field({
      type: QueueType,
      nullable: true,
      description: `Its queue. ${QUEUE_REFERENCE}`,
      resolve: ({ project, source: name }, _args, context, info) => followQueue({ project, name }, context, info),
    }),
    subscriber: t.exposeString("subscriber", { description: "The subscriber's URI, with its password masked." }),
    ttlSeconds: t.expose("ttlSeconds", {
      type: "SafeInt",
      description: "How many seconds it lives, from its creation or the last change of its ttl.",
    }),
    ageSeconds: t.expose("ageSeconds", { type: "SafeInt", description: "Seconds since then." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was created." }),
    expiresAt: t.expose("expiresAt", { type: "DateTime", description: "When it expires." }),
    options: t.field({
      type: "JSON",
      description: "Its options, an object.",
      resolve: (subscription) => new RawJson(subscription.optionsText),
    }),
    optionsText: t.exposeString("optionsText", { description: "The same as JSON text." }),
    confirmed: t.exposeBoolean("confirmed", { description: "Whether the subscriber has confirmed it." }),
  }),
});

const QueueSubscriptionConnectionType = connectionType("QueueSubscription", QueueSubscriptionType, "subscriptions");

builder.objectFields(QueueType, (t) => ({
  subscriptions: t.field({
    type: QueueSubscriptionConnectionType,
    nullable: true,
    args: pageArgs,
    complexity: pageCost,
    description: "Its subscriptions, oldest first.",
    resolve: async (queue, args, context, info) => {
      const page = pageOf(args, "queueSubscriptions");
      const found = await batched(context, info, queue, (queues) =>
        context.operations.batch.subscriptions(context.access, { queues: queues.map(addressOf), page }),
      );
      return { page: found, order: "queueSubscriptions" as const };
    },
  }),
}));

builder.queryFields((t) => ({
  queueSubscription: t.field({
    type: QueueSubscriptionType,
    nullable: true,
    args: { ...queueArgs, id: t.arg.id({ required: true, description: "The subscription's id." }) },
    description: "One subscription; null when none has that id.",
    resolve: (_root, args, { access, operations }) =>
      orNull(operations.subscriptions.get(access, args), "SUBSCRIPTION_DOES_NOT_EXIST"),
  }),
  queueSubscriptionOf: t.field({
    type: QueueSubscriptionType,
    nullable: true,
    args: { ...queueArgs, subscriber: t.arg.string({ required: true, description: "The subscriber's URI." }) },
    description: "A subscriber's subscription to a queue; null when there is none.",
    resolve: (_root, args, { access, operations }) =>
      orNull(operations.subscriptions.getWithSubscriber(access, args), "SUBSCRIPTION_DOES_NOT_EXIST"),
  }),
  queueSubscriptions: t.field({
    type: QueueSubscriptionConnectionType,
    nullable: true,
    args: { ...queueArgs, ...pageArgs },
    complexity: pageCost,
    description: "The subscriptions of a queue, oldest first; also of one that does not exist now.",
    resolve: async (_root, { project, queue, ...args }, { access, operations }) => ({
      page: await operations.subscriptions.list(access, {
        project,
        queue,
        page: pageOf(args, "queueSubscriptions"),
      }),
      order: "queueSubscriptions" as const,
    }),
  }),
}));

const subscriber = "An http, https, mailto, trust+http or trust+https URI.";
const optionsField = { type: JsonInput, description: "Options, an object." } as const;
const idField = { required: true, description: "The subscription's id." } as const;

const CreateQueueSubscriptionInput = builder.inputType("CreateQueueSubscriptionInput", {
  description: "A subscriber, and the queue. The subscription is stored; nothing is delivered to it yet.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    subscriber: t.string({ required: true, description: subscriber }),
    ttlSeconds: t.field({ type: "SafeInt", description: "How many seconds it lives. Left out: the server's default." }),
    options: t.field(optionsField),
    createQueue: t.boolean(createQueueField),
    idempotencyKey: t.string(idempotencyKeyField),
    reason: t.string(reasonField),
  }),
});
const CreateQueueSubscriptionPayload = builder
  .objectRef<{ subscription: SubscriptionRecord; created: boolean }>("CreateQueueSubscriptionPayload")
  .implement({
    description: "The result of createQueueSubscription.",
    fields: (t) => ({
      subscription: t.expose("subscription", { type: QueueSubscriptionType, description: "The subscription." }),
      created: t.exposeBoolean("created", {
        description: "False: it existed, not yet confirmed, and was not changed.",
      }),
    }),
  });
const UpdateQueueSubscriptionInput = builder.inputType("UpdateQueueSubscriptionInput", {
  description: "What to change of a subscription. What is left out stays.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    id: t.id(idField),
    subscriber: t.string({ description: subscriber }),
    ttlSeconds: t.field({ type: "SafeInt", description: "How many seconds it lives from now on." }),
    options: t.field(optionsField),
    reason: t.string(reasonField),
  }),
});
const DeleteQueueSubscriptionInput = builder.inputType("DeleteQueueSubscriptionInput", {
  description: "The subscription to delete.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    id: t.id(idField),
    reason: t.string(reasonField),
  }),
});
const ConfirmQueueSubscriptionInput = builder.inputType("ConfirmQueueSubscriptionInput", {
  description: "The subscription, and whether it is confirmed.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    id: t.id(idField),
    confirmed: t.boolean({ defaultValue: true, required: true, description: "False takes the confirmation back." }),
    reason: t.string(reasonField),
  }),
});
const QueueSubscriptionPayload = builder
  .objectRef<{ subscription: SubscriptionRecord }>("QueueSubscriptionPayload")
  .implement({
    description: "A subscription that was changed.",
    fields: (t) => ({
      subscription: t.expose("subscription", {
        type: QueueSubscriptionType,
        description: "The subscription as it is now.",
      }),
    }),
  });

builder.mutationFields((t) => ({
  createQueueSubscription: t.field({
    type: CreateQueueSubscriptionPayload,
    args: { input: t.arg({ type: CreateQueueSubscriptionInput, required: true, description: "The subscription." }) },
    description:
      "Stores a subscription. Nothing is delivered to it yet. With an `idempotencyKey`, a repeat returns the subscription as it is now; SUBSCRIPTION_DOES_NOT_EXIST if it is gone, for it is not stored again.",
    resolve: (_root, { input: { options, ...input } }, { access, operations }) =>
      operations.subscriptions.create(access, {
        ...input,
        optionsText: optionalTextOf(options),
      }),
  }),
  updateQueueSubscription: t.field({
    type: QueueSubscriptionPayload,
    args: {
      input: t.arg({
        type: UpdateQueueSubscriptionInput,
        required: true,
        description: "The subscription, and what to change.",
      }),
    },
    description: "Changes a subscription.",
    resolve: async (_root, { input: { options, ...input } }, { access, operations }) => ({
      subscription: await operations.subscriptions.update(access, {
        ...input,
        optionsText: optionalTextOf(options),
      }),
    }),
  }),
  deleteQueueSubscription: t.field({
    type: DeletePayload,
    args: { input: t.arg({ type: DeleteQueueSubscriptionInput, required: true, description: "The subscription." }) },
    description: "Deletes a subscription. Safe to repeat.",
    resolve: async (_root, { input }, { access, operations }) => ({
      ...(await operations.subscriptions.delete(access, input)),
      ids: [input.id],
    }),
  }),
  confirmQueueSubscription: t.field({
    type: QueueSubscriptionPayload,
    args: { input: t.arg({ type: ConfirmQueueSubscriptionInput, required: true, description: "The subscription." }) },
    description: "Confirms a subscription, or takes the confirmation back.",
    resolve: async (_root, { input }, { access, operations }) => ({
      subscription: await operations.subscriptions.confirm(access, input),
    }),
  }),
}));
