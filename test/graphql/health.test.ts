import { expect, test, vi } from "vitest";
import { readConfig } from "../../server/config.ts";
import { aProject, createQueue, startApi } from "./api.ts";

const { api, server } = startApi();

test("health probes every pool with real operations", async () => {
  const { health } = await api.run(
    "{ health { status control { reachable durationSeconds } pools { poolName storageReachable checkedAt operations { operation succeeded durationSeconds error } } gc { at durationSeconds collected { messages } } warnings } }",
  );
  expect(health).toMatchObject({ status: "PASS", control: { reachable: true }, warnings: [] });
  expect(health.pools).toHaveLength(1);
  expect(health.pools[0].operations.map(({ succeeded }: { succeeded: boolean }) => succeeded)).toEqual(
    Array(9).fill(true),
  );
});

test("a pool's health has a history, by pool and by operation, and a last hour that many pools share", async () => {
  const { engine, clock } = server();
  const post = (milliseconds: number) => ({ operation: "post_messages", milliseconds, errorCode: null });
  const well = { pool: "default", reachable: true, errorCode: null };
  await engine.history.add({ ...well, operations: [post(3)] });
  clock.offsetMs += 600_000;
  await engine.history.add({ ...well, reachable: false, errorCode: "STORAGE_UNAVAILABLE", operations: [] });
  const history =
    'query H($first: Int, $after: String, $step: SafeInt) { pool(pool: "default") { healthHistory(first: $first, after: $after, stepSeconds: $step) { nodes { from until samples unreachable failing errorCode p50Ms operations { operation samples failed errorCode p50Ms p95Ms } } pageInfo { hasNextPage endCursor } } } }';
  const first = (await api.run(history, { first: 1, step: 60 })).pool.healthHistory;
  expect(first.nodes).toMatchObject([
    { samples: 1, unreachable: 1, failing: 0, errorCode: "STORAGE_UNAVAILABLE", p50Ms: null, operations: [] },
  ]);
  expect(Date.parse(first.nodes[0].until) - Date.parse(first.nodes[0].from)).toBe(60_000);
  const rest = (await api.run(history, { first: 5, after: first.pageInfo.endCursor, step: 60 })).pool.healthHistory;
  expect(rest.pageInfo.hasNextPage).toBe(false);
  expect(rest.nodes).toMatchObject([
    {
      samples: 1,
      unreachable: 0,
      p50Ms: 3,
      operations: [{ operation: "post_messages", samples: 1, failed: 0, errorCode: null, p50Ms: 3, p95Ms: 3 }],
    },
  ]);
  expect(await api.codeOf(history, { step: 1 })).toBe("BAD_INPUT");
  expect(await api.codeOf(history, { after: "nonsense" })).toBe("BAD_INPUT");

  const { pools, health, healthSampling } = await api.run(
    "{ pools { nodes { name healthLastHour { samples unreachable } } } health { pools { poolName healthLastHour { samples } } } healthSampling { everySeconds keptSeconds lastAt nextAt } }",
  );
  expect(pools.nodes).toMatchObject([{ name: "default" }]);
  const { healthLastHour } = pools.nodes[0];
  expect(healthLastHour.map(({ samples }: { samples: number }) => samples)).toEqual([...Array(9).fill(0), 1, 0, 1]);
  expect(healthLastHour[11].unreachable).toBe(1);
  expect(health.pools[0].healthLastHour).toHaveLength(12);
  expect(healthSampling).toEqual({
    everySeconds: null,
    keptSeconds: 86_400,
    lastAt: expect.any(String),
    nextAt: null,
  });
});

test("a dead letter queue that is missing is a warning", async () => {
  const project = aProject();
  await createQueue(api, project, "q", { _max_claim_count: 1, _dead_letter_queue: "nowhere" });
  // An answer is remembered for up to ten seconds.
  await vi.waitFor(async () => {
    const { health } = await api.run("{ health { status warnings } }");
    expect(health.status).toBe("WARN");
    expect(health.warnings.join()).toContain("nowhere");
  }, 15_000);
});

test("a caller can ask who they are and which limits apply", async () => {
  const { viewer, limits } = await api.run(
    '{ viewer { actor role projects requestId can(mutations: ["createPool"]) { mutation allowed reason } } limits { maxPageSize defaultPageSize maxMessagesPerPost maxMessageTtlSeconds minClaimTtlSeconds maxQueueNameLength maxLiveStreams idempotencyKeySeconds popIdempotencyKeySeconds maxKeptPopBytes maxKeptPopBytesOfQueue maxIdempotencyKeyLength maxKeyValueKeyLength maxHistoryIntervals defaultSearchedMessages maxSearchedMessages maxSearchMilliseconds maxQueuesWithMetrics maxWaitSeconds maxAliases maxCost } }',
  );
  const config = readConfig({});
  expect(viewer).toEqual({
    actor: "local",
    role: "ADMIN",
    projects: null,
    requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    can: [{ mutation: "createPool", allowed: true, reason: null }],
  });
  expect(limits).toEqual({
    maxPageSize: config.MAX_PAGE_SIZE,
    defaultPageSize: config.DEFAULT_PAGE_SIZE,
    maxMessagesPerPost: config.MAX_MESSAGES_PER_POST,
    maxMessageTtlSeconds: config.MAX_MESSAGE_TTL,
    minClaimTtlSeconds: config.MIN_CLAIM_TTL,
    maxQueueNameLength: config.MAX_QUEUE_NAME_LENGTH,
    maxLiveStreams: config.MAX_LIVE_STREAMS,
    idempotencyKeySeconds: 86_400,
    popIdempotencyKeySeconds: 600,
    maxKeptPopBytes: 4_194_304,
    maxKeptPopBytesOfQueue: 268_435_456,
    maxHistoryIntervals: 40_000,
    defaultSearchedMessages: 20_000,
    maxSearchedMessages: 100_000,
    maxSearchMilliseconds: 1000,
    maxQueuesWithMetrics: 100,
    maxIdempotencyKeyLength: 255,
    maxKeyValueKeyLength: 1024,
    maxWaitSeconds: 20,
    maxAliases: 30,
    maxCost: 10_000,
  });
});

