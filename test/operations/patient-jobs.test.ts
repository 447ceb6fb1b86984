/** Jobs wait for failures that pass, and show what they wait for. */
import pg from "pg";
import { afterAll, afterEach, beforeAll, expect, inject, test } from "vitest";
import { DomainError } from "../../server/errors.ts";
import type { Job } from "../../server/jobs/job.ts";
import { type JobRunner, startJobRunner } from "../../server/jobs/runner.ts";
import { createQueueMoves } from "../../server/operations/lifecycle/queue-moves.ts";
import { admin, aService, operator, over, type Service } from "./a-service.ts";

let service: Service;
let server: pg.Client;
const runners: JobRunner[] = [];
beforeAll(async () => {
  service = await aService();
  server = new pg.Client({ connectionString: inject("postgresUrl") });
  await server.connect();
});
afterEach(() => Promise.all(runners.splice(0).map((runner) => runner.stop())));
afterAll(async () => {
  await server.end();
  await service.stop();
});

function startRunner(changes: { store?: Partial<Service["jobs"]>; maxWaitSeconds?: number } = {}): void {
  const { jobs } = service.operations;
  const { store = {}, maxWaitSeconds = 600 } = changes;
  const runner = startJobRunner({
    store: over(service.jobs, store),
    work: jobs.work,
    beside: jobs.recoverMoves,
    onError: () => {},
    maxWaitSeconds,
  });
  jobs.onChanged(runner.wake);
  runners.push(runner);
}

interface TestPool {
  name: string;
  /** Renames the pool's database, so that it is unreachable until `comeBack`. */
  leave(): Promise<void>;
  comeBack(): Promise<void>;
}

async function aPool(name: string, flavor: string | null = null): Promise<TestPool> {
  const uri = await service.poolUri();
  await service.operations.pools.create(admin, { pool: name, uri, weight: 2, flavor });
  // Opens the pool, as use would.
  await service.data.pool(name);
  const database = new URL(uri).pathname.slice(1);
  return {
    name,
    async leave() {
      await server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", [database]);
      await server.query(`ALTER DATABASE ${database} RENAME TO ${database}_away`);
    },
    async comeBack() {
      await server.query(`ALTER DATABASE ${database}_away RENAME TO ${database}`);
    },
  };
}

async function aQueue(name: string, pool: TestPool, flavor: string | null = null): Promise<void> {
  const metadataText = flavor === null ? "{}" : JSON.stringify({ _flavor: flavor });
  await service.operations.queues.create(operator, { project: "p", queue: name, metadataText });
  if ((await poolOf(name)) !== pool.name) {
    await service.operations.catalogue.update(admin, {
      project: "p",
      queue: name,
      pool: pool.name,
      discardMessages: true,
    });
  }
  await service.operations.messages.post(operator, { project: "p", queue: name, messages: [{ bodyText: "1" }] });
}

const poolOf = async (queue: string) => (await service.control.catalogue.get({ project: "p", name: queue })).pool;
const totalOf = async (name: string) =>
  (await service.operations.queues.stats(operator, { project: "p", queue: name })).total;
const jobOf = async (id: string) => (await service.operations.jobs.get(admin, { id })) as Job;
const waits = (id: string, what: string) => expect.poll(async () => (await jobOf(id)).waitingFor).toBe(what);
const ends = (id: string, state: Job["state"]) => expect.poll(async () => (await jobOf(id)).state).toBe(state);

test("a move whose pool is unreachable waits, shows what it waits for, and continues when the pool is back", async () => {
  startRunner();
  const [here, there] = [await aPool("here"), await aPool("there")];
  await aQueue("patient", here);
  await there.leave();
  const { id } = await service.operations.jobs.moveQueue(operator, {
    project: "p",
    queue: "patient",
    pool: there.name,
  });
  await waits(id, "pool there");
  expect(await jobOf(id)).toMatchObject({ state: "running", error: null });
  expect(await totalOf("patient")).toBe(1);
  await there.comeBack();
  await ends(id, "done");
  expect(await jobOf(id)).toMatchObject({ waitingFor: null, error: null });
  expect([await poolOf("patient"), await totalOf("patient")]).toEqual([there.name, 1]);
});

test("waiting jobs do not keep other jobs from running", async () => {
  startRunner();
  const [here, there, gone] = [await aPool("busy"), await aPool("idle"), await aPool("gone")];
  for (const name of ["stuck-1", "stuck-2", "stuck-3", "lucky"]) await aQueue(name, here);
  await gone.leave();
  const move = (queue: string, pool: TestPool) =>
    service.operations.jobs.moveQueue(operator, { project: "p", queue, pool: pool.name });
  const stuck = await Promise.all(["stuck-1", "stuck-2", "stuck-3"].map((name) => move(name, gone)));
  const { id } = await move("lucky", there);
  await ends(id, "done");
  await gone.comeBack();
  for (const job of stuck) await ends(job.id, "done");
});

