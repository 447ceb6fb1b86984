import { beforeAll, expect, test } from "vitest";
import { JOB_KINDS } from "../../server/jobs/job.ts";
import { createOperations } from "../../server/operations/create-operations.ts";
import { type FoundProblem, MOST_FOUND, ofPool } from "../../server/problems/problem.ts";
import { FakePool, samplingOf } from "../history/fake-pools.ts";
import { over } from "../operations/a-service.ts";
import { aProject, createClaim, createQueue, postMessages, startApi } from "./api.ts";

const { api, server } = startApi();
/** By how much the pool's clock is wrong. */
let aheadMs = 0;
let pool: FakePool;
let round: ReturnType<typeof samplingOf>;
const now = () => Date.now() + server().clock.offsetMs;
beforeAll(() => {
  pool = new FakePool(() => now() + aheadMs);
  round = samplingOf(server().engine, new Map([["default", pool]]));
});
/** Takes the samples of the next minute. */
async function minute(): Promise<void> {
  server().clock.offsetMs += 60_000 - (now() % 60_000) + 500;
  await round();
}
const find = () => server().engine.operations.problemRounds.find(new AbortController().signal);

const PROBLEM = `id kind severity since sinceFound seenAt text evidence advice runbook fix
  project queueName queue { name } poolName pool { name }
  job { state } snoozedUntil snoozedBy snoozeReason`;
const LIST = `query P($filter: ProblemFilter, $first: Int, $after: String, $last: Int, $before: String) {
  problems(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
    nodes { ${PROBLEM} } count { value exact } pageInfo { hasNextPage endCursor startCursor } } }`;
const list = async (filter: object, page: object = {}) => (await api.run(LIST, { filter, ...page })).problems;
const SNOOZE = `mutation S($input: SnoozeProblemInput!) { snoozeProblem(input: $input) { problem { ${PROBLEM} } } }`;
const UNSNOOZE = `mutation S($input: UnsnoozeProblemInput!) { unsnoozeProblem(input: $input) { problem { ${PROBLEM} } } }`;

async function stuckQueue(project: string, name: string, ready = 3): Promise<number> {
  await createQueue(api, project, name);
  pool.use({ project, name }, { posted: ready });
  return now();
}

test("a stuck queue is a problem since its oldest message came, for everybody who asks, until one is given out", async () => {
  const project = aProject();
  const since = await stuckQueue(project, "orders", 1200);
  for (let passed = 1; passed <= 4; passed += 1) {
    await minute();
    expect((await list({ project })).nodes).toEqual([]);
  }
  await minute();
  await minute();
  const { nodes, count } = await list({ project });
  expect(count).toEqual({ value: 1, exact: true });
  expect(nodes).toEqual([
    {
      id: expect.stringMatching(/^Problem:/),
      ...{ kind: "STUCK", severity: "CRITICAL", fix: null, project, queueName: "orders", queue: { name: "orders" } },
      ...{ poolName: null, pool: null, job: null, snoozedUntil: null, snoozedBy: null, snoozeReason: null },
      since: expect.any(String),
      sinceFound: false,
      seenAt: expect.any(String),
      text: expect.stringMatching(
        /^The queue orders of the project ".*" is stuck: nothing took its 1,200 messages for [56] min\.$/,
      ),
      evidence: expect.stringMatching(
        /^The oldest ready message is [56] min old\. None was given out so far; 0 are claimed now\.$/,
      ),
      advice: "Start its consumers again, or check what they do.",
      runbook: "/runbook#stuck",
    },
  ]);
  expect(Math.abs(Date.parse(nodes[0].since) - since)).toBeLessThan(5000);

  const { health } = await api.run("{ health { status warnings } }");
  expect(health).toMatchObject({ status: "WARN", warnings: [`${nodes[0].text} ${nodes[0].advice}`] });

  const query = `query Q($project: String!, $id: ID!) {
    queue(project: $project, queue: "orders") { problems { kind } } node(id: $id) { ... on Problem { queueName } }
    problemSummary { kind severity count exact since names worst { id } } }`;
  const found = await api.run(query, { project, id: nodes[0].id });
  expect(found.queue.problems).toEqual([{ kind: "STUCK" }]);
  expect(found.node).toEqual({ queueName: "orders" });
  expect(found.problemSummary).toContainEqual({
    ...{ kind: "STUCK", severity: "CRITICAL", count: 1, exact: true, since: nodes[0].since, names: ["orders"] },
    worst: [{ id: nodes[0].id }],
  });

  pool.queue({ project, name: "orders" }).totals.delivered += 1;
  pool.use({ project, name: "orders" }, { deleted: 1 });
  await minute();
  expect((await list({ project })).nodes).toEqual([]);
  expect((await api.run(query, { project, id: nodes[0].id })).node).toBe(null);
});

