import { chooseProject } from "../access/access.ts";
import { DomainError } from "../errors.ts";
import { isOfSeveral } from "../operations/input/names.ts";
import type { MetadataChange } from "../operations/input/queue-metadata.ts";
import type { StatsChange } from "../operations/live/stats-watch.ts";
import type { UndoRecord } from "../operations/undo/undo.ts";
import { QueueAttributesInput } from "./queue-attributes.ts";
import { QueueFilter } from "./queue-filter.ts";
import {
  followQueue,
  QUEUE_REFERENCE,
  QueueConnectionType,
  type QueueParent,
  QueueStatsType,
  QueueType,
  queueParent,
} from "./queue-types.ts";
import {
  idempotencyKeyField,
  orNull,
  projectArgs,
  projectField,
  projectsArgs,
  queueArgs,
  queueField,
  reasonField,
} from "./schema/addresses.ts";
import { builder } from "./schema/builder.ts";
import { pageArgs, pageCost, pageOf } from "./schema/connection.ts";
import type { ListOrder } from "./schema/cursor.ts";
import { DeletePayload, deletedOf } from "./schema/delete-payload.ts";
import { JsonInput, optionalTextOf, textOf } from "./schema/json-input.ts";
import { OrderDirection } from "./schema/order-direction.ts";
import { selectedFields } from "./schema/selections.ts";

const METADATA_FIELDS = new Set([
  "metadata",
  "metadataText",
  "attributes",
  "storedAttributes",
  "deadLetterQueueMissing",
  "deadLetterQueue",
]);
const STATS_FIELDS = new Set(["stats"]);

const QueueOrderField = builder.enumType("QueueOrderField", {
  description: "By what queues can be ordered.",
  values: {
    NAME: { value: "name", description: "Their names, character by character." },
    CREATED_AT: { value: "createdAt", description: "When they were created." },
    DEPTH: {
      value: "depth",
      description: "How many messages they held at the last sample. Queues without a sample are the lowest.",
    },
    OLDEST_READY: {
      value: "oldestReady",
      description:
        "When the oldest message was posted that was ready at the last sample. ASC: the one that waits the longest first. Queues without one are the newest.",
    },
    RATE: {
      value: "rate",
      description:
        "Messages posted and delivered a second, together, at the last sample. Queues without a sample are the lowest.",
    },
  } as const,
});
const QueueOrder = builder.inputType("QueueOrder", {
  description: "The order of a list of queues.",
  fields: (t) => ({
    field: t.field({ type: QueueOrderField, required: true, description: "By what." }),
    direction: t.field({
      type: OrderDirection,
      required: true,
      defaultValue: "asc",
      description: "In which direction.",
    }),
  }),
});

export const QueueStatsOfType = builder
  .objectRef<Omit<StatsChange, "stats"> & Pick<QueueParent, "stats">>("NamedQueueStats")
  .implement({
    description: "The statistics of one queue, with its name.",
    fields: (t) => ({
      project: t.exposeString("project", { description: "The queue's project." }),
      queueName: t.exposeString("name", { description: "The queue's name." }),
      queue: t.field({
        type: QueueType,
        nullable: true,
        description: `The queue. ${QUEUE_REFERENCE}`,
        resolve: ({ project, name }, _args, context, info) => followQueue({ project, name }, context, info),
      }),
      stats: t.field({
        type: QueueStatsType,
        nullable: true,
        description:
          "Null when there is no such queue, and when its pool does not answer: in an answer beside an error, in a stream alone.",
        resolve: ({ stats }) => {
          if (stats instanceof DomainError) throw stats;
          return stats;
        },
      }),
    }),
  });

