import type { GraphQLResolveInfo } from "graphql";
import type { QueueAddress } from "../operations/input/addresses.ts";
import { checksumOf } from "../operations/input/message-checksum.ts";
import type { MessageToPost } from "../operations/input/new-messages.ts";
import type { MessageRecord } from "../operations/messages/record.ts";
import {
  BodyVisibilityType,
  DeadLetterOriginType,
  MessageClaimType,
  MessageHeaderType,
  MessageStateType,
} from "./message-parts.ts";
import { addressOf, followQueue, QUEUE_REFERENCE, type QueueParent, QueueType } from "./queue-types.ts";
import {
  clientIdField,
  createQueueField,
  idempotencyKeyField,
  orNull,
  projectField,
  queueArgs,
  queueField,
  reasonField,
  takeLimitField,
  WAIT_SECONDS,
} from "./schema/addresses.ts";
import { batched } from "./schema/batched.ts";
import { builder, waiting } from "./schema/builder.ts";
import { ASKING_THE_STORE, connectionType, pageArgs, pageCost, pageOf } from "./schema/connection.ts";
import type { GraphQLContext } from "./schema/context.ts";
import { readPagePosition } from "./schema/cursor.ts";
import { DeletePayload } from "./schema/delete-payload.ts";
import { RawJson } from "./schema/json.ts";
import { JsonInput, textOf } from "./schema/json-input.ts";

