import type { OperationContext } from "../context.ts";
import type { QueueLifecycle } from "../lifecycle/queue-lifecycle.ts";
import type { QueueLookup } from "../lifecycle/queue-lookup.ts";
import { createSubscriptionReads, type SubscriptionReads } from "./read.ts";
import { createSubscriptionWrites, type SubscriptionWrites } from "./write.ts";

/**
 * Reading needs the permission read, changing operate. Subscriptions outlive their queue: all but `create` work without
 * it.
 */
export interface SubscriptionOperations extends SubscriptionReads, SubscriptionWrites {}

export function createSubscriptionOperations(
  context: OperationContext,
  parts: { lookup: QueueLookup; lifecycle: QueueLifecycle },
): SubscriptionOperations {
  return { ...createSubscriptionReads(context), ...createSubscriptionWrites(context, parts) };
}
