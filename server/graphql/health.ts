/** The health of the service, and the limits on requests. */
import type { RequestLimits } from "../config.ts";
import type { GcReport } from "../operations/gc.ts";
import type { HealthReport } from "../operations/health/health.ts";
import type { PoolHealth } from "../operations/health/record.ts";
import { FIXED_LIMITS } from "../operations/input/fixed-limits.ts";
import type { GcResult, OperationHealth } from "../storage/driver-health.ts";
import { ErrorCodeType } from "./http/mask-errors.ts";
import { maxListEntries, REQUEST_LIMITS, type RequestLimit } from "./http/request-limits.ts";
import { followPool, POOL_REFERENCE, PoolType } from "./pools.ts";
import { batched } from "./schema/batched.ts";
import { builder } from "./schema/builder.ts";
import { KEEPING_WAITING, PROBING } from "./schema/connection.ts";

const HealthStatus = builder.enumType("HealthStatus", {
  description: "The health of the service as a whole.",
  values: {
    PASS: { value: "pass", description: "Everything is healthy." },
    WARN: { value: "warn", description: "The service works, but something needs attention." },
    FAIL: { value: "fail", description: "The control database is unreachable." },
  } as const,
});

const OperationHealthType = builder.objectRef<OperationHealth>("OperationHealth").implement({
  description: "One operation of a probe, on a hidden queue of a pool.",
  fields: (t) => ({
    operation: t.exposeString("operation", { description: "Its name, such as post_messages." }),
    succeeded: t.exposeBoolean("succeeded", { description: "Whether it succeeded." }),
    durationSeconds: t.exposeFloat("durationSeconds", { description: "How many seconds it took." }),
    error: t.exposeString("error", {
      nullable: true,
      description: "Why it failed, for people; null when it succeeded.",
    }),
    errorCode: t.expose("errorCode", {
      type: ErrorCodeType,
      nullable: true,
      description: "Why it failed, as a code; null when it succeeded.",
    }),
  }),
});

export const PoolHealthType = builder.objectRef<PoolHealth>("PoolHealth").implement({
  description: "The health of a pool.",
  fields: (t) => ({
    poolName: t.exposeString("pool", { description: "The pool's name." }),
    pool: t.field({
      type: PoolType,
      nullable: true,
      description: `The pool. ${POOL_REFERENCE}`,
      resolve: ({ pool: name }, _args, context, info) => followPool({ name }, context, info),
    }),
    storageReachable: t.exposeBoolean("storageReachable", { description: "Whether its storage answers." }),
    sameAs: t.exposeString("sameAs", {
      nullable: true,
      description:
        "Another pool that is the same server and namespace, which can happen when pools are registered without verifying. Null: none is known.",
    }),
    writesRefused: t.exposeString("writesRefused", {
      nullable: true,
      description:
        "Why it refuses writes although it answers, such as a full disk. A probe or a call was refused, and no later probe succeeded. Null: it accepts writes.",
    }),
    freeBytes: t.expose("freeBytes", {
      type: "SafeInt",
      nullable: true,
      description:
        "Bytes that it can still store, if the storage tells: a Redis with a maxmemory, or a PostgreSQL on the machine of this service.",
    }),
    errorCode: t.expose("errorCode", {
      type: ErrorCodeType,
      nullable: true,
      description: "Why it does not answer, as a code; null when it does.",
    }),
    operations: t.expose("operations", {
      type: [OperationHealthType],
      complexity: { field: 1, multiplier: 9 },
      description: "The operations of the probe.",
    }),
    checkedAt: t.expose("checkedAt", {
      type: "DateTime",
      description: "When it was probed: at most ten seconds ago.",
    }),
  }),
});

builder.objectFields(PoolType, (t) => ({
  health: t.field({
    type: PoolHealthType,
    nullable: true,
    complexity: { field: PROBING },
    description:
      "Its health, by a probe: at most one in ten seconds, for all callers together. For many pools use the query `health`.",
    resolve: ({ name }, _args, context) =>
      batched(context, "Pool.health", name, (pools) => context.operations.health.pools(context.access, { pools })),
  }),
}));

const ControlHealthType = builder.objectRef<HealthReport["control"]>("ControlHealth").implement({
  description: "The health of the control database.",
  fields: (t) => ({
    reachable: t.exposeBoolean("reachable", { description: "Whether it answers." }),
    durationSeconds: t.exposeFloat("durationSeconds", { description: "How many seconds the answer took." }),
  }),
});