export const MessageType = builder.objectRef<MessageRecord>("Message");
MessageType.implement({
  description: "A message. Reading it does not consume it.",
  fields: (t) => ({
    id: t.exposeID("id", { description: "Its id. It keeps it when it moves to another queue or pool." }),
    project: t.exposeString("project", { description: "Its queue's project." }),
    queueName: t.exposeString("queue", { description: "Its queue's name." }),
    queue: t.field({
      type: QueueType,
      nullable: true,
      description: `Its queue. ${QUEUE_REFERENCE}`,
      resolve: ({ project, queue: name }, _args, context, info) => followQueue({ project, name }, context, info),
    }),
    state: t.expose("state", { type: MessageStateType, description: "Its state when it was read." }),
    marker: t.exposeString("marker", {
      description:
        "Its position in the queue: a number as text that grows in commit order and is never reused. `messages` and `messagePosted` take it as `after`.",
    }),
    bodyVisibility: t.expose("bodyVisibility", {
      type: BodyVisibilityType,
      description: "What you see of its body and headers: see `Project.bodyRule`.",
    }),
    bodyText: t.exposeString("bodyText", {
      description:
        'The body as the exact JSON text that was posted. What you may not see of it is the text `"***"`: the whole body, or some values in it; all else is as it was posted.',
    }),
    body: t.field({
      type: "JSON",
      description: "The same as JSON. The answer holds the exact text.",
      resolve: (message) => new RawJson(message.bodyText),
    }),
    headers: t.field({
      type: [MessageHeaderType],
      complexity: 0,
      description:
        "Its headers, in the order of their names. It keeps them when it moves. A service that sends traces adds `traceparent`, unless the message was posted with one or has no room for it. Of a masked body their values are `***`; of a hidden one there are none.",
      resolve: ({ headers }) =>
        headers === null ? [] : Object.entries(headers).map(([name, value]) => ({ name, value })),
    }),
    checksum: t.string({
      description:
        "\"MD5:\" and the MD5 of `bodyText` as Python's json.dumps writes it, which is Zaqar's checksum of a body that you see in full.",
      resolve: (message) => checksumOf(message.bodyText),
    }),
    ttlSeconds: t.expose("ttlSeconds", {
      type: "SafeInt",
      description: "How many seconds it lives: as posted, or the ttl + grace of a claim that extended it.",
    }),
    ageSeconds: t.expose("ageSeconds", { type: "SafeInt", description: "Seconds since it was posted, or moved here." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was posted, or moved here." }),
    expiresAt: t.expose("expiresAt", { type: "DateTime", description: "When it expires." }),
    delayedUntil: t.expose("delayedUntil", {
      type: "DateTime",
      nullable: true,
      description: "When its delay ends; null when it has none any more.",
    }),
    clientId: t.exposeString("clientId", { nullable: true, description: "The client id that its sender gave." }),
    claimCount: t.expose("claimCount", { type: "SafeInt", description: "How often it was claimed in this queue." }),
    claim: t.expose("claim", {
      type: MessageClaimType,
      nullable: true,
      complexity: 0,
      description: "The claim that holds it now; null when none does.",
    }),
    lastClaimId: t.exposeID("lastClaimId", {
      nullable: true,
      description: "The id of the last claim on it, expired or not, unless that was released.",
    }),
    deadLettered: t.field({
      type: DeadLetterOriginType,
      nullable: true,
      complexity: 0,
      description:
        "How it came to a dead letter queue, the last time; null when it never did. It keeps this when it is moved back, or on.",
      resolve: ({ deadLettered, project }) => deadLettered && { ...deadLettered, project },
    }),
  }),
});

const MessageConnectionType = connectionType("Message", MessageType, "messages");

const idsCost = ({ ids }: { ids: readonly string[] }) => ({ field: ASKING_THE_STORE, multiplier: ids.length });

function messagesById(queue: QueueParent, ids: readonly string[], context: GraphQLContext, info: GraphQLResolveInfo) {
  const { access, answer, operations } = context;
  return batched(context, info, queue, (queues) =>
    operations.batch.messagesById(access, { queues: queues.map(addressOf), ids, bodies: answer.reads(info) }),
  );
}

function firstMessage(
  queue: QueueParent,
  sort: "oldest" | "newest",
  context: GraphQLContext,
  info: GraphQLResolveInfo,
) {
  const { access, answer, operations } = context;
  return batched(context, info, queue, (queues) =>
    operations.batch.firstMessages(access, { queues: queues.map(addressOf), sort, bodies: answer.reads(info) }),
  );
}

builder.objectFields(QueueType, (t) => ({
  messages: t.field({
    type: MessageConnectionType,
    nullable: true,
    args: {
      includeClaimed: t.arg.boolean({
        defaultValue: false,
        required: true,
        description: "Also those that a live claim holds.",
      }),
      includeDelayed: t.arg.boolean({
        defaultValue: false,
        required: true,
        description: "Also those that cannot be claimed yet.",
      }),
      includeExhausted: t.arg.boolean({
        defaultValue: false,
        required: true,
        description: "Also those that were delivered as often as allowed and whose dead letter queue does not exist.",
      }),
      clientId: t.arg.string({ description: "Who you are. With `echo: false`, your own messages are left out." }),
      echo: t.arg.boolean({ defaultValue: true, required: true, description: "Also messages that `clientId` posted." }),
      waitSeconds: t.arg({ type: "SafeInt", description: WAIT_SECONDS }),
      ...pageArgs,
    },
    complexity: pageCost,
    description:
      'Its messages, oldest first; only ready ones, unless other states are included. A page ends early at `limits.maxPageBytes`, and `hasNextPage` says so. A reader that continues after `endCursor` misses no message, even while others post. `after` and `before` also take a message\'s marker; `after: "0"` is the beginning of the queue.',
    resolve: async (queue, args, context, info) => {
      const { access, operations, answer } = context;
      const { includeClaimed, includeDelayed, includeExhausted, clientId, echo, waitSeconds } = args;
      const request = {
        includeClaimed,
        includeDelayed,
        includeExhausted,
        clientId,
        echo,
        page: pageOf(args, "messages", readPagePosition),
        bodies: answer.reads(info),
      };
      // Each waits for its own queue.
      const waits = waitSeconds !== null && waitSeconds !== undefined && waitSeconds > 0;
      const page = waits
        ? await waiting(context, waitSeconds, (wait) =>
            operations.messages.list(access, { ...addressOf(queue), ...request, ...wait }),
          )
        : await batched(context, info, queue, (queues) =>
            operations.batch.messages(access, { ...request, queues: queues.map(addressOf) }),
          );
      return { page, order: "messages" as const };
    },
  }),
  message: t.field({
    type: MessageType,
    nullable: true,
    args: { id: t.arg.id({ required: true, description: "The message's id." }) },
    complexity: ASKING_THE_STORE,
    description: "One of its messages, in any state; null when none has that id.",
    resolve: async (queue, { id }, context, info) => (await messagesById(queue, [id], context, info))[0] ?? null,
  }),
  messagesById: t.field({
    type: [MessageType],
    nullable: true,
    args: {
      ids: t.arg.idList({ required: true, description: "Messages' ids, at most as many as a page has rows." }),
    },
    complexity: idsCost,
    description:
      "The messages with these ids that exist, in the given order, each once, in any state. The list ends early at `limits.maxPageBytes`: if fewer came than asked for, ask again for the ids after the last one, until none comes.",
    resolve: (queue, { ids }, context, info) => messagesById(queue, ids, context, info),
  }),
  oldestMessage: t.field({
    type: MessageType,
    nullable: true,
    complexity: ASKING_THE_STORE,
    description: "Its oldest message, in any state; null when it is empty.",
    resolve: (queue, _args, context, info) => firstMessage(queue, "oldest", context, info),
  }),
  newestMessage: t.field({
    type: MessageType,
    nullable: true,
    complexity: ASKING_THE_STORE,
    description: "Its newest message, in any state; null when it is empty.",
    resolve: (queue, _args, context, info) => firstMessage(queue, "newest", context, info),
  }),
}));

builder.queryFields((t) => ({
  message: t.field({
    type: MessageType,
    nullable: true,
    args: { ...queueArgs, id: t.arg.id({ required: true, description: "The message's id." }) },
    description: "One message, in any state; null when none has that id.",
    resolve: (_root, args, { access, answer, operations }, info) =>
      orNull(operations.messages.get(access, { ...args, bodies: answer.reads(info) }), "MESSAGE_DOES_NOT_EXIST"),
  }),
}));

const MessageHeaderInput = builder.inputType("MessageHeaderInput", {
  description: "A header of a message.",
  fields: (t) => ({
    name: t.string({
      required: true,
      description: "Its name: 1 to `limits.maxMessageHeaderNameBytes` bytes. Upper and lower case differ.",
    }),
    value: t.string({ required: true, description: "Its value, any text." }),
  }),
});

const PostMessageInput = builder.inputType("PostMessageInput", {
  description: "A message to post.",
  fields: (t) => ({
    body: t.field({ type: JsonInput, required: true, description: "The body, any JSON value." }),
    headers: t.field({
      type: [MessageHeaderInput],
      description:
        "Names and values that travel beside the body. At most `limits.maxMessageHeaders`, each name once, and `limits.maxMessageHeadersBytes` together.",
    }),
    ttlSeconds: t.field({
      type: "SafeInt",
      description:
        "How many seconds it lives, from its post on. Left out: the queue's `_default_message_ttl`. A message whose delay is not shorter than its life expires unseen.",
    }),
    delaySeconds: t.field({
      type: "SafeInt",
      description:
        "How many seconds nobody can claim it. Left out: the queue's `_default_message_delay`. It does not lengthen the message's life: with a delay of `ttlSeconds` or more it is accepted, expires unseen, and is lost.",
    }),
  }),
});
export const PostMessagesInput = builder.inputType("PostMessagesInput", {
  description: "Messages, and the queue to post them to.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    messages: t.field({
      type: [PostMessageInput],
      required: true,
      description: "At least one. All are posted, with consecutive positions, or none.",
    }),
    clientId: t.string(clientIdField),
    createQueue: t.boolean(createQueueField),
    idempotencyKey: t.string(idempotencyKeyField),
  }),
});
const PostMessagesPayload = builder.objectRef<{ ids: string[] }>("PostMessagesPayload").implement({
  description: "The result of postMessages.",
  fields: (t) => ({ ids: t.exposeIDList("ids", { description: "The messages' ids, in the order given." }) }),
});

