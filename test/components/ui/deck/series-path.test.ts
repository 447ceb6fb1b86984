import { describe, expect, it } from "vitest";
import { areaPath, excessPath, linePath, niceMost } from "../../../../components/ui/deck/series-path.ts";

describe("the path of values over time", () => {
  it("connects the middles of the steps, with zero at the bottom", () => {
    expect(linePath([0, 5, 10], 10, 100)).toBe("M0.5,100L1.5,50L2.5,0");
  });

  it("breaks where a value is missing, and shows a value between two gaps as a dash", () => {
    expect(linePath([1, 2, null, 2, null], 2, 10)).toBe("M0.5,5L1.5,0M3.5,0ZM3.2 0h0.6");
  });

  it("closes the area at zero", () => {
    expect(areaPath([10, 10], 10, 100)).toBe("M0.5,0L1.5,0L1.5,100L0.5,100Z");
  });

  it("has no values, no path", () => {
    expect(linePath([], 1, 100)).toBe("");
    expect(areaPath([null], 1, 100)).toBe("");
  });
});

describe("what is posted above what is deleted", () => {
  it("is filled only while posted is above deleted", () => {
    expect(excessPath([5, 10, 10, 5], [5, 5, 5, 5], 10, 100)).toBe("M1.5,0L2.5,0L2.5,50L1.5,50Z");
  });

  it("is empty where either is unknown", () => {
    expect(excessPath([10, null], [null, 1], 10, 100)).toBe("");
  });
});

describe("the top of a scale", () => {
  it("is round, and not below the highest value", () => {
    expect([0, 0.2, 3, 24, 26, 84_120].map((value) => niceMost([value]))).toEqual([1, 1, 5, 25, 50, 100_000]);
  });

  it("looks at all series and ignores gaps", () => {
    expect(niceMost([1, null], [null, 180])).toBe(200);
  });
});
