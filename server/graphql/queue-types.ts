/** The types of a queue in the schema. Its queries and mutations are in queues.ts. */
import { storedKeys } from "../operations/input/queue-attributes.ts";
import type { QueueMetadata } from "../operations/input/queue-metadata.ts";
import type { QueueRecord } from "../operations/lifecycle/queue-record.ts";
import { MAX_DEAD_LETTER_SOURCES } from "../operations/queues/read.ts";
import type { BatchResult } from "../storage/batch-result.ts";
import type { QueueRef } from "../storage/queue-ref.ts";
import type { MessageStamp, QueueStats } from "../storage/queue-stats.ts";
import type { QueueTotals } from "../storage/queue-totals.ts";
import { QueueAttributesType } from "./queue-attributes.ts";
import { batched } from "./schema/batched.ts";
import { builder } from "./schema/builder.ts";
import { connectionType } from "./schema/connection.ts";
import type { GraphQLContext } from "./schema/context.ts";
import { RawJson } from "./schema/json.ts";
import { NodeType, nodeId } from "./schema/node.ts";
import { followReferences } from "./schema/references.ts";

/** A queue as its resolvers see it. `stats` undefined: read when selected; an error when its pool fails. */
export interface QueueParent extends Omit<QueueRecord, "metadata"> {
  metadata: QueueMetadata;
  stats?: BatchResult<QueueStats | null>;
}

/** How operations name it. */
export const addressOf = ({ project, name }: Pick<QueueParent, "project" | "name">) => ({ project, queue: name });

const NO_METADATA = {} as QueueMetadata;

/** For a list that was not asked for the metadata, because nothing of it is selected. */
export function queueParent(queue: Omit<QueueParent, "metadata"> & { metadata: QueueMetadata | null }): QueueParent {
  return { ...queue, metadata: queue.metadata ?? NO_METADATA };
}

