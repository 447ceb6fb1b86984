import { beforeAll, expect, test } from "vitest";
import { queueKey } from "../../server/storage/queue-ref.ts";
import { walk as walkPages } from "../conformance/walk.ts";
import { FakePool, samplingOf } from "../history/fake-pools.ts";
import { aProject, createClaim, createQueue, postMessages, startApi } from "./api.ts";

const { api, server } = startApi();
let pool: FakePool;
let round: ReturnType<typeof samplingOf>;
const now = () => Date.now() + server().clock.offsetMs;
beforeAll(() => {
  pool = new FakePool(now);
  round = samplingOf(server().engine, new Map([["default", pool]]));
});
/** Takes the samples of the next minute. */
async function minute(): Promise<void> {
  server().clock.offsetMs += 60_000 - (now() % 60_000) + 500;
  await round();
}

/** Queues that were used in two minutes: name, messages posted in the first and in the second. */
async function used(project: string, queues: readonly (readonly [string, number, number])[]): Promise<void> {
  for (const [name] of queues) await createQueue(api, project, name);
  for (const [name, posted] of queues) if (posted > 0) pool.use({ project, name }, { posted });
  await minute();
  for (const [name, , posted] of queues) if (posted > 0) pool.use({ project, name }, { posted });
  await minute();
}

const SAMPLE = "asOf ready claimed delayed exhausted total exact oldestReadyAt rates { posted delivered }";
const HISTORY = "from until resolutionSeconds series { metric values }";

test("a queue shows its last sample and how it came there, and one that was never used shows null", async () => {
  const project = aProject();
  await used(project, [["orders", 60, 120]]);
  await createQueue(api, project, "unused");
  const query = `query Q($project: String!) { queues(project: $project) { asOf nodes {
    name sample { ${SAMPLE} }
    history(metrics: [READY, POSTED_RATE, OLDEST_READY_SECONDS], range: { seconds: 180 }, resolution: MINUTE) { ${HISTORY} }
  } } }`;
  const { queues } = await api.run(query, { project });
  const [orders, unused] = queues.nodes;
  expect(unused).toEqual({ name: "unused", sample: null, history: null });
  expect(orders.sample).toMatchObject({
    ...{ ready: 180, claimed: 0, delayed: 0, exhausted: 0, total: 180, exact: true },
    rates: { posted: 2, delivered: 0 },
  });
  expect(Math.abs(Date.parse(orders.sample.asOf) - Date.parse(queues.asOf))).toBeLessThan(5000);
  expect(orders.history).toMatchObject({
    resolutionSeconds: 60,
    series: [
      { metric: "READY", values: [null, 60, 180] },
      { metric: "POSTED_RATE", values: [null, null, 2] },
      { metric: "OLDEST_READY_SECONDS", values: [null, expect.any(Number), expect.any(Number)] },
    ],
  });
  expect(Date.parse(orders.history.until) - Date.parse(orders.history.from)).toBe(180_000);
});

test("projects and pools show the sums of their queues, and how they came there", async () => {
  const project = aProject();
  await used(project, [
    ["a", 10, 60],
    ["b", 20, 0],
  ]);
  const history = `history(metrics: [TOTAL], range: { seconds: 120 }) { resolutionSeconds series { values } }`;
  const query = `query Q($id: ID!) {
    node(id: $id) { ... on Project { name stats { ${SAMPLE} } ${history} } }
    pool(pool: "default") { stats { ${SAMPLE} } ${history} }
    queueSampling { on lastAt behind { poolName } }
  }`;
  const { projects } = await api.run("query P($search: String) { projects(search: $search) { nodes { id } } }", {
    search: project,
  });
  const found = await api.run(query, { id: projects.nodes[0].id });
  expect(found.node).toMatchObject({
    name: project,
    stats: { total: 90, ready: 90, rates: { posted: 1 } },
    history: { resolutionSeconds: 60, series: [{ values: [30, 90] }] },
  });
  expect(found.pool.stats.total).toBeGreaterThanOrEqual(90);
  expect(found.pool.history.series[0].values.at(-1)).toBe(found.pool.stats.total);
  expect(found.queueSampling).toEqual({ on: false, lastAt: found.pool.stats.asOf, behind: [] });
  const [empty] = (await api.run("{ pools { nodes { name stats { total } } } }")).pools.nodes;
  expect(empty.name).toBe("default");
});