test("garbage is collected in the pools that the call names", async () => {
  const query =
    "mutation G($input: CollectGarbageInput!) { collectGarbage(input: $input) { pools { poolName collected { messages claims subscriptions queues } error } total { messages } durationSeconds } }";
  const { collectGarbage } = await api.run(query, { input: { pool: "default" } });
  expect(
    collectGarbage.pools.map(({ poolName, error }: { poolName: string; error: string | null }) => [poolName, error]),
  ).toEqual([["default", null]]);
  expect(await api.codeOf(query, { input: { pool: "missing" } })).toBe("POOL_DOES_NOT_EXIST");
});

test("the audit log says what was changed, by whom and in which request, newest first", async () => {
  const project = aProject();
  const made = await api.send("mutation C($input: CreateQueueInput!) { createQueue(input: $input) { created } }", {
    input: { project, queue: "q" },
  });
  await api.run("mutation D($input: DeleteQueueInput!) { deleteQueue(input: $input) { deleted } }", {
    input: { project, queue: "q" },
  });
  const query =
    "query A($project: String, $actor: String, $first: Int, $after: String) { auditEntries(project: $project, actor: $actor, first: $first, after: $after) { nodes { id at actor action project target outcome details requestId } pageInfo { hasNextPage endCursor } } }";
  const { nodes } = (await api.run(query, { project, actor: "local" })).auditEntries;
  expect(nodes.map(({ action, outcome }: { action: string; outcome: string }) => [action, outcome])).toEqual([
    ["deleteQueue", "DONE"],
    ["createQueue", "DONE"],
  ]);
  expect(nodes[1]).toMatchObject({ actor: "local", project, target: "q", requestId: made.headers.get("x-request-id") });
  const first = (await api.run(query, { project, first: 1 })).auditEntries;
  expect(first.pageInfo.hasNextPage).toBe(true);
  expect((await api.run(query, { project, after: first.pageInfo.endCursor })).auditEntries.nodes).toEqual([nodes[1]]);
  expect((await api.run(query, { actor: "nobody" })).auditEntries.nodes).toEqual([]);
});

test("the audit log tells what a person did on a page and why, and leads to the queue, the pool and the job", async () => {
  const project = aProject();
  await createQueue(api, project, "q");
  const release = "mutation R($input: ReleaseClaimInput!) { releaseClaim(input: $input) { claimId } }";
  const input = { project, queue: "q", claimId: "none" };
  await api.run(release, { input });
  const { origin } = new URL(api.url);
  const person = await api.send(release, { input }, { origin });
  await api.run(release, { input: { ...input, reason: "worker-2 hangs" } });
  expect(await api.codeOf(release, { input: { ...input, reason: "" } })).toBe("BAD_INPUT");
  const drain = "mutation D($input: DrainPoolInput!) { drainPool(input: $input) { job { id } } }";
  expect(await api.codeOf(drain, { input: { pool: "default", reason: project } })).toBe("NO_POOL_FOUND");

  const query = `query A($project: String, $action: String, $requestId: String, $outcome: AuditOutcome, $from: DateTime, $to: DateTime) {
    auditEntries(project: $project, action: $action, requestId: $requestId, outcome: $outcome, from: $from, to: $to) {
      nodes { action target targetKind outcome reason at requestId queue { id stats { total } } pool { id builtIn } job { id } }
    }
  }`;
  const list = async (variables: object) => (await api.run(query, { project, ...variables })).auditEntries.nodes;
  const released = await list({ action: "releaseClaim" });
  const requestId = person.headers.get("x-request-id");
  expect(released).toMatchObject([
    {
      reason: "worker-2 hangs",
      target: "q",
      targetKind: "QUEUE",
      queue: { id: `Queue:${project}/q`, stats: { total: 0 } },
    },
    { reason: null, requestId, outcome: "DONE", pool: null, job: null },
  ]);
  expect(await list({ requestId })).toEqual([released[1]]);
  expect(await list({ outcome: "FAILED" })).toEqual([]);
  expect(await list({ from: released[0].at })).toEqual([released[0]]);
  expect(await list({ action: "releaseClaim", to: released[0].at })).toEqual([released[1]]);
  expect(await api.codeOf(query, { from: released[0].at, to: released[0].at })).toBe("BAD_INPUT");
  const [drained] = await list({ project: null, action: "drainPool" });
  expect(drained).toMatchObject({ reason: project, targetKind: "POOL", outcome: "REFUSED", pool: { builtIn: true } });
});