builder.queryFields((t) => ({
  queue: t.field({
    type: QueueType,
    nullable: true,
    args: queueArgs,
    description: "One queue; null when none has that name.",
    resolve: async (_root, args, { access, operations }) => {
      const queue = await orNull(operations.queues.get(access, args), "QUEUE_DOES_NOT_EXIST");
      return queue && queueParent(queue);
    },
  }),
  queues: t.field({
    type: QueueConnectionType,
    args: {
      ...projectsArgs,
      filter: t.arg({ type: QueueFilter, description: "Which queues. Left out: all." }),
      orderBy: t.arg({
        type: QueueOrder,
        required: true,
        defaultValue: { field: "name", direction: "asc" },
        description: "The order of the list.",
      }),
      ...pageArgs,
    },
    complexity: pageCost,
    description:
      "Queues, by pages. Whatever the filter and the order, a page of 100,000 queues takes no longer than one of 100. Exceptions: a `search` in another order than NAME, and conditions on samples that few queues meet, may read all that match the rest. What is read from samples is as of `asOf`.",
    resolve: async (_root, args, { access, operations }, info) => {
      const { project, allProjects, filter, orderBy } = args;
      const scope = { project, filter, allProjects };
      const isAll = isOfSeveral(access, "read", allProjects);
      const order: ListOrder = `queues.${orderBy.field}${isAll ? ".all" : ""}`;
      const withStats = selectedFields(info, STATS_FIELDS).size > 0;
      const detailed = selectedFields(info, METADATA_FIELDS).size > 0;
      const page = await operations.queues.list(access, {
        ...scope,
        orderBy,
        detailed,
        withStats,
        page: pageOf(args, order),
      });
      const items = page.items.map(({ stats, ...queue }) => queueParent(withStats ? { ...queue, stats } : queue));
      return {
        page: { ...page, items },
        order,
        count: () => operations.queues.count(access, scope),
      };
    },
  }),
  queueStats: t.field({
    type: [QueueStatsOfType],
    args: {
      ...projectArgs,
      queues: t.arg.stringList({
        required: true,
        description: "The queues' names, at most as many as a page has rows.",
      }),
    },
    complexity: ({ queues }) => ({ field: 1, multiplier: queues.length }),
    description: "The statistics of many queues of one project, in the given order.",
    resolve: async (_root, { project, queues }, { access, operations }) => {
      const addresses = queues.map((queue) => ({ project, queue }));
      const stats = await operations.queues.statsMany(access, { queues: addresses });
      const chosen = chooseProject(access, "read", project);
      return queues.map((name, index) => ({ project: chosen, name, stats: stats[index] ?? null }));
    },
  }),
}));

const metadataField = {
  description:
    "An object: reserved attributes such as `_default_message_ttl`, and any keys of your own that do not begin with an underscore.",
} as const;

const CreateQueueInput = builder.inputType("CreateQueueInput", {
  description: "The queue to create.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string({ required: true, description: "Its name: letters, digits, `_`, `-` and `.`." }),
    metadata: t.field({ type: JsonInput, ...metadataField }),
    replaceMetadata: t.boolean({
      defaultValue: false,
      required: true,
      description:
        "An existing queue gets the given metadata, or none if it is left out. So a program can set up its queues each time that it starts.",
    }),
    reason: t.string(reasonField),
  }),
});
const CreateQueuePayload = builder.objectRef<{ queue: QueueParent; created: boolean }>("CreateQueuePayload").implement({
  description: "The result of createQueue.",
  fields: (t) => ({
    queue: t.expose("queue", { type: QueueType, description: "The queue." }),
    created: t.exposeBoolean("created", {
      description: "False: it existed, and was not changed, unless `replaceMetadata` asked for that.",
    }),
  }),
});

const UpdateQueueMetadataInput = builder.inputType("UpdateQueueMetadataInput", {
  description: "The new metadata of a queue, which replaces all of the old.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    metadata: t.field({ type: JsonInput, required: true, ...metadataField }),
    reason: t.string(reasonField),
  }),
});

