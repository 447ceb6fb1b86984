import { formatDuration } from "../ui/format.ts";
import type { QueueSettingsFacts } from "./fragments.ts";

/** `retryPolicy`: JSON text, as it was written. */
export type QueueAttributes = QueueSettingsFacts["attributes"] & { retryPolicy: string | null };

interface Attribute {
  field: keyof QueueAttributes;
  kind: "number" | "text" | "flavor" | "json" | "boolean" | "fixed";
  meaning: string;
  show: (value: string | number | boolean) => string;
}

/** "3600 s (1 h)": programs send seconds, people read the larger units. */
const seconds = (value: string | number | boolean) =>
  Number(value) < 60 ? `${value} s` : `${value} s (${formatDuration(Number(value))})`;
const secondsOrNever = (value: string | number | boolean) => (value === 0 ? "never" : seconds(value));
const countOrNever = (value: string | number | boolean) => (value === 0 ? "never" : `${value} or more`);
const percentOrNever = (value: string | number | boolean) => (value === 0 ? "never" : `${value} %`);
const plain = (value: string | number | boolean) => String(value);
const yesOrNo = (value: string | number | boolean) => (value === true ? "yes" : "no");

/** The reserved attributes of a queue: how the pages show and edit each. */
export const ATTRIBUTES = {
  _default_message_ttl: {
    field: "defaultMessageTtlSeconds",
    kind: "number",
    meaning: "Lifetime of a message whose post does not set one.",
    show: seconds,
  },
  _default_message_delay: {
    field: "defaultMessageDelaySeconds",
    kind: "number",
    meaning: "Delay before a message can be claimed, when its post does not set one.",
    show: seconds,
  },
  _max_messages_post_size: {
    field: "maxMessagesPostBytes",
    kind: "number",
    meaning: "Most bytes of all bodies in one post.",
    show: (value) => `${Number(value).toLocaleString("en-US")} bytes`,
  },
  _max_claim_count: {
    field: "maxClaimCount",
    kind: "number",
    meaning: "After this many deliveries a message goes to the dead letter queue.",
    show: plain,
  },
  _dead_letter_queue: {
    field: "deadLetterQueue",
    kind: "text",
    meaning: "The queue of the same project that takes messages after too many deliveries. Create it yourself.",
    show: plain,
  },
  _dead_letter_queue_messages_ttl: {
    field: "deadLetterQueueMessagesTtlSeconds",
    kind: "number",
    meaning: "Lifetime of a message in the dead letter queue. None: it keeps its own.",
    show: seconds,
  },
  _retry_policy: {
    field: "retryPolicy",
    kind: "json",
    meaning: "How notifications are retried. Stored only: nothing is delivered to subscribers yet.",
    show: plain,
  },
  _flavor: {
    field: "flavor",
    kind: "flavor",
    meaning:
      "The pools that may hold the queue. A change moves the queue to a pool of the new flavor, with its messages, while clients use it.",
    show: plain,
  },
  _history_seconds: {
    field: "historySeconds",
    kind: "number",
    meaning:
      "How long the queue keeps what happens to each message, for the life that an open message shows. 0: not at all. Keeping it makes posts, claims and deletes of the queue slower.",
    show: seconds,
  },
  _stuck_seconds: {
    field: "stuckSeconds",
    kind: "number",
    meaning: "Messages wait and nothing is given out for so long: the queue is stuck. 0: never.",
    show: secondsOrNever,
  },
  _growing_percent: {
    field: "growingPercent",
    kind: "number",
    meaning: "The queue grew by so much, and in each of six minutes: a problem. 0: never.",
    show: percentOrNever,
  },
  _lapsing_percent: {
    field: "lapsingPercent",
    kind: "number",
    meaning: "More of the messages claimed in ten minutes came back by expiry: a problem. 0: never.",
    show: percentOrNever,
  },
  _consumer_gone_seconds: {
    field: "consumerGoneSeconds",
    kind: "number",
    meaning: "A consumer that called every few seconds is gone after so long a silence. 0: never.",
    show: secondsOrNever,
  },
  _dead_letters_arriving: {
    field: "deadLettersArriving",
    kind: "number",
    meaning: "So many messages became dead letters in ten minutes, and more than usual: a problem. 0: never.",
    show: countOrNever,
  },
  _metrics: {
    field: "metrics",
    kind: "boolean",
    meaning: "Whether the metrics for Prometheus name this queue. At most 100 queues may have it.",
    show: yesOrNo,
  },
  _enable_encrypt_messages: {
    field: "enableEncryptMessages",
    kind: "fixed",
    meaning: "Whether bodies are encrypted at rest. Not supported yet.",
    show: yesOrNo,
  },
} as const satisfies Record<string, Attribute>;

export type AttributeName = keyof typeof ATTRIBUTES;

/** A reserved attribute of a queue, to be changed. */
export interface EditedAttribute {
  project: string;
  queue: string;
  name: AttributeName;
  value: string | number | boolean | null;
}
