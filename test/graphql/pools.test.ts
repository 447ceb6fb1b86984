import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createEmptyDatabase, type TestDatabase } from "../support/database.ts";
import { postgresByDetour } from "../support/detour.ts";
import { aProject, createQueue, postMessages, startApi } from "./api.ts";

const { api } = startApi();
const databases: TestDatabase[] = [];
beforeAll(async () => {
  for (let index = 0; index < 2; index++) databases.push(await createEmptyDatabase());
});
afterAll(async () => {
  for (const database of databases) await database.drop();
});
/** The URI of a namespace in one of the two databases. */
function uri(schema: string, database = 0, password?: string): string {
  const url = new URL(databases[database]?.url ?? "");
  url.searchParams.set("schema", schema);
  if (password !== undefined) url.password = password;
  return url.toString();
}

const CREATE =
  "mutation C($input: CreatePoolInput!) { createPool(input: $input) { created pool { name builtIn uri weight flavorName options optionsText createdAt updatedAt queueCount { value exact } capabilities } } }";
const DROP =
  "mutation D($input: DropAllInput!) { dropAllPools(input: $input) { dropped count { value exact } confirmationToken } }";
const FLAVOR =
  "mutation F($input: CreateFlavorInput!) { createFlavor(input: $input) { created flavor { name pools { name } capabilities } } }";
const createPool = async (name: string, more: object = {}) =>
  (await api.run(CREATE, { input: { pool: name, uri: uri(name), weight: 1, ...more } })).createPool;
const createFlavor = async (project: string, name: string, pools: string[], more: object = {}) =>
  (await api.run(FLAVOR, { input: { project, flavor: name, pools, ...more } })).createFlavor;

/** Between tests: no queues in pools, no pools, no flavors. */
beforeEach(async () => {
  const { queues } = await api.run("{ queues(allProjects: true, first: 100) { nodes { project name } } }");
  for (const { project, name } of queues.nodes) {
    await api.run("mutation D($input: DeleteQueueInput!) { deleteQueue(input: $input) { deleted } }", {
      input: { project, queue: name },
    });
  }
  const { dropAllPools } = await api.run(DROP, { input: {} });
  if (dropAllPools.count.value > 0)
    await api.run(DROP, { input: { confirmationToken: dropAllPools.confirmationToken } });
});

test("a pool is registered, and never shows its password", async () => {
  const answer = await api.send(CREATE, {
    input: {
      pool: "shown",
      uri: uri("shown", 0, "s3cret-canary"),
      weight: 5,
      options: { json: { a: 1 } },
      verify: false,
    },
  });
  const { created, pool } = answer.data.createPool;
  expect(created).toBe(true);
  expect(pool).toMatchObject({
    name: "shown",
    builtIn: false,
    weight: 5,
    flavorName: null,
    options: { a: 1 },
    queueCount: { value: 0, exact: true },
  });
  expect(pool.uri).toContain("***");
  const read = await api.send(
    '{ pool(pool: "shown") { uri optionsText } pools { nodes { name uri } } auditEntries(first: 100) { nodes { detailsText } } }',
  );
  expect(answer.text + read.text).not.toContain("s3cret-canary");
});

test("a list that is refused below a pool or a flavor does not hide what was done", async () => {
  const pages = "healthHistory(stepSeconds: 1) { nodes { from } } catalogue(first: 0) { nodes { queueName } }";
  const { data, errors } = await api.send(
    `mutation C($input: CreatePoolInput!) { createPool(input: $input) { created pool { name ${pages} } } }`,
    { input: { pool: "done", uri: uri("done"), weight: 1 } },
  );
  const done = { name: "done", healthHistory: null, catalogue: null };
  expect(data).toEqual({ createPool: { created: true, pool: done } });
  expect(errors?.map(({ extensions }) => extensions.code)).toEqual(["BAD_INPUT", "BAD_INPUT"]);
  const flavor = await api.send(
    `mutation F($input: CreateFlavorInput!) { createFlavor(input: $input) { created flavor { pools { name ${pages} } } } }`,
    { input: { project: aProject(), flavor: "done", pools: ["done"] } },
  );
  expect(flavor.data).toEqual({ createFlavor: { created: true, flavor: { pools: [done] } } });
});

