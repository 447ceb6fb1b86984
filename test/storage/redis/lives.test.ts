import { createClient } from "redis";
import { expect, test } from "vitest";
import { MAX_QUEUE_EVENT_BYTES } from "../../../server/storage/messages/message-life.ts";
import { openRedisDataDriver } from "../../../server/storage/redis/data-driver.ts";
import { describeWithRedis, startRedis } from "../../support/redis.ts";

describeWithRedis(() => {
  test("lives take no more bytes than they may: those go whose last event is the oldest", async () => {
    const server = await startRedis();
    const driver = await openRedisDataDriver({ uri: server.url });
    const client = await createClient({ url: server.url }).connect();
    try {
      const queue = { project: "p", name: "q" };
      await driver.attachQueue({ ...queue, epoch: 1 });
      await driver.lives.keep({ queue, seconds: 60 });
      const post = async (count: number) => {
        const message = { bodyText: "1", ttlSeconds: 3600, delaySeconds: 0 };
        return (await driver.messages.post({ queue, messages: Array(count).fill(message), clientId: null })).ids;
      };
      const known = async (ids: string[]) =>
        (await driver.lives.read({ queue, ids }))?.lives.filter(({ events }) => events.length > 0).length;
      const early = await post(300);
      expect(await known(early)).toBe(300);
      const [row] = (await client.sendCommand(["KEYS", "*:queue:p/q"])) as unknown as [string];
      const bytes = Number(await client.sendCommand(["HGET", row, "life-bytes"]));
      expect(bytes).toBeGreaterThan(300 * 100);
      await client.sendCommand(["HINCRBY", row, "life-bytes", String(MAX_QUEUE_EVENT_BYTES - bytes)]);
      const late = await post(100);
      expect(await known(late)).toBe(100);
      expect(await known(early)).toBe(200);
      expect(Number(await client.sendCommand(["HGET", row, "life-bytes"]))).toBeLessThanOrEqual(MAX_QUEUE_EVENT_BYTES);
      await driver.lives.keep({ queue, seconds: 0 });
      expect(await client.sendCommand(["EXISTS", `${row}:lives`, `${row}:life-ends`])).toBe(0);
      expect(await client.sendCommand(["HEXISTS", row, "life-bytes"])).toBe(0);
    } finally {
      client.destroy();
      await driver.close();
      await server.stop();
    }
  });
});
