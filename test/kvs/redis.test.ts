/** The key-value store on Redis: the conformance suites, and what only a backend shared by processes guarantees. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createMemoryBackend } from "../../server/kvs/memory.ts";
import { createRedisBackend, type RedisBackend } from "../../server/kvs/redis.ts";
import { createKeyValueStores, type KeyValueStores } from "../../server/kvs/stores.ts";
import { describeKeyValue } from "../conformance/key-value.suite.ts";
import { type KeyValueWorld, refused } from "../conformance/key-value-harness.ts";
import { describeKeyValueLists } from "../conformance/key-value-lists.suite.ts";
import { describeKeyValueLocks } from "../conformance/key-value-locks.suite.ts";
import { inBoth, twoProcessCases } from "../conformance/key-value-processes.suite.ts";
import { ask, describeWithRedis, startRedis, startRedisCluster, type TestRedis } from "../support/redis.ts";

const storesOn = (redis: RedisBackend, clock: { offsetMs: number }) =>
  createKeyValueStores({
    backends: { memory: createMemoryBackend({ clock }), redis },
    durable: "redis",
    clock,
  });

const openOn = (start: () => Promise<{ url: string; stop(): Promise<void> }>) => async (): Promise<KeyValueWorld> => {
  const server = await start();
  const clock = { offsetMs: 0 };
  const backend = createRedisBackend({ uri: server.url, clock });
  return {
    stores: storesOn(backend, clock),
    backingStore: "redis",
    clock,
    async close() {
      await backend.close();
      await server.stop();
    },
  };
};

describeWithRedis(() => {
  for (const [name, open] of [
    ["Redis", openOn(startRedis)],
    ["a Redis Cluster", openOn(startRedisCluster)],
  ] as const) {
    describeKeyValue(name, open);
    describeKeyValueLocks(name, open);
    describeKeyValueLists(name, open);
  }

  describe("key-value store on Redis, shared by two processes", () => {
    const clock = { offsetMs: 0 };
    let server: TestRedis;
    let backends: [RedisBackend, RedisBackend];
    let one: KeyValueStores;
    let other: KeyValueStores;
    let serial = 0;
    beforeAll(async () => {
      server = await startRedis();
      const open = () => createRedisBackend({ uri: server.url, clock });
      backends = [open(), open()];
      one = storesOn(backends[0], clock);
      other = storesOn(backends[1], clock);
    });
    afterAll(async () => {
      await Promise.all(backends.map((backend) => backend.close()));
      await server.stop();
    });

    const processes = () => ({ one, other, backingStore: "redis", clock });
    twoProcessCases(processes);

    it("opens in one process the users' store that the other created", async () => {
      await one.create("made", { expirationSeconds: 10 });
      const made = await one.open("made");
      await made.set("readable", { a: 1 });
      expect(await (await other.open("made")).get("readable")).toEqual({ a: 1 });
    });

    it("refuses a write with an older fence than the entry's, whatever the holder's clock says", async () => {
      const [backend] = backends;
      const region = backend.open(`raw-${++serial}`, {});
      const times = { lifeSeconds: 10, waitSeconds: 0 };
      const first = await region.acquireLock("k", "first", times);
      clock.offsetMs += 10_000;
      const second = await region.acquireLock("k", "second", times);
      expect(second?.fence).toBeGreaterThan(first?.fence ?? 0);
      const hold = { holder: "second", fence: second?.fence ?? 0 };
      expect(await region.set([["k", 2]], { ttlSeconds: null, hold })).toBe(true);
      const old = { holder: "first", fence: first?.fence ?? 0 };
      // The first holder's clock is behind, so its lock seems to be live.
      clock.offsetMs -= 10_000;
      expect(await region.set([["k", 1]], { ttlSeconds: null, hold: old })).toBe(false);
      // Refused even if the lock is as it was then: the entry keeps the newest fence.
      await region.releaseLock("k", hold);
      const name = `"raw-${serial}\\x00k"`;
      await ask(server.port, `HSET isimud:{key-values}:locks ${name} "${old.fence} 9000000000000000 first"`);
      expect(await region.set([["k", 1]], { ttlSeconds: null, hold: old })).toBe(false);
      expect(await region.delete(["k"], old)).toEqual({ refused: true, deleted: 0 });
      expect(await region.get(["k"])).toEqual([2]);
      await region.releaseLock("k", old);
      clock.offsetMs += 10_000;
    });

    it("says that it cannot be reached while its server is away, and works again once it is back", async () => {
      const { mine } = inBoth(processes(), 5);
      server.child.kill("SIGKILL");
      await expect(mine.get("k")).rejects.toEqual(refused("STORAGE_UNAVAILABLE"));
      await server.restart();
      await expect.poll(() => mine.set("k", 1).then(() => "works", String)).toBe("works");
      expect(await mine.get("k")).toBe(1);
    });
  });
});
