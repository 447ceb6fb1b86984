import { type Access, requireRole } from "../access/access.ts";
import { DomainError, hasCode } from "../errors.ts";
import { emptyPage, type Page } from "../storage/list-pages.ts";
import type { QueueRef } from "../storage/queue-ref.ts";
import type { Subscription } from "../storage/subscription-controller.ts";
import type { OperationContext } from "./context.ts";
import type { PageParams, QueueAddress } from "./input/addresses.ts";
import { checkObjectText } from "./input/json-text.ts";
import { badInput, checkTextSize, checkWhole, isStorable, pageRequest } from "./input/limits.ts";
import { checkToken, chosenQueue } from "./input/names.ts";
import { checkRetryPolicy } from "./input/queue-attributes.ts";
import { readMetadata } from "./input/queue-metadata.ts";
import type { QueueLifecycle } from "./lifecycle/queue-lifecycle.ts";
import { attributesUnlessMissing, orIfMissing, type QueueLookup } from "./lifecycle/queue-lookup.ts";

/**
 * A subscription and its project; its queue is `source`. The subscriber's password is masked: only deliveries need it.
 */
export interface SubscriptionRecord extends Subscription {
  project: string;
}

export interface SubscriptionFields {
  /** An http, https, mailto, trust+http or trust+https URI. */
  subscriber?: string | null;
  ttlSeconds?: number | null;
  /** JSON text of an object. A `_retry_policy` in it follows the same rules as a queue's. */
  optionsText?: string | null;
}

/**
 * Reading needs the role viewer, changing operator. Subscriptions outlive their queue: all but `create` work without
 * it.
 */
export interface SubscriptionOperations {
  /** The queue's subscriptions, oldest first. */
  list(access: Access, params: QueueAddress & PageParams): Promise<Page<SubscriptionRecord>>;
  /** The subscription. SUBSCRIPTION_DOES_NOT_EXIST, also once it has expired. */
  get(access: Access, params: QueueAddress & { id: string }): Promise<SubscriptionRecord>;
  /** True when the queue has this subscription, and it has not expired. */
  exists(access: Access, params: QueueAddress & { id: string }): Promise<boolean>;
  /** The queue's subscription with this subscriber. SUBSCRIPTION_DOES_NOT_EXIST. */
  getWithSubscriber(access: Access, params: QueueAddress & { subscriber: string }): Promise<SubscriptionRecord>;
  /**
   * Creates a subscription. If the subscriber has one that is not confirmed yet, returns that unchanged, with `created`
   * false; a confirmed one is SUBSCRIPTION_ALREADY_EXISTS (details `id`). Of two calls at once, one gets `created`
   * true. QUEUE_DOES_NOT_EXIST unless `createQueue`, BAD_INPUT, TOO_LARGE.
   *
   * With an `idempotencyKey`, a repeat within a day returns the subscription that the first call created, as it is now.
   * SUBSCRIPTION_DOES_NOT_EXIST when it is gone by then: it is not created again. IDEMPOTENCY_KEY_REUSED.
   */
  create(
    access: Access,
    params: QueueAddress &
      SubscriptionFields & { subscriber: string; createQueue?: boolean; idempotencyKey?: string | null },
  ): Promise<{ subscription: SubscriptionRecord; created: boolean }>;
  /**
   * Changes what is given; BAD_INPUT when nothing is. A new ttl counts from now. SUBSCRIPTION_DOES_NOT_EXIST,
   * SUBSCRIPTION_ALREADY_EXISTS when another subscription of the queue has the new subscriber.
   */
  update(access: Access, params: QueueAddress & SubscriptionFields & { id: string }): Promise<SubscriptionRecord>;
  /** `deleted` is 0 when there was no such subscription. */
  delete(access: Access, params: QueueAddress & { id: string }): Promise<{ deleted: number }>;
  /** Sets whether it is confirmed, by default true. SUBSCRIPTION_DOES_NOT_EXIST. */
  confirm(access: Access, params: QueueAddress & { id: string; confirmed?: boolean }): Promise<SubscriptionRecord>;
}

