import { expect, test } from "vitest";
import { judgeConsumers, type QueueWithoutSome } from "../../server/problems/consumer-rules.ts";

const NOW = new Date("2026-01-01T12:00:00Z");
const ago = (minutes: number) => new Date(NOW.getTime() - minutes * 60_000);
const FACTS: QueueWithoutSome = {
  queue: { project: "shop", name: "orders" },
  stopped: [{ name: "worker-2", stoppedAt: ago(12) }],
  ...{ othersPresent: false, ready: 0, oldestReadyAt: null, held: 0, goneSeconds: 120, now: NOW },
};

test("a consumer that stopped is a problem when nobody is left, and a worse one when messages wait", () => {
  expect(judgeConsumers(FACTS)).toMatchObject({
    severity: "warning",
    since: ago(12),
    numbers: { names: ["worker-2"] },
  });
  expect(judgeConsumers({ ...FACTS, ready: 3, oldestReadyAt: ago(0) })).toMatchObject({ severity: "critical" });
});

test("one that was replaced is none, unless messages wait for longer than the silence", () => {
  expect(judgeConsumers({ ...FACTS, othersPresent: true })).toBe(null);
  expect(judgeConsumers({ ...FACTS, othersPresent: true, ready: 3, oldestReadyAt: ago(1) })).toBe(null);
  expect(judgeConsumers({ ...FACTS, othersPresent: true, ready: 3, oldestReadyAt: ago(2) })).toMatchObject({
    severity: "warning",
  });
});

test("those that stopped together are told together, since the first of them", () => {
  const stopped = [
    { name: "e", stoppedAt: ago(600) },
    { name: "d", stoppedAt: ago(5) },
    { name: "c", stoppedAt: ago(7) },
    { name: "b", stoppedAt: ago(6) },
    { name: "a", stoppedAt: ago(6) },
  ];
  expect(judgeConsumers({ ...FACTS, stopped })).toMatchObject({
    since: ago(7),
    numbers: { consumers: 4, names: ["c", "a", "b"] },
  });
});
