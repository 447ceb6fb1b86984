/**
 * What the Redis driver guarantees when servers die, stall and fill up, when connections break, and when requests share
 * a script.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { openRedisDataDriver } from "../../server/storage/redis/data-driver.ts";
import { ask, type TestRedis } from "../support/redis.ts";
import { aQueue, claim, codeOf, list, type OpenRedisPlace, post, prepareRedis, untilItWorks } from "./redis-harness.ts";

export function describeRedisFaults(name: string, open: OpenRedisPlace): void {
  describe(`faults of ${name}`, () => {
    const under = prepareRedis(open);

    it("servers that are killed under load lose no acknowledged message, and can be used again once they are back", async () => {
      const queue = await aQueue(under.driver, "killed");
      const stop = under.driver.watchArrivals(() => undefined);
      const acknowledged: string[] = [];
      const codes = new Set<string>();
      let posting = true;
      const posters = Array.from({ length: 8 }, async () => {
        while (posting) {
          await post(under.driver, queue, 3).then(
            ({ ids }) => acknowledged.push(...ids),
            (error: unknown) => codes.add(codeOf(error)),
          );
          await sleep(5);
        }
      });
      await expect.poll(() => acknowledged.length).toBeGreaterThan(100);
      for (const { child } of under.servers) child.kill("SIGKILL");
      await expect.poll(() => [...codes]).toContain("STORAGE_UNAVAILABLE");
      const before = acknowledged.length;
      await Promise.all(under.servers.map((server) => server.restart()));
      await untilItWorks(() => Promise.resolve(expect(acknowledged.length).toBeGreaterThan(before)));
      posting = false;
      await Promise.all(posters);
      stop();
      for (const code of codes) expect(["STORAGE_UNAVAILABLE", "OUTCOME_UNKNOWN"]).toContain(code);
      const found = await under.driver.messages.bulkGet({ queue, ids: acknowledged });
      expect(found.length).toBe(acknowledged.length);
    });

    it("each call to servers that hang ends within its deadline, and says whether its outcome is unknown", async () => {
      const queue = await aQueue(under.driver, "stopped");
      await post(under.driver, queue);
      const begun = performance.now();
      for (const { child } of under.servers) child.kill("SIGSTOP");
      try {
        const alive = under.driver.isAlive();
        const outcomes = await Promise.all(
          [post(under.driver, queue), list(under.driver, queue), under.driver.gc()].map((call) => call.catch(codeOf)),
        );
        expect(await alive).toBe(false);
        expect(outcomes[0]).toBe("OUTCOME_UNKNOWN");
        expect(outcomes[1]).toBe("STORAGE_UNAVAILABLE");
        expect(["OUTCOME_UNKNOWN", "STORAGE_UNAVAILABLE"]).toContain(outcomes[2]);
        expect(performance.now() - begun).toBeLessThan(7000);
        // This post was not sent, because the connection was dropped.
        expect(await post(under.driver, queue).catch(codeOf)).toBe("STORAGE_UNAVAILABLE");
        expect(performance.now() - begun).toBeLessThan(14_000);
      } finally {
        for (const { child } of under.servers) child.kill("SIGCONT");
      }
      await untilItWorks(() => post(under.driver, queue));
      expect(await under.driver.isAlive()).toBe(true);
    }, 30_000);

    it("full servers refuse posts, and can still be emptied", async () => {
      const queue = await aQueue(under.driver, "full");
      await post(under.driver, queue, 5);
      const popOnce = (idempotencyKey: string) => under.driver.messages.pop({ queue, limit: 1, idempotencyKey });
      const kept = await popOnce("kept");
      await under.askAll("CONFIG SET maxmemory 1");
      try {
        await expect(post(under.driver, queue)).rejects.toMatchObject({
          code: "STORAGE_UNAVAILABLE",
          message: expect.stringContaining("full"),
        });
        const { claimId, messages } = await claim(under.driver, queue);
        expect(messages).toHaveLength(4);
        const [first] = messages;
        expect(await under.driver.messages.delete({ queue, id: first?.id ?? "", claimId })).toBe("deleted");
        await under.driver.claims.delete({ queue, id: claimId });
        expect(await popOnce("kept")).toEqual(kept);
        await expect(popOnce("new")).rejects.toMatchObject({
          code: "STORAGE_UNAVAILABLE",
          message: expect.stringMatching(/maxmemory.* A pop without an idempotencyKey works, and frees memory\.$/),
          details: { takesWrites: false, reason: "memory-full" },
        });
        expect(await under.driver.messages.pop({ queue, limit: 5 })).toHaveLength(3);
        await under.driver.messages.purge({ queue });
        await under.driver.gc();
      } finally {
        await under.askAll("CONFIG SET maxmemory 0");
      }
      await post(under.driver, queue);
    });

    it("scripts that the servers have forgotten are sent again", async () => {
      const queue = await aQueue(under.driver, "forgotten");
      await post(under.driver, queue);
      await under.askAll("SCRIPT FLUSH");
      await post(under.driver, queue);
      expect((await list(under.driver, queue)).items).toHaveLength(2);
    });

    it("requests that share a script are each judged on their own", async () => {
      const queue = await aQueue(under.driver, "shared");
      const ids = (await post(under.driver, queue, 6)).ids as [string, string, string, string, string, string];
      const take = (limit: number) =>
        under.driver.claims.create({ queue, limit, ttlSeconds: 60, graceSeconds: 60, clientId: null });
      const claims = await Promise.all([take(2), take(1), take(5), take(3)]);
      expect(claims.map(({ messages }) => messages.map(({ id }) => id))).toEqual([
        ids.slice(0, 2),
        ids.slice(2, 3),
        ids.slice(3, 6),
        [],
      ]);
      const [mine, theirs] = claims.map(({ claimId }) => claimId) as [string, string];
      const outcomes = await Promise.all(
        [
          under.driver.messages.delete({ queue, id: ids[0], claimId: mine }),
          under.driver.messages.delete({ queue, id: ids[0], claimId: mine }),
          under.driver.messages.delete({ queue, id: ids[2], claimId: mine }),
          under.driver.messages.delete({ queue, id: ids[3] }),
          under.driver.messages.bulkDelete({ queue, ids: [ids[1], ids[2]], claimIds: [mine] }),
          under.driver.messages.bulkDelete({ queue, ids: [ids[1], ids[2]], claimIds: [mine, theirs] }),
          under.driver.messages.bulkDelete({ queue, ids: [ids[1], ids[5]] }),
          post(under.driver, queue).then(() => "posted"),
        ].map((call) => Promise.resolve<unknown>(call).catch(codeOf)),
      );
      expect(outcomes).toEqual([
        "deleted",
        "absent",
        "MESSAGE_NOT_CLAIMED_BY",
        "MESSAGE_IS_CLAIMED",
        "MESSAGE_NOT_CLAIMED_BY",
        { deleted: 2, left: [] },
        { deleted: 1, left: [] },
        "posted",
      ]);
      const left = await under.driver.claims.list({ queue, page: { limit: 10 } });
      expect(left.items.map(({ id, messageCount }) => [id, messageCount])).toEqual([[claims[2]?.claimId, 2]]);
    });

    it("close waits for every call that has begun, and later calls are refused unsent", async () => {
      const closing = await openRedisDataDriver({ uri: under.url });
      const queue = await aQueue(closing, "closing");
      const posts = Promise.all(Array.from({ length: 500 }, () => post(closing, queue)));
      await closing.close();
      await closing.close();
      expect(await posts).toHaveLength(500);
      await expect(post(closing, queue)).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
      expect((await under.driver.messages.stats([queue]))[0]?.total).toBe(500);
    });

    it("a listener whose connection broke gets notices again, and malformed notices are ignored", async () => {
      const queue = await aQueue(under.driver, "heard");
      const errors: unknown[] = [];
      const other = await openRedisDataDriver({ uri: under.url, onError: (error) => errors.push(error) });
      const heard: string[] = [];
      const stop = other.watchArrivals(({ name }) => heard.push(name));
      const untilHeard = () =>
        vi.waitFor(
          async () => {
            await post(under.driver, queue);
            expect(heard).toContain(queue.name);
          },
          { timeout: 10_000, interval: 50 },
        );
      await untilHeard();
      const self = "00000000-0000-4000-8000-000000000000";
      for (const notice of ["junk", "[junk", "[1,null,[]]", '[["p","told",1]]']) {
        await ask(
          (under.servers[0] as TestRedis).port,
          `PUBLISH isimud:0:arrivals '${self}${notice.replaceAll("'", "")}'`,
        );
      }
      await vi.waitFor(() => expect(heard).toContain("told"));
      expect(new Set(heard)).toEqual(new Set([queue.name, "told"]));
      await under.askAll("CLIENT KILL TYPE pubsub");
      heard.length = 0;
      await untilHeard();
      stop();
      await other.close();
    });
  });
}
