/** The reserved attributes of a queue's metadata: reading them, their defaults, and the rules for new ones. */
import {
  type Limits,
  MAX_DEAD_LETTERS,
  MAX_GONE_SECONDS,
  MAX_GROWING_PERCENT,
  MAX_STUCK_SECONDS,
  MIN_GONE_SECONDS,
} from "../../config.ts";
import { DomainError } from "../../errors.ts";
import { MAX_LIFE_SECONDS } from "../../storage/messages/message-life.ts";
import { objectMembers } from "./json-text.ts";
import { badInput, checkWhole } from "./limits.ts";
import { checkName, checkQueueName } from "./names.ts";

export interface RetryPolicy {
  retriesWithNoDelay?: number;
  minimumDelayRetries?: number;
  minimumDelaySeconds?: number;
  maximumDelaySeconds?: number;
  maximumDelayRetries?: number;
  retryBackoffFunction?: "linear" | "arithmetic" | "exponential" | "geometric";
  ignoreSubscriptionOverride?: boolean;
}

/** A queue's reserved attributes. Times are in seconds, sizes in bytes. Null: none. */
export interface ReservedAttributes {
  /** `_default_message_ttl` */
  defaultMessageTtlSeconds: number;
  /** `_default_message_delay` */
  defaultMessageDelaySeconds: number;
  /** `_max_messages_post_size` */
  maxMessagesPostBytes: number;
  /** `_max_claim_count`: deliveries before a message goes to the dead letter queue. No effect without such a queue. */
  maxClaimCount: number | null;
  /** `_dead_letter_queue`: a queue of the same project. */
  deadLetterQueue: string | null;
  /** `_dead_letter_queue_messages_ttl` */
  deadLetterQueueMessagesTtlSeconds: number | null;
  /** `_enable_encrypt_messages` */
  enableEncryptMessages: boolean;
  /** `_flavor` */
  flavor: string | null;
  /** `_retry_policy` */
  retryPolicy: RetryPolicy | null;
  /**
   * `_stuck_seconds`, `_growing_percent`, `_lapsing_percent`, `_consumer_gone_seconds`, `_dead_letters_arriving`: see
   * ProblemSettings. 0: never.
   */
  stuckSeconds: number;
  growingPercent: number;
  lapsingPercent: number;
  consumerGoneSeconds: number;
  deadLettersArriving: number;
  /** `_metrics`: the metrics for Prometheus name the queue. */
  metrics: boolean;
  /** `_history_seconds`: how long it keeps each event in the lives of its messages. 0: it keeps none. */
  historySeconds: number;
}

type AttributeField = keyof ReservedAttributes;

interface Attribute {
  field: AttributeField;
  /** The value, or undefined when the JSON text is of another type. */
  read(valueText: string): unknown;
  wants: string;
}

/**
 * The reserved keys. Every other key is the user's own. One that begins with an underscore is refused when a caller
 * asks for `strict` (see unknown-attributes.ts).
 */
const ATTRIBUTES: Record<string, Attribute> = {
  _default_message_ttl: { field: "defaultMessageTtlSeconds", read: readWhole, wants: "a whole number" },
  _default_message_delay: { field: "defaultMessageDelaySeconds", read: readWhole, wants: "a whole number" },
  _max_messages_post_size: { field: "maxMessagesPostBytes", read: readWhole, wants: "a whole number" },
  _max_claim_count: { field: "maxClaimCount", read: readWhole, wants: "a whole number" },
  _dead_letter_queue: { field: "deadLetterQueue", read: readText, wants: "the name of a queue" },
  _dead_letter_queue_messages_ttl: {
    field: "deadLetterQueueMessagesTtlSeconds",
    read: readWhole,
    wants: "a whole number",
  },
  _enable_encrypt_messages: { field: "enableEncryptMessages", read: readBoolean, wants: "true or false" },
  _flavor: { field: "flavor", read: readText, wants: "the name of a flavor" },
  _retry_policy: { field: "retryPolicy", read: readRetryPolicy, wants: "an object" },
  _stuck_seconds: { field: "stuckSeconds", read: readWhole, wants: "a whole number" },
  _growing_percent: { field: "growingPercent", read: readWhole, wants: "a whole number" },
  _lapsing_percent: { field: "lapsingPercent", read: readWhole, wants: "a whole number" },
  _consumer_gone_seconds: { field: "consumerGoneSeconds", read: readWhole, wants: "a whole number" },
  _dead_letters_arriving: { field: "deadLettersArriving", read: readWhole, wants: "a whole number" },
  _metrics: { field: "metrics", read: readBoolean, wants: "true or false" },
  _history_seconds: { field: "historySeconds", read: readWhole, wants: "a whole number" },
};

