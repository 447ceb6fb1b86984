import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { weightedChoice } from "../../server/storage/pooling/weighted-choice.ts";
import { addPool, preparePools } from "./harness.ts";

const { start } = preparePools();

describe("a weighted choice", () => {
  const pools = [
    { name: "a", weight: 1 },
    { name: "off", weight: 0 },
    { name: "b", weight: 3 },
  ];
  const at = (dice: number) => weightedChoice(pools, () => dice)?.name;

  it("falls where the dice say, in proportion to weight", () => {
    expect([0, 0.24, 0.25, 0.5, 0.999].map(at)).toEqual(["a", "a", "b", "b", "b"]);
  });

  it("gives each candidate its share of all throws, and never one of weight 0", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 6 }), (weights) => {
        const candidates = weights.map((weight, index) => ({ index, weight }));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        if (total === 0) {
          expect(weightedChoice(candidates, () => 0)).toBeNull();
          return;
        }
        const drawn = weights.map(() => 0);
        for (let step = 0; step < total; step += 1) {
          const chosen = weightedChoice(candidates, () => (step + 0.5) / total);
          drawn[chosen?.index ?? -1] = (drawn[chosen?.index ?? -1] ?? 0) + 1;
        }
        expect(drawn).toEqual(weights);
      }),
      { examples: [[[0, 0]], [[0, 3, 0]]] },
    );
  });

  it("gives none when there is none", () => {
    expect(weightedChoice([], () => 0)).toBeNull();
    expect(weightedChoice([{ weight: 0 }], () => 0)).toBeNull();
  });
});

describe("the pool of a new queue", () => {
  it("is drawn by weight among those of its flavor, or those without one", async () => {
    let dice = 0;
    const pooled = await start({ random: () => dice });
    await addPool(pooled, "a", 1);
    await addPool(pooled, "b", 3);
    await addPool(pooled, "gold", 1, "gold");
    await addPool(pooled, "off", 0, "gold");
    expect(await pooled.data.choosePool(null)).toBe("a");
    dice = 0.25;
    expect(await pooled.data.choosePool(null)).toBe("b");
    dice = 0.999;
    expect(await pooled.data.choosePool(null)).toBe("b");
    expect(await pooled.data.choosePool("gold")).toBe("gold");
  });

  it("is the built-in one only without a flavor, and when no registered pool takes queues", async () => {
    const pooled = await start();
    expect(await pooled.data.choosePool(null)).toBe("default");
    await addPool(pooled, "off", 0);
    await addPool(pooled, "gold", 0, "gold");
    expect(await pooled.data.choosePool(null)).toBe("default");
    for (const flavor of ["gold", "unknown"]) {
      await expect(pooled.data.choosePool(flavor)).rejects.toMatchObject({
        code: "NO_POOL_FOUND",
        details: { flavor },
      });
    }
    await pooled.control.pools.update("off", { weight: 1 });
    expect(await pooled.data.choosePool(null)).toBe("off");
  });
});
