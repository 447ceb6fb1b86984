/** What the Redis driver guarantees for very long queues and very long times. */
import { describe, expect, it } from "vitest";
import { openRedisDataDriver } from "../../server/storage/redis/data-driver.ts";
import { medianRemoval } from "./median-removal.ts";
import { aQueue, claim, list, MESSAGE, type OpenRedisPlace, post, prepareRedis } from "./redis-harness.ts";

export function describeRedisBacklogs(name: string, open: OpenRedisPlace): void {
  describe(`long queues on ${name}`, () => {
    const under = prepareRedis(open);

    it("a ttl beyond the last possible date ends at that date", async () => {
      const queue = await aQueue(under.driver, "forever");
      const forever = { bodyText: "1", ttlSeconds: Number.MAX_SAFE_INTEGER, delaySeconds: 0 };
      await under.driver.messages.post({ queue, messages: [forever], clientId: null });
      const [message] = (await list(under.driver, queue)).items;
      expect(message?.expiresAt.getTime()).toBe(8.64e15);
      const taken = await under.driver.claims.create({
        queue,
        limit: 1,
        ttlSeconds: 1e15,
        graceSeconds: 1e15,
        clientId: null,
      });
      expect(taken.messages).toHaveLength(1);
      expect(await under.driver.messages.delete({ queue, id: message?.id ?? "", claimId: taken.claimId })).toBe(
        "deleted",
      );
    });

    it("purging 100,000 messages takes under 50 ms, deleting such a queue too, and gc frees them", async () => {
      const clock = { offsetMs: 0 };
      const long = await openRedisDataDriver({ uri: under.withPrefix("long"), clock });
      const queue = await aQueue(long, "long");
      const fill = async () => {
        for (let round = 0; round < 100; round += 1) await post(long, queue, 1000);
      };
      await fill();
      expect((await long.messages.stats([queue]))[0]).toMatchObject({ total: 100_000, exact: false });
      const purge = await medianRemoval(long, "purge", {
        queue: { ...queue, epoch: 1 },
        remove: (full, undoToken) => long.messages.purge({ queue: full, undoToken }),
      });
      expect(purge.milliseconds).toBeLessThan(50);
      expect((await list(long, queue)).items).toEqual([]);
      await post(long, queue);
      const deletion = await medianRemoval(long, "queue", {
        queue: purge.queue,
        remove: (full, undoToken) => long.detachQueue(full, undoToken),
      });
      expect(deletion.milliseconds).toBeLessThan(50);
      expect((await long.gc()).messages).toBe(0);
      clock.offsetMs += 31_000;
      expect(await long.gc()).toMatchObject({ messages: 100_001, queues: 1 });
      const lines = (await under.askAll("KEYS long:*")).flatMap((reply) => reply.split("\r\n"));
      // The store's identity stays, and for a day the names of queues that were used lately.
      const left = lines.filter((line) => line.startsWith("long:") && !line.includes("{activity}"));
      expect(left).toEqual(["long:identity"]);
      await long.close();
    }, 60_000);

    it("20,000 messages whose ttl, claim or delay ends at one moment are processed in steps, and every answer is right", async () => {
      const clock = { offsetMs: 0 };
      const long = await openRedisDataDriver({ uri: under.withPrefix("due"), clock });
      const queue = await aQueue(long, "due");
      const many = (changes: object) => Array.from({ length: 1000 }, () => ({ ...MESSAGE, ...changes }));
      for (let round = 0; round < 10; round += 1) {
        await long.messages.post({ queue, messages: many({ ttlSeconds: 10 }), clientId: null });
        await long.messages.post({ queue, messages: many({ delaySeconds: 10 }), clientId: null });
      }
      clock.offsetMs += 10_000;
      const [stats, page] = await Promise.all([long.messages.stats([queue]), list(long, queue)]);
      expect(stats[0]).toMatchObject({ total: 10_000, delayed: 0, ready: 10_000 });
      expect(page.items).toHaveLength(10);
      for (let round = 0; round < 10; round += 1) {
        await long.claims.create({ queue, limit: 1000, ttlSeconds: 10, graceSeconds: 60, clientId: null });
      }
      expect((await claim(long, queue)).claim).toBeNull();
      clock.offsetMs += 10_000;
      expect((await claim(long, queue)).messages.map(({ id }) => id)).toEqual(
        page.items.slice(0, 5).map(({ id }) => id),
      );
      await long.close();
    }, 60_000);
  });
}
