/**
 * A process that posts to the same queues as others, in random order: `node random-poster.ts URI QUEUES POSTS`. Prints
 * the number of posts when all were acknowledged, and fails otherwise.
 */
import type { DataDriver } from "../../server/storage/data-driver.ts";

const [uri, queues, posts] = process.argv.slice(2) as [string, string, string];
/** Loads only the driver that it needs: loading is most of what a short process does. */
async function openDriver(): Promise<DataDriver> {
  if (/^rediss?:/.test(uri)) {
    const { openRedisDataDriver } = await import("../../server/storage/redis/data-driver.ts");
    return openRedisDataDriver({ uri });
  }
  const { openPostgresDataDriver } = await import("../../server/storage/postgres/data-driver.ts");
  return openPostgresDataDriver({ uri, connections: 4 });
}

const driver = await openDriver();
const message = { bodyText: '"x"', ttlSeconds: 3600, delaySeconds: 0 };
const post = async () => {
  const queue = { project: "p", name: `q${Math.floor(Math.random() * Number(queues))}` };
  await driver.messages.post({ queue, messages: [message], clientId: null });
};
for (let left = Number(posts); left > 0; left -= 25) await Promise.all(Array.from({ length: 25 }, post));
await driver.close();
console.log(posts);
