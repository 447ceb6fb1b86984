import { afterAll, beforeAll, expect, test } from "vitest";
import { createEmptyDatabase, type TestDatabase } from "../support/database.ts";
import { aProject, createQueue, postMessages, startApi } from "./api.ts";

const { api } = startApi();
let database: TestDatabase;
beforeAll(async () => {
  database = await createEmptyDatabase();
  const create = "mutation C($input: CreatePoolInput!) { createPool(input: $input) { created } }";
  // With weight 0 it gets only the queues that the catalogue maps to it.
  await api.run(create, { input: { pool: "other", uri: database.url, weight: 0 } });
});
afterAll(() => database.drop());

const ENTRY =
  'query E($project: String) { catalogueEntry(project: $project, queue: "q") { project queueName poolName epoch } queue(project: $project, queue: "q") { stats { total } } }';
const INSERT =
  "mutation I($input: InsertCatalogueEntryInput!) { insertCatalogueEntry(input: $input) { entry { poolName epoch } } }";
const UPDATE =
  "mutation U($input: UpdateCatalogueEntryInput!) { updateCatalogueEntry(input: $input) { entry { poolName epoch } } }";
const DELETE = "mutation D($input: DeleteCatalogueEntryInput!) { deleteCatalogueEntry(input: $input) { deleted } }";

/** A new queue in the built-in pool, because the other pool has weight 0. */
async function aQueue(): Promise<string> {
  const project = aProject();
  await createQueue(api, project, "q");
  return project;
}

beforeAll(async () => {
  const update = "mutation U($input: UpdatePoolInput!) { updatePool(input: $input) { pool { flavorName } } }";
  // With a flavor, the pool is no candidate for queues without one.
  await api.run(update, { input: { pool: "other", flavor: "special" } });
});

test("an entry leads to its queue, which says its flavor, whichever pool holds it", async () => {
  const project = aProject();
  const flavor = "mutation F($input: CreateFlavorInput!) { createFlavor(input: $input) { created } }";
  await api.run(flavor, { input: { project, flavor: "special", pools: ["other"] } });
  await createQueue(api, project, "plain");
  const update = "mutation U($input: UpdatePoolInput!) { updatePool(input: $input) { pool { weight } } }";
  await api.run(update, { input: { pool: "other", weight: 1 } });
  await createQueue(api, project, "flavored", { _flavor: "special" });
  await api.run(update, { input: { pool: "other", weight: 0 } });
  const query =
    "query C($project: String) { catalogue(project: $project) { nodes { queueName poolName queue { attributes { flavor } } } } }";
  expect((await api.run(query, { project })).catalogue.nodes).toEqual([
    { queueName: "plain", poolName: "default", queue: { attributes: { flavor: null } } },
    { queueName: "flavored", poolName: "other", queue: { attributes: { flavor: "special" } } },
  ]);
  await api.run(UPDATE, { input: { project, queue: "flavored", pool: "default" } });
  expect((await api.run(query, { project })).catalogue.nodes).toContainEqual({
    queueName: "flavored",
    poolName: "default",
    queue: { attributes: { flavor: "special" } },
  });
});

test("an entry says which pool holds a queue", async () => {
  const project = await aQueue();
  const { catalogueEntry } = await api.run(ENTRY, { project });
  expect(catalogueEntry).toEqual({ project, queueName: "q", poolName: "default", epoch: expect.any(Number) });
  expect((await api.run(ENTRY, { project: "nobody" })).catalogueEntry).toBeNull();
});

test("a queue with messages is mapped elsewhere only when they may be lost", async () => {
  const project = await aQueue();
  await postMessages(api, project, "q", [1, 2]);
  const before = (await api.run(ENTRY, { project })).catalogueEntry;
  const { errors } = await api.send(UPDATE, { input: { project, queue: "q", pool: "other" } });
  expect(errors?.[0]?.extensions).toMatchObject({
    code: "CONFIRMATION_REQUIRED",
    details: { messages: 2, pool: "default" },
  });
  const { entry } = (await api.run(UPDATE, { input: { project, queue: "q", pool: "other", discardMessages: true } }))
    .updateCatalogueEntry;
  expect(entry.poolName).toBe("other");
  expect(entry.epoch).toBeGreaterThan(before.epoch);
  expect((await api.run(ENTRY, { project })).queue.stats.total).toBe(0);
  await postMessages(api, project, "q", [3]);
  expect((await api.run(ENTRY, { project })).queue.stats.total).toBe(1);
});

