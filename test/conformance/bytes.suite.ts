import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MAX_CARRIED_BYTES, type Message } from "../../server/storage/data-driver.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { batchCases } from "./batch.suite.ts";
import { advance, claim, type DataDriverHarness, idsOf, KEPT_POPS_BYTES, type OpenDataDriver } from "./harness.ts";

/** A JSON string whose text is `bytes` bytes long. */
const bodyOf = (bytes: number) => `"${"x".repeat(bytes - 2)}"`;
const bytesOf = (messages: readonly Message[]) =>
  messages.reduce((sum, { bodyText }) => sum + Buffer.byteLength(bodyText), 0);

/** Every call that returns bodies keeps to a limit in bytes. */
export function describeBytes(name: string, open: OpenDataDriver): void {
  describe(`limits in bytes on ${name}`, () => {
    let harness: DataDriverHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());

    describe("batches", () => batchCases(() => harness));

    async function queueOf(
      sizes: readonly number[],
      newQueue = () => harness.newQueue(),
    ): Promise<{ queue: QueueRef; ids: string[] }> {
      const queue = await newQueue();
      const messages = sizes.map((bytes) => ({ bodyText: bodyOf(bytes), ttlSeconds: 3600, delaySeconds: 0 }));
      const { ids } = await harness.driver.messages.post({ queue, messages, clientId: null });
      return { queue, ids };
    }
    /** With a limit of 2,500 bytes the messages come in PARTS. The third alone is larger than the limit. */
    const SIZES = [1000, 1500, 4000, 2500, 1000, 1000, 501, 1000, 1000, 500, 2, 2, 2];
    const PARTS = [[0, 1], [2], [3], [4, 5], [6, 7], [8, 9, 10, 11, 12]];
    const maxBytes = 2500;

    it("a page ends before the message that would exceed maxBytes, and its marker continues there, forwards and backwards", async () => {
      const { queue, ids } = await queueOf(SIZES);
      for (const options of [{}, { includeClaimed: true }, { exceptClientId: "nobody" }]) {
        const pages: string[][] = [];
        for (let after: string | null | undefined; after !== null; ) {
          const page = { limit: 100, ...(after === undefined ? {} : { after }) };
          const { items, nextMarker } = await harness.driver.messages.list({ queue, page, maxBytes, ...options });
          pages.push(idsOf(items));
          after = nextMarker;
        }
        expect(pages).toEqual(PARTS.map((part) => part.map((index) => ids[index])));
        const back: string[] = [];
        for (let before: string | null = "999999999999999999"; before !== null; ) {
          const page = { limit: 100, before };
          const { items, previousMarker } = await harness.driver.messages.list({ queue, page, maxBytes, ...options });
          expect(items.length).toBeGreaterThan(0);
          expect(items.length === 1 || bytesOf(items) <= maxBytes).toBe(true);
          back.unshift(...idsOf(items));
          before = previousMarker;
        }
        expect(back).toEqual(ids);
      }
    });

    it("a last page that is exactly full, in messages and in bytes, has no next marker", async () => {
      const { queue, ids } = await queueOf([10, 10, 10]);
      const page = await harness.driver.messages.list({ queue, page: { limit: 3 }, maxBytes: 30 });
      expect([idsOf(page.items), page.nextMarker]).toEqual([ids, null]);
    });

    it("a get by ids returns what fits, and a caller continues behind the last id that came", async () => {
      const { queue, ids } = await queueOf(SIZES);
      const parts: string[][] = [];
      for (let rest = ids; ; ) {
        const found = idsOf(await harness.driver.messages.bulkGet({ queue, ids: rest, maxBytes }));
        if (found.length === 0) break;
        parts.push(found);
        rest = rest.slice(rest.indexOf(found.at(-1) as string) + 1);
      }
      expect(parts).toEqual(PARTS.map((part) => part.map((index) => ids[index])));
    });

    it("a pop deletes only the messages that it returns, and the next pop continues, until none is left", async () => {
      const { queue, ids } = await queueOf(SIZES);
      for (const part of [...PARTS, []]) {
        const popped = await harness.driver.messages.pop({ queue, limit: 100, maxBytes });
        expect(idsOf(popped)).toEqual(part.map((index) => ids[index]));
      }
    });

    it("a pop with an idempotency key keeps at most MAX_KEPT_BYTES, and a repeat that has less room is refused", async () => {
      const { queue, ids } = await queueOf([...Array(5).fill(1_048_576), 10]);
      const params = { queue, limit: 100, idempotencyKey: "once" };
      const first = await harness.driver.messages.pop(params);
      expect(idsOf(first)).toEqual(ids.slice(0, 4));
      expect(await harness.neighbour.messages.pop(params)).toEqual(first);
      await expect(harness.driver.messages.pop({ ...params, maxBytes })).rejects.toMatchObject({ code: "TOO_LARGE" });
      const small = { ...params, maxBytes, idempotencyKey: "small" };
      const second = await harness.driver.messages.pop(small);
      expect(idsOf(second)).toEqual(ids.slice(4, 5));
      expect(await harness.driver.messages.pop({ ...small, maxBytes: 1 })).toEqual(second);
    });

    it("a queue that keeps enough answers of pops refuses others with a key until one ends, and never one without", async () => {
      const { queue } = await queueOf(Array(14).fill(1_048_576));
      const pop = (key: string, limit = 100) =>
        harness.driver.messages.pop({ queue, limit, idempotencyKey: key }).then(
          ({ length }) => length,
          ({ code }) => code,
        );
      expect([await pop("a"), await pop("b")]).toEqual([4, 4]);
      advance(harness, 120);
      expect([await pop("c", 2), await pop("d")]).toEqual([2, "TOO_MANY_REQUESTS"]);
      await expect(harness.neighbour.messages.pop({ queue, limit: 1, idempotencyKey: "e" })).rejects.toMatchObject({
        code: "TOO_MANY_REQUESTS",
        details: { queue: queue.name, maximum: KEPT_POPS_BYTES, value: expect.any(Number) },
      });
      // What is kept is returned, and other queues have room.
      expect(await pop("a")).toBe(4);
      expect(await harness.driver.messages.pop({ queue, limit: 1 })).toHaveLength(1);
      const other = await queueOf([10]);
      const elsewhere = { queue: other.queue, limit: 1, idempotencyKey: "d" };
      expect(await harness.driver.messages.pop(elsewhere)).toHaveLength(1);
      await harness.driver.gc();
      expect(await pop("d")).toBe("TOO_MANY_REQUESTS");
      advance(harness, 550);
      expect(await pop("d")).toBe(3);
    });

    it("a claim holds only the messages that it returns, and the next claim continues, until none is left", async () => {
      const { queue, ids } = await queueOf(SIZES);
      for (const part of PARTS) {
        const { messages, claim: made } = await claim(harness, queue, { limit: 100, maxBytes });
        expect([idsOf(messages), made?.messageCount]).toEqual([part.map((index) => ids[index]), part.length]);
      }
      expect((await claim(harness, queue, { limit: 100, maxBytes })).claim).toBeNull();
    });

    it("the messages of a large claim are read in parts, and a repeat with its idempotency key returns the first part", async () => {
      const { queue, ids } = await queueOf(SIZES);
      const made = await claim(harness, queue, { limit: 100, idempotencyKey: "once" });
      const parts: string[][] = [];
      for (let after: string | undefined; ; ) {
        const from = after === undefined ? {} : { after };
        const read = await harness.driver.claims.get({ queue, id: made.claimId, maxBytes, ...from });
        expect(read.claim.messageCount).toBe(ids.length);
        if (read.messages.length === 0) break;
        parts.push(idsOf(read.messages));
        after = read.messages.at(-1)?.marker;
      }
      expect(parts).toEqual(PARTS.map((part) => part.map((index) => ids[index])));
      const repeated = await claim(harness, queue, { limit: 100, idempotencyKey: "once", maxBytes });
      expect([repeated.claimId, idsOf(repeated.messages)]).toEqual([made.claimId, parts[0]]);
    });

    it("messages that go to the dead letter queue count against maxBytes", async () => {
      const { queue, ids } = await queueOf([1000, 1000, 1000]);
      const options = { limit: 100, maxBytes, deadLettersFrom: 0 };
      expect(idsOf((await claim(harness, queue, options)).deadLetters)).toEqual(ids.slice(0, 2));
      expect(idsOf((await claim(harness, queue, options)).deadLetters)).toEqual(ids.slice(2));
    });

    it("concurrent claims each get messages, in order, and none is told that the queue is empty", async () => {
      const both = [await queueOf(Array(60).fill(1000)), await queueOf(Array(60).fill(1000))];
      for (let round = 0; round < 2; round += 1) {
        const claims = await Promise.all(
          Array.from({ length: 24 }, (_, index) => {
            const { queue } = both[index % 2] as { queue: QueueRef };
            return claim(harness, queue, { limit: 10, maxBytes });
          }),
        );
        for (const [side, { ids }] of both.entries()) {
          const taken = claims.filter((_, index) => index % 2 === side).map(({ messages }) => messages);
          for (const messages of taken) expect([1, 2]).toContain(messages.length);
          const expected = round === 0 ? ids.slice(0, taken.flat().length) : undefined;
          if (expected !== undefined) expect(idsOf(taken.flat())).toEqual(expected);
        }
      }
      for (const { queue, ids } of both) {
        const claims = await harness.driver.claims.list({ queue, page: { limit: 100 } });
        const left = await harness.driver.messages.list({ queue, page: { limit: 100 } });
        const held = claims.items.reduce((sum, { messageCount }) => sum + messageCount, 0);
        expect(held + left.items.length).toBe(ids.length);
      }
    });

    it("a claim of an empty queue is answered while concurrent claims of full queues still wait", async () => {
      const queues: { queue: QueueRef }[] = [];
      // Of several servers, each answers when it comes to it. So all queues are on one.
      const partOf = (queue: QueueRef) => harness.driver.partOf?.(queue);
      const besideFirst = async () => {
        const [first] = queues;
        for (;;) {
          const queue = await harness.newQueue();
          if (first === undefined || partOf(queue) === partOf(first.queue)) return queue;
        }
      };
      for (const messages of [80, 0, 80]) {
        queues.push(await queueOf(Array(messages).fill(1000), besideFirst));
        // With two pools, new queues alternate between them. An extra queue keeps these three in one pool.
        await harness.newQueue();
      }
      for (let round = 0; round < 2; round += 1) {
        let answered = 0;
        const claims = Array.from({ length: 80 }, async (_, index) => {
          const { queue } = queues[index === 1 ? 1 : 2 * (index % 2)] as { queue: QueueRef };
          const { claim: made } = await claim(harness, queue, { limit: 10, maxBytes });
          answered += 1;
          return { made, before: answered - 1 };
        });
        const { made, before } = (await Promise.all(claims))[1] as Awaited<(typeof claims)[number]>;
        expect(made).toBeNull();
        expect(before).toBeLessThan(60);
      }
    });

    it("a claim with a small maxBytes takes no room from concurrent claims", async () => {
      const { queue } = await queueOf(Array(30).fill(1000));
      const most = [100_000, 1, 100_000];
      const claims = await Promise.all(most.map((maxBytes) => claim(harness, queue, { limit: 10, maxBytes })));
      expect(claims.map(({ messages }) => messages.length)).toEqual([10, 1, 10]);
    });

    it("no call returns more than MAX_CARRIED_BYTES, even when it asks for no limit", async () => {
      const { queue, ids } = await queueOf(Array(18).fill(1_048_576));
      const { driver } = harness;
      const most = MAX_CARRIED_BYTES / 1_048_576;
      const page = await driver.messages.list({ queue, page: { limit: 100 } });
      expect([page.items.length, page.nextMarker]).toEqual([most, page.items.at(-1)?.marker]);
      expect(await driver.messages.bulkGet({ queue, ids })).toHaveLength(most);
      const together = await Promise.all([1, 2, 3].map(() => claim(harness, queue, { limit: 100 })));
      const [first, ...others] = together.toSorted((a, b) => b.messages.length - a.messages.length);
      expect(first?.messages).toHaveLength(most);
      expect(others.map(({ messages }) => messages.length)).toEqual([18 - most, 0]);
      await driver.claims.delete({ queue, id: first?.claimId as string });
      expect(await driver.messages.pop({ queue, limit: 100 })).toHaveLength(most);
    });
  });
}
