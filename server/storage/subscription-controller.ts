/** Part of the data plane's seam: who is to be told of a queue's messages. */
import type { Page, PageRequest } from "./list-pages.ts";
import type { QueueRef } from "./queue-ref.ts";

export interface Subscription {
  id: string;
  /** The queue's name. */
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
 * Scoped by project and queue name; no queue is needed, and they outlive it. Unique by project, queue and subscriber.
 */
export interface SubscriptionController {
  /** Oldest first; marker = id. */
  list(params: { queue: QueueRef; page: PageRequest }): Promise<Page<Subscription>>;
  /** SUBSCRIPTION_DOES_NOT_EXIST, also once expired. */
  get(params: { queue: QueueRef; id: string }): Promise<Subscription>;
  /** Null when the subscriber is subscribed to this queue already. */
  create(params: {
    queue: QueueRef;
    subscriber: string;
    ttlSeconds: number;
    optionsText: string;
  }): Promise<Subscription | null>;
  /** Changes what is given; a new ttl counts from now. SUBSCRIPTION_DOES_NOT_EXIST, SUBSCRIPTION_ALREADY_EXISTS. */
  update(params: {
    queue: QueueRef;
    id: string;
    subscriber?: string;
    ttlSeconds?: number;
    optionsText?: string;
  }): Promise<Subscription>;
  /** Silent when there is none. */
  delete(params: { queue: QueueRef; id: string }): Promise<void>;
  /** Removes all of a queue, and says how many. */
  deleteAll(params: { queue: QueueRef }): Promise<number>;
  exists(params: { queue: QueueRef; id: string }): Promise<boolean>;
  /** SUBSCRIPTION_DOES_NOT_EXIST. */
  confirm(params: { queue: QueueRef; id: string; confirmed: boolean }): Promise<Subscription>;
  /** SUBSCRIPTION_DOES_NOT_EXIST. */
  getWithSubscriber(params: { queue: QueueRef; subscriber: string }): Promise<Subscription>;
}
