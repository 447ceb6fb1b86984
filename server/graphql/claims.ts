import type { GraphQLResolveInfo } from "graphql";
import type { Consumer } from "../history/consumer.ts";
import type { ClaimRecord } from "../operations/claims/record.ts";
import type { QueueAddress } from "../operations/input/addresses.ts";
import type { MessageRecord } from "../operations/messages/record.ts";
import { MessageType } from "./messages.ts";
import { addressOf, followQueue, QUEUE_REFERENCE, QueueType } from "./queue-types.ts";
import {
  clientIdField,
  createQueueField,
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
import { ASKING_THE_STORE, connectionType, KEEPING_WAITING, pageArgs, pageCost, pageOf } from "./schema/connection.ts";
import type { GraphQLContext } from "./schema/context.ts";
import { readMessagePosition } from "./schema/cursor.ts";

/** A claim as its resolvers see it. Without `messages`, they are read when the field is selected. */
export interface ClaimParent extends ClaimRecord {
  messages?: MessageRecord[];
  /** Its holder, if it was read already. */
  consumer?: Consumer | null;
}

const claimIdField = { required: true, description: "The claim's id." } as const;

export const ClaimType = builder.objectRef<ClaimParent>("Claim");
ClaimType.implement({
  description: "A lease on messages: who holds which, and for how long. When it expires they are ready again.",
  fields: (t) => ({
    id: t.exposeID("id", {
      description: "Its id. A client that knows it may delete its messages, renew it and release it.",
    }),
    project: t.exposeString("project", { description: "Its queue's project." }),
    queueName: t.exposeString("queue", { description: "Its queue's name." }),
    queue: t.field({
      type: QueueType,
      nullable: true,
      description: `Its queue. ${QUEUE_REFERENCE}`,
      resolve: ({ project, queue: name }, _args, context, info) => followQueue({ project, name }, context, info),
    }),
    ttlSeconds: t.expose("ttlSeconds", {
      type: "SafeInt",
      description: "How many seconds it holds, from its creation or last renewal.",
    }),
    graceSeconds: t.expose("graceSeconds", {
      type: "SafeInt",
      description: "How many seconds a message that would have expired lives on after the claim.",
    }),
    ageSeconds: t.expose("ageSeconds", {
      type: "SafeInt",
      description: "Seconds since it was created or last renewed.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was created." }),
    renewedAt: t.expose("renewedAt", { type: "DateTime", description: "When it was created or last renewed." }),
    expiresAt: t.expose("expiresAt", { type: "DateTime", description: "When it expires." }),
    clientId: t.exposeString("clientId", { nullable: true, description: "The client id that its creator sent." }),
    actor: t.exposeString("actor", { nullable: true, description: "The actor that created it, as in the audit log." }),
    messageCount: t.expose("messageCount", { type: "SafeInt", description: "How many messages it still holds." }),
    messages: t.field({
      type: [MessageType],
      nullable: true,
      args: {
        after: t.arg.string({ description: "A message's marker or cursor: only messages after it." }),
      },
      complexity: { field: ASKING_THE_STORE, multiplier: 10 },
      description:
        "The messages that it still holds, in the queue's order. The list ends early at `limits.maxPageBytes`: if it has fewer than `messageCount`, pass the last one's marker as `after`, until none comes.",
      resolve: async (claim, { after }, context, info) => {
        if (claim.messages !== undefined && typeof after !== "string") return claim.messages;
        // A claim that ended since it was listed holds nothing.
        return (await claimById(claim, after, context, info))?.messages ?? [];
      },
    }),
  }),
});

/** A claim with its messages; null when it has ended. All claims of a list are read at once. */
async function claimById(
  claim: QueueAddress & { id: string },
  after: string | null | undefined,
  context: GraphQLContext,
  info: GraphQLResolveInfo,
): Promise<ClaimParent | null> {
  const { access, answer, operations } = context;
  const position = typeof after === "string" ? readMessagePosition(after, "after") : null;
  const found = await batched(context, info, claim, (claims) =>
    operations.batch.claimsById(access, { claims, after: position, bodies: answer.reads(info) }),
  );
  return found && { ...found.claim, messages: found.messages };
}

const ClaimConnectionType = connectionType("Claim", ClaimType, "claims");

builder.objectFields(QueueType, (t) => ({
  claims: t.field({
    type: ClaimConnectionType,
    nullable: true,
    args: pageArgs,
    complexity: pageCost,
    description: "Its live claims, oldest first.",
    resolve: async (queue, args, context, info) => {
      const page = pageOf(args, "claims");
      const found = await batched(context, info, queue, (queues) =>
        context.operations.batch.claims(context.access, { queues: queues.map(addressOf), page }),
      );
      return { page: found, order: "claims" as const };
    },
  }),
  claim: t.field({
    type: ClaimType,
    nullable: true,
    args: { claimId: t.arg.id(claimIdField) },
    complexity: ASKING_THE_STORE,
    description: "One of its claims; null when it is released or expired.",
    resolve: (queue, { claimId: id }, context, info) => claimById({ ...addressOf(queue), id }, null, context, info),
  }),
}));

builder.queryFields((t) => ({
  claim: t.field({
    type: ClaimType,
    nullable: true,
    args: { ...queueArgs, claimId: t.arg.id(claimIdField) },
    description: "One claim; null when it is released or expired.",
    resolve: async (_root, args, { access, answer, operations }, info) => {
      const params = { ...args, bodies: answer.reads(info) };
      const found = await orNull(operations.claims.get(access, params), "CLAIM_DOES_NOT_EXIST");
      return found && { ...found.claim, messages: found.messages };
    },
  }),
}));

const ttlField = {
  type: "SafeInt",
  description: "How many seconds the claim holds. Left out: the server's default.",
} as const;
const graceField = {
  type: "SafeInt",
  description:
    "How many seconds a message that would have expired lives on after the claim. Left out: the server's default.",
} as const;

const CreateClaimInput = builder.inputType("CreateClaimInput", {
  description: "How many messages to claim, from which queue and for how long.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    limit: t.field(takeLimitField),
    ttlSeconds: t.field(ttlField),
    graceSeconds: t.field(graceField),
    clientId: t.string(clientIdField),
    createQueue: t.boolean(createQueueField),
    idempotencyKey: t.string({
      description:
        "Any text, up to `limits.maxIdempotencyKeyLength`. It belongs to the queue. Within `limits.idempotencyKeySeconds` a repeat with the same key returns the first claim with what it still holds; once it has ended, a new one. IDEMPOTENCY_KEY_REUSED when the key was used for something else.",
    }),
    waitSeconds: t.field({ type: "SafeInt", description: WAIT_SECONDS }),
  }),
});
interface CreateClaim {
  address: QueueAddress;
  claim: ClaimParent | null;
  messages: MessageRecord[];
  deadLettered: number;
}
export const CreateClaimPayload = builder.objectRef<CreateClaim>("CreateClaimPayload").implement({
  description: "The result of createClaim.",
  fields: (t) => ({
    claim: t.expose("claim", {
      type: ClaimType,
      nullable: true,
      description: "The claim; null when there was nothing to claim.",
    }),
    messages: t.expose("messages", {
      type: [MessageType],
      description:
        "Its messages, oldest first. If an earlier call had the same idempotency key: those that its claim still holds.",
    }),
    deadLettered: t.expose("deadLettered", {
      type: "SafeInt",
      description:
        "How many messages went to the dead letter queue instead, because they had been claimed `_max_claim_count` times.",
    }),
  }),
});

