import { describe, expect, it } from "vitest";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { type ControlDriverHarness, unique } from "./control-harness.ts";

/** Cases of a suite whose harness `harness` gives: the records of queues. */
export function queueRecordCases(harness: () => ControlDriverHarness): void {
  const queues = () => harness().driver.queues;

  const missing = { code: "QUEUE_DOES_NOT_EXIST" };

  const aQueue = (changes: Partial<QueueRef> = {}): QueueRef => ({
    project: unique("project"),
    name: unique("queue"),
    ...changes,
  });

  describe("records", () => {
    it("creates a queue once, and a second create changes nothing", async () => {
      const queue = aQueue();
      expect(await queues().create(queue, '{"a":1}')).toBe(true);
      expect(await queues().create(queue, '{"a":2}')).toBe(false);
      expect(await queues().getMetadata(queue)).toBe('{"a":1}');
    });

    it("gives a queue the metadata {} when none is given", async () => {
      const queue = aQueue();
      await queues().create(queue);
      expect(await queues().getMetadata(queue)).toBe("{}");
    });

    it("of many concurrent creates, exactly one is told that it created the queue", async () => {
      const queue = aQueue();
      const results = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          (index % 2 === 0 ? harness().driver : harness().neighbour).queues.create(queue, `{"by":${index}}`),
        ),
      );
      expect(results.filter(Boolean)).toHaveLength(1);
      expect(await queues().getMetadata(queue)).toBe(`{"by":${results.indexOf(true)}}`);
    });

    it("finds the queues that use a dead letter queue, by their current metadata", async () => {
      const dead = aQueue();
      const { project } = dead;
      const uses = (name: unknown) => JSON.stringify({ a: 1, _dead_letter_queue: name });
      for (const name of ["b", "a", "c"]) await queues().create({ project, name }, uses(dead.name));
      await queues().create(aQueue({ name: "x" }), uses(dead.name));
      for (const other of [uses(7), uses(`${dead.name}x`), uses("\u0000"), "{}"]) {
        await queues().create(aQueue({ project }), other);
      }
      const find = async (limit = 10) => (await queues().listByDeadLetterQueues({ queues: [dead], limit }))[0];
      const both = { queues: [{ project, name: "nobody's" }, dead], limit: 10 };
      expect(await queues().listByDeadLetterQueues(both)).toEqual([[], ["a", "b", "c"]]);
      expect(await queues().listByDeadLetterQueues({ ...both, queues: [] })).toEqual([]);
      expect(await find(2)).toEqual(["a", "b"]);
      await queues().setMetadata({ project, name: "a" }, "{}");
      await queues().setMetadata({ project, name: "b" }, `{"\\u005fdead_letter_queue": "${dead.name}"}`);
      await queues().delete({ project, name: "c" });
      expect(await find()).toEqual(["b"]);
    });

    it("finds the queues whose dead letter queue is missing, if they have a maximum of claims", async () => {
      const { project } = aQueue();
      const uses = (name: string, more: object = { _max_claim_count: 3 }) =>
        JSON.stringify({ ...more, _dead_letter_queue: name });
      await queues().create({ project, name: "b" }, uses("gone"));
      await queues().create({ project, name: "a" }, uses("gone"));
      await queues().create({ project, name: "c" }, uses("absent"));
      await queues().create({ project, name: "fine" }, uses("a"));
      await queues().create({ project, name: "unlimited" }, uses("gone", {}));
      const find = async (limit = 10, projects: string[] = [project]) =>
        (await queues().listWithoutDeadLetterQueue({ projects, limit })).map(({ name }) => name);
      expect(await find()).toEqual(["c", "a", "b"]);
      expect(await find(2)).toEqual(["c", "a"]);
      expect(await find(10, [])).toEqual([]);
      const everywhere = await queues().listWithoutDeadLetterQueue({ projects: "all", limit: 1000 });
      expect(everywhere).toContainEqual({ project, name: "c", metadataText: uses("absent") });
      await queues().create({ project, name: "gone" });
      await queues().delete({ project, name: "c" });
      expect(await find()).toEqual([]);
      // A queue of the same name in another project is another queue.
      await queues().delete({ project, name: "a" });
      await queues().create(aQueue({ name: "a" }));
      expect(await find()).toEqual(["fine"]);
    });

    it("finds the queues with metrics, the oldest first, by true alone", async () => {
      const { project } = aQueue();
      const texts: Record<string, string> = {
        b: '{"_metrics": true}',
        a: '{"x": "\\u0000", "_metrics": false, "_met\\u0072ics" : true}',
        off: '{"_metrics": false}',
        text: '{"_metrics": "true"}',
        inner: '{"x": {"_metrics": true}}',
        none: "{}",
      };
      for (const [name, text] of Object.entries(texts)) await queues().create({ project, name }, text);
      const find = async (limit = 1000) => {
        const found = await queues().listWithMetrics({ limit });
        expect(found.length).toBeLessThanOrEqual(limit);
        return found.filter((queue) => queue.project === project).map(({ name }) => name);
      };
      expect(await find()).toEqual(["b", "a"]);
      await queues().setMetadata({ project, name: "b" }, "{}");
      expect(await find()).toEqual(["a"]);
      await queues().delete({ project, name: "a" });
      expect(await find()).toEqual([]);
      expect(await find(0)).toEqual([]);
    });

    it("keeps metadata exactly as it was sent", async () => {
      const queue = aQueue();
      const text = '{ "big": 12345678901234567890, "f": 1.0, "twice": 1, "twice": 2, "nul": "\\u0000", "é": "😀" }';
      await queues().create(queue, text);
      expect(await queues().getMetadata(queue)).toBe(text);
      await queues().setMetadata(queue, `${text} `);
      expect((await queues().get(queue)).metadataText).toBe(`${text} `);
    });

    it("returns all fields of a queue", async () => {
      const queue = aQueue();
      const before = Date.now();
      await queues().create(queue, '{"x":1}');
      const created = await queues().get(queue);
      expect(created).toEqual({
        project: queue.project,
        name: queue.name,
        metadataText: '{"x":1}',
        createdAt: expect.any(Date),
        updatedAt: expect.any(Date),
      });
      expect(Math.abs(created.createdAt.getTime() - before)).toBeLessThan(60_000);
      await queues().setMetadata(queue, "{}");
      const updated = await queues().get(queue);
      expect(updated.createdAt).toEqual(created.createdAt);
      expect(updated.updatedAt.getTime()).toBeGreaterThanOrEqual(created.updatedAt.getTime());
    });

    it("answers for a missing queue with QUEUE_DOES_NOT_EXIST, and deleting it is no error", async () => {
      const queue = aQueue();
      expect(await queues().exists(queue)).toBe(false);
      await expect(queues().get(queue)).rejects.toMatchObject(missing);
      await expect(queues().getMetadata(queue)).rejects.toMatchObject(missing);
      await expect(queues().setMetadata(queue, "{}")).rejects.toMatchObject(missing);
      await queues().delete(queue);
      await queues().create(queue);
      expect(await queues().exists(queue)).toBe(true);
      await queues().delete(queue);
      await queues().delete(queue);
      expect(await queues().exists(queue)).toBe(false);
      expect(await queues().create(queue)).toBe(true);
    });

    it("keeps apart queues whose project and name join to the same text, also in the unnamed project", async () => {
      const pairs = [
        { project: "", name: "a.b" },
        { project: "a.b", name: "c" },
        { project: "a", name: "b.c" },
        { project: "a", name: "b" },
        { project: "", name: "a" },
        { project: "a.b.c", name: "" },
      ];
      for (const [index, queue] of pairs.entries()) expect(await queues().create(queue, `{"n":${index}}`)).toBe(true);
      for (const [index, queue] of pairs.entries()) expect(await queues().getMetadata(queue)).toBe(`{"n":${index}}`);
      await queues().delete(pairs[1] as QueueRef);
      expect(await queues().exists(pairs[2] as QueueRef)).toBe(true);
      for (const queue of pairs) await queues().delete(queue);
    });

    it("returns many queues in one call, without those that are missing or in another project", async () => {
      const [one, two, gone] = [aQueue(), aQueue(), aQueue()];
      await queues().create(one, '{"n":1}');
      await queues().create(two, '{"n":2}');
      const swapped = { project: one.project, name: two.name };
      const found = await queues().getMany([two, gone, swapped, one, one]);
      expect(found.map((queue) => queue.metadataText).sort()).toEqual(['{"n":1}', '{"n":2}']);
      expect(await queues().getMany([])).toEqual([]);
    });

    it("refuses text that it cannot store", async () => {
      const bad = { code: "BAD_INPUT" };
      await expect(queues().create(aQueue({ name: "a\u0000b" }))).rejects.toMatchObject(bad);
      await expect(queues().create(aQueue({ project: "\u0000" }))).rejects.toMatchObject(bad);
      await expect(queues().create(aQueue(), '{"a":"\u0000"}')).rejects.toMatchObject(bad);
      await expect(queues().create(aQueue({ name: "half \ud800 pair" }))).rejects.toMatchObject(bad);
      await expect(queues().exists(aQueue({ name: "\u0000" }))).rejects.toMatchObject(bad);
      await expect(queues().getMany([aQueue({ name: "\u0000" })])).rejects.toMatchObject(bad);
      await expect(
        queues().list({ projects: "all", filter: { search: "\u0000" }, page: { limit: 1 } }),
      ).rejects.toMatchObject(bad);
    });
  });
}