test("a drain moves the other queues while one has to wait, and can be cancelled then", async () => {
  startRunner();
  const [source, open, shut] = [
    await aPool("full", "wide"),
    await aPool("open", "wide"),
    await aPool("shut", "strait"),
  ];
  await service.operations.flavors.create(admin, { project: "p", flavor: "wide", pools: ["full", "open"] });
  await service.operations.flavors.create(admin, { project: "p", flavor: "strait", pools: ["shut"] });
  for (const name of ["free-1", "free-2"]) await aQueue(name, source, "wide");
  await aQueue("held-up", source, "strait");
  await shut.leave();
  const { id } = await service.operations.jobs.drainPool(admin, { pool: source.name });
  await waits(id, "pool shut");
  expect(await Promise.all(["free-1", "free-2", "held-up"].map(poolOf))).toEqual([open.name, open.name, source.name]);
  expect(await jobOf(id)).toMatchObject({ state: "running", progress: 2, total: 3 });
  await service.operations.jobs.cancel(admin, { id });
  await ends(id, "cancelled");
  expect(await service.operations.pools.get(admin, { pool: source.name })).toMatchObject({ weight: 2 });
  expect(await totalOf("held-up")).toBe(1);
  await shut.comeBack();
});

test("a drain with a queue that no other pool takes moves the others before it fails", async () => {
  const [source, other] = [await aPool("mixed", "mixed"), await aPool("spare", "mixed")];
  await service.operations.flavors.create(admin, { project: "p", flavor: "mixed", pools: ["mixed", "spare"] });
  // Below, its flavor changes to one whose only pool takes no queues.
  await aQueue("a-stranger", source, "mixed");
  await service.operations.flavors.create(admin, {
    project: "p",
    flavor: "empty",
    pools: [(await aPool("nil", "empty")).name],
  });
  await service.control.queues.setMetadata({ project: "p", name: "a-stranger" }, '{"_flavor":"empty"}');
  for (const name of ["b-free", "c-free"]) await aQueue(name, source, "mixed");
  const { id } = await service.operations.jobs.drainPool(admin, { pool: source.name });
  // Set only now, because the request would have been refused.
  await service.operations.pools.update(admin, { pool: "nil", weight: 0 });
  startRunner();
  await ends(id, "failed");
  expect(await jobOf(id)).toMatchObject({ error: { code: "NO_POOL_FOUND" }, progress: 2 });
  expect(await Promise.all(["b-free", "c-free"].map(poolOf))).toEqual([other.name, other.name]);
});

test("a job that makes no progress for too long fails and names the pool", async () => {
  startRunner({ maxWaitSeconds: 0 });
  const [here, there] = [await aPool("near"), await aPool("far")];
  await aQueue("impatient", here);
  await there.leave();
  const { id } = await service.operations.jobs.moveQueue(operator, {
    project: "p",
    queue: "impatient",
    pool: there.name,
  });
  await ends(id, "failed");
  expect((await jobOf(id)).error?.message).toContain('Pool "far"');
  await there.comeBack();
});

test("the end of a job is recorded once the control database is back", async () => {
  let refusals = 2;
  startRunner({
    store: {
      end: async (params) => {
        refusals -= 1;
        if (refusals >= 0) throw new DomainError("OUTCOME_UNKNOWN", "It broke.");
        return service.jobs.end(params);
      },
    },
  });
  const [here, there] = [await aPool("left"), await aPool("right")];
  await aQueue("noted", here);
  const { id } = await service.operations.jobs.moveQueue(operator, { project: "p", queue: "noted", pool: there.name });
  await ends(id, "done");
  expect(await jobOf(id)).toMatchObject({ progress: 1, error: null, fence: 1 });
});

test("moves that were left in a pool that hangs do not delay the recovery of others", async () => {
  const lapsed = ["hangs", "hangs", "works"].map((source, index) => ({
    source,
    queue: `q${index}`,
    phase: "switched",
  }));
  const asked: (readonly string[])[] = [];
  const ended: string[] = [];
  const hangs = Promise.withResolvers<never>();
  const moves = createQueueMoves({
    control: {
      moveLedger: {
        listLapsed: async ({ exceptSources = [] }: { exceptSources?: readonly string[] }) => {
          asked.push(exceptSources);
          return lapsed.filter(({ source }) => !exceptSources.includes(source));
        },
        takeOver: async ({ move }: { move: unknown }) => move,
        end: async ({ source }: { source: string }) => void ended.push(source),
      },
    } as unknown as Service["control"],
    data: {
      pool: async (name: string) => (name === "hangs" ? hangs.promise : { transfer: { leave: async () => {} } }),
      locateQueues: async () => {},
      forgetQueue: async () => {},
    } as unknown as Service["data"],
    warn: () => {},
  });
  const first = moves.recover();
  await expect.poll(() => ended).toEqual(["works"]);
  expect(await moves.recover()).toBe(1);
  expect(asked).toEqual([[], ["hangs"]]);
  hangs.reject(new DomainError("STORAGE_UNAVAILABLE", "It is away."));
  expect(await first).toBe(1);
});

test("a move takes over from an earlier attempt of this process that could not be undone", async () => {
  const [here, there] = [await aPool("first"), await aPool("second")];
  await aQueue("again", here);
  const queue = { project: "p", name: "again" };
  let away = true;
  const takeOver: Service["control"]["moveLedger"]["takeOver"] = async (params) => {
    if (away) throw new DomainError("STORAGE_UNAVAILABLE", "It is away.");
    return service.control.moveLedger.takeOver(params);
  };
  const control = over(service.control, { moveLedger: over(service.control.moveLedger, { takeOver }) });
  const moves = createQueueMoves({ control, data: service.data, warn: () => {} });
  const broken = new Error("It breaks.");
  const checkpoint = () => {
    if (away) throw broken;
  };
  await expect(moves.move({ queue, target: there.name, checkpoint })).rejects.toBe(broken);
  away = false;
  expect(await moves.move({ queue, target: there.name, checkpoint })).toMatchObject({ messages: 1 });
  expect(await poolOf("again")).toBe(there.name);
});
