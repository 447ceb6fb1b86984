/**
 * The Redis driver's guarantees on a cluster of three masters, and what happens when slots move and replicas take over.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { openRedisDataDriver } from "../../server/storage/redis/data-driver.ts";
import { PoolKeys } from "../../server/storage/redis/keys.ts";
import { slotOf } from "../../server/storage/redis/server/cluster.ts";
import { ask, describeWithRedis, startRedisCluster, type TestRedis } from "../support/redis.ts";
import { slowNetwork } from "../support/slow-network.ts";
import { describeRedisBacklogs } from "./redis-backlogs.suite.ts";
import { describeRedisFaults } from "./redis-faults.suite.ts";
import { aQueue, codeOf, list, type OpenRedisPlace, post, prepareRedis, untilItWorks } from "./redis-harness.ts";
import { describeRedisSettings } from "./redis-settings.suite.ts";

const aCluster: OpenRedisPlace = () => startRedisCluster();
const aDurableCluster: OpenRedisPlace = () =>
  startRedisCluster(3, false, ["--appendonly", "yes", "--appendfsync", "always"]);

describeWithRedis(() => {
  describeRedisFaults("a cluster", aDurableCluster);
  describeRedisSettings("a cluster", aDurableCluster);
  describeRedisBacklogs("a cluster", aDurableCluster);

  describe("the servers of a cluster", () => {
    const under = prepareRedis(aCluster);

    it("a server of a cluster cannot be opened as a single server", async () => {
      const single = openRedisDataDriver({ uri: under.servers[1]?.url ?? "" });
      await expect(single).rejects.toMatchObject({
        code: "BAD_INPUT",
        message: expect.stringContaining("?cluster=true"),
      });
    });

    const keysOf = (queue: QueueRef) => new PoolKeys("isimud").queue(queue);
    const idOf = async (server: TestRedis) => /\r\n([0-9a-f]{40})/.exec(await ask(server.port, "CLUSTER MYID"))?.[1];
    const ownerOf = (slot: number) => Math.floor((slot * 3) / 16_384);

    it("a cluster whose server of the URI takes more than a second to answer can be opened", async () => {
      const network = await slowNetwork(under.url);
      network.delayMs = 600;
      try {
        const far = await openRedisDataDriver({ uri: network.uri });
        await post(far, await aQueue(far, "far"));
        await far.close();
      } finally {
        await network.close();
      }
    });

    it("calls wait for a slot that moves to another server, and follow it", async () => {
      const queue = await aQueue(under.driver, "moving");
      await post(under.driver, queue, 2);
      const slot = slotOf(keysOf(queue)[0] as string);
      const from = under.servers[ownerOf(slot)] as TestRedis;
      const to = under.servers[(ownerOf(slot) + 1) % 3] as TestRedis;
      await ask(to.port, `CLUSTER SETSLOT ${slot} IMPORTING ${await idOf(from)}`);
      await ask(from.port, `CLUSTER SETSLOT ${slot} MIGRATING ${await idOf(to)}`);
      const keys = [...(await ask(from.port, `CLUSTER GETKEYSINSLOT ${slot} 100`)).matchAll(/^isimud.*$/gm)];
      const names = keys.map(([name]) => JSON.stringify(name.trim())).join(" ");
      expect(await ask(from.port, `MIGRATE 127.0.0.1 ${to.port} "" 0 5000 KEYS ${names}`)).toContain("OK");
      // The post waits until the slot has moved, because a script needs all its keys on one server.
      const meanwhile = post(under.driver, queue);
      await sleep(200);
      for (const server of under.servers) {
        await ask(server.port, `CLUSTER SETSLOT ${slot} NODE ${await idOf(to)}`);
      }
      await meanwhile;
      await post(under.driver, queue);
      expect((await list(under.driver, queue)).items).toHaveLength(4);
      expect(await under.driver.isAlive()).toBe(true);
    });

    it("a server that hangs delays only its own queues, also for a driver that has just been opened", async () => {
      const queues: QueueRef[] = [];
      for (let index = 0; index < 12; index += 1) queues.push(await aQueue(under.driver, `still ${index}`));
      const owner = (queue: QueueRef) => ownerOf(slotOf(keysOf(queue)[0] as string));
      const stopped = under.servers[1] as TestRedis;
      const opened = await openRedisDataDriver({ uri: under.url });
      stopped.child.kill("SIGSTOP");
      try {
        const begun = performance.now();
        const [held] = queues.filter((queue) => owner(queue) === 1) as [QueueRef];
        const outcome = post(opened, held).catch(codeOf);
        for (const queue of queues.filter((one) => owner(one) !== 1)) await post(opened, queue);
        expect(performance.now() - begun).toBeLessThan(2000);
        expect(["OUTCOME_UNKNOWN", "STORAGE_UNAVAILABLE"]).toContain(await outcome);
        expect(performance.now() - begun).toBeLessThan(7000);
        for (const queue of queues.filter((one) => owner(one) !== 1)) await post(opened, queue);
      } finally {
        stopped.child.kill("SIGCONT");
      }
      await untilItWorks(() => Promise.all(queues.map((queue) => post(opened, queue))));
      await opened.close();
    }, 30_000);

    it("a server that dies affects only its own queues, and they can be used again once it is back", async () => {
      for (const server of under.servers) await ask(server.port, "CONFIG SET cluster-require-full-coverage no");
      const queues: QueueRef[] = [];
      for (let index = 0; index < 12; index += 1) queues.push(await aQueue(under.driver, `queue ${index}`));
      const owner = (queue: QueueRef) => ownerOf(slotOf(keysOf(queue)[0] as string));
      const dead = under.servers[2] as TestRedis;
      const lost = queues.filter((queue) => owner(queue) === 2);
      const kept = queues.filter((queue) => owner(queue) !== 2);
      expect([lost.length > 0, kept.length > 0]).toEqual([true, true]);
      dead.child.kill("SIGKILL");
      await sleep(200);
      const outcomes = await Promise.all(lost.map((queue) => post(under.driver, queue).catch(codeOf)));
      for (const outcome of outcomes) expect(["STORAGE_UNAVAILABLE", "OUTCOME_UNKNOWN"]).toContain(outcome);
      for (const queue of kept) await post(under.driver, queue);
      expect(await under.driver.isAlive()).toBe(false);
      await dead.restart();
      const [queue] = lost as [QueueRef];
      await untilItWorks(() => under.driver.attachQueue({ ...queue, epoch: 1 }));
      await post(under.driver, queue);
      expect(await under.driver.isAlive()).toBe(true);
    });
  });

  it("a replica that takes over is followed, also when the server of the URI is the one that died", async () => {
    const cluster = await startRedisCluster(3, true);
    const driver = await openRedisDataDriver({ uri: cluster.url });
    try {
      const queues: QueueRef[] = [];
      for (let index = 0; index < 12; index += 1) queues.push(await aQueue(driver, `queue ${index}`));
      const ids = await Promise.all(queues.map(async (queue) => (await post(driver, queue)).ids[0] as string));
      const dead = cluster.servers[0] as TestRedis;
      expect(Number(/:(\d+)/.exec(await ask(dead.port, "WAIT 1 5000"))?.[1])).toBe(1);
      dead.child.kill("SIGKILL");
      const all = () =>
        Promise.all(queues.map((queue, index) => driver.messages.get({ queue, id: ids[index] as string })));
      await vi.waitFor(all, { timeout: 20_000, interval: 100 });
      await Promise.all(queues.map((queue) => post(driver, queue)));
    } finally {
      await driver.close();
      await cluster.stop();
    }
  }, 60_000);
});
