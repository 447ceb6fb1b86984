import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ControlDriverHarness, OpenControlDriver } from "./control-harness.ts";

export function describeCollections(name: string, open: OpenControlDriver): void {
  describe(`the last garbage collection on ${name}`, () => {
    let harness: ControlDriverHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());

    it("is the one that any process recorded last", async () => {
      const { driver, neighbour } = harness;
      expect(await driver.collections.last()).toBeNull();
      const total = { messages: 2 ** 40, claims: 1, subscriptions: 0, queues: 3 };
      const first = { durationSeconds: 0.5, total, failed: [{ pool: "a", error: 'It "failed".' }] };
      await driver.collections.record(first);
      expect(await neighbour.collections.last()).toEqual({ ...first, at: expect.any(Date) });
      const second = { durationSeconds: 1, total: { ...total, messages: 0 }, failed: [] };
      await neighbour.collections.record(second);
      expect(await driver.collections.last()).toEqual({ ...second, at: expect.any(Date) });
    });
  });
}