const GarbageType = builder.objectRef<GcResult>("Garbage").implement({
  description: "What garbage collection deleted: what had expired or was purged or deleted, and was invisible already.",
  fields: (t) => ({
    messages: t.expose("messages", { type: "SafeInt", description: "Messages." }),
    claims: t.expose("claims", { type: "SafeInt", description: "Claims." }),
    subscriptions: t.expose("subscriptions", { type: "SafeInt", description: "Subscriptions." }),
    queues: t.expose("queues", { type: "SafeInt", description: "Rows of deleted queues." }),
  }),
});

const LastCollectionType = builder.objectRef<NonNullable<HealthReport["gc"]>>("LastGarbageCollection").implement({
  description: "The last garbage collection of all pools, by any process of the service.",
  fields: (t) => ({
    at: t.expose("at", { type: "DateTime", description: "When it ended." }),
    durationSeconds: t.exposeFloat("durationSeconds", { description: "How many seconds it took." }),
    collected: t.field({ type: GarbageType, description: "What it deleted.", resolve: (collection) => collection }),
  }),
});

const HealthType = builder.objectRef<HealthReport>("Health").implement({
  description: "The health of the service.",
  fields: (t) => ({
    status: t.expose("status", { type: HealthStatus, description: "The service as a whole." }),
    control: t.expose("control", { type: ControlHealthType, description: "The control database." }),
    pools: t.expose("pools", {
      type: [PoolHealthType],
      description: "Every pool, the built-in one first. Empty when the control database does not answer.",
    }),
    gc: t.expose("gc", {
      type: LastCollectionType,
      nullable: true,
      description:
        "The last garbage collection of all pools; null before the first, and unless you may read all projects.",
    }),
    warnings: t.exposeStringList("warnings", { description: "What needs attention, and what to do about it." }),
  }),
});

/** The field of each setting, with its unit last, and what it means. */
const LIMITS: Record<keyof RequestLimits, [field: string, description: string]> = {
  MIN_MESSAGE_TTL: ["minMessageTtlSeconds", "Shortest life of a message, in seconds."],
  MAX_MESSAGE_TTL: ["maxMessageTtlSeconds", "Longest life of a message, in seconds."],
  DEFAULT_MESSAGE_TTL: [
    "defaultMessageTtlSeconds",
    "Life of a message if neither the post nor the queue sets it, in seconds.",
  ],
  MAX_MESSAGE_DELAY: ["maxMessageDelaySeconds", "Longest delay of a message, in seconds."],
  DEFAULT_MESSAGE_DELAY: [
    "defaultMessageDelaySeconds",
    "Delay of a message if neither the post nor the queue sets it, in seconds.",
  ],
  MIN_CLAIM_TTL: ["minClaimTtlSeconds", "Shortest claim, in seconds."],
  MAX_CLAIM_TTL: ["maxClaimTtlSeconds", "Longest claim, in seconds."],
  DEFAULT_CLAIM_TTL: ["defaultClaimTtlSeconds", "How long a claim holds if it is not set, in seconds."],
  MIN_CLAIM_GRACE: ["minClaimGraceSeconds", "Shortest grace of a claim, in seconds."],
  MAX_CLAIM_GRACE: ["maxClaimGraceSeconds", "Longest grace of a claim, in seconds."],
  DEFAULT_CLAIM_GRACE: ["defaultClaimGraceSeconds", "Grace of a claim if it is not set, in seconds."],
  MIN_SUBSCRIPTION_TTL: ["minSubscriptionTtlSeconds", "Shortest life of a subscription, in seconds."],
  DEFAULT_SUBSCRIPTION_TTL: ["defaultSubscriptionTtlSeconds", "Life of a subscription if it is not set, in seconds."],
  MAX_PAGE_BYTES: [
    "maxPageBytes",
    "Most bytes of bodies and headers in one page, claim, pop or get by ids. It ends early at this size, but has at least one message.",
  ],
  MAX_ANSWER_BYTES: [
    "maxAnswerBytes",
    "Most bytes of bodies, headers and other large values in one answer, each counted as often as it is selected. Beyond that: TOO_LARGE.",
  ],
  MAX_QUEUE_METADATA: ["maxQueueMetadataBytes", "Largest metadata of a queue, in bytes."],
  MAX_MESSAGES_POST_SIZE: [
    "maxMessagesPostBytes",
    "Largest sum of the bodies and headers of one post, in bytes. A queue may set a lower one.",
  ],
  MAX_MESSAGES_PER_POST: ["maxMessagesPerPost", "Most messages in one post."],
  MAX_POSTS: ["maxPosts", "Most posts in one postToQueues."],
  MAX_POSTS_MESSAGES: ["maxPostsMessages", "Most messages in all posts of one postToQueues."],
  MAX_POSTS_SIZE: [
    "maxPostsBytes",
    "Largest sum of the bodies and headers of all posts of one postToQueues, in bytes.",
  ],
  MAX_PAGE_SIZE: ["maxPageSize", "Longest page, and most messages in one claim, pop, or list of ids."],
  DEFAULT_PAGE_SIZE: ["defaultPageSize", "Length of a page, claim or pop if it is not set."],
  MAX_QUEUE_NAME_LENGTH: ["maxQueueNameLength", "Longest name of a queue, in characters."],
  MAX_PROJECT_LENGTH: ["maxProjectLength", "Longest name of a project, in characters."],
  MAX_JSON_DEPTH: ["maxJsonDepth", "How deep JSON may nest."],
  MAX_REQUEST_SIZE: ["maxRequestBytes", "Largest request, in bytes."],
  OPERATION_DEADLINE_SECONDS: [
    "operationDeadlineSeconds",
    "How long an operation may take, in seconds. The longest `waitSeconds` of its fields is added.",
  ],
  MAX_LIVE_STREAMS: [
    "maxLiveStreams",
    "Most streams of server-sent events at a time, of all clients of one process. Beyond that: TOO_MANY_REQUESTS.",
  ],
};

