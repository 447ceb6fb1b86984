import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DataDriverHarness, OpenDataDriver } from "./harness.ts";

/** The identity that a store keeps of itself. */
export function describeIdentity(name: string, open: OpenDataDriver): void {
  describe(`the identity of ${name}`, () => {
    let harness: DataDriverHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());

    it("is the same for every driver of the store, and stays through gc", async () => {
      const { identity } = harness.driver;
      expect(identity).toMatch(/^\w+:\S{10,}$/);
      await harness.driver.gc();
      expect(harness.neighbour.identity).toBe(identity);
    });

    it("differs between two stores", async () => {
      const other = await open();
      try {
        expect(other.driver.identity).not.toBe(harness.driver.identity);
      } finally {
        await other.close();
      }
    });
  });
}
