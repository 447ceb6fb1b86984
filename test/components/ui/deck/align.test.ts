import { describe, expect, it } from "vitest";
import { HISTORY_RANGES, rangeUntil } from "../../../../components/history-ranges.ts";
import { alignedTo, combined, growingSince } from "../../../../components/ui/deck/align.ts";

const now = Date.parse("2026-11-26T12:01:30Z");

describe("a history in a deck", () => {
  it("ends with the step that runs, of which nothing is known yet", () => {
    const range = rangeUntil(now, HISTORY_RANGES.hour);
    expect(new Date(range.until).toISOString()).toBe("2026-11-26T12:02:00.000Z");
    const values = Array.from({ length: 60 }, (_unused, minute) => minute + 0.123456);
    const history = {
      from: "2026-11-26T11:01:00Z",
      resolutionSeconds: 60,
      series: [{ metric: "READY", values }],
    };
    const aligned = alignedTo(range, history, "READY");
    expect(aligned).toHaveLength(60);
    expect([aligned[0], aligned[58], aligned[59]]).toEqual([1.12, 59.12, null]);
  });

  it("is unknown everywhere without samples", () => {
    expect(new Set(alignedTo(rangeUntil(now, HISTORY_RANGES.week), null, "READY"))).toEqual(new Set([null]));
  });
});

it("pools are added up where any is known", () => {
  expect(
    combined(
      [
        [1, null, null],
        [2, 3, null],
      ],
      (a, b) => a + b,
    ),
  ).toEqual([3, 3, null]);
  expect(
    combined(
      [
        [1, 5],
        [2, 3],
      ],
      Math.max,
    ),
  ).toEqual([2, 5]);
});

describe("a backlog grows", () => {
  it("since the first step in which more came than left, and so in all steps since", () => {
    expect(growingSince([5, 9, 9, 9, null], [5, 5, 5, 5, null])).toBe(1);
  });

  it("not because of one or two steps, of a few messages, or where it did before", () => {
    expect(growingSince([5, 5, 9, 9], [5, 5, 5, 5])).toBeNull();
    expect(growingSince([100, 100, 100], [99, 98, 97])).toBeNull();
    expect(growingSince([9, 9, 9, 5], [5, 5, 5, 5])).toBeNull();
    expect(growingSince([], [])).toBeNull();
  });
});
