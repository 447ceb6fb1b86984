import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AuditEntry, AuditFilter } from "../../server/storage/control-driver.ts";
import type { Where } from "../../server/storage/where.ts";
import { type ControlDriverHarness, type OpenControlDriver, unique } from "./control-harness.ts";
import { walk } from "./walk.ts";

export function describeAudit(name: string, open: OpenControlDriver): void {
  describe(`the audit log on ${name}`, () => {
    let harness: ControlDriverHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());

    const audit = () => harness.driver.audit;
    const anEntry = (changes: Partial<AuditEntry> = {}): Omit<AuditEntry, "id" | "at"> => ({
      actor: "tester",
      action: "purgeQueue",
      project: "p",
      target: unique("target"),
      outcome: "intended",
      detailsText: '{"count": 12345678901234567890}',
      requestId: "r-1",
      reason: null,
      address: null,
      ...changes,
    });
    const find = async (id: string) =>
      (await walk((page) => audit().list({ projects: "all", page }), [100])).find((entry) => entry.id === id);

    it("keeps an entry exactly as it was written", async () => {
      const entry = anEntry({ project: null, reason: "It was the wrong one.", address: "2001:db8::7" });
      const id = await audit().append(entry);
      expect(await find(id)).toEqual({ ...entry, id, at: expect.any(Date) });
    });

    it("takes the outcome of an entry once, and ignores a second one", async () => {
      const id = await audit().append(anEntry());
      await audit().settle(id, "failed", '{"why":"it broke"}');
      expect(await find(id)).toMatchObject({ outcome: "failed", detailsText: '{"why":"it broke"}' });
      await audit().settle(id, "done", "{}");
      expect(await find(id)).toMatchObject({ outcome: "failed", detailsText: '{"why":"it broke"}' });
    });

    it("keeps the details of an entry when its outcome brings none, and leaves a refused entry refused", async () => {
      const [done, refused] = [await audit().append(anEntry()), await audit().append(anEntry({ outcome: "refused" }))];
      await audit().settle(done, "done");
      await audit().settle(refused, "done");
      expect(await find(done)).toMatchObject({ outcome: "done", detailsText: anEntry().detailsText });
      expect(await find(refused)).toMatchObject({ outcome: "refused" });
    });

    it("reads many entries by their ids, those that exist", async () => {
      const entries = [anEntry(), anEntry({ project: null })];
      const [one = "", other = ""] = [
        await audit().append(entries[0] as never),
        await audit().append(entries[1] as never),
      ];
      const found = await audit().getMany([other, "999999999999999999", "nonsense", "", "9".repeat(30), one]);
      expect(found.toSorted((a, b) => Number(a.id) - Number(b.id))).toEqual([
        { ...entries[0], id: one, at: expect.any(Date) },
        { ...entries[1], id: other, at: expect.any(Date) },
      ]);
      expect(await audit().getMany([])).toEqual([]);
    });

    it("lists newest first, by projects and actor, both ways", async () => {
      const actor = unique("actor");
      const made: { id: string; project: string | null }[] = [];
      for (const project of ["p", null, "", "p", "q", "p", null]) {
        made.unshift({ id: await audit().append(anEntry({ actor, project })), project });
      }
      const ids = async (projects: Where) =>
        (await walk((page) => audit().list({ projects, page, filter: { actor } }))).map((entry) => entry.id);
      const of = (projects: readonly string[]) =>
        made.filter(({ project }) => project !== null && projects.includes(project)).map(({ id }) => id);
      expect(await ids("all")).toEqual(made.map((entry) => entry.id));
      for (const projects of [["p"], [""], ["q", "p", "p", "none"], []]) {
        expect(await ids(projects)).toEqual(of(projects));
      }
      expect((await audit().list({ projects: "all", page: { limit: 1 } })).items[0]?.id).toBe(made[0]?.id);
    });

    it("lists what was done to one target, both ways", async () => {
      const [target, other] = [unique("target"), unique("target")];
      const made: string[] = [];
      for (const one of [target, other, target]) made.unshift(await audit().append(anEntry({ target: one })));
      const ids = async (projects: Where) =>
        (await walk((page) => audit().list({ projects, page, filter: { target } }))).map((entry) => entry.id);
      expect(await ids("all")).toEqual([made[0], made[2]]);
      expect(await ids(["p"])).toEqual([made[0], made[2]]);
      expect(await ids(["q"])).toEqual([]);
    });

    it("lists by action, outcome, request and time, and by several of them, both ways", async () => {
      const [actor, requestId] = [unique("actor"), unique("request")];
      const made: string[] = [];
      for (const changes of [{ action: "a" }, { action: "b" }, { outcome: "refused" as const }, { requestId }]) {
        made.push(await audit().append(anEntry({ actor, action: "c", ...changes })));
      }
      const times = new Map((await audit().getMany(made)).map(({ id, at }) => [id, at]));
      const ids = async (filter: AuditFilter) =>
        (await walk((page) => audit().list({ projects: "all", page, filter: { actor, ...filter } }))).map(
          ({ id }) => id,
        );
      expect(await ids({ action: "b" })).toEqual([made[1]]);
      expect(await ids({ outcome: "refused" })).toEqual([made[2]]);
      expect(await ids({ requestId })).toEqual([made[3]]);
      expect(await ids({ requestId, outcome: "refused" })).toEqual([]);
      const [from, to] = [times.get(made[1] as string), times.get(made[3] as string)] as [Date, Date];
      const between = made.filter((id) => (times.get(id) as Date) >= from && (times.get(id) as Date) < to);
      expect(await ids({ from, to })).toEqual(between.reverse());
      expect(await ids({ to: times.get(made[0] as string) as Date })).toEqual([]);
    });

    it("refuses a malformed marker or entry id", async () => {
      await expect(audit().list({ projects: "all", page: { limit: 1, after: "x" } })).rejects.toMatchObject({
        code: "BAD_INPUT",
      });
      await expect(audit().settle("x", "done")).rejects.toMatchObject({ code: "BAD_INPUT" });
    });
  });
}
