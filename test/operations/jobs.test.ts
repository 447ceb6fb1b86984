import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../server/bootstrap.ts";
import { DomainError } from "../../server/errors.ts";
import { JOB_KINDS, type Job } from "../../server/jobs/job.ts";
import { type JobProgress, JobStopped, type JobWork } from "../../server/jobs/job-work.ts";
import { type JobRunner, startJobRunner } from "../../server/jobs/runner.ts";
import { limitedTo } from "../support/access.ts";
import { admin, aService, codeOf, hasty, operator, refusal, type Service, viewer, withBroken } from "./a-service.ts";

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

function startRunner(engine: Engine = service, changes: Partial<Record<Job["kind"], JobWork>> = {}): JobRunner {
  const { jobs } = engine.operations;
  const runner = startJobRunner({
    store: engine.jobs,
    work: { ...jobs.work, ...changes },
    beside: jobs.recoverMoves,
    onError: (error) => errors.push(error),
    maxWaitSeconds: 60,
  });
  jobs.onChanged(runner.wake);
  runners.push(runner);
  return runner;
}

let pools = 0;
async function aPool(weight = 1, flavor: string | null = null): Promise<string> {
  const name = `pool-${++pools}`;
  await service.operations.pools.create(admin, { pool: name, uri: await service.poolUri(), weight, flavor });
  return name;
}
/** A queue in this pool, wherever the random choice would place it. */
async function aQueue(name: string, pool: string, metadataText = "{}"): Promise<{ project: string; name: string }> {
  const queue = { project: "p", name };
  await service.operations.queues.create(operator, { project: "p", queue: name, metadataText });
  if ((await poolOf(name)) !== pool) {
    await service.operations.catalogue.update(admin, { project: "p", queue: name, pool, discardMessages: true });
  }
  return queue;
}
const post = (queue: string, count: number) =>
  service.operations.messages.post(operator, {
    project: "p",
    queue,
    messages: Array.from({ length: count }, (_, index) => ({ bodyText: String(index) })),
  });
const poolOf = async (queue: string) => (await service.control.catalogue.get({ project: "p", name: queue })).pool;
const totalOf = async (name: string) =>
  (await service.operations.queues.stats(operator, { project: "p", queue: name })).total;
const ended = async (id: string): Promise<Job> => {
  await expect.poll(async () => (await service.jobs.get(id))?.finishedAt ?? null).not.toBeNull();
  return (await service.jobs.get(id)) as Job;
};
const stopsAt = (progress: JobProgress) => {
  try {
    progress.checkpoint();
    return false;
  } catch {
    return true;
  }
};
const removePool = async (name: string) => service.operations.pools.delete(admin, { pool: name });

