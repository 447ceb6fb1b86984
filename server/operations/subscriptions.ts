import type { Access } from "../access/access.ts";
import type { Page, Subscription } from "../storage/data-driver.ts";
import type { PageParams, QueueAddress } from "./addresses.ts";

/** A subscription and its project; its queue is `source`. */
export interface SubscriptionRecord extends Subscription {
  project: string;
}

export interface SubscriptionFields {
  /** An http, https, mailto, trust+http or trust+https URI. */
  subscriber?: string | null;
  ttlSeconds?: number | null;
  /** JSON text of an object; `_retry_policy` in it follows the rules of a queue's. */
  optionsText?: string | null;
}

/** Reading needs the role viewer, changing operator. Subscriptions outlive their queue. */
export interface SubscriptionOperations {
  /** Oldest first. */
  list(access: Access, params: QueueAddress & PageParams): Promise<Page<SubscriptionRecord>>;
  /** SUBSCRIPTION_DOES_NOT_EXIST, also once expired. */
  get(access: Access, params: QueueAddress & { id: string }): Promise<SubscriptionRecord>;
  exists(access: Access, params: QueueAddress & { id: string }): Promise<boolean>;
  /** SUBSCRIPTION_DOES_NOT_EXIST. */
  getWithSubscriber(access: Access, params: QueueAddress & { subscriber: string }): Promise<SubscriptionRecord>;
  /**
   * Subscribes. One that is there and not yet confirmed is given as it is, with created false; a confirmed one is SUBSCRIPTION_ALREADY_EXISTS
   * (details.id). QUEUE_DOES_NOT_EXIST unless `createQueue`, BAD_INPUT.
   */
  create(
    access: Access,
    params: QueueAddress & SubscriptionFields & { subscriber: string; createQueue?: boolean },
  ): Promise<{ subscription: SubscriptionRecord; created: boolean }>;
  /** Changes what is given; a new ttl counts from now. Nothing given is BAD_INPUT. SUBSCRIPTION_DOES_NOT_EXIST, SUBSCRIPTION_ALREADY_EXISTS. */
  update(access: Access, params: QueueAddress & SubscriptionFields & { id: string }): Promise<SubscriptionRecord>;
  /** Silent when there is none. */
  delete(access: Access, params: QueueAddress & { id: string }): Promise<void>;
  /** SUBSCRIPTION_DOES_NOT_EXIST. */
  confirm(access: Access, params: QueueAddress & { id: string; confirmed?: boolean }): Promise<SubscriptionRecord>;
}
