/** Part of the data plane's seam: a queue's subscriptions, which say who is to be notified of its messages. */
import type { Page, PageRequest } from "./list-pages.ts";
import type { QueueRef } from "./queue-ref.ts";

export interface Subscription {
  id: string;
  /** The name of the queue. */
  source: string;
  subscriber: string;
  ttlSeconds: number;
  ageSeconds: number;
  createdAt: Date;
  expiresAt: Date;
  /** JSON text of an object. */
  optionsText: string;
  confirmed: boolean;
}

/**
 * Subscriptions belong to a project and a queue's name, and are unique by these and the subscriber. The queue need not
 * exist, and they outlive it.
 */
export interface SubscriptionController {
  /** Oldest first; marker = id. */
  list(params: { queue: QueueRef; page: PageRequest }): Promise<Page<Subscription>>;
  /** SUBSCRIPTION_DOES_NOT_EXIST, also for an expired one. */
  get(params: { queue: QueueRef; id: string }): Promise<Subscription>;
  /**
   * Returns null when the subscriber has a subscription to this queue already.
   *
   * With an idempotencyKey, a repeat within a day returns the subscription that the first call created, as it is now;
   * SUBSCRIPTION_DOES_NOT_EXIST when it is gone. It needs a queue that lives here. A call that created nothing keeps
   * nothing. QUEUE_DOES_NOT_EXIST, IDEMPOTENCY_KEY_REUSED.
   */
  create(params: {
    queue: QueueRef;
    subscriber: string;
    ttlSeconds: number;
    optionsText: string;
    idempotencyKey?: string;
  }): Promise<Subscription | null>;
  /**
   * Changes the given fields. A new ttl counts from now. SUBSCRIPTION_DOES_NOT_EXIST, or SUBSCRIPTION_ALREADY_EXISTS
   * when the new subscriber has another one.
   */
  update(params: {
    queue: QueueRef;
    id: string;
    subscriber?: string;
    ttlSeconds?: number;
    optionsText?: string;
  }): Promise<Subscription>;
  /** Returns whether there was one that had not expired. */
  delete(params: { queue: QueueRef; id: string }): Promise<boolean>;
  /** Deletes all subscriptions of a queue. Returns how many. */
  deleteAll(params: { queue: QueueRef }): Promise<number>;
  exists(params: { queue: QueueRef; id: string }): Promise<boolean>;
  /** SUBSCRIPTION_DOES_NOT_EXIST. */
  confirm(params: { queue: QueueRef; id: string; confirmed: boolean }): Promise<Subscription>;
  /** SUBSCRIPTION_DOES_NOT_EXIST. */
  getWithSubscriber(params: { queue: QueueRef; subscriber: string }): Promise<Subscription>;
}
