import type { PoolRecord } from "../operations/pools/record.ts";
import { CAPABILITIES, type Capability } from "../storage/data-driver.ts";
import { orNull, reasonField } from "./schema/addresses.ts";
import { batched } from "./schema/batched.ts";
import { builder } from "./schema/builder.ts";
import {
  ASKING_THE_STORE,
  CountType,
  connectionType,
  KEEPING_WAITING,
  pageArgs,
  pageCost,
  pageOf,
} from "./schema/connection.ts";
import { DeletePayload } from "./schema/delete-payload.ts";
import { DropAllInput, DropAllPayload } from "./schema/drop-all.ts";
import { RawJson } from "./schema/json.ts";
import { JsonInput, optionalTextOf } from "./schema/json-input.ts";
import { NodeType, nodeId, writeNodeId } from "./schema/node.ts";
import { followReferences } from "./schema/references.ts";

const OPTIONS =
  "Options of its driver, an object. They are not secret: everybody who sees the pool sees them. Passwords belong into `uri`.";

const CAPABILITY_DESCRIPTIONS: Record<Capability, string> = {
  FIFO: "Messages are delivered in the order in which they were posted.",
  CLAIMS: "Messages can be claimed.",
  DURABILITY: "Acknowledged writes survive a crash of the storage.",
  AOD: "At-least-once delivery.",
  HIGH_THROUGHPUT: "Built for many messages per second.",
};

export const CapabilityType = builder.enumType("Capability", {
  description: "What a storage can do, in Zaqar's words.",
  values: Object.fromEntries(
    CAPABILITIES.map((name) => [name, { value: name, description: CAPABILITY_DESCRIPTIONS[name] }]),
  ) as Record<Capability, { value: Capability; description: string }>,
});

const poolId = nodeId<PoolRecord>("Pool", {
  length: 1,
  key: ({ name }) => [name],
  load: (keys, { access, operations }) => operations.pools.getMany(access, { pools: keys.map(([name = ""]) => name) }),
});

export const PoolType = builder.objectRef<PoolRecord>("Pool");
PoolType.implement({
  interfaces: [NodeType],
  description: "A storage that holds queues: a server and a namespace in it.",
  fields: (t) => ({
    id: t.id(poolId),
    name: t.exposeString("name", { description: "Its name." }),
    builtIn: t.exposeBoolean("builtIn", {
      description:
        'True for the pool "default", which is the control database itself. It cannot be changed or deleted, and takes a queue only when no registered pool fits.',
    }),
    uri: t.exposeString("maskedUri", {
      nullable: true,
      description:
        "Its URI, with the password masked. Null for the built-in pool, and unless you may read all projects.",
    }),
    weight: t.expose("weight", {
      type: "SafeInt",
      nullable: true,
      description: "Its share of new queues among the pools of its flavor; 0 takes none. Null for the built-in pool.",
    }),
    flavorName: t.exposeString("flavor", {
      nullable: true,
      description:
        "The flavor that it belongs to in every project that has one of this name. Null: it takes queues without a flavor.",
    }),
    options: t.field({
      type: "JSON",
      description: OPTIONS,
      resolve: (pool) => new RawJson(pool.optionsText),
    }),
    optionsText: t.exposeString("optionsText", { description: "The same as JSON text." }),
    createdAt: t.expose("createdAt", {
      type: "DateTime",
      nullable: true,
      description: "When it was registered. Null for the built-in pool.",
    }),
    updatedAt: t.expose("updatedAt", {
      type: "DateTime",
      nullable: true,
      description: "When it was last changed. Null for the built-in pool.",
    }),
    queueCount: t.field({
      type: CountType,
      complexity: ASKING_THE_STORE,
      description: "How many of the queues that you may see it holds: exact up to 10,000.",
      resolve: ({ name }, _args, context) =>
        batched(context, "Pool.queueCount", name, (pools) =>
          context.operations.pools.countQueues(context.access, { pools }),
        ),
    }),
    capabilities: t.field({
      type: [CapabilityType],
      nullable: true,
      complexity: ASKING_THE_STORE,
      description: "What its storage can do; null when it is unreachable now.",
      resolve: ({ name }, _args, { access, operations }) => operations.pools.capabilities(access, { pool: name }),
    }),
  }),
});

