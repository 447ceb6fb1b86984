import { describe, expect, it } from "vitest";
import { advance, aMessage, claim, type DataDriverHarness, idsOf, post, readAll, uniqueName } from "./harness.ts";

/** Cases of a suite whose harness `harness` gives: messages are popped. */
export function popCases(harness: () => DataDriverHarness): void {
  describe("popping", () => {
    it("a pop removes the oldest ready messages, in order", async () => {
      const queue = await harness().newQueue();
      await post(harness(), queue, 2);
      await claim(harness(), queue, { limit: 2 });
      const free = await post(harness(), queue, 5);
      expect(idsOf(await harness().driver.messages.pop({ queue, limit: 3 }))).toEqual(free.slice(0, 3));
      expect(idsOf(await harness().driver.messages.pop({ queue, limit: 10 }))).toEqual(free.slice(3));
      expect(await harness().driver.messages.pop({ queue, limit: 10 })).toEqual([]);
    });

    it("a pop repeated with its idempotency key returns the same messages and removes no others", async () => {
      const queue = await harness().newQueue();
      const texts = ['{"a":1, "b":[2, 3,4],"c":"1,2 3"}', '"/ \\u0000 \\" \u00e9\ud83d\ude00"', "12"];
      const messages = texts.map((bodyText) => ({ bodyText, ttlSeconds: 500, delaySeconds: 0 }));
      await harness().driver.messages.post({ queue, messages, clientId: "an, id" });
      const { claimId } = await claim(harness(), queue, { limit: 1, ttlSeconds: 5 });
      advance(harness(), 6);
      await post(harness(), queue, 4);
      const params = { queue, limit: 4, idempotencyKey: "k 1, 2" };
      const first = await harness().driver.messages.pop(params);
      expect(first.slice(0, 3).map(({ bodyText }) => bodyText)).toEqual(texts);
      expect(first[0]).toMatchObject({ claimCount: 1, lastClaimId: claimId, clientId: "an, id", ageSeconds: 6 });
      advance(harness(), 60);
      for (const driver of [harness().driver, harness().neighbour])
        expect(await driver.messages.pop(params)).toEqual(first);
      expect(await readAll(harness().driver, queue)).toHaveLength(3);
      await expect(harness().driver.messages.pop({ ...params, limit: 3 })).rejects.toMatchObject({
        code: "IDEMPOTENCY_KEY_REUSED",
      });
      const posting = { queue, messages: [aMessage(1)], clientId: null, idempotencyKey: params.idempotencyKey };
      await expect(harness().driver.messages.post(posting)).rejects.toMatchObject({ code: "IDEMPOTENCY_KEY_REUSED" });
    });

    it("the answer of a pop is kept for ten minutes, and then its key takes other messages, before gc and after it", async () => {
      const queue = await harness().newQueue();
      const ids = await post(harness(), queue, 4);
      const params = (idempotencyKey: string) => ({ queue, limit: 1, idempotencyKey });
      const pop = async (key: string) => idsOf(await harness().driver.messages.pop(params(key)));
      expect([await pop("a"), await pop("b")]).toEqual([[ids[0]], [ids[1]]]);
      advance(harness(), 590);
      await harness().driver.gc();
      expect([await pop("a"), await pop("b")]).toEqual([[ids[0]], [ids[1]]]);
      advance(harness(), 20);
      expect(await pop("a")).toEqual([ids[2]]);
      await harness().driver.gc();
      expect([await pop("a"), await pop("b")]).toEqual([[ids[2]], [ids[3]]]);
    });

    it("a pop that returned nothing keeps nothing for its key", async () => {
      const queue = await harness().newQueue();
      const params = { queue, limit: 2, idempotencyKey: "k" };
      expect(await harness().driver.messages.pop(params)).toEqual([]);
      const ids = await post(harness(), queue, 3);
      expect(idsOf(await harness().driver.messages.pop(params))).toEqual(ids.slice(0, 2));
      await harness().driver.messages.purge({ queue });
      expect(idsOf(await harness().driver.messages.pop(params))).toEqual(ids.slice(0, 2));
      const missing = { ...params, queue: { project: "p", name: uniqueName("missing") } };
      await expect(harness().driver.messages.pop(missing)).rejects.toMatchObject({ code: "QUEUE_DOES_NOT_EXIST" });
    });

    it("concurrent pops with one idempotency key remove messages once", async () => {
      const queue = await harness().newQueue();
      const ids = await post(harness(), queue, 20);
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          (index % 2 === 0 ? harness().driver : harness().neighbour).messages.pop({
            queue,
            limit: 3,
            idempotencyKey: "race",
          }),
        ),
      );
      for (const answer of answers) expect(idsOf(answer)).toEqual(ids.slice(0, 3));
      expect(await readAll(harness().driver, queue)).toHaveLength(17);
    });

    it("concurrent pops with one idempotency key all return the last messages of the queue", async () => {
      const queue = await harness().newQueue();
      const ids = await post(harness(), queue, 3);
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          (index % 2 === 0 ? harness().driver : harness().neighbour).messages.pop({
            queue,
            limit: 3,
            idempotencyKey: "last",
          }),
        ),
      );
      for (const answer of answers) expect(idsOf(answer)).toEqual(ids);
    });

    it("concurrent pops return every message exactly once", async () => {
      const queue = await harness().newQueue();
      const ids = await post(harness(), queue, 100);
      const popped = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          (index % 2 === 0 ? harness().driver : harness().neighbour).messages.pop({ queue, limit: 5 }),
        ),
      );
      const all = popped.flatMap(idsOf);
      expect(new Set(all).size).toBe(all.length);
      for (let rest = await harness().driver.messages.pop({ queue, limit: 50 }); rest.length > 0; ) {
        all.push(...idsOf(rest));
        rest = await harness().driver.messages.pop({ queue, limit: 50 });
      }
      expect(new Set(all)).toEqual(new Set(ids));
    });
  });
}
