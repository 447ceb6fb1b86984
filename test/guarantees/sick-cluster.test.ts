/**
 * One server of a Redis Cluster dies or stalls under load. Only its own queues are affected, although all queues are in
 * one pool.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { PoolKeys } from "../../server/storage/redis/keys.ts";
import { slotOf } from "../../server/storage/redis/server/cluster.ts";
import { uniqueName } from "../conformance/harness.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { openPooled, type Pooled } from "../support/pooled.ts";
import { describeWithRedis, startRedisCluster, type TestCluster, type TestRedis } from "../support/redis.ts";
import { expectUnavailable, type Heard, startPoolLoad } from "./pool-load.ts";

const SLOTS = 16_384;
/** Less than the time that a call waits for a stalled server. */
const UNDISTURBED_MS = 3000;

describeWithRedis(() => {
  let control: TestDatabase;
  let cluster: TestCluster;
  let pooled: Pooled;
  beforeAll(async () => {
    const durable = ["--appendonly", "yes", "--appendfsync", "always", "--cluster-require-full-coverage", "no"];
    [control, cluster] = await Promise.all([createTestDatabase(), startRedisCluster(3, false, durable)]);
    pooled = await openPooled({ url: control.url });
    await pooled.control.pools.create({ name: "wide", uri: cluster.url, weight: 1 });
  });
  afterAll(async () => {
    await pooled.close();
    await cluster.stop();
    await control.drop();
  });

  /** Creates two queues on this server. */
  async function queuesOf(server: number): Promise<QueueRef[]> {
    const queues: QueueRef[] = [];
    while (queues.length < 2) {
      const queue = { project: "p", name: uniqueName() };
      const slot = slotOf(new PoolKeys("isimud").queue(queue)[0] as string);
      if (Math.floor((slot * 3) / SLOTS) !== server) continue;
      await pooled.control.queues.create(queue);
      const { epoch } = await pooled.control.catalogue.insert(queue, "wide");
      await pooled.data.attachQueue({ ...queue, epoch });
      queues.push(queue);
    }
    return queues;
  }

  it.each<[string, number, (server: TestRedis) => unknown, (server: TestRedis) => unknown]>([
    ["is killed", 1, ({ child }) => child.kill("SIGKILL"), (server) => server.restart()],
    ["hangs", 2, ({ child }) => child.kill("SIGSTOP"), ({ child }) => child.kill("SIGCONT")],
    ["is named in the URI and is killed", 0, ({ child }) => child.kill("SIGKILL"), (server) => server.restart()],
  ])(
    "a cluster server that %s affects only its own queues, and they are intact afterwards",
    async (_, place, hurt, heal) => {
      const server = cluster.servers[place] as TestRedis;
      const [hit, spared] = [await queuesOf(place), await queuesOf((place + 1) % 3)];
      const [ill, well] = [startPoolLoad(pooled.data, hit), startPoolLoad(pooled.data, spared)];
      await ill.untilItWorks();
      await well.untilItWorks();
      await hurt(server);
      ill.heard();
      well.heard();
      const errors: unknown[] = [];
      const others: Heard[] = [];
      await expect
        .poll(() => {
          errors.push(...ill.heard().errors);
          others.push(well.heard());
          const told = errors.some((error) => String(error).includes('this queue in the pool "wide" does not answer'));
          return told && others.reduce((sum, { succeeded }) => sum + succeeded, 0) > 100;
        })
        .toBe(true);
      const [known, unknown] = await Promise.all([
        pooled.data.messages.stats(spared),
        pooled.data.messages.stats([...spared, ...hit]),
      ]);
      await heal(server);
      expect(known).toEqual([expect.anything(), expect.anything()]);
      expect(unknown).toEqual([expect.anything(), expect.anything(), null, null]);
      expectUnavailable(errors);
      expect(others.flatMap((heard) => heard.errors)).toEqual([]);
      expect(Math.max(...others.map(({ slowest }) => slowest))).toBeLessThan(UNDISTURBED_MS);
      await ill.untilItWorks();
      await ill.stopAndCheck();
      await well.stopAndCheck();
    },
  );
});
