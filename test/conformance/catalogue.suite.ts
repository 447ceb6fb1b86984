import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { type ControlDriverHarness, type OpenControlDriver, unique } from "./control-harness.ts";
import { walk } from "./walk.ts";

export function describeCatalogue(name: string, open: OpenControlDriver): void {
  describe(`the catalogue on ${name}`, () => {
    let harness: ControlDriverHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());

    const catalogue = () => harness.driver.catalogue;
    const aQueue = (project = unique("project")): QueueRef => ({ project, name: unique("queue") });
    const notMapped = { code: "QUEUE_NOT_MAPPED" };

    it("maps a queue to a pool, which need not exist", async () => {
      const queue = aQueue();
      const entry = await catalogue().insert(queue, "nowhere");
      expect(entry).toEqual({ project: queue.project, queue: queue.name, pool: "nowhere", epoch: expect.any(Number) });
      expect(await catalogue().get(queue)).toEqual(entry);
      expect(await catalogue().exists(queue)).toBe(true);
    });

    it("answers for an unmapped queue with QUEUE_NOT_MAPPED, which names project and queue", async () => {
      const queue = aQueue();
      await expect(catalogue().get(queue)).rejects.toMatchObject(notMapped);
      await expect(catalogue().get(queue)).rejects.toThrow(queue.name);
      await expect(catalogue().get(queue)).rejects.toThrow(queue.project);
      await expect(catalogue().update(queue, "a")).rejects.toMatchObject(notMapped);
      expect(await catalogue().exists(queue)).toBe(false);
      await catalogue().delete(queue);
      await expect(catalogue().exists({ project: "\u0000", name: "x" })).rejects.toMatchObject({ code: "BAD_INPUT" });
    });

    it("gives a higher epoch at each insert and update of any queue, and after a delete", async () => {
      const [one, other] = [aQueue(), aQueue()];
      const epochs: number[] = [];
      epochs.push((await catalogue().insert(one, "a")).epoch);
      epochs.push((await catalogue().insert(other, "a")).epoch);
      epochs.push((await catalogue().insert(one, "b")).epoch);
      epochs.push((await catalogue().update(other, "b")).epoch);
      await catalogue().delete(one);
      epochs.push((await catalogue().insert(one, "a")).epoch);
      expect(epochs).toEqual([...new Set(epochs)].sort((a, b) => a - b));
      expect((await catalogue().get(one)).epoch).toBe(epochs[4]);
      expect(await catalogue().get(other)).toMatchObject({ pool: "b", epoch: epochs[3] });
    });

    it("an insert with ifAbsent returns an existing entry unchanged", async () => {
      const queue = aQueue();
      const first = await catalogue().insert(queue, "a", { ifAbsent: true });
      expect(first.pool).toBe("a");
      expect(await catalogue().insert(queue, "b", { ifAbsent: true })).toEqual(first);
      expect(await catalogue().get(queue)).toEqual(first);
    });

    it("concurrent inserts with ifAbsent all return one entry", async () => {
      const queue = aQueue();
      const entries = await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          (index % 2 === 0 ? harness.driver : harness.neighbour).catalogue.insert(queue, `pool-${index}`, {
            ifAbsent: true,
          }),
        ),
      );
      expect(new Set(entries.map((entry) => JSON.stringify(entry))).size).toBe(1);
      expect(await catalogue().get(queue)).toEqual(entries[0]);
    });

    it("of two concurrent transactions that insert with ifAbsent, the second returns the entry that the first committed", async () => {
      const queue = aQueue();
      const entries = await Promise.all(
        [harness.driver, harness.neighbour].map((driver, index) =>
          driver.transaction((tx) => tx.catalogue.insert(queue, `pool-${index}`, { ifAbsent: true })),
        ),
      );
      expect(entries[0]).toEqual(entries[1]);
    });

    it("concurrent inserts and deletes of one queue all succeed", async () => {
      const queue = aQueue();
      const calls = Array.from({ length: 24 }, (_, index) =>
        index % 3 === 0
          ? harness.neighbour.catalogue.delete(queue)
          : catalogue().insert(queue, "a", { ifAbsent: index % 2 === 0 }),
      );
      for (const entry of await Promise.all(calls)) {
        if (entry !== undefined) expect(entry).toMatchObject({ queue: queue.name, pool: "a" });
      }
    });

    it("keeps apart queues whose project and name join to the same text", async () => {
      const pairs = [
        { project: "a.b", name: "c" },
        { project: "a", name: "b.c" },
        { project: "", name: "a.b.c" },
      ];
      for (const [index, queue] of pairs.entries()) await catalogue().insert(queue, `pool-${index}`);
      for (const [index, queue] of pairs.entries()) expect((await catalogue().get(queue)).pool).toBe(`pool-${index}`);
      const found = await catalogue().getMany([...pairs, { project: "a.b.c", name: "" }, pairs[0] as QueueRef]);
      expect(found.map((entry) => entry.pool).sort()).toEqual(["pool-0", "pool-1", "pool-2"]);
      expect(await catalogue().getMany([])).toEqual([]);
      for (const queue of pairs) await catalogue().delete(queue);
    });

    it("lists in order of insertion, by projects and pool, both ways", async () => {
      await catalogue().dropAll();
      const made = [];
      for (const [index, project] of ["p", "", "p", "q", "p", "p"].entries()) {
        made.push(await catalogue().insert({ project, name: `${"zyxwvu"[index]}` }, index % 2 === 0 ? "even" : "odd"));
      }
      expect(await walk((page) => catalogue().list({ projects: "all", page }))).toEqual(made);
      expect(await walk((page) => catalogue().list({ projects: ["p"], page }))).toEqual(
        made.filter((entry) => entry.project === "p"),
      );
      expect(await walk((page) => catalogue().list({ projects: "all", pool: "odd", page }))).toEqual(
        made.filter((entry) => entry.pool === "odd"),
      );
      expect(await walk((page) => catalogue().list({ projects: ["p"], pool: "even", page }))).toEqual(
        made.filter((entry) => entry.project === "p" && entry.pool === "even"),
      );
      const some = made.filter((entry) => entry.project !== "p");
      expect(await walk((page) => catalogue().list({ projects: ["q", "", "q", "nobody"], page }))).toEqual(some);
      expect(await walk((page) => catalogue().list({ projects: [], page }))).toEqual([]);
      const byPool = await catalogue().listOfPools({
        pools: ["odd", "even"],
        projects: ["q", ""],
        page: { limit: 1 },
      });
      expect(byPool.map(({ items }) => items)).toEqual([
        some.filter(({ pool }) => pool === "odd").slice(0, 1),
        some.filter(({ pool }) => pool === "even").slice(0, 1),
      ]);
      expect(await walk((page) => catalogue().list({ projects: ["nobody"], page }))).toEqual([]);
    });

    it("keeps the position of a queue in the list when its pool changes", async () => {
      await catalogue().dropAll();
      const [one, other] = [aQueue(), aQueue()];
      await catalogue().insert(one, "a");
      await catalogue().insert(other, "a");
      await catalogue().update(one, "b");
      await catalogue().insert(one, "c");
      const listed = (await catalogue().list({ projects: "all", page: { limit: 9 } })).items;
      expect(listed.map((entry) => entry.queue)).toEqual([one.name, other.name]);
    });

    it("finds queues by the beginning of their name, sorted by name, and refuses malformed markers", async () => {
      await catalogue().dropAll();
      for (const [queue, project, pool] of [
        ["ab", "q", "x"],
        ["a%", "p", "x"],
        ["ab", "p", "y"],
        ["b", "p", "x"],
        ["aé", "p", "x"],
      ] as const) {
        await catalogue().insert({ project, name: queue }, pool);
      }
      const found = async (scope: object) =>
        (await walk((page) => catalogue().list({ projects: "all", page, ...scope }))).map(
          (entry) => `${entry.queue} ${entry.project}`,
        );
      expect(await found({ search: "a" })).toEqual(["a% p", "ab p", "ab q", "aé p"]);
      expect(await found({ search: "a%" })).toEqual(["a% p"]);
      expect(await found({ search: "ab", projects: ["q"] })).toEqual(["ab q"]);
      expect(await found({ search: "a", projects: ["q", "none", "p"] })).toEqual(["a% p", "ab p", "ab q", "aé p"]);
      expect(await found({ search: "a", pool: "x" })).toEqual(["a% p", "ab q", "aé p"]);
      await expect(
        catalogue().list({ projects: "all", page: { limit: 1, after: "x" }, search: "a" }),
      ).rejects.toMatchObject({
        code: "BAD_INPUT",
      });
      await expect(catalogue().list({ projects: "all", page: { limit: 1, after: "x" } })).rejects.toMatchObject({
        code: "BAD_INPUT",
      });
    });

    it("lists the queues of many pools, each as a list of that pool alone", async () => {
      const pools = [unique("pool"), unique("pool"), unique("pool")];
      for (const index of [0, 2, 0, 2, 0]) await catalogue().insert(aQueue(), pools[index] as string);
      const first = await catalogue().list({ projects: "all", pool: pools[0] as string, page: { limit: 1 } });
      const marker = first.markers[0] as string;
      const pages = [
        { limit: 2 },
        { limit: 2, atEnd: true },
        { limit: 5, after: marker },
        { limit: 5, before: marker },
      ];
      for (const page of pages) {
        const asked = [...pools, pools[0] as string];
        const alone = await Promise.all(asked.map((pool) => catalogue().list({ projects: "all", pool, page })));
        expect(await catalogue().listOfPools({ projects: "all", pools: asked, page })).toEqual(alone);
      }
      expect((await catalogue().listOfPools({ pools, projects: ["none"], page: { limit: 5 } }))[0]?.items).toEqual([]);
    });

    it("counts a pool's queues", async () => {
      const pool = unique("pool");
      expect(await catalogue().countByPool(pool)).toEqual({ value: 0, exact: true });
      for (let index = 0; index < 3; index += 1) await catalogue().insert(aQueue(), pool);
      expect(await catalogue().countByPool(pool)).toEqual({ value: 3, exact: true });
      const [none, three] = [
        { value: 0, exact: true },
        { value: 3, exact: true },
      ];
      const asked = [pool, "no-pool", pool];
      expect(await catalogue().countByPools({ pools: asked, projects: "all" })).toEqual([three, none, three]);
      expect(await catalogue().countByPools({ pools: [], projects: "all" })).toEqual([]);
      const queue = aQueue();
      await catalogue().insert(queue, pool);
      const ofSome = await catalogue().countByPools({ pools: [pool, "no-pool"], projects: [queue.project, "none"] });
      expect(ofSome.map(({ value }) => value)).toEqual([1, 0]);
      expect(await catalogue().countByPools({ pools: [pool], projects: [] })).toEqual([none]);
    });

    it("drops all entries", async () => {
      await catalogue().insert(aQueue(), "a");
      await catalogue().dropAll();
      expect((await catalogue().list({ projects: "all", page: { limit: 1 } })).items).toEqual([]);
    });
  });
}
