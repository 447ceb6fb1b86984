/** The reserved attributes of a queue: as they are read, and as they are written. */
import type { ReservedAttributes, RetryPolicy } from "../operations/input/queue-attributes.ts";
import { builder } from "./schema/builder.ts";

const BackoffType = builder.enumType("RetryBackoffFunction", {
  description: "How the pause between two attempts grows.",
  values: {
    LINEAR: { value: "linear", description: "By the same amount each time." },
    ARITHMETIC: { value: "arithmetic", description: "By an amount that grows each time." },
    EXPONENTIAL: { value: "exponential", description: "By powers of two." },
    GEOMETRIC: { value: "geometric", description: "By a constant factor." },
  } as const,
});

const POLICY = {
  retriesWithNoDelay: { description: "Attempts without a pause." },
  minimumDelayRetries: { description: "Attempts after the minimum delay." },
  minimumDelaySeconds: { description: "Shortest pause, in seconds." },
  maximumDelaySeconds: { description: "Longest pause, in seconds." },
  maximumDelayRetries: { description: "Attempts after the maximum delay." },
  retryBackoffFunction: { description: "How the pause grows in between." },
  ignoreSubscriptionOverride: { description: "True: the policy of a subscription is ignored." },
} as const;

const RetryPolicyType = builder.objectRef<RetryPolicy>("RetryPolicy").implement({
  description: "How notifications would be retried. It is stored, but nothing is delivered yet. Null: the default.",
  fields: (t) => ({
    retriesWithNoDelay: t.expose("retriesWithNoDelay", {
      type: "SafeInt",
      nullable: true,
      ...POLICY.retriesWithNoDelay,
    }),
    minimumDelayRetries: t.expose("minimumDelayRetries", {
      type: "SafeInt",
      nullable: true,
      ...POLICY.minimumDelayRetries,
    }),
    minimumDelaySeconds: t.expose("minimumDelaySeconds", {
      type: "SafeInt",
      nullable: true,
      ...POLICY.minimumDelaySeconds,
    }),
    maximumDelaySeconds: t.expose("maximumDelaySeconds", {
      type: "SafeInt",
      nullable: true,
      ...POLICY.maximumDelaySeconds,
    }),
    maximumDelayRetries: t.expose("maximumDelayRetries", {
      type: "SafeInt",
      nullable: true,
      ...POLICY.maximumDelayRetries,
    }),
    retryBackoffFunction: t.expose("retryBackoffFunction", {
      type: BackoffType,
      nullable: true,
      ...POLICY.retryBackoffFunction,
    }),
    ignoreSubscriptionOverride: t.expose("ignoreSubscriptionOverride", {
      type: "Boolean",
      nullable: true,
      ...POLICY.ignoreSubscriptionOverride,
    }),
  }),
});

const RetryPolicyInput = builder.inputType("RetryPolicyInput", {
  description: "How notifications are to be retried. What is left out gets its default.",
  fields: (t) => ({
    retriesWithNoDelay: t.field({ type: "SafeInt", ...POLICY.retriesWithNoDelay }),
    minimumDelayRetries: t.field({ type: "SafeInt", ...POLICY.minimumDelayRetries }),
    minimumDelaySeconds: t.field({ type: "SafeInt", ...POLICY.minimumDelaySeconds }),
    maximumDelaySeconds: t.field({ type: "SafeInt", ...POLICY.maximumDelaySeconds }),
    maximumDelayRetries: t.field({ type: "SafeInt", ...POLICY.maximumDelayRetries }),
    retryBackoffFunction: t.field({ type: BackoffType, ...POLICY.retryBackoffFunction }),
    ignoreSubscriptionOverride: t.field({ type: "Boolean", ...POLICY.ignoreSubscriptionOverride }),
  }),
});

const ATTRIBUTES = {
  defaultMessageTtlSeconds: {
    description: "`_default_message_ttl`: seconds that a message lives if its post does not set it.",
  },
  defaultMessageDelaySeconds: {
    description: "`_default_message_delay`: seconds before a message can be claimed if its post does not set it.",
  },
  maxMessagesPostBytes: { description: "`_max_messages_post_size`: bytes of body text in one post." },
  maxClaimCount: {
    description:
      "`_max_claim_count`: deliveries before a message goes to the dead letter queue, 1 or more. It has an effect only together with one.",
  },
  deadLetterQueue: {
    description: "`_dead_letter_queue`: a queue of the same project. It is not created automatically.",
  },
  deadLetterQueueMessagesTtlSeconds: {
    description:
      "`_dead_letter_queue_messages_ttl`: seconds that a message lives there. Null: it expires when it would have expired.",
  },
  enableEncryptMessages: { description: "`_enable_encrypt_messages`. Always false so far." },
  flavor: { description: "`_flavor`: which pools the queue is placed among." },
  retryPolicy: { description: "`_retry_policy`: for notifications, of which none is delivered yet." },
  historySeconds: {
    description:
      "`_history_seconds`: how long the queue keeps each event in the lives of its messages, for `Message.life`. 0, the default: it keeps none, and its calls cost nothing more.",
  },
  stuckSeconds: {
    description:
      "`_stuck_seconds`: it is a problem when messages are ready and nothing was given out for so long. 0: never.",
  },
  growingPercent: {
    description: "`_growing_percent`: it is a problem when it grew so much, and in each of six minutes. 0: never.",
  },
  lapsingPercent: {
    description:
      "`_lapsing_percent`: it is a problem when more of the messages claimed in ten minutes came back by expiry. 0: never.",
  },
  consumerGoneSeconds: {
    description:
      "`_consumer_gone_seconds`: a consumer that called every few seconds is gone after so long a silence: 30 or more. 0: never.",
  },
  deadLettersArriving: {
    description:
      "`_dead_letters_arriving`: it is a problem when so many messages became dead letters in ten minutes, and three times as many as usual. 0: never.",
  },
  metrics: {
    description:
      "`_metrics`: whether `/api/metrics` has series of this queue. At most `limits.maxQueuesWithMetrics` queues may ask for it.",
  },
} as const;

