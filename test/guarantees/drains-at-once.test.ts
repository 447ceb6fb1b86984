/**
 * Two processes drain one pool at once, as when the first was wrongly taken for dead. A third process posts with a
 * catalogue that it never reads again by itself.
 */

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readConfig } from "../../server/config.ts";
import { hasCode } from "../../server/errors.ts";
import type { Job } from "../../server/jobs/job.ts";
import { createMoveWork } from "../../server/operations/lifecycle/move-jobs.ts";
import { createQueueMoves } from "../../server/operations/lifecycle/queue-moves.ts";
import type { LocationCache, QueueLocation } from "../../server/storage/pooling/pool-catalog.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { aMessage, idsOf, readAll } from "../conformance/harness.ts";
import { hasty } from "../operations/a-service.ts";
import { callerWith } from "../support/access.ts";
import { openPooled, type Pooled } from "../support/pooled.ts";
import { describeWithRedis } from "../support/redis.ts";
import {
  type OpenTwoPools,
  onPostgres,
  onRedis,
  onRedisCluster,
  type TwoPools,
  twoDatabases,
  twoStores,
} from "../support/two-pools.ts";

const QUEUES = 12;

/** A cache that keeps the first location of each queue for ever, whatever it is told. */
function anOldCatalogue(): LocationCache {
  const locations = new Map<string, QueueLocation>();
  return {
    peek: (key) => locations.get(key),
    get: (key) => {
      const location = locations.get(key);
      return location === undefined ? Promise.reject(new Error("Not there.")) : Promise.resolve(location);
    },
    set: async (key, location) => void (locations.has(key) || locations.set(key, location)),
    deleteMulti: async () => undefined,
  };
}

const A_DRAIN = {
  id: randomUUID(),
  target: "left",
  progress: 0,
  inputText: '{"weight":1}',
  actor: "ada",
  requestId: "r",
};

function drain({ control, data }: Pooled): Promise<object> {
  const limits = readConfig({ NODE_ENV: "test" });
  const moves = createQueueMoves({ control, data, warn: () => {} });
  const { kinds } = createMoveWork({ control, data, limits, presentAccess: async () => callerWith("admin") }, moves);
  return kinds.drainPool(A_DRAIN as Job, { ...hasty, outlast: () => sleep(100) });
}

function describeDrainsAtOnce(name: string, open: OpenTwoPools): void {
  describe(`drains between pools on ${name}`, () => {
    let two: TwoPools;
    let late: Pooled;
    beforeAll(async () => {
      two = await open();
      late = await openPooled({ url: two.url, clock: two.clock, cache: anOldCatalogue() });
    });
    afterAll(async () => {
      await late.close();
      await two.close();
    });

    it("two concurrent drains move each queue once, with all that a process with stale locations posts meanwhile", async () => {
      const acknowledged = new Map<QueueRef, string[]>();
      for (let index = 0; index < QUEUES; index += 1) {
        const queue = await two.aQueue(`drained-${index}`);
        const messages = Array.from({ length: 200 }, (_, body) => aMessage(body));
        // Posted by the process with the old catalogue, so that it knows where each queue was.
        acknowledged.set(queue, (await late.data.messages.post({ queue, messages, clientId: null })).ids);
      }
      let running = true;
      const refusals: unknown[] = [];
      const poster = async (queue: QueueRef, ids: string[]) => {
        while (running) {
          // The drains run in this process too, and need some of its time.
          await sleep(5);
          const call = { queue, messages: [aMessage("late")], clientId: null, idempotencyKey: randomUUID() };
          for (let sent = false; !sent; ) {
            try {
              ids.push(...(await late.data.messages.post(call)).ids);
              sent = true;
            } catch (error) {
              // A client would try again after this error, so the loop does.
              if (!hasCode(error, "QUEUE_IS_MOVING")) {
                refusals.push(error);
                return;
              }
            }
          }
        }
      };
      const posting = Array.from(acknowledged, ([queue, ids]) => poster(queue, ids));
      await two.one.control.pools.update("left", { weight: 0 });
      const drains = await Promise.allSettled([drain(two.one), drain(two.other)]);
      // The old catalogue must work after the drains too.
      const after = [...acknowledged.values()].map((ids) => ids.length);
      await expect
        .poll(() => [...acknowledged.values()].every((ids, at) => ids.length > (after[at] as number)))
        .toBe(true);
      running = false;
      await Promise.all(posting);

      expect(refusals).toEqual([]);
      expect(drains).toEqual([
        { status: "fulfilled", value: expect.anything() },
        { status: "fulfilled", value: expect.anything() },
      ]);
      expect((await two.one.control.pools.get("left")).weight).toBe(0);
      const left = await two.pool("left");
      for (const [queue, ids] of acknowledged) {
        expect((await two.one.control.catalogue.get(queue)).pool).toBe("right");
        expect(await left.messages.stats([queue])).toEqual([null]);
        const there = idsOf(await readAll(two.one.data, queue, 1000));
        expect(there.slice(0, 200)).toEqual(ids.slice(0, 200));
        expect(there).toHaveLength(ids.length);
        expect(new Set(there)).toEqual(new Set(ids));
      }
      expect((await two.one.control.catalogue.countByPool("left")).value).toBe(0);
    });
  });
}

describeDrainsAtOnce("PostgreSQL", twoDatabases);
describeWithRedis(() => {
  describeDrainsAtOnce("Redis and PostgreSQL", twoStores(onRedis, onPostgres));
  describeDrainsAtOnce("PostgreSQL and Redis", twoStores(onPostgres, onRedis));
  describeDrainsAtOnce("a Redis Cluster and Redis", twoStores(onRedisCluster, onRedis));
});
