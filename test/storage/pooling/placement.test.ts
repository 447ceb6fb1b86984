import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DomainError } from "../../../server/errors.ts";
import { weightedChoice } from "../../../server/storage/pooling/weighted-choice.ts";
import type { Pooled } from "../../support/pooled.ts";
import { addPool, aPost, aQueue, preparePools } from "./harness.ts";

const { fake, start, wait } = preparePools();

describe("a weighted choice", () => {
  const pools = [
    { name: "a", weight: 1 },
    { name: "off", weight: 0 },
    { name: "b", weight: 3 },
  ];
  const at = (random: number) => weightedChoice(pools, () => random)?.name;

  it("follows the random number, in proportion to weight", () => {
    expect([0, 0.24, 0.25, 0.5, 0.999].map(at)).toEqual(["a", "a", "b", "b", "b"]);
  });

  it("picks each candidate in proportion to its weight, and never one of weight 0", () => {
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

  it("picks none when no candidate has a weight", () => {
    expect(weightedChoice([], () => 0)).toBeNull();
    expect(weightedChoice([{ weight: 0 }], () => 0)).toBeNull();
  });
});

describe("the pool of a new queue", () => {
  it("is chosen by weight among the pools of its flavor, or those without a flavor", async () => {
    let random = 0;
    const pooled = await start({ random: () => random });
    await addPool(pooled, "a", 1);
    await addPool(pooled, "b", 3);
    await addPool(pooled, "gold", 1, "gold");
    await addPool(pooled, "off", 0, "gold");
    expect(await pooled.data.choosePool(null)).toBe("a");
    random = 0.25;
    expect(await pooled.data.choosePool(null)).toBe("b");
    random = 0.999;
    expect(await pooled.data.choosePool(null)).toBe("b");
    expect(await pooled.data.choosePool("gold")).toBe("gold");
  });

  describe("when a pool is failing", () => {
    const away = new DomainError("STORAGE_UNAVAILABLE", "It is gone.");
    const breaks = (pool: string) => {
      fake(pool).before = () => {
        throw away;
      };
    };
    const drawn = async (pooled: Pooled, flavor: string | null = null) =>
      Promise.all([0, 0.24, 0.26, 0.5, 0.999].map((random) => pooled.data.choosePool(flavor, () => random)));

    /** The ways in which the driver learns that pool "a" is failing. */
    const ways: Record<string, (pooled: Pooled) => Promise<void>> = {
      "could not be opened": async (pooled) => {
        breaks("a");
        await pooled.data.pool("a").catch(() => undefined);
      },
      "does not answer the calls that are for its queues": async (pooled) => {
        const queue = await aQueue(pooled, "a");
        await pooled.data.attachQueue(queue);
        breaks("a");
        for (let time = 0; time < 5; time += 1) await pooled.data.messages.post(aPost(queue)).catch(() => undefined);
      },
      "does not answer when queues are made there": async (pooled) => {
        const queue = await aQueue(pooled, "a");
        await pooled.data.pool("a");
        breaks("a");
        for (let time = 0; time < 5; time += 1) await pooled.data.attachQueue(queue).catch(() => undefined);
      },
      "did not answer a call past the router": async (pooled) => {
        breaks("a");
        pooled.data.noteReachable("a", false);
      },
    };

    it.each(Object.keys(ways))(
      "a pool that %s is not chosen for a minute, and not probed for the choice",
      async (way) => {
        const pooled = await start();
        await addPool(pooled, "a", 3);
        await addPool(pooled, "b", 1);
        expect(new Set(await drawn(pooled))).toEqual(new Set(["a", "b"]));
        await ways[way]?.(pooled);
        const calls = fake("a").calls.length;
        expect(new Set(await drawn(pooled))).toEqual(new Set(["b"]));
        // The choice did not probe the pool.
        expect(fake("a").calls).toHaveLength(calls);
        wait(60_000);
        expect(new Set(await drawn(pooled))).toEqual(new Set(["b"]));
        // After a minute without a call the pool may be back, so it is a candidate again.
        wait(1);
        expect(new Set(await drawn(pooled))).toEqual(new Set(["a", "b"]));
      },
    );

    it("a pool that answers again is chosen again at once", async () => {
      const pooled = await start();
      await addPool(pooled, "a", 3);
      await addPool(pooled, "b", 1);
      const queue = await aQueue(pooled, "a");
      await ways["does not answer the calls that are for its queues"]?.(pooled);
      fake("a").before = () => {};
      wait(1000);
      await pooled.data.attachQueue(queue);
      pooled.data.noteReachable("a", false);
      pooled.data.noteReachable("a", true);
      expect(new Set(await drawn(pooled))).toEqual(new Set(["a", "b"]));
    });

    it("when all pools with a weight are failing, they are chosen as if none were", async () => {
      const pooled = await start();
      for (const pool of ["a", "b"]) await addPool(pooled, pool, 1, "gold");
      await addPool(pooled, "off", 0, "gold");
      for (const pool of ["a", "b"]) pooled.data.noteReachable(pool, false);
      expect(new Set(await drawn(pooled, "gold"))).toEqual(new Set(["a", "b"]));
      await addPool(pooled, "lonely", 1);
      pooled.data.noteReachable("lonely", false);
      expect(new Set(await drawn(pooled))).toEqual(new Set(["lonely"]));
    });
  });

  it("is the built-in one only without a flavor and when no registered pool takes queues", async () => {
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