export const RESERVED_KEYS: readonly string[] = Object.keys(ATTRIBUTES);
/** The key of each attribute in the metadata. */
export const ATTRIBUTE_KEYS = Object.fromEntries(
  Object.entries(ATTRIBUTES).map(([key, { field }]) => [field, key]),
) as Readonly<Record<AttributeField, string>>;

/** The reserved keys of the attributes that are stored, such as `_max_claim_count`. */
export function storedKeys(stored: Partial<ReservedAttributes>): string[] {
  return RESERVED_KEYS.filter((key) => stored[(ATTRIBUTES[key] as Attribute).field] !== undefined);
}

export function isReserved(key: string): boolean {
  return Object.hasOwn(ATTRIBUTES, key);
}

/** The attributes that apply to a queue: the stored ones, or the defaults. No more than the limits allow now. */
export function effectiveAttributes(limits: Limits, stored: Partial<ReservedAttributes>): ReservedAttributes {
  return {
    defaultMessageTtlSeconds: Math.min(
      stored.defaultMessageTtlSeconds ?? limits.DEFAULT_MESSAGE_TTL,
      limits.MAX_MESSAGE_TTL,
    ),
    defaultMessageDelaySeconds: Math.min(
      stored.defaultMessageDelaySeconds ?? limits.DEFAULT_MESSAGE_DELAY,
      limits.MAX_MESSAGE_DELAY,
    ),
    maxMessagesPostBytes: Math.min(
      stored.maxMessagesPostBytes ?? limits.MAX_MESSAGES_POST_SIZE,
      limits.MAX_MESSAGES_POST_SIZE,
    ),
    maxClaimCount: stored.maxClaimCount ?? null,
    deadLetterQueue: stored.deadLetterQueue ?? null,
    deadLetterQueueMessagesTtlSeconds: stored.deadLetterQueueMessagesTtlSeconds ?? null,
    enableEncryptMessages: stored.enableEncryptMessages ?? false,
    flavor: stored.flavor ?? null,
    retryPolicy: stored.retryPolicy ?? null,
    stuckSeconds: stored.stuckSeconds ?? limits.STUCK_SECONDS,
    growingPercent: stored.growingPercent ?? limits.GROWING_PERCENT,
    lapsingPercent: stored.lapsingPercent ?? limits.LAPSING_PERCENT,
    consumerGoneSeconds: stored.consumerGoneSeconds ?? limits.CONSUMER_GONE_SECONDS,
    deadLettersArriving: stored.deadLettersArriving ?? limits.DEAD_LETTERS_ARRIVING,
    metrics: stored.metrics ?? false,
    historySeconds: Math.min(stored.historySeconds ?? 0, MAX_LIFE_SECONDS),
  };
}

/**
 * The reserved attributes among stored members. One of a wrong type counts as absent: a reader must not fail because of
 * what was written under other rules.
 */
export function readAttributes(members: ReadonlyMap<string, string>): Partial<ReservedAttributes> {
  const stored: Record<string, unknown> = {};
  for (const [key, attribute] of Object.entries(ATTRIBUTES)) {
    const valueText = members.get(key);
    const value = valueText === undefined ? undefined : attribute.read(valueText);
    if (value !== undefined) stored[attribute.field] = value;
  }
  return stored as Partial<ReservedAttributes>;
}

/**
 * Checks the reserved attributes of new metadata for the queue `name`, and returns them. Does not check that the flavor
 * exists. BAD_INPUT, NOT_SUPPORTED.
 */
