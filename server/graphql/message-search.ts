import { MAX_SEARCHED_TEXT_LENGTH } from "../operations/input/message-filter.ts";
import type { MessageSearch } from "../operations/messages/search.ts";
import { MessageStateType } from "./message-parts.ts";
import { MessageType } from "./messages.ts";
import { addressOf, QueueType } from "./queue-types.ts";
import { builder } from "./schema/builder.ts";
import { KEEPING_WAITING } from "./schema/connection.ts";
import { readMessagePosition, writeCursor } from "./schema/cursor.ts";
import { OrderDirection } from "./schema/order-direction.ts";

export const MessageFilterType = builder.inputType("MessageFilter", {
  description: "Which messages. What is left out does not count; several conditions are met together.",
  fields: (t) => ({
    states: t.field({
      type: [MessageStateType],
      description: "In one of these states, at least one. Left out: in any state.",
    }),
    postedFrom: t.field({
      type: "DateTime",
      description:
        "Whose `createdAt` is this time or later. The search begins or ends there and does not look at others. If the storage's clock was set back, it may miss some.",
    }),
    postedBefore: t.field({ type: "DateTime", description: "Whose `createdAt` is before this time. As `postedFrom`." }),
    aboveMarker: t.string({ description: "Behind the message with this marker." }),
    upToMarker: t.string({ description: "The message with this marker, and those before it." }),
    clientId: t.string({ description: "Whose sender gave this client id." }),
    minClaimCount: t.field({ type: "SafeInt", description: "That were claimed at least this often in this queue." }),
    holder: t.string({
      description: "That a claim of this holder holds now: its client id, or else its actor. Not together with `ids`.",
    }),
    claimEndsBefore: t.field({
      type: "DateTime",
      description: "That a claim holds now which ends before this time, unless it is renewed.",
    }),
    bodyContains: t.string({
      description: `Whose \`bodyText\` contains this text, 1 to ${MAX_SEARCHED_TEXT_LENGTH} characters. It is compared as it was posted: upper and lower case differ, and \`"\\u00e9"\` is not \`"é"\`.`,
    }),
    ids: t.idList({
      description:
        "With one of these ids, at most as many as a page has rows. They come in this order, whatever `direction` says.",
    }),
  }),
});

const MessageSearchType = builder.objectRef<MessageSearch>("MessageSearch").implement({
  description: "What a search found, and how far it came.",
  fields: (t) => ({
    nodes: t.field({
      type: [MessageType],
      complexity: { field: 0, multiplier: 1 },
      description: "The messages that it found, in its order.",
      resolve: ({ messages }) => messages,
    }),
    examined: t.expose("examined", {
      type: "SafeInt",
      description: "How many messages it looked at. Those outside of the times and markers of the filter do not count.",
    }),
    reachedAt: t.expose("reachedAt", {
      type: "DateTime",
      nullable: true,
      description: "The `createdAt` of the last message that it looked at; null when it looked at none.",
    }),
    done: t.exposeBoolean("done", {
      description: "True: it looked at all. False: go on with `after: endCursor`, also when it found nothing.",
    }),
    endCursor: t.string({
      nullable: true,
      description:
        "Where it ended, for `after` of a search with the same filter and direction. Null when it looked at none.",
      resolve: ({ position }) => (position === undefined ? null : writeCursor("messages", position)),
    }),
  }),
});

builder.objectFields(QueueType, (t) => ({
  messageSearch: t.field({
    type: MessageSearchType,
    nullable: true,
    args: {
      filter: t.arg({ type: MessageFilterType, description: "Which messages. Left out: all." }),
      direction: t.arg({
        type: OrderDirection,
        required: true,
        defaultValue: "desc",
        description: "DESC: the newest first. ASC: the oldest first.",
      }),
      first: t.arg.int({ description: "How many messages to find. Left out: the default page size." }),
      after: t.arg.string({ description: "The `endCursor` of a search, or a message's marker: go on from there." }),
      examine: t.arg({
        type: "SafeInt",
        description:
          "How many messages to look at: 1 to `limits.maxSearchedMessages`. Left out: `limits.defaultSearchedMessages`.",
      }),
    },
    complexity: ({ first }) => ({ field: KEEPING_WAITING, multiplier: first ?? 1 }),
    description:
      "Looks for messages in any state, a part of the queue at a time, and consumes none. It ends when it has found or looked at as many as asked, at `limits.maxPageBytes` of what it found, after `limits.maxSearchMilliseconds`, or after it has read 64 MiB of bodies, and says how far it came. It tests states and times before it reads a body. A search that follows `endCursor` to the end sees each message that stays in the queue once, as it is at that moment. A process runs two searches that look at more than a page at a time; others wait for some seconds and then are TOO_MANY_REQUESTS.",
    resolve: (queue, { filter, direction, first, after, examine }, { access, answer, operations }, info) =>
      operations.messages.search(access, {
        ...addressOf(queue),
        filter,
        order: direction === "asc" ? "oldestFirst" : "newestFirst",
        after: after === null || after === undefined ? undefined : readMessagePosition(after, "after"),
        limit: first,
        examine,
        bodies: answer.reads(info),
      }),
  }),
}));
