import { expect, it } from "vitest";
import { entryCan, moveTargets } from "../../../components/catalogue/entry-can.ts";

const POOLS = [
  { name: "default", flavor: null },
  { name: "north", flavor: null },
  { name: "quick", flavor: "rapid" },
];

it("a queue moves to the other pools of its flavor, also from one that is not of it", () => {
  expect(moveTargets({ pool: "north", flavor: null }, POOLS)).toEqual(["default"]);
  expect(moveTargets({ pool: "quick", flavor: null }, POOLS)).toEqual(["default", "north"]);
  expect(moveTargets({ pool: "north", flavor: "rapid" }, POOLS)).toEqual(["quick"]);
  expect(entryCan.move({ pool: "north", flavor: null }, POOLS)).toBeNull();
});

it("where there is no such pool the reason names the flavor", () => {
  expect(entryCan.move({ pool: "quick", flavor: "rapid" }, POOLS)).toMatch(
    /^No other pool has the queue's flavor, rapid/,
  );
  expect(entryCan.move({ pool: "default", flavor: null }, [POOLS[0], POOLS[2]] as typeof POOLS)).toMatch(/no flavor/);
  expect(entryCan.move({ pool: "default", flavor: null }, [{ name: "default", flavor: null }])).toBe(
    "There is no other pool.",
  );
});
