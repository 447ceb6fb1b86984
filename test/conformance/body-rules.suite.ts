import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ControlDriverHarness, OpenControlDriver } from "./control-harness.ts";

export function describeBodyRules(name: string, open: OpenControlDriver): void {
  let harness: ControlDriverHarness;
  beforeAll(async () => {
    harness = await open();
  });
  afterAll(() => harness.close());

  describe(`the rules of bodies on ${name}`, () => {
    const rule = { project: "p", readBy: "admin", maskedPaths: ["$.a", '$["\u{1F600}"]'], actor: "ada" } as const;

    it("are those that any process set last", async () => {
      const { driver, neighbour } = harness;
      expect(await driver.bodyRules.getMany(["p", ""])).toEqual([]);
      const first = await driver.bodyRules.set(rule);
      expect(first).toEqual({ ...rule, at: expect.any(Date) });
      const none = await driver.bodyRules.set({ ...rule, project: "", maskedPaths: [] });
      expect(new Set(await neighbour.bodyRules.getMany(["p", "q", ""]))).toEqual(new Set([first, none]));
      const second = await neighbour.bodyRules.set({ ...rule, readBy: "viewer", maskedPaths: [], actor: "bo" });
      expect(second).toEqual({ project: "p", readBy: "viewer", maskedPaths: [], actor: "bo", at: expect.any(Date) });
      expect(second.at.getTime()).toBeGreaterThanOrEqual(first.at.getTime());
      expect(await driver.bodyRules.getMany(["p"])).toEqual([second]);
    });

    it("are set with their transaction, or not at all", async () => {
      const { driver } = harness;
      const work = driver.transaction(async (tx) => {
        await tx.bodyRules.set({ ...rule, project: "undone" });
        throw new RangeError("no");
      });
      await expect(work).rejects.toThrow("no");
      expect(await driver.bodyRules.getMany(["undone"])).toEqual([]);
    });
  });

  describe(`the read-only service on ${name}`, () => {
    it("begins once, tells who began it and why, and ends once", async () => {
      const { driver, neighbour } = harness;
      expect(await driver.readOnly.get()).toBeNull();
      expect(await driver.readOnly.end()).toBeNull();
      const { readOnly } = await driver.readOnly.begin({ actor: "ada", reason: "An upgrade." });
      expect(readOnly).toEqual({ actor: "ada", reason: "An upgrade.", at: expect.any(Date) });
      expect(await neighbour.readOnly.begin({ actor: "bo", reason: "Another." })).toEqual({ readOnly, begun: false });
      expect(await neighbour.readOnly.get()).toEqual(readOnly);
      expect(await neighbour.readOnly.end()).toEqual(readOnly);
      expect(await driver.readOnly.get()).toBeNull();
    });
  });
}
