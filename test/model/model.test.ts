/** Compares random histories of two queues on a real store, through two drivers, with a short model. */
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, it } from "vitest";
import type { DataDriver } from "../../server/storage/data-driver.ts";
import { openPostgresDataDriver } from "../../server/storage/postgres/data-driver.ts";
import { openRedisDataDriver } from "../../server/storage/redis/data-driver.ts";
import { createTestDatabase } from "../support/database.ts";
import { describeWithRedis, startRedis, startRedisCluster } from "../support/redis.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { queueCommands, type Real } from "./commands.ts";
import { expectLives, KEPT_SECONDS } from "./lives.ts";
import type { ObservedQueue } from "./observations.ts";
import { StoreModel } from "./queue-model.ts";

const RUNS = IS_THOROUGH ? 60 : 25;
const undoSeconds = 60;

interface Store {
  open(clock: { offsetMs: number }): Promise<DataDriver>;
  drop(): Promise<void>;
}

function describeModel(name: string, createStore: () => Promise<Store>): void {
  describe(`queues, messages and claims on ${name}`, () => {
    const clock = { offsetMs: 0 };
    let store: Store;
    let drivers: [DataDriver, DataDriver];

    beforeAll(async () => {
      store = await createStore();
      drivers = [await store.open(clock), await store.open(clock)];
    });
    afterAll(async () => {
      await Promise.all(drivers.map((driver) => driver.close()));
      await store.drop();
    });

    const aQueue = async (): Promise<ObservedQueue> => {
      const queue = { project: "model", name: randomUUID() };
      await drivers[0].attachQueue({ ...queue, epoch: 1 });
      return { queue, epoch: 1, startedAt: Date.now() + clock.offsetMs, markers: new Map(), highest: 0n };
    };
    const begin = async (): Promise<{ model: StoreModel; real: Real }> => {
      const queues = [await aQueue(), await aQueue()] as const;
      await drivers[1].lives.keep({ queue: queues[0].queue, seconds: KEPT_SECONDS });
      const messageIds = [randomUUID(), "nonsense"];
      const claimIds = [randomUUID(), "nonsense"];
      return { model: new StoreModel(), real: { drivers, queues, clock, messageIds, claimIds } };
    };

    it("behave as their model does in random sequences of commands", { timeout: 300_000 }, async () => {
      await fc.assert(
        fc.asyncProperty(queueCommands, async (commands) => {
          const begun = await begin();
          await fc.asyncModelRun(() => begun, commands);
          await expectLives(begun.real);
          for (const { queue } of begun.real.queues) await drivers[0].detachQueue(queue);
        }),
        { numRuns: RUNS, endOnFailure: false },
      );
    });
  });
}

describeModel("PostgreSQL", async () => {
  const database = await createTestDatabase();
  return {
    open: (clock) => openPostgresDataDriver({ uri: database.url, connections: 4, clock, undoSeconds }),
    drop: () => database.drop(),
  };
});

describeWithRedis(() => {
  describeModel("Redis", async () => {
    const server = await startRedis();
    return {
      open: (clock) => openRedisDataDriver({ uri: server.url, clock, undoSeconds }),
      drop: () => server.stop(),
    };
  });
  // Its two queues are mostly on two servers, so that a transfer between them takes two steps.
  describeModel("a Redis Cluster", async () => {
    const cluster = await startRedisCluster();
    return {
      open: (clock) => openRedisDataDriver({ uri: cluster.url, clock, undoSeconds }),
      drop: () => cluster.stop(),
    };
  });
});
