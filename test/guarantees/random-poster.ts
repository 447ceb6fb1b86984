/**
 * A process that posts to the same queues as others, in random order: `node random-poster.ts URI QUEUES POSTS`. Prints
 * the number of posts when all were acknowledged, and fails otherwise.
 */
import { openPostgresDataDriver } from "../../server/storage/postgres/data-driver.ts";
import { openRedisDataDriver } from "../../server/storage/redis/data-driver.ts";

const [uri, queues, posts] = process.argv.slice(2) as [string, string, string];
const driver = await (/^rediss?:/.test(uri)
  ? openRedisDataDriver({ uri })
  : openPostgresDataDriver({ uri, connections: 4 }));
const message = { bodyText: '"x"', ttlSeconds: 3600, delaySeconds: 0 };
const post = async () => {
  const queue = { project: "p", name: `q${Math.floor(Math.random() * Number(queues))}` };
  await driver.messages.post({ queue, messages: [message], clientId: null });
};
for (let left = Number(posts); left > 0; left -= 25) await Promise.all(Array.from({ length: 25 }, post));
await driver.close();
console.log(posts);
