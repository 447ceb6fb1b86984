/** Errors of subscriptions, the same for every driver. */
import { DomainError } from "../../errors.ts";
import type { QueueRef } from "../queue-ref.ts";

export function subscriptionDoesNotExist({ queue, id }: { queue: QueueRef; id: string }): DomainError {
  return new DomainError(
    "SUBSCRIPTION_DOES_NOT_EXIST",
    "This subscription does not exist in this queue, or has expired.",
    { details: { queue: queue.name, subscriptionId: id } },
  );
}

export function isNotSubscribed(queue: QueueRef, subscriber: string): DomainError {
  return new DomainError("SUBSCRIPTION_DOES_NOT_EXIST", "This subscriber is not subscribed to this queue.", {
    details: { queue: queue.name, subscriber },
  });
}

/** The new subscriber of a change has a subscription already. */
export function isSubscribedAlready(
  queue: QueueRef,
  subscriber: string | null | undefined,
  cause?: unknown,
): DomainError {
  return new DomainError("SUBSCRIPTION_ALREADY_EXISTS", "This subscriber has another subscription to this queue.", {
    details: { queue: queue.name, subscriber },
    cause,
  });
}
