/** The data drivers' suites once more, through the pooling driver with two pools. */
import type { DataDriver, QueueRef } from "../../server/storage/data-driver.ts";
import { createEmptyDatabase, createTestDatabase } from "../support/database.ts";
import { openPooled } from "../support/pooled.ts";
import { describeClaims } from "./claims.suite.ts";
import { type OpenDataDriver, uniqueName } from "./harness.ts";
import { describeMessages } from "./messages.suite.ts";
import { describeSubscriptions } from "./subscriptions.suite.ts";

/** One pool is a database, the other a schema beside the control tables. Queues take turns, and a queue beside another is in the other pool. */
const twoPools: OpenDataDriver = async () => {
  const [controlDatabase, poolDatabase] = await Promise.all([createTestDatabase(), createEmptyDatabase()]);
  const clock = { offsetMs: 0 };
  const open = () => openPooled({ url: controlDatabase.url, clock });
  const [one, other] = await Promise.all([open(), open()]);
  const schema = new URL(controlDatabase.url);
  schema.searchParams.set("schema", "a_pool");
  await one.control.pools.create({ name: "database", uri: poolDatabase.url, weight: 1 });
  await one.control.pools.create({ name: "schema", uri: schema.toString(), weight: 1 });

  const pools = ["database", "schema"] as const;
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
      return queueIn(pool === "schema" ? "database" : "schema");
    },
    close: async () => {
      await one.close();
      await other.close();
      await controlDatabase.drop();
      await poolDatabase.drop();
    },
  };
};

describeMessages("two pools of PostgreSQL", twoPools);
describeClaims("two pools of PostgreSQL", twoPools);
describeSubscriptions("two pools of PostgreSQL", twoPools);