test("a pool is verified before it is registered, unless verify is false", async () => {
  const nowhere = "postgresql://user:password@127.0.0.1:1/nowhere?schema=s";
  const { errors, text } = await api.send(CREATE, { input: { pool: "p1", uri: nowhere, weight: 1 } });
  expect(errors?.[0]?.extensions.code).toBe("POOL_NOT_REACHABLE");
  expect(text).not.toMatch(/password|ECONNREFUSED/);
  const { pool } = (await api.run(CREATE, { input: { pool: "p1", uri: nowhere, weight: 1, verify: false } }))
    .createPool;
  expect(pool.capabilities).toBeNull();
  const verify = "mutation V($input: VerifyPoolInput!) { verifyPool(input: $input) { capabilities } }";
  expect((await api.run(verify, { input: { uri: uri("verified") } })).verifyPool.capabilities).toEqual(
    expect.arrayContaining(["FIFO", "CLAIMS", "AOD"]),
  );
  expect(await api.codeOf(verify, { input: { uri: nowhere } })).toBe("POOL_NOT_REACHABLE");
  expect(await api.codeOf(verify, { input: { uri: "mysql://host/db" } })).toBe("BAD_INPUT");
});

test("two pools never have the same server and namespace, nor the same name unless one replaces the other", async () => {
  await createPool("p1");
  expect(await api.codeOf(CREATE, { input: { pool: "p2", uri: uri("p1"), weight: 1 } })).toBe("POOL_URI_IN_USE");
  expect(await api.codeOf(CREATE, { input: { pool: "p1", uri: uri("p2"), weight: 1 } })).toBe("POOL_ALREADY_EXISTS");
  expect(await createPool("p1", { weight: 9, replace: true })).toMatchObject({ created: false, pool: { weight: 9 } });
});

test("a second pool on the same store is refused under another URI too, and the error names the first pool", async () => {
  await createPool("p1");
  const detour = await postgresByDetour(uri("p1"));
  const twin = { pool: "p2", uri: detour.uri, weight: 1 };
  const { errors } = await api.send(CREATE, { input: twin });
  expect(errors?.[0]).toMatchObject({
    message: expect.stringContaining('The pool "p1" is this server and namespace already'),
    extensions: { code: "POOL_URI_IN_USE", status: 409, details: { pool: "p1" } },
  });
  const verify = "mutation V($input: VerifyPoolInput!) { verifyPool(input: $input) { registeredAs } }";
  expect((await api.run(verify, { input: { uri: detour.uri } })).verifyPool.registeredAs).toBe("p1");
  const health = "{ health { warnings pools { poolName sameAs } } }";
  await api.run(CREATE, { input: { ...twin, verify: false } });
  const report = (await api.run(health)).health;
  expect(report.pools).toContainEqual({ poolName: "p2", sameAs: "p1" });
  const one = await api.run(
    '{ pool(pool: "p2") { health { poolName storageReachable sameAs operations { succeeded } } } }',
  );
  expect(one.pool.health).toMatchObject({ poolName: "p2", storageReachable: true, sameAs: "p1" });
  expect(report.warnings).toContainEqual(expect.stringContaining("p2 is the same server and namespace as the pool p1"));
  const update = "mutation U($input: UpdatePoolInput!) { updatePool(input: $input) { pool { name } } }";
  expect(await api.codeOf(update, { input: { pool: "p2", uri: detour.uri } })).toBe("POOL_URI_IN_USE");
  detour.close();
});

test.each([{ pool: "default" }, { pool: "a b" }, { weight: -1 }, { options: { json: [] } }, { uri: "" }])(
  "%j is refused",
  async (wrong) => {
    expect(await api.codeOf(CREATE, { input: { pool: "p1", uri: uri("p1"), weight: 1, ...wrong } })).toBe("BAD_INPUT");
  },
);

test("a pool is changed, and what is not given stays", async () => {
  await createPool("p1", { flavor: "fast", options: { json: { a: 1 } } });
  const update =
    "mutation U($input: UpdatePoolInput!) { updatePool(input: $input) { pool { weight flavorName optionsText } } }";
  expect((await api.run(update, { input: { pool: "p1", weight: 0 } })).updatePool.pool).toEqual({
    weight: 0,
    flavorName: "fast",
    optionsText: '{"a":1}',
  });
  expect((await api.run(update, { input: { pool: "p1", flavor: null } })).updatePool.pool).toMatchObject({
    weight: 0,
    flavorName: null,
  });
  expect(await api.codeOf(update, { input: { pool: "p1" } })).toBe("BAD_INPUT");
  expect(await api.codeOf(update, { input: { pool: "missing", weight: 1 } })).toBe("POOL_DOES_NOT_EXIST");
  expect(await api.codeOf(update, { input: { pool: "default", weight: 1 } })).toBe("NOT_SUPPORTED");
});

