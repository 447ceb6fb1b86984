/** Jobs that delete and purge messages, what a dead process leaves of them, and how they are taken back. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Access } from "../../../server/access/access.ts";
import { DomainError } from "../../../server/errors.ts";
import type { Job, JobStore } from "../../../server/jobs/job.ts";
import { limitedTo } from "../../support/access.ts";
import { admin, aService, codeOf, hasty, operator, over, type Service, viewer, withBroken } from "../a-service.ts";
import { jobTools, reason, resultOf } from "./job-tools.ts";

let service: Service;
beforeAll(async () => {
  service = await aService();
});
afterAll(() => service.stop());
const { startRunner, aQueue, post, claim, idsIn, dryRun, sql, ended, start } = jobTools(() => service);

describe("a job on messages", () => {
  it("deletes what matched and still matches, leaves what is claimed, and what was posted since", async () => {
    startRunner();
    const queue = await aQueue();
    const ids = await post(queue, 250, "p", "old");
    const kept = await post(queue, 1, "p", "other");
    const { token } = await dryRun({ queue, action: { delete: {} }, filter: { clientId: "old" } });
    const late = await post(queue, 1, "p", "old");
    const held = await claim(queue, 2);
    const job = await start(token);
    expect(job).toMatchObject({ kind: "deleteMessages", state: "done", total: 250, progress: 248, reason });
    const left = [{ why: "claimed", project: "p", queue, messages: 2 }];
    expect(resultOf(job)).toEqual({ messages: 248, left });
    expect(held.messages.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    expect(await idsIn(queue)).toEqual([...ids.slice(0, 2), ...kept, ...late]);
    const [undo] = await service.operations.undo.openOf(operator, { queues: [{ project: "p", name: queue }] });
    expect(undo).toMatchObject({ action: "deleteMessages", messages: 248 });
    expect(await service.operations.undo.undo(operator, { token: undo?.token ?? "" })).toMatchObject({ messages: 248 });
    const { total } = await service.operations.queues.stats(operator, { project: "p", queue });
    expect(total).toBe(252);
    const { items } = await service.operations.audit.list(admin, { project: "p", target: `deleteMessages ${queue}` });
    expect(items).toMatchObject([{ action: "startJob", outcome: "done", reason }]);
    expect(JSON.parse(items[0]?.detailsText ?? "")).toMatchObject({
      messages: { value: 250 },
      result: { messages: 248 },
    });
  });

  it("with a limit takes the oldest so many that are free", async () => {
    startRunner();
    const queue = await aQueue();
    const ids = await post(queue, 6);
    await claim(queue, 2);
    const { token, plan } = await dryRun({ queue, action: { delete: {} }, all: true, limit: 3 });
    expect(plan).toMatchObject({ count: { value: 5, exact: true }, claimed: 2 });
    expect(resultOf(await start(token))).toMatchObject({ messages: 3, left: [{ why: "claimed", messages: 2 }] });
    expect(await idsIn(queue)).toEqual([...ids.slice(0, 2), ...ids.slice(5)]);
  });

  it("purges the queues of a project, but not what was posted since", async () => {
    startRunner();
    const [one, two] = [await aQueue({}, "purged"), await aQueue({}, "purged")];
    await aQueue({}, "purged");
    for (const queue of [one, two]) await post(queue, 3, "purged");
    const { token, plan } = await service.operations.dryRuns.make(admin, {
      action: { purge: {} },
      queues: { project: "purged" },
      all: true,
    });
    expect(plan.queues.map(({ name }) => name)).toEqual([one, two].toSorted());
    const late = await post(two, 1, "purged");
    const { id } = await service.operations.jobs.start(admin, { token, reason });
    expect(await ended(id)).toMatchObject({ state: "done", project: "purged", target: "", progress: 6, total: 6 });
    expect([await idsIn(one, "purged"), await idsIn(two, "purged")]).toEqual([[], late]);
    expect(plan.undoable).toBe(true);
    // It goes by name, and the newest is first.
    const undos = await service.operations.undo.list(admin, { project: "purged" });
    expect(undos.map(({ queue, messages }) => [queue, messages])).toEqual(
      [one, two]
        .toSorted()
        .toReversed()
        .map((queue) => [queue, 3]),
    );
    const withRate = service.operations.dryRuns.make(admin, {
      action: { purge: {} },
      queues: { project: "purged" },
      all: true,
    });
    const { token: other } = await withRate;
    expect(await codeOf(service.operations.jobs.start(admin, { token: other, reason, ratePerSecond: 1 }))).toBe(
      "BAD_INPUT",
    );
  });

  it("goes over the queues that are named, each once, and over no other", async () => {
    startRunner();
    const [one, two, other] = [await aQueue({}, "named"), await aQueue(), await aQueue()];
    for (const [queue, project] of [[one, "named"], [two], [other]] as const) await post(queue, 2, project);
    const named = [
      { project: "p", queue: two },
      { project: "named", queue: one },
      { project: "p", queue: two },
    ];
    const make = (queues: typeof named, access = admin) =>
      service.operations.dryRuns.make(access, { action: { delete: {} }, queues: { queues }, all: true });
    const { token, plan } = await make(named);
    expect(plan.queues.map(({ name }) => name).sort()).toEqual([one, two].sort());
    const { id } = await service.operations.jobs.start(admin, { token, reason });
    expect(await ended(id)).toMatchObject({ state: "done", project: null, target: "", progress: 4, total: 4 });
    expect([await idsIn(one, "named"), await idsIn(two), (await idsIn(other)).length]).toEqual([[], [], 2]);
    expect(await codeOf(make([...named, { project: "p", queue: "none" }]))).toBe("QUEUE_DOES_NOT_EXIST");
    expect(await codeOf(make(named, limitedTo(operator, "operator", ["p"])))).toBe("FORBIDDEN");
    expect(await codeOf(make([]))).toBe("BAD_INPUT");
  });

  it("goes on from where a dead process stopped, and passes over a queue that was made again", async () => {
    const [one, two] = [await aQueue({}, "dead"), await aQueue({}, "dead")];
    await post(one, 130, "dead");
    await post(two, 2, "dead");
    const action = { delete: {} };
    const { token } = await service.operations.dryRuns.make(admin, { action, queues: { project: "dead" }, all: true });
    // Its second deletion does not come back, and from then on it sends no heartbeat.
    let deletions = 0;
    const stuck = Promise.withResolvers<never>();
    const bulkDelete: typeof service.data.messages.bulkDelete = (params) =>
      ++deletions === 2 ? stuck.promise : service.data.messages.bulkDelete(params);
    const dying = withBroken(service, { data: { messages: over(service.data.messages, { bulkDelete }) } });
    const beat: JobStore["beat"] = (params) =>
      deletions === 2
        ? Promise.resolve({ cancelRequested: false, held: false, ratePerSecond: null })
        : service.jobs.beat(params);
    startRunner({ operations: dying, store: over(service.jobs, { beat }) });
    const { id } = await service.operations.jobs.start(admin, { token, reason, ratePerSecond: 100_000 });
    await expect.poll(() => deletions).toBe(2);
    await service.operations.queues.delete(admin, { project: "dead", queue: two });
    await service.operations.queues.create(admin, { project: "dead", queue: two });
    const fresh = await post(two, 1, "dead");
    await service.jobs.release((await service.jobs.get(id)) as Job);
    startRunner();
    expect(await ended(id)).toMatchObject({ state: "done", fence: 2, progress: 130 });
    expect([await idsIn(one, "dead"), await idsIn(two, "dead")]).toEqual([[], fresh]);
    stuck.reject(new DomainError("STORAGE_UNAVAILABLE", "It is dead."));
  });

  it("that deletes is taken back after a process died in between, queue by queue, once it is done with a queue", async () => {
    const [one, two] = [await aQueue({}, "back"), await aQueue({}, "back")];
    const ids = [await post(one, 130, "back"), await post(two, 2, "back")] as const;
    const action = { delete: {} };
    const { token, plan } = await service.operations.dryRuns.make(admin, {
      action,
      queues: { project: "back" },
      all: true,
    });
    expect(plan.undoable).toBe(true);
    const { id } = await service.operations.jobs.start(admin, { token, reason, ratePerSecond: 100_000 });
    const taken = (await service.jobs.take({
      holder: "dying",
      leaseSeconds: 60,
      kinds: ["deleteMessages"],
      rated: true,
    })) as Job;
    // It deletes messages, and never hears of it.
    const bulkDelete: typeof service.data.messages.bulkDelete = async (params) => {
      await service.data.messages.bulkDelete(params);
      throw new DomainError("OUTCOME_UNKNOWN", "It died here.");
    };
    const dying = withBroken(service, { data: { messages: over(service.data.messages, { bulkDelete }) } });
    await expect(dying.jobs.work.deleteMessages(taken, hasty)).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" });
    expect(await service.operations.undo.openOfJobs(viewer, { jobs: [id] })).toEqual([[]]);
    expect(await service.operations.undo.list(admin, { project: "back" })).toEqual([]);
    await service.jobs.release(taken);
    startRunner();
    expect(await ended(id)).toMatchObject({ state: "done", progress: 32 });
    const [undos = []] = await service.operations.undo.openOfJobs(admin, { jobs: [id] });
    // How many the dead process deleted is not known.
    expect(undos).toMatchObject([
      { queue: two, messages: 2, action: "deleteMessages", job: id, actor: "ada" },
      { queue: one, messages: null },
    ]);
    for (const { token: of, queue } of undos) {
      expect(await service.operations.undo.undo(admin, { token: of })).toMatchObject({
        messages: queue === one ? 130 : 2,
      });
    }
    const held = async (queue: string) =>
      (
        await service.operations.dryRuns.make(admin, {
          action,
          queues: { queue: { project: "back", queue } },
          all: true,
        })
      ).plan.count;
    expect(await held(one)).toEqual({ value: 130, exact: true });
    expect(await idsIn(one, "back")).toEqual(ids[0].slice(0, 100));
    expect(await idsIn(two, "back")).toEqual(ids[1]);
    expect(await service.operations.undo.openOfJobs(admin, { jobs: [id] })).toEqual([[]]);
  });

  it("that deletes cannot be taken back in part, once it stood still for too long", async () => {
    const queue = await aQueue();
    await post(queue, 130);
    const { token } = await dryRun({ queue, action: { delete: {} }, all: true });
    const { id } = await service.operations.jobs.start(operator, { token, reason, ratePerSecond: 100_000 });
    const taken = (await service.jobs.take({
      holder: "slow",
      leaseSeconds: 60,
      kinds: ["deleteMessages"],
      rated: true,
    })) as Job;
    let batches = 0;
    const allowance = async (most: number) => {
      batches += 1;
      if (batches === 2) await sql("UPDATE undos SET until = until - interval '25 s' WHERE queue = $1", [queue]);
      return most;
    };
    await service.operations.jobs.work.deleteMessages(taken, { ...hasty, allowance });
    expect(batches).toBeGreaterThan(1);
    expect(await idsIn(queue)).toEqual([]);
    expect(await sql("SELECT messages::int, until <= now() AS over FROM undos WHERE queue = $1", [queue])).toEqual([
      { messages: 130, over: true },
    ]);
    expect(await service.operations.undo.openOfJobs(viewer, { jobs: [id] })).toEqual([[]]);
    await service.operations.jobs.cancel(operator, { id });
    await service.jobs.release(taken);
  });

  it("fails when its asker has lost the right, and keeps what it has done", async () => {
    let access: Access | null = operator;
    const presentAccess = async () => access;
    startRunner({ operations: withBroken(service, { presentAccess }) });
    const queue = await aQueue();
    await post(queue, 300);
    const { token } = await dryRun({ queue, action: { delete: {} }, all: true });
    const { id } = await service.operations.jobs.start(operator, { token, reason, ratePerSecond: 100 });
    await expect.poll(async () => (await service.jobs.get(id))?.progress ?? 0).toBeGreaterThan(0);
    access = limitedTo(operator, "operator", ["other"]);
    const job = await ended(id);
    expect(job).toMatchObject({ state: "failed", error: { code: "FORBIDDEN" } });
    expect((await idsIn(queue)).length).toBe(Math.min(100, 300 - job.progress));
    const { items } = await service.operations.audit.list(admin, { project: "p", target: `deleteMessages ${queue}` });
    expect(items.map(({ outcome }) => outcome)).toEqual(["failed"]);
  });
});
