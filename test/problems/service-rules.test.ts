import { expect, test } from "vitest";
import { readConfig } from "../../server/config.ts";
import { judgeCollections } from "../../server/problems/service-rules.ts";
import type { Collection } from "../../server/storage/control-driver.ts";

const START = Date.parse("2026-01-01T12:00:00Z");

/** What is wrong so many seconds after a collection. */
function after(seconds: number, settings: Record<string, string> = {}, failed: Collection["failed"] = []) {
  const total = { messages: 0, claims: 0, subscriptions: 0, queues: 0 };
  const last = { at: new Date(START), durationSeconds: 1, total, failed };
  const now = new Date(START + seconds * 1000);
  const found = judgeCollections({ last, names: ["default", "fast"], now, limits: readConfig(settings) });
  return found.map(({ kind, pool, since, numbers }) => ({ kind, pool, since: since.getTime() - START, ...numbers }));
}

const LATE = { kind: "gcBehind", pool: "default", since: 0, error: null };

test("garbage collection is late after ten minutes, or after the time of a setting, and never with 0", () => {
  expect(after(600)).toEqual([]);
  expect(after(601)).toEqual([LATE]);
  expect(after(61, { GC_LATE_SECONDS: "60" })).toEqual([LATE]);
  expect(after(601, { GC_LATE_SECONDS: "3600" })).toEqual([]);
  expect(after(1e6, { GC_LATE_SECONDS: "0" })).toEqual([]);
});

test("garbage collection is not late while it is not due for three intervals", () => {
  expect(after(900, { GC_INTERVAL: "300" })).toEqual([]);
  expect(after(901, { GC_INTERVAL: "300" })).toEqual([LATE]);
});

test("garbage collection that failed in a pool is a problem at once, whatever the setting, while there is such a pool", () => {
  const failed = [
    { pool: "fast", error: "It failed." },
    { pool: "gone", error: "It failed." },
  ];
  const found = [{ kind: "gcBehind", pool: "fast", since: 0, error: "It failed." }];
  expect(after(1, { GC_LATE_SECONDS: "0" }, failed)).toEqual(found);
});

test("a service that has collected nothing yet is not late", () => {
  expect(judgeCollections({ last: null, names: [], now: new Date(START), limits: readConfig({}) })).toEqual([]);
});
