import { chooseProject } from "../access/access.ts";
import { DomainError } from "../errors.ts";
import type { MetadataChange, QueueMetadata } from "../operations/input/queue-metadata.ts";
import type { StatsChange } from "../operations/live/stats-watch.ts";
import { QueueConnectionType, type QueueParent, QueueStatsType, QueueType, selectedFields } from "./queue-types.ts";
import {
  idempotencyKeyField,
  optionalText,
  orNull,
  projectArgs,
  projectField,
  requiredText,
} from "./schema/addresses.ts";
import { builder } from "./schema/builder.ts";
import { pageArgs, pageCost, pageOf } from "./schema/connection.ts";

const METADATA_FIELDS = new Set([
  "metadata",
  "metadataText",
  "attributes",
  "storedAttributes",
  "deadLetterQueueMissing",
]);
const STATS_FIELDS = new Set(["stats"]);
const NO_METADATA = {} as QueueMetadata;

/** A record that a single queue's operations give always has its metadata. */
function single(queue: Omit<QueueParent, "metadata"> & { metadata: QueueMetadata | null }): QueueParent {
  return { ...queue, metadata: queue.metadata ?? NO_METADATA };
}

const QueueSort = builder.enumType("QueueSort", {
  description: "What a list of queues is ordered by. Both are exact.",
  values: {
    NAME: { value: "name", description: "By name." },
    CREATED_AT: { value: "createdAt", description: "By when they were made." },
  } as const,
});

export const QueueStatsOfType = builder.objectRef<StatsChange>("NamedQueueStats").implement({
  description: "The statistics of one queue, with its name.",
  fields: (t) => ({
    project: t.exposeString("project", { description: "The queue's project." }),
    name: t.exposeString("name", { description: "The queue's name." }),
    stats: t.expose("stats", {
      type: QueueStatsType,
      nullable: true,
      description: "Null when there is no such queue, or its pool cannot say now.",
    }),
  }),
});

builder.queryFields((t) => ({
  queue: t.field({
    type: QueueType,
    nullable: true,
    args: { ...projectArgs, name: t.arg.string({ required: true, description: "The queue's name." }) },
    description: "One queue; null when there is none of that name.",
    resolve: async (_root, args, { access, operations }) => {
      const queue = await orNull(operations.queues.get(access, args), "QUEUE_DOES_NOT_EXIST");
      return queue && single(queue);
    },
  }),
  queues: t.field({
    type: QueueConnectionType,
    args: {
      ...projectArgs,
      allProjects: t.arg.boolean({ description: "Of all projects that you may see, instead of one." }),
      search: t.arg.string({ description: "Only those whose names begin with this." }),
      sort: t.arg({ type: QueueSort, defaultValue: "name", required: true, description: "What they are ordered by." }),
      descending: t.arg.boolean({ defaultValue: false, required: true, description: "From the last to the first." }),
      ...pageArgs,
    },
    complexity: pageCost,
    description: "Queues, a page at a time: as fast at 100,000 queues as at 100.",
    resolve: async (_root, args, { access, operations }, info) => {
      const { project, allProjects, search, sort, descending } = args;
      const scope = { project, search, ...(allProjects ? { allProjects } : {}) };
      const withStats = selectedFields(info, STATS_FIELDS).size > 0;
      const detailed = selectedFields(info, METADATA_FIELDS).size > 0;
      const page = await operations.queues.list(access, {
        ...scope,
        sort,
        descending,
        detailed,
        withStats,
        page: pageOf(args),
      });
      const items = page.items.map(({ stats, ...queue }) => single(withStats ? { ...queue, stats } : queue));
      return {
        page: { ...page, items },
        cursorOf: sort === "name" && !allProjects ? (queue: QueueParent) => queue.name : null,
        count: () => operations.queues.count(access, scope),
      };
    },
  }),
  queueStats: t.field({
    type: [QueueStatsOfType],
    args: {
      ...projectArgs,
      names: t.arg.stringList({
        required: true,
        description: "The queues' names, at most as many as a page has rows.",
      }),
    },
    complexity: ({ names }) => ({ field: 1, multiplier: names.length }),
    description: "The statistics of many queues of one project, in the order asked.",
    resolve: async (_root, { project, names }, { access, operations }) => {
      const queues = names.map((name) => ({ project, name }));
      const stats = await operations.queues.statsMany(access, { queues });
      const chosen = chooseProject(access, project);
      return names.map((name, index) => ({ project: chosen, name, stats: stats[index] ?? null }));
    },
  }),
}));

