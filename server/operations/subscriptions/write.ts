import type { Access } from "../../access/access.ts";
import { DomainError, hasCode } from "../../errors.ts";
import type { OperationContext } from "../context.ts";
import type { QueueAddress } from "../input/addresses.ts";
import { badInput } from "../input/limits.ts";
import { checkToken, chosenQueue } from "../input/names.ts";
import { readMetadata } from "../input/queue-metadata.ts";
import type { QueueLifecycle } from "../lifecycle/queue-lifecycle.ts";
import { attributesUnlessMissing, orIfMissing, type QueueLookup } from "../lifecycle/queue-lookup.ts";
import { checkFields, checkSubscriber, type SubscriptionFields } from "./input.ts";
import { orMissing } from "./read.ts";
import { type SubscriptionRecord, toRecord } from "./record.ts";

/** Permission operate. */
export interface SubscriptionWrites {
  /**
   * Creates a subscription. If the subscriber has one that is not confirmed yet, returns that unchanged, with `created`
   * false; a confirmed one is SUBSCRIPTION_ALREADY_EXISTS (details `subscriptionId`). Of two calls at once, one gets
   * `created` true. QUEUE_DOES_NOT_EXIST unless `createQueue`, BAD_INPUT, TOO_LARGE.
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

export function createSubscriptionWrites(
  context: OperationContext,
  { lookup, lifecycle }: { lookup: QueueLookup; lifecycle: QueueLifecycle },
): SubscriptionWrites {
  const { data, limits } = context;
  return {
    async create(access, params) {
      const queue = chosenQueue(limits, access, "operate", params);
      const subscriber = checkSubscriber(params.subscriber);
      const fields = {
        ttlSeconds: limits.DEFAULT_SUBSCRIPTION_TTL,
        optionsText: "{}",
        ...checkFields(limits, params),
        subscriber,
      };
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
      const queue = chosenQueue(limits, access, "operate", params);
      const changes = checkFields(limits, params);
      if (Object.keys(changes).length === 0) {
        throw badInput("subscriber", "Give at least one of subscriber, ttlSeconds and options to change.");
      }
      return toRecord(queue, await orMissing(() => data.subscriptions.update({ queue, id: params.id, ...changes })));
    },

    async delete(access, params) {
      const queue = chosenQueue(limits, access, "operate", params);
      const deleted = await orIfMissing(
        () => data.subscriptions.delete({ queue, id: params.id }),
        () => false,
      );
      return { deleted: deleted ? 1 : 0 };
    },

    async confirm(access, params) {
      const queue = chosenQueue(limits, access, "operate", params);
      const { id, confirmed = true } = params;
      return toRecord(queue, await orMissing(() => data.subscriptions.confirm({ queue, id, confirmed })));
    },
  };
}
