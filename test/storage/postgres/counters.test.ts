import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Counters } from "../../../server/storage/postgres/messages/counters.ts";
import type { Statements } from "../../../server/storage/postgres/sql/statements.ts";

interface Written {
  queueIds: string[];
  growths: number[];
  posted: number[];
  deleted: number[];
}
let written: Written[] = [];
let failing = false;
const errors: unknown[] = [];
let counters: Counters;

beforeEach(() => {
  vi.useFakeTimers();
  written = [];
  failing = false;
  errors.length = 0;
  const write = async (_: unknown, parameters: Written) => {
    if (failing) throw new Error("The storage is away.");
    written.push(parameters);
    return [];
  };
  counters = new Counters({ write } as unknown as Statements, (error) => errors.push(error));
});
afterEach(() => vi.useRealTimers());

test("counts of many calls are written together, a second after the first, in the order of the queues' rows", async () => {
  counters.add("12", "posted", 2);
  counters.add("9", "posted", 1);
  await vi.advanceTimersByTimeAsync(900);
  counters.add("12", "deleted", 1);
  expect(written).toEqual([]);
  await vi.advanceTimersByTimeAsync(100);
  expect(written).toMatchObject([{ queueIds: ["9", "12"], growths: [1, 1], posted: [1, 2], deleted: [0, 1] }]);
  await vi.advanceTimersByTimeAsync(5000);
  expect(written).toHaveLength(1);
});

test("counts that could not be written wait for the next time, and none is lost", async () => {
  failing = true;
  counters.add("1", "posted", 2);
  await vi.advanceTimersByTimeAsync(1000);
  expect(errors).toHaveLength(1);
  expect(counters.pendingGrowth("1")).toBe(2);
  failing = false;
  counters.add("1", "popped", 1);
  await vi.advanceTimersByTimeAsync(1000);
  expect(written).toMatchObject([{ queueIds: ["1"], growths: [1], posted: [2] }]);
});

test("a purge forgets by how much a queue has grown, and keeps its totals", async () => {
  counters.add("1", "posted", 5);
  expect(counters.forgetGrowth("1")).toBe(5);
  counters.tally("1", "deleted", 5);
  await counters.flush();
  expect(written).toMatchObject([{ growths: [0], posted: [5], deleted: [5] }]);
});