const nameField = { required: true, description: "The queue's name." } as const;
const metadataField = {
  description:
    "An object: reserved attributes such as `_default_message_ttl`, and any keys of your own, without an underscore in front.",
} as const;
const metadataTextField = { description: "The same as text. Exactly this is kept." } as const;

const CreateQueueInput = builder.inputType("CreateQueueInput", {
  description: "The queue to make.",
  fields: (t) => ({
    project: t.string(projectField),
    name: t.string({ required: true, description: "Its name: letters, digits, `_`, `-` and `.`." }),
    metadata: t.field({ type: "JSON", ...metadataField }),
    metadataText: t.string(metadataTextField),
  }),
});
const CreateQueuePayload = builder.objectRef<{ queue: QueueParent; created: boolean }>("CreateQueuePayload").implement({
  description: "What became of createQueue.",
  fields: (t) => ({
    queue: t.expose("queue", { type: QueueType, description: "The queue." }),
    created: t.exposeBoolean("created", { description: "False: it was there, and stayed as it was." }),
  }),
});

const UpdateQueueMetadataInput = builder.inputType("UpdateQueueMetadataInput", {
  description: "All new metadata of a queue.",
  fields: (t) => ({
    project: t.string(projectField),
    name: t.string(nameField),
    metadata: t.field({ type: "JSON", ...metadataField }),
    metadataText: t.string(metadataTextField),
  }),
});

const MetadataOperation = builder.enumType("QueueMetadataOperation", {
  description: "What to do with a key of the metadata.",
  values: {
    ADD: { value: "add", description: "Set it, whether it is there or not." },
    REPLACE: { value: "replace", description: "Set it; it must be stored, or be a reserved attribute." },
    REMOVE: { value: "remove", description: "Remove it; it must be stored, or be a reserved attribute." },
  } as const,
});
const QueueMetadataChange = builder.inputType("QueueMetadataChange", {
  description: "A change of one top-level key of the metadata.",
  fields: (t) => ({
    op: t.field({ type: MetadataOperation, required: true, description: "What to do." }),
    key: t.string({ required: true, description: "The key." }),
    value: t.field({ type: "JSON", description: "Its new value. Not for REMOVE." }),
    valueText: t.string({ description: "The same as JSON text." }),
  }),
});
const PatchQueueMetadataInput = builder.inputType("PatchQueueMetadataInput", {
  description: "Changes of a queue's metadata.",
  fields: (t) => ({
    project: t.string(projectField),
    name: t.string(nameField),
    changes: t.field({ type: [QueueMetadataChange], required: true, description: "Done in this order, all or none." }),
  }),
});
const queuePayload = (name: string, mutation: string) =>
  builder.objectRef<{ queue: QueueParent }>(name).implement({
    description: `What became of ${mutation}.`,
    fields: (t) => ({ queue: t.expose("queue", { type: QueueType, description: "The queue as it is now." }) }),
  });
const UpdateQueueMetadataPayload = queuePayload("UpdateQueueMetadataPayload", "updateQueueMetadata");
const PatchQueueMetadataPayload = queuePayload("PatchQueueMetadataPayload", "patchQueueMetadata");

const DeleteQueueInput = builder.inputType("DeleteQueueInput", {
  description: "The queue to delete.",
  fields: (t) => ({ project: t.string(projectField), name: t.string(nameField) }),
});
const DeleteQueuePayload = builder.objectRef<{ deleted: boolean }>("DeleteQueuePayload").implement({
  description: "What became of deleteQueue.",
  fields: (t) => ({ deleted: t.exposeBoolean("deleted", { description: "False: there was none." }) }),
});

