import type { DataDriver } from "../../server/storage/data-driver.ts";
import { openPostgresDataDriver } from "../../server/storage/postgres/data-driver.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { type Contender, payload } from "./contender.ts";

const CONNECTIONS = 16;
/** A claim with everything that costs: a limit on deliveries and a client. Its TTL does not extend the messages. */
const CLAIM = {
  ttlSeconds: 300,
  graceSeconds: 60,
  clientId: "bench",
  actor: "bench",
  deadLettersFrom: 10,
};

/** Isimud's own data driver on PostgreSQL, called in process. */
export async function isimudDriver(uri: string): Promise<Contender & { driver: DataDriver }> {
  const driver = await openPostgresDataDriver({ uri, connections: CONNECTIONS });
  const queue = { project: "bench", name: "bench", epoch: 1 };
  await driver.attachQueue(queue);
  return { ...driverContender("isimud driver", driver, [queue]), driver };
}

/** Any data driver. Its calls use the queues in turn. */
export function driverContender(name: string, driver: DataDriver, queues: readonly QueueRef[]): Contender {
  let turn = 0;
  const nextQueue = () => queues[turn++ % queues.length] as QueueRef;
  return {
    name,
    async post(count) {
      const messages = Array.from({ length: count }, () => ({
        bodyText: JSON.stringify(payload()),
        ttlSeconds: 3600,
        delaySeconds: 0,
      }));
      await driver.messages.post({ queue: nextQueue(), messages, clientId: "bench" });
    },
    async take(count) {
      // Nobody posts now, so an empty queue stays empty.
      for (const _ of queues) {
        const queue = nextQueue();
        const { claimId, messages } = await driver.claims.create({ queue, limit: count, ...CLAIM });
        const [first] = messages;
        if (first === undefined) continue;
        if (messages.length === 1) await driver.messages.delete({ queue, id: first.id, claimId });
        else {
          const ids = messages.map((message) => message.id);
          await driver.messages.bulkDelete({ queue, ids, claimIds: [claimId] });
        }
        return messages.map((message) => JSON.parse(message.bodyText).n);
      }
      return [];
    },
    close: () => driver.close(),
  };
}
