import type { CatalogueEntry } from "../storage/control-driver.ts";
import { followPool, POOL_REFERENCE, PoolType } from "./pools.ts";
import { addressOf, followQueue, QUEUE_REFERENCE, QueueType } from "./queue-types.ts";
import { orNull, projectField, projectsArgs, queueArgs, queueField, reasonField } from "./schema/addresses.ts";
import { batched } from "./schema/batched.ts";
import { builder } from "./schema/builder.ts";
import { connectionType, pageArgs, pageCost, pageOf } from "./schema/connection.ts";
import type { ListOrder } from "./schema/cursor.ts";
import { DeletePayload, deletedOf } from "./schema/delete-payload.ts";
import { DropAllInput, DropAllPayload } from "./schema/drop-all.ts";
import { NodeType, nodeId } from "./schema/node.ts";

const catalogueEntryId = nodeId<CatalogueEntry>("CatalogueEntry", {
  length: 2,
  key: ({ project, queue }) => [project, queue],
  load: (keys, { access, operations }) =>
    operations.catalogue.getMany(access, { queues: keys.map(([project, queue = ""]) => ({ project, queue })) }),
});

const CatalogueEntryType = builder.objectRef<CatalogueEntry>("CatalogueEntry").implement({
  description: "Which pool holds a queue.",
  interfaces: [NodeType],
  fields: (t) => ({
    id: t.id(catalogueEntryId),
    project: t.exposeString("project", { description: "The queue's project." }),
    queueName: t.exposeString("queue", { description: "The queue's name." }),
    queue: t.field({
      type: QueueType,
      nullable: true,
      description: `The queue. ${QUEUE_REFERENCE}`,
      resolve: ({ project, queue: name }, _args, context, info) => followQueue({ project, name }, context, info),
    }),
    poolName: t.exposeString("pool", { description: "The pool's name." }),
    pool: t.field({
      type: PoolType,
      nullable: true,
      description: `The pool. ${POOL_REFERENCE}`,
      resolve: ({ pool: name }, _args, context, info) => followPool({ name }, context, info),
    }),
    epoch: t.expose("epoch", {
      type: "SafeInt",
      description:
        "A number that grows with every change of any entry. A write with an old epoch is refused, so that it never reaches a queue that was created again.",
    }),
  }),
});

const CatalogueConnectionType = connectionType("Catalogue", CatalogueEntryType, "catalogue entries");

builder.objectFields(QueueType, (t) => ({
  catalogueEntry: t.field({
    type: CatalogueEntryType,
    nullable: true,
    description:
      "Which pool holds it. All queues of a list cost one statement. Null when the catalogue has no entry for it: it cannot be used (QUEUE_NOT_MAPPED) until createQueue or insertCatalogueEntry maps it to a pool.",
    resolve: (queue, _args, context) =>
      batched(context, "Queue.catalogueEntry", queue, (queues) =>
        context.operations.catalogue.getMany(context.access, { queues: queues.map(addressOf) }),
      ),
  }),
}));

builder.objectFields(PoolType, (t) => ({
  catalogue: t.field({
    type: CatalogueConnectionType,
    nullable: true,
    args: pageArgs,
    complexity: pageCost,
    description: "The queues of all projects in this pool. Only for callers who may see all projects.",
    resolve: async ({ name }, args, context, info) => ({
      page: await batched(context, info, name, (pools) =>
        context.operations.catalogue.listOfPools(context.access, { pools, page: pageOf(args, "catalogue") }),
      ),
      order: "catalogue" as const,
    }),
  }),
}));

builder.queryFields((t) => ({
  catalogueEntry: t.field({
    type: CatalogueEntryType,
    nullable: true,
    args: queueArgs,
    description: "Which pool holds a queue; null when it is not mapped.",
    resolve: (_root, args, { access, operations }) =>
      orNull(operations.catalogue.get(access, args), "QUEUE_NOT_MAPPED"),
  }),
  catalogue: t.field({
    type: CatalogueConnectionType,
    args: {
      ...projectsArgs,
      pool: t.arg.string({ description: "Only queues of this pool." }),
      search: t.arg.string({
        description: "Only queues whose names begin with this. The list is then ordered by name.",
      }),
      ...pageArgs,
    },
    complexity: pageCost,
    description: "Which pool holds which queue, in the order in which they were mapped.",
    resolve: async (_root, args, { access, operations }) => {
      const { project, allProjects, pool, search } = args;
      const order: ListOrder =
        search === null || search === undefined || search === "" ? "catalogue" : "catalogue.name";
      const page = await operations.catalogue.list(access, {
        project,
        pool,
        search,
        page: pageOf(args, order),
        allProjects,
      });
      return { page, order };
    },
  }),
}));