export function checkAttributes(
  limits: Limits,
  name: string,
  members: ReadonlyMap<string, string>,
): Partial<ReservedAttributes> {
  for (const [key, attribute] of Object.entries(ATTRIBUTES)) {
    const valueText = members.get(key);
    if (valueText !== undefined && attribute.read(valueText) === undefined) {
      const leaveOut = valueText === "null" ? " Leave it out instead of null." : "";
      throw badInput(key, `${key} must be ${attribute.wants}.${leaveOut}`);
    }
  }
  const stored = readAttributes(members);
  const within = (key: string, value: number | null | undefined, minimum: number, maximum: number, unit: string) => {
    if (value !== undefined && value !== null) checkWhole(key, value, minimum, maximum, unit);
  };
  const { MIN_MESSAGE_TTL, MAX_MESSAGE_TTL, MAX_MESSAGE_DELAY, MAX_MESSAGES_POST_SIZE } = limits;
  within("_default_message_ttl", stored.defaultMessageTtlSeconds, MIN_MESSAGE_TTL, MAX_MESSAGE_TTL, "seconds");
  within("_default_message_delay", stored.defaultMessageDelaySeconds, 0, MAX_MESSAGE_DELAY, "seconds");
  within("_history_seconds", stored.historySeconds, 0, MAX_LIFE_SECONDS, "seconds");
  within("_max_messages_post_size", stored.maxMessagesPostBytes, 1, MAX_MESSAGES_POST_SIZE, "bytes");
  const { deadLetterQueueMessagesTtlSeconds, maxClaimCount } = stored;
  // Zaqar allows any number. With 0 or less such a queue delivers nothing, and no sign says why.
  if (typeof maxClaimCount === "number" && maxClaimCount < 1) {
    const message = `_max_claim_count must be 1 or more; it is ${maxClaimCount}.`;
    throw badInput("_max_claim_count", message, { value: maxClaimCount, minimum: 1 });
  }
  within(
    "_dead_letter_queue_messages_ttl",
    deadLetterQueueMessagesTtlSeconds,
    MIN_MESSAGE_TTL,
    MAX_MESSAGE_TTL,
    "seconds",
  );
  within("_stuck_seconds", stored.stuckSeconds, 0, MAX_STUCK_SECONDS, "seconds");
  within("_growing_percent", stored.growingPercent, 0, MAX_GROWING_PERCENT, "percent");
  within("_lapsing_percent", stored.lapsingPercent, 0, 100, "percent");
  // 0 is off. Consumers are recorded every ten seconds, so a shorter silence means nothing.
  if (stored.consumerGoneSeconds !== 0) {
    const { consumerGoneSeconds } = stored;
    within("_consumer_gone_seconds", consumerGoneSeconds, MIN_GONE_SECONDS, MAX_GONE_SECONDS, "seconds, or 0");
  }
  within("_dead_letters_arriving", stored.deadLettersArriving, 0, MAX_DEAD_LETTERS, "dead letters");
  if (stored.deadLetterQueue !== undefined) {
    checkQueueName(limits, stored.deadLetterQueue, "_dead_letter_queue");
    if (stored.deadLetterQueue === name) {
      throw badInput(
        "_dead_letter_queue",
        "_dead_letter_queue must be another queue: this one would get its own dead letters back.",
      );
    }
  }
  if (stored.flavor !== undefined) checkName("_flavor", stored.flavor);
  if (stored.enableEncryptMessages) {
    throw new DomainError(
      "NOT_SUPPORTED",
      "_enable_encrypt_messages: true is not supported yet. Leave it out, or encrypt bodies before posting.",
      {
        details: { field: "_enable_encrypt_messages" },
      },
    );
  }
  const policyText = members.get("_retry_policy");
  if (policyText !== undefined) checkRetryPolicy("_retry_policy", policyText);
  return stored;
}

