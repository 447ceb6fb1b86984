/** What a queue is in the schema; queues.ts asks for queues and changes them. */
import {
  GraphQLIncludeDirective,
  type GraphQLResolveInfo,
  GraphQLSkipDirective,
  getDirectiveValues,
  type SelectionNode,
  type SelectionSetNode,
} from "graphql";
import type { ReservedAttributes, RetryPolicy } from "../operations/input/queue-attributes.ts";
import type { QueueRecord } from "../operations/queues.ts";
import type { MessageStamp, QueueStats } from "../storage/data-driver.ts";
import { builder } from "./schema/builder.ts";
import { connectionType } from "./schema/connection.ts";
import { RawJson } from "./schema/json.ts";

/** A queue on its way to a client. `stats` undefined: ask when they are selected; null: its pool cannot say now. */
export interface QueueParent extends Omit<QueueRecord, "metadata"> {
  metadata: NonNullable<QueueRecord["metadata"]>;
  stats?: QueueStats | null;
}

const MessageStampType = builder.objectRef<MessageStamp>("MessageStamp").implement({
  description: "Which message, and when it was posted.",
  fields: (t) => ({
    id: t.exposeString("id", { description: "The message's id." }),
    ageSeconds: t.expose("ageSeconds", { type: "SafeInt", description: "Seconds since it was posted." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was posted." }),
  }),
});

export const QueueStatsType = builder.objectRef<QueueStats>("QueueStats").implement({
  description:
    "How many messages of a queue are in which state (see MessageState): ready + claimed + delayed + exhausted = total. Expired messages do not count.",
  fields: (t) => ({
    ready: t.expose("ready", { type: "SafeInt", description: "Messages that a claim gives." }),
    claimed: t.expose("claimed", { type: "SafeInt", description: "Messages that a live claim holds." }),
    delayed: t.expose("delayed", { type: "SafeInt", description: "Messages that nobody can claim yet." }),
    exhausted: t.expose("exhausted", {
      type: "SafeInt",
      description:
        "Messages that were delivered as often as the queue allows, and that its dead letter queue cannot take because it is missing.",
    }),
    total: t.expose("total", { type: "SafeInt", description: "All messages." }),
    exact: t.exposeBoolean("exact", {
      description:
        "False for a queue of more than 10,000 messages: the numbers come from counters, which may be a little off, and `exhausted` is a lower bound, counted among the oldest messages; what it misses counts as ready.",
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
  }),
});

const BackoffType = builder.enumType("RetryBackoffFunction", {
  description: "How the pause between two attempts grows.",
  values: {
    LINEAR: { value: "linear", description: "By the same amount each time." },
    ARITHMETIC: { value: "arithmetic", description: "By an amount that grows each time." },
    EXPONENTIAL: { value: "exponential", description: "By powers of two." },
    GEOMETRIC: { value: "geometric", description: "By a constant factor." },
  } as const,
});

const RetryPolicyType = builder.objectRef<RetryPolicy>("RetryPolicy").implement({
  description: "How a notification would be tried again. It is stored; nothing is delivered yet. Null = the default.",
  fields: (t) => ({
    retriesWithNoDelay: t.expose("retriesWithNoDelay", {
      type: "SafeInt",
      nullable: true,
      description: "Attempts at once.",
    }),
    minimumDelayRetries: t.expose("minimumDelayRetries", {
      type: "SafeInt",
      nullable: true,
      description: "Attempts that wait for the minimum delay.",
    }),
    minimumDelay: t.expose("minimumDelay", {
      type: "SafeInt",
      nullable: true,
      description: "Shortest pause, in seconds.",
    }),
    maximumDelay: t.expose("maximumDelay", {
      type: "SafeInt",
      nullable: true,
      description: "Longest pause, in seconds.",
    }),
    maximumDelayRetries: t.expose("maximumDelayRetries", {
      type: "SafeInt",
      nullable: true,
      description: "Attempts that wait for the maximum delay.",
    }),
    retryBackoffFunction: t.expose("retryBackoffFunction", {
      type: BackoffType,
      nullable: true,
      description: "How the pause grows in between.",
    }),
    ignoreSubscriptionOverride: t.exposeBoolean("ignoreSubscriptionOverride", {
      nullable: true,
      description: "Do not let a subscription have a policy of its own.",
    }),
  }),
});

const QueueAttributesType = builder.objectRef<ReservedAttributes>("QueueAttributes").implement({
  description: "A queue's reserved attributes as they count: the stored value where there is one, else the default.",
  fields: (t) => ({
    defaultMessageTtl: t.expose("defaultMessageTtl", {
      type: "SafeInt",
      description: "`_default_message_ttl`: seconds that a message lives if the post does not say.",
    }),
    defaultMessageDelay: t.expose("defaultMessageDelay", {
      type: "SafeInt",
      description: "`_default_message_delay`: seconds before a message can be claimed if the post does not say.",
    }),
    maxMessagesPostSize: t.expose("maxMessagesPostSize", {
      type: "SafeInt",
      description: "`_max_messages_post_size`: bytes of body text in one post.",
    }),
    maxClaimCount: t.expose("maxClaimCount", {
      type: "SafeInt",
      nullable: true,
      description:
        "`_max_claim_count`: deliveries before a message goes to the dead letter queue. Counts only together with one.",
    }),
    deadLetterQueue: t.exposeString("deadLetterQueue", {
      nullable: true,
      description: "`_dead_letter_queue`: a queue of the same project. It is not made by itself.",
    }),
    deadLetterQueueMessagesTtl: t.expose("deadLetterQueueMessagesTtl", {
      type: "SafeInt",
      nullable: true,
      description: "`_dead_letter_queue_messages_ttl`: seconds that a message lives there. Null: it keeps its own end.",
    }),
    enableEncryptMessages: t.exposeBoolean("enableEncryptMessages", {
      description: "`_enable_encrypt_messages`. Always false so far.",
    }),
    flavor: t.exposeString("flavor", {
      nullable: true,
      description: "`_flavor`: which pools the queue was placed among.",
    }),
    retryPolicy: t.expose("retryPolicy", {
      type: RetryPolicyType,
      nullable: true,
      description: "`_retry_policy`: for notifications, of which none is delivered yet.",
    }),
  }),
});

export const QueueType = builder.objectRef<QueueParent>("Queue");
QueueType.implement({
  description:
    "A queue of a project: messages in the order of their posting. Two queues of one name in two projects are unrelated.",
  fields: (t) => ({
    project: t.exposeString("project", { description: 'Its project; "" is the one without a name.' }),
    name: t.exposeString("name", { description: "Its name: letters, digits, `_`, `-` and `.`." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was made." }),
    updatedAt: t.expose("updatedAt", { type: "DateTime", description: "When its metadata last changed." }),
    metadata: t.field({
      type: "JSON",
      description: "Its metadata as it was given: an object with reserved attributes and the user's own.",
      resolve: (queue) => new RawJson(queue.metadata.text),
    }),
    metadataText: t.string({ description: "The same as text.", resolve: (queue) => queue.metadata.text }),
    attributes: t.field({
      type: QueueAttributesType,
      complexity: { field: 1, multiplier: 0 },
      description: "Its reserved attributes as they count.",
      resolve: (queue) => queue.metadata.effective,
    }),
    storedAttributes: t.stringList({
      description:
        "Which reserved attributes are stored, as they are called in the metadata; the others have their defaults.",
      resolve: (queue) => Object.keys(queue.metadata.stored).map(reservedKey),
    }),
    deadLetterQueueMissing: t.loadable({
      type: "Boolean",
      description:
        "True: its `_dead_letter_queue` does not exist. Messages that were delivered as often as `_max_claim_count` says stay here, exhausted, until it does.",
      loaderOptions: { cache: false },
      load: async (queues: QueueParent[], { access, operations, limits }) => {
        const targets = queues.flatMap(({ project, metadata }) => {
          const name = metadata.effective.deadLetterQueue;
          return name === null ? [] : [{ project, name }];
        });
        const found = await inBatches(targets, limits.MAX_PAGE_SIZE, (batch) =>
          operations.queues.getMany(access, { queues: batch }),
        );
        const there = found.values();
        return queues.map(({ metadata }) => metadata.effective.deadLetterQueue !== null && there.next().value === null);
      },
      resolve: (queue) => queue,
    }),
    stats: t.loadable({
      type: QueueStatsType,
      nullable: true,
      description:
        "How full it is now. Many queues cost one question to each pool. Null when it was deleted meanwhile, has no catalogueEntry, or its pool cannot say now.",
      loaderOptions: { cache: false },
      load: async (queues: QueueParent[], { access, operations, limits }) => {
        const asked = queues.filter((queue) => queue.stats === undefined);
        const answers = await inBatches(asked, limits.MAX_PAGE_SIZE, (batch) =>
          operations.queues.statsMany(access, { queues: batch.map(({ project, name }) => ({ project, name })) }),
        );
        const byQueue = new Map(asked.map((queue, index) => [queue, answers[index] ?? null]));
        return queues.map((queue) => (queue.stats === undefined ? (byQueue.get(queue) ?? null) : queue.stats));
      },
      resolve: (queue) => queue,
    }),
  }),
});

/** `_max_claim_count` of maxClaimCount. */
function reservedKey(attribute: string): string {
  return `_${attribute.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
}

/** Asks about many in as few questions as the operations allow. */
export async function inBatches<T, R>(
  items: readonly T[],
  size: number,
  ask: (batch: readonly T[]) => Promise<readonly R[]>,
): Promise<R[]> {
  const batches = Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
  return (await Promise.all(batches.map(ask))).flat();
}

export const QueueConnectionType = connectionType(
  "Queue",
  QueueType,
  "queues",
  "How many queues match, without walking them all: exact up to 10,000.",
);

/**
 * Which of these fields are selected anywhere below, @skip and @include considered: so that a list asks the store only
 * for what is wanted.
 */
export function selectedFields(info: GraphQLResolveInfo, names: ReadonlySet<string>): ReadonlySet<string> {
  const found = new Set<string>();
  const seen = new Set<string>();
  const walk = (selectionSet: SelectionSetNode | undefined): void => {
    for (const selection of selectionSet?.selections ?? []) {
      if (isLeftOut(selection, info)) continue;
      if (selection.kind === "FragmentSpread") {
        const name = selection.name.value;
        if (!seen.has(name)) walk(info.fragments[name]?.selectionSet);
        seen.add(name);
      } else {
        if (selection.kind === "Field" && names.has(selection.name.value)) found.add(selection.name.value);
        walk(selection.selectionSet);
      }
    }
  };
  for (const node of info.fieldNodes) walk(node.selectionSet);
  return found;
}

/** By @skip or @include. */
function isLeftOut(selection: SelectionNode, { variableValues }: GraphQLResolveInfo): boolean {
  return (
    getDirectiveValues(GraphQLSkipDirective, selection, variableValues)?.if === true ||
    getDirectiveValues(GraphQLIncludeDirective, selection, variableValues)?.if === false
  );
}