test("pools are listed by name behind the built-in one, a page at a time", async () => {
  for (const name of ["b", "a", "c"]) await createPool(name);
  const query =
    "query P($first: Int, $after: String, $last: Int, $before: String) { pools(first: $first, after: $after, last: $last, before: $before) { nodes { name builtIn } pageInfo { hasNextPage endCursor startCursor } } }";
  const read: string[] = [];
  let after: string | undefined;
  let start = "";
  for (let page = 0; page < 4; page++) {
    const { pools } = await api.run(query, { first: 1, after });
    read.push(...pools.nodes.map(({ name }: { name: string }) => name));
    after = pools.pageInfo.endCursor;
    start = pools.pageInfo.startCursor;
    expect(pools.pageInfo.hasNextPage).toBe(page < 3);
  }
  expect(read).toEqual(["default", "a", "b", "c"]);
  const back = await api.run(query, { last: 3, before: start });
  expect(back.pools.nodes.map(({ name }: { name: string }) => name)).toEqual(["default", "a", "b"]);
  expect(
    await api.run('{ pool(pool: "missing") { name } pool2: pool(pool: "default") { builtIn weight uri } }'),
  ).toEqual({
    pool: null,
    pool2: { builtIn: true, weight: null, uri: null },
  });
});

test("a new queue is placed in a registered pool, which cannot be deleted while it holds the queue", async () => {
  await createPool("p1");
  const project = aProject();
  await postMessages(api, project, "q", [1]);
  const query =
    'query Q($project: String) { queue(project: $project, queue: "q") { catalogueEntry { poolName epoch } stats { total } } pool(pool: "p1") { queueCount { value } catalogue { nodes { project queueName } } } }';
  expect(await api.run(query, { project })).toMatchObject({
    queue: { catalogueEntry: { poolName: "p1" }, stats: { total: 1 } },
    pool: { queueCount: { value: 1 }, catalogue: { nodes: [{ project, queueName: "q" }] } },
  });
  const remove = "mutation D($input: DeletePoolInput!) { deletePool(input: $input) { deleted } }";
  const { errors } = await api.send(remove, { input: { pool: "p1" } });
  expect(errors?.[0]?.extensions).toMatchObject({
    code: "POOL_IN_USE",
    status: 403,
    details: { queues: 1, exact: true },
  });
  await api.run("mutation D($input: DeleteQueueInput!) { deleteQueue(input: $input) { deleted } }", {
    input: { project, queue: "q" },
  });
  expect((await api.run(remove, { input: { pool: "p1" } })).deletePool).toEqual({ deleted: 1 });
  expect((await api.run(remove, { input: { pool: "p1" } })).deletePool).toEqual({ deleted: 0 });
  expect(await api.codeOf(remove, { input: { pool: "default" } })).toBe("NOT_SUPPORTED");
});

test("all pools are dropped by the token of a dry run that still holds", async () => {
  await createPool("p1");
  const dry = (await api.run(DROP, { input: {} })).dropAllPools;
  expect(dry).toEqual({ dropped: false, count: { value: 1, exact: true }, confirmationToken: expect.any(String) });
  await createPool("p2");
  expect(await api.codeOf(DROP, { input: { confirmationToken: dry.confirmationToken } })).toBe("CONFIRMATION_REQUIRED");
  const { confirmationToken } = (await api.run(DROP, { input: {} })).dropAllPools;
  expect((await api.run(DROP, { input: { confirmationToken } })).dropAllPools).toEqual({
    dropped: true,
    count: { value: 2, exact: true },
    confirmationToken: null,
  });
  expect((await api.run("{ pools { nodes { name } } }")).pools.nodes).toEqual([{ name: "default" }]);
});

test("a flavor groups pools, and a queue that names it is placed in one of them", async () => {
  const project = aProject();
  await createPool("p1");
  await createPool("p2", { uri: uri("p2", 1) });
  expect(await createFlavor(project, "fast", ["p2"])).toEqual({
    created: true,
    flavor: { name: "fast", pools: [{ name: "p2" }], capabilities: expect.arrayContaining(["FIFO"]) },
  });
  await createQueue(api, project, "q", { _flavor: "fast" });
  const read =
    'query Q($project: String) { queue(project: $project, queue: "q") { attributes { flavor } catalogueEntry { poolName } } flavor(project: $project, flavor: "fast") { project pools { name } } poolsByFlavor(flavor: "fast") { name } none: poolsByFlavor { name } missing: flavor(project: $project, flavor: "missing") { name } flavors(project: $project) { nodes { name } } }';
  expect(await api.run(read, { project })).toEqual({
    queue: { attributes: { flavor: "fast" }, catalogueEntry: { poolName: "p2" } },
    flavor: { project, pools: [{ name: "p2" }] },
    poolsByFlavor: [{ name: "p2" }],
    none: [{ name: "p1" }],
    missing: null,
    flavors: { nodes: [{ name: "fast" }] },
  });
  const remove = "mutation D($input: DeletePoolInput!) { deletePool(input: $input) { deleted } }";
  expect(["POOL_IN_USE", "POOL_IN_USE_BY_FLAVOR"]).toContain(await api.codeOf(remove, { input: { pool: "p2" } }));
  const create = "mutation C($input: CreateQueueInput!) { createQueue(input: $input) { created } }";
  expect(
    await api.codeOf(create, { input: { project, queue: "q2", metadata: { json: { _flavor: "missing" } } } }),
  ).toBe("FLAVOR_DOES_NOT_EXIST");
});

