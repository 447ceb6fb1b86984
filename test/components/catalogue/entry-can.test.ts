import { expect, it } from "vitest";
import { entryCan, moveTargets } from "../../../components/catalogue/entry-can.ts";

const pool = (name: string, flavorName: string | null = null) => ({ name, flavorName, problems: [] });
const SICK = { ...pool("alps"), problems: [{ kind: "POOL_UNHEALTHY" as const }] };
const POOLS = [SICK, pool("default"), pool("north"), pool("quick", "rapid")];
const targets = (...from: Parameters<typeof entry>) => moveTargets(entry(...from), POOLS).map(({ name }) => name);

const entry = (poolName: string, flavor: string | null) => ({ poolName, queue: { attributes: { flavor } } });

it("a queue moves to the other pools of its flavor, those that work first, also from one that is not of it", () => {
  expect(targets("north", null)).toEqual(["default", "alps"]);
  expect(targets("quick", null)).toEqual(["default", "north", "alps"]);
  expect(targets("alps", null)).toEqual(["default", "north"]);
  expect(targets("north", "rapid")).toEqual(["quick"]);
  expect(entryCan.move(entry("north", null), POOLS)).toBeNull();
});

it("where there is no such pool the reason names the flavor", () => {
  expect(entryCan.move(entry("quick", "rapid"), POOLS)).toMatch(/^No other pool has the queue's flavor, rapid/);
  expect(entryCan.move(entry("default", null), [pool("default"), pool("quick", "rapid")])).toMatch(/no flavor/);
  expect(entryCan.move(entry("default", null), [pool("default")])).toBe("There is no other pool.");
});