const SUBSCRIBER_SCHEMES = ["http", "https", "mailto", "trust+http", "trust+https"];
const MAX_SUBSCRIBER_LENGTH = 2048;
/** No subscription expires later than in the year 9999. */
const LAST_MOMENT_MS = Date.UTC(9999, 11, 31);

export function createSubscriptionOperations(
  context: OperationContext,
  parts: { lookup: QueueLookup; lifecycle: QueueLifecycle },
): SubscriptionOperations {
  const { data, limits } = context;
  const { lookup, lifecycle } = parts;

  function chosen(access: Access, role: "viewer" | "operator", address: QueueAddress): QueueRef {
    requireRole(access, role);
    return chosenQueue(limits, access, address);
  }

  function checked({ subscriber, ttlSeconds, optionsText }: SubscriptionFields): SubscriptionChanges {
    return {
      ...(given(subscriber) ? { subscriber: checkSubscriber(subscriber) } : {}),
      ...(given(ttlSeconds) ? { ttlSeconds: checkTtl(ttlSeconds) } : {}),
      ...(given(optionsText) ? { optionsText: checkOptions(optionsText) } : {}),
    };
  }

  function checkTtl(ttlSeconds: number): number {
    const maximum = Math.floor((LAST_MOMENT_MS - Date.now()) / 1000);
    return checkWhole("ttlSeconds", ttlSeconds, limits.MIN_SUBSCRIPTION_TTL, maximum, "seconds");
  }

  function checkOptions(optionsText: string): string {
    checkTextSize("options", optionsText, limits.MAX_QUEUE_METADATA);
    const members = checkObjectText("options", optionsText, limits.MAX_JSON_DEPTH);
    const policyText = members.get("_retry_policy");
    if (policyText !== undefined) checkRetryPolicy("options._retry_policy", policyText);
    return optionsText;
  }

  return {
    async list(access, params) {
      const queue = chosen(access, "viewer", params);
      const page = pageRequest(limits, params.page);
      const found = await orIfMissing(
        () => data.subscriptions.list({ queue, page }),
        () => emptyPage(),
      );
      return { ...found, items: found.items.map((subscription) => toRecord(queue, subscription)) };
    },

    async get(access, params) {
      const queue = chosen(access, "viewer", params);
      return toRecord(queue, await orMissing(() => data.subscriptions.get({ queue, id: params.id })));
    },

    async exists(access, params) {
      const queue = chosen(access, "viewer", params);
      return orIfMissing(
        () => data.subscriptions.exists({ queue, id: params.id }),
        () => false,
      );
    },

    async getWithSubscriber(access, params) {
      const queue = chosen(access, "viewer", params);
      const { subscriber } = params;
      return toRecord(queue, await orMissing(() => data.subscriptions.getWithSubscriber({ queue, subscriber })));
    },

    async create(access, params) {
      const queue = chosen(access, "operator", params);
      const subscriber = checkSubscriber(params.subscriber);
      const fields = { ttlSeconds: limits.DEFAULT_SUBSCRIPTION_TTL, optionsText: "{}", ...checked(params), subscriber };
      const idempotencyKey = checkToken("idempotencyKey", params.idempotencyKey);
      const once = idempotencyKey === null ? {} : { idempotencyKey };
      const attributes = await attributesUnlessMissing(lookup, queue, params.createQueue === true);
      if (attributes === null) await lifecycle.create(access, queue, readMetadata(limits, "{}"));
      // The existing subscription may expire between the two calls. Then this one can be created.
      for (let attempt = 1; ; attempt += 1) {
        const added = await data.subscriptions.create({ queue, ...fields, ...once });
        if (added !== null) return { subscription: toRecord(queue, added), created: true };
        try {
          const existing = await data.subscriptions.getWithSubscriber({ queue, subscriber });
          if (!existing.confirmed) return { subscription: toRecord(queue, existing), created: false };
          throw new DomainError(
            "SUBSCRIPTION_ALREADY_EXISTS",
            "This subscriber is subscribed to this queue already. Change that subscription.",
            { details: { subscriptionId: existing.id } },
          );
        } catch (error) {
          if (attempt === 3 || !hasCode(error, "SUBSCRIPTION_DOES_NOT_EXIST")) throw error;
        }
      }
    },

    async update(access, params) {
      const queue = chosen(access, "operator", params);
      const changes = checked(params);
      if (Object.keys(changes).length === 0) {
        throw badInput("subscriber", "Give at least one of subscriber, ttlSeconds and options to change.");
      }
      return toRecord(queue, await orMissing(() => data.subscriptions.update({ queue, id: params.id, ...changes })));
    },

    async delete(access, params) {
      const queue = chosen(access, "operator", params);
      const deleted = await orIfMissing(
        () => data.subscriptions.delete({ queue, id: params.id }),
        () => false,
      );
      return { deleted: deleted ? 1 : 0 };
    },

    async confirm(access, params) {
      const queue = chosen(access, "operator", params);
      const { id, confirmed = true } = params;
      return toRecord(queue, await orMissing(() => data.subscriptions.confirm({ queue, id, confirmed })));
    },
  };
}

