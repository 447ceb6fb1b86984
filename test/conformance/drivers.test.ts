/** Runs every conformance suite on every data driver. A new backend is one entry here. */
import type { DataDriver } from "../../server/storage/data-driver.ts";
import { openPostgresDataDriver } from "../../server/storage/postgres/data-driver.ts";
import { openRedisDataDriver } from "../../server/storage/redis/data-driver.ts";
import { createTestDatabase } from "../support/database.ts";
import { describeWithRedis, startRedis, startRedisCluster } from "../support/redis.ts";
import { describeActivity } from "./activity.suite.ts";
import { describeBytes } from "./bytes.suite.ts";
import { describeClaims } from "./claims.suite.ts";
import {
  type DataDriverHarness,
  KEPT_POPS_BYTES as keptPopsBytes,
  type OpenDataDriver,
  onOneStore,
  uniqueName,
} from "./harness.ts";
import { describeIdentity } from "./identity.suite.ts";
import { describeLives } from "./lives.suite.ts";
import { describeMessageStates } from "./message-states.suite.ts";
import { describeMessages } from "./messages.suite.ts";
import { describeQueueLifecycle } from "./queue-lifecycle.suite.ts";
import { describeSubscriptions } from "./subscriptions.suite.ts";
import { describeUndo } from "./undo.suite.ts";

/** Two drivers on a store, which is dropped with them. */
async function twoDrivers(
  open: (clock: { offsetMs: number }) => Promise<DataDriver>,
  drop: () => Promise<void>,
): Promise<DataDriverHarness> {
  const clock = { offsetMs: 0 };
  const driver = await open(clock);
  const neighbour = await open(clock);
  const newQueue = async (name = uniqueName(), project = "project") => {
    const queue = { project, name };
    await driver.attachQueue({ ...queue, epoch: 1 });
    return queue;
  };
  return {
    driver,
    neighbour,
    clock,
    newQueue,
    newQueueBeside: () => newQueue(),
    close: async () => {
      await driver.close();
      await neighbour.close();
      await drop();
    },
  };
}

const postgres: OpenDataDriver = async () => {
  const database = await createTestDatabase();
  return twoDrivers(
    (clock) => openPostgresDataDriver({ uri: database.url, connections: 6, clock, keptPopsBytes }),
    () => database.drop(),
  );
};

const redis: OpenDataDriver = async () => {
  const server = await startRedis();
  return twoDrivers(
    (clock) => openRedisDataDriver({ uri: server.url, clock, keptPopsBytes }),
    () => server.stop(),
  );
};

const redisCluster: OpenDataDriver = async () => {
  const cluster = await startRedisCluster();
  return twoDrivers(
    (clock) => openRedisDataDriver({ uri: cluster.url, clock, keptPopsBytes }),
    () => cluster.stop(),
  );
};

function describeDriver(name: string, open: OpenDataDriver): void {
  describeIdentity(name, open);
  describeQueueLifecycle(name, open);
  describeActivity(name, open);
  const shared = onOneStore(open);
  describeMessages(name, shared);
  describeBytes(name, shared);
  describeMessageStates(name, shared);
  describeClaims(name, shared);
  describeLives(name, shared);
  describeSubscriptions(name, shared);
  describeUndo(name, shared);
}

describeDriver("PostgreSQL", postgres);
describeWithRedis(() => {
  describeDriver("Redis", redis);
  describeDriver("a Redis Cluster", redisCluster);
});
