/** Which state a message is in, and that claims, pops, lists and statistics agree on it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stateOf } from "../../server/storage/message-state.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { advance, claim, type DataDriverHarness, idsOf, type OpenDataDriver, post } from "./harness.ts";

/** More than a driver looks at in one step. */
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

    /** Claims what is ready, at most so many, and lets the claim lapse: once more delivered in vain. */
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

    it("is one for each, and the same for statistics, lists, claims and pops", async () => {
      const queue = await harness.newQueue();
      const exhausted = await post(harness, queue, 2);
      await failOnce(queue, 2);
      await failOnce(queue, 2);
      // Delivered as often, but held.
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
      // Nothing was taken of what is exhausted: without a limit on its deliveries it is ready again.
      expect(await claimed(queue, null, 1)).toEqual(exhausted.slice(0, 1));
      expect(await popped(queue, null)).toEqual(exhausted.slice(1));
    });

    it("is claimed, not delayed, for one that was claimed before the clock went back", async () => {
      const queue = await harness.newQueue();
      await post(harness, queue, 1, { delaySeconds: 60 });
      advance(harness, 60);
      await claim(harness, queue);
      advance(harness, -30);
      await post(harness, queue, 1);
      expect(await counted(queue)).toMatchObject({ claimed: 1, delayed: 0, ready: 1, total: 2 });
      advance(harness, 30);
    });

    it("is exhausted for many in front, and hides neither what is ready behind them nor what becomes ready among them", async () => {
      const queue = await harness.newQueue();
      const [delayed] = (await post(harness, queue, 1, { delaySeconds: 600 })) as [string];
      const many = await post(harness, queue, MANY);
      await failOnce(queue, MANY);
      const ready = await post(harness, queue, 3);
      // More than once: what was found out is remembered.
      for (let time = 1; time <= 3; time += 1) {
        expect(await list(queue, { exhaustedFrom: 1 })).toEqual(ready);
        expect(await counted(queue, 1)).toMatchObject({ exhausted: MANY, delayed: 1, ready: 3, exact: true });
      }
      expect(await claimed(queue, 1, 1)).toEqual(ready.slice(0, 1));
      expect(await popped(queue, 1, 1)).toEqual(ready.slice(1, 2));
      advance(harness, 600);
      // One after the other: a claim may give what it has when it has looked at many.
      expect(await claimed(queue, 1, 1)).toEqual([delayed]);
      expect(await claimed(queue, 1, 1)).toEqual(ready.slice(2));
      expect(await claimed(queue, 1)).toEqual([]);
      expect(await popped(queue, 1)).toEqual([]);
      expect(await list(queue, { exhaustedFrom: 1 })).toEqual([]);
      // With all of them exhausted it reaches to the end, and what is posted then is behind it.
      const late = await post(harness, queue, 1);
      expect(await claimed(queue, 1)).toEqual(late);
      expect(await claimed(queue, 2, 1)).toEqual(many.slice(0, 1));
      expect(await popped(queue, null, 1)).toEqual(many.slice(1, 2));
    });
  });
}
