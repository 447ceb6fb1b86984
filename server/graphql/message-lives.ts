/** One message's life: what happened to it, and who did it. */
import type { LifeEventRecord, LifeRecord } from "../operations/messages/lives.ts";
import type { MessageRecord } from "../operations/messages/record.ts";
import type { LifeEventKind } from "../storage/messages/message-life.ts";
import { MessageType } from "./messages.ts";
import { addressOf, followQueue, QUEUE_REFERENCE, type QueueParent, QueueType } from "./queue-types.ts";
import { batched } from "./schema/batched.ts";
import { builder } from "./schema/builder.ts";
import { ASKING_THE_STORE } from "./schema/connection.ts";
import type { GraphQLContext } from "./schema/context.ts";

const kinds = {
  POSTED: { value: "posted", description: "It was posted. `until`: when its delay ends." },
  ARRIVED: { value: "arrived", description: "It came from another queue." },
  CLAIMED: { value: "claimed", description: "A claim delivered it. `until`: when that claim ended, or was to end." },
  RENEWED: { value: "renewed", description: "Its claim was renewed, until `until`." },
  RELEASED: { value: "released", description: "It was given back. `until`: when its delay ends." },
  LAPSED: { value: "lapsed", description: "The claim that held it expired." },
  RESTORED: { value: "restored", description: "An undo brought it back after it was deleted." },
  DEAD_LETTERED: { value: "deadLettered", description: "It went to the dead letter queue." },
  MOVED: { value: "moved", description: "It went to another queue, and not as a dead letter: redriven, or moved." },
  DELETED: { value: "deleted", description: "It was deleted by its id." },
  POPPED: { value: "popped", description: "A pop took it." },
  PURGED: { value: "purged", description: "It was purged." },
  EXPIRED: { value: "expired", description: "Its time to live ended." },
} as const satisfies Record<string, { value: LifeEventKind; description: string }>;

const LifeEventKindType = builder.enumType("LifeEventKind", {
  description: "What happened to a message. After the last six it is no longer in that queue.",
  values: kinds,
});

const LifeEventType = builder.objectRef<LifeEventRecord>("LifeEvent").implement({
  description: "Something that happened to a message.",
  fields: (t) => ({
    kind: t.expose("kind", { type: LifeEventKindType, description: "What happened." }),
    at: t.expose("at", { type: "DateTime", description: "When, by the clock of the queue's pool." }),
    queueName: t.exposeString("queue", { description: "The name of the queue in which it happened." }),
    queue: t.field({
      type: QueueType,
      nullable: true,
      description: `The queue in which it happened. ${QUEUE_REFERENCE}`,
      resolve: ({ project, queue: name }, _args, context, info) => followQueue({ project, name }, context, info),
    }),
    otherQueueName: t.exposeString("otherQueue", {
      nullable: true,
      description:
        "The name of the queue that the message came from or went to; null when it did not, or is not known.",
    }),
    otherQueue: t.field({
      type: QueueType,
      nullable: true,
      description: `The queue that the message came from or went to. ${QUEUE_REFERENCE}`,
      resolve: ({ project, otherQueue: name }, _args, context, info) =>
        name === null ? null : followQueue({ project, name }, context, info),
    }),
    clientId: t.exposeString("clientId", {
      nullable: true,
      description: "The client id of who did it: who posted it, or whose claim held it. Null when none was given.",
    }),
    actor: t.exposeString("actor", {
      nullable: true,
      description: "Who created the claim, as access control names them. Only of CLAIMED and RENEWED.",
    }),
    claimId: t.exposeID("claimId", { nullable: true, description: "The claim that held the message then." }),
    until: t.expose("until", {
      type: "DateTime",
      nullable: true,
      description: "When the claim or the delay ends that began with it.",
    }),
    deliveries: t.expose("deliveries", {
      type: "SafeInt",
      nullable: true,
      description: "How often the message had been claimed in that queue, with this time.",
    }),
  }),
});

const MessageLifeType = builder.objectRef<LifeRecord>("MessageLife").implement({
  description:
    "What happened to a message, in all queues of the project that it is known to have gone through and that keep such events.",
  fields: (t) => ({
    keptSeconds: t.expose("keptSeconds", {
      type: "SafeInt",
      description: "How long its queue keeps each event: `_history_seconds`. 0: what is shown is from other queues.",
    }),
    keptSince: t.expose("keptSince", {
      type: "DateTime",
      nullable: true,
      description:
        "Since when its queue keeps them in its present pool; null when it keeps none. A queue that moves to another pool leaves behind what it kept.",
    }),
    isComplete: t.exposeBoolean("isComplete", {
      description: "True: it begins with the post, and nothing that is known was left out.",
    }),
    events: t.expose("events", {
      type: [LifeEventType],
      complexity: 0,
      description: "What happened, oldest first. At most `limits.maxLifeEvents` of each queue.",
    }),
  }),
});

const LIFE = "Null when neither its queue keeps lives (`_history_seconds`) nor one that it came from.";

const UNKNOWN =
  "Without events for an id of which nothing is known: it never was in this queue, or only before `keptSince`, or what happened is longer ago than `keptSeconds`.";

/** The lives of messages that are resolved together. */
function livesOf(messages: readonly MessageRecord[], { access, operations }: GraphQLContext) {
  return operations.messages.lives(access, {
    messages: messages.map(({ project, queue, id, deadLettered }) => ({
      project,
      queue,
      id,
      from: deadLettered?.queue ?? null,
    })),
  });
}

/** What became of a message in each of the queues. If it still exists, it tells where it came from. */
async function livesIn(queues: readonly QueueParent[], id: string, { access, operations }: GraphQLContext) {
  const addresses = queues.map(addressOf);
  const found = await operations.batch.messagesById(access, { queues: addresses, ids: [id] });
  return operations.messages.lives(access, {
    messages: addresses.map((address, index) => {
      const messages = found[index];
      const from = Array.isArray(messages) ? (messages[0]?.deadLettered?.queue ?? null) : null;
      return { ...address, id, from };
    }),
  });
}

builder.objectFields(MessageType, (t) => ({
  life: t.field({
    type: MessageLifeType,
    nullable: true,
    complexity: ASKING_THE_STORE,
    description: `What happened to it. ${LIFE}`,
    resolve: (message, _args, context) =>
      batched(context, "Message.life", message, (messages) => livesOf(messages, context)),
  }),
}));

builder.objectFields(QueueType, (t) => ({
  messageLife: t.field({
    type: MessageLifeType,
    nullable: true,
    args: { id: t.arg.id({ required: true, description: "The message's id." }) },
    complexity: { field: 2 * ASKING_THE_STORE, multiplier: 1 },
    description: `What happened to a message of the queue, also to one that does not exist any more. ${LIFE} ${UNKNOWN}`,
    resolve: (queue, { id }, context, info) => batched(context, info, queue, (queues) => livesIn(queues, id, context)),
  }),
}));