const PopMessagesInput = builder.inputType("PopMessagesInput", {
  description: "How many messages to take, and from which queue.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    limit: t.field(takeLimitField),
    clientId: t.string({ description: "Identifies your client among the queue's consumers. Any text." }),
    idempotencyKey: t.string({
      description:
        "Any text, up to `limits.maxIdempotencyKeyLength`. A repeat within `limits.popIdempotencyKeySeconds` returns the same messages and deletes none. A pop with a key takes at most `limits.maxKeptPopBytes` of bodies and headers. One that returned nothing keeps nothing, so a repeat may find messages. TOO_MANY_REQUESTS while the queue keeps `limits.maxKeptPopBytesOfQueue`. A storage whose memory is full refuses pops with a key, not those without.",
    }),
    reason: t.string(reasonField),
  }),
});
interface PopMessages {
  address: QueueAddress;
  messages: MessageRecord[];
}
export const PopMessagesPayload = builder.objectRef<PopMessages>("PopMessagesPayload").implement({
  description: "The result of popMessages.",
  fields: (t) => ({
    messages: t.expose("messages", {
      type: [MessageType],
      description: "The messages, oldest first. They are deleted.",
    }),
  }),
});

const forceField = { defaultValue: false, required: true } as const;

const DeleteMessageInput = builder.inputType("DeleteMessageInput", {
  description: "The message to delete.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    id: t.id({ required: true, description: "The message's id." }),
    claimId: t.id({
      description:
        "The claim that holds it. A claimed message can only be deleted with its claim, or by force. MESSAGE_NOT_CLAIMED when nobody holds it, MESSAGE_NOT_CLAIMED_BY when another claim does, CLAIM_DOES_NOT_EXIST when there is no such claim.",
    }),
    force: t.boolean({ ...forceField, description: "Delete it even if a claim holds it. Not together with a claim." }),
    reason: t.string(reasonField),
  }),
});

