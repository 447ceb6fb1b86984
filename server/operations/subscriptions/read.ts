import type { Access } from "../../access/access.ts";
import { DomainError } from "../../errors.ts";
import { emptyPage, type Page } from "../../storage/list-pages.ts";
import type { OperationContext } from "../context.ts";
import type { PageParams, QueueAddress } from "../input/addresses.ts";
import { pageRequest } from "../input/limits.ts";
import { chosenQueue } from "../input/names.ts";
import { orIfMissing } from "../lifecycle/queue-lookup.ts";
import { type SubscriptionRecord, toRecord } from "./record.ts";

/** Permission read. */
export interface SubscriptionReads {
  /** The queue's subscriptions, oldest first. */
  list(access: Access, params: QueueAddress & PageParams): Promise<Page<SubscriptionRecord>>;
  /** The subscription. SUBSCRIPTION_DOES_NOT_EXIST, also once it has expired. */
  get(access: Access, params: QueueAddress & { id: string }): Promise<SubscriptionRecord>;
  /** True when the queue has this subscription, and it has not expired. */
  exists(access: Access, params: QueueAddress & { id: string }): Promise<boolean>;
  /** The queue's subscription with this subscriber. SUBSCRIPTION_DOES_NOT_EXIST. */
  getWithSubscriber(access: Access, params: QueueAddress & { subscriber: string }): Promise<SubscriptionRecord>;
}

export function createSubscriptionReads({ data, limits }: OperationContext): SubscriptionReads {
  return {
    async list(access, params) {
      const queue = chosenQueue(limits, access, "read", params);
      const page = pageRequest(limits, params.page);
      const found = await orIfMissing(
        () => data.subscriptions.list({ queue, page }),
        () => emptyPage(),
      );
      return { ...found, items: found.items.map((subscription) => toRecord(queue, subscription)) };
    },

    async get(access, params) {
      const queue = chosenQueue(limits, access, "read", params);
      return toRecord(queue, await orMissing(() => data.subscriptions.get({ queue, id: params.id })));
    },

    async exists(access, params) {
      const queue = chosenQueue(limits, access, "read", params);
      return orIfMissing(
        () => data.subscriptions.exists({ queue, id: params.id }),
        () => false,
      );
    },

    async getWithSubscriber(access, params) {
      const queue = chosenQueue(limits, access, "read", params);
      const { subscriber } = params;
      return toRecord(queue, await orMissing(() => data.subscriptions.getWithSubscriber({ queue, subscriber })));
    },
  };
}

/** Runs `work`. Where the driver knows no such queue, there is no such subscription: SUBSCRIPTION_DOES_NOT_EXIST. */
export function orMissing<T>(work: () => Promise<T>): Promise<T> {
  return orIfMissing(work, () => {
    throw new DomainError("SUBSCRIPTION_DOES_NOT_EXIST", "This subscription does not exist, or has expired.");
  });
}
