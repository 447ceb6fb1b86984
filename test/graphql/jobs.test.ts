import { afterAll, beforeAll, expect, test } from "vitest";
import { createEmptyDatabase, type TestDatabase } from "../support/database.ts";
import { aProject, createClaim, createQueue, postMessages, startApi } from "./api.ts";

const { api } = startApi();
const databases: TestDatabase[] = [];
const CREATE_POOL = "mutation C($input: CreatePoolInput!) { createPool(input: $input) { created } }";
beforeAll(async () => {
  for (const [name, weight] of [
    ["east", 1],
    ["west", 3],
  ] as const) {
    const database = await createEmptyDatabase();
    databases.push(database);
    await api.run(CREATE_POOL, { input: { pool: name, uri: database.url, weight } });
  }
});
afterAll(async () => {
  for (const database of databases) await database.drop();
});

const JOB =
  "job { id kind project targetName state progress total rate waitingFor result resultText inputText error { code } cancelRequested actor startedAt finishedAt }";
const MOVE = `mutation M($input: MoveQueueInput!) { moveQueue(input: $input) { ${JOB} } }`;
const DRAIN = `mutation D($input: DrainPoolInput!) { drainPool(input: $input) { ${JOB} } }`;
const PLACE = 'query P($project: String) { catalogueEntry(project: $project, queue: "q") { poolName epoch } }';

test("a queue moves, with its claims, and the job says how", async () => {
  const project = aProject();
  await createQueue(api, project, "q");
  const ids = await postMessages(api, project, "q", [1, 2, 3]);
  const claim = await createClaim(api, project, "q");
  const { poolName: pool, epoch } = (await api.run(PLACE, { project })).catalogueEntry;
  const target = pool === "east" ? "west" : "east";
  const { job } = (await api.run(MOVE, { input: { project, queue: "q", pool: target } })).moveQueue;
  expect(job).toMatchObject({
    kind: "MOVE_QUEUE",
    project,
    targetName: "q",
    state: "DONE",
    progress: 3,
    total: 3,
    waitingFor: null,
    error: null,
  });
  expect(job.result).toMatchObject({ from: pool, pool: target, messages: 3, claims: 1 });
  expect(JSON.parse(job.resultText)).toEqual(job.result);
  const after = (await api.run(PLACE, { project })).catalogueEntry;
  expect(after.poolName).toBe(target);
  expect(after.epoch).toBeGreaterThan(epoch);
  const read = `query Q($project: String!, $claim: ID!) {
    queue(project: $project, queue: "q") { messages(includeClaimed: true) { nodes { id } } }
    claim(project: $project, queue: "q", claimId: $claim) { messages { id } }
  }`;
  const { queue, claim: held } = await api.run(read, { project, claim: claim?.id });
  expect(queue.messages.nodes.map(({ id }: { id: string }) => id)).toEqual(ids);
  expect(held.messages).toEqual([{ id: ids[0] }]);
  const { job: read2, jobs } = await api.run(
    'query J($id: ID!) { job(id: $id) { id state } jobs(kind: MOVE_QUEUE, state: DONE, target: "q", first: 1) { nodes { id } } }',
    { id: job.id },
  );
  expect(read2).toEqual({ id: job.id, state: "DONE" });
  expect(jobs.nodes).toEqual([{ id: job.id }]);
  const watch = "subscription W($id: ID!) { jobUpdated(id: $id) { id state progress } }";
  const stream = await api.listen(watch, { id: job.id });
  expect((await stream.next())?.data).toEqual({ jobUpdated: { id: job.id, state: "DONE", progress: 3 } });
  expect(await stream.next()).toBeNull();
  const missing = await api.listen(watch, { id: "Job:999999" });
  expect((await missing.next())?.errors?.[0]?.extensions).toMatchObject({
    code: "JOB_DOES_NOT_EXIST",
    status: 404,
    details: { jobId: "Job:999999" },
  });
});

test("a pool is drained, and only then deleted", async () => {
  const database = await createEmptyDatabase();
  databases.push(database);
  await api.run(CREATE_POOL, { input: { pool: "old", uri: database.url, weight: 1000 } });
  const project = aProject();
  for (const name of ["a", "b", "c"]) await createQueue(api, project, name);
  const remove = 'mutation { deletePool(input: { pool: "old" }) { deleted } }';
  const { queueCount } = (await api.run('{ pool(pool: "old") { queueCount { value } } }')).pool;
  expect(queueCount.value).toBeGreaterThan(0);
  const { errors } = await api.send(remove);
  expect(errors?.[0]?.extensions).toMatchObject({
    code: "POOL_IN_USE",
    status: 403,
    details: { queues: queueCount.value },
  });
  const { job } = (await api.run(DRAIN, { input: { pool: "old" } })).drainPool;
  expect(job).toMatchObject({ kind: "DRAIN_POOL", project: null, targetName: "old" });
  await expect
    .poll(async () => (await api.run("query J($id: ID!) { job(id: $id) { state } }", { id: job.id })).job.state)
    .toBe("DONE");
  const { pool } = await api.run('{ pool(pool: "old") { weight queueCount { value } } }');
  expect(pool).toEqual({ weight: 0, queueCount: { value: 0 } });
  expect((await api.run(remove)).deletePool.deleted).toBe(1);
  const cancel = "mutation C($input: CancelJobInput!) { cancelJob(input: $input) { job { state cancelRequested } } }";
  const { cancelJob } = await api.run(cancel, { input: { id: job.id } });
  expect(cancelJob.job).toEqual({ state: "DONE", cancelRequested: false });
  for (const id of ["999999", "Job:999999"]) {
    const { errors } = await api.send(cancel, { input: { id } });
    expect(errors?.map(({ extensions }) => [extensions.code, extensions.details])).toEqual([
      ["JOB_DOES_NOT_EXIST", { jobId: id }],
    ]);
  }
});

test("placement shows the share of new queues by weight, also for weights that are only supposed", async () => {
  const query =
    "query P($weights: [PoolWeightInput!]) { poolPlacement(weights: $weights) { poolName weight share queues { value } shareNow } }";
  const { poolPlacement } = await api.run(query);
  expect(poolPlacement).toMatchObject([
    { poolName: "east", weight: 1, share: 0.25 },
    { poolName: "west", weight: 3, share: 0.75 },
  ]);
  const now = poolPlacement.reduce((sum: number, { shareNow }: { shareNow: number }) => sum + shareNow, 0);
  expect(now).toBeCloseTo(1);
  const supposed = (await api.run(query, { weights: [{ pool: "east", weight: 9 }] })).poolPlacement;
  expect(supposed).toMatchObject([{ share: 0.75 }, { share: 0.25 }]);
  const none = (
    await api.run(query, {
      weights: [
        { pool: "east", weight: 0 },
        { pool: "west", weight: 0 },
      ],
    })
  ).poolPlacement;
  expect(none).toMatchObject([{ share: 0 }, { share: 0 }]);
  expect(await api.codeOf(query, { weights: [{ pool: "default", weight: 1 }] })).toBe("BAD_INPUT");
});
