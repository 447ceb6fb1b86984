import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { advance, claim, type DataDriverHarness, type OpenDataDriver, post, uniqueName } from "./harness.ts";
import { headerCases } from "./headers.suite.ts";
import { deleteCases } from "./message-deletes.suite.ts";
import { popCases } from "./message-pops.suite.ts";
import { postCases } from "./message-posts.suite.ts";
import { readCases } from "./message-reads.suite.ts";
import { selectCases } from "./message-select.suite.ts";
import { transferCases } from "./transfers.suite.ts";

export function describeMessages(name: string, open: OpenDataDriver): void {
  describe(`messages on ${name}`, () => {
    let harness: DataDriverHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());

    const list = (queue: QueueRef, page: { after?: string; before?: string; limit?: number } = {}, options = {}) =>
      harness.driver.messages.list({ queue, page: { limit: 10, ...page }, ...options });

    postCases(() => harness);
    readCases(() => harness);
    selectCases(() => harness);

    describe("time", () => {
      it("an expired message is invisible at once, to every call", async () => {
        const queue = await harness.newQueue();
        const [id] = (await post(harness, queue, 1, { ttlSeconds: 30 })) as [string];
        advance(harness, 29);
        expect((await list(queue)).items).toHaveLength(1);
        advance(harness, 1);
        expect((await list(queue)).items).toEqual([]);
        await expect(harness.driver.messages.get({ queue, id })).rejects.toMatchObject({
          code: "MESSAGE_DOES_NOT_EXIST",
        });
        await expect(harness.driver.messages.first({ queue, sort: 1 })).rejects.toMatchObject({
          code: "QUEUE_IS_EMPTY",
        });
        expect((await claim(harness, queue)).claim).toBeNull();
        expect(await harness.driver.messages.pop({ queue, limit: 5 })).toEqual([]);
        expect(await harness.driver.messages.delete({ queue, id })).toBe("absent");
        expect((await harness.driver.messages.stats([queue]))[0]).toMatchObject({ total: 0, oldest: null });
      });

      it("a delayed message is neither listed, claimed nor popped before its time", async () => {
        const queue = await harness.newQueue();
        await post(harness, queue, 1, { delaySeconds: 10 });
        advance(harness, 9);
        expect((await list(queue)).items).toEqual([]);
        expect((await claim(harness, queue)).claim).toBeNull();
        expect(await harness.driver.messages.pop({ queue, limit: 5 })).toEqual([]);
        advance(harness, 1);
        expect((await list(queue)).items).toHaveLength(1);
        expect((await claim(harness, queue)).messages).toHaveLength(1);
      });

      it("age counts whole seconds since posting", async () => {
        const queue = await harness.newQueue();
        const [id] = (await post(harness, queue, 1)) as [string];
        advance(harness, 12);
        expect((await harness.driver.messages.get({ queue, id })).ageSeconds).toBe(12);
      });
    });

    popCases(() => harness);
    deleteCases(() => harness);

    describe("statistics", () => {
      it("count ready, claimed and delayed, and name the oldest and newest", async () => {
        const queue = await harness.newQueue();
        const ids = await post(harness, queue, 6);
        await claim(harness, queue, { limit: 2 });
        advance(harness, 5);
        const [delayed] = await post(harness, queue, 1, { delaySeconds: 60 });
        const [stats] = await harness.driver.messages.stats([queue]);
        expect(stats).toMatchObject({ ready: 4, claimed: 2, delayed: 1, exhausted: 0, total: 7, exact: true });
        expect(stats?.oldest).toMatchObject({ id: ids[0], ageSeconds: 5 });
        expect(stats?.newest).toMatchObject({ id: delayed, ageSeconds: 0 });
      });

      it("come for many queues in the order asked, null for missing ones", async () => {
        const a = await harness.newQueue();
        const b = await harness.newQueue();
        await post(harness, a, 3);
        await post(harness, b, 1);
        const missing = { project: a.project, name: uniqueName("missing") };
        const stats = await harness.driver.messages.stats([b, missing, a, b]);
        expect(stats.map((one) => one?.total ?? null)).toEqual([1, null, 3, 1]);
      });

      it("statistics of a long queue come from counters, nearly exact, and say that they are not exact", async () => {
        const queue = await harness.newQueue();
        for (let round = 0; round < 12; round += 1) await post(harness, queue, 1000);
        await claim(harness, queue, { limit: 100 });
        await harness.driver.gc();
        const [long] = await harness.driver.messages.stats([queue]);
        expect(long).toMatchObject({ total: 12_000, claimed: 100, ready: 11_900, exhausted: 0, exact: false });
        const [spent] = await harness.driver.messages.stats([{ ...queue, exhaustedFrom: 0 }]);
        expect(spent).toMatchObject({ total: 12_000, claimed: 100, delayed: 0, exact: false });
        // The count of exhausted messages is a lower bound here. The rest counts as ready.
        expect(spent?.exhausted).toBeGreaterThanOrEqual(9_900);
        expect((spent?.exhausted ?? 0) + (spent?.ready ?? 0)).toBe(11_900);
        await harness.driver.messages.purge({ queue });
        expect((await harness.driver.messages.stats([queue]))[0]).toMatchObject({ total: 0, exact: true });
      });
    });

    describe("arrivals", () => {
      it("posts and releases are reported to watchers in this process and in others, until they stop watching", async () => {
        const queue = await harness.newQueue();
        const quiet = await harness.newQueue();
        const heard: { here: string[]; there: string[] } = { here: [], there: [] };
        const stopHere = harness.driver.watchArrivals(({ name }) => heard.here.push(name));
        const stopThere = harness.neighbour.watchArrivals(({ name }) => heard.there.push(name));
        await vi.waitFor(
          async () => {
            await post(harness, queue, 1);
            expect(heard.there).toContain(queue.name);
          },
          { timeout: 10_000, interval: 50 },
        );
        expect(heard.here).toContain(queue.name);
        expect([...heard.here, ...heard.there]).not.toContain(quiet.name);
        stopHere();
        heard.here.length = 0;
        await post(harness, queue, 1);
        expect(heard.here).toEqual([]);
        const { claimId } = await claim(harness, queue, { limit: 1 });
        heard.there.length = 0;
        await harness.driver.claims.delete({ queue, id: claimId });
        await vi.waitFor(() => expect(heard.there).toContain(queue.name), { timeout: 10_000, interval: 20 });
        stopThere();
      });
    });

    describe("headers", () => headerCases(() => harness));

    describe("transferring", () => {
      transferCases(() => harness);
    });
  });
}
