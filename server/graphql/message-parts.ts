/** What a message has. */
import type { HeaderToPost } from "../operations/input/message-headers.ts";
import type { MessageRecord } from "../operations/messages/record.ts";
import type { DeadLettered } from "../storage/messages/dead-lettered.ts";
import { followQueue, QUEUE_REFERENCE, QueueType } from "./queue-types.ts";
import { builder } from "./schema/builder.ts";

export const MessageClaimType = builder.objectRef<NonNullable<MessageRecord["claim"]>>("MessageClaim").implement({
  description: "The claim that holds a message now.",
  fields: (t) => ({
    id: t.exposeID("id", { description: "The claim's id." }),
    expiresAt: t.expose("expiresAt", {
      type: "DateTime",
      description: "When the claim expires, so that others may claim the message.",
    }),
  }),
});

export const MessageStateType = builder.enumType("MessageState", {
  description: "The state of a message. Each message has exactly one: the first of these that applies.",
  values: {
    CLAIMED: { value: "claimed", description: "A live claim holds it." },
    DELAYED: { value: "delayed", description: "Its delay is not over, so nobody can claim it yet." },
    EXHAUSTED: {
      value: "exhausted",
      description:
        "It was claimed `_max_claim_count` times, and the queue's `_dead_letter_queue` does not exist. Neither claims nor pops return it. Create that queue, and the next claim moves it there.",
    },
    READY: { value: "ready", description: "None of the others: the next claim may return it." },
  } as const,
});

export const BodyVisibilityType = builder.enumType("BodyVisibility", {
  description: "What the caller sees of a message's body and headers.",
  values: {
    FULL: { value: "full", description: "Everything." },
    MASKED: { value: "masked", description: "All but some values of the body, and the values of headers." },
    HIDDEN: { value: "hidden", description: "Nothing." },
  } as const,
});

export const MessageHeaderType = builder.objectRef<HeaderToPost>("MessageHeader").implement({
  description: "A header of a message.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "Its name, unique in the message." }),
    value: t.exposeString("value", { description: "Its value." }),
  }),
});

/** With the project of the message. */
export const DeadLetterOriginType = builder
  .objectRef<DeadLettered & { project: string }>("DeadLetterOrigin")
  .implement({
    description: "How a message came to a dead letter queue.",
    fields: (t) => ({
      queueName: t.exposeString("queue", { description: "The name of the queue that it came from." }),
      queue: t.field({
        type: QueueType,
        nullable: true,
        description: `The queue that it came from. ${QUEUE_REFERENCE}`,
        resolve: ({ project, queue: name }, _args, context, info) => followQueue({ project, name }, context, info),
      }),
      at: t.expose("at", { type: "DateTime", description: "When it was moved." }),
      deliveries: t.expose("deliveries", { type: "SafeInt", description: "How often it had been claimed there." }),
      clientId: t.exposeString("clientId", {
        nullable: true,
        description: "The client that claimed it last there; null when it gave no client id.",
      }),
      claimId: t.exposeID("claimId", {
        nullable: true,
        description: "The last claim that delivered it there; null when it was released from that.",
      }),
    }),
  });
