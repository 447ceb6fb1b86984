/** Groups of queues with one dead letter queue, of which not all can move. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { DomainError } from "../../../server/errors.ts";
import type { Job } from "../../../server/jobs/job.ts";
import type { JobWork } from "../../../server/jobs/job-work.ts";
import { type JobRunner, startJobRunner } from "../../../server/jobs/runner.ts";
import { createDeadLetterGroups } from "../../../server/operations/lifecycle/dead-letter-groups.ts";
import { admin, aService, operator, over, type Service, withBroken } from "../a-service.ts";

let service: Service;
let runner: JobRunner | undefined;
beforeAll(async () => {
  service = await aService();
  for (const [name, weight] of [
    ["one", 1],
    ["two", 0],
  ] as const) {
    await service.operations.pools.create(admin, { pool: name, uri: await service.poolUri(), weight });
  }
});
afterEach(async () => {
  await runner?.stop();
  runner = undefined;
});
afterAll(() => service.stop());

function startRunner(moveQueue: JobWork): void {
  const { jobs } = service.operations;
  const onError = (error: unknown) => {
    throw error;
  };
  runner = startJobRunner({ store: service.jobs, work: { ...jobs.work, moveQueue }, onError, maxWaitSeconds: 0 });
  jobs.onChanged(runner.wake);
}
const poolOf = async (queue: string) => (await service.control.catalogue.get({ project: "p", name: queue })).pool;
/** The result of the job once it has ended; null unless it is done. */
async function resultOf(move: Promise<Job>): Promise<unknown> {
  const { id } = await move;
  await expect.poll(async () => (await service.jobs.get(id))?.finishedAt ?? null).not.toBeNull();
  return JSON.parse((await service.jobs.get(id))?.resultText ?? "null");
}

test("a dead letter queue that cannot be moved is excluded, and a repeat of the move still says so", async () => {
  const { queues, jobs } = service.operations;
  await queues.create(operator, { queue: "dead" });
  await queues.create(operator, { queue: "alive", metadataText: '{"_dead_letter_queue": "dead"}' });
  const { begin } = service.control.moveLedger;
  const moveLedger = over(service.control.moveLedger, {
    begin: async (move) => {
      if (move.queue.name === "dead") throw new DomainError("STORAGE_UNAVAILABLE", "It is away.");
      return begin(move);
    },
  });
  startRunner(withBroken(service, { control: { moveLedger } }).jobs.work.moveQueue);
  const move = () => resultOf(jobs.moveQueue(operator, { queue: "alive", pool: "two" }));
  const away = { queue: "dead", why: "It could not be moved now: It is away. Move it by itself later." };
  expect(await move()).toMatchObject({ included: [], excluded: [away] });
  expect([await poolOf("alive"), await poolOf("dead")]).toEqual(["two", "one"]);
  const elsewhere = { queue: "dead", why: "It is in the pool one. Move it by itself." };
  expect(await move()).toMatchObject({ included: [], excluded: [elsewhere] });
});

test("of more than 100 queues that use one dead letter queue the first 100 are included, and the result says that there are more", async () => {
  const { control, config: limits } = service;
  const aQueue = async (name: string, metadataText?: string) => {
    await control.queues.create({ project: "many", name }, metadataText);
    await control.catalogue.insert({ project: "many", name }, "one");
  };
  await aQueue("grave");
  const names = Array.from({ length: 101 }, (_, index) => `user-${String(index).padStart(3, "0")}`);
  for (const name of names.slice(0, 100)) await aQueue(name, '{"_dead_letter_queue": "grave"}');
  const groups = createDeadLetterGroups({ control, limits });
  const look = async () => {
    const { included, excluded } = await groups.of({ project: "many", name: "grave" }, "one", "two");
    return { included: included.map(({ name }) => name), excluded };
  };
  expect(await look()).toEqual({ included: names.slice(0, 100), excluded: [] });
  await aQueue(names[100] as string, '{"_dead_letter_queue": "grave"}');
  const why = expect.stringMatching(/^More than 100 queues use it.*Those after user-099 by name/);
  expect(await look()).toEqual({ included: names.slice(0, 100), excluded: [{ queue: "grave", why }] });
});
