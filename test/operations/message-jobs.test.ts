/** Jobs that act on all messages that match: dry runs, starts, rates, holds, rights. */

import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Access } from "../../server/access/access.ts";
import { DomainError } from "../../server/errors.ts";
import type { Job, JobStore } from "../../server/jobs/job.ts";
import { type JobRunner, startJobRunner } from "../../server/jobs/runner.ts";
import type { DryRunParams } from "../../server/operations/dry-runs/dry-runs.ts";
import type { Operations } from "../../server/operations/operations.ts";
import { limitedTo } from "../support/access.ts";
import {
  admin,
  aService,
  codeOf,
  hasty,
  operator,
  over,
  refusal,
  type Service,
  viewer,
  withBroken,
} from "./a-service.ts";

let service: Service;
const runners: JobRunner[] = [];
const errors: unknown[] = [];
beforeAll(async () => {
  service = await aService();
});
afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.stop()));
  expect(errors.splice(0)).toEqual([]);
});
afterAll(() => service.stop());

function startRunner(operations: Operations = service.operations, store: JobStore = service.jobs): JobRunner {
  const { work } = operations.jobs;
  const runner = startJobRunner({ store, work, onError: (error) => errors.push(error), maxWaitSeconds: 60 });
  service.operations.jobs.onChanged(runner.wake);
  runners.push(runner);
  return runner;
}

let queues = 0;
async function aQueue(metadata: object = {}, project = "p"): Promise<string> {
  const queue = `queue-${++queues}`;
  await service.operations.queues.create(admin, { project, queue, metadataText: JSON.stringify(metadata) });
  return queue;
}
async function post(queue: string, count: number, project = "p", clientId: string | null = null): Promise<string[]> {
  const messages = Array.from({ length: count }, (_, index) => ({ bodyText: String(index) }));
  return (await service.operations.messages.post(admin, { project, queue, messages, clientId })).ids;
}
const claim = (queue: string, limit: number) =>
  service.operations.claims.create(admin, { project: "p", queue, limit, ttlSeconds: 600, clientId: "worker" });
const idsIn = async (queue: string, project = "p") => {
  const all = { includeClaimed: true, includeDelayed: true, includeExhausted: true };
  const { items } = await service.operations.messages.list(admin, { project, queue, page: { limit: 100 }, ...all });
  return items.map(({ id }) => id);
};
const dryRun = (params: Omit<DryRunParams, "queues"> & { queue?: string; queues?: DryRunParams["queues"] }) => {
  const { queue, queues: scope, ...rest } = params;
  return service.operations.dryRuns.make(operator, {
    queues: scope ?? { queue: { project: "p", queue: String(queue) } },
    ...rest,
  });
};
async function sql(text: string, values: unknown[]): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: service.config.DATABASE_URL });
  await client.connect();
  try {
    return (await client.query(text, values)).rows;
  } finally {
    await client.end();
  }
}
const reason = "A test.";
async function ended(id: string): Promise<Job> {
  await expect.poll(async () => (await service.jobs.get(id))?.finishedAt ?? null).not.toBeNull();
  return (await service.jobs.get(id)) as Job;
}
const start = async (token: string, ratePerSecond: number | null = null) =>
  ended((await service.operations.jobs.start(operator, { token, reason, ratePerSecond })).id);
const resultOf = ({ resultText }: Job) => JSON.parse(resultText ?? "null");