test("a missing dead letter queue is a problem, and a worse one when messages are held back, until it is created", async () => {
  const project = aProject();
  await createQueue(api, project, "orders", { _max_claim_count: 1, _dead_letter_queue: "orders-dead" });
  await find();
  const { nodes } = await list({ project });
  expect(nodes).toMatchObject([
    {
      ...{ kind: "DEAD_LETTER_QUEUE_MISSING", severity: "WARNING", fix: "CREATE_DEAD_LETTER_QUEUE", sinceFound: true },
      text: `The queue orders of the project "${project}" names the dead letter queue orders-dead, which does not exist.`,
    },
  ]);
  await postMessages(api, project, "orders", [1]);
  const claim = await createClaim(api, project, "orders");
  const release = "mutation R($input: ReleaseClaimInput!) { releaseClaim(input: $input) { __typename } }";
  await api.run(release, { input: { project, queue: "orders", claimId: claim?.id } });
  await find();
  expect((await list({ project })).nodes).toMatchObject([
    {
      kind: "EXHAUSTED",
      severity: "CRITICAL",
      fix: "CREATE_DEAD_LETTER_QUEUE",
      text: expect.stringContaining("1 message"),
    },
  ]);
  await createQueue(api, project, "orders-dead");
  await find();
  expect((await list({ project })).nodes).toEqual([]);
});

test("problems come page by page, the worst first, and a deleted queue has none", async () => {
  const project = aProject();
  for (const name of ["a", "b", "c"]) {
    await createQueue(api, project, name, { _max_claim_count: 1, _dead_letter_queue: `${name}-dead` });
  }
  await stuckQueue(project, "d");
  await find();
  for (let passed = 1; passed <= 6; passed += 1) await minute();
  const walked: string[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await list({ project }, { first: 2, ...(after === undefined ? {} : { after }) });
    walked.push(...page.nodes.map((node: { queueName: string }) => node.queueName));
    after = page.pageInfo.endCursor;
    if (!page.pageInfo.hasNextPage) break;
  }
  expect(walked[0]).toBe("d");
  expect(walked.toSorted()).toEqual(["a", "b", "c", "d"]);
  const back = await list({ project }, { last: 2, before: after });
  expect(back.nodes.map((node: { queueName: string }) => node.queueName)).toEqual(walked.slice(1, 3));
  expect((await list({ project, kinds: ["STUCK"] })).nodes).toHaveLength(1);
  expect((await list({ project, severities: ["WARNING"], queue: "b" })).nodes).toHaveLength(1);
  const remove = "mutation D($input: DeleteQueueInput!) { deleteQueue(input: $input) { __typename } }";
  await api.run(remove, { input: { project, queue: "d" } });
  expect((await list({ project })).count.value).toBe(3);
});

