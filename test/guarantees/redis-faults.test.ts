/** The Redis driver's guarantees on a single server. */
import { describe, expect, it, vi } from "vitest";
import { DomainError } from "../../server/errors.ts";
import { openRedisDataDriver } from "../../server/storage/redis/data-driver.ts";
import { Scripts } from "../../server/storage/redis/server/scripts.ts";
import { aMessage } from "../conformance/harness.ts";
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

    it("a purge of a queue's beginning that breaks off is finished by a repeat with its key, which spares later messages", async () => {
      const { driver } = under;
      const queue = await aQueue(driver, "broken-purge");
      const messages = Array.from({ length: 700 }, () => aMessage());
      await driver.messages.post({ queue, messages: [...messages, ...messages], clientId: null });
      const held = await driver.claims.create({ queue, limit: 1, ttlSeconds: 60, graceSeconds: 60, clientId: null });
      const newest = await driver.messages.first({ queue, sort: -1 });
      const params = { queue, before: { marker: newest.marker }, idempotencyKey: "k" };
      const { runToEnd } = Scripts.prototype;
      const steps = vi.spyOn(Scripts.prototype, "runToEnd");
      try {
        steps.mockImplementationOnce(runToEnd).mockRejectedValue(new DomainError("STORAGE_UNAVAILABLE", "Broken."));
        await expect(driver.messages.purge(params)).rejects.toMatchObject({
          code: "STORAGE_UNAVAILABLE",
          message: expect.stringContaining("The oldest 500 messages were removed, and there are more"),
          details: { partial: true, messages: 500 },
        });
      } finally {
        steps.mockRestore();
      }
      expect(await driver.messages.stats([queue])).toMatchObject([{ total: 900, claimed: 0 }]);
      await expect(driver.claims.get({ queue, id: held.claimId })).rejects.toMatchObject({
        code: "CLAIM_DOES_NOT_EXIST",
      });
      await post(driver, queue);
      for (let time = 0; time < 2; time += 1) expect(await driver.messages.purge(params)).toEqual({ messages: 1399 });
      expect(await driver.messages.stats([queue])).toMatchObject([{ total: 2 }]);
    });

    it("a purge of a queue's beginning that a move interrupts returns the number of all, or says that it removed a part", async () => {
      const { driver } = under;
      const queue = await aQueue(driver, "purge-that-moves");
      await driver.messages.post({ queue, messages: Array.from({ length: 2200 }, () => aMessage()), clientId: null });
      const { marker } = await driver.messages.first({ queue, sort: -1 });
      const purge = (idempotencyKey?: string) =>
        driver.messages.purge({ queue, before: { marker }, ...(idempotencyKey ? { idempotencyKey } : {}) });
      const { runToEnd } = Scripts.prototype;
      const steps = vi.spyOn(Scripts.prototype, "runToEnd");
      const moves = () =>
        steps.mockImplementationOnce(runToEnd).mockRejectedValueOnce(new DomainError("QUEUE_IS_MOVING", "It moves."));
      try {
        moves();
        const partial = { code: "DEADLINE_EXCEEDED", details: { partial: true, messages: 500 } };
        await expect(purge()).rejects.toMatchObject(partial);
        moves();
        // Whoever finds the queue again repeats this call.
        await expect(purge("k")).rejects.toMatchObject({ code: "QUEUE_IS_MOVING" });
      } finally {
        steps.mockRestore();
      }
      expect(await purge("k")).toEqual({ messages: 1699 });
      expect(await purge()).toEqual({ messages: 0 });
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
