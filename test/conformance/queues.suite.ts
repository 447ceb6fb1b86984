import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { QueueFilter, QueueOrder } from "../../server/storage/control-driver.ts";
import { emptyPage } from "../../server/storage/list-pages.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { type ControlDriverHarness, inByteOrder, type OpenControlDriver, unique } from "./control-harness.ts";
import { walk } from "./walk.ts";

const BY_AGE = { field: "createdAt", direction: "asc" } as const;

export function describeQueues(name: string, open: OpenControlDriver): void {
  describe(`queues on ${name}`, () => {
    let harness: ControlDriverHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());

    const queues = () => harness.driver.queues;
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
            (index % 2 === 0 ? harness.driver : harness.neighbour).queues.create(queue, `{"by":${index}}`),
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
        const find = (limit = 10) => queues().listByDeadLetterQueue({ queue: dead, limit });
        expect(await find()).toEqual(["a", "b", "c"]);
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
        const everywhere = await queues().listWithoutDeadLetterQueue({ limit: 1000 });
        expect(everywhere).toContainEqual({ project, name: "c", metadataText: uses("absent") });
        await queues().create({ project, name: "gone" });
        await queues().delete({ project, name: "c" });
        expect(await find()).toEqual([]);
        // A queue of the same name in another project is another queue.
        await queues().delete({ project, name: "a" });
        await queues().create(aQueue({ name: "a" }));
        expect(await find()).toEqual(["fine"]);
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
        await expect(queues().list({ filter: { search: "\u0000" }, page: { limit: 1 } })).rejects.toMatchObject(bad);
      });
    });

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
              walk((page) => queues().list({ project, page, orderBy: { field, direction } }), [1, 2, 3, 10]);
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
        const all = await walk((page) => queues().list({ project, page, orderBy: BY_AGE }));
        const keys = all.map((queue) => `${queue.createdAt.toISOString()} ${queue.name}`);
        expect(keys).toEqual([...keys].sort());
        expect(all.map((queue) => queue.createdAt.getTime())).toEqual(
          all.map((queue) => queue.createdAt.getTime()).sort((a, b) => a - b),
        );
      });

      it("lists all projects when none is named, in all four orders", async () => {
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
        const expected = inByteOrder(keys(made));
        const filter = { search: prefix };
        for (const field of ["name", "createdAt"] as const) {
          const list = (direction: "asc" | "desc") =>
            walk((page) => queues().list({ filter, page, orderBy: { field, direction } }));
          const up = keys(await list("asc"));
          expect(keys(await list("desc"))).toEqual(up.toReversed());
          expect(field === "name" ? up : inByteOrder(up)).toEqual(expected);
        }
        expect(await queues().count({ filter })).toEqual({ value: 8, exact: true });
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
        const all = await walk((page) => queues().list({ project, page }));
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
          const found = await walk((page) => queues().list({ project, filter, page }), [2, 20]);
          expect(found.map((queue) => queue.name)).toEqual(expected);
          expect(await queues().count({ project, filter })).toEqual({ value: expected.length, exact: true });
        }
      });

      it("shows metadata only when detailed, and uses the last name as marker", async () => {
        const project = unique("p");
        await queues().create({ project, name: "a" }, '{"x":1}');
        await queues().create({ project, name: "b" }, '{"x":2}');
        const plain = await queues().list({ project, page: { limit: 1 } });
        expect(plain).toMatchObject({
          items: [{ name: "a", metadataText: "{}" }],
          nextMarker: "a",
          previousMarker: null,
        });
        const detailed = await queues().list({ project, page: { limit: 5, after: "a" }, detailed: true });
        expect(detailed).toMatchObject({ items: [{ name: "b", metadataText: '{"x":2}' }], nextMarker: null });
      });

      it("continues from the marker of a deleted queue, and ends where nothing follows", async () => {
        const project = unique("p");
        for (const text of ["a", "b", "c"]) await queues().create({ project, name: text });
        await queues().delete({ project, name: "b" });
        const after = await queues().list({ project, page: { limit: 5, after: "b" } });
        expect(after.items.map((queue) => queue.name)).toEqual(["c"]);
        expect(after.previousMarker).toBe("c");
        const before = await queues().list({ project, page: { limit: 5, before: "b" } });
        expect(before.items.map((queue) => queue.name)).toEqual(["a"]);
        expect(before.nextMarker).toBe("a");
        expect(await queues().list({ project, page: { limit: 5, after: "c" } })).toEqual(emptyPage());
        // Nothing lies before "0", though a marker was given.
        expect((await queues().list({ project, page: { limit: 5, after: "0" } })).previousMarker).toBeNull();
      });

      it("refuses markers that are not its own", async () => {
        const bad = { code: "BAD_INPUT" };
        const list = (after: string, options = {}) => queues().list({ page: { limit: 1, after }, ...options });
        const marker = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
        await expect(list("nonsense")).rejects.toMatchObject(bad);
        await expect(list(marker({ a: 1 }))).rejects.toMatchObject(bad);
        await expect(list(marker(["a"]))).rejects.toMatchObject(bad);
        await expect(list(marker(["a", 1]))).rejects.toMatchObject(bad);
        await expect(list(marker(["a\u0000", "b"]))).rejects.toMatchObject(bad);
        await expect(list(marker(["now", "a", "b"]), { orderBy: BY_AGE })).rejects.toMatchObject(bad);
        await expect(list(marker(["1'", "b"]), { orderBy: BY_AGE, project: "p" })).rejects.toMatchObject(bad);
        await expect(queues().list({ page: { limit: 1, after: "a", before: "b" } })).rejects.toMatchObject(bad);
        await expect(queues().listProjects({ page: { limit: 1, after: "a" } })).rejects.toMatchObject(bad);
      });

      it("counts exactly, and an empty scope too", async () => {
        const project = unique("p");
        expect(await queues().count({ project })).toEqual({ value: 0, exact: true });
        for (const text of ["a", "b", "ba"]) await queues().create({ project, name: text });
        expect(await queues().count({ project })).toEqual({ value: 3, exact: true });
        expect(await queues().count({ project, filter: { search: "b" } })).toEqual({ value: 2, exact: true });
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
        const byName = await walk((page) => queues().list({ project, filter, page }), [1, 2, 100]);
        const names = byName.map((queue) => queue.name);
        const newest = await walk(
          (page) => queues().list({ project, filter, page, orderBy: { field: "createdAt", direction: "desc" } }),
          [2, 100],
        );
        const times = newest.map((queue) => queue.createdAt.getTime());
        expect(times).toEqual(times.toSorted((a, b) => b - a));
        expect(inByteOrder(newest.map((queue) => queue.name))).toEqual(names);
        expect(await queues().count({ project, filter })).toEqual({ value: names.length, exact: true });
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
                if (pool !== "") await harness.driver.catalogue.insert({ project, name }, pool);
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
                const found = await queues().list({ project, filter, page: { limit: 100 } });
                expect(found.items.map((queue) => queue.name)).toEqual(inByteOrder(expected.map(({ name }) => name)));
              }
            }
          }
        }
        expect(await find(project, { pool: "one", flavor: "fast" })).toHaveLength(4);
        expect(await find(project, { isDeadLetterQueue: true, search: "b" })).toHaveLength(6);
        expect(await find(project, { flavor: "none of them" })).toEqual([]);
      });

      it("find queues of all projects, in all four orders", async () => {
        const pool = unique("pool");
        const made: string[] = [];
        for (const project of ["", "a", "ä"]) {
          for (const end of ["1", "2"]) {
            const queue = { project, name: unique(end) };
            await queues().create(queue, metadata({ _flavor: end }));
            await harness.driver.catalogue.insert(queue, pool);
            made.push(`${queue.name} ${project}`);
          }
        }
        for (const field of ["name", "createdAt"] as const) {
          const list = async (direction: "asc" | "desc") => {
            const orderBy = { field, direction };
            const found = await walk((page) => queues().list({ filter: { pool }, page, orderBy }), [1, 4, 100]);
            return found.map((queue) => `${queue.name} ${queue.project}`);
          };
          const up = await list("asc");
          expect(await list("desc")).toEqual(up.toReversed());
          expect(up).toEqual(field === "name" ? inByteOrder(made) : made);
        }
        expect(await queues().count({ filter: { pool } })).toEqual({ value: 6, exact: true });
      });

      it("follow each change of the metadata and of the catalogue, whichever comes first", async () => {
        const project = unique("p");
        const { catalogue } = harness.driver;
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
        const { catalogue } = harness.driver;
        const nameOf = (index: number) => `q${index % 6}`;
        await Promise.all(
          Array.from({ length: 60 }, async (_, index) => {
            const driver = index % 2 === 0 ? harness.driver : harness.neighbour;
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
        const { items } = await queues().list({ project, page: { limit: 100 }, detailed: true });
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
          queues().list({ project, filter, orderBy, page: { limit: 1, after } });
        const { nextMarker } = await list();
        await expect(list(BY_AGE, nextMarker ?? "")).rejects.toMatchObject({ code: "BAD_INPUT" });
      });
    });

    describe("transactions", () => {
      it("commits all changes, which nobody sees before", async () => {
        const [one, two] = [aQueue(), aQueue()];
        const result = await harness.driver.transaction(async (tx) => {
          await tx.queues.create(one);
          await tx.queues.create(two);
          expect(await harness.neighbour.queues.exists(one)).toBe(false);
          return "done";
        });
        expect(result).toBe("done");
        expect(await queues().getMany([one, two])).toHaveLength(2);
      });

      it("rolls back when the work throws, and throws the same error", async () => {
        const queue = aQueue();
        const reason = new Error("changed my mind");
        await expect(
          harness.driver.transaction(async (tx) => {
            await tx.queues.create(queue);
            await tx.audit.append(anAction(queue.name));
            throw reason;
          }),
        ).rejects.toBe(reason);
        expect(await queues().exists(queue)).toBe(false);
        const { items } = await harness.driver.audit.list({ page: { limit: 100 } });
        expect(items.filter((entry) => entry.target === queue.name)).toEqual([]);
      });

      it("throws the driver's own error when the work does not catch it", async () => {
        const queue = aQueue();
        await expect(
          harness.driver.transaction(async (tx) => {
            await tx.queues.create(queue);
            await tx.queues.getMetadata(aQueue());
          }),
        ).rejects.toMatchObject(missing);
        expect(await queues().exists(queue)).toBe(false);
      });

      it("continues after an error that the work catches", async () => {
        const queue = aQueue();
        await harness.driver.transaction(async (tx) => {
          await tx.queues.create(queue);
          await tx.queues.get(aQueue()).catch(() => undefined);
        });
        expect(await queues().exists(queue)).toBe(true);
      });

      it("loses none of many concurrent changes to the metadata of one queue", async () => {
        const queue = aQueue();
        await queues().create(queue, '{"count":0}');
        await Promise.all(
          Array.from({ length: 12 }, (_, index) =>
            (index % 2 === 0 ? harness.driver : harness.neighbour).transaction(async (tx) => {
              const { count } = JSON.parse(await tx.queues.getMetadata(queue));
              await tx.queues.setMetadata(queue, JSON.stringify({ count: count + 1 }));
            }),
          ),
        );
        expect(await queues().getMetadata(queue)).toBe('{"count":12}');
      });

      it("of two concurrent transactions that create the same queue, the second finds it", async () => {
        const queue = aQueue();
        const results = await Promise.all(
          [harness.driver, harness.neighbour].map((driver) => driver.transaction((tx) => tx.queues.create(queue))),
        );
        expect(results.sort()).toEqual([false, true]);
      });
    });

    it("isAlive is true", async () => {
      expect(await harness.driver.isAlive()).toBe(true);
    });
  });
}

function anAction(target: string) {
  return {
    actor: "tester",
    action: "createQueue",
    project: null,
    target,
    outcome: "done" as const,
    detailsText: "{}",
    requestId: "r-1",
  };
}
