/** Jobs that redrive and move messages, and what finishes them when a process dies. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DomainError } from "../../../server/errors.ts";
import type { Job, JobStore } from "../../../server/jobs/job.ts";
import { admin, aService, codeOf, hasty, operator, over, type Service, withBroken } from "../a-service.ts";
import { jobTools, reason, resultOf } from "./job-tools.ts";

let service: Service;
beforeAll(async () => {
  service = await aService();
});
afterAll(() => service.stop());
const { startRunner, aQueue, post, claim, idsIn, dryRun, ended, start } = jobTools(() => service);

describe("a job on messages", () => {
  it("redrives dead letters to where each came from, and leaves the others with the reason", async () => {
    startRunner();
    const dlq = await aQueue();
    const unlucky = async (size: number) => {
      const queue = await aQueue({ _max_claim_count: 1, _dead_letter_queue: dlq });
      const messages = [{ bodyText: JSON.stringify("x".repeat(size)) }];
      const { ids } = await service.operations.messages.post(admin, { project: "p", queue, messages });
      const { claim: held } = await claim(queue, 1);
      await service.operations.claims.delete(admin, { project: "p", queue, claimId: held?.id ?? "" });
      await claim(queue, 1);
      return { queue, id: ids[0] as string };
    };
    const [one, two, gone, small] = [await unlucky(1), await unlucky(1), await unlucky(1), await unlucky(300)];
    const [strange] = await post(dlq, 1);
    await service.operations.queues.delete(admin, { project: "p", queue: gone.queue });
    await service.operations.queues.setMetadata(admin, {
      project: "p",
      queue: small.queue,
      metadataText: JSON.stringify({ _max_messages_post_size: 100 }),
    });
    const { token, plan } = await dryRun({ queue: dlq, action: { redrive: {} }, all: true });
    expect(plan.count).toEqual({ value: 5, exact: true });
    const where = plan.destinations.map(({ name, exists, count }) => [name, exists, count.value]);
    expect(where).toEqual([one, two, gone].map(({ queue }) => [queue, queue !== gone.queue, 1]));
    const left = (["sourceMissing", "tooLarge", "sourceUnknown"] as const).map((why) => ({
      ...{ why, project: "p", queue: dlq, messages: 1 },
    }));
    expect(plan.refused).toEqual(left);
    expect(resultOf(await start(token))).toEqual({ messages: 2, left });
    expect([await idsIn(one.queue), await idsIn(two.queue)]).toEqual([[one.id], [two.id]]);
    expect(await idsIn(dlq)).toEqual([gone.id, small.id, strange]);
    const back = await service.operations.messages.get(admin, { project: "p", queue: one.queue, id: one.id });
    expect(back).toMatchObject({ claimCount: 0, claim: null, deadLettered: { queue: one.queue } });
  });

  it("redrives what has no source to the only queue that uses the dead letter queue, or to a queue that is named", async () => {
    startRunner();
    const dlq = await aQueue();
    const user = await aQueue({ _max_claim_count: 3, _dead_letter_queue: dlq });
    const ids = await post(dlq, 12);
    const { token } = await dryRun({ queue: dlq, action: { redrive: {} }, all: true, limit: 10 });
    expect(resultOf(await start(token))).toEqual({ messages: 10, left: [] });
    expect(await idsIn(user)).toEqual(ids.slice(0, 10));
    const other = await aQueue();
    const named = await dryRun({ queue: dlq, action: { redrive: { to: other, ttlSeconds: 99 } }, all: true });
    expect(resultOf(await start(named.token))).toEqual({ messages: 2, left: [] });
    expect(await idsIn(other)).toEqual(ids.slice(10));
    expect(await codeOf(dryRun({ queue: dlq, action: { redrive: { to: "none" } }, all: true }))).toBe(
      "QUEUE_DOES_NOT_EXIST",
    );
    expect(await codeOf(dryRun({ queue: dlq, action: { redrive: { to: dlq } }, all: true }))).toBe("BAD_INPUT");
  });

  it("moves messages of a project to one of its queues, but not that queue's own", async () => {
    startRunner();
    const [one, two] = [await aQueue({}, "from"), await aQueue({}, "from")];
    const target = await aQueue({}, "from");
    const ids = [...(await post(one, 3, "from")), ...(await post(two, 2, "from"))];
    const own = await post(target, 1, "from");
    const { token, plan } = await service.operations.dryRuns.make(admin, {
      action: { move: { project: "from", queue: target } },
      queues: { project: "from" },
      filter: { states: ["ready"] },
    });
    expect(plan.queues.map(({ name }) => name)).toEqual([one, two].toSorted());
    expect(plan.warnings).toHaveLength(1);
    expect(plan.destinations).toMatchObject([{ name: target, count: { value: 5, exact: true } }]);
    const { id } = await service.operations.jobs.start(admin, { token, reason });
    expect(await ended(id)).toMatchObject({ state: "done", progress: 5, total: 5 });
    expect(await idsIn(target, "from")).toEqual([...own, ...ids]);
  });

  it("between two pools finishes what a dead process began, and neither loses nor doubles a message", async () => {
    const from = await aQueue();
    const ids = await post(from, 5);
    await service.operations.pools.create(admin, { pool: "beside", uri: await service.poolUri(), weight: 1 });
    const to = await aQueue();
    const queue = { project: "p", name: from };
    const source = (await service.data.pool((await service.control.catalogue.get(queue)).pool)).messages;
    const { removeCopied } = source;
    const stuck = Promise.withResolvers<never>();
    let dead = false;
    source.removeCopied = () => {
      dead = true;
      return stuck.promise;
    };
    const beat: JobStore["beat"] = (params) =>
      dead ? Promise.resolve({ cancelRequested: false, held: false, ratePerSecond: null }) : service.jobs.beat(params);
    startRunner({ store: over(service.jobs, { beat }) });
    const action = { move: { project: "p", queue: to } };
    const { token } = await dryRun({ queue: from, action, all: true });
    const { id } = await service.operations.jobs.start(operator, { token, reason });
    await expect.poll(() => dead).toBe(true);
    source.removeCopied = removeCopied;
    // Others are done with all that has arrived.
    const popped = await service.operations.messages.pop(operator, { project: "p", queue: to, limit: 9 });
    expect(popped.map((message) => message.id)).toEqual(ids);
    expect((await service.operations.messages.pop(operator, { project: "p", queue: from, limit: 9 })).length).toBe(0);
    await service.jobs.release((await service.jobs.get(id)) as Job);
    startRunner();
    expect(await ended(id)).toMatchObject({ state: "done", fence: 2, progress: 5 });
    expect([await idsIn(from), await idsIn(to)]).toEqual([[], []]);
    stuck.reject(new DomainError("STORAGE_UNAVAILABLE", "It is dead."));
    await service.operations.pools.update(admin, { pool: "beside", weight: 0 });
  });

  it("whose copies have arrived when it ends, unknown to it or because its queue was deleted, is finished by gc", async () => {
    const [failing, deleted] = [await aQueue(), await aQueue()];
    const ids = [...(await post(failing, 2)), ...(await post(deleted, 3))];
    await service.operations.pools.create(admin, { pool: "further", uri: await service.poolUri(), weight: 1 });
    const to = await aQueue();
    const target = (await service.data.pool("further")).messages;
    const { adopt } = target;
    const move = async (from: string) => {
      const { token } = await dryRun({ queue: from, action: { move: { project: "p", queue: to } }, all: true });
      return ended((await service.operations.jobs.start(operator, { token, reason })).id);
    };
    const away = new DomainError("OUTCOME_UNKNOWN", "The connection broke.");
    startRunner({ maxWaitSeconds: 0 });
    target.adopt = async (params) => {
      const adopted = await adopt(params);
      if (params.messages.length > 0) throw away;
      return adopted;
    };
    const failed = await move(failing);
    expect(failed).toMatchObject({ state: "failed", error: { code: "OUTCOME_UNKNOWN" }, progress: 0 });
    // As long as the target's pool does not say what has arrived.
    target.adopt = () => Promise.reject(away);
    await service.operations.gc.collect(admin, {});
    expect(await idsIn(failing)).toEqual(ids.slice(0, 2));
    expect((await claim(failing, 5)).messages).toEqual([]);

    target.adopt = async (params) => {
      const adopted = await adopt(params);
      if (params.messages.length > 0)
        await service.operations.queues.delete(operator, { project: "p", queue: deleted });
      return adopted;
    };
    const done = await move(deleted);
    expect(done).toMatchObject({ state: "done", progress: 0 });
    target.adopt = adopt;
    await service.operations.gc.collect(admin, {});
    const [undo] = await service.operations.undo.list(admin, { project: "p" });
    expect(undo).toMatchObject({ action: "deleteQueue", queue: deleted });
    await service.operations.undo.undo(admin, { token: undo?.token ?? "" });
    await service.operations.gc.collect(admin, {});
    expect([await idsIn(failing), await idsIn(deleted), await idsIn(to)]).toEqual([[], [], ids]);
    const jobs = await service.jobs.getMany([failed.id, done.id]);
    expect(jobs.map(({ id, progress }) => [id, progress]).toSorted()).toEqual([
      [failed.id, 2],
      [done.id, 3],
    ]);
    expect(await service.jobs.listUnsettled({ limit: 9 })).toEqual([]);
    await service.operations.pools.update(admin, { pool: "further", weight: 0 });
  });

  it("finishes the transfer that a dead process has begun, and counts it", async () => {
    const [one, other] = [await aQueue(), await aQueue()];
    const ids = await post(one, 3);
    const { token } = await dryRun({ queue: one, action: { move: { project: "p", queue: other } }, all: true });
    // It moves the messages, and never hears of it.
    const moved = Promise.withResolvers<void>();
    const transfer: typeof service.data.messages.transfer = async (params) => {
      await service.data.messages.transfer(params);
      moved.resolve();
      return new Promise(() => {});
    };
    const dying = withBroken(service, { data: { messages: over(service.data.messages, { transfer }) } });
    const { id } = await service.operations.jobs.start(operator, { token, reason, ratePerSecond: 100_000 });
    const taken = await service.jobs.take({ holder: "dying", leaseSeconds: 60, kinds: ["moveMessages"], rated: true });
    const confirm = async () => {
      const { progress, total, rate, waitingFor } = taken as Job;
      await service.jobs.beat({ job: taken as Job, leaseSeconds: 60, progress, total, rate, waitingFor, positionText });
    };
    let positionText = "null";
    const keep = (position: object) => {
      positionText = JSON.stringify(position);
    };
    void dying.jobs.work.moveMessages(taken as Job, { ...hasty, confirm, keep });
    await moved.promise;
    await service.operations.jobs.cancel(operator, { id });
    await service.jobs.release(taken as Job);
    startRunner();
    expect(await ended(id)).toMatchObject({ state: "cancelled", progress: 3 });
    expect([await idsIn(one), await idsIn(other)]).toEqual([[], ids]);
  });
});