const MessageStampType = builder.objectRef<MessageStamp>("MessageStamp").implement({
  description: "A message of a queue's statistics, and when it was posted.",
  fields: (t) => ({
    id: t.exposeID("id", { description: "The message's id." }),
    ageSeconds: t.expose("ageSeconds", { type: "SafeInt", description: "Seconds since it was posted." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was posted." }),
  }),
});

const QueueTotalsType = builder.objectRef<QueueTotals>("QueueTotals").implement({
  description:
    "What has happened to a queue's messages since it was created. The numbers only grow: a purge does not reset them, and a move to another pool takes them along. They lag by about a second, and a server that crashes loses at most a second's. A rate is the difference of two readings.",
  fields: (t) => ({
    posted: t.expose("posted", {
      type: "SafeInt",
      description: "Messages that came in: posted, or from another queue.",
    }),
    claimed: t.expose("claimed", {
      type: "SafeInt",
      description: "Messages given by claims. A message counts each time.",
    }),
    delivered: t.expose("delivered", {
      type: "SafeInt",
      description: "Messages given by claims and pops. A message counts each time.",
    }),
    released: t.expose("released", { type: "SafeInt", description: "Messages given back by releases." }),
    lapsed: t.expose("lapsed", {
      type: "SafeInt",
      description:
        "Messages whose claim expired before they were deleted or released. One counts when it is next claimed, popped, deleted or expires, or when garbage is next collected.",
    }),
    deleted: t.expose("deleted", { type: "SafeInt", description: "Messages that were deleted, popped or purged." }),
    expired: t.expose("expired", { type: "SafeInt", description: "Messages whose time to live ended." }),
    deadLettered: t.expose("deadLettered", {
      type: "SafeInt",
      description: "Messages that moved to the dead letter queue.",
    }),
    moved: t.expose("moved", {
      type: "SafeInt",
      description: "Messages that went to another queue in another way than as dead letters: redriven, or moved.",
    }),
  }),
});

export const QueueStatsType = builder.objectRef<QueueStats>("QueueStats").implement({
  description:
    "How many messages of a queue are in each state (see MessageState): ready + claimed + delayed + exhausted = total. Expired messages do not count.",
  fields: (t) => ({
    ready: t.expose("ready", { type: "SafeInt", description: "Messages that can be claimed." }),
    claimed: t.expose("claimed", { type: "SafeInt", description: "Messages that a live claim holds." }),
    delayed: t.expose("delayed", { type: "SafeInt", description: "Messages that nobody can claim yet." }),
    exhausted: t.expose("exhausted", {
      type: "SafeInt",
      description:
        "Messages that were delivered as often as the queue allows, and whose dead letter queue does not exist.",
    }),
    total: t.expose("total", { type: "SafeInt", description: "All messages." }),
    exact: t.exposeBoolean("exact", {
      description:
        "False for a queue of more than 10,000 messages: the numbers come from counters, which may be slightly off. `exhausted` is then a lower bound, counted among the oldest messages; the rest of them count as ready.",
    }),
    oldest: t.expose("oldest", {
      type: MessageStampType,
      nullable: true,
      description: "The oldest message; null when there is none.",
    }),
    newest: t.expose("newest", {
      type: MessageStampType,
      nullable: true,
      description: "The newest message; null when there is none.",
    }),
    totals: t.expose("totals", { type: QueueTotalsType, description: "What has happened to its messages so far." }),
  }),
});

const queueId = nodeId<QueueParent>("Queue", {
  length: 2,
  key: ({ project, name }) => [project, name],
  load: async (keys, { access, operations }) => {
    const found = await operations.queues.getMany(access, {
      queues: keys.map(([project, queue = ""]) => ({ project, queue })),
    });
    return found.map((queue) => queue && queueParent(queue));
  },
});

export const QueueType = builder.objectRef<QueueParent>("Queue");
QueueType.implement({
  interfaces: [NodeType],
  description:
    "A queue of a project: messages in the order in which they were posted. Queues with the same name in two projects are unrelated.",
  fields: (t) => ({
    id: t.id(queueId),
    project: t.exposeString("project", { description: 'Its project; "" is the one without a name.' }),
    name: t.exposeString("name", { description: "Its name: letters, digits, `_`, `-` and `.`." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was created." }),
    updatedAt: t.expose("updatedAt", { type: "DateTime", description: "When its metadata last changed." }),
    metadata: t.field({
      type: "JSON",
      description: "Its metadata as it was sent: an object with reserved attributes and keys of your own.",
      resolve: (queue) => new RawJson(queue.metadata.text),
    }),
    metadataText: t.string({ description: "The same as JSON text.", resolve: (queue) => queue.metadata.text }),
    attributes: t.field({
      type: QueueAttributesType,
      complexity: { field: 1, multiplier: 0 },
      description: "Its effective reserved attributes.",
      resolve: (queue) => queue.metadata.effective,
    }),
    storedAttributes: t.stringList({
      description:
        "The names of the reserved attributes that are stored, as in the metadata. The others have their defaults.",
      resolve: (queue) => storedKeys(queue.metadata.stored),
    }),
    deadLetterQueueMissing: t.field({
      type: "Boolean",
      description:
        "True: its `_dead_letter_queue` does not exist. Messages that were delivered `_max_claim_count` times stay in this queue, exhausted, until it exists.",
      resolve: (queue, _args, context) =>
        batched(context, "Queue.deadLetterQueueMissing", queue, (queues) => missDeadLetterQueue(queues, context)),
    }),
    deadLetterQueue: t.field({
      type: QueueType,
      nullable: true,
      description:
        "The queue that its `_dead_letter_queue` names; null when it names none. Its id, name and project are known; when anything else of it is selected, it is null if that queue does not exist.",
      resolve: ({ project, metadata }, _args, context, info) => {
        const name = metadata.effective.deadLetterQueue;
        return name === null ? null : followQueue({ project, name }, context, info);
      },
    }),
    deadLetterSources: t.stringList({
      description: `Names of the queues whose \`_dead_letter_queue\` it is, ascending: the first ${MAX_DEAD_LETTER_SOURCES}. All queues of a list cost one statement.`,
      resolve: (queue, _args, context) =>
        batched(context, "Queue.deadLetterSources", queue, (queues) =>
          context.operations.queues.deadLetterSources(context.access, { queues: queues.map(addressOf) }),
        ),
    }),
    stats: t.field({
      type: QueueStatsType,
      nullable: true,
      description:
        "Its statistics now. All queues of a list cost one statement per pool. Null when it was deleted meanwhile or has no catalogue entry, and beside an error when its pool does not answer.",
      resolve: (queue, _args, context) => batched(context, "Queue.stats", queue, (queues) => statsOf(queues, context)),
    }),
  }),
});

async function missDeadLetterQueue(
  queues: readonly QueueParent[],
  { access, operations }: GraphQLContext,
): Promise<boolean[]> {
  const targets = queues.flatMap(({ project, metadata }) => {
    const queue = metadata.effective.deadLetterQueue;
    return queue === null ? [] : [{ project, queue }];
  });
  const found = targets.length === 0 ? [] : await operations.queues.getMany(access, { queues: targets });
  const there = found.values();
  return queues.map(({ metadata }) => metadata.effective.deadLetterQueue !== null && there.next().value === null);
}

/** Reads those that the queues do not have yet. */
async function statsOf(
  queues: readonly QueueParent[],
  { access, operations }: GraphQLContext,
): Promise<BatchResult<QueueStats | null>[]> {
  const asked = queues.filter((queue) => queue.stats === undefined);
  const answers = asked.length === 0 ? [] : await operations.queues.statsMany(access, { queues: asked.map(addressOf) });
  const byQueue = new Map(asked.map((queue, index) => [queue, answers[index] ?? null]));
  return queues.map((queue) => (queue.stats === undefined ? (byQueue.get(queue) ?? null) : queue.stats));
}

export const QueueConnectionType = connectionType(
  "Queue",
  QueueType,
  "queues",
  "How many queues match: exact up to 10,000.",
);

/** See `followReferences`. */
export const followQueue = followReferences<QueueRef, QueueParent>("Queue", async (queues, { access, operations }) => {
  const found = await operations.queues.getMany(access, { queues: queues.map(addressOf) });
  return found.map((queue) => queue && queueParent(queue));
});

/** Of fields that lead to a queue. */
export const QUEUE_REFERENCE =
  "Null when it was deleted meanwhile. Its id, name and project are known; anything else of it is read, for all rows of a list with one statement.";
