/** The subscriptions that a purge removes, kept with the record of what can be taken back. */
import { DomainError, isUnavailable } from "../../errors.ts";
import type { DataDriver } from "../data-driver.ts";
import type { QueueRef } from "../queue-ref.ts";
import type { Subscription } from "../subscription-controller.ts";
import type { Undo } from "./undo-records.ts";

/** More are not kept: such a purge brings back the messages alone. */
const MOST = 1000;

type Kept = Pick<Subscription, "subscriber" | "ttlSeconds" | "optionsText" | "confirmed">;
type Driver = Pick<DataDriver, "subscriptions">;

/** Those of a queue as JSON text, for the record of a purge that is about to remove them. Null: none. */
export async function keptSubscriptions(driver: Driver, queue: QueueRef): Promise<string | null> {
  const { items } = await driver.subscriptions.list({ queue, page: { limit: MOST } });
  const kept = items.map(({ subscriber, ttlSeconds, optionsText, confirmed }): Kept => {
    return { subscriber, ttlSeconds, optionsText, confirmed };
  });
  return kept.length === 0 ? null : JSON.stringify(kept);
}

/**
 * Subscribes them again, unless they are subscribed by now. Safe to repeat. The subscriptions have new ids, and their
 * time to live starts over. After any error but a refusal some are missing: then repeat it.
 */
export async function restoreSubscriptions(
  driver: Driver,
  queue: QueueRef,
  { subscriptionsText }: Pick<Undo, "subscriptionsText">,
): Promise<void> {
  for (const kept of JSON.parse(subscriptionsText ?? "[]") as Kept[]) {
    try {
      const created = await driver.subscriptions.create({ queue, ...kept });
      if (created !== null && kept.confirmed) {
        await driver.subscriptions.confirm({ queue, id: created.id, confirmed: true });
      }
    } catch (error) {
      // Otherwise one that the storage refuses would hold up the whole undo.
      if (isUnavailable(error) || !(error instanceof DomainError)) throw error;
    }
  }
}
