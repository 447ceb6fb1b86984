import { beforeEach, expect, test } from "vitest";
import { FreshValue } from "../../server/operations/fresh-value.ts";

const clock = { now: 0 };
/** Ends the readings that wait, the oldest first. */
let ends: { give: (value: string) => void; fail: (error: Error) => void }[] = [];
beforeEach(() => {
  ends = [];
});

function aValue(aheadMs?: number) {
  const read = () => new Promise<string>((give, fail) => ends.push({ give, fail }));
  return new FreshValue({ read, now: () => clock.now, ...(aheadMs === undefined ? {} : { aheadMs }) });
}

test("those who ask at the same time share one reading, and those of the next second need none", async () => {
  const value = aValue();
  const asked = [value.get(), value.get()];
  ends[0]?.give("one");
  expect(await Promise.all(asked)).toEqual(["one", "one"]);
  clock.now += 999;
  expect([value.get(), ends.length]).toEqual(["one", 1]);
  clock.now += 1;
  const next = value.get();
  ends[1]?.give("two");
  expect([await next, value.get(), ends.length]).toEqual(["two", "two", 2]);
});

test("it is as old as the beginning of its reading, however long that took", async () => {
  const value = aValue();
  const asked = value.get();
  clock.now += 5000;
  ends[0]?.give("old");
  expect(await asked).toBe("old");
  expect(value.get()).toBeInstanceOf(Promise);
});

test("on a busy path it is read again before it is too old, and nobody waits, also when that fails", async () => {
  const value = aValue(500);
  const asked = value.get();
  ends[0]?.give("one");
  await asked;
  clock.now += 500;
  expect([value.get(), value.get(), ends.length]).toEqual(["one", "one", 2]);
  ends[1]?.fail(new Error("gone"));
  await expect.poll(() => [value.get(), ends.length]).toEqual(["one", 3]);
  ends[2]?.give("two");
  await expect.poll(() => value.get()).toBe("two");
});

test("what was being read when it changed is for those who asked, and is not kept", async () => {
  const value = aValue();
  const before = value.get();
  value.forget();
  const after = value.get();
  ends[1]?.give("new");
  expect(await after).toBe("new");
  ends[0]?.give("old");
  expect([await before, value.get()]).toEqual(["old", "new"]);
});

test("an error is for those who asked, and the next one reads again", async () => {
  const value = aValue();
  const asked = value.get();
  ends[0]?.fail(new Error("gone"));
  await expect(asked).rejects.toThrow("gone");
  const again = value.get();
  ends[1]?.give("back");
  expect(await again).toBe("back");
});
