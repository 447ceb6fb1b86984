import { checksumOf } from "../operations/input/message-checksum.ts";
import type { MessageRecord, MessageToPost } from "../operations/messages.ts";
import { QueueType } from "./queue-types.ts";
import {
  clientIdField,
  createQueueField,
  idempotencyKeyField,
  orNull,
  projectField,
  queueArgs,
  queueField,
  requiredText,
  WAIT_SECONDS,
} from "./schema/addresses.ts";
import { builder, waiting } from "./schema/builder.ts";
import { ASKING_THE_STORE, connectionType, pageArgs, pageCost, pageOf } from "./schema/connection.ts";
import { RawJson } from "./schema/json.ts";

const MessageClaimType = builder.objectRef<NonNullable<MessageRecord["claim"]>>("MessageClaim").implement({
  description: "The claim that holds a message now.",
  fields: (t) => ({
    id: t.exposeString("id", { description: "The claim's id." }),
    expiresAt: t.expose("expiresAt", {
      type: "DateTime",
      description: "When the claim's time is over and others may claim the message.",
    }),
  }),
});

const MessageStateType = builder.enumType("MessageState", {
  description: "What may be done with a message now. Each has exactly one state: the first of these that fits.",
  values: {
    CLAIMED: { value: "claimed", description: "A live claim holds it." },
    DELAYED: { value: "delayed", description: "Its delay is not over, so nobody can claim it yet." },
    EXHAUSTED: {
      value: "exhausted",
      description:
        "It was claimed `_max_claim_count` times, and the queue's `_dead_letter_queue` does not exist. Neither claims nor pops give it. Create that queue, and the next claim moves it there.",
    },
    READY: { value: "ready", description: "None of these: a claim gives it." },
  } as const,
});

export const MessageType = builder.objectRef<MessageRecord>("Message");
MessageType.implement({
  description: "A message. Reading it never consumes it.",
  fields: (t) => ({
    id: t.exposeString("id", { description: "Its id, kept when it moves to another queue or pool." }),
    project: t.exposeString("project", { description: "Its queue's project." }),
    queue: t.exposeString("queue", { description: "Its queue's name." }),
    state: t.expose("state", { type: MessageStateType, description: "Its state when it was read." }),
    marker: t.exposeString("marker", {
      description:
        "Its place in the queue, which is also its cursor: digits that grow in the order of commit and are never used again.",
    }),
    bodyText: t.exposeString("bodyText", { description: "The body as the exact JSON text that was posted." }),
    body: t.field({
      type: "JSON",
      description: "The body, written into the answer as that same text.",
      resolve: (message) => new RawJson(message.bodyText),
    }),
    checksum: t.string({
      description: "\"MD5:\" and the MD5 of the body as Python's json.dumps writes it, which is Zaqar's checksum.",
      resolve: (message) => checksumOf(message.bodyText),
    }),
    ttlSeconds: t.expose("ttlSeconds", {
      type: "SafeInt",
      description: "How long it lives: as posted, or the ttl + grace of a claim that extended it.",
    }),
    ageSeconds: t.expose("ageSeconds", { type: "SafeInt", description: "Seconds since it was posted, or moved here." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was posted, or moved here." }),
    expiresAt: t.expose("expiresAt", { type: "DateTime", description: "When it will be gone." }),
    delayedUntil: t.expose("delayedUntil", {
      type: "DateTime",
      nullable: true,
      description: "When it can be claimed; null when it can be already.",
    }),
    clientId: t.exposeString("clientId", { nullable: true, description: "Who posted it, as they called themselves." }),
    claimCount: t.expose("claimCount", { type: "SafeInt", description: "How often it was claimed in this queue." }),
    claim: t.expose("claim", {
      type: MessageClaimType,
      nullable: true,
      complexity: 0,
      description: "The claim that holds it now; null when none does.",
    }),
    lastClaimId: t.exposeString("lastClaimId", {
      nullable: true,
      description: "The last claim on it, even one that has lapsed; not one that was released.",
    }),
  }),
});

const MessageConnectionType = connectionType("Message", MessageType, "messages");

const idsCost = ({ ids }: { ids: readonly string[] }) => ({ field: ASKING_THE_STORE, multiplier: ids.length });

builder.objectFields(QueueType, (t) => ({
  messages: t.field({
    type: MessageConnectionType,
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
        description: "Also those that were delivered as often as allowed and wait for a missing dead letter queue.",
      }),
      clientId: t.arg.string({ description: "Who you are. With `echo: false`, your own messages are left out." }),
      echo: t.arg.boolean({ defaultValue: true, required: true, description: "Also messages that `clientId` posted." }),
      waitSeconds: t.arg({ type: "SafeInt", description: WAIT_SECONDS }),
      ...pageArgs,
    },
    complexity: pageCost,
    description:
      "Its messages, oldest first; only ready ones unless those in other states are asked for too. A page may be shorter than asked: it ends early where `limits.MAX_PAGE_BYTES` would be passed, and `hasNextPage` says so. A reader that goes on behind `endCursor` misses none, whoever posts meanwhile.",
    resolve: async ({ project, name: queue }, args, context, info) => {
      const { access, operations } = context;
      const { includeClaimed, includeDelayed, includeExhausted, clientId, echo, waitSeconds } = args;
      const filters = {
        includeClaimed,
        includeDelayed,
        includeExhausted,
        clientId,
        echo,
        bodies: context.answer.reads(info),
      };
      const page = await waiting(context, waitSeconds, (wait) =>
        operations.messages.list(access, { project, queue, ...filters, ...wait, page: pageOf(args) }),
      );
      return { page, cursorOf: (message: MessageRecord) => message.marker };
    },
  }),
  message: t.field({
    type: MessageType,
    nullable: true,
    args: { id: t.arg.string({ required: true, description: "The message's id." }) },
    complexity: ASKING_THE_STORE,
    description: "One of its messages, in any state; null when there is none of that id.",
    resolve: ({ project, name: queue }, { id }, { access, answer, operations }, info) =>
      orNull(
        operations.messages.get(access, { project, queue, id, bodies: answer.reads(info) }),
        "MESSAGE_DOES_NOT_EXIST",
      ),
  }),
  messagesById: t.field({
    type: [MessageType],
    args: {
      ids: t.arg.stringList({ required: true, description: "Messages' ids, at most as many as a page has rows." }),
    },
    complexity: idsCost,
    description:
      "Those of these messages that exist, in the order asked, each once; in any state. Ends early where `limits.MAX_PAGE_BYTES` would be passed: when fewer came than asked for, ask again for the ids behind the last one, until none comes.",
    resolve: ({ project, name: queue }, { ids }, { access, answer, operations }, info) =>
      operations.messages.bulkGet(access, { project, queue, ids, bodies: answer.reads(info) }),
  }),
  oldestMessage: t.field({
    type: MessageType,
    nullable: true,
    complexity: ASKING_THE_STORE,
    description: "Its oldest message, in any state; null when it is empty.",
    resolve: ({ project, name: queue }, _args, { access, answer, operations }, info) =>
      orNull(
        operations.messages.first(access, { project, queue, sort: "oldest", bodies: answer.reads(info) }),
        "QUEUE_IS_EMPTY",
      ),
  }),
  newestMessage: t.field({
    type: MessageType,
    nullable: true,
    complexity: ASKING_THE_STORE,
    description: "Its newest message, in any state; null when it is empty.",
    resolve: ({ project, name: queue }, _args, { access, answer, operations }, info) =>
      orNull(
        operations.messages.first(access, { project, queue, sort: "newest", bodies: answer.reads(info) }),
        "QUEUE_IS_EMPTY",
      ),
  }),
}));

