/** Each message is in one state, and claims, pops, lists and statistics agree on it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stateOf } from "../../server/storage/messages/message-state.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { advance, claim, type DataDriverHarness, idsOf, type OpenDataDriver, post } from "./harness.ts";

/** More messages than a driver reads in one step. */
const MANY = 2500;

export function describeMessageStates(name: string, open: OpenDataDriver): void {
  describe(`states of messages on ${name}`, () => {
    let harness: DataDriverHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(async () => {
      await harness.close();
    });

    /** Claims `limit` ready messages and lets the claim expire, so that each was delivered once more in vain. */
    async function failOnce(queue: QueueRef, limit: number, exhaustedFrom: number | null = null): Promise<void> {
      expect((await claim(harness, queue, { limit, ttlSeconds: 60, exhaustedFrom })).messages).toHaveLength(limit);
      advance(harness, 60);
    }

    const list = async (queue: QueueRef, options: object) =>
      idsOf((await harness.driver.messages.list({ queue, page: { limit: 20 }, exhaustedFrom: 2, ...options })).items);
    const counted = async (queue: QueueRef, exhaustedFrom?: number | null) =>
      (await harness.driver.messages.stats([{ ...queue, exhaustedFrom }]))[0];
    const claimed = async (queue: QueueRef, exhaustedFrom: number | null, limit = 10) =>
      idsOf((await claim(harness, queue, { exhaustedFrom, limit })).messages);
    const popped = async (queue: QueueRef, exhaustedFrom: number | null, limit = 10) =>
      idsOf(await harness.driver.messages.pop({ queue, limit, exhaustedFrom }));

    it("each message has one state, on which statistics, lists, claims and pops agree", async () => {
      const queue = await harness.newQueue();
      const exhausted = await post(harness, queue, 2);
      await failOnce(queue, 2);
      await failOnce(queue, 2);
      // Delivered as often as the exhausted ones, but claimed.
      const held = await post(harness, queue, 1);
      await failOnce(queue, 1, 2);
      expect(await claimed(queue, 2)).toEqual(held);
      const delayed = await post(harness, queue, 1, { delaySeconds: 600 });
      const ready = await post(harness, queue, 2);

      const some = { claimed: 1, delayed: 1, total: 6, exact: true };
      expect(await counted(queue, 2)).toMatchObject({ ...some, exhausted: 2, ready: 2 });
      expect(await counted(queue, 0)).toMatchObject({ ...some, exhausted: 4, ready: 0 });
      expect(await counted(queue, 3)).toMatchObject({ ...some, exhausted: 0, ready: 4 });
      expect(await counted(queue)).toMatchObject({ ...some, exhausted: 0, ready: 4 });
      expect(await list(queue, {})).toEqual(ready);
      expect(await list(queue, { includeExhausted: true })).toEqual([...exhausted, ...ready]);
      expect(await list(queue, { includeClaimed: true })).toEqual([...held, ...ready]);
      expect(await list(queue, { includeDelayed: true })).toEqual([...delayed, ...ready]);
      expect(await list(queue, { exhaustedFrom: null })).toEqual([...exhausted, ...ready]);
      const { items } = await harness.driver.messages.list({
        queue,
        page: { limit: 20, before: "9".repeat(18) },
        includeClaimed: true,
        includeDelayed: true,
        includeExhausted: true,
        exhaustedFrom: 2,
      });
      const states = ["exhausted", "exhausted", "claimed", "delayed", "ready", "ready"];
      expect(items.map((message) => stateOf(message, 2))).toEqual(states);

      expect(await claimed(queue, 2, 1)).toEqual(ready.slice(0, 1));
      expect(await popped(queue, 2)).toEqual(ready.slice(1));
      expect(await claimed(queue, 2)).toEqual([]);
      expect(await popped(queue, 2)).toEqual([]);
      // The exhausted messages are still there: without a maximum of deliveries they are ready again.
      expect(await claimed(queue, null, 1)).toEqual(exhausted.slice(0, 1));
      expect(await popped(queue, null)).toEqual(exhausted.slice(1));
    });

    it("a message that was claimed before the clock went back counts as claimed, not as delayed", async () => {
      const queue = await harness.newQueue();
      await post(harness, queue, 1, { delaySeconds: 60 });
      advance(harness, 60);
      await claim(harness, queue);
      advance(harness, -30);
      await post(harness, queue, 1);
      expect(await counted(queue)).toMatchObject({ claimed: 1, delayed: 0, ready: 1, total: 2 });
      advance(harness, 30);
    });

    it("thousands of exhausted messages in front hide neither the ready ones behind them nor one that becomes ready among them", async () => {
      const queue = await harness.newQueue();
      const [delayed] = (await post(harness, queue, 1, { delaySeconds: 600 })) as [string];
      const many = await post(harness, queue, MANY);
      await failOnce(queue, MANY);
      const ready = await post(harness, queue, 3);
      // Repeated, because a driver remembers where the exhausted front ends.
      for (let time = 1; time <= 3; time += 1) {
        expect(await list(queue, { exhaustedFrom: 1 })).toEqual(ready);
        expect(await counted(queue, 1)).toMatchObject({ exhausted: MANY, delayed: 1, ready: 3, exact: true });
      }
      expect(await claimed(queue, 1, 1)).toEqual(ready.slice(0, 1));
      expect(await popped(queue, 1, 1)).toEqual(ready.slice(1, 2));
      advance(harness, 600);
      // One at a time: a claim that has read many messages may return fewer than its limit.
      expect(await claimed(queue, 1, 1)).toEqual([delayed]);
      expect(await claimed(queue, 1, 1)).toEqual(ready.slice(2));
      expect(await claimed(queue, 1)).toEqual([]);
      expect(await popped(queue, 1)).toEqual([]);
      expect(await list(queue, { exhaustedFrom: 1 })).toEqual([]);
      // With all of them exhausted the front reaches the end of the queue. A new message is behind it.
      const late = await post(harness, queue, 1);
      expect(await claimed(queue, 1)).toEqual(late);
      expect(await claimed(queue, 2, 1)).toEqual(many.slice(0, 1));
      expect(await popped(queue, null, 1)).toEqual(many.slice(1, 2));
    });
  });
}