/** See `followReferences`. */
export const followPool = followReferences<{ name: string }, PoolRecord>("Pool", (pools, { access, operations }) =>
  operations.pools.getMany(access, { pools: pools.map(({ name }) => name) }),
);

/** Of fields that lead to a pool. */
export const POOL_REFERENCE =
  "Null when it was unregistered meanwhile. Its id and name are known; anything else of it is read, for all rows of a list with one statement.";

const PoolConnectionType = connectionType("Pool", PoolType, "pools");

builder.queryFields((t) => ({
  pool: t.field({
    type: PoolType,
    nullable: true,
    args: { pool: t.arg.string({ required: true, description: "The pool's name." }) },
    description: "One pool; null when none has that name.",
    resolve: (_root, { pool }, { access, operations }) =>
      orNull(operations.pools.get(access, { pool }), "POOL_DOES_NOT_EXIST"),
  }),
  pools: t.field({
    type: PoolConnectionType,
    args: pageArgs,
    complexity: pageCost,
    description: "All pools by name. The built-in one comes first, on the first page.",
    resolve: async (_root, args, { access, operations }) => ({
      page: await operations.pools.list(access, { page: pageOf(args, "pools") }),
      order: "pools" as const,
    }),
  }),
  poolsByFlavor: t.field({
    type: [PoolType],
    args: {
      flavor: t.arg.string({
        description: "The flavor's name. Left out: pools without a flavor, except for the built-in one.",
      }),
    },
    description: "The pools that new queues of a flavor are placed among.",
    resolve: (_root, { flavor }, { access, operations }) =>
      operations.pools.getByFlavor(access, { flavor: flavor ?? null }),
  }),
}));

const uri =
  "`postgresql://user:password@host/database?schema=name`, `redis://user:password@host/prefix?cluster=true`, or another scheme that a driver is registered for. Special characters of user and password are percent-encoded. It is stored encrypted and shown with its password masked.";
const weightField = "Its share of new queues among the pools of its flavor; 0 takes none.";
const optionsField = { type: JsonInput, description: OPTIONS } as const;
const verifyField = {
  defaultValue: true,
  required: true,
  description:
    "Connect to it first. False registers a server that does not run yet. A malformed URI is refused in either case.",
} as const;

const CreatePoolInput = builder.inputType("CreatePoolInput", {
  description: "The pool to register.",
  fields: (t) => ({
    pool: t.string({ required: true, description: "Its name." }),
    uri: t.string({ required: true, description: uri }),
    weight: t.field({ type: "SafeInt", required: true, description: weightField }),
    flavor: t.string({ description: "The flavor it belongs to. Left out: it takes queues without one." }),
    options: t.field(optionsField),
    verify: t.boolean(verifyField),
    replace: t.boolean({
      defaultValue: false,
      required: true,
      description: "Replace an existing pool of that name instead of refusing.",
    }),
    reason: t.string(reasonField),
  }),
});
const CreatePoolPayload = builder.objectRef<{ pool: PoolRecord; created: boolean }>("CreatePoolPayload").implement({
  description: "The result of createPool.",
  fields: (t) => ({
    pool: t.expose("pool", { type: PoolType, description: "The pool." }),
    created: t.exposeBoolean("created", { description: "False: it existed, and was replaced." }),
  }),
});

