import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ChangedQueue, QueueReading } from "../../server/storage/activity.ts";
import type { DataDriver } from "../../server/storage/data-driver.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { advance, claim, type DataDriverHarness, idsOf, type OpenDataDriver, post, uniqueName } from "./harness.ts";

/** Totals that only grow, which queues were used, and readings of many. */
export function describeActivity(name: string, open: OpenDataDriver): void {
  describe(`activity on ${name}`, () => {
    let harness: DataDriverHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());

    /** Each process writes what it has gathered within a second, and whenever it collects garbage. */
    const written = async () => {
      await harness.driver.gc();
      await harness.neighbour.gc();
    };
    const read = async (queue: QueueRef, exhaustedFrom: number | null = null): Promise<QueueReading> => {
      const [reading] = await harness.driver.activity.read([{ ...queue, exhaustedFrom }]);
      if (reading === undefined || reading === null) throw new Error(`No reading of ${queue.name}.`);
      return reading;
    };
    const totals = async (queue: QueueRef) => {
      await written();
      return (await read(queue)).totals;
    };
    /** All that is told from a mark on, and the mark from which nothing is told any more. */
    async function changed(driver: DataDriver, mark: string | null, limit = 100) {
      const queues: ChangedQueue[] = [];
      for (let last = mark; ; ) {
        const answer = await driver.activity.changed({ mark: last, limit });
        queues.push(...answer.queues);
        last = answer.mark;
        if (!answer.more) return { queues, names: queues.map(({ queue }) => queue.name), mark: last };
      }
    }

    describe("totals", () => {
      it("count what comes in, is given, given back and taken away, whichever process does it", async () => {
        const queue = await harness.newQueue();
        const ids = await post(harness, queue, 10);
        const { claimId, messages } = await claim(harness, queue, { limit: 4 });
        const [first, second] = idsOf(messages) as [string, string];
        const { driver, neighbour } = harness;
        await neighbour.messages.delete({ queue, id: first, claimId });
        await driver.claims.releaseMessages({ queue, claimId, ids: [second], delaySeconds: 0 });
        await driver.claims.delete({ queue, id: claimId });
        expect(await neighbour.messages.pop({ queue, limit: 2 })).toHaveLength(2);
        expect(await driver.messages.bulkDelete({ queue, ids: ids.slice(4, 6) })).toEqual({ deleted: 2, left: [] });
        expect(await totals(queue)).toEqual({
          posted: 10,
          claimed: 4,
          delivered: 6,
          released: 3,
          lapsed: 0,
          deleted: 5,
          expired: 0,
          deadLettered: 0,
          moved: 0,
        });
        const [stats] = await driver.messages.stats([queue]);
        expect(stats).toMatchObject({ total: 5, totals: { posted: 10, deleted: 5 } });
      });

      it("count a repeated post and claim once", async () => {
        const queue = await harness.newQueue();
        const messages = [{ bodyText: "1", ttlSeconds: 3600, delaySeconds: 0 }];
        for (let round = 0; round < 2; round += 1) {
          await harness.driver.messages.post({ queue, messages, clientId: null, idempotencyKey: "post" });
          await claim(harness, queue, { idempotencyKey: "claim" });
          await harness.driver.messages.pop({ queue, limit: 1, idempotencyKey: "pop" });
        }
        await post(harness, queue, 1);
        for (let round = 0; round < 2; round += 1) {
          await harness.driver.messages.pop({ queue, limit: 1, idempotencyKey: "pop" });
        }
        expect(await totals(queue)).toMatchObject({ posted: 2, claimed: 1, delivered: 2, deleted: 1 });
      });

      it("a purge does not reset them, and counts what it removed as deleted", async () => {
        const queue = await harness.newQueue();
        await post(harness, queue, 5);
        await written();
        await post(harness, queue, 2);
        expect(await harness.driver.messages.purge({ queue })).toEqual({ messages: 7 });
        await post(harness, queue, 3);
        const [kept] = (await harness.driver.messages.list({ queue, page: { limit: 3 } })).items.slice(1);
        await harness.driver.messages.purge({ queue, before: { marker: kept?.marker ?? "" } });
        expect(await totals(queue)).toMatchObject({ posted: 10, deleted: 8, expired: 0 });
        expect((await read(queue)).stats.total).toBe(2);
      });

      it("a purge of a long queue counts about as many as it had", async () => {
        const queue = await harness.newQueue();
        for (let round = 0; round < 12; round += 1) await post(harness, queue, 1000);
        await harness.driver.messages.purge({ queue });
        expect(await totals(queue)).toMatchObject({ posted: 12_000, deleted: 12_000 });
      });

      it("count messages that expire, and none of those that a purge removed before", async () => {
        const queue = await harness.newQueue();
        await post(harness, queue, 2, { ttlSeconds: 60 });
        await harness.driver.messages.purge({ queue });
        await post(harness, queue, 3, { ttlSeconds: 60 });
        await post(harness, queue, 1);
        advance(harness, 61);
        expect(await totals(queue)).toMatchObject({ posted: 6, deleted: 2, expired: 3 });
        expect((await read(queue)).stats.total).toBe(1);
      });

      it("count each message once whose claim expires, although nobody looks at it", async () => {
        const queue = await harness.newQueue();
        await post(harness, queue, 3);
        const { claimId, messages } = await claim(harness, queue, { ttlSeconds: 30 });
        await harness.driver.messages.delete({ queue, id: messages[0]?.id ?? "", claimId });
        advance(harness, 31);
        await Promise.all([harness.driver.gc(), harness.neighbour.gc()]);
        expect(await totals(queue)).toMatchObject({ claimed: 3, deleted: 1, lapsed: 2 });
        // Claimed again, they are not counted again.
        expect((await claim(harness, queue)).messages.map((message) => message.lastClaimId)).toHaveLength(2);
        expect(await totals(queue)).toMatchObject({ claimed: 5, lapsed: 2 });
      });

      it("count a lapsed message that is claimed, popped or deleted before anybody else looks", async () => {
        const queue = await harness.newQueue();
        const ids = await post(harness, queue, 3);
        await claim(harness, queue, { ttlSeconds: 30 });
        advance(harness, 31);
        const again = await claim(harness, queue, { limit: 1, ttlSeconds: 30 });
        expect(idsOf(again.messages)).toEqual([ids[0]]);
        expect(idsOf(await harness.driver.messages.pop({ queue, limit: 1 }))).toEqual([ids[1]]);
        expect(await harness.driver.messages.delete({ queue, id: ids[2] ?? "" })).toBe("deleted");
        expect(await totals(queue)).toMatchObject({ claimed: 4, lapsed: 3, delivered: 5, deleted: 2 });
        // The second claim on the first message ends, too.
        advance(harness, 31);
        expect(await totals(queue)).toMatchObject({ lapsed: 4 });
      });

      it("a renewed or released claim does not lapse", async () => {
        const queue = await harness.newQueue();
        await post(harness, queue, 2);
        const renewed = await claim(harness, queue, { limit: 1, ttlSeconds: 30 });
        const released = await claim(harness, queue, { limit: 1, ttlSeconds: 30 });
        await harness.driver.claims.update({ queue, id: renewed.claimId, ttlSeconds: 90, graceSeconds: 60 });
        await harness.driver.claims.delete({ queue, id: released.claimId });
        advance(harness, 31);
        expect(await totals(queue)).toMatchObject({ claimed: 2, released: 1, lapsed: 0 });
      });

      it("dead letters count as dead-lettered and others as moved where they leave, and as posted where they arrive", async () => {
        const queue = await harness.newQueue();
        const to = await harness.newQueueBeside(queue);
        await post(harness, queue, 3);
        await claim(harness, queue, { limit: 2, ttlSeconds: 1 });
        advance(harness, 2);
        const { claimId, deadLetters } = await claim(harness, queue, { deadLettersFrom: 1 });
        expect(deadLetters).toHaveLength(2);
        const ids = idsOf(deadLetters);
        expect(
          await harness.driver.messages.transfer({ from: queue, to, ids, claimId, ttlSeconds: null, as: "deadLetter" }),
        ).toHaveLength(2);
        expect(await totals(queue)).toMatchObject({ posted: 3, claimed: 3, deleted: 0, deadLettered: 2, lapsed: 2 });
        const back = { from: to, to: queue, ids: ids.slice(0, 1), claimId: null, ttlSeconds: null };
        expect(await harness.driver.messages.transfer({ ...back, as: "redrive" })).toEqual(back.ids);
        expect(await totals(to)).toMatchObject({ posted: 2, deadLettered: 0, deleted: 0, moved: 1, lapsed: 0 });
        expect(await totals(queue)).toMatchObject({ posted: 4, deadLettered: 2, moved: 0 });
      });
    });

    describe("queues that changed", () => {
      it("come once, from the mark of the answer before, whichever process used them", async () => {
        const [used, other, quiet] = [await harness.newQueue(), await harness.newQueue(), await harness.newQueue()];
        await post(harness, quiet, 1);
        await written();
        const before = await changed(harness.driver, null);
        expect(before.names.filter((one) => one === quiet.name)).toHaveLength(1);
        await post(harness, used, 1);
        await harness.neighbour.messages.post({
          queue: other,
          messages: [{ bodyText: "1", ttlSeconds: 3600, delaySeconds: 0 }],
          clientId: null,
        });
        await written();
        const after = await changed(harness.driver, before.mark, 1);
        expect(after.names.filter((one) => one === used.name)).toHaveLength(1);
        expect(after.names.filter((one) => one === other.name)).toHaveLength(1);
        expect(after.names).not.toContain(quiet.name);
        // Collecting garbage is no use.
        await written();
        expect((await changed(harness.driver, after.mark)).names).toEqual([]);
      });

      it("a busier queue weighs more", async () => {
        const [busy, calm] = [await harness.newQueue(), await harness.newQueue()];
        const { mark } = await changed(harness.driver, null);
        await post(harness, calm, 1);
        await post(harness, busy, 50);
        await written();
        const { queues } = await changed(harness.driver, mark);
        const weightOf = (queue: QueueRef) => queues.find((one) => one.queue.name === queue.name)?.weight ?? 0;
        expect(weightOf(busy)).toBeGreaterThan(weightOf(calm));
      });

      it("a queue that holds something is told of from the beginning, however long nobody has used it", async () => {
        const queue = await harness.newQueue();
        await post(harness, queue, 1, { ttlSeconds: 10 * 86_400 });
        await written();
        advance(harness, 2 * 86_400);
        await written();
        for (const limit of [1, 100]) {
          const { names } = await changed(harness.driver, null, limit);
          expect(names.filter((one) => one === queue.name)).toHaveLength(1);
        }
      });

      it("a mark that nobody knows begins anew, and the probe's queue is not told of", async () => {
        const queue = await harness.newQueue();
        await post(harness, queue, 1);
        await harness.driver.health();
        await written();
        for (const mark of ["no mark", "999999999999999999"]) {
          const { names } = await changed(harness.driver, mark);
          expect(names).toContain(queue.name);
          expect(names.filter((one) => one.includes("health"))).toEqual([]);
        }
      });
    });

    describe("readings", () => {
      it("tell the states, the epoch, since when the oldest ready message waits, and what changes next", async () => {
        const queue = await harness.newQueue();
        await post(harness, queue, 2);
        advance(harness, 10);
        await post(harness, queue, 1);
        await post(harness, queue, 1, { delaySeconds: 50 });
        const { claim: held } = await claim(harness, queue, { limit: 2, ttlSeconds: 100 });
        const reading = await read(queue);
        expect(reading.queue).toMatchObject({ project: queue.project, name: queue.name });
        expect(reading.queue.epoch).toBeGreaterThan(0);
        const counts = { ready: 1, claimed: 2, delayed: 1, exhausted: 0, total: 4, exact: true };
        expect(reading.stats).toEqual(counts);
        const [third, fourth] = (
          await harness.driver.messages.list({ queue, page: { limit: 10 }, includeDelayed: true })
        ).items;
        expect(reading.oldestReadyAt).toEqual(third?.createdAt);
        expect(reading.changesAt).toEqual(fourth?.delayedUntil);
        advance(harness, 60);
        expect((await read(queue)).changesAt).toEqual(held?.expiresAt);
        advance(harness, 60);
        const lapsed = await read(queue);
        expect(lapsed.stats).toMatchObject({ ready: 4, claimed: 0, delayed: 0 });
        const [oldest] = (await harness.driver.messages.list({ queue, page: { limit: 1 } })).items;
        expect(lapsed.oldestReadyAt).toEqual(oldest?.createdAt);
        expect(lapsed.changesAt).toEqual(oldest?.expiresAt);
        expect(lapsed.takenAt.getTime() - reading.takenAt.getTime()).toBeGreaterThanOrEqual(120_000);
      });

      it("exhausted messages are not ready, so the oldest ready one is behind them", async () => {
        const queue = await harness.newQueue();
        await post(harness, queue, 1);
        await claim(harness, queue, { ttlSeconds: 1 });
        advance(harness, 2);
        expect((await read(queue, 1)).oldestReadyAt).toBeNull();
        await post(harness, queue, 1);
        const reading = await read(queue, 1);
        const [, second] = (await harness.driver.messages.list({ queue, page: { limit: 2 } })).items;
        expect(reading.stats).toMatchObject({ ready: 1, exhausted: 1 });
        expect(reading.oldestReadyAt).toEqual(second?.createdAt);
      });

      it("come for many queues in the order asked, null for a missing one, and an empty one never changes by itself", async () => {
        const [empty, full] = [await harness.newQueue(), await harness.newQueue()];
        await post(harness, full, 1);
        const missing = { project: "project", name: uniqueName("missing") };
        const readings = await harness.driver.activity.read([full, missing, empty, full]);
        expect(readings.map((reading) => reading?.stats.total ?? null)).toEqual([1, null, 0, 1]);
        expect(readings[2]).toMatchObject({ oldestReadyAt: null, changesAt: null, totals: { posted: 0 } });
        expect(await harness.driver.activity.read([])).toEqual([]);
      });

      it("of a long queue come from counters, with what its claims, delays and oldest message tell", async () => {
        const queue = await harness.newQueue();
        for (let round = 0; round < 12; round += 1) await post(harness, queue, 1000);
        await post(harness, queue, 5, { delaySeconds: 70 });
        const { claim: held } = await claim(harness, queue, { limit: 100, ttlSeconds: 50 });
        await written();
        const reading = await read(queue);
        const counts = { ready: 11_900, claimed: 100, delayed: 5, exhausted: 0, total: 12_005, exact: false };
        expect(reading.stats).toEqual(counts);
        const [oldest] = (await harness.driver.messages.list({ queue, page: { limit: 1 } })).items;
        expect(reading.oldestReadyAt).toEqual(oldest?.createdAt);
        expect(reading.changesAt).toEqual(held?.expiresAt);
      });
    });
  });
}