builder.queryFields((t) => ({
  message: t.field({
    type: MessageType,
    nullable: true,
    args: { ...queueArgs, id: t.arg.string({ required: true, description: "The message's id." }) },
    description: "One message, in any state; null when there is none of that id.",
    resolve: (_root, args, { access, answer, operations }, info) =>
      orNull(operations.messages.get(access, { ...args, bodies: answer.reads(info) }), "MESSAGE_DOES_NOT_EXIST"),
  }),
}));

const PostMessageInput = builder.inputType("PostMessageInput", {
  description: "A message to post. Exactly one of `body` and `bodyText` is there.",
  fields: (t) => ({
    body: t.field({
      type: "JSON",
      description: "The body, any JSON value. A number that JavaScript cannot hold exactly is refused: use bodyText.",
    }),
    bodyText: t.string({ description: "The body as JSON text. Exactly this is kept and given back." }),
    ttlSeconds: t.field({
      type: "SafeInt",
      description: "How long it lives. Left out: the queue's `_default_message_ttl`.",
    }),
    delaySeconds: t.field({
      type: "SafeInt",
      description: "How long it cannot be claimed. Left out: the queue's `_default_message_delay`.",
    }),
  }),
});
const PostMessagesInput = builder.inputType("PostMessagesInput", {
  description: "Messages, and the queue to post them to.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    messages: t.field({
      type: [PostMessageInput],
      required: true,
      description: "At least one. All are posted, next to one another, or none.",
    }),
    clientId: t.string(clientIdField),
    createQueue: t.boolean(createQueueField),
    idempotencyKey: t.string(idempotencyKeyField),
  }),
});
const PostMessagesPayload = builder.objectRef<{ ids: string[] }>("PostMessagesPayload").implement({
  description: "What became of postMessages.",
  fields: (t) => ({ ids: t.exposeStringList("ids", { description: "The messages' ids, in the order given." }) }),
});