const RenewClaimInput = builder.inputType("RenewClaimInput", {
  description: "The claim to renew.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    claimId: t.id(claimIdField),
    ttlSeconds: t.field({
      type: "SafeInt",
      description:
        "How many seconds it holds from now. Left out: the server's default, whatever the claim was created with.",
    }),
    graceSeconds: t.field({
      type: "SafeInt",
      description:
        "How many seconds a message that would have expired lives on after the claim. Left out: the server's default, likewise.",
    }),
    reason: t.string(reasonField),
  }),
});
const RenewClaimPayload = builder.objectRef<{ claim: ClaimParent }>("RenewClaimPayload").implement({
  description: "The result of renewClaim.",
  fields: (t) => ({ claim: t.expose("claim", { type: ClaimType, description: "The claim as it is now." }) }),
});

const ReleaseClaimInput = builder.inputType("ReleaseClaimInput", {
  description: "The claim to release.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    claimId: t.id(claimIdField),
    reason: t.string(reasonField),
  }),
});
const ReleaseClaimPayload = builder.objectRef<{ claimId: string }>("ReleaseClaimPayload").implement({
  description: "The result of releaseClaim.",
  fields: (t) => ({
    claimId: t.exposeID("claimId", { description: "The claim's id. It holds nothing any more." }),
  }),
});