test("a snoozed problem is silent until then, says who did it and why, and stays silent when it comes again", async () => {
  const project = aProject();
  await createQueue(api, project, "orders", { _max_claim_count: 1, _dead_letter_queue: "orders-dead" });
  await find();
  const [{ id }] = (await list({ project })).nodes;
  const { problem } = (await api.run(SNOOZE, { input: { id, seconds: 3600, reason: "Known: ticket 17" } }))
    .snoozeProblem;
  expect(problem).toMatchObject({ id, snoozedBy: expect.any(String), snoozeReason: "Known: ticket 17" });
  expect(Math.abs(Date.parse(problem.snoozedUntil) - now() - 3_600_000)).toBeLessThan(5000);
  expect((await list({ project })).nodes).toEqual([]);
  const { warnings } = (await api.run("{ health { warnings } }")).health;
  expect(warnings.filter((warning: string) => warning.includes(project))).toEqual([]);
  expect((await list({ project, includeSnoozed: true })).nodes).toMatchObject([
    { id, snoozeReason: "Known: ticket 17" },
  ]);
  const audit = `query A($project: String) { auditEntries(project: $project, first: 1) { nodes { action target outcome details } } }`;
  expect((await api.run(audit, { project })).auditEntries.nodes).toEqual([
    {
      ...{ action: "snoozeProblem", target: "deadLetterQueueMissing orders", outcome: "DONE" },
      details: { seconds: 3600, reason: "Known: ticket 17" },
    },
  ]);

  await createQueue(api, project, "orders-dead");
  await find();
  expect((await list({ project, includeSnoozed: true })).nodes).toEqual([]);
  const remove = "mutation D($input: DeleteQueueInput!) { deleteQueue(input: $input) { __typename } }";
  await api.run(remove, { input: { project, queue: "orders-dead" } });
  await find();
  expect((await list({ project })).nodes).toEqual([]);
  const [again] = (await list({ project, includeSnoozed: true })).nodes;
  expect((await api.run(UNSNOOZE, { input: { id: again.id } })).unsnoozeProblem.problem.snoozedUntil).toBe(null);
  expect((await list({ project })).nodes).toHaveLength(1);
  await api.run(SNOOZE, { input: { id: again.id, seconds: 60, reason: "x" } });
  server().clock.offsetMs += 61_000;
  expect((await list({ project })).nodes).toHaveLength(1);

  for (const [input, code] of [
    [{ id: again.id, seconds: 59, reason: "x" }, "BAD_INPUT"],
    [{ id: again.id, seconds: 60, reason: "" }, "BAD_INPUT"],
    [{ id: "Problem:999999999", seconds: 60, reason: "x" }, "PROBLEM_DOES_NOT_EXIST"],
    [{ id: "nonsense", seconds: 60, reason: "x" }, "PROBLEM_DOES_NOT_EXIST"],
  ] as const) {
    expect(await api.codeOf(SNOOZE, { input })).toBe(code);
  }
});

test("a pool that cannot be reached is a problem of its own, until it has been healthy for a minute", async () => {
  const { operations, problems } = server().engine;
  const check = {
    pool: "default",
    identity: "x",
    storageReachable: true,
    errorCode: null,
    freeBytes: null,
    totalBytes: null,
    operations: [],
  };
  const note = (storageReachable: boolean) =>
    operations.problemRounds.notePools([{ ...check, storageReachable, checkedAt: new Date() }]);
  const kinds = async () =>
    (await list({ pool: "default" })).nodes.map(({ severity, text }: { severity: string; text: string }) => [
      severity,
      text,
    ]);
  await note(false);
  const [before] = await kinds();
  expect(before).toEqual(["CRITICAL", "The pool default cannot be reached, so its queues are not available."]);
  const since = (await problems.ofPools(["default"]))[0]?.[0]?.since;
  await note(true);
  expect(await kinds()).toEqual([["WARNING", "The pool default was unhealthy until a moment ago."]]);
  server().clock.offsetMs += 30_000;
  await note(false);
  expect((await problems.ofPools(["default"]))[0]?.[0]?.since).toEqual(since);
  await note(true);
  server().clock.offsetMs += 61_000;
  const { pool } = await api.run(`{ pool(pool: "default") { problems { kind fix } } }`);
  expect(pool.problems).toEqual([{ kind: "POOL_UNHEALTHY", fix: "TEST_POOL" }]);
  await note(true);
  expect(await kinds()).toEqual([]);
});

test("that nothing is collected in a pool is told once it answers: until then that is the problem", async () => {
  const { operations, control } = server().engine;
  const note = (storageReachable: boolean) =>
    operations.problemRounds.notePools([
      {
        ...{ pool: "default", identity: "x", storageReachable, errorCode: null, checkedAt: new Date() },
        ...{ freeBytes: null, totalBytes: null, operations: [] },
      },
    ]);
  const collected = (failed: { pool: string; error: string }[]) =>
    control.collections.record({
      durationSeconds: 1,
      total: { messages: 0, claims: 0, subscriptions: 0, queues: 0 },
      failed,
    });
  const kinds = async () => {
    await find();
    return (await list({ pool: "default" })).nodes.map(({ kind }: { kind: string }) => kind).sort();
  };
  await collected([{ pool: "default", error: "It failed." }]);
  await note(false);
  expect(await kinds()).toEqual(["POOL_UNHEALTHY"]);
  await note(true);
  expect(await kinds()).toEqual(["GC_BEHIND", "POOL_UNHEALTHY"]);
  await collected([]);
  server().clock.offsetMs += 61_000;
  await note(true);
  expect(await kinds()).toEqual([]);
});