const POLICY_NUMBERS = {
  retries_with_no_delay: "retriesWithNoDelay",
  minimum_delay_retries: "minimumDelayRetries",
  minimum_delay: "minimumDelaySeconds",
  maximum_delay: "maximumDelaySeconds",
  maximum_delay_retries: "maximumDelayRetries",
} as const;
/** The key of each part of a policy. */
export const POLICY_KEYS: Readonly<Record<keyof RetryPolicy, string>> = {
  ...(Object.fromEntries(Object.entries(POLICY_NUMBERS).map(([key, field]) => [field, key])) as Record<
    (typeof POLICY_NUMBERS)[keyof typeof POLICY_NUMBERS],
    string
  >),
  retryBackoffFunction: "retry_backoff_function",
  ignoreSubscriptionOverride: "ignore_subscription_override",
};
const BACKOFF_FUNCTIONS = ["linear", "arithmetic", "exponential", "geometric"] as const;
/** Defaults of a policy, in seconds. */
const MINIMUM_DELAY = 5;
const MAXIMUM_DELAY = 30;
const LEAST_DELAY_DIFFERENCE = 10;

/** Checks a retry policy's JSON text, of a queue or a subscription's options. Unknown keys are allowed. BAD_INPUT. */
export function checkRetryPolicy(field: string, policyText: string): void {
  if (!policyText.startsWith("{")) throw badInput(field, `${field} must be an object.`);
  const members = objectMembers(policyText);
  for (const key of Object.keys(POLICY_NUMBERS)) {
    const valueText = members.get(key);
    const value = valueText === undefined ? 0 : readWhole(valueText);
    if (value === undefined || value < 0)
      throw badInput(`${field}.${key}`, `${field}.${key} must be a whole number, 0 or more.`);
  }
  const backoff = members.get("retry_backoff_function");
  if (backoff !== undefined && !BACKOFF_FUNCTIONS.some((name) => name === readText(backoff))) {
    throw badInput(
      `${field}.retry_backoff_function`,
      `${field}.retry_backoff_function must be one of ${BACKOFF_FUNCTIONS.join(", ")}.`,
    );
  }
  const override = members.get("ignore_subscription_override");
  if (override !== undefined && readBoolean(override) === undefined) {
    throw badInput(
      `${field}.ignore_subscription_override`,
      `${field}.ignore_subscription_override must be true or false.`,
    );
  }
  const { minimumDelaySeconds = MINIMUM_DELAY, maximumDelaySeconds = MAXIMUM_DELAY } =
    readRetryPolicy(policyText) ?? {};
  if (maximumDelaySeconds - minimumDelaySeconds < LEAST_DELAY_DIFFERENCE) {
    throw badInput(
      field,
      `${field}: maximum_delay (${maximumDelaySeconds}) must be at least ${LEAST_DELAY_DIFFERENCE} ` +
        `more than minimum_delay (${minimumDelaySeconds}).`,
    );
  }
}

function readRetryPolicy(valueText: string): RetryPolicy | undefined {
  if (!valueText.startsWith("{")) return undefined;
  const members = objectMembers(valueText);
  const policy: RetryPolicy = {};
  for (const [key, field] of Object.entries(POLICY_NUMBERS)) {
    const value = readWhole(members.get(key) ?? "");
    if (value !== undefined) policy[field] = value;
  }
  const backoff = readText(members.get("retry_backoff_function") ?? "");
  const known = BACKOFF_FUNCTIONS.find((name) => name === backoff);
  if (known !== undefined) policy.retryBackoffFunction = known;
  const override = readBoolean(members.get("ignore_subscription_override") ?? "");
  if (override !== undefined) policy.ignoreSubscriptionOverride = override;
  return policy;
}

/** Only digits make an integer, as in Python: 60.0, 6e1 and true do not. */
function readWhole(valueText: string): number | undefined {
  if (!/^-?\d+$/.test(valueText)) return undefined;
  const value = Number(valueText);
  return Number.isSafeInteger(value) ? value : undefined;
}

function readText(valueText: string): string | undefined {
  return valueText.startsWith('"') ? (JSON.parse(valueText) as string) : undefined;
}

function readBoolean(valueText: string): boolean | undefined {
  return valueText === "true" ? true : valueText === "false" ? false : undefined;
}
