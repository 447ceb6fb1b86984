import { expect, test } from "vitest";
import { clockSkewSeconds } from "../../server/storage/server-clock.ts";

const clock = (now: number, asked: number, answered: number) => ({ now, asked, answered });

test("a clock differs by what the way of the answer does not explain", () => {
  expect(clockSkewSeconds(clock(5000, 1000, 1200), null)).toBe(3.8);
  expect(clockSkewSeconds(clock(1000, 5000, 5200), null)).toBe(-4);
  expect(clockSkewSeconds(clock(1100, 1000, 1200), null)).toBe(0);
  expect(clockSkewSeconds(clock(1000, 1000, 9000), null)).toBe(0);
});

test("two servers are compared with each other, whatever this machine's clock says", () => {
  const far = 1_000_000;
  expect(clockSkewSeconds(clock(far + 100, 0, 200), clock(far, 0, 0))).toBe(0);
  expect(clockSkewSeconds(clock(far + 3000, 0, 100), clock(far, 0, 100))).toBe(2.9);
  expect(clockSkewSeconds(clock(far, 0, 100), clock(far + 3000, 0, 100))).toBe(-2.9);
});
