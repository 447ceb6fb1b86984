/** The Redis driver's guarantees on a single server. */
import { describe, expect, it } from "vitest";
import { openRedisDataDriver } from "../../server/storage/redis/data-driver.ts";
import { ask, describeWithRedis, startRedis, type TestRedis } from "../support/redis.ts";
import { describeRedisBacklogs } from "./redis-backlogs.suite.ts";
import { describeRedisFaults } from "./redis-faults.suite.ts";
import { aQueue, list, type OpenRedisPlace, post, prepareRedis, untilItWorks } from "./redis-harness.ts";
import { describeRedisSettings } from "./redis-settings.suite.ts";

const aServer: OpenRedisPlace = async () => {
  const server = await startRedis(["--appendonly", "yes", "--appendfsync", "always"]);
  return { url: server.url, servers: [server], stop: () => server.stop() };
};

describeWithRedis(() => {
  describeRedisFaults("a server", aServer);
  describeRedisSettings("a server", aServer);
  describeRedisBacklogs("a server", aServer);

  describe("a single server", () => {
    const under = prepareRedis(aServer);
    const server = () => under.servers[0] as TestRedis;

    it("a replica is reported as unavailable, whether it serves stale data or none", async () => {
      const queue = await aQueue(under.driver, "replica");
      await ask(server().port, "CONFIG SET replica-serve-stale-data no");
      await ask(server().port, "REPLICAOF 127.0.0.1 1");
      try {
        await expect(post(under.driver, queue)).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
        await ask(server().port, "CONFIG SET replica-serve-stale-data yes");
        await expect(post(under.driver, queue)).rejects.toMatchObject({
          code: "STORAGE_UNAVAILABLE",
          message: expect.stringContaining("read-only"),
        });
      } finally {
        await ask(server().port, "REPLICAOF NO ONE");
        await ask(server().port, "CONFIG SET replica-serve-stale-data yes");
      }
      await untilItWorks(() => post(under.driver, queue));
    });

    it("two prefixes, and two databases, are two stores", async () => {
      const uris = [`${under.url}/one`, `${under.url}/0?prefix=two`, `${under.url}/1`];
      const stores = await Promise.all(uris.map((uri) => openRedisDataDriver({ uri })));
      for (const store of stores) {
        const queue = await aQueue(store, "shared name");
        await post(store, queue);
        expect((await list(store, queue)).items).toHaveLength(1);
      }
      await Promise.all(stores.map((store) => store.close()));
    });

    it("a URI with invalid or contradictory options is refused, and so is a single server as a cluster", async () => {
      const wrong = ["/a?prefix=b", "/1?cluster=true", "/a%7Bb%7D", "?password=x", `?prefix=${"x".repeat(65)}`];
      for (const rest of wrong) {
        await expect(openRedisDataDriver({ uri: `${under.url}${rest}` })).rejects.toMatchObject({ code: "BAD_INPUT" });
      }
      await expect(openRedisDataDriver({ uri: `${under.url}?cluster=true` })).rejects.toMatchObject({
        code: "STORAGE_UNAVAILABLE",
        message: expect.stringContaining("no part of a Redis Cluster"),
      });
    });
  });
});