/** Limits that no setting changes. */
const FIXED: Record<keyof typeof FIXED_LIMITS, string> = {
  maxWaitSeconds: "Longest `waitSeconds`.",
  idempotencyKeySeconds:
    "How long an idempotency key is kept, in seconds. Those of pops are kept shorter, those of moves and drains as long as the job.",
  popIdempotencyKeySeconds: "How long the idempotency key of a pop is kept, in seconds, and with it the messages.",
  maxKeptPopBytes:
    "Most bytes of bodies and headers in a pop with an idempotency key. It ends early at this size, but has at least one message.",
  maxKeptPopBytesOfQueue:
    "Most bytes of answers that are kept for pops with an idempotency key of one queue; one answer may pass it. Beyond that such pops are TOO_MANY_REQUESTS, and pops without a key work.",
  maxIdempotencyKeyLength: "Longest idempotency key or client id, in characters.",
  maxKeyValueKeyLength: "Longest key or lock token of a key-value store, in characters.",
  maxHistoryIntervals: "Most intervals of all histories that a list asks for together.",
  defaultSearchedMessages: "How many messages a search looks at unless it says so.",
  maxSearchedMessages: "Most messages that a search looks at.",
  maxSearchMilliseconds: "How long a search looks at messages. It may take a little longer.",
  maxQueuesWithMetrics: "Most queues of all projects that have `_metrics` switched on.",
  maxHistorySeconds: "Longest `_history_seconds` of a queue.",
  maxLifeEvents: "Most events in the life of a message: of a longer one the first and the newest.",
  maxLifeEventsOfQueue:
    "Most events that a queue in a pool on PostgreSQL keeps in the lives of its messages. Beyond that the oldest go early.",
  maxLifeBytesOfQueue:
    "Most bytes of events that a queue in a pool on Redis keeps. Beyond that the lives go early whose last event is the oldest.",
  maxUndoableDeletes: "Most messages that a job may delete so that they can be taken back.",
  maxMessageHeaders: "Most headers of a message.",
  maxMessageHeaderNameBytes: "Longest name of a header, in bytes.",
  maxMessageHeadersBytes: "Largest headers of a message, in bytes of a JSON object that has them all.",
};