test("a flavor is created once, extended when asked, changed and deleted", async () => {
  const project = aProject();
  await createPool("p1");
  await createPool("p2", { uri: uri("p2", 1) });
  await createFlavor(project, "f", ["p1"]);
  expect(await api.codeOf(FLAVOR, { input: { project, flavor: "f", pools: ["p2"] } })).toBe("FLAVOR_ALREADY_EXISTS");
  expect(await createFlavor(project, "f", ["p2"], { replace: true })).toMatchObject({
    created: false,
    flavor: { pools: [{ name: "p1" }, { name: "p2" }] },
  });
  const { errors } = await api.send(FLAVOR, { input: { project, flavor: "g", pools: ["missing", "gone"] } });
  expect(errors?.map(({ extensions }) => [extensions.code, extensions.details])).toEqual([
    ["POOL_DOES_NOT_EXIST", { project, flavor: "g", pools: ["missing", "gone"] }],
  ]);
  expect(await api.codeOf(FLAVOR, { input: { project, flavor: "g", pools: [] } })).toBe("BAD_INPUT");
  const update = "mutation U($input: UpdateFlavorInput!) { updateFlavor(input: $input) { flavor { pools { name } } } }";
  expect((await api.run(update, { input: { project, flavor: "f", pools: ["p2"] } })).updateFlavor.flavor).toEqual({
    pools: [{ name: "p2" }],
  });
  expect(await api.codeOf(update, { input: { project, flavor: "missing", pools: ["p1"] } })).toBe(
    "FLAVOR_DOES_NOT_EXIST",
  );
  const remove = "mutation D($input: DeleteFlavorInput!) { deleteFlavor(input: $input) { deleted } }";
  expect((await api.run(remove, { input: { project, flavor: "f" } })).deleteFlavor).toEqual({ deleted: 1 });
  expect((await api.run(remove, { input: { project, flavor: "f" } })).deleteFlavor).toEqual({ deleted: 0 });
  await createFlavor(project, "h", ["p1"]);
  const drop =
    "mutation D($input: DropAllFlavorsInput!) { dropAllFlavors(input: $input) { dropped count { value } confirmationToken } }";
  const { confirmationToken } = (await api.run(drop, { input: { project } })).dropAllFlavors;
  expect((await api.run(drop, { input: { project, confirmationToken } })).dropAllFlavors).toEqual({
    dropped: true,
    count: { value: 1 },
    confirmationToken: null,
  });
  expect(
    (await api.run("query F($project: String) { flavors(project: $project) { nodes { name } } }", { project })).flavors
      .nodes,
  ).toEqual([]);
  await createFlavor(project, "everywhere", ["p1"]);
  const all = "{ flavors(allProjects: true, first: 100) { nodes { project name } } }";
  expect((await api.run(all)).flavors.nodes).toContainEqual({ project, name: "everywhere" });
  const dry = (await api.run(drop, { input: { allProjects: true } })).dropAllFlavors;
  expect(dry.count.value).toBeGreaterThan(1);
  await api.run(drop, { input: { allProjects: true, confirmationToken: dry.confirmationToken } });
  expect((await api.run(all)).flavors.nodes).toEqual([]);
});

test("a pool shows its share of the new queues of its flavor by weight, and its share of today's queues", async () => {
  const project = aProject();
  await createPool("light", { weight: 1, flavor: "shared" });
  await createPool("heavy", { weight: 3, flavor: "shared", uri: uri("heavy", 1) });
  await createFlavor(project, "shared", []);
  const shares = async () => {
    const { pools } = await api.run("{ pools(first: 100) { nodes { name share shareNow } } }");
    return Object.fromEntries(pools.nodes.map(({ name, ...share }: { name: string }) => [name, share]));
  };
  expect(await shares()).toEqual({
    default: { share: 1, shareNow: null },
    heavy: { share: 0.75, shareNow: 0 },
    light: { share: 0.25, shareNow: 0 },
  });
  await createQueue(api, project, "one", { _flavor: "shared" });
  await createPool("bare", { weight: 1, uri: uri("bare", 1) });
  const { default: builtIn, light, heavy } = await shares();
  expect(builtIn).toEqual({ share: 0, shareNow: null });
  expect([light.shareNow, heavy.shareNow].toSorted()).toEqual([0, 1]);
});