const MetadataOperation = builder.enumType("QueueMetadataOperation", {
  description: "What to do with a key of the metadata.",
  values: {
    ADD: { value: "add", description: "Set it, whether it is stored or not." },
    REPLACE: { value: "replace", description: "Set it; it must be stored, or be a reserved attribute." },
    REMOVE: { value: "remove", description: "Remove it; it must be stored, or be a reserved attribute." },
  } as const,
});
const QueueMetadataChange = builder.inputType("QueueMetadataChange", {
  description: "A change of one top-level key of the metadata.",
  fields: (t) => ({
    op: t.field({ type: MetadataOperation, required: true, description: "What to do." }),
    key: t.string({ required: true, description: "The key." }),
    value: t.field({ type: JsonInput, description: "Its new value. Not for REMOVE." }),
  }),
});
const PatchQueueMetadataInput = builder.inputType("PatchQueueMetadataInput", {
  description: "Changes of a queue's metadata.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    changes: t.field({ type: [QueueMetadataChange], required: true, description: "Done in this order, all or none." }),
    reason: t.string(reasonField),
  }),
});
const UpdateQueueAttributesInput = builder.inputType("UpdateQueueAttributesInput", {
  description: "Changes of a queue's reserved attributes.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    attributes: t.field({ type: QueueAttributesInput, required: true, description: "What to change: at least one." }),
    reason: t.string(reasonField),
  }),
});
const QueuePayload = builder.objectRef<{ queue: QueueParent }>("QueuePayload").implement({
  description: "A queue that was changed.",
  fields: (t) => ({ queue: t.expose("queue", { type: QueueType, description: "The queue as it is now." }) }),
});

const DeleteQueueInput = builder.inputType("DeleteQueueInput", {
  description: "The queue to delete.",
  fields: (t) => ({ project: t.string(projectField), queue: t.string(queueField), reason: t.string(reasonField) }),
});

const PurgeResourceType = builder.enumType("PurgeResource", {
  description: "What a purge removes.",
  values: {
    MESSAGES: {
      value: "messages",
      description: "All messages, in any state, and their claims.",
    },
    SUBSCRIPTIONS: { value: "subscriptions", description: "All subscriptions." },
  } as const,
});
const PurgeBound = builder.inputType("PurgeBound", {
  isOneOf: true,
  description: "Up to where a purge goes. What is at the bound itself stays.",
  fields: (t) => ({
    marker: t.string({ description: "Before the message with this marker." }),
    time: t.field({
      type: "DateTime",
      description:
        "Messages that were posted before it, or moved here before it: see `Message.createdAt`. Any instant will do: a long past one removes nothing, a far future one all.",
    }),
  }),
});
const PurgeQueueInput = builder.inputType("PurgeQueueInput", {
  description: "The queue to empty.",
  fields: (t) => ({
    project: t.string(projectField),
    queue: t.string(queueField),
    resources: t.field({
      type: [PurgeResourceType],
      description: "What to remove. Left out: both, or with `before` messages. An empty list: nothing.",
    }),
    before: t.field({
      type: PurgeBound,
      description:
        "Only messages before it, in any state. Not together with subscriptions. Left out: all; null is refused.",
    }),
    idempotencyKey: t.string(idempotencyKeyField),
    reason: t.string(reasonField),
  }),
});
export const PurgeQueuePayload = builder
  .objectRef<{ messages: number | null; subscriptions: number; undo: UndoRecord | null }>("PurgeQueuePayload")
  .implement({
    description: "The result of purgeQueue.",
    fields: (t) => ({
      messages: t.expose("messages", {
        type: "SafeInt",
        nullable: true,
        description:
          "How many messages were removed. Null when they are too many to be counted at once: the purge itself takes no longer for more.",
      }),
      subscriptions: t.expose("subscriptions", {
        type: "SafeInt",
        description: "How many subscriptions were removed.",
      }),
    }),
  });