export const QueueAttributesType = builder.objectRef<ReservedAttributes>("QueueAttributes").implement({
  description: "The effective reserved attributes of a queue: the stored value, or else the default.",
  fields: (t) => ({
    defaultMessageTtlSeconds: t.expose("defaultMessageTtlSeconds", {
      type: "SafeInt",
      ...ATTRIBUTES.defaultMessageTtlSeconds,
    }),
    defaultMessageDelaySeconds: t.expose("defaultMessageDelaySeconds", {
      type: "SafeInt",
      ...ATTRIBUTES.defaultMessageDelaySeconds,
    }),
    maxMessagesPostBytes: t.expose("maxMessagesPostBytes", { type: "SafeInt", ...ATTRIBUTES.maxMessagesPostBytes }),
    maxClaimCount: t.expose("maxClaimCount", { type: "SafeInt", nullable: true, ...ATTRIBUTES.maxClaimCount }),
    deadLetterQueue: t.expose("deadLetterQueue", { type: "String", nullable: true, ...ATTRIBUTES.deadLetterQueue }),
    deadLetterQueueMessagesTtlSeconds: t.expose("deadLetterQueueMessagesTtlSeconds", {
      type: "SafeInt",
      nullable: true,
      ...ATTRIBUTES.deadLetterQueueMessagesTtlSeconds,
    }),
    enableEncryptMessages: t.expose("enableEncryptMessages", { type: "Boolean", ...ATTRIBUTES.enableEncryptMessages }),
    flavor: t.expose("flavor", { type: "String", nullable: true, ...ATTRIBUTES.flavor }),
    retryPolicy: t.expose("retryPolicy", { type: RetryPolicyType, nullable: true, ...ATTRIBUTES.retryPolicy }),
    historySeconds: t.expose("historySeconds", { type: "SafeInt", ...ATTRIBUTES.historySeconds }),
    stuckSeconds: t.expose("stuckSeconds", { type: "SafeInt", ...ATTRIBUTES.stuckSeconds }),
    growingPercent: t.expose("growingPercent", { type: "SafeInt", ...ATTRIBUTES.growingPercent }),
    lapsingPercent: t.expose("lapsingPercent", { type: "SafeInt", ...ATTRIBUTES.lapsingPercent }),
    consumerGoneSeconds: t.expose("consumerGoneSeconds", { type: "SafeInt", ...ATTRIBUTES.consumerGoneSeconds }),
    deadLettersArriving: t.expose("deadLettersArriving", { type: "SafeInt", ...ATTRIBUTES.deadLettersArriving }),
    metrics: t.expose("metrics", { type: "Boolean", ...ATTRIBUTES.metrics }),
  }),
});

export const QueueAttributesInput = builder.inputType("QueueAttributesInput", {
  description: "Reserved attributes to change. What is left out stays; null resets an attribute to its default.",
  fields: (t) => ({
    defaultMessageTtlSeconds: t.field({ type: "SafeInt", ...ATTRIBUTES.defaultMessageTtlSeconds }),
    defaultMessageDelaySeconds: t.field({ type: "SafeInt", ...ATTRIBUTES.defaultMessageDelaySeconds }),
    maxMessagesPostBytes: t.field({ type: "SafeInt", ...ATTRIBUTES.maxMessagesPostBytes }),
    maxClaimCount: t.field({ type: "SafeInt", ...ATTRIBUTES.maxClaimCount }),
    deadLetterQueue: t.field({ type: "String", ...ATTRIBUTES.deadLetterQueue }),
    deadLetterQueueMessagesTtlSeconds: t.field({ type: "SafeInt", ...ATTRIBUTES.deadLetterQueueMessagesTtlSeconds }),
    enableEncryptMessages: t.field({ type: "Boolean", ...ATTRIBUTES.enableEncryptMessages }),
    flavor: t.field({ type: "String", ...ATTRIBUTES.flavor }),
    retryPolicy: t.field({ type: RetryPolicyInput, ...ATTRIBUTES.retryPolicy }),
    historySeconds: t.field({ type: "SafeInt", ...ATTRIBUTES.historySeconds }),
    stuckSeconds: t.field({ type: "SafeInt", ...ATTRIBUTES.stuckSeconds }),
    growingPercent: t.field({ type: "SafeInt", ...ATTRIBUTES.growingPercent }),
    lapsingPercent: t.field({ type: "SafeInt", ...ATTRIBUTES.lapsingPercent }),
    consumerGoneSeconds: t.field({ type: "SafeInt", ...ATTRIBUTES.consumerGoneSeconds }),
    deadLettersArriving: t.field({ type: "SafeInt", ...ATTRIBUTES.deadLettersArriving }),
    metrics: t.field({ type: "Boolean", ...ATTRIBUTES.metrics }),
  }),
});
