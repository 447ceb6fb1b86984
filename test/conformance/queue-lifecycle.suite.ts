import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { advance, claim, type DataDriverHarness, idsOf, type OpenDataDriver, post, readAll } from "./harness.ts";

/** Attaching and detaching queues by epoch, gc, and health, on drivers without the pooling driver in front. */
export function describeQueueLifecycle(name: string, open: OpenDataDriver): void {
  describe(`the life cycle of queues on ${name}`, () => {
    let harness: DataDriverHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());

    it("attaching again with the same epoch changes nothing", async () => {
      const queue = await harness.newQueue();
      const ids = await post(harness, queue, 2);
      await harness.driver.attachQueue({ ...queue, epoch: 1 });
      expect(idsOf(await readAll(harness.driver, queue))).toEqual(ids);
    });

    it("a queue that is attached with a higher epoch is empty and never reuses a marker, and a lower epoch is refused", async () => {
      const queue = await harness.newQueue();
      await post(harness, queue, 2);
      const held = await claim(harness, queue, { limit: 1 });
      const [last] = (await readAll(harness.driver, queue)).slice(-1);
      await harness.driver.attachQueue({ ...queue, epoch: 5 });
      expect(await readAll(harness.driver, queue)).toEqual([]);
      await expect(harness.driver.claims.get({ queue, id: held.claimId })).rejects.toMatchObject({
        code: "CLAIM_DOES_NOT_EXIST",
      });
      await post(harness, queue, 1);
      const [next] = await readAll(harness.driver, queue);
      expect(BigInt(next?.marker ?? 0)).toBeGreaterThan(BigInt(last?.marker ?? 0));
      await expect(harness.driver.attachQueue({ ...queue, epoch: 4 })).rejects.toMatchObject({
        code: "QUEUE_EPOCH_STALE",
      });
    });

    it("concurrent attaches end with the highest epoch", async () => {
      const queue = await harness.newQueue();
      const results = await Promise.allSettled(
        [2, 3, 4, 4, 4].map((epoch, index) =>
          (index % 2 === 0 ? harness.driver : harness.neighbour).attachQueue({ ...queue, epoch }),
        ),
      );
      for (const result of results) {
        if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "QUEUE_EPOCH_STALE" });
      }
      await harness.driver.messages.post({
        queue: { ...queue, epoch: 4 },
        messages: [{ bodyText: "1", ttlSeconds: 60, delaySeconds: 0 }],
        clientId: null,
      });
    });

    it("a call with an old epoch writes and reads nothing, even when its driver still caches the queue", async () => {
      const queue = await harness.newQueue();
      const old = { ...queue, epoch: 1 };
      await post(harness, old, 1);
      await harness.neighbour.attachQueue({ ...queue, epoch: 2 });
      const stale = { code: "QUEUE_EPOCH_STALE" };
      await expect(post(harness, old, 1)).rejects.toMatchObject(stale);
      await expect(claim(harness, old)).rejects.toMatchObject(stale);
      await expect(harness.driver.messages.list({ queue: old, page: { limit: 1 } })).rejects.toMatchObject(stale);
      await expect(harness.driver.messages.pop({ queue: old, limit: 1 })).rejects.toMatchObject(stale);
      await expect(harness.driver.messages.purge({ queue: old })).rejects.toMatchObject(stale);
      expect(await readAll(harness.driver, { ...queue, epoch: 2 })).toEqual([]);
    });

    it("a detached queue does not exist from then on, and gc frees its rows later", async () => {
      const queue = await harness.newQueue();
      await post(harness, queue, 5);
      await claim(harness, queue, { limit: 1 });
      await harness.driver.detachQueue(queue);
      await harness.driver.detachQueue(queue);
      await expect(post(harness, queue, 1)).rejects.toMatchObject({ code: "QUEUE_DOES_NOT_EXIST" });
      await expect(readAll(harness.neighbour, queue)).rejects.toMatchObject({ code: "QUEUE_DOES_NOT_EXIST" });
      expect(await harness.driver.messages.stats([queue])).toEqual([null]);
      advance(harness, 31);
      const freed = await harness.driver.gc();
      expect(freed.messages).toBeGreaterThanOrEqual(5);
      expect(freed.queues).toBeGreaterThanOrEqual(1);
    });

    it("gc frees what has expired and nothing else", async () => {
      const queue = await harness.newQueue();
      await post(harness, queue, 3, { ttlSeconds: 10 });
      await claim(harness, queue, { ttlSeconds: 5, graceSeconds: 0, limit: 1 });
      const stay = await post(harness, queue, 2, { ttlSeconds: 100_000 });
      advance(harness, 10);
      const freed = await harness.driver.gc();
      expect(freed.messages).toBeGreaterThanOrEqual(3);
      expect(freed.claims).toBeGreaterThanOrEqual(1);
      expect(idsOf(await readAll(harness.driver, queue))).toEqual(stay);
    });

    it("concurrent gc calls all succeed, and free what has expired", async () => {
      const queue = await harness.newQueue();
      await post(harness, queue, 50, { ttlSeconds: 1 });
      advance(harness, 1);
      const results = await Promise.all([harness.driver.gc(), harness.neighbour.gc(), harness.driver.gc()]);
      expect(results.reduce((sum, result) => sum + result.messages, 0)).toBeGreaterThanOrEqual(50);
      expect(await readAll(harness.driver, queue)).toEqual([]);
    });

    it("health runs each operation for real, and reports that it succeeded and how long it took", async () => {
      const health = await harness.driver.health();
      expect(health.storageReachable).toBe(true);
      // Only a storage on disk tries to reserve space.
      const tried = health.operations.map((one) => one.operation).filter((operation) => operation !== "reserve_space");
      expect(tried).toEqual([
        "create_queue",
        "post_messages",
        "list_messages",
        "claim_messages",
        "delete_messages",
        "delete_claim",
        "bulk_delete_messages",
        "delete_queue",
      ]);
      for (const operation of health.operations) {
        expect(operation).toMatchObject({ succeeded: true, error: null });
        expect(operation.durationSeconds).toBeGreaterThan(0);
      }
    });

    it("isAlive is true", async () => {
      expect(await harness.driver.isAlive()).toBe(true);
    });
  });
}