const NAMES = `query Q($project: String, $filter: QueueFilter, $orderBy: QueueOrder!, $first: Int, $after: String, $last: Int,
  $before: String) {
  queues(project: $project, filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
    nodes { name } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } count { value }
  } }`;

test("queues are ordered by depth, age and rate, page by page, both ways, and those never used come at one end", async () => {
  const project = aProject();
  await used(project, [
    ["a", 300, 1],
    ["b", 100, 60],
    ["c", 300, 30],
    ["d", 0, 0],
  ]);
  pool.queue({ project, name: "a" }).oldestReadyAt = new Date(now() - 100_000);
  pool.queue({ project, name: "b" }).oldestReadyAt = new Date(now() - 500_000);
  pool.queue({ project, name: "c" }).oldestReadyAt = null;
  for (const [name, posted] of [
    ["a", 1],
    ["b", 60],
    ["c", 30],
  ] as const)
    pool.use({ project, name }, { posted });
  pool.queue({ project, name: "c" }).oldestReadyAt = null;
  await minute();
  const walk = async (orderBy: object, filter: object = {}) => {
    const forwards: string[] = [];
    const backwards: string[] = [];
    let after: string | undefined;
    for (;;) {
      const { queues } = await api.run(NAMES, { project, filter, orderBy, first: 1, after });
      forwards.push(...queues.nodes.map(({ name }: { name: string }) => name));
      expect(queues.count.value).toBeGreaterThan(0);
      after = queues.pageInfo.endCursor;
      if (!queues.pageInfo.hasNextPage) break;
    }
    let before: string | undefined;
    for (;;) {
      const { queues } = await api.run(NAMES, { project, filter, orderBy, last: 2, before });
      backwards.unshift(...queues.nodes.map(({ name }: { name: string }) => name));
      before = queues.pageInfo.startCursor;
      if (!queues.pageInfo.hasPreviousPage) break;
    }
    expect(backwards).toEqual(forwards);
    return forwards.join("");
  };
  expect(await walk({ field: "DEPTH", direction: "DESC" })).toBe("cabd");
  expect(await walk({ field: "DEPTH", direction: "ASC" })).toBe("dbac");
  expect(await walk({ field: "OLDEST_READY", direction: "ASC" })).toBe("bacd");
  expect(await walk({ field: "RATE", direction: "DESC" })).toBe("bcad");
  // Other orders and conditions go along.
  expect(await walk({ field: "NAME", direction: "DESC" }, { hasReady: true })).toBe("cba");
  expect(await walk({ field: "CREATED_AT", direction: "ASC" }, { hasReady: true, pool: "default" })).toBe("abc");
  expect(await walk({ field: "DEPTH", direction: "ASC" }, { oldestReadyOlderThanSeconds: 300 })).toBe("b");
  expect(await walk({ field: "DEPTH", direction: "ASC" }, { isDeadLetterQueue: false, search: "a" })).toBe("a");
  expect(
    await walk({ field: "NAME", direction: "ASC" }, { hasClaimed: false, hasDelayed: false, hasExhausted: false }),
  ).toBe("abc");
  const other = aProject();
  await used(other, [["a", 30, 5]]);
  const { queues: stored } = server().engine.control;
  const some = { projects: ["none", other, project], filter: { hasReady: true } };
  for (const field of ["depth", "oldestReady", "rate", "name", "createdAt"] as const) {
    const orderBy = { field, direction: "asc" } as const;
    const ofSome = await walkPages((page) => stored.list({ ...some, orderBy, page }));
    const ofAll = await walkPages((page) => stored.list({ ...some, projects: "all", orderBy, page }));
    expect(ofSome.map(queueKey)).toEqual(ofAll.filter((queue) => some.projects.includes(queue.project)).map(queueKey));
    expect(ofSome).toHaveLength(4);
  }
  expect(await stored.count(some)).toEqual({ value: 4, exact: true });
  const all = `{ queues(allProjects: true, filter: { hasReady: true, search: "a" }, orderBy: { field: RATE, direction: DESC }) {
    nodes { project } edges { cursor } count { value } } }`;
  const found = (await api.run(all)).queues;
  expect(found.nodes.map(({ project }: { project: string }) => project)).toContain(project);
  expect(found.count.value).toBe(found.nodes.length);
  const cursor = found.edges[0].cursor;
  expect(await api.codeOf(NAMES, { project, orderBy: { field: "RATE" }, after: cursor })).toBe("BAD_INPUT");
});