const poolField = { required: true, description: "The pool's name." } as const;

const discardField = {
  defaultValue: false,
  required: true,
  description:
    "Do it even if the queue has messages in its pool, or if its pool does not answer. The messages are lost.",
} as const;

const InsertCatalogueEntryInput = builder.inputType("InsertCatalogueEntryInput", {
  description: "A queue, and the pool to map it to.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    pool: t.string(poolField),
    discardMessages: t.boolean(discardField),
    reason: t.string(reasonField),
  }),
});
const UpdateCatalogueEntryInput = builder.inputType("UpdateCatalogueEntryInput", {
  description: "A mapped queue, and the pool to map it to.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    pool: t.string(poolField),
    discardMessages: t.boolean(discardField),
    reason: t.string(reasonField),
  }),
});
const DeleteCatalogueEntryInput = builder.inputType("DeleteCatalogueEntryInput", {
  description: "The queue whose entry to delete.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    discardMessages: t.boolean(discardField),
    reason: t.string(reasonField),
  }),
});
const CatalogueEntryPayload = builder.objectRef<{ entry: CatalogueEntry }>("CatalogueEntryPayload").implement({
  description: "An entry of the catalogue that was changed.",
  fields: (t) => ({ entry: t.expose("entry", { type: CatalogueEntryType, description: "The entry as it is now." }) }),
});

builder.mutationFields((t) => ({
  insertCatalogueEntry: t.field({
    type: CatalogueEntryPayload,
    args: { input: t.arg({ type: InsertCatalogueEntryInput, required: true, description: "The queue and the pool." }) },
    description:
      "Maps a queue to a pool, without moving any message. Use it only to repair the catalogue: a queue that was mapped to another pool loses its messages and claims there and starts empty; its subscriptions become unreachable. The pool may be unreachable: the queue can be used once it answers. While the queue has messages this is CONFIRMATION_REQUIRED without `discardMessages`; while its pool does not answer it is STORAGE_UNAVAILABLE. QUEUE_DOES_NOT_EXIST and POOL_DOES_NOT_EXIST come first.",
    resolve: async (_root, { input }, { access, operations }) => ({
      entry: await operations.catalogue.insert(access, input),
    }),
  }),
  updateCatalogueEntry: t.field({
    type: CatalogueEntryPayload,
    args: { input: t.arg({ type: UpdateCatalogueEntryInput, required: true, description: "The queue and the pool." }) },
    description: "Like insertCatalogueEntry, for a queue that has an entry. QUEUE_NOT_MAPPED when it has none.",
    resolve: async (_root, { input }, { access, operations }) => ({
      entry: await operations.catalogue.update(access, input),
    }),
  }),
  deleteCatalogueEntry: t.field({
    type: DeletePayload,
    args: { input: t.arg({ type: DeleteCatalogueEntryInput, required: true, description: "The queue." }) },
    description:
      "Deletes the entry of a queue. Use it only to repair the catalogue: the queue loses its messages and claims, and cannot be used until it is mapped or created again. While it has messages this is CONFIRMATION_REQUIRED without `discardMessages`; while its pool does not answer it is STORAGE_UNAVAILABLE.",
    resolve: async (_root, { input }, { access, operations }) =>
      deletedOf(
        "CatalogueEntry",
        input.queue,
        input.project,
        { access },
        await operations.catalogue.delete(access, input),
      ),
  }),
  dropAllCatalogueEntries: t.field({
    type: DropAllPayload,
    args: { input: t.arg({ type: DropAllInput, required: true, description: "A dry run, or its confirmation." }) },
    description:
      "Empties the catalogue. No queue can be used until it is mapped or created again, and then it starts empty. Goes step by step: an error between two steps has `partial: true` and the dropped `entries` in its `details`, and a new dry run goes on. Entries that are inserted or changed meanwhile stay.",
    resolve: (_root, { input }, { access, operations }) => operations.catalogue.dropAll(access, input),
  }),
}));
