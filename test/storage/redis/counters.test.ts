import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Counters } from "../../../server/storage/redis/counters.ts";
import { PoolKeys } from "../../../server/storage/redis/keys.ts";
import type { Scripts } from "../../../server/storage/redis/server/scripts.ts";

interface Run {
  script: string;
  args: { entries?: { kinds: string[]; counts: number[] }[]; used?: { name: string; weight: number }[] };
}
let runs: Run[] = [];
let refused: string | null = null;
const errors: unknown[] = [];
let counters: Counters;

beforeEach(() => {
  vi.useFakeTimers();
  runs = [];
  refused = null;
  errors.length = 0;
  const run = async ({ name }: { name: string }, _: unknown, args: Run["args"]) => {
    if (name === refused) throw new Error("The storage is away.");
    runs.push({ script: name, args });
    return ["ok"];
  };
  const scripts = { run, link: { isCluster: false } } as unknown as Scripts;
  counters = new Counters(
    scripts,
    new PoolKeys("x"),
    () => 0,
    (error) => errors.push(error),
  );
});
afterEach(() => vi.useRealTimers());

const queue = { project: "p", name: "a/b", epoch: 1 };

test("counts of many calls are written together, a second after the first, and then the queues that changed", async () => {
  counters.add(queue, "posted", 2);
  counters.add(queue, "posted", 1);
  counters.touch({ ...queue, name: "c" });
  counters.add({ project: "", name: " health 1" }, "posted", 1);
  await vi.advanceTimersByTimeAsync(1000);
  expect(runs).toMatchObject([
    { script: "add tallies", args: { entries: [{ kinds: ["posted"], counts: [3] }] } },
    {
      script: "note used queues",
      args: {
        used: [
          { name: "p/a%2Fb", weight: 3 },
          { name: "p/c", weight: 0 },
        ],
      },
    },
  ]);
  await vi.advanceTimersByTimeAsync(5000);
  expect(runs).toHaveLength(2);
});

test("counts that could not be written wait for the next time, and what was written is not counted again", async () => {
  refused = "add tallies";
  counters.add(queue, "posted", 2);
  await vi.advanceTimersByTimeAsync(1000);
  expect([errors.length, runs]).toEqual([1, []]);
  refused = "note used queues";
  await vi.advanceTimersByTimeAsync(1000);
  expect(runs.splice(0)).toMatchObject([{ script: "add tallies", args: { entries: [{ counts: [2] }] } }]);
  refused = null;
  await vi.advanceTimersByTimeAsync(1000);
  expect(runs).toMatchObject([{ script: "note used queues", args: { used: [{ name: "p/a%2Fb" }] } }]);
});
