import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  momentText,
  positionOf,
  type TimeRange,
  ticksOf,
  tickText,
} from "../../../../components/ui/deck/time-range.ts";

const HOUR = 3_600_000;
const range = (hours: number): TimeRange => {
  const until = Date.parse("2026-11-26T12:01:30Z");
  return { from: until - hours * HOUR, until, stepMs: 60_000 };
};
const labels = (hours: number) => ticksOf(range(hours)).map((tick) => tickText(range(hours), tick, "utc"));

describe("the ruler of a deck", () => {
  it("marks an hour every ten minutes", () => {
    expect(labels(1)).toEqual(["11:10", "11:20", "11:30", "11:40", "11:50"]);
  });

  it("marks a day every four hours at most seven times, and a week by its days", () => {
    expect(labels(24)).toEqual(["16:00", "20:00", "00:00", "04:00", "08:00"]);
    expect(labels(7 * 24)).toEqual(["11-20", "11-21", "11-22", "11-23", "11-24", "11-25", "11-26"]);
  });

  it("has at most seven marks inside any range, each at another place", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 24 * 365 }), fc.integer({ min: 0, max: 3_600_000 }), (hours, shift) => {
        const { from, until, stepMs } = range(hours);
        const moved = { from: from + shift, until: until + shift, stepMs };
        const ticks = ticksOf(moved);
        expect(ticks.length).toBeLessThanOrEqual(7);
        expect(new Set(ticks.map((tick) => positionOf(moved, tick))).size).toBe(ticks.length);
      }),
    );
  });

  it("moves what lies outside to the nearer end", () => {
    expect([range(1).from - 1, range(1).until + 1].map((at) => positionOf(range(1), at))).toEqual([0, 1]);
  });
});

it("names a moment by its clock, and by its day too where that is another one", () => {
  const until = Date.parse("2026-11-26T12:01:30Z");
  expect(momentText(until - HOUR, until, "utc")).toBe("11:01");
  expect(momentText(until - HOUR + 7000, until, "utc", true)).toBe("11:01:37");
  expect(momentText(until - 13 * HOUR, until, "utc")).toBe("11-25 23:01");
});
