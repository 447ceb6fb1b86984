import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DomainError } from "../server/errors.ts";
import { FailureLog } from "../server/failure-log.ts";
import { startGcSchedule } from "../server/gc-schedule.ts";
import type { GcReport } from "../server/operations/gc.ts";

const NOTHING: GcReport = {
  pools: [],
  total: { messages: 0, claims: 0, subscriptions: 0, queues: 0 },
  durationSeconds: 0,
};

const silent = new FailureLog({ warn: () => {}, info: () => {} });

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A collection that ends when `finish` is called. */
function slowCollection() {
  const waiting: (() => void)[] = [];
  const collect = vi.fn(() => new Promise<GcReport>((resolve) => waiting.push(() => resolve(NOTHING))));
  return { collect, finish: () => waiting.shift()?.() };
}

test("collects again and again, and never while the last one runs", async () => {
  const { collect, finish } = slowCollection();
  const gc = startGcSchedule({ collect, intervalSeconds: 10, failures: silent, random: () => 0.5 });
  await vi.advanceTimersByTimeAsync(9_999);
  expect(collect).toHaveBeenCalledTimes(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(collect).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(collect).toHaveBeenCalledTimes(1);
  finish();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(collect).toHaveBeenCalledTimes(2);
  finish();
  await gc.stop();
});

test("does not begin at the same time in every process", async () => {
  const { collect } = slowCollection();
  startGcSchedule({ collect, intervalSeconds: 10, failures: silent, random: () => 0 });
  await vi.advanceTimersByTimeAsync(9_000);
  expect(collect).toHaveBeenCalledTimes(1);
});

test("goes on after one that failed, which is logged", async () => {
  const broken = new Error("away");
  const collect = vi.fn().mockRejectedValueOnce(broken).mockResolvedValue(NOTHING);
  const warn = vi.fn();
  const failures = new FailureLog({ warn, info: () => {} });
  const gc = startGcSchedule({ collect, intervalSeconds: 10, failures, random: () => 0.5 });
  await vi.advanceTimersByTimeAsync(20_000);
  expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining("Garbage collection failed"), broken);
  expect(collect).toHaveBeenCalledTimes(2);
  await gc.stop();
});

test("logs the first of a row of like failures, and the recovery", async () => {
  const away = () => new DomainError("STORAGE_UNAVAILABLE", "away");
  const collect = vi.fn().mockResolvedValue(NOTHING);
  for (const error of [away(), away(), away(), new Error("a defect"), new Error("a defect")]) {
    collect.mockRejectedValueOnce(error);
  }
  const logged: string[] = [];
  const gc = startGcSchedule({
    collect,
    intervalSeconds: 10,
    failures: new FailureLog({
      warn: (_message, error) => logged.push((error as Error).message),
      info: (message) => logged.push(message),
    }),
    random: () => 0.5,
  });
  await vi.advanceTimersByTimeAsync(80_000);
  expect(collect).toHaveBeenCalledTimes(8);
  expect(logged).toEqual(["away", "a defect", "Garbage collection recovered"]);
  await gc.stop();
});

test("stops: waits for the one that runs, and begins no other", async () => {
  const { collect, finish } = slowCollection();
  const gc = startGcSchedule({ collect, intervalSeconds: 10, failures: silent, random: () => 0.5 });
  await vi.advanceTimersByTimeAsync(10_000);
  const stopped = vi.fn();
  const stopping = gc.stop().then(stopped);
  await vi.advanceTimersByTimeAsync(1000);
  expect(stopped).not.toHaveBeenCalled();
  finish();
  await stopping;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(collect).toHaveBeenCalledTimes(1);
});