test("an entry is deleted and created again", async () => {
  const project = await aQueue();
  expect(await api.run(DELETE, { input: { project, queue: "q" } })).toEqual({
    deleteCatalogueEntry: { deleted: 1 },
  });
  expect(await api.run(DELETE, { input: { project, queue: "q" } })).toEqual({
    deleteCatalogueEntry: { deleted: 0 },
  });
  expect(await api.codeOf(UPDATE, { input: { project, queue: "q", pool: "other" } })).toBe("QUEUE_NOT_MAPPED");
  expect(
    (await api.run(INSERT, { input: { project, queue: "q", pool: "other" } })).insertCatalogueEntry.entry.poolName,
  ).toBe("other");
  expect(await api.codeOf(INSERT, { input: { project, queue: "missing", pool: "other" } })).toBe(
    "QUEUE_DOES_NOT_EXIST",
  );
  expect(await api.codeOf(UPDATE, { input: { project, queue: "missing", pool: "other" } })).toBe(
    "QUEUE_DOES_NOT_EXIST",
  );
  expect(await api.codeOf(INSERT, { input: { project, queue: "q", pool: "missing" } })).toBe("POOL_DOES_NOT_EXIST");
});

test("the catalogue is listed by project, pool and name, a page at a time", async () => {
  const project = aProject();
  for (const name of ["b", "a", "c"]) await createQueue(api, project, name);
  await api.run(UPDATE, { input: { project, queue: "a", pool: "other" } });
  const query =
    "query C($project: String, $allProjects: Boolean! = false, $pool: String, $search: String, $first: Int, $after: String) { catalogue(project: $project, allProjects: $allProjects, pool: $pool, search: $search, first: $first, after: $after) { nodes { queueName } pageInfo { hasNextPage endCursor } } }";
  const list = async (variables: object) => (await api.run(query, { project, ...variables })).catalogue;
  const queues = ({ nodes }: { nodes: { queueName: string }[] }) => nodes.map(({ queueName }) => queueName);
  const first = await list({ first: 2 });
  const rest = await list({ after: first.pageInfo.endCursor });
  expect([...queues(first), ...queues(rest)].sort()).toEqual(["a", "b", "c"]);
  expect(first.pageInfo.hasNextPage).toBe(true);
  expect(queues(await list({ pool: "other" }))).toEqual(["a"]);
  expect(queues(await list({ search: "c" }))).toEqual(["c"]);
  expect((await list({ project: undefined, allProjects: true, first: 100 })).nodes.length).toBeGreaterThan(3);
  const { pool } = await api.run('{ pool(pool: "other") { catalogue(first: 100) { nodes { project queueName } } } }');
  expect(pool.catalogue.nodes).toContainEqual({ project, queueName: "a" });
});

test("dropping the whole catalogue is shown first", async () => {
  await aQueue();
  const drop =
    "mutation D($input: DropAllInput!) { dropAllCatalogueEntries(input: $input) { dropped count { value } confirmationToken } }";
  const dry = (await api.run(drop, { input: {} })).dropAllCatalogueEntries;
  expect(dry).toMatchObject({ dropped: false, confirmationToken: expect.any(String) });
  expect(await api.codeOf(drop, { input: { confirmationToken: "made up" } })).toBe("CONFIRMATION_REQUIRED");
  const done = (await api.run(drop, { input: { confirmationToken: dry.confirmationToken } })).dropAllCatalogueEntries;
  expect(done).toEqual({ dropped: true, count: dry.count, confirmationToken: null });
  expect((await api.run("{ catalogue(allProjects: true) { nodes { queueName } } }")).catalogue.nodes).toEqual([]);
});