type SubscriptionChanges = { subscriber?: string; ttlSeconds?: number; optionsText?: string };

function given<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined;
}

/** Checks only the form. Whether anything answers at the URI is known only when something is sent there. */
function checkSubscriber(subscriber: unknown): string {
  const scheme = typeof subscriber === "string" ? /^([a-z+]+):./i.exec(subscriber)?.[1]?.toLowerCase() : undefined;
  if (!isStorable(subscriber) || scheme === undefined || !SUBSCRIBER_SCHEMES.includes(scheme)) {
    throw badInput(
      "subscriber",
      `subscriber must be a URI that begins with one of ${SUBSCRIBER_SCHEMES.join(":, ")}:.`,
    );
  }
  if (subscriber.length > MAX_SUBSCRIBER_LENGTH) {
    throw badInput("subscriber", `subscriber may have at most ${MAX_SUBSCRIBER_LENGTH} characters.`, {
      value: subscriber.length,
      maximum: MAX_SUBSCRIBER_LENGTH,
    });
  }
  if (/[\s\p{Cc}]/u.test(subscriber) || (scheme !== "mailto" && !URL.canParse(subscriber.replace(/^trust\+/i, "")))) {
    throw badInput("subscriber", "subscriber is not a valid URI.");
  }
  if (AUTHORITY.exec(subscriber)?.[2]?.endsWith(":***")) {
    throw badInput(
      "subscriber",
      "subscriber has a masked password, as answers show it. Give it with the password itself.",
    );
  }
  return subscriber;
}

/** Runs `work`. Where the driver knows no such queue, there is no such subscription: SUBSCRIPTION_DOES_NOT_EXIST. */
function orMissing<T>(work: () => Promise<T>): Promise<T> {
  return orIfMissing(work, () => {
    throw new DomainError("SUBSCRIPTION_DOES_NOT_EXIST", "This subscription does not exist, or has expired.");
  });
}

export function toRecord(queue: QueueRef, subscription: Subscription): SubscriptionRecord {
  return Object.assign(subscription, { project: queue.project, subscriber: maskedSubscriber(subscription.subscriber) });
}

/** Scheme, user and password, as browsers read a URL: after any number of slashes or backslashes. */
const AUTHORITY = /^((?:trust\+)?https?:[/\\]*)([^/\\?#]*)@/i;

function maskedSubscriber(subscriber: string): string {
  return subscriber.replace(AUTHORITY, (_, scheme: string, who: string) => `${scheme}${who.replace(/:.+$/, ":***")}@`);
}
