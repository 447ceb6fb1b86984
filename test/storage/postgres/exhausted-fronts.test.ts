import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ExhaustedFronts } from "../../../server/storage/postgres/messages/exhausted-fronts.ts";
import type { QueueRow } from "../../../server/storage/postgres/queue-rows.ts";
import type { Statements } from "../../../server/storage/postgres/sql/statements.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

test("an exhausted front is looked up again each minute from the low-water mark, and the old one holds until then", async () => {
  vi.advanceTimersByTime(10_000);
  const row = { id: "1", epoch: "1", lowWater: "10" } satisfies QueueRow;
  const asked: unknown[] = [];
  const answers: ((marker: string) => void)[] = [];
  const read = (_: unknown, { after }: { after: string }) => {
    asked.push(after);
    return new Promise((resolve) => answers.push((marker) => resolve([{ marker }])));
  };
  const fronts = new ExhaustedFronts({ read } as unknown as Statements);
  const start = () => fronts.startOf(row, 3);
  const look = async (milliseconds: number, found: string) => {
    vi.advanceTimersByTime(milliseconds);
    fronts.refresh(row, 3);
    const during = start();
    answers.at(-1)?.(found);
    await setImmediate();
    return during;
  };
  expect(await look(0, "500")).toBe("10");
  expect(await look(30_000, "600")).toBe("500");
  expect(await look(31_000, "400")).toBe("600");
  expect(start()).toBe("400");
  expect(asked).toEqual(["10", "500", "10"]);
});