const ReleaseMessagesInput = builder.inputType("ReleaseMessagesInput", {
  description: "Messages of a claim to give back.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    claimId: t.id({ required: true, description: "The id of the claim that holds them." }),
    ids: t.idList({ required: true, description: "The messages' ids, at most as many as a page has rows." }),
    delaySeconds: t.field({
      type: "SafeInt",
      description:
        "How many seconds nobody can claim them, at most `limits.maxMessageDelaySeconds`. Left out: ready at once.",
    }),
    reason: t.string(reasonField),
  }),
});
const ReleaseMessagesPayload = builder.objectRef<{ released: number }>("ReleaseMessagesPayload").implement({
  description: "The result of releaseMessages.",
  fields: (t) => ({
    released: t.expose("released", {
      type: "SafeInt",
      description: "How many messages the claim held until now. The others were not held by anybody any more.",
    }),
  }),
});

builder.mutationFields((t) => ({
  createClaim: t.field({
    type: CreateClaimPayload,
    args: { input: t.arg({ type: CreateClaimInput, required: true, description: "What to claim." }) },
    description:
      "Claims the oldest ready messages. Until the claim ends, nobody else gets them. It ends when it expires or is released, and when its last message is deleted or given back. Delete each message with the claim's id once it is processed. TOO_LARGE when the answer has no room for them: then none is claimed.",
    complexity: KEEPING_WAITING,
    resolve: async (_root, { input }, context, info) => {
      const { access, operations } = context;
      const request = { ...input, bodies: context.answer.takes(info) };
      const { claim, messages, deadLettered } = await waiting(context, input.waitSeconds, (wait) =>
        operations.claims.create(access, { ...request, ...wait }),
      );
      return { address: input, claim: claim && { ...claim, messages }, messages, deadLettered };
    },
  }),
  renewClaim: t.field({
    type: RenewClaimPayload,
    args: { input: t.arg({ type: RenewClaimInput, required: true, description: "The claim, and for how long." }) },
    description:
      "Renews a claim: it expires `ttlSeconds` from now. CLAIM_DOES_NOT_EXIST when it has ended: it expired or was released, or its last message was deleted or given back.",
    resolve: async (_root, { input }, { access, operations }) => ({
      claim: await operations.claims.update(access, input),
    }),
  }),
  releaseClaim: t.field({
    type: ReleaseClaimPayload,
    args: { input: t.arg({ type: ReleaseClaimInput, required: true, description: "The claim." }) },
    description: "Releases a claim: its messages are ready at once. Safe to repeat.",
    resolve: async (_root, { input }, { access, operations }) => {
      await operations.claims.delete(access, input);
      return { claimId: input.claimId };
    },
  }),
  releaseMessages: t.field({
    type: ReleaseMessagesPayload,
    args: { input: t.arg({ type: ReleaseMessagesInput, required: true, description: "The messages." }) },
    description:
      "Gives back single messages of a claim, which keeps the rest. They are ready at once or after a delay, at their old places in the queue; their claim counts stay, and so does their expiry. Messages that nobody holds stay as they are, so it is safe to repeat. MESSAGE_NOT_CLAIMED_BY, with `messageIds` in `details`, when another claim holds one of them: then none is released.",
    resolve: async (_root, { input }, { access, operations }) => ({
      released: await operations.claims.releaseMessages(access, input),
    }),
  }),
}));
