import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { QueueFilter, QueueOrder } from "../../server/storage/control-driver.ts";
import { emptyPage, type PageRequest } from "../../server/storage/list-pages.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { includesProject, type Where } from "../../server/storage/where.ts";
import { type ControlDriverHarness, inByteOrder, unique } from "./control-harness.ts";
import { walk } from "./walk.ts";

/** Of the projects "", "a", "a.b" and "ä". */
const SCOPES: Where[] = [
  "all",
  ["ä", "a", "a", "nobody"],
  // More than have a plan each.
  ["", ...Array.from({ length: 40 }, (_, index) => `none${index}`), "a.b"],
  [],
];
const BY_AGE = { field: "createdAt", direction: "asc" } as const;

/** Cases of a suite whose harness `harness` gives: lists of queues, and their filters. */
export function queueListCases(harness: () => ControlDriverHarness): void {
  const queues = () => harness().driver.queues;

  const missing = { code: "QUEUE_DOES_NOT_EXIST" };

  describe("lists", () => {
    it("pages both ways, in every order, over names of any kind", async () => {
      const names = fc.uniqueArray(fc.string({ unit: "binary", minLength: 1, maxLength: 4 }), { maxLength: 7 });
      await fc.assert(
        fc.asyncProperty(names, async (candidates) => {
          const project = unique("p");
          const wanted = candidates.filter((text) => !text.includes("\u0000") && text.isWellFormed());
          await Promise.all(wanted.map((text) => queues().create({ project, name: text })));
          const expected = inByteOrder(wanted);
          const list = (direction: "asc" | "desc", field: "name" | "createdAt") =>
            walk((page) => queues().list({ projects: [project], page, orderBy: { field, direction } }), [1, 2, 3, 10]);
          const found = await list("asc", "name");
          expect(found.map((queue) => queue.name)).toEqual(expected);
          expect((await list("desc", "name")).map((queue) => queue.name)).toEqual(expected.toReversed());
          const byAge = await list("asc", "createdAt");
          expect(inByteOrder(byAge.map((queue) => queue.name))).toEqual(expected);
          expect((await list("desc", "createdAt")).map((queue) => queue.name)).toEqual(
            byAge.map((queue) => queue.name).toReversed(),
          );
        }),
        { numRuns: 12 },
      );
    });

    it("sorts by creation, and by name among those created together", async () => {
      const project = unique("p");
      await queues().create({ project, name: "z" });
      await queues().create({ project, name: "a" });
      await queues().create({ project, name: "m" });
      const all = await walk((page) => queues().list({ projects: [project], page, orderBy: BY_AGE }));
      const keys = all.map((queue) => `${queue.createdAt.toISOString()} ${queue.name}`);
      expect(keys).toEqual([...keys].sort());
      expect(all.map((queue) => queue.createdAt.getTime())).toEqual(
        all.map((queue) => queue.createdAt.getTime()).sort((a, b) => a - b),
      );
    });

    it("lists several or all projects, in all four orders", async () => {
      const prefix = unique("everywhere");
      const made: QueueRef[] = [];
      for (const project of ["", "a", "a.b", "ä"]) {
        for (const end of ["1", "2"]) {
          const queue = { project, name: `${prefix}${end}` };
          await queues().create(queue);
          made.push(queue);
        }
      }
      const keys = (found: readonly QueueRef[]) => found.map(({ project, name: queue }) => `${queue} ${project}`);
      const filter = { search: prefix };
      for (const projects of SCOPES) {
        const expected = inByteOrder(keys(made.filter(({ project }) => includesProject(projects, project))));
        for (const field of ["name", "createdAt"] as const) {
          const list = (direction: "asc" | "desc") =>
            walk((page) => queues().list({ projects, filter, page, orderBy: { field, direction } }));
          const up = keys(await list("asc"));
          expect(keys(await list("desc"))).toEqual(up.toReversed());
          expect(field === "name" ? up : inByteOrder(up)).toEqual(expected);
        }
        expect(await queues().count({ projects, filter })).toEqual({ value: expected.length, exact: true });
      }
    });

    it("finds names by prefix, with case and wildcard characters taken literally", async () => {
      const project = unique("p");
      const names = ["a", "a%", "a%b", "a_", "ab", "aB", "A", "a\\", "b", "é", "éa", "\ud7ff", "\ue000", "😀", "😀x"];
      for (const text of [
        ...names,
        "\u{10ffff}",
        "\u{10ffff}\u{10ffff}",
        "\u{10ffff}a",
        "a\u{10ffff}",
        "a\u{10ffff}b",
      ]) {
        await queues().create({ project, name: text });
      }
      const all = await walk((page) => queues().list({ projects: [project], page }));
      for (const prefix of [
        "a",
        "a%",
        "a_",
        "a\\",
        "A",
        "é",
        "\ud7ff",
        "😀",
        "\u{10ffff}",
        "a\u{10ffff}",
        "\u{10ffff}\u{10ffff}",
        "zz",
        "",
      ]) {
        const expected = all.map((queue) => queue.name).filter((text) => text.startsWith(prefix));
        const filter = { search: prefix };
        const found = await walk((page) => queues().list({ projects: [project], filter, page }), [2, 20]);
        expect(found.map((queue) => queue.name)).toEqual(expected);
        expect(await queues().count({ projects: [project], filter })).toEqual({ value: expected.length, exact: true });
      }
    });

    it("shows metadata only when detailed, and uses the last name as marker", async () => {
      const project = unique("p");
      await queues().create({ project, name: "a" }, '{"x":1}');
      await queues().create({ project, name: "b" }, '{"x":2}');
      const plain = await queues().list({ projects: [project], page: { limit: 1 } });
      expect(plain).toMatchObject({
        items: [{ name: "a", metadataText: "{}" }],
        nextMarker: "a",
        previousMarker: null,
      });
      const detailed = await queues().list({ projects: [project], page: { limit: 5, after: "a" }, detailed: true });
      expect(detailed).toMatchObject({ items: [{ name: "b", metadataText: '{"x":2}' }], nextMarker: null });
    });

    it("continues from the marker of a deleted queue, and ends where nothing follows", async () => {
      const project = unique("p");
      for (const text of ["a", "b", "c"]) await queues().create({ project, name: text });
      await queues().delete({ project, name: "b" });
      const after = await queues().list({ projects: [project], page: { limit: 5, after: "b" } });
      expect(after.items.map((queue) => queue.name)).toEqual(["c"]);
      expect(after.previousMarker).toBe("c");
      const before = await queues().list({ projects: [project], page: { limit: 5, before: "b" } });
      expect(before.items.map((queue) => queue.name)).toEqual(["a"]);
      expect(before.nextMarker).toBe("a");
      expect(await queues().list({ projects: [project], page: { limit: 5, after: "c" } })).toEqual(emptyPage());
      // Nothing lies before "0", though a marker was given.
      expect((await queues().list({ projects: [project], page: { limit: 5, after: "0" } })).previousMarker).toBeNull();
    });

    it("refuses markers that are not its own", async () => {
      const bad = { code: "BAD_INPUT" };
      const list = (after: string, options = {}) =>
        queues().list({ projects: "all", page: { limit: 1, after }, ...options });
      const marker = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
      await expect(list("nonsense")).rejects.toMatchObject(bad);
      await expect(list(marker({ a: 1 }))).rejects.toMatchObject(bad);
      await expect(list(marker(["a"]))).rejects.toMatchObject(bad);
      await expect(list(marker(["a", 1]))).rejects.toMatchObject(bad);
      await expect(list(marker(["a\u0000", "b"]))).rejects.toMatchObject(bad);
      await expect(list(marker(["now", "a", "b"]), { orderBy: BY_AGE })).rejects.toMatchObject(bad);
      await expect(list(marker(["1'", "b"]), { orderBy: BY_AGE, project: "p" })).rejects.toMatchObject(bad);
      await expect(
        queues().list({ projects: "all", page: { limit: 1, after: "a", before: "b" } }),
      ).rejects.toMatchObject(bad);
      await expect(queues().listProjects({ page: { limit: 1, after: "a" } })).rejects.toMatchObject(bad);
    });

    it("counts exactly, and an empty scope too", async () => {
      const project = unique("p");
      expect(await queues().count({ projects: [project] })).toEqual({ value: 0, exact: true });
      for (const text of ["a", "b", "ba"]) await queues().create({ project, name: text });
      expect(await queues().count({ projects: [project] })).toEqual({ value: 3, exact: true });
      expect(await queues().count({ projects: [project], filter: { search: "b" } })).toEqual({ value: 2, exact: true });
      const counts = await queues().countByProjects([project, "no-project", project]);
      expect(counts.map(({ value }) => value)).toEqual([3, 0, 3]);
      expect(await queues().countByProjects([])).toEqual([]);
    });

    it("lists the projects that have queues, each once, the unnamed one too", async () => {
      const mark = unique("z");
      const projects = ["", `${mark}`, `${mark}.a`, `${mark}é`, `${mark}😀`];
      for (const project of projects) {
        for (const text of ["q1", "q2", "q3"]) await queues().create({ project, name: text });
      }
      await queues().create({ project: `${mark}-gone`, name: "q" });
      await queues().delete({ project: `${mark}-gone`, name: "q" });
      const all = await walk((page) => queues().listProjects({ page }));
      expect(all[0]).toBe("");
      expect(all.filter((project) => project.startsWith(mark))).toEqual(inByteOrder(projects.slice(1)));
      expect(new Set(all).size).toBe(all.length);
      const asked = [...projects, `${mark}-gone`, `${mark}.b`, mark];
      expect(inByteOrder(await queues().projectsWithQueues(asked))).toEqual(inByteOrder(projects));
      expect(await queues().projectsWithQueues([])).toEqual([]);
      expect(await walk((page) => queues().listProjects({ page, search: mark }))).toEqual(
        inByteOrder(projects.slice(1)),
      );
      expect(await walk((page) => queues().listProjects({ page, search: `${mark}.` }))).toEqual([`${mark}.a`]);
      const first = await queues().listProjects({ page: { limit: 1 } });
      expect(first.nextMarker).toBe("=");
    });
  });

  describe("filters", () => {
    /** Names of the queues that the filter finds: the same in both orders, and as many as are counted. */
    const find = async (project: string, filter: QueueFilter): Promise<string[]> => {
      const byName = await walk((page) => queues().list({ projects: [project], filter, page }), [1, 2, 100]);
      const names = byName.map((queue) => queue.name);
      const newest = await walk(
        (page) =>
          queues().list({ projects: [project], filter, page, orderBy: { field: "createdAt", direction: "desc" } }),
        [2, 100],
      );
      const times = newest.map((queue) => queue.createdAt.getTime());
      expect(times).toEqual(times.toSorted((a, b) => b - a));
      expect(inByteOrder(newest.map((queue) => queue.name))).toEqual(names);
      expect(await queues().count({ projects: [project], filter })).toEqual({ value: names.length, exact: true });
      return names;
    };
    const metadata = (value: object) => JSON.stringify(value);

    it("find by pool, flavor, use as a dead letter queue and beginning of the name, in any combination", async () => {
      const project = unique("p");
      const facts: { name: string; pool: string; flavor: string; dead: boolean }[] = [];
      for (const pool of ["", "one", "two"]) {
        for (const flavor of ["", "fast"]) {
          for (const dead of [true, false]) {
            for (const start of ["a", "b"]) {
              const name = `${start}.${pool}.${flavor}.${dead}`;
              facts.push({ name, pool, flavor, dead });
              await queues().create({ project, name }, flavor === "" ? "{}" : metadata({ _flavor: flavor }));
              if (pool !== "") await harness().driver.catalogue.insert({ project, name }, pool);
            }
          }
        }
      }
      for (const [index, { name }] of facts.filter(({ dead }) => dead).entries()) {
        await queues().create({ project, name: `user.${index}` }, metadata({ _dead_letter_queue: name }));
        facts.push({ name: `user.${index}`, pool: "", flavor: "", dead: false });
      }
      for (const pool of [undefined, "", "one", "three"]) {
        for (const flavor of [undefined, "", "fast"]) {
          for (const isDeadLetterQueue of [undefined, true, false]) {
            for (const search of [undefined, "a.", "a.one"]) {
              const expected = facts
                .filter((one) => pool === undefined || one.pool === pool)
                .filter((one) => flavor === undefined || one.flavor === flavor)
                .filter((one) => isDeadLetterQueue === undefined || one.dead === isDeadLetterQueue)
                .filter((one) => search === undefined || one.name.startsWith(search));
              const filter = { pool, flavor, isDeadLetterQueue, search };
              const found = await queues().list({ projects: [project], filter, page: { limit: 100 } });
              expect(found.items.map((queue) => queue.name)).toEqual(inByteOrder(expected.map(({ name }) => name)));
            }
          }
        }
      }
      expect(await find(project, { pool: "one", flavor: "fast" })).toHaveLength(4);
      expect(await find(project, { isDeadLetterQueue: true, search: "b" })).toHaveLength(6);
      expect(await find(project, { flavor: "none of them" })).toEqual([]);
    });

    it("find queues of several or all projects, in all four orders", async () => {
      const pool = unique("pool");
      const made: { project: string; key: string }[] = [];
      for (const project of ["", "a", "ä"]) {
        for (const end of ["1", "2"]) {
          const queue = { project, name: unique(end) };
          await queues().create(queue, metadata({ _flavor: end }));
          await harness().driver.catalogue.insert(queue, pool);
          made.push({ project, key: `${queue.name} ${project}` });
        }
      }
      for (const projects of SCOPES) {
        const expected = made.filter(({ project }) => includesProject(projects, project)).map(({ key }) => key);
        for (const field of ["name", "createdAt"] as const) {
          const list = async (direction: "asc" | "desc") => {
            const orderBy = { field, direction };
            const read = (page: PageRequest) => queues().list({ projects, filter: { pool }, page, orderBy });
            return (await walk(read, [1, 4, 100])).map((queue) => `${queue.name} ${queue.project}`);
          };
          const up = await list("asc");
          expect(await list("desc")).toEqual(up.toReversed());
          expect(up).toEqual(field === "name" ? inByteOrder(expected) : expected);
        }
        expect(await queues().count({ projects, filter: { pool } })).toEqual({ value: expected.length, exact: true });
      }
    });

    it("follow each change of the metadata and of the catalogue, whichever comes first", async () => {
      const project = unique("p");
      const { catalogue } = harness().driver;
      const queue = { project, name: "q" };
      await catalogue.insert(queue, "one");
      expect(await find(project, { pool: "one" })).toEqual([]);
      await queues().create(queue, metadata({ _flavor: "fast" }));
      expect(await find(project, { pool: "one", flavor: "fast" })).toEqual(["q"]);
      await catalogue.update(queue, "two");
      await queues().setMetadata(queue, metadata({ _flavor: "slow", _dead_letter_queue: "other" }));
      expect(await find(project, { pool: "one" })).toEqual([]);
      expect(await find(project, { pool: "two", flavor: "slow", isDeadLetterQueue: false })).toEqual(["q"]);
      // The dead letter queue is created after the queue that names it.
      await queues().create({ project, name: "other" });
      expect(await find(project, { isDeadLetterQueue: true, pool: "" })).toEqual(["other"]);
      await queues().create({ project, name: "r" }, metadata({ _dead_letter_queue: "other" }));
      await queues().setMetadata(queue, "{}");
      expect(await find(project, { isDeadLetterQueue: true })).toEqual(["other"]);
      await queues().delete({ project, name: "r" });
      expect(await find(project, { isDeadLetterQueue: true })).toEqual([]);
      await queues().delete(queue);
      expect(await find(project, { pool: "two" })).toEqual([]);
      await queues().create(queue);
      expect(await find(project, { pool: "two", flavor: "" })).toEqual(["q"]);
      await catalogue.delete(queue);
      expect(await find(project, { pool: "" })).toEqual(["other", "q"]);
    });

    it("read the flavor as the attributes do: of text, the last one, behind escapes", async () => {
      const project = unique("p");
      const texts = {
        escaped: String.raw`{"_fl\u0061vor": "f\u0061st"}`,
        twice: '{"_flavor": "slow", "_flavor": "fast"}',
        strange: String.raw`{"a": "\u0000 \ud800 \\u0000 \ud83d\ude00", "n": 1e999999, "_flavor": "fast"}`,
        number: '{"_flavor": 7}',
        nested: '{"a": {"_flavor": "fast"}}',
        mentioned: String.raw`{"a": "\"_flavor\": \"fast\""}`,
      };
      for (const [name, text] of Object.entries(texts)) await queues().create({ project, name }, text);
      expect(await find(project, { flavor: "fast" })).toEqual(["escaped", "strange", "twice"]);
      expect(await find(project, { flavor: "" })).toEqual(["mentioned", "nested", "number"]);
    });

    it("are right after concurrent changes of queues that share a dead letter queue, or are one another's", async () => {
      const project = unique("p");
      const { catalogue } = harness().driver;
      const nameOf = (index: number) => `q${index % 6}`;
      await Promise.all(
        Array.from({ length: 60 }, async (_, index) => {
          const driver = index % 2 === 0 ? harness().driver : harness().neighbour;
          const queue = { project, name: nameOf(index) };
          const target = index % 3 === 0 ? nameOf(0) : nameOf(index + 1);
          const text = metadata({ _dead_letter_queue: target, _flavor: `f${index}` });
          if (index % 5 === 0) await driver.queues.delete(queue);
          else if (!(await driver.queues.create(queue, text))) {
            await driver.queues
              .setMetadata(queue, text)
              .catch((error: unknown) => expect(error).toMatchObject(missing));
          }
          if (index % 7 === 0) await driver.catalogue.delete(queue);
          else await driver.catalogue.insert(queue, `pool${index % 2}`);
        }),
      );
      const { items } = await queues().list({ projects: [project], page: { limit: 100 }, detailed: true });
      const used = new Set(items.map((queue) => JSON.parse(queue.metadataText)._dead_letter_queue));
      const names = items.map((queue) => queue.name);
      expect(await find(project, { isDeadLetterQueue: true })).toEqual(names.filter((text) => used.has(text)));
      for (const { name: text, metadataText } of items) {
        const [entry] = await catalogue.getMany([{ project, name: text }]);
        const filter = { pool: entry?.pool ?? "", flavor: JSON.parse(metadataText)._flavor };
        expect(await find(project, filter)).toContain(text);
      }
    });

    it("refuse a marker of another order", async () => {
      const project = unique("p");
      for (const text of ["a", "b"]) await queues().create({ project, name: text });
      const filter = { isDeadLetterQueue: false };
      const list = (orderBy?: QueueOrder, after?: string) =>
        queues().list({ projects: [project], filter, orderBy, page: { limit: 1, after } });
      const { nextMarker } = await list();
      await expect(list(BY_AGE, nextMarker ?? "")).rejects.toMatchObject({ code: "BAD_INPUT" });
    });
  });
}
