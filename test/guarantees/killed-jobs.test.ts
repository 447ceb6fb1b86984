/** Processes are killed while they run jobs on messages. Nothing is lost or doubled, and another process continues. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { Job } from "../../server/jobs/job.ts";
import { admin, aService, type Service } from "../operations/a-service.ts";
import { describeWithRedis, startRedis, type TestRedis } from "../support/redis.ts";

const KILLS = 2;
const MESSAGES = 600;
const RATE = 300;

describeWithRedis(() => {
  let service: Service;
  let redis: TestRedis;
  let control: pg.Client;
  const children = new Set<ChildProcess>();
  beforeAll(async () => {
    redis = await startRedis();
    service = await aService();
    control = new pg.Client({ connectionString: service.config.DATABASE_URL });
    await control.connect();
    for (const [pool, uri] of [["redis", redis.url] as const, ["postgres", await service.poolUri()] as const]) {
      await service.operations.pools.create(admin, { pool, uri, weight: 1 });
    }
  });
  afterEach(async () => {
    for (const child of children) await kill(child);
  });
  afterAll(async () => {
    await control.end();
    await service.stop();
    await redis.stop();
  });

  function aRunner(): ChildProcess {
    const program = fileURLToPath(new URL("job-runner.ts", import.meta.url));
    const { DATABASE_URL = "", SECRET_KEY = "" } = service.config;
    const env = { ...process.env, NODE_ENV: "test" as const, DATABASE_URL, SECRET_KEY, DATABASE_CONNECTIONS: "4" };
    const child = spawn(process.execPath, [program], { stdio: ["ignore", "ignore", "inherit"], env });
    children.add(child);
    return child;
  }
  async function kill(child: ChildProcess): Promise<void> {
    children.delete(child);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  async function aQueue(queue: string, pool: string): Promise<string> {
    await service.operations.queues.create(admin, { project: "p", queue });
    await service.operations.catalogue.update(admin, { project: "p", queue, pool, discardMessages: true });
    return queue;
  }
  async function aFullQueue(queue: string, pool: string): Promise<string[]> {
    await aQueue(queue, pool);
    const messages = Array.from({ length: MESSAGES }, (_, index) => ({ bodyText: String(index) }));
    return (await service.operations.messages.post(admin, { project: "p", queue, messages, clientId: "posted" })).ids;
  }
  async function idsIn(queue: string): Promise<string[]> {
    const ids: string[] = [];
    for (let after: string | null = null; ; ) {
      const page: { limit: number; after: string | null } = { limit: 100, after };
      const all = { includeClaimed: true, includeDelayed: true };
      const { items, nextMarker } = await service.operations.messages.list(admin, {
        project: "p",
        queue,
        page,
        ...all,
      });
      ids.push(...items.map(({ id }) => id));
      if (nextMarker === null) return ids;
      after = nextMarker;
    }
  }
  async function started(queue: string, action: object): Promise<string> {
    const dryRun = { action, queues: { queue: { project: "p", queue } }, filter: { clientId: "posted" } };
    const { token } = await service.operations.dryRuns.make(admin, dryRun);
    return (await service.operations.jobs.start(admin, { token, ratePerSecond: RATE, reason: "A test." })).id;
  }

  it("jobs whose processes are killed at random moments lose and double nothing, within stores and between them", async () => {
    const [here, there] = [await aFullQueue("here", "redis"), await aFullQueue("there", "postgres")];
    const rubbish = await aFullQueue("rubbish", "redis");
    const kept = (
      await service.operations.messages.post(admin, { project: "p", queue: "rubbish", messages: [{ bodyText: "1" }] })
    ).ids;
    await aQueue("redis-target", "redis");
    await aQueue("postgres-target", "postgres");
    await aQueue("load", "postgres");
    const ids = [
      await started("here", { move: { project: "p", queue: "postgres-target" } }),
      await started("there", { move: { project: "p", queue: "redis-target" } }),
      await started("rubbish", { delete: {} }),
    ];
    const load = { project: "p", queue: "load", messages: MESSAGES, ratePerSecond: RATE, reason: "A test." };
    ids.push((await service.operations.jobs.generate(admin, load)).id);
    const progress = async () => (await service.jobs.getMany(ids)).reduce((sum, job) => sum + job.progress, 0);
    // They share the jobs.
    const runners = Array.from({ length: KILLS + 1 }, aRunner);
    for (const runner of runners.slice(0, KILLS)) {
      const before = await progress();
      await expect.poll(progress, { interval: 5, timeout: 60_000 }).toBeGreaterThan(before);
      await pause(Math.random() * 300);
      await kill(runner);
      await control.query("UPDATE jobs SET lease_expires_at = now() - interval '1 second' WHERE state = 'running'");
    }
    const jobs = async () => (await service.jobs.getMany(ids)).sort((a, b) => Number(a.id) - Number(b.id));
    const ended = async () => (await jobs()).every(({ finishedAt }: Job) => finishedAt !== null);
    await expect.poll(ended, { interval: 50, timeout: 60_000 }).toBe(true);
    for (const [index, job] of (await jobs()).entries()) {
      expect(job).toMatchObject({ state: "done", error: null });
      const { messages, left } = JSON.parse(job.resultText ?? "");
      expect(left).toEqual([]);
      // A deletion does not count what a dead process did of its last batch. Others than the dead lost their leases too.
      if (index !== 2) expect(messages).toBe(MESSAGES);
      else expect(messages).toBeGreaterThanOrEqual(MESSAGES - KILLS * 100);
    }
    expect(rubbish).toHaveLength(MESSAGES);
    expect([await idsIn("here"), await idsIn("there"), await idsIn("rubbish")]).toEqual([[], [], kept]);
    expect(await idsIn("postgres-target")).toEqual(here);
    expect(await idsIn("redis-target")).toEqual(there);
    const loaded = await idsIn("load");
    expect([loaded.length, new Set(loaded).size]).toEqual([MESSAGES, MESSAGES]);
  });
});
