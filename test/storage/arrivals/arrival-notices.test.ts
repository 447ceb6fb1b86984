import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ArrivalNotices, type Arrived } from "../../../server/storage/arrivals/arrival-notices.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const one = { project: "p", name: "one" };
const two = { project: "p", name: "two" };

function someNotices(send: () => Promise<void> = async () => {}) {
  const sent: (readonly Arrived[])[] = [];
  const notices = new ArrivalNotices((arrived) => {
    sent.push(arrived);
    return send();
  });
  return { notices, sent };
}

test("the first notice after a quiet time goes out at the end of the turn, with all that came in it", async () => {
  const { notices, sent } = someNotices();
  notices.add(one, 1);
  notices.add(two, 1);
  notices.add(one, 2);
  expect(sent).toEqual([]);
  await vi.advanceTimersByTimeAsync(0);
  expect(sent).toEqual([
    [
      { queue: one, count: 3 },
      { queue: two, count: 1 },
    ],
  ]);
});

test("later notices are gathered for five milliseconds, and wait for the one that is under way", async () => {
  let arrived = () => {};
  const { notices, sent } = someNotices(() => new Promise((resolve) => (arrived = resolve)));
  notices.add(one, 1);
  await vi.advanceTimersByTimeAsync(0);
  for (let time = 0; time < 8; time += 1) {
    notices.add(one, 1);
    await vi.advanceTimersByTimeAsync(1);
  }
  expect(sent).toHaveLength(1);
  arrived();
  await vi.advanceTimersByTimeAsync(0);
  expect(sent.slice(1)).toEqual([[{ queue: one, count: 8 }]]);
  arrived();
  await vi.advanceTimersByTimeAsync(1);
  notices.add(two, 1);
  await vi.advanceTimersByTimeAsync(3);
  expect(sent).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(1);
  expect(sent.slice(2)).toEqual([[{ queue: two, count: 1 }]]);
});

test("no notice goes out after close", async () => {
  const { notices, sent } = someNotices();
  notices.add(one, 1);
  notices.close();
  notices.add(two, 1);
  await vi.advanceTimersByTimeAsync(100);
  expect(sent).toEqual([]);
});
