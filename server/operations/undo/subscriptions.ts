import type { QueueRef } from "../../storage/queue-ref.ts";
import type { Subscription } from "../../storage/subscription-controller.ts";
import type { Undo } from "../../storage/undo/undo-records.ts";
import type { OperationContext } from "../context.ts";

/** More are not kept: such a purge brings back the messages alone. */
const MOST = 1000;

type Kept = Pick<Subscription, "subscriber" | "ttlSeconds" | "optionsText" | "confirmed">;

/** The subscriptions of a queue as JSON text, for the record of a purge that is about to remove them. Null: none. */
export async function keptSubscriptions({ data }: OperationContext, queue: QueueRef): Promise<string | null> {
  const { items } = await data.subscriptions.list({ queue, page: { limit: MOST } });
  const kept = items.map(({ subscriber, ttlSeconds, optionsText, confirmed }): Kept => {
    return { subscriber, ttlSeconds, optionsText, confirmed };
  });
  return kept.length === 0 ? null : JSON.stringify(kept);
}

/**
 * Subscribes those again whose subscriptions a purge removed, unless they are subscribed by now. Safe to repeat. The
 * subscriptions have new ids, and their time to live starts over.
 */
export async function restoreSubscriptions(
  { data, warn }: OperationContext,
  { project, queue: name, subscriptionsText }: Undo,
): Promise<void> {
  const queue = { project, name };
  for (const kept of JSON.parse(subscriptionsText ?? "[]") as Kept[]) {
    try {
      const created = await data.subscriptions.create({ queue, ...kept });
      if (created !== null && kept.confirmed) {
        await data.subscriptions.confirm({ queue, id: created.id, confirmed: true });
      }
    } catch (error) {
      warn("A subscription that a purge removed could not be brought back", error);
    }
  }
}
