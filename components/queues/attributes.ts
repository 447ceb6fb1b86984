export interface QueueAttributes {
  defaultMessageTtl: number;
  defaultMessageDelay: number;
  maxMessagesPostSize: number;
  maxClaimCount: number | null;
  deadLetterQueue: string | null;
  deadLetterQueueMessagesTtl: number | null;
  enableEncryptMessages: boolean;
  flavor: string | null;
  /** JSON text, as it was written. */
  retryPolicy: string | null;
}

interface Attribute {
  field: keyof QueueAttributes;
  kind: "number" | "text" | "flavor" | "json" | "fixed";
  meaning: string;
  show: (value: string | number | boolean) => string;
}

const seconds = (value: string | number | boolean) => `${value} s`;
const plain = (value: string | number | boolean) => String(value);

/** The attributes of a queue that mean something to the service, for people. */
export const ATTRIBUTES = {
  _default_message_ttl: {
    field: "defaultMessageTtl",
    kind: "number",
    meaning: "How long a message lives when its post does not say.",
    show: seconds,
  },
  _default_message_delay: {
    field: "defaultMessageDelay",
    kind: "number",
    meaning: "How long a new message cannot be claimed when its post does not say.",
    show: seconds,
  },
  _max_messages_post_size: {
    field: "maxMessagesPostSize",
    kind: "number",
    meaning: "Bytes of all bodies in one post, at most.",
    show: (value) => `${Number(value).toLocaleString("en-US")} bytes`,
  },
  _max_claim_count: {
    field: "maxClaimCount",
    kind: "number",
    meaning: "A message that was delivered this often goes to the dead letter queue instead of being delivered again.",
    show: plain,
  },
  _dead_letter_queue: {
    field: "deadLetterQueue",
    kind: "text",
    meaning: "A queue of the same project that takes what could not be worked off. It is not made by itself.",
    show: plain,
  },
  _dead_letter_queue_messages_ttl: {
    field: "deadLetterQueueMessagesTtl",
    kind: "number",
    meaning: "How long a message lives in the dead letter queue. None: it keeps its own end.",
    show: seconds,
  },
  _retry_policy: {
    field: "retryPolicy",
    kind: "json",
    meaning: "How a notification would be sent again. It is stored; nothing is delivered to subscribers yet.",
    show: plain,
  },
  _flavor: {
    field: "flavor",
    kind: "flavor",
    meaning:
      "Among which pools the queue lives. Another flavor moves the queue to one of its pools, with all that is in it, while it is used.",
    show: plain,
  },
  _enable_encrypt_messages: {
    field: "enableEncryptMessages",
    kind: "fixed",
    meaning: "Whether bodies are encrypted at rest. Not supported yet.",
    show: (value) => (value ? "yes" : "no"),
  },
} as const satisfies Record<string, Attribute>;

export type AttributeName = keyof typeof ATTRIBUTES;
