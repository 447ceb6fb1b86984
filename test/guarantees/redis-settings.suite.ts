/** How the Redis driver reacts to the settings and users of its servers. */
import { describe, expect, it, vi } from "vitest";
import { openRedisDataDriver } from "../../server/storage/redis/data-driver.ts";
import { aQueue, type OpenRedisPlace, post, prepareRedis } from "./redis-harness.ts";

export function describeRedisSettings(name: string, open: OpenRedisPlace): void {
  describe(`the settings of ${name}`, () => {
    const under = prepareRedis(open);

    it("DURABILITY is claimed only when every write reaches the disk first and the user may read that setting, and a restricted user can do the rest", async () => {
      expect(under.driver.capabilities).toContain("DURABILITY");
      await under.askAll("ACL SETUSER quiet on >secret-word ~isimud:* &isimud:* +@all -@admin -@dangerous -client");
      const quiet = await openRedisDataDriver({ uri: under.url.replace("//", "//quiet:secret-word@") });
      expect([...quiet.capabilities].sort()).toEqual(["AOD", "CLAIMS", "FIFO", "HIGH_THROUGHPUT"]);
      expect((await quiet.health()).operations.every(({ succeeded }) => succeeded)).toBe(true);
      const heard: string[] = [];
      const stop = quiet.watchArrivals(({ name }) => heard.push(name));
      const queue = await aQueue(under.driver, "for the quiet one");
      await vi.waitFor(
        async () => {
          await post(under.driver, queue);
          expect(heard).toContain(queue.name);
        },
        { timeout: 10_000, interval: 50 },
      );
      stop();
      await quiet.gc();
      await quiet.close();
      const stranger = openRedisDataDriver({ uri: under.url.replace("//", "//quiet:wrong-word@") });
      const refusal = await stranger.catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code: "STORAGE_UNAVAILABLE" });
      expect((refusal as Error).message).not.toContain("word");
    });

    it("an open driver reports a server that would evict messages when its memory is full", async () => {
      const errors: unknown[] = [];
      const open = async () =>
        (await openRedisDataDriver({ uri: under.url, onError: (error) => errors.push(error) })).close();
      await open();
      expect(errors).toEqual([]);
      await under.askAll("CONFIG SET maxmemory 1gb maxmemory-policy allkeys-lru");
      await open();
      await under.askAll("CONFIG SET maxmemory 0 maxmemory-policy noeviction");
      expect(errors).toMatchObject([{ message: expect.stringContaining("noeviction") }]);
    });
  });
}