const UpdatePoolInput = builder.inputType("UpdatePoolInput", {
  description: "What to change of a pool. What is left out stays.",
  fields: (t) => ({
    pool: t.string({ required: true, description: "The pool's name." }),
    uri: t.string({ description: uri }),
    weight: t.field({ type: "SafeInt", description: weightField }),
    flavor: t.string({ description: "The flavor it belongs to; null takes it out of its flavor." }),
    options: t.field(optionsField),
    verify: t.boolean(verifyField),
    reason: t.string(reasonField),
  }),
});
const PoolPayload = builder.objectRef<{ pool: PoolRecord }>("PoolPayload").implement({
  description: "A pool that was changed.",
  fields: (t) => ({ pool: t.expose("pool", { type: PoolType, description: "The pool as it is now." }) }),
});

const DeletePoolInput = builder.inputType("DeletePoolInput", {
  description: "The pool to unregister.",
  fields: (t) => ({
    pool: t.string({ required: true, description: "The pool's name." }),
    reason: t.string(reasonField),
  }),
});

const VerifyPoolInput = builder.inputType("VerifyPoolInput", {
  description: "The URI to connect to.",
  fields: (t) => ({ uri: t.string({ required: true, description: uri }) }),
});
const VerifyPoolPayload = builder
  .objectRef<{ capabilities: Capability[]; registeredAs: string | null }>("VerifyPoolPayload")
  .implement({
    description: "What the URI leads to.",
    fields: (t) => ({
      capabilities: t.expose("capabilities", { type: [CapabilityType], description: "What the storage can do." }),
      registeredAs: t.exposeString("registeredAs", {
        nullable: true,
        description:
          "The pool that is registered for this server and namespace, whatever its URI. Null: no such pool is known.",
      }),
    }),
  });

builder.mutationFields((t) => ({
  createPool: t.field({
    type: CreatePoolPayload,
    args: { input: t.arg({ type: CreatePoolInput, required: true, description: "The pool." }) },
    complexity: KEEPING_WAITING,
    description: "Registers a pool. Two pools cannot be the same server and namespace, however their URIs are written.",
    resolve: (_root, { input: { options, ...input } }, { access, operations }) =>
      operations.pools.create(access, { ...input, optionsText: optionalTextOf(options) }),
  }),
  updatePool: t.field({
    type: PoolPayload,
    args: { input: t.arg({ type: UpdatePoolInput, required: true, description: "The pool, and what to change." }) },
    complexity: KEEPING_WAITING,
    description:
      "Changes a pool. Its queues stay in it, so a URI of another storage is refused while it has queues, unless `verify` is false. Setting a URI, even the same one, ends the warning of `health` that the pool lost its data.",
    resolve: async (_root, { input: { options, ...input } }, { access, operations }) => ({
      pool: await operations.pools.update(access, {
        ...input,
        optionsText: optionalTextOf(options),
      }),
    }),
  }),
  deletePool: t.field({
    type: DeletePayload,
    args: { input: t.arg({ type: DeletePoolInput, required: true, description: "The pool." }) },
    description: "Unregisters a pool. Refused while it holds queues, and for the last pool of a flavor.",
    resolve: async (_root, { input }, { access, operations }) => ({
      ...(await operations.pools.delete(access, input)),
      ids: [writeNodeId("Pool", [input.pool])],
    }),
  }),
  verifyPool: t.field({
    type: VerifyPoolPayload,
    args: { input: t.arg({ type: VerifyPoolInput, required: true, description: "The URI to connect to." }) },
    complexity: KEEPING_WAITING,
    description: "Connects to a URI and reports what is there, without registering a pool or leaving anything in it.",
    resolve: (_root, { input }, { access, operations }) => operations.pools.verify(access, input),
  }),
  dropAllPools: t.field({
    type: DropAllPayload,
    args: { input: t.arg({ type: DropAllInput, required: true, description: "A dry run, or its confirmation." }) },
    description: "Unregisters every pool but the built-in one. Refused while any of them holds queues.",
    resolve: (_root, { input }, { access, operations }) => operations.pools.dropAll(access, input),
  }),
}));
