/** Calls of the Redis driver that need many scripts, on a server whose scripts never say that they are done. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ClaimAcquirer } from "../../../server/storage/redis/claims/acquire.ts";
import { PoolKeys } from "../../../server/storage/redis/keys.ts";
import { RedisMessages } from "../../../server/storage/redis/messages/messages.ts";
import { QueueRows } from "../../../server/storage/redis/queue-rows.ts";
import type { RedisLink } from "../../../server/storage/redis/server/cluster.ts";
import { Scripts } from "../../../server/storage/redis/server/scripts.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const queue = { project: "p", name: "q" };
const term = { queue, limit: 1, ttlSeconds: 60, graceSeconds: 60, clientId: null };

function aDriver(answer: readonly unknown[]) {
  let sent = 0;
  const send = async () => {
    sent += 1;
    if (sent > 100) throw new Error("This goes on for ever.");
    vi.advanceTimersByTime(400);
    return answer;
  };
  const queues = new QueueRows(
    new Scripts({ send } as unknown as RedisLink),
    new PoolKeys("x"),
    { offsetMs: 0 },
    () => undefined,
  );
  const messages = new RedisMessages(queues, { tell: () => undefined } as never);
  return { messages, claims: new ClaimAcquirer(queues, () => Promise.reject(new Error())), sent: () => sent };
}
type Driver = ReturnType<typeof aDriver>;

test.each<[string, readonly unknown[], (driver: Driver) => Promise<unknown>]>([
  ["a list", ["ok", "1", [], "(5", 0], ({ messages }) => messages.list({ queue, page: { limit: 1 } })],
  ["a pop", ["ok", "1", [], "(5"], ({ messages }) => messages.pop({ queue, limit: 1 })],
  ["a claim", ["ok", "1", [null], "(5", 0], ({ claims }) => claims.acquire(term)],
  ["a keyed claim", ["ok", "1", [null], "(5", 0], ({ claims }) => claims.acquire({ ...term, idempotencyKey: "k" })],
  ["what must settle first", ["more"], ({ messages }) => messages.first({ queue, sort: 1 })],
])("%s has one deadline, and sends nothing whose answer would come too late", async (_, answer, work) => {
  const driver = aDriver(answer);
  await expect(work(driver)).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
  expect(driver.sent()).toBe(11);
});