test("a job that failed is a problem until it is asked for again", async () => {
  const project = aProject();
  await createQueue(api, project, "orders");
  const { jobs } = server().engine;
  const wanted = { kind: "moveQueue", project, target: "orders", inputText: "{}", actor: "a", requestId: "r" } as const;
  const fail = async () => {
    const { job } = await jobs.add(wanted);
    const taken = await jobs.take({ holder: "h", leaseSeconds: 60, kinds: JOB_KINDS, rated: true });
    expect(taken?.id).toBe(job.id);
    const error = { code: "STORAGE_UNAVAILABLE", message: "The pool fast is away." } as const;
    if (taken !== null)
      await jobs.end({
        job: taken,
        state: "failed",
        progress: 0,
        total: null,
        resultText: null,
        positionText: null,
        error,
      });
  };
  await fail();
  await find();
  expect((await list({ project })).nodes).toMatchObject([
    {
      ...{ kind: "JOB_FAILED", fix: "RETRY_JOB", queueName: "orders", job: { state: "FAILED" } },
      text: "Moving the queue orders failed: The pool fast is away.",
    },
  ]);
  const { job } = await jobs.add(wanted);
  await find();
  expect((await list({ project })).nodes).toEqual([]);
  await jobs.cancel(job.id);
});

test("a queue explains why its messages wait: who holds them, until when, and which claims to release", async () => {
  const project = aProject();
  await postMessages(api, project, "orders", [1, 2, 3]);
  const explain = async (name = "orders") => {
    const query = `query E($project: String!, $queue: String!) { queue(project: $project, queue: $queue) { explanation {
      asOf reasons { kind severity text since until fix claimIds deadLetterQueueName problem { id } } ruledOut } } }`;
    return (await api.run(query, { project, queue: name })).queue.explanation;
  };
  expect(await explain()).toMatchObject({
    reasons: [{ kind: "WAITING_TURN", severity: null, text: expect.stringContaining("3 messages are ready") }],
    ruledOut: expect.arrayContaining(["The pool default answers and takes writes.", "No claim holds messages."]),
  });
  const claim = await createClaim(api, project, "orders", 3);
  const [reason] = (await explain()).reasons;
  expect(reason).toMatchObject({ kind: "ALL_CLAIMED", fix: "RELEASE_CLAIMS", claimIds: [claim?.id] });
  expect(reason.text).toMatch(/^All 3 messages are claimed: 3 by .* for up to 5 min\.$/);
  expect(Math.abs(Date.parse(reason.until) - now() - 300_000)).toBeLessThan(5000);
  await createQueue(api, project, "empty");
  expect((await explain("empty")).reasons).toMatchObject([
    { kind: "EMPTY", text: "The queue is empty: nothing waits." },
  ]);
});

test("a queue has thresholds of its own, and a change of them is seen though nothing happens in the queue", async () => {
  const project = aProject();
  await createQueue(api, project, "orders", { _stuck_seconds: 60 });
  pool.use({ project, name: "orders" }, { posted: 1 });
  await minute();
  await minute();
  await minute();
  expect((await list({ project })).nodes).toMatchObject([{ kind: "STUCK" }]);
  const update = `mutation U($input: UpdateQueueAttributesInput!) { updateQueueAttributes(input: $input) {
    queue { attributes { stuckSeconds growingPercent lapsingPercent consumerGoneSeconds deadLettersArriving }
      storedAttributes } } }`;
  const set = async (attributes: object) => await api.run(update, { input: { project, queue: "orders", attributes } });
  expect((await set({ stuckSeconds: 0, consumerGoneSeconds: 30 })).updateQueueAttributes.queue).toEqual({
    attributes: {
      ...{ stuckSeconds: 0, growingPercent: 10, lapsingPercent: 5, consumerGoneSeconds: 30 },
      deadLettersArriving: 5,
    },
    storedAttributes: ["_stuck_seconds", "_consumer_gone_seconds"],
  });
  await minute();
  expect((await list({ project })).nodes).toEqual([]);
  await set({ stuckSeconds: null });
  await minute();
  expect((await list({ project })).nodes).toEqual([]);
  await minute();
  expect((await list({ project })).nodes).toMatchObject([{ kind: "STUCK" }]);
  const wrong = [
    { stuckSeconds: -1 },
    { lapsingPercent: 101 },
    { consumerGoneSeconds: 29 },
    { deadLettersArriving: -1 },
  ];
  for (const attributes of wrong) {
    expect(await api.codeOf(update, { input: { project, queue: "orders", attributes } })).toBe("BAD_INPUT");
  }
});

