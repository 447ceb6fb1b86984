/** Whether a pool takes new queues again after a drain that ended before the pool was empty. */

import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { DomainError } from "../../../server/errors.ts";
import { JOB_KINDS, type Job, type JobStore } from "../../../server/jobs/job.ts";
import { type JobProgress, JobStopped, type JobWork } from "../../../server/jobs/job-work.ts";
import { type JobRunner, startJobRunner } from "../../../server/jobs/runner.ts";
import { createOperations } from "../../../server/operations/create-operations.ts";
import type { Operations } from "../../../server/operations/operations.ts";
import { emptyPage } from "../../../server/storage/list-pages.ts";
import { admin, aService, hasty, operator, over, type Service, withBroken } from "../a-service.ts";

let service: Service;
let runner: JobRunner | undefined;
beforeAll(async () => {
  service = await aService();
});
afterEach(async () => {
  await runner?.stop();
  runner = undefined;
});
afterAll(() => service.stop());

function startRunner(drainPool: JobWork): void {
  const { jobs } = service.operations;
  const onError = (error: unknown) => {
    throw error;
  };
  runner = startJobRunner({ store: service.jobs, work: { ...jobs.work, drainPool }, onError, maxWaitSeconds: 60 });
  jobs.onChanged(runner.wake);
}

/** A pool with a queue that no other pool takes once `closeBeside` has run. */
async function aLonelyPool(name: string): Promise<string> {
  await service.operations.pools.create(admin, { pool: name, uri: await service.poolUri(), weight: 3, flavor: name });
  await service.operations.flavors.create(admin, { project: "p", flavor: name, pools: [name] });
  await service.operations.queues.create(operator, { queue: `in-${name}`, metadataText: `{"_flavor": "${name}"}` });
  const beside = { pool: `${name}-beside`, uri: await service.poolUri(), weight: 1, flavor: name };
  await service.operations.pools.create(admin, beside);
  return name;
}
/** Must run between the request, which would be refused otherwise, and the job's work. */
const closeBeside = (name: string) => service.operations.pools.update(admin, { pool: `${name}-beside`, weight: 0 });
function withJobs(changes: Partial<JobStore>): Operations {
  const { control, data, stores, jobs, history, samples, consumers, problems, config: limits, ...others } = service;
  const now = () => performance.now();
  return createOperations({
    ...others,
    control,
    data,
    stores,
    jobs: over(jobs, changes),
    history,
    samples,
    consumers,
    problems,
    limits,
    now,
    warn: () => {},
  });
}
const weightOf = async (name: string) => (await service.control.pools.get(name)).weight;
const ended = async (id: string): Promise<Job> => {
  await expect.poll(async () => (await service.jobs.get(id))?.finishedAt ?? null).not.toBeNull();
  return (await service.jobs.get(id)) as Job;
};

test("a drain that fails before it learns of its cancellation restores the pool's weight", async () => {
  const pool = await aLonelyPool("unheard");
  const [begun, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  startRunner(async (job, progress) => {
    begun.resolve();
    await go.promise;
    // As when the cancellation comes between two heartbeats.
    return service.operations.jobs.work.drainPool(job, over(progress, { checkpoint: () => {} }));
  });
  const asked = service.operations.jobs.drainPool(admin, { pool });
  await begun.promise;
  const { id } = await asked;
  expect(await weightOf(pool)).toBe(0);
  await closeBeside(pool);
  expect(await service.jobs.cancel(id)).toMatchObject({ state: "running", cancelRequested: true });
  go.resolve();
  expect(await ended(id)).toMatchObject({ state: "cancelled" });
  expect(await weightOf(pool)).toBe(3);
});

test("a drain that was cancelled while no process ran it restores the weight, though it cannot count the pool's queues", async () => {
  const pool = await aLonelyPool("unseen");
  const { id } = await service.operations.jobs.drainPool(admin, { pool });
  const dead = (await service.jobs.take({ holder: "dead", leaseSeconds: 60, kinds: JOB_KINDS, rated: true })) as Job;
  await service.jobs.release(dead);
  expect(await service.operations.jobs.cancel(admin, { id })).toMatchObject({ state: "running" });
  const countByPool = () => Promise.reject(new DomainError("DEADLINE_EXCEEDED", "The storage took too long."));
  const catalogue = over(service.control.catalogue, { countByPool });
  startRunner(withBroken(service, { control: { catalogue } }).jobs.work.drainPool);
  expect(await ended(id)).toMatchObject({ state: "cancelled" });
  expect(await weightOf(pool)).toBe(3);
});

test("a drain whose job cannot be stored leaves the weight as it was, and the next drain records that weight", async () => {
  const pool = await aLonelyPool("unwritten");
  const add = () => Promise.reject(new DomainError("STORAGE_UNAVAILABLE", "It is away."));
  const broken = withJobs({ add }).jobs.drainPool(admin, { pool });
  await expect(broken).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
  expect(await weightOf(pool)).toBe(3);
  const { id, inputText } = await service.operations.jobs.drainPool(admin, { pool });
  expect(JSON.parse(inputText)).toEqual({ weight: 3 });
  // As a request that listed the jobs before this job was added.
  const list = async () => emptyPage<Job>();
  await service.operations.pools.update(admin, { pool, weight: 2 });
  expect(await withJobs({ list }).jobs.drainPool(admin, { pool })).toMatchObject({ id, inputText });
  expect(await weightOf(pool)).toBe(2);
  await service.operations.jobs.cancel(admin, { id });
});

test("a drain that fails asks until it knows whether it still owns its job, and restores no weight when it does not", async () => {
  await service.operations.pools.create(admin, { pool: "whose", uri: await service.poolUri(), weight: 0 });
  const job = { id: "0", target: "whose", progress: 0, fence: 2, inputText: '{"weight":3}' } as Job;
  const answers = [new DomainError("STORAGE_UNAVAILABLE", "It is away."), new JobStopped("lost")];
  const confirm = () => Promise.reject(answers.shift());
  const atLast: JobProgress["atLast"] = (step) => step().catch(() => step());
  const countByPool = () => Promise.reject(new DomainError("INTERNAL", "It is broken."));
  const broken = withBroken(service, { control: { catalogue: over(service.control.catalogue, { countByPool }) } });
  const drained = broken.jobs.work.drainPool(job, { ...hasty, confirm, atLast });
  await expect(drained).rejects.toMatchObject({ why: "lost" });
  expect(await weightOf("whose")).toBe(0);
});

test("a drain sets the weight to 0 when it begins, in case its request did not", async () => {
  await service.operations.pools.create(admin, { pool: "open", uri: await service.poolUri(), weight: 3 });
  const job = { id: "0", target: "open", progress: 0, fence: 1, inputText: '{"weight":3}' } as Job;
  expect(await service.operations.jobs.work.drainPool(job, hasty)).toEqual({ queues: 0, excluded: [] });
  expect(await weightOf("open")).toBe(0);
});