/** Limits on documents and on the JSON of requests. */
const OF_REQUESTS: Record<RequestLimit, string> = {
  maxDocumentLength: "Longest document, in characters.",
  maxDocumentTokens: "Most tokens of a document. Long lists belong into variables.",
  maxDocumentNesting: "How deep the brackets of a document may nest.",
  maxDefinitions: "Most operations and fragments of a document.",
  maxSelections: "Most fields and spreads of a document. Those of a fragment count for each use of it.",
  maxFieldPairs: "Most pairs of fields of a document that share their place in the answer.",
  maxDepth: "How deep the fields of a document may nest.",
  maxAliases: "Most fields of an operation whose alias differs from their name.",
  maxDirectives: "Most directives of an operation.",
  maxCost: "Highest cost of an operation, as the extension `cost` tells it.",
  maxIntrospectionCost: "Highest cost of what an operation asks of the schema's description.",
  maxRequestNesting: "How deep the arrays and objects of a request may nest.",
  maxRequestParts: "Most members, entries, arrays and objects of a request. JSON that is sent as text has none.",
  maxRequestRawNumbers: "Most numbers of a request that JavaScript would write differently, such as 1.0.",
  maxJsonLiteralLength: "Longest JSON literal of a document, in characters, with its variables put in.",
};

const LimitsType = builder.objectRef<RequestLimits>("Limits").implement({
  description: "The limits on requests. All bounds are inclusive.",
  fields: (t) =>
    Object.fromEntries([
      ...Object.entries(LIMITS).map(([name, [field, description]]) => [
        field,
        t.expose(name as keyof typeof LIMITS, { type: "SafeInt", description }),
      ]),
      ...Object.entries(FIXED).map(([field, description]) => [
        field,
        t.field({ type: "SafeInt", description, resolve: () => FIXED_LIMITS[field as keyof typeof FIXED_LIMITS] }),
      ]),
      ...Object.entries(OF_REQUESTS).map(([field, description]) => [
        field,
        t.field({ type: "SafeInt", description, resolve: () => REQUEST_LIMITS[field as RequestLimit] }),
      ]),
      [
        "maxListEntries",
        t.field({
          type: "SafeInt",
          description: "Most entries of all lists together in the variables of an operation.",
          resolve: maxListEntries,
        }),
      ],
      [
        "trustedDocumentsOnly",
        t.boolean({
          description:
            "True: only documents run that the pages send, or that were registered with `npm run documents`. Others are DOCUMENT_NOT_TRUSTED.",
          resolve: (_limits, _args, { limits }) => limits.TRUSTED_DOCUMENTS === "on",
        }),
      ],
    ]),
});

builder.queryFields((t) => ({
  health: t.field({
    type: HealthType,
    complexity: { field: 50, multiplier: 1 },
    description:
      "The health of the service. Every pool is probed, at most once in ten seconds, for all callers together.",
    resolve: (_root, _args, { access, operations }) => operations.health.check(access, {}),
  }),
  limits: t.field({
    type: LimitsType,
    description: "The limits on requests.",
    resolve: (_root, _args, { limits }) => limits,
  }),
}));

const CollectGarbageInput = builder.inputType("CollectGarbageInput", {
  description: "The pool to collect in.",
  fields: (t) => ({ pool: t.string({ description: "The pool's name. Left out: all pools." }) }),
});
const PoolGarbageType = builder.objectRef<GcReport["pools"][number]>("PoolGarbage").implement({
  description: "What was deleted in one pool.",
  fields: (t) => ({
    poolName: t.exposeString("pool", { description: "The pool's name." }),
    pool: t.field({
      type: PoolType,
      nullable: true,
      description: `The pool. ${POOL_REFERENCE}`,
      resolve: ({ pool: name }, _args, context, info) => followPool({ name }, context, info),
    }),
    collected: t.expose("collected", {
      type: GarbageType,
      nullable: true,
      description: "What was deleted; null when it failed.",
    }),
    error: t.exposeString("error", {
      nullable: true,
      description: "Why it failed, for people; null when it succeeded.",
    }),
  }),
});
const CollectGarbagePayload = builder.objectRef<GcReport>("CollectGarbagePayload").implement({
  description: "The result of collectGarbage.",
  fields: (t) => ({
    pools: t.expose("pools", { type: [PoolGarbageType], description: "The result for each pool." }),
    total: t.expose("total", { type: GarbageType, description: "The sum over all pools." }),
    durationSeconds: t.exposeFloat("durationSeconds", { description: "How many seconds it took." }),
  }),
});

builder.mutationFields((t) => ({
  collectGarbage: t.field({
    type: CollectGarbagePayload,
    args: { input: t.arg({ type: CollectGarbageInput, required: true, description: "The pool." }) },
    complexity: KEEPING_WAITING,
    description:
      "Runs garbage collection now: deletes what has expired or was purged or deleted. Nothing visible changes.",
    resolve: (_root, { input }, { access, operations }) => operations.gc.collect(access, input),
  }),
}));
