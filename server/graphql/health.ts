/** How the service is, who is asking, and what may be asked for. */
import type { Limits } from "../config.ts";
import type { GcReport } from "../operations/gc.ts";
import type { HealthReport, PoolHealth } from "../operations/health.ts";
import type { GcResult, OperationHealth } from "../storage/data-driver.ts";
import { builder } from "./schema/builder.ts";
import { KEEPING_WAITING } from "./schema/connection.ts";

const HealthStatus = builder.enumType("HealthStatus", {
  description: "How the service is as a whole.",
  values: {
    PASS: { value: "pass", description: "All is well." },
    WARN: { value: "warn", description: "It works, but something needs attention." },
    FAIL: { value: "fail", description: "The control database cannot be reached." },
  } as const,
});

const OperationHealthType = builder.objectRef<OperationHealth>("OperationHealth").implement({
  description: "One operation, really tried on a hidden queue of a pool.",
  fields: (t) => ({
    operation: t.exposeString("operation", { description: "Which, such as post_messages." }),
    succeeded: t.exposeBoolean("succeeded", { description: "Whether it worked." }),
    seconds: t.exposeFloat("seconds", { description: "How long it took." }),
    error: t.exposeString("error", { nullable: true, description: "What went wrong." }),
    errorCode: t.exposeString("errorCode", { nullable: true, description: "The same as one of ErrorCode." }),
  }),
});

export const PoolHealthType = builder.objectRef<PoolHealth>("PoolHealth").implement({
  description: "How a pool is.",
  fields: (t) => ({
    pool: t.exposeString("pool", { description: "The pool's name." }),
    storageReachable: t.exposeBoolean("storageReachable", { description: "Whether its storage answers." }),
    sameAs: t.exposeString("sameAs", {
      nullable: true,
      description:
        "The pool that is the same server and namespace, as can come of registering without verifying. Null: none that is known now.",
    }),
    writesRefused: t.exposeString("writesRefused", {
      nullable: true,
      description:
        "Why it takes no writes though it answers, such as that its disk is full: the try or a call met that, and no later try found otherwise. Null: it takes them.",
    }),
    freeBytes: t.expose("freeBytes", {
      type: "SafeInt",
      nullable: true,
      description: "Bytes that it can still take, where the storage tells: a Redis with a maxmemory.",
    }),
    errorCode: t.exposeString("errorCode", {
      nullable: true,
      description: "Why it does not answer, one of ErrorCode; null when it does.",
    }),
    operations: t.expose("operations", {
      type: [OperationHealthType],
      complexity: { field: 1, multiplier: 9 },
      description: "What was tried.",
    }),
    checkedAt: t.expose("checkedAt", {
      type: "DateTime",
      description: "When it was really tried: at most ten seconds ago.",
    }),
  }),
});

const ControlHealthType = builder.objectRef<HealthReport["control"]>("ControlHealth").implement({
  description: "How the control database is.",
  fields: (t) => ({
    reachable: t.exposeBoolean("reachable", { description: "Whether it answers." }),
    seconds: t.exposeFloat("seconds", { description: "How long that took." }),
  }),
});

const GarbageType = builder.objectRef<GcResult>("Garbage").implement({
  description: "What a garbage collection freed: what was expired, purged or deleted, and invisible already.",
  fields: (t) => ({
    messages: t.expose("messages", { type: "SafeInt", description: "Messages." }),
    claims: t.expose("claims", { type: "SafeInt", description: "Claims." }),
    subscriptions: t.expose("subscriptions", { type: "SafeInt", description: "Subscriptions." }),
    queues: t.expose("queues", { type: "SafeInt", description: "Rows of deleted queues." }),
  }),
});

const LastCollectionType = builder.objectRef<NonNullable<HealthReport["gc"]>>("LastGarbageCollection").implement({
  description: "The last garbage collection of this process.",
  fields: (t) => ({
    at: t.expose("at", { type: "DateTime", description: "When it ended." }),
    seconds: t.exposeFloat("seconds", { description: "How long it took." }),
    collected: t.field({ type: GarbageType, description: "What it freed.", resolve: (collection) => collection }),
  }),
});

const HealthType = builder.objectRef<HealthReport>("Health").implement({
  description: "How the service is.",
  fields: (t) => ({
    status: t.expose("status", { type: HealthStatus, description: "As a whole." }),
    control: t.expose("control", { type: ControlHealthType, description: "The control database." }),
    pools: t.expose("pools", {
      type: [PoolHealthType],
      description: "Every pool, the built-in one first. Empty when the control database cannot say which there are.",
    }),
    gc: t.expose("gc", {
      type: LastCollectionType,
      nullable: true,
      description: "The last garbage collection of this process; null before the first.",
    }),
    warnings: t.exposeStringList("warnings", { description: "What needs attention, and what to do." }),
  }),
});

const RoleType = builder.enumType("Role", {
  description: "What a caller may do. Each role can do what those before it can.",
  values: {
    VIEWER: { value: "viewer", description: "Read." },
    OPERATOR: { value: "operator", description: "Also work with queues, messages, claims and subscriptions." },
    ADMIN: { value: "admin", description: "Also change pools, flavors, the catalogue and key-value stores." },
  } as const,
});

interface Viewer {
  actor: string;
  role: "viewer" | "operator" | "admin";
  projects: "all" | readonly string[];
  requestId: string;
}

