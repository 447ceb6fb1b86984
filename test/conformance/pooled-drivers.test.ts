/** Runs the data drivers' suites once more, through the pooling driver with two pools. */
import type { DataDriver } from "../../server/storage/data-driver.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { createEmptyDatabase, createTestDatabase } from "../support/database.ts";
import { openPooled } from "../support/pooled.ts";
import { describeWithRedis, startRedis } from "../support/redis.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { describeActivity } from "./activity.suite.ts";
import { describeBytes } from "./bytes.suite.ts";
import { describeClaims } from "./claims.suite.ts";
import { type DataDriverHarness, KEPT_POPS_BYTES, type OpenDataDriver, onOneStore, uniqueName } from "./harness.ts";
import { describeLives } from "./lives.suite.ts";
import { describeMessageStates } from "./message-states.suite.ts";
import { describeMessages } from "./messages.suite.ts";
import { describeSubscriptions } from "./subscriptions.suite.ts";

interface Pools {
  uris: Record<"one" | "other", string>;
  drop(): Promise<void>;
}

/** New queues alternate between the pools. A queue beside another one is in the other pool. */
const twoPools = (createPools: (controlUrl: string) => Promise<Pools>) => async (): Promise<DataDriverHarness> => {
  const controlDatabase = await createTestDatabase();
  const created = await createPools(controlDatabase.url);
  const clock = { offsetMs: 0 };
  const open = () => openPooled({ url: controlDatabase.url, clock, keptPopsBytes: KEPT_POPS_BYTES });
  const [one, other] = await Promise.all([open(), open()]);
  const pools = ["one", "other"] as const;
  for (const name of pools) await one.control.pools.create({ name, uri: created.uris[name], weight: 1 });

  let turn = 0;
  const queueIn = async (pool: string, name = uniqueName(), project = "project"): Promise<QueueRef> => {
    const queue = { project, name };
    await one.control.queues.create(queue);
    const { epoch } = await one.control.catalogue.insert(queue, pool);
    await one.data.attachQueue({ ...queue, epoch });
    return queue;
  };
  const driver: DataDriver = one.data;
  return {
    driver,
    neighbour: other.data,
    clock,
    newQueue: (name, project) => queueIn(pools[turn++ % 2] as string, name, project),
    async newQueueBeside(queue) {
      const { pool } = await one.control.catalogue.get(queue);
      return queueIn(pool === "one" ? "other" : "one");
    },
    close: async () => {
      await one.close();
      await other.close();
      await controlDatabase.drop();
      await created.drop();
    },
  };
};

/** One pool is a database, the other a schema beside the control tables. */
const onPostgres = twoPools(async (controlUrl) => {
  const database = await createEmptyDatabase();
  const schema = new URL(controlUrl);
  schema.searchParams.set("schema", "a_pool");
  return { uris: { one: database.url, other: schema.toString() }, drop: () => database.drop() };
});

/** A transfer between two queues may go from PostgreSQL to Redis, or back. */
const onPostgresAndRedis = twoPools(async () => {
  const database = await createEmptyDatabase();
  const server = await startRedis();
  return {
    uris: { one: database.url, other: `${server.url}/a_pool` },
    drop: async () => {
      await database.drop();
      await server.stop();
    },
  };
});

function describeAll(name: string, open: OpenDataDriver): void {
  describeActivity(name, open);
  const shared = onOneStore(open);
  describeMessages(name, shared);
  describeBytes(name, shared);
  describeMessageStates(name, shared);
  describeClaims(name, shared);
  describeLives(name, shared);
  describeSubscriptions(name, shared);
}

if (IS_THOROUGH) describeAll("two pools of PostgreSQL", onPostgres);
describeWithRedis(() => describeAll("a pool of PostgreSQL and one of Redis", onPostgresAndRedis));
