/** The consumers of a queue: who claims from it or pops from it. */
import { type Consumer, MINUTES } from "../history/consumer.ts";
import { holderOf } from "../operations/claims/record.ts";
import { ClaimType } from "./claims.ts";
import { addressOf, followQueue, QUEUE_REFERENCE, QueueType } from "./queue-types.ts";
import { batched } from "./schema/batched.ts";
import { builder } from "./schema/builder.ts";
import { ASKING_THE_STORE, CountType, connectionType, pageArgs, pageCost, pageOf } from "./schema/connection.ts";
import type { GraphQLContext } from "./schema/context.ts";

const heldBy = (consumer: Consumer, context: GraphQLContext) =>
  batched(context, "Consumer.held", consumer, (consumers) =>
    context.operations.consumers.held(context.access, { consumers }),
  );

const ConsumerMinutesType = builder.objectRef<Consumer>("ConsumerMinutes").implement({
  description: "What a consumer got in the last hour, minute by minute.",
  fields: (t) => ({
    from: t.field({
      type: "DateTime",
      description: "Start of the first minute.",
      resolve: ({ minutesUntil }) => new Date(minutesUntil.getTime() - MINUTES * 60_000),
    }),
    until: t.expose("minutesUntil", {
      type: "DateTime",
      description: "End of the last minute, which is still running.",
    }),
    messages: t.field({
      type: ["SafeInt"],
      description: `Messages that it claimed or popped in each of the last ${MINUTES} minutes, oldest first.`,
      resolve: ({ minutes }) => [...minutes],
    }),
  }),
});

const ConsumerType = builder.objectRef<Consumer>("Consumer").implement({
  description:
    "Who claims from a queue or pops from it. Calls belong to the client id that they send, or else to their actor; a renewal belongs to the claim's holder. What is said of it is at most ten seconds old, but for what it holds, which is read now.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "Its client id, or else its actor." }),
    project: t.exposeString("project", { description: "Its queue's project." }),
    queueName: t.exposeString("queue", { description: "Its queue's name." }),
    queue: t.field({
      type: QueueType,
      nullable: true,
      description: `Its queue. ${QUEUE_REFERENCE}`,
      resolve: ({ project, queue: name }, _args, context, info) => followQueue({ project, name }, context, info),
    }),
    actor: t.exposeString("actor", { description: "The actor of its last call, as in the audit log." }),
    firstSeenAt: t.expose("firstSeenAt", { type: "DateTime", description: "When it first called." }),
    lastSeenAt: t.expose("lastSeenAt", { type: "DateTime", description: "When it last called." }),
    lastClaimAt: t.expose("lastClaimAt", {
      type: "DateTime",
      nullable: true,
      description: "When it last got messages.",
    }),
    lastEmptyClaimAt: t.expose("lastEmptyClaimAt", {
      type: "DateTime",
      nullable: true,
      description: "When it last got none, because nothing was ready.",
    }),
    lastRenewalAt: t.expose("lastRenewalAt", {
      type: "DateTime",
      nullable: true,
      description: "When a program last renewed one of its claims.",
    }),
    stoppedAt: t.expose("stoppedAt", {
      type: "DateTime",
      nullable: true,
      description:
        "When it stopped: it called every few seconds, and then not any more. Null while it calls, for one that called rarely, a day after it stopped, and when another one began to call regularly at about that time: its replacement.",
    }),
    claimed: t.expose("claimed", {
      type: "SafeInt",
      description: "All messages that it claimed or popped since it was first seen.",
    }),
    messagesPerSecond: t.exposeFloat("rate", {
      description: "Messages that it claimed or popped a second, in the last minute.",
    }),
    minutes: t.field({
      type: ConsumerMinutesType,
      complexity: { field: 0, multiplier: 1 },
      description: "What it got in the last hour.",
      resolve: (consumer) => consumer,
    }),
    messagesHeld: t.field({
      type: CountType,
      nullable: true,
      complexity: ASKING_THE_STORE,
      description:
        "Messages that its claims hold now. Not exact for a queue with thousands of claims, of which the oldest are read.",
      resolve: async (consumer, _args, context) => {
        const { messages, exact } = await heldBy(consumer, context);
        return { value: messages, exact };
      },
    }),
    heldUntil: t.field({
      type: "DateTime",
      nullable: true,
      complexity: ASKING_THE_STORE,
      description: "When the last of its claims expires, unless it is renewed. Null when it holds nothing.",
      resolve: async (consumer, _args, context) => (await heldBy(consumer, context)).until,
    }),
  }),
});

const ConsumerConnectionType = connectionType("Consumer", ConsumerType, "consumers");

builder.objectFields(QueueType, (t) => ({
  consumers: t.field({
    type: ConsumerConnectionType,
    nullable: true,
    args: pageArgs,
    complexity: pageCost,
    description:
      "Its consumers: first those that have stopped, then those that called within the last hour, then the others; each by name. At most 1,000: beyond, those that have been silent longest are forgotten, and all after a week. None are recorded while `queueSampling` is off.",
    resolve: async (queue, args, context, info) => {
      const page = pageOf(args, "consumers");
      const found = await batched(context, info, addressOf(queue), (queues) =>
        context.operations.consumers.list(context.access, { queues, page }),
      );
      return { page: found, order: "consumers" as const };
    },
  }),
}));

builder.objectFields(ClaimType, (t) => ({
  consumer: t.field({
    type: ConsumerType,
    nullable: true,
    complexity: ASKING_THE_STORE,
    description:
      "Its holder among the consumers of its queue. Null when that was not recorded. All claims of a list cost one statement.",
    resolve: (claim, _args, context) => {
      const name = holderOf(claim);
      if (claim.consumer !== undefined || name === null) return claim.consumer ?? null;
      const consumer = { project: claim.project, queue: claim.queue, name };
      return batched(context, "Claim.consumer", consumer, (consumers) =>
        context.operations.consumers.named(context.access, { consumers }),
      );
    },
  }),
}));