test("a history that cannot be, or has too many intervals, is refused, and the resolution suits the range", async () => {
  const ofPool = (args: string) =>
    `{ pool(pool: "default") { history(metrics: [READY], ${args}) { resolutionSeconds } } }`;
  expect(await api.codeOf(ofPool("resolution: TEN_SECONDS, range: { seconds: 60 }"))).toBe("BAD_INPUT");
  expect(await api.codeOf(ofPool("resolution: MINUTE, range: { seconds: 86401 }"))).toBe("BAD_INPUT");
  const orderBy = { field: "NAME" };
  const filter = { oldestReadyOlderThanSeconds: -1 };
  expect(await api.codeOf(NAMES, { project: "p", orderBy, filter })).toBe("BAD_INPUT");
  const project = aProject();
  const many = Array.from({ length: 19 }, (_, number) => `q${number}`);
  for (const name of many) await createQueue(api, project, name);
  const range = { seconds: 92 * 86_400 };
  const histories = `query H($project: String!, $first: Int!, $range: HistoryRange) {
    queues(project: $project, first: $first) { nodes { history(metrics: [READY], range: $range) { until } } } }`;
  expect((await api.run(histories, { project, first: 18, range })).queues.nodes).toHaveLength(18);
  const { errors } = await api.send(histories, { project, first: 19, range });
  const [{ extensions } = { extensions: null }] = errors ?? [];
  expect(extensions).toMatchObject({ code: "TOO_LARGE", details: { value: 19 * 2208, maximum: 40_000 } });
  const resolutions = async (seconds: number) => (await api.run(ofPool(`range: { seconds: ${seconds} }`))).pool.history;
  for (const [seconds, resolutionSeconds] of [
    [3600, 60],
    [86_400, 600],
    [604_800, 3600],
    [92 * 86_400, 3600],
  ] as const) {
    expect(await resolutions(seconds)).toEqual({ resolutionSeconds });
  }
});

test("what programs do is sampled in a real pool", async () => {
  const project = aProject();
  await postMessages(api, project, "orders", [1, 2, 3, 4]);
  await createClaim(api, project, "orders", 1);
  const { queueSampling } = server().engine.operations;
  const query = `query Q($project: String!) { queue(project: $project, queue: "orders") { sample { ready claimed total } } }`;
  // A process tells of its calls within a second.
  const sampled = async () => {
    server().clock.offsetMs += 60_000;
    await queueSampling.sample(new AbortController().signal);
    return (await api.run(query, { project })).queue.sample;
  };
  await expect.poll(sampled, { timeout: 10_000 }).toEqual({ ready: 3, claimed: 1, total: 4 });
  // The claim lapses by itself.
  server().clock.offsetMs += 300_000;
  await expect.poll(sampled, { timeout: 10_000 }).toEqual({ ready: 4, claimed: 0, total: 4 });
});