/** Converts a change for the operations. BAD_INPUT when REMOVE has a value, or when ADD or REPLACE has none. */
function metadataChange({ op, key, value }: typeof QueueMetadataChange.$inferInput, index: number): MetadataChange {
  const valueText = optionalTextOf(value);
  const details = { field: `changes.${index}.value`, key };
  if (op === "remove") {
    if (valueText === undefined) return { op, key };
    throw new DomainError("BAD_INPUT", `REMOVE takes no value. Leave it out for the key ${key}.`, { details });
  }
  if (valueText !== undefined) return { op, key, valueText };
  throw new DomainError("BAD_INPUT", `${op.toUpperCase()} needs a value. Give one for the key ${key}.`, { details });
}

builder.mutationFields((t) => ({
  createQueue: t.field({
    type: CreateQueuePayload,
    args: { input: t.arg({ type: CreateQueueInput, required: true, description: "The queue." }) },
    description:
      "Creates a queue in a pool. Safe to repeat: an existing queue is not changed, unless `replaceMetadata` is true.",
    resolve: async (_root, { input }, { access, operations }) => {
      const metadataText = optionalTextOf(input.metadata);
      const { queue, created } = await operations.queues.create(access, {
        project: input.project,
        queue: input.queue,
        metadataText,
        replaceMetadata: input.replaceMetadata,
        strict: true,
      });
      return { queue: queueParent(queue), created };
    },
  }),
  updateQueueMetadata: t.field({
    type: QueuePayload,
    args: {
      input: t.arg({ type: UpdateQueueMetadataInput, required: true, description: "The queue and its metadata." }),
    },
    description: "Replaces all metadata of a queue.",
    resolve: async (_root, { input }, { access, operations }) => {
      const { project, queue } = input;
      const metadataText = textOf(input.metadata);
      return {
        queue: queueParent(await operations.queues.setMetadata(access, { project, queue, metadataText, strict: true })),
      };
    },
  }),
  updateQueueAttributes: t.field({
    type: QueuePayload,
    args: {
      input: t.arg({ type: UpdateQueueAttributesInput, required: true, description: "The queue and the changes." }),
    },
    description:
      "Changes reserved attributes of a queue, all or none. A concurrent change of others is not lost. Another flavor moves the queue to one of its pools, as a job.",
    resolve: async (_root, { input }, { access, operations }) => ({
      queue: queueParent(await operations.queues.setAttributes(access, input)),
    }),
  }),
  patchQueueMetadata: t.field({
    type: QueuePayload,
    args: {
      input: t.arg({ type: PatchQueueMetadataInput, required: true, description: "The queue and the changes." }),
    },
    description:
      "Changes single keys of a queue's metadata, all or none. A concurrent change of other keys is not lost.",
    resolve: async (_root, { input }, { access, operations }) => {
      const { project, queue } = input;
      const changes = input.changes.map(metadataChange);
      return {
        queue: queueParent(await operations.queues.patchMetadata(access, { project, queue, changes, strict: true })),
      };
    },
  }),
  deleteQueue: t.field({
    type: DeletePayload,
    args: { input: t.arg({ type: DeleteQueueInput, required: true, description: "The queue." }) },
    description: "Deletes a queue with its messages and claims, at once. Its subscriptions stay.",
    resolve: async (_root, { input }, { access, operations }) =>
      deletedOf("Queue", input.queue, input.project, { access }, await operations.queues.delete(access, input)),
  }),
  purgeQueue: t.field({
    type: PurgeQueuePayload,
    args: { input: t.arg({ type: PurgeQueueInput, required: true, description: "The queue, and what to remove." }) },
    description:
      "Empties a queue at once, however full it is, or removes its beginning. Its metadata stays. In a Redis pool a beginning is removed in steps, oldest first. An error between two steps, such as DEADLINE_EXCEEDED when it is too long for one call, has `partial: true` and the removed `messages` in its `details`; a repeat continues, and returns the number of all if there is an `idempotencyKey`. With an `idempotencyKey`, a repeat removes no messages that were posted since the first call, but subscriptions each time.",
    resolve: (_root, { input }, { access, operations }) => operations.queues.purge(access, input),
  }),
}));