describe("moveQueue", () => {
  it("answers with the finished job, its result and its audit entry", async () => {
    startRunner();
    const [one, two] = [await aPool(), await aPool()];
    await aQueue("small", one);
    await post("small", 5);
    const job = await service.operations.jobs.moveQueue(operator, { project: "p", queue: "small", pool: two });
    expect(job).toMatchObject({
      kind: "moveQueue",
      project: "p",
      target: "small",
      state: "done",
      progress: 5,
      total: 5,
      error: null,
    });
    expect(JSON.parse(job.resultText ?? "")).toMatchObject({
      from: one,
      pool: two,
      messages: 5,
      pauseMs: expect.any(Number),
    });
    expect(await poolOf("small")).toBe(two);
    expect(await totalOf("small")).toBe(5);
    const { items } = await service.control.audit.list({ projects: ["p"], page: { limit: 5 } });
    expect(items[0]).toMatchObject({ action: "moveQueue", actor: "otto", target: "small", outcome: "done" });
    expect(JSON.parse(items[0]?.detailsText ?? "")).toMatchObject({ before: one, after: two, job: job.id });
    const again = await service.operations.jobs.moveQueue(operator, { project: "p", queue: "small", pool: two });
    expect(again).toMatchObject({ state: "done" });
  });

  it("is asked for once with an idempotency key: a repeat returns the same job, also after it ended", async () => {
    startRunner();
    const [one, two] = [await aPool(), await aPool()];
    await aQueue("once", one);
    const { moveQueue, drainPool } = service.operations.jobs;
    const request = { project: "p", queue: "once", pool: two, idempotencyKey: "k" };
    const jobs = await Promise.all([1, 2, 3].map(() => moveQueue(operator, request)));
    await moveQueue(operator, { ...request, pool: one, idempotencyKey: "back" });
    expect(await poolOf("once")).toBe(one);
    const again = await moveQueue(operator, request);
    expect([...jobs, again].map(({ id, state }) => ({ id, state }))).toEqual(
      Array(4).fill({ id: jobs[0]?.id, state: "done" }),
    );
    expect(await poolOf("once")).toBe(one);
    expect(await codeOf(moveQueue(operator, { ...request, pool: one }))).toBe("IDEMPOTENCY_KEY_REUSED");
    expect(await codeOf(moveQueue(operator, { ...request, idempotencyKey: "" }))).toBe("BAD_INPUT");
    const drained = await drainPool(admin, { pool: one, idempotencyKey: "k" });
    expect(await drainPool(admin, { pool: one, idempotencyKey: "k" })).toMatchObject({ id: drained.id });
    expect((await drainPool(admin, { pool: one })).id).not.toBe(drained.id);
  });

  it("is returned as it was added when the storage fails before its end is seen", async () => {
    const [one, two] = [await aPool(), await aPool()];
    await aQueue("unseen", one);
    const away = async () => {
      throw new DomainError("STORAGE_UNAVAILABLE", "The storage cannot be reached.");
    };
    const { jobs } = withBroken(service, { jobs: { get: away } });
    const job = await jobs.moveQueue(operator, { project: "p", queue: "unseen", pool: two });
    expect(job).toMatchObject({ target: "unseen", state: "waiting" });
    await service.operations.jobs.cancel(operator, { id: job.id });
  });

  it("keeps the key of a request that found an unfinished job, and forgets it with the job", async () => {
    const target = { kind: "moveQueue", project: "p", target: "found" } as const;
    const job = { ...target, inputText: "{}", actor: "otto", requestId: "r" };
    const { jobs } = service;
    const first = await jobs.add(job);
    const once = { key: "k", request: "two" };
    expect(await jobs.add(job, once)).toMatchObject({ job: { id: first.job.id }, created: false });
    await jobs.cancel(first.job.id);
    expect(await jobs.add(job, once)).toMatchObject({ job: { id: first.job.id }, created: false });
    expect(await codeOf(jobs.add(job, { ...once, request: "three" }))).toBe("IDEMPOTENCY_KEY_REUSED");
    const other = await jobs.add(job, { ...once, key: "other" });
    expect(other.created).toBe(true);
    await jobs.cancel(other.job.id);
    await jobs.trim({ days: 0, limit: 1000 });
    expect(await jobs.findByKey(target, once)).toBeNull();
  });

  it("moves the dead letter queue too", async () => {
    startRunner();
    const [one, two] = [await aPool(), await aPool()];
    await aQueue("dead", one);
    await aQueue("alive", one, '{"_dead_letter_queue": "dead", "_max_claim_count": 2}');
    await post("dead", 2);
    const job = await service.operations.jobs.moveQueue(operator, { project: "p", queue: "alive", pool: two });
    expect(JSON.parse(job.resultText ?? "")).toMatchObject({ included: ["dead"], excluded: [] });
    expect([await poolOf("alive"), await poolOf("dead"), await totalOf("dead")]).toEqual([two, two, 2]);
  });

  it("moves a dead letter queue with all queues that use it, and one of them with the whole group, except queues in other pools", async () => {
    startRunner();
    const [one, two, three] = [await aPool(), await aPool(), await aPool()];
    const uses = (name: string) => JSON.stringify({ _dead_letter_queue: name });
    await aQueue("grave", one);
    for (const name of ["user-a", "user-b"]) await aQueue(name, one, uses("grave"));
    await aQueue("user-far", three, uses("grave"));
    await aQueue("stranger", one, uses("other-grave"));
    await post("user-b", 3);
    const move = async (queue: string, pool: string) => {
      const job = await service.operations.jobs.moveQueue(operator, { project: "p", queue, pool });
      const { state, resultText } = await ended(job.id);
      expect(state).toBe("done");
      const { included, excluded } = JSON.parse(resultText ?? "");
      return { included, excluded };
    };
    const far = [{ queue: "user-far", why: `It is in the pool ${three}. Move it by itself.` }];
    const places = () => Promise.all(["grave", "user-a", "user-b", "user-far", "stranger"].map(poolOf));
    expect(await move("grave", two)).toEqual({ included: ["user-a", "user-b"], excluded: far });
    expect(await places()).toEqual([two, two, two, three, one]);
    expect(await totalOf("user-b")).toBe(3);
    expect(await move("user-b", one)).toEqual({ included: ["grave", "user-a"], excluded: far });
    expect(await places()).toEqual([one, one, one, three, one]);
    // A queue that no longer uses the dead letter queue stays.
    await service.operations.queues.setMetadata(operator, { project: "p", queue: "user-a", metadataText: "{}" });
    expect(await move("grave", three)).toEqual({ included: ["user-b", "user-far"], excluded: [] });
    expect(await places()).toEqual([three, one, three, three, one]);
  });

  it("excludes a dead letter queue of another flavor with the reason, and reunites the pair once both have the flavor", async () => {
    startRunner();
    const one = await aPool();
    const fast = [await aPool(1, "rapid"), await aPool(1, "rapid"), await aPool(1, "rapid")];
    await service.operations.flavors.create(admin, { project: "p", flavor: "rapid", pools: fast });
    await aQueue("slow-grave", one);
    await aQueue("quick", one, '{"_dead_letter_queue": "slow-grave"}');
    const set = (name: string, attributes: object) =>
      service.operations.queues.setMetadata(operator, {
        project: "p",
        queue: name,
        metadataText: JSON.stringify(attributes),
      });
    await set("quick", { _dead_letter_queue: "slow-grave", _flavor: "rapid" });
    await expect.poll(() => poolOf("quick")).not.toBe(one);
    const place = await poolOf("quick");
    expect(await poolOf("slow-grave")).toBe(one);
    const { items } = await service.operations.jobs.list(operator, { target: "quick" });
    const { resultText } = await ended(items[0]?.id ?? "");
    const why = `It is of no flavor, and the pool ${place} is of rapid.`;
    expect(JSON.parse(resultText ?? "")).toMatchObject({ included: [], excluded: [{ queue: "slow-grave", why }] });
    await set("slow-grave", { _flavor: "rapid" });
    await expect.poll(() => poolOf("slow-grave")).toBe(place);
  });

  it("is refused for viewers, missing queues, missing pools and a pool of another flavor", async () => {
    const { moveQueue } = service.operations.jobs;
    const one = await aPool();
    const other = await aPool(1, "fast");
    await aQueue("refused", one);
    const move = { project: "p", queue: "refused", pool: one };
    expect(await codeOf(moveQueue(viewer, move))).toBe("FORBIDDEN");
    expect(await codeOf(moveQueue(operator, { ...move, project: "q" }))).toBe("FORBIDDEN");
    expect(await codeOf(moveQueue(operator, { ...move, queue: "missing" }))).toBe("QUEUE_DOES_NOT_EXIST");
    expect(await codeOf(moveQueue(operator, { ...move, pool: "missing" }))).toBe("POOL_DOES_NOT_EXIST");
    expect(await refusal(moveQueue(operator, { ...move, pool: other }))).toMatchObject({
      code: "BAD_INPUT",
      details: { field: "pool", pool: other, poolFlavor: "fast", queue: "refused", queueFlavor: null },
    });
  });
});

