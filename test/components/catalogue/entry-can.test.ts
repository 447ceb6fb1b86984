import { expect, it } from "vitest";
import { entryCan, moveTargets } from "../../../components/catalogue/entry-can.ts";

const POOLS = [
  { name: "default", flavorName: null },
  { name: "north", flavorName: null },
  { name: "quick", flavorName: "rapid" },
];

const entry = (poolName: string, flavor: string | null) => ({ poolName, queue: { attributes: { flavor } } });

it("a queue moves to the other pools of its flavor, also from one that is not of it", () => {
  expect(moveTargets(entry("north", null), POOLS)).toEqual(["default"]);
  expect(moveTargets(entry("quick", null), POOLS)).toEqual(["default", "north"]);
  expect(moveTargets(entry("north", "rapid"), POOLS)).toEqual(["quick"]);
  expect(entryCan.move(entry("north", null), POOLS)).toBeNull();
});

it("where there is no such pool the reason names the flavor", () => {
  expect(entryCan.move(entry("quick", "rapid"), POOLS)).toMatch(/^No other pool has the queue's flavor, rapid/);
  expect(entryCan.move(entry("default", null), [POOLS[0], POOLS[2]] as typeof POOLS)).toMatch(/no flavor/);
  expect(entryCan.move(entry("default", null), [{ name: "default", flavorName: null }])).toBe(
    "There is no other pool.",
  );
});
