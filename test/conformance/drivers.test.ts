/** Every data driver, and the suites that give it its meaning. A new backend is one entry here. */
import { openPostgresDataDriver } from "../../server/storage/postgres/data-driver.ts";
import { createTestDatabase } from "../support/database.ts";
import { describeClaims } from "./claims.suite.ts";
import { type OpenDataDriver, uniqueName } from "./harness.ts";
import { describeMessages } from "./messages.suite.ts";
import { describeQueueLives } from "./queue-lives.suite.ts";
import { describeSubscriptions } from "./subscriptions.suite.ts";

const postgres: OpenDataDriver = async () => {
  const database = await createTestDatabase();
  const clock = { offsetMs: 0 };
  const open = () => openPostgresDataDriver({ uri: database.url, connections: 6, clock });
  const driver = await open();
  const neighbour = await open();
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
      await database.drop();
    },
  };
};

describeMessages("PostgreSQL", postgres);
describeClaims("PostgreSQL", postgres);
describeQueueLives("PostgreSQL", postgres);
describeSubscriptions("PostgreSQL", postgres);