describe("a change of _flavor", () => {
  it("moves the queue with its messages, and back", async () => {
    startRunner();
    const one = await aPool();
    const [gold, silver] = [await aPool(1, "gold"), await aPool(1, "silver")];
    for (const name of ["gold", "silver"]) {
      await service.operations.flavors.create(admin, {
        project: "p",
        flavor: name,
        pools: [name === "gold" ? gold : silver],
      });
    }
    await aQueue("flavored", one);
    await post("flavored", 3);
    const set = (metadataText: string) =>
      service.operations.queues.setMetadata(operator, { project: "p", queue: "flavored", metadataText });
    await set('{"_flavor": "gold"}');
    await expect.poll(() => poolOf("flavored")).toBe(gold);
    await set('{"_flavor": "silver"}');
    await expect.poll(() => poolOf("flavored")).toBe(silver);
    expect(await totalOf("flavored")).toBe(3);
    expect(await codeOf(set('{"_flavor": "nothing"}'))).toBe("FLAVOR_DOES_NOT_EXIST");
    await set("{}");
    await expect.poll(() => poolOf("flavored")).not.toBe(silver);
    expect(await totalOf("flavored")).toBe(3);
  });
});

describe("changes of _flavor while the queue moves", () => {
  it("changes of _flavor during a move end with the queue in its last flavor, also when that is the one it came from", async () => {
    const one = await aPool();
    for (const name of ["red", "blue"]) {
      await service.operations.flavors.create(admin, { project: "p", flavor: name, pools: [await aPool(1, name)] });
    }
    await aQueue("restless", one);
    await post("restless", 3);
    const set = (metadataText: string) =>
      service.operations.queues.setMetadata(operator, { project: "p", queue: "restless", metadataText });
    const { moveQueue } = service.operations.jobs.work;
    const [begun, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    startRunner(service, {
      moveQueue: async (job, progress) => {
        begun.resolve();
        await go.promise;
        return moveQueue(job, progress);
      },
    });
    await set('{"_flavor": "red"}');
    await begun.promise;
    await set("{}");
    go.resolve();
    await expect
      .poll(async () => (await service.operations.jobs.list(admin, { target: "restless" })).items[0]?.state)
      .toBe("done");
    const { flavor } = (await service.operations.pools.get(viewer, { pool: await poolOf("restless") })) ?? {};
    expect(flavor).toBeNull();
    // One after the other, without waiting for the moves.
    for (const color of ["blue", "red", "blue"]) await set(`{"_flavor": "${color}"}`);
    const blue = async () =>
      (await service.operations.pools.get(viewer, { pool: await poolOf("restless") }))?.flavor ?? null;
    await expect.poll(blue).toBe("blue");
    const unfinished = async () =>
      (await service.operations.jobs.list(admin, { target: "restless" })).items.some((job) => job.finishedAt === null);
    await expect.poll(unfinished).toBe(false);
    expect(await blue()).toBe("blue");
    expect(await totalOf("restless")).toBe(3);
  });
});

describe("drainPool", () => {
  it("moves all queues to other pools and closes the pool to new ones, and only then the pool can be deleted", async () => {
    startRunner();
    const one = await aPool(1);
    const names = Array.from({ length: 7 }, (_, index) => `drained-${index}`);
    for (const name of names) {
      await aQueue(name, one);
      await post(name, 2);
    }
    const details = await refusal(removePool(one));
    expect(details).toMatchObject({ code: "POOL_IN_USE", details: { queues: 7 } });
    const job = await service.operations.jobs.drainPool(admin, { pool: one });
    const done = await ended(job.id);
    expect(done).toMatchObject({ state: "done", progress: 7, total: 7, error: null });
    for (const name of names) {
      expect(await poolOf(name)).not.toBe(one);
      expect(await totalOf(name)).toBe(2);
    }
    expect(await service.operations.pools.get(admin, { pool: one })).toMatchObject({ weight: 0 });
    expect(await service.control.catalogue.countByPool(one)).toEqual({ value: 0, exact: true });
    expect(await removePool(one)).toEqual({ deleted: 1 });
    expect(await codeOf(service.operations.jobs.drainPool(operator, { pool: one }))).toBe("FORBIDDEN");
    expect(await codeOf(service.operations.jobs.drainPool(admin, { pool: "missing" }))).toBe("POOL_DOES_NOT_EXIST");
  });

  it("keeps each queue with its dead letter queue, wherever the random choice falls, and names those that may not share a pool", async () => {
    startRunner();
    const source = await aPool(0, "paired");
    const targets = [await aPool(1, "paired"), await aPool(1, "paired"), await aPool(1, "paired")];
    const lone = await aPool(1, "lone");
    await service.operations.flavors.create(admin, { project: "p", flavor: "paired", pools: [source, ...targets] });
    await service.operations.flavors.create(admin, { project: "p", flavor: "lone", pools: [lone] });
    const groups = Array.from({ length: 10 }, (_, index) => [
      `pair-${index}`,
      `pair-${index}-dead`,
      `pair-${index}-too`,
    ]);
    for (const [queue, dead, too] of groups as [string, string, string][]) {
      const user = JSON.stringify({ _flavor: "paired", _dead_letter_queue: dead });
      for (const name of [queue, too]) await aQueue(name, source, user);
      await aQueue(dead, source, '{"_flavor": "paired"}');
    }
    await aQueue("lone-dead", source, '{"_flavor": "lone"}');
    await aQueue("lone-user", source, '{"_flavor": "paired", "_dead_letter_queue": "lone-dead"}');
    const job = await service.operations.jobs.drainPool(admin, { pool: source });
    const done = await ended(job.id);
    expect(done).toMatchObject({ state: "done", progress: 32 });
    const places = await Promise.all(groups.map((names) => Promise.all(names.map(poolOf))));
    for (const place of places) expect(new Set(place).size).toBe(1);
    expect(new Set(places.flat()).size).toBeGreaterThan(1);
    const [excluded, ...others] = JSON.parse(done.resultText ?? "").excluded;
    expect(excluded).toMatchObject({ queue: "lone-user", why: expect.stringContaining("lone-dead is excluded") });
    expect(others).toEqual([]);
  });

  it("asked for several times is one job, which one of two processes runs", async () => {
    const another = await service.another();
    startRunner();
    startRunner(another);
    const one = await aPool(1);
    for (let index = 0; index < 12; index += 1) await aQueue(`twice-${index}`, one);
    const jobs = await Promise.all([
      service.operations.jobs.drainPool(admin, { pool: one }),
      another.operations.jobs.drainPool(admin, { pool: one }),
      another.operations.jobs.drainPool(admin, { pool: one }),
    ]);
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(1);
    const done = await ended(jobs[0]?.id ?? "");
    expect(done).toMatchObject({ state: "done", progress: 12, fence: 1 });
  });

  it("stops between two queues when it is cancelled, and restores the pool's weight", async () => {
    const started = Promise.withResolvers<void>();
    const drain = service.operations.jobs.work.drainPool;
    startRunner(service, {
      drainPool: async (job, progress) => {
        started.resolve();
        // The heartbeat learns of the cancellation.
        await expect.poll(() => stopsAt(progress)).toBe(true);
        return drain(job, progress);
      },
    });
    const one = await aPool(3);
    for (let index = 0; index < 3; index += 1) await aQueue(`cancelled-${index}`, one);
    const waiting = service.operations.jobs.drainPool(admin, { pool: one });
    await started.promise;
    const { id } = await waiting;
    expect(await service.operations.pools.get(admin, { pool: one })).toMatchObject({ weight: 0 });
    expect(await codeOf(service.operations.jobs.cancel(viewer, { id }))).toBe("JOB_DOES_NOT_EXIST");
    expect(await service.operations.jobs.cancel(admin, { id })).toMatchObject({
      cancelRequested: true,
      state: "running",
    });
    expect(await ended(id)).toMatchObject({ state: "cancelled" });
    expect(await service.operations.pools.get(admin, { pool: one })).toMatchObject({ weight: 3 });
    expect((await service.control.catalogue.countByPool(one)).value).toBe(3);
    await service.operations.pools.update(admin, { pool: one, weight: 0 });
  });

  it("never begins when it is cancelled while it waits, and restores the pool's weight", async () => {
    const one = await aPool(5);
    const job = await service.operations.jobs.drainPool(admin, { pool: one });
    expect(job.state).toBe("waiting");
    expect(await service.operations.jobs.cancel(admin, { id: job.id })).toMatchObject({ state: "cancelled" });
    expect(await service.operations.pools.get(admin, { pool: one })).toMatchObject({ weight: 5 });
    await service.operations.pools.update(admin, { pool: one, weight: 0 });
  });

  it("continues in another process when its process stops, or dies and its lease expires", async () => {
    const another = await service.another();
    const one = await aPool(1);
    for (let index = 0; index < 4; index += 1) await aQueue(`resumed-${index}`, one);
    const stuck = Promise.withResolvers<void>();
    const first = startRunner(service, {
      drainPool: async (_job, progress) => {
        progress.report(0, 4);
        stuck.resolve();
        for (;;) {
          await new Promise((resolve) => setImmediate(resolve));
          progress.checkpoint();
        }
      },
    });
    const { id } = await service.operations.jobs.drainPool(admin, { pool: one });
    await stuck.promise;
    await first.stop();
    expect(await service.jobs.get(id)).toMatchObject({ state: "running", fence: 1, finishedAt: null });
    // As of a process that took the job and died: a lease that has expired, and no heartbeat.
    const dead = (await service.jobs.take({ holder: "dead", leaseSeconds: 0, kinds: JOB_KINDS, rated: true })) as Job;
    expect(dead).toMatchObject({ id, fence: 2 });
    startRunner(another);
    expect(await ended(id)).toMatchObject({ state: "done", progress: 4, fence: 3 });
    const end = {
      job: dead,
      state: "failed",
      progress: 0,
      total: null,
      resultText: null,
      positionText: null,
      error: null,
    } as const;
    expect(await service.jobs.end(end)).toBe(false);
    const beat = {
      job: dead,
      leaseSeconds: 1,
      progress: 0,
      total: null,
      rate: null,
      waitingFor: null,
      positionText: null,
    };
    expect(await service.jobs.beat(beat)).toBeNull();
  });

  it("neither a move nor a drain goes on once its asker has no right to it any more", async () => {
    const [one, two] = [await aPool(1), await aPool(1)];
    const { name: queue } = await aQueue("stays-here", one);
    const of = { id: "0", progress: 0, actor: "ada", requestId: "r" };
    const move = {
      ...of,
      kind: "moveQueue",
      project: "p",
      target: queue,
      inputText: JSON.stringify({ from: one, pool: two }),
    };
    const drain = { ...of, kind: "drainPool", project: null, target: one, inputText: '{"weight":1}' };
    for (const now of [null, limitedTo(admin, "viewer", "all"), limitedTo(admin, "admin", ["q"])]) {
      const { work } = withBroken(service, { presentAccess: async () => now }).jobs;
      await expect(work.moveQueue(move as Job, hasty)).rejects.toMatchObject({ code: "FORBIDDEN" });
      await expect(work.drainPool(drain as Job, hasty)).rejects.toMatchObject({ code: "FORBIDDEN" });
    }
    expect(await service.operations.catalogue.get(admin, { project: "p", queue })).toMatchObject({ pool: one });
  });

  it("a drain that another process took over leaves the pool closed to new queues when it fails here", async () => {
    const one = await aPool(1, "solitary");
    await service.operations.flavors.create(admin, { project: "p", flavor: "solitary", pools: [one] });
    await aQueue("nowhere-to-go", one, '{"_flavor": "solitary"}');
    await service.operations.pools.update(admin, { pool: one, weight: 0 });
    const lost: JobProgress = { ...hasty, confirm: () => Promise.reject(new JobStopped("lost")) };
    const job = { id: "0", target: one, progress: 0, inputText: '{"weight":1}', actor: "ada", requestId: "r" } as Job;
    await expect(service.operations.jobs.work.drainPool(job, lost)).rejects.toMatchObject({ why: "lost" });
    expect((await service.control.pools.get(one)).weight).toBe(0);
    await expect(service.operations.jobs.work.drainPool(job, hasty)).rejects.toMatchObject({ code: "NO_POOL_FOUND" });
    expect((await service.control.pools.get(one)).weight).toBe(1);
  });

  it("skips a pool that is unreachable", async () => {
    startRunner();
    const flavor = "spread";
    const [one, dead, live] = [await aPool(1, flavor), "pool-dead", await aPool(1, flavor)];
    const uri = "postgresql://nobody:nothing@127.0.0.1:1/nowhere";
    await service.operations.flavors.create(admin, { project: "p", flavor, pools: [one, live] });
    const metadataText = JSON.stringify({ _flavor: flavor });
    for (let index = 0; index < 6; index += 1) await aQueue(`spread-${index}`, one, metadataText);
    await service.operations.pools.create(admin, { pool: dead, uri, weight: 1, flavor, verify: false });
    const { id } = await service.operations.jobs.drainPool(admin, { pool: one });
    expect(await ended(id)).toMatchObject({ state: "done", progress: 6 });
    for (let index = 0; index < 6; index += 1) expect(await poolOf(`spread-${index}`)).toBe(live);
    await service.operations.pools.update(admin, { pool: dead, weight: 0, verify: false });
    errors.length = 0;
  });

  it("a drain without another pool that takes the queues is refused at once, with an audit entry", async () => {
    const only = await aPool(2, "lonely");
    await service.operations.flavors.create(admin, { project: "p", flavor: "lonely", pools: [only] });
    await aQueue("lonely", only, '{"_flavor": "lonely"}');
    const beside = await aPool(0, "lonely");
    await expect(service.operations.jobs.drainPool(admin, { pool: only })).rejects.toMatchObject({
      code: "NO_POOL_FOUND",
      message: expect.stringContaining("no other pool of the flavor lonely takes queues"),
      details: { pool: only, queue: "lonely", flavor: "lonely" },
    });
    expect(await service.operations.pools.get(admin, { pool: only })).toMatchObject({ weight: 2 });
    expect((await service.operations.jobs.list(admin, { target: only })).items).toEqual([]);
    const [entry] = (await service.operations.audit.list(admin, { page: { limit: 1 } })).items;
    expect(entry).toMatchObject({ action: "drainPool", target: only, outcome: "refused" });
    expect(entry?.detailsText).toContain("no other pool");
    await service.operations.pools.update(admin, { pool: beside, weight: 1 });
    const { id } = await service.operations.jobs.drainPool(admin, { pool: only });
    await service.operations.jobs.cancel(admin, { id });
  });
});

describe("the list of jobs", () => {
  it("is newest first, in pages, and shows each caller only the jobs that they may see", async () => {
    const { jobs } = service.operations;
    const all = await jobs.list(admin, { page: { limit: 3 } });
    const next = await jobs.list(admin, { page: { limit: 3, after: all.nextMarker } });
    const ids = [...all.items, ...next.items].map(({ id }) => Number(id));
    expect(ids).toEqual(ids.toSorted((a, b) => b - a));
    const back = await jobs.list(admin, { page: { limit: 3, before: next.items[0]?.id ?? null } });
    expect(back.items.map(({ id }) => id)).toEqual(all.items.map(({ id }) => id));
    const oldest = await jobs.list(admin, { page: { limit: 2, atEnd: true } });
    expect([oldest.items.at(-1)?.id, oldest.nextMarker]).toEqual([oldest.markers.at(-1), null]);
    const beforeOldest = await jobs.list(admin, { page: { limit: 1, before: oldest.markers[1] ?? null } });
    expect(beforeOldest.markers).toEqual([oldest.markers[0]]);
    const moves = await jobs.list(operator, { kind: "moveQueue" });
    expect(moves.items.length).toBeGreaterThan(2);
    expect((await jobs.list(operator, { kind: "drainPool" })).items).toEqual([]);
    const drain = (await jobs.list(admin, { kind: "drainPool" })).items[0] as Job;
    expect(await jobs.get(viewer, { id: drain.id })).toBeNull();
    expect(await jobs.get(admin, { id: drain.id })).toEqual(drain);
    expect(await jobs.get(admin, { id: "no number" })).toBeNull();
    expect(await codeOf(jobs.list(admin, { page: { after: "x" } }))).toBe("BAD_INPUT");
  });
});
