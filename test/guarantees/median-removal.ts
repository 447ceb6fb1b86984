import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import type { DataDriver } from "../../server/storage/data-driver.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import type { Undoable } from "../../server/storage/undo/queue-undo.ts";

const ROUNDS = 5;

/** With the epoch of its present life. */
type LivingQueue = QueueRef & { epoch: number };

/**
 * Removes what is in a queue and brings it back, several times, and removes it in the end. Returns the
 * milliseconds of the median, since a single one may have what else a busy machine did meanwhile, and the queue as it is
 * then. Fails if not all came back, so each removal had as much to remove.
 */
export async function medianRemoval(
  driver: DataDriver,
  what: Undoable,
  { queue, remove }: { queue: LivingQueue; remove: (queue: LivingQueue, undoToken: string) => Promise<unknown> },
): Promise<{ milliseconds: number; queue: LivingQueue }> {
  const totalOf = async (one: LivingQueue) => (await driver.messages.stats([one]))[0]?.total;
  const total = await totalOf(queue);
  const times: number[] = [];
  let now = queue;
  for (let round = 1; ; round += 1) {
    const undoToken = randomUUID();
    const start = performance.now();
    await remove(now, undoToken);
    times.push(performance.now() - start);
    if (round === ROUNDS) {
      const milliseconds = times.sort((a, b) => a - b)[(ROUNDS - 1) / 2] as number;
      return { milliseconds, queue: now };
    }
    const newEpoch = now.epoch + 1;
    await driver.undo?.restore({ queue: now, token: undoToken, what, newEpoch });
    now = { ...now, epoch: newEpoch };
    expect(await totalOf(now)).toBe(total);
  }
}
