import type { DataDriver } from "../../server/storage/data-driver.ts";
import { openPostgresDataDriver } from "../../server/storage/postgres/data-driver.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { type Comparison, compare } from "./compare.ts";
import { payload } from "./contender.ts";

const SHORT = 1000;
const LONG = 1_000_000;
const TIMES = { ttlSeconds: 300, graceSeconds: 60, clientId: "bench" };

/** Compares the cost of each call in a queue of 1,000,000 messages with the cost in a queue of 1,000. */
export async function backlog(url: string, rounds: number): Promise<void> {
  const driver = await openPostgresDataDriver({ uri: url });
  const short = await filled(driver, "short", SHORT);
  const long = await filled(driver, "long", LONG);
  console.log(
    `\nA queue with ${LONG.toLocaleString("en")} messages against ${SHORT.toLocaleString("en")}: microseconds a call`,
  );
  const both = (name: string, call: (queue: QueueRef) => () => Promise<unknown>): Comparison => ({
    name,
    base: call(short),
    other: call(long),
  });
  const claim = (queue: QueueRef, limit: number) => driver.claims.create({ queue, limit, ...TIMES });
  await compare(
    [
      both("post", (queue) => () => driver.messages.post({ queue, messages: [message()], clientId: "bench" })),
      both("claim", (queue) => async () => {
        const start = performance.now();
        const { claimId } = await claim(queue, 10);
        const took = performance.now() - start;
        await driver.claims.delete({ queue, id: claimId });
        return took;
      }),
      both("delete", (queue) => async () => {
        const { claimId, messages } = await claim(queue, 1);
        const start = performance.now();
        await driver.messages.delete({ queue, id: messages[0]?.id ?? "", claimId });
        return performance.now() - start;
      }),
      both("list", (queue) => () => driver.messages.list({ queue, page: { limit: 20 } })),
      both("get", (queue) => async () => {
        const { items } = await driver.messages.list({ queue, page: { limit: 1 } });
        const start = performance.now();
        await driver.messages.get({ queue, id: items[0]?.id ?? "" });
        return performance.now() - start;
      }),
      both("first", (queue) => () => driver.messages.first({ queue, sort: 1 })),
      both("statistics", (queue) => () => driver.messages.stats([queue])),
    ],
    rounds,
    ["short", "long"],
  );
  await driver.close();
}

const message = () => ({ bodyText: JSON.stringify(payload()), ttlSeconds: 86_400, delaySeconds: 0 });

async function filled(driver: DataDriver, name: string, count: number): Promise<QueueRef> {
  const queue = { project: "backlog", name, epoch: 1 };
  await driver.attachQueue(queue);
  for (let posted = 0; posted < count; posted += 4000) {
    const posts = Array.from({ length: Math.min(4, Math.ceil((count - posted) / 1000)) }, () =>
      driver.messages.post({ queue, messages: Array.from({ length: 1000 }, message), clientId: "bench" }),
    );
    await Promise.all(posts);
  }
  // Statistics of a long queue come from counters. gc adds them up.
  await driver.gc();
  return queue;
}