const ViewerType = builder.objectRef<Viewer>("Viewer").implement({
  description: "Who is asking.",
  fields: (t) => ({
    actor: t.exposeString("actor", { description: "As the audit log names them." }),
    role: t.expose("role", { type: RoleType, description: "What they may do." }),
    projects: t.stringList({
      nullable: true,
      description: "The projects that they may see; null for all.",
      resolve: ({ projects }) => (projects === "all" ? null : projects),
    }),
    requestId: t.exposeString("requestId", {
      description: "The id of this request, as logs and audit entries have it.",
    }),
  }),
});

const LIMIT_DESCRIPTIONS: Record<Exclude<keyof Limits, "MAX_LIVE_STREAMS">, string> = {
  MIN_MESSAGE_TTL: "Shortest life of a message, in seconds.",
  MAX_MESSAGE_TTL: "Longest life of a message, in seconds.",
  DEFAULT_MESSAGE_TTL: "Life of a message if neither the post nor the queue says, in seconds.",
  MAX_MESSAGE_DELAY: "Longest delay of a message, in seconds.",
  DEFAULT_MESSAGE_DELAY: "Delay of a message if neither the post nor the queue says, in seconds.",
  MIN_CLAIM_TTL: "Shortest claim, in seconds.",
  MAX_CLAIM_TTL: "Longest claim, in seconds.",
  DEFAULT_CLAIM_TTL: "How long a claim holds if it does not say, in seconds.",
  MIN_CLAIM_GRACE: "Shortest grace of a claim, in seconds.",
  MAX_CLAIM_GRACE: "Longest grace of a claim, in seconds.",
  DEFAULT_CLAIM_GRACE: "Grace of a claim that does not say, in seconds.",
  MIN_SUBSCRIPTION_TTL: "Shortest life of a subscription, in seconds.",
  DEFAULT_SUBSCRIPTION_TTL: "Life of a subscription that does not say, in seconds.",
  MAX_PAGE_BYTES:
    "Bytes of bodies that one page, claim, pop or get by ids gives at most; it ends early then, but has at least one message.",
  MAX_ANSWER_BYTES:
    "Bytes of bodies and other large values that one answer has at most, each as often as it is selected. What would pass it is TOO_LARGE.",
  MAX_QUEUE_METADATA: "Largest metadata of a queue, in bytes.",
  MAX_MESSAGES_POST_SIZE: "Largest sum of the bodies of one post, in bytes. A queue may set a lower one.",
  MAX_MESSAGES_PER_POST: "Most messages in one post.",
  MAX_PAGE_SIZE: "Longest page, and most messages in one claim, pop, or list of ids.",
  DEFAULT_PAGE_SIZE: "Length of a page that does not say, and of a claim and a pop.",
  MAX_QUEUE_NAME_LENGTH: "Longest name of a queue, in characters.",
  MAX_PROJECT_LENGTH: "Longest name of a project, in characters.",
  MAX_JSON_DEPTH: "How deep JSON may nest.",
  MAX_REQUEST_SIZE: "Largest request, in bytes.",
  OPERATION_DEADLINE_SECONDS:
    "How long an operation may take, in seconds; waiting for messages, as long as its longest `waitSeconds`, comes on top.",
};

const LimitsType = builder.objectRef<Limits>("Limits").implement({
  description: "What may be asked for. All bounds are inclusive.",
  fields: (t) =>
    Object.fromEntries(
      Object.entries(LIMIT_DESCRIPTIONS).map(([name, description]) => [
        name.toLowerCase().replace(/_(.)/g, (_match, letter: string) => letter.toUpperCase()),
        t.expose(name as keyof typeof LIMIT_DESCRIPTIONS, { type: "SafeInt", description }),
      ]),
    ),
});

builder.queryFields((t) => ({
  health: t.field({
    type: HealthType,
    complexity: { field: 50, multiplier: 1 },
    description: "How the service is: every pool is really tried, at most once in ten seconds, whoever asks.",
    resolve: (_root, _args, { access, operations }) => operations.health.check(access, {}),
  }),
  viewer: t.field({ type: ViewerType, description: "Who you are.", resolve: (_root, _args, { access }) => access }),
  limits: t.field({
    type: LimitsType,
    description: "What may be asked for.",
    resolve: (_root, _args, { limits }) => limits,
  }),
}));

const CollectGarbageInput = builder.inputType("CollectGarbageInput", {
  description: "Where to collect.",
  fields: (t) => ({ pool: t.string({ description: "The pool's name. Left out: all pools." }) }),
});
const PoolGarbageType = builder.objectRef<GcReport["pools"][number]>("PoolGarbage").implement({
  description: "What was freed in one pool.",
  fields: (t) => ({
    pool: t.exposeString("pool", { description: "The pool's name." }),
    collected: t.expose("collected", {
      type: GarbageType,
      nullable: true,
      description: "What was freed; null when it failed.",
    }),
    error: t.exposeString("error", { nullable: true, description: "What went wrong." }),
  }),
});
const CollectGarbagePayload = builder.objectRef<GcReport>("CollectGarbagePayload").implement({
  description: "What became of collectGarbage.",
  fields: (t) => ({
    pools: t.expose("pools", { type: [PoolGarbageType], description: "Pool by pool." }),
    total: t.expose("total", { type: GarbageType, description: "In all." }),
    seconds: t.exposeFloat("seconds", { description: "How long it took." }),
  }),
});

builder.mutationFields((t) => ({
  collectGarbage: t.field({
    type: CollectGarbagePayload,
    args: { input: t.arg({ type: CollectGarbageInput, required: true, description: "Where." }) },
    complexity: KEEPING_WAITING,
    description:
      "Frees the space of what is expired, purged or deleted, now instead of at the next scheduled time. Changes nothing that can be seen.",
    resolve: (_root, { input }, { access, operations }) => operations.gc.collect(access, input),
  }),
}));