const PurgeResourceType = builder.enumType("PurgeResource", {
  description: "What a purge takes away.",
  values: {
    MESSAGES: {
      value: "messages",
      description: "All messages, claimed and delayed ones too, and with them their claims.",
    },
    SUBSCRIPTIONS: { value: "subscriptions", description: "All subscriptions." },
  } as const,
});
const PurgeQueueInput = builder.inputType("PurgeQueueInput", {
  description: "The queue to empty.",
  fields: (t) => ({
    project: t.string(projectField),
    name: t.string(nameField),
    resources: t.field({
      type: [PurgeResourceType],
      description: "What to take away. Left out: both. An empty list: nothing.",
    }),
    idempotencyKey: t.string(idempotencyKeyField),
  }),
});
const PurgeQueuePayload = builder.objectRef<{ subscriptions: number }>("PurgeQueuePayload").implement({
  description:
    "What became of purgeQueue. Messages are gone at once; they are not counted, because that would take as long as there are many.",
  fields: (t) => ({
    subscriptions: t.expose("subscriptions", { type: "SafeInt", description: "How many subscriptions were removed." }),
  }),
});

/** A change as operations take it. BAD_INPUT when REMOVE comes with a value, or the others without. */
function metadataChange(change: typeof QueueMetadataChange.$inferInput): MetadataChange {
  const { op, key, value, valueText } = change;
  if (op !== "remove") return { op, key, valueText: requiredText("value", value, valueText) };
  if (optionalText("value", value, valueText) !== undefined) {
    throw new DomainError("BAD_INPUT", `REMOVE takes no value. Leave it out for the key ${key}.`);
  }
  return { op, key };
}

builder.mutationFields((t) => ({
  createQueue: t.field({
    type: CreateQueuePayload,
    args: { input: t.arg({ type: CreateQueueInput, required: true, description: "The queue." }) },
    description: "Makes a queue, and places it in a pool. Safe to repeat: one that is there stays as it is.",
    resolve: async (_root, { input }, { access, operations }) => {
      const metadataText = optionalText("metadata", input.metadata, input.metadataText);
      const { queue, created } = await operations.queues.create(access, {
        project: input.project,
        name: input.name,
        metadataText,
        strict: true,
      });
      return { queue: single(queue), created };
    },
  }),
  updateQueueMetadata: t.field({
    type: UpdateQueueMetadataPayload,
    args: {
      input: t.arg({ type: UpdateQueueMetadataInput, required: true, description: "The queue and its metadata." }),
    },
    description: "Replaces all metadata of a queue.",
    resolve: async (_root, { input }, { access, operations }) => {
      const { project, name } = input;
      const metadataText = requiredText("metadata", input.metadata, input.metadataText);
      return {
        queue: single(await operations.queues.setMetadata(access, { project, name, metadataText, strict: true })),
      };
    },
  }),
  patchQueueMetadata: t.field({
    type: PatchQueueMetadataPayload,
    args: {
      input: t.arg({ type: PatchQueueMetadataInput, required: true, description: "The queue and the changes." }),
    },
    description:
      "Changes single keys of a queue's metadata, all or none. Loses no change that is made at the same time.",
    resolve: async (_root, { input }, { access, operations }) => {
      const { project, name } = input;
      const changes = input.changes.map(metadataChange);
      return { queue: single(await operations.queues.patchMetadata(access, { project, name, changes, strict: true })) };
    },
  }),
  deleteQueue: t.field({
    type: DeleteQueuePayload,
    args: { input: t.arg({ type: DeleteQueueInput, required: true, description: "The queue." }) },
    description: "Ends a queue: its messages and claims are gone at once. Its subscriptions stay.",
    resolve: (_root, { input }, { access, operations }) => operations.queues.delete(access, input),
  }),
  purgeQueue: t.field({
    type: PurgeQueuePayload,
    args: { input: t.arg({ type: PurgeQueueInput, required: true, description: "The queue, and what to take away." }) },
    description: "Empties a queue at once, however full it is. Its metadata stays.",
    resolve: (_root, { input }, { access, operations }) => operations.queues.purge(access, input),
  }),
}));