test("consumers that stop are a problem when nobody is left, and it ends when one calls again", async () => {
  const project = aProject();
  await createQueue(api, project, "orders");
  const {
    control,
    data,
    stores,
    jobs,
    history,
    samples,
    consumers,
    problems,
    config: limits,
    ...others
  } = server().engine;
  const { problemRounds } = createOperations({
    ...{ ...others, control, data, stores, jobs, history, samples, problems, limits },
    consumers: over(consumers, { isOn: true }),
    now: () => performance.now() + server().clock.offsetMs,
    warn: () => {},
  });
  const called = (name: string) => {
    const call = { messages: 1, claimAgeMs: 0, emptyAgeMs: null, renewalAgeMs: null };
    return consumers.add([{ project, queue: "orders", name, actor: "a", ...call }]);
  };
  for (let passed = 0; passed < 300; passed += 10) {
    await called("worker-1");
    await called("worker-2");
    server().clock.offsetMs += 10_000;
  }
  const stoppedAt = now();
  const gone = async () => {
    await problemRounds.find(new AbortController().signal);
    return (await list({ project })).nodes;
  };
  server().clock.offsetMs += 125_000;
  await called("worker-1");
  expect(await gone()).toEqual([]);
  server().clock.offsetMs += 125_000;
  const [problem] = await gone();
  expect(problem).toMatchObject({ kind: "CONSUMER_GONE", severity: "WARNING", fix: null });
  expect(problem.text).toBe(
    `worker-2, worker-1 stopped claiming from the queue orders of the project "${project}" 4 min ago.`,
  );
  expect(problem.evidence).toBe("Before, they claimed every few seconds. Nobody else claims; 0 ready messages wait.");
  expect(Math.abs(Date.parse(problem.since) - stoppedAt)).toBeLessThan(15_000);
  await called("worker-3");
  expect(await gone()).toEqual([]);
});

test("a pool whose clock is ahead is a problem, until it is right again", async () => {
  const project = aProject();
  await createQueue(api, project, "orders");
  const look = async () => {
    pool.use({ project, name: "orders" }, { posted: 1 });
    await minute();
    return (await list({ pool: "default", kinds: ["CLOCK_SKEW"] })).nodes;
  };
  expect(await look()).toEqual([]);
  aheadMs = 5000;
  const [problem] = await look();
  expect(problem).toMatchObject({ severity: "WARNING", poolName: "default" });
  expect(problem.text).toMatch(/^The clock of the pool default is [45] s ahead of that of the control database\.$/);
  aheadMs = 0;
  expect(await look()).toEqual([]);
});

test("as many problems as one look finds are told as at least so many, whoever is asked", async () => {
  const failed = (count: number): FoundProblem[] =>
    Array.from({ length: count }, (_, index) => ({
      ...{ ...ofPool("default"), job: `job-${index}`, kind: "jobFailed", severity: "warning", since: new Date() },
      numbers: { kind: "drainPool", target: "default", error: "It failed." },
    }));
  const [, { most, kinds }] = MOST_FOUND;
  const counted = async (filter: object) => {
    const query = "query C($filter: ProblemFilter) { problems(filter: $filter) { count { value exact } } }";
    const { problemSummary } = await api.run("{ problemSummary { kind count exact } }");
    const { count } = (await api.run(query, { filter })).problems;
    return { count, group: problemSummary.find(({ kind }: { kind: string }) => kind === "JOB_FAILED") };
  };
  await server().engine.problems.put({ kinds, found: failed(most - 1) });
  expect(await counted({ kinds: ["JOB_FAILED"] })).toEqual({
    count: { value: most - 1, exact: true },
    group: { kind: "JOB_FAILED", count: most - 1, exact: true },
  });
  await server().engine.problems.put({ kinds, found: failed(most) });
  expect(await counted({ kinds: ["JOB_FAILED"] })).toEqual({
    count: { value: most, exact: false },
    group: { kind: "JOB_FAILED", count: most, exact: false },
  });
  expect((await counted({ kinds: ["STUCK"] })).count.exact).toBe(true);
  expect((await counted({})).count.exact).toBe(false);
  await server().engine.problems.put({ kinds, found: [] });
});
