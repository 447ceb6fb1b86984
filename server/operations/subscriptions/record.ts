import type { QueueRef } from "../../storage/queue-ref.ts";
import type { Subscription } from "../../storage/subscription-controller.ts";

/**
 * A subscription and its project; its queue is `source`. The subscriber's password is masked: only deliveries need it.
 */
export interface SubscriptionRecord extends Subscription {
  project: string;
}

export function toRecord(queue: QueueRef, subscription: Subscription): SubscriptionRecord {
  return Object.assign(subscription, { project: queue.project, subscriber: maskedSubscriber(subscription.subscriber) });
}

/** Scheme, user and password, as browsers read a URL: after any number of slashes or backslashes. */
const AUTHORITY = /^((?:trust\+)?https?:[/\\]*)([^/\\?#]*)@/i;

function maskedSubscriber(subscriber: string): string {
  return subscriber.replace(AUTHORITY, (_, scheme: string, who: string) => `${scheme}${who.replace(/:.+$/, ":***")}@`);
}

/** True for a URI whose password is masked, as records show it. */
export function hasMaskedPassword(subscriber: string): boolean {
  return AUTHORITY.exec(subscriber)?.[2]?.endsWith(":***") === true;
}
