import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type EventLoopWatch, watchEventLoop } from "../../server/http/event-loop.ts";

let clock = 0;
let watch: EventLoopWatch;
beforeEach(() => {
  vi.useFakeTimers();
  clock = 0;
  watch = watchEventLoop(() => clock);
});
afterEach(() => {
  watch.stop();
  vi.useRealTimers();
});

/** The event loop runs its timers for so many milliseconds. */
function run(milliseconds: number): void {
  for (let passed = 0; passed < milliseconds; passed += 10) {
    clock += 10;
    vi.advanceTimersByTime(10);
  }
}

/** The event loop is blocked for so many milliseconds, and then runs what is due. */
function block(milliseconds: number): void {
  clock += milliseconds - 10;
  run(10);
}

test("a loop that runs is alive, and not late", () => {
  run(3000);
  expect(watch.lag()).toEqual({ milliseconds: 0, alive: true });
});

test.each(["before", "after"])(
  "a probe that runs right after a block reports it, %s the watch's own timer",
  (order) => {
    run(1050);
    if (order === "before") clock += 6000;
    else block(6000);
    expect(watch.lag()).toMatchObject({ alive: false });
    expect(watch.lag().milliseconds).toBeGreaterThan(5500);
  },
);

test("two seconds after a block ended it is not reported any more", () => {
  run(1050);
  block(60_000);
  run(1990);
  expect(watch.lag()).toEqual({ milliseconds: 0, alive: true });
});

test("a long block is still reported after a short one that follows at once", () => {
  run(1000);
  block(6000);
  run(300);
  block(200);
  expect(watch.lag()).toMatchObject({ alive: false });
});

test("blocks that follow one another are reported as long as they last", () => {
  for (let round = 0; round < 5; round += 1) {
    run(500);
    block(6000);
    expect(watch.lag()).toMatchObject({ alive: false });
  }
  run(1990);
  expect(watch.lag()).toMatchObject({ alive: true });
});