describe("a dry run", () => {
  it("says how many match, which, and how many are claimed, and changes nothing", async () => {
    const queue = await aQueue();
    const ids = await post(queue, 6);
    await claim(queue, 2);
    const { plan, kind, token } = await dryRun({ queue, action: { delete: {} }, all: true });
    expect(kind).toBe("deleteMessages");
    expect(plan).toMatchObject({ count: { value: 6, exact: true }, claimed: 2, warnings: [] });
    expect(plan.sample.map(({ id }) => id)).toEqual([ids[0], ids[1], ids[2], ids[5]]);
    expect(plan.queues).toMatchObject([{ name: queue, count: { value: 6, exact: true }, claimed: 2 }]);
    expect(await service.operations.dryRuns.get(viewer, { token })).toMatchObject({ token, plan });
    expect(await idsIn(queue)).toEqual(ids);
  });

  it("refuses an empty filter, a filter beside `all`, what is no filter of a purge, and more than one queue for a limit", async () => {
    const queue = await aQueue();
    const fieldOf = async (params: Parameters<typeof dryRun>[0]) => (await refusal(dryRun(params)))?.details.field;
    const clientId = "c";
    expect(await fieldOf({ queue, action: { delete: {} } })).toBe("filter");
    expect(await fieldOf({ queue, action: { purge: {} } })).toBe("filter");
    expect(await fieldOf({ queue, action: { purge: {} }, filter: { clientId } })).toBe("filter");
    expect(await fieldOf({ queue, action: { delete: {} }, filter: { clientId }, all: true })).toBe("all");
    expect(await fieldOf({ queue, action: { release: {} }, filter: { states: ["ready"] } })).toBe("filter.states");
    expect(await fieldOf({ queues: { project: "p" }, action: { delete: {} }, all: true, limit: 1 })).toBe("limit");
    expect(await fieldOf({ queues: {}, action: { delete: {} }, all: true })).toBe("queues");
    expect(await codeOf(dryRun({ queue: "none", action: { delete: {} }, all: true }))).toBe("QUEUE_DOES_NOT_EXIST");
  });

  it("needs the role operator and the project", async () => {
    const queue = await aQueue();
    const params = { action: { delete: {} }, queues: { queue: { project: "p", queue } }, all: true };
    expect(await codeOf(service.operations.dryRuns.make(viewer, params))).toBe("FORBIDDEN");
    const elsewhere = { ...params, queues: { project: "q" } };
    expect(await codeOf(service.operations.dryRuns.make(operator, elsewhere))).toBe("FORBIDDEN");
    const stranger: Access = limitedTo(operator, "operator", ["other"]);
    const { token } = await dryRun({ queue, action: { delete: {} }, all: true });
    expect(await service.operations.dryRuns.get(stranger, { token })).toBeNull();
    expect(await codeOf(service.operations.jobs.start(stranger, { token, reason }))).toBe("DRY_RUN_DOES_NOT_EXIST");
  });
});

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

  it("started twice is one job, and an old dry run starts none", async () => {
    startRunner();
    const queue = await aQueue();
    await post(queue, 3);
    const { token } = await dryRun({ queue, action: { delete: {} }, all: true });
    const [one, two] = await Promise.all([start(token), start(token)]);
    expect(one.id).toBe(two.id);
    expect((await start(token)).id).toBe(one.id);
    const other = await dryRun({ queue, action: { delete: {} }, all: true });
    const late = withBroken(service, { dryRuns: { get: async () => ({ ...other, expired: true }) } });
    expect(await codeOf(late.jobs.start(operator, { token: other.token, reason }))).toBe("DRY_RUN_DOES_NOT_EXIST");
    expect(await codeOf(service.operations.jobs.start(operator, { token: "none", reason }))).toBe(
      "DRY_RUN_DOES_NOT_EXIST",
    );
    expect(await refusal(service.operations.jobs.start(operator, { token: other.token, reason: " " }))).toMatchObject({
      code: "BAD_INPUT",
      details: { field: "reason" },
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

  it("releases the claims on what matches, and leaves what is free", async () => {
    startRunner();
    const queue = await aQueue();
    await post(queue, 5);
    await claim(queue, 2);
    await claim(queue, 2);
    const { token, plan } = await dryRun({ queue, action: { release: {} }, all: true });
    expect(plan).toMatchObject({ count: { value: 4 }, claimed: 4 });
    expect(resultOf(await start(token))).toEqual({ messages: 4, left: [] });
    expect(await service.operations.queues.stats(operator, { project: "p", queue })).toMatchObject({ ready: 5 });
  });

  it("releases what one holder holds and what ends soon, but not what was renewed since the dry run", async () => {
    startRunner();
    const queue = await aQueue();
    await post(queue, 4);
    const take = async (clientId: string) => {
      const params = { project: "p", queue, limit: 1, ttlSeconds: 60, clientId };
      return (await service.operations.claims.create(admin, params)).claim?.id as string;
    };
    const [, renewed] = [await take("worker-2"), await take("worker-2"), await take("worker-1")];
    await claim(queue, 1);
    const claimEndsBefore = new Date(Date.now() + service.clock.offsetMs + 300_000);
    const filter = { holder: "worker-2", claimEndsBefore };
    const { token, plan } = await dryRun({ queue, action: { release: {} }, filter });
    expect(plan).toMatchObject({ count: { value: 2, exact: true }, claimed: 2 });
    await service.operations.claims.update(admin, { project: "p", queue, claimId: renewed, ttlSeconds: 600 });
    expect(resultOf(await start(token))).toEqual({ messages: 1, left: [] });
    expect(await service.operations.queues.stats(operator, { project: "p", queue })).toMatchObject({
      ready: 1,
      claimed: 3,
    });
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
    startRunner(dying, over(service.jobs, { beat }));
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
    startRunner(service.operations, over(service.jobs, { beat }));
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
    const { work } = service.operations.jobs;
    const onError = (error: unknown) => errors.push(error);
    const hasty = startJobRunner({ store: service.jobs, work, onError, maxWaitSeconds: 0 });
    runners.push(hasty);

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

  it("keeps to its rate, also a new one, and neither a slow one nor a held one takes the room of others", async () => {
    startRunner();
    const slow = await Promise.all(
      Array.from({ length: 3 }, async () => {
        const queue = await aQueue();
        await post(queue, 100);
        const { token } = await dryRun({ queue, action: { delete: {} }, all: true });
        const { id } = await service.operations.jobs.start(operator, { token, reason, ratePerSecond: 0.01 });
        return { id, queue };
      }),
    );
    const [first, second, third] = slow as [(typeof slow)[0], (typeof slow)[0], (typeof slow)[0]];
    await expect.poll(async () => (await service.jobs.get(second.id))?.state).toBe("running");
    const queue = await aQueue();
    await post(queue, 5);
    const { token } = await dryRun({ queue, action: { delete: {} }, all: true });
    expect(await start(token)).toMatchObject({ state: "done", progress: 5 });
    expect(await service.operations.jobs.update(operator, { id: first.id, ratePerSecond: null })).toMatchObject({
      ratePerSecond: null,
    });
    for (const { id } of [second, third]) {
      expect(await service.operations.jobs.hold(operator, { id })).toMatchObject({ held: true });
    }
    await service.operations.jobs.cancel(operator, { id: third.id });
    expect(await ended(first.id)).toMatchObject({ state: "done", progress: 100 });
    // It has been released: no process has it any more.
    const lease = "SELECT 1 FROM jobs WHERE id = $1 AND lease_expires_at IS NULL";
    await expect.poll(async () => (await sql(lease, [second.id])).length).toBe(1);
    await service.operations.jobs.update(operator, { id: second.id, ratePerSecond: 100_000 });
    await service.operations.jobs.resume(operator, { id: second.id });
    expect(await ended(second.id)).toMatchObject({ state: "done", progress: 100, fence: 2 });
    expect(await service.operations.jobs.hold(operator, { id: second.id })).toMatchObject({ held: false });
    expect(await ended(third.id)).toMatchObject({ state: "cancelled", progress: 0, held: false });
  });

  it("fails when its asker has lost the right, and keeps what it has done", async () => {
    let access: Access | null = operator;
    const presentAccess = async () => access;
    startRunner(withBroken(service, { presentAccess }));
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

describe("test messages", () => {
  it("are posted at a rate, as many as asked, none twice, and are found again", async () => {
    startRunner();
    const queue = await aQueue();
    const params = { project: "p", queue, messages: 7, ratePerSecond: 20, reason, idempotencyKey: "once" };
    const body = { bodyText: '{"id":"{{number}}","text":"order {{number}}"}' };
    const { id } = await service.operations.jobs.generate(operator, { ...params, ...body });
    expect((await service.operations.jobs.generate(operator, { ...params, ...body })).id).toBe(id);
    expect(await codeOf(service.operations.jobs.generate(operator, params))).toBe("IDEMPOTENCY_KEY_REUSED");
    const job = await ended(id);
    expect(job).toMatchObject({ kind: "generateMessages", state: "done", progress: 7, total: 7, target: queue });
    const { items } = await service.operations.messages.list(operator, { project: "p", queue });
    expect(items.map(({ bodyText }) => JSON.parse(bodyText))).toEqual(
      Array.from({ length: 7 }, (_, index) => ({ id: index + 1, text: `order ${index + 1}` })),
    );
    expect(new Set(items.map(({ clientId }) => clientId))).toEqual(new Set([resultOf(job).clientId]));
    expect(await codeOf(service.operations.jobs.generate(operator, { ...params, bodyText: "{" }))).toBe("BAD_INPUT");
    expect(await codeOf(service.operations.jobs.generate(viewer, params))).toBe("FORBIDDEN");
  });
});
