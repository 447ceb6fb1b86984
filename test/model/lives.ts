/** What must hold of the lives of all messages, whatever has happened to them. */
import { expect } from "vitest";
import type { Message } from "../../server/storage/data-driver.ts";
import { isEnding, type LifeEvent } from "../../server/storage/messages/message-life.ts";
import type { Real } from "./commands.ts";

/** Longer than any clock of a run. */
export const KEPT_SECONDS = 1_000_000_000;

/** Replays a life: each event must be possible after those before it, and its end must be the message as it is. */
function expectPossible(events: readonly LifeEvent[], message: Message | undefined): void {
  let here = false;
  let held: string | null = null;
  let count = 0;
  for (const event of events) {
    const { kind, claimId, deliveries } = event;
    if (kind === "posted" || kind === "arrived") {
      expect(here).toBe(false);
      [here, held, count] = [true, null, 0];
      continue;
    }
    expect(here).toBe(true);
    if (kind === "claimed") {
      expect([held, deliveries]).toEqual([null, count + 1]);
      [held, count] = [claimId, count + 1];
    } else if (isEnding(event)) {
      expect(deliveries).toBe(count);
      [here, held] = [false, null];
    } else {
      expect(claimId).toBe(held);
      if (kind !== "renewed") held = null;
    }
  }
  expect(message === undefined ? null : message.claimCount).toBe(here ? count : null);
  // A claim that only holds a dead letter back is no event.
  if (held !== null) expect(message?.claim?.id).toBe(held);
}

export async function expectLives({ drivers, queues, messageIds }: Real): Promise<void> {
  for (const { queue } of queues) {
    const kept = await drivers[0].lives.read({ queue, ids: messageIds }).catch(() => null);
    if (kept === null) continue;
    const messages = new Map(
      (await drivers[1].messages.bulkGet({ queue, ids: messageIds })).map((one) => [one.id, one]),
    );
    for (const [index, id] of messageIds.entries()) {
      const events = kept.lives[index]?.events ?? [];
      expectPossible(events, messages.get(id));
    }
  }
}