const DeleteMessagesInput = builder.inputType("DeleteMessagesInput", {
  description: "The messages to delete.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    ids: t.idList({
      required: true,
      description: "Messages' ids, at most as many as a page has rows. Unknown ids are ignored.",
    }),
    claimIds: t.idList({
      description:
        "Delete only messages that one of these claims holds; if any is not, none is deleted: MESSAGE_NOT_CLAIMED_BY, with the ids of the others in `details.messageIds`, also when there is no such claim or nobody holds the message. Left out: only messages that no claim holds; if any is claimed, none is deleted: MESSAGE_IS_CLAIMED, with the ids of the claimed ones in `details.messageIds`.",
    }),
    force: t.boolean({ ...forceField, description: "Delete claimed ones too. Not together with claims." }),
    reason: t.string(reasonField),
  }),
});

function messageToPost(input: typeof PostMessageInput.$inferInput): MessageToPost {
  return {
    bodyText: textOf(input.body),
    headers: input.headers,
    ttlSeconds: input.ttlSeconds,
    delaySeconds: input.delaySeconds,
  };
}

/** A post for the operations. */
export const postOf = (input: typeof PostMessagesInput.$inferInput) => ({
  project: input.project,
  queue: input.queue,
  clientId: input.clientId,
  idempotencyKey: input.idempotencyKey,
  createQueue: input.createQueue,
  messages: input.messages.map(messageToPost),
});

builder.mutationFields((t) => ({
  postMessages: t.field({
    type: PostMessagesPayload,
    args: { input: t.arg({ type: PostMessagesInput, required: true, description: "The queue and the messages." }) },
    description: "Posts messages, all or none. When the answer comes, they are stored.",
    resolve: (_root, { input }, { access, operations }) => operations.messages.post(access, postOf(input)),
  }),
  popMessages: t.field({
    type: PopMessagesPayload,
    args: { input: t.arg({ type: PopMessagesInput, required: true, description: "The queue, and how many." }) },
    description:
      "Deletes the oldest ready messages and returns them. Delivery is at most once: if the answer is lost, so are they, unless there is an `idempotencyKey` to ask for it again. Unlike a claim, a pop moves nothing to the dead letter queue. TOO_LARGE when the answer has no room for them: then none is deleted.",
    resolve: async (_root, { input }, { access, answer, operations }, info) => ({
      address: input,
      messages: await operations.messages.pop(access, { ...input, bodies: answer.takes(info) }),
    }),
  }),
  deleteMessage: t.field({
    type: DeletePayload,
    args: { input: t.arg({ type: DeleteMessageInput, required: true, description: "The message." }) },
    description:
      "Deletes a message. With its claim's id this is how a consumer acknowledges it; the id of an expired claim deletes nothing.",
    resolve: async (_root, { input }, { access, operations }) => {
      const { outcome, undo } = await operations.messages.delete(access, input);
      return { deleted: outcome === "deleted" ? 1 : 0, ids: [input.id], undo };
    },
  }),
  deleteMessages: t.field({
    type: DeletePayload,
    args: { input: t.arg({ type: DeleteMessagesInput, required: true, description: "The messages." }) },
    description: "Deletes many messages in one step, all or none.",
    resolve: async (_root, { input }, { access, operations }) => ({
      ...(await operations.messages.bulkDelete(access, input)),
      ids: input.ids,
    }),
  }),
}));