const PopMessagesInput = builder.inputType("PopMessagesInput", {
  description: "How many messages to take, and from which queue.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    limit: t.field({
      type: "SafeInt",
      description:
        "How many at most; fewer where `limits.MAX_PAGE_BYTES` would be passed, but one if there is one. Left out: the default page size.",
    }),
  }),
});
const PopMessagesPayload = builder.objectRef<{ messages: MessageRecord[] }>("PopMessagesPayload").implement({
  description: "What became of popMessages.",
  fields: (t) => ({
    messages: t.expose("messages", {
      type: [MessageType],
      description: "The messages, oldest first. They are gone for good.",
    }),
  }),
});

const forceField = { defaultValue: false, required: true } as const;

const DeleteMessageInput = builder.inputType("DeleteMessageInput", {
  description: "The message to delete.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    id: t.string({ required: true, description: "The message's id." }),
    claimId: t.string({
      description: "The claim that holds it. A claimed message can be deleted with its claim only, or by force.",
    }),
    force: t.boolean({ ...forceField, description: "Delete it even if a claim holds it. Not together with a claim." }),
  }),
});
const DeleteMessagePayload = builder.objectRef<{ deleted: boolean }>("DeleteMessagePayload").implement({
  description: "What became of deleteMessage.",
  fields: (t) => ({ deleted: t.exposeBoolean("deleted", { description: "False: it was gone already." }) }),
});

const DeleteMessagesInput = builder.inputType("DeleteMessagesInput", {
  description: "The messages to delete.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    ids: t.stringList({
      required: true,
      description: "Messages' ids, at most as many as a page has rows. Unknown ones are passed over.",
    }),
    claimIds: t.stringList({
      description:
        "Delete only what one of these claims holds: all, or nothing and MESSAGE_NOT_CLAIMED_BY. Left out: only what nobody holds, else nothing and MESSAGE_IS_CLAIMED, with the claimed ones' ids in `details.messageIds`.",
    }),
    force: t.boolean({ ...forceField, description: "Delete claimed ones too. Not together with claims." }),
  }),
});
const DeleteMessagesPayload = builder.objectRef<{ deleted: number }>("DeleteMessagesPayload").implement({
  description: "What became of deleteMessages.",
  fields: (t) => ({ deleted: t.expose("deleted", { type: "SafeInt", description: "How many were deleted." }) }),
});

function messageToPost(input: typeof PostMessageInput.$inferInput): MessageToPost {
  return {
    bodyText: requiredText("body", input.body, input.bodyText),
    ttlSeconds: input.ttlSeconds,
    delaySeconds: input.delaySeconds,
  };
}

builder.mutationFields((t) => ({
  postMessages: t.field({
    type: PostMessagesPayload,
    args: { input: t.arg({ type: PostMessagesInput, required: true, description: "The queue and the messages." }) },
    description: "Posts messages, all or none. What it answers is stored.",
    resolve: (_root, { input }, { access, operations }) =>
      operations.messages.post(access, {
        project: input.project,
        queue: input.queue,
        clientId: input.clientId,
        idempotencyKey: input.idempotencyKey,
        createQueue: input.createQueue ?? false,
        messages: input.messages.map(messageToPost),
      }),
  }),
  popMessages: t.field({
    type: PopMessagesPayload,
    args: { input: t.arg({ type: PopMessagesInput, required: true, description: "The queue, and how many." }) },
    description:
      "Takes the oldest ready messages away for good: delivered at most once, for if the answer is lost, so are they. Unlike a claim it moves nothing to the dead letter queue. TOO_LARGE, and none is taken, when the answer has no room for them.",
    resolve: async (_root, { input }, { access, answer, operations }, info) => ({
      messages: await operations.messages.pop(access, { ...input, bodies: answer.takes(info) }),
    }),
  }),
  deleteMessage: t.field({
    type: DeleteMessagePayload,
    args: { input: t.arg({ type: DeleteMessageInput, required: true, description: "The message." }) },
    description:
      "Deletes a message. With its claim's id this is how a consumer says that it is done; an expired claim's id deletes nothing.",
    resolve: async (_root, { input }, { access, operations }) => ({
      deleted: (await operations.messages.delete(access, input)) === "deleted",
    }),
  }),
  deleteMessages: t.field({
    type: DeleteMessagesPayload,
    args: { input: t.arg({ type: DeleteMessagesInput, required: true, description: "The messages." }) },
    description: "Deletes many messages in one step, all or none.",
    resolve: async (_root, { input }, { access, operations }) => ({
      deleted: await operations.messages.bulkDelete(access, input),
    }),
  }),
}));
