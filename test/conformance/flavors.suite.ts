import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ControlDriverHarness, inByteOrder, type OpenControlDriver, unique } from "./control-harness.ts";
import { walk } from "./walk.ts";

export function describeFlavors(name: string, open: OpenControlDriver): void {
  describe(`flavors on ${name}`, () => {
    let harness: ControlDriverHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());
    beforeEach(async () => {
      await harness.driver.flavors.dropAll();
      await harness.driver.pools.dropAll();
      for (const pool of ["a", "b", "c"]) {
        await harness.driver.pools.create({ name: pool, uri: `postgresql://${pool}/db`, weight: 1 });
      }
    });

    const flavors = () => harness.driver.flavors;
    const poolsOf = async (flavor: string) =>
      (await harness.driver.pools.getPoolsByFlavor(flavor)).map((pool) => pool.name);

    it("a flavor is created with its pools", async () => {
      expect(await flavors().create({ project: "p", name: "gold", pools: ["a", "b", "a"] })).toBe(true);
      expect(await flavors().exists({ project: "p", name: "gold" })).toBe(true);
      expect(await flavors().get({ project: "p", name: "gold" })).toEqual({
        project: "p",
        name: "gold",
        createdAt: expect.any(Date),
        updatedAt: expect.any(Date),
      });
      expect(await poolsOf("gold")).toEqual(["a", "b"]);
    });

    it("many flavors are returned at once, each of its own project, without those that are missing", async () => {
      for (const project of ["p", "q"]) await flavors().create({ project, name: "gold", pools: ["a"] });
      await flavors().create({ project: "p", name: "lead", pools: ["b"] });
      const wanted = [
        { project: "q", name: "gold" },
        { project: "q", name: "lead" },
        { project: "p", name: "lead" },
      ];
      const found = await flavors().getMany(wanted);
      expect(found.map(({ project, name: one }) => `${project}/${one}`).sort()).toEqual(["p/lead", "q/gold"]);
      expect(found).toContainEqual(await flavors().get({ project: "p", name: "lead" }));
      expect(await flavors().getMany([])).toEqual([]);
    });

    it("a flavor that is created again keeps its pools and gains the new ones", async () => {
      await flavors().create({ project: "p", name: "gold", pools: ["a"] });
      expect(await flavors().create({ project: "p", name: "gold", pools: ["b"] })).toBe(false);
      expect(await poolsOf("gold")).toEqual(["a", "b"]);
    });

    it("an updated flavor has exactly the given pools, and a missing one is FLAVOR_DOES_NOT_EXIST", async () => {
      await flavors().create({ project: "p", name: "gold", pools: ["a", "b"] });
      await flavors().update({ project: "p", name: "gold", pools: ["b", "c"] });
      expect(await poolsOf("gold")).toEqual(["b", "c"]);
      expect((await harness.driver.pools.get("a")).flavor).toBeNull();
      const other = { project: "q", name: "gold", pools: ["a"] };
      await expect(flavors().update(other)).rejects.toMatchObject({ code: "FLAVOR_DOES_NOT_EXIST" });
      expect(await poolsOf("gold")).toEqual(["b", "c"]);
    });

    it("a create or update with an unknown pool changes nothing", async () => {
      const unknown = { code: "POOL_DOES_NOT_EXIST", details: { pool: "x" } };
      await expect(flavors().create({ project: "p", name: "gold", pools: ["a", "x"] })).rejects.toMatchObject(unknown);
      expect(await flavors().exists({ project: "p", name: "gold" })).toBe(false);
      expect(await poolsOf("gold")).toEqual([]);
      await flavors().create({ project: "p", name: "gold", pools: ["a"] });
      await expect(flavors().update({ project: "p", name: "gold", pools: ["b", "x"] })).rejects.toMatchObject(unknown);
      expect(await poolsOf("gold")).toEqual(["a"]);
    });

    it("a flavor belongs to its project, and flavors of one name in two projects share their pools", async () => {
      await flavors().create({ project: "p", name: "gold", pools: ["a"] });
      expect(await flavors().exists({ project: "", name: "gold" })).toBe(false);
      expect(await flavors().create({ project: "", name: "gold", pools: ["b"] })).toBe(true);
      expect(await poolsOf("gold")).toEqual(["a", "b"]);
      await flavors().delete({ project: "p", name: "gold" });
      expect(await poolsOf("gold")).toEqual(["a", "b"]);
      await flavors().delete({ project: "", name: "gold" });
      expect(await poolsOf("gold")).toEqual([]);
    });

    it("a delete in a project that has no such flavor changes nothing", async () => {
      await flavors().create({ project: "p", name: "gold", pools: ["a"] });
      await flavors().delete({ project: "q", name: "gold" });
      expect(await poolsOf("gold")).toEqual(["a"]);
      await harness.driver.pools.update("b", { flavor: "loose" });
      await flavors().delete({ project: "q", name: "loose" });
      expect(await poolsOf("loose")).toEqual(["b"]);
    });

    it("a new flavor takes its pools away from the flavor that had them", async () => {
      await flavors().create({ project: "p", name: "gold", pools: ["a"] });
      await flavors().create({ project: "p", name: "silver", pools: ["a"] });
      expect(await poolsOf("gold")).toEqual([]);
      expect(await poolsOf("silver")).toEqual(["a"]);
    });

    it("a missing flavor is FLAVOR_DOES_NOT_EXIST, and deleting it is no error", async () => {
      await expect(flavors().get({ project: "p", name: unique("x") })).rejects.toMatchObject({
        code: "FLAVOR_DOES_NOT_EXIST",
      });
      await flavors().delete({ project: "p", name: unique("x") });
      await expect(flavors().exists({ project: "p", name: "\u0000" })).rejects.toMatchObject({ code: "BAD_INPUT" });
    });

    it("lists the flavors of a project by name, both ways", async () => {
      const names = ["b", "a", "é", "B", "a.b", "😀"];
      for (const one of names) await flavors().create({ project: "p", name: one, pools: [] });
      await flavors().create({ project: "q", name: "other", pools: [] });
      const found = await walk((page) => flavors().list({ projects: ["p"], page }));
      expect(found.map((flavor) => flavor.name)).toEqual(inByteOrder(names));
      expect(found.every((flavor) => flavor.project === "p")).toBe(true);
    });

    it("lists the flavors of several or all projects by project and name, both ways", async () => {
      const all = ["", "p", "q", "é"].flatMap((project) => ["a", "b", "😀"].map((one) => ({ project, name: one })));
      for (const { project, name: one } of all.toReversed()) await flavors().create({ project, name: one, pools: [] });
      const found = await walk((page) => flavors().list({ projects: "all", page }));
      expect(found.map(({ project, name: one }) => ({ project, name: one }))).toEqual(all);
      const some = await walk((page) => flavors().list({ projects: ["q", "none", "", "q"], page }));
      expect(some.map(({ project, name: one }) => ({ project, name: one }))).toEqual(
        all.filter(({ project }) => project === "" || project === "q"),
      );
      expect(await walk((page) => flavors().list({ projects: [], page }))).toEqual([]);
      await expect(flavors().list({ projects: "all", page: { limit: 1, after: "no marker" } })).rejects.toMatchObject({
        code: "BAD_INPUT",
      });
    });

    it("once all flavors are dropped, their pools have none, and other pools keep theirs", async () => {
      for (const project of ["p", "q"]) await flavors().create({ project, name: "gold", pools: ["a"] });
      await harness.driver.pools.update("b", { flavor: "loose" });
      await flavors().dropAll();
      expect((await flavors().list({ projects: "all", page: { limit: 10 } })).items).toEqual([]);
      expect((await harness.driver.pools.get("a")).flavor).toBeNull();
      expect(await poolsOf("loose")).toEqual(["b"]);
    });

    it("concurrent changes meet no deadlock, and one of them wins", async () => {
      await flavors().create({ project: "p", name: "gold", pools: ["a"] });
      await flavors().create({ project: "p", name: "silver", pools: ["b"] });
      await Promise.all(
        Array.from({ length: 12 }, (_, index) => {
          const driver = index % 2 === 0 ? harness.driver : harness.neighbour;
          const pools = index % 3 === 0 ? ["a", "b", "c"] : ["c", "b", "a"];
          return index % 4 === 0
            ? driver.pools.update(pools[0] as string, { weight: index })
            : driver.flavors.update({ project: "p", name: index % 3 === 1 ? "gold" : "silver", pools });
        }),
      );
      const [gold, silver] = [await poolsOf("gold"), await poolsOf("silver")];
      expect([gold.length, silver.length].sort()).toEqual([0, 3]);
    });

    it("when a flavor is created while its pool is deleted, exactly one of the two succeeds", async () => {
      for (let round = 0; round < 10; round += 1) {
        await harness.driver.pools.create({ name: "x", uri: "postgresql://x/db", weight: 1 });
        const flavor = unique("f");
        const results = await Promise.allSettled([
          flavors().create({ project: "p", name: flavor, pools: ["x"] }),
          harness.neighbour.pools.delete("x"),
        ]);
        expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
        expect(await harness.driver.pools.exists("x")).toBe(await flavors().exists({ project: "p", name: flavor }));
        await flavors().dropAll();
        await harness.driver.pools.delete("x");
      }
    });
  });
}
