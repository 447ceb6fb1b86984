/** From one thing to another: what a reference costs, and what it shows when something is gone or away. */

import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { DomainError } from "../../server/errors.ts";
import type { Job } from "../../server/jobs/job.ts";
import { callerWith } from "../support/access.ts";
import { aProject, createClaim, createQueue, postMessages, startApi } from "./api.ts";

const { api, server } = startApi();

const NOWHERE = "postgresql://user:password@127.0.0.1:1/nowhere?schema=s";
const CREATE_POOL = "mutation C($input: CreatePoolInput!) { createPool(input: $input) { created } }";
const MAP =
  "mutation U($input: UpdateCatalogueEntryInput!) { updateCatalogueEntry(input: $input) { entry { poolName } } }";

beforeAll(async () => {
  await api.run(CREATE_POOL, { input: { pool: "away", uri: NOWHERE, weight: 0, flavor: "far", verify: false } });
});
afterEach(() => vi.restoreAllMocks());

const unavailable = () => new DomainError("STORAGE_UNAVAILABLE", "The control database does not answer.");

describe("a reference to a queue", () => {
  const messages = (fields: string) =>
    `query M($project: String) { queue(project: $project, queue: "q") { messages { nodes { id ${fields} } } } }`;

  test("costs no statement for what it knows by itself, in fragments too", async () => {
    const project = aProject();
    await postMessages(api, project, "q", [1, 2, 3]);
    const getMany = vi.spyOn(server().engine.operations.queues, "getMany");
    const fields = "queueName queue { __typename name ...Known } } } } } fragment Known on Queue { project name";
    const { queue } = await api.run(messages(fields).replace(/ \} \} \} \}$/, " }"), { project });
    const known = { __typename: "Queue", name: "q", project };
    expect(queue.messages.nodes).toMatchObject(Array(3).fill({ queueName: "q", queue: known }));
    expect(getMany).not.toHaveBeenCalled();
  });

  test("reads the rest once, for all rows of a list", async () => {
    const project = aProject();
    await postMessages(api, project, "q", [1, 2, 3]);
    const getMany = vi.spyOn(server().engine.operations.queues, "getMany");
    const { queue } = await api.run(messages("queue { attributes { flavor } stats { total } }"), { project });
    expect(queue.messages.nodes).toMatchObject(
      Array(3).fill({ queue: { attributes: { flavor: null }, stats: { total: 3 } } }),
    );
    expect(getMany.mock.calls.map(([, { queues }]) => queues)).toEqual([[{ project, queue: "q" }]]);
  });

  test("skips what @include leaves out", async () => {
    const project = aProject();
    await postMessages(api, project, "q", [1]);
    const getMany = vi.spyOn(server().engine.operations.queues, "getMany");
    await api.run(messages("queue { name createdAt @include(if: false) ... @skip(if: true) { updatedAt } }"), {
      project,
    });
    expect(getMany).not.toHaveBeenCalled();
  });

  test("is null for a queue that is gone, whose name stands beside it", async () => {
    const project = aProject();
    await createQueue(api, project, "q");
    const subscribe =
      "mutation S($input: CreateQueueSubscriptionInput!) { createQueueSubscription(input: $input) { created } }";
    await api.run(subscribe, { input: { project, queue: "q", subscriber: "https://example.com/" } });
    const query =
      'query S($project: String) { queueSubscriptions(project: $project, queue: "q") { nodes { queueName queue { createdAt } } } }';
    const [there] = (await api.run(query, { project })).queueSubscriptions.nodes;
    expect(there).toEqual({ queueName: "q", queue: { createdAt: expect.any(String) } });
    await server().engine.operations.queues.delete(callerWith("admin", "all", "test"), { project, queue: "q" });
    const { data, errors } = await api.send(query, { project });
    expect(errors).toBeUndefined();
    expect(data.queueSubscriptions.nodes).toEqual([{ queueName: "q", queue: null }]);
  });

  test("that cannot be read costs no message that a pop has taken", async () => {
    const project = aProject();
    const ids = await postMessages(api, project, "q", [1, 2]);
    vi.spyOn(server().engine.operations.queues, "getMany").mockRejectedValue(unavailable());
    const { data, errors } = await api.send(
      'mutation P($project: String) { popMessages(input: { project: $project, queue: "q" }) { messages { id bodyText queue { createdAt } } } }',
      { project },
    );
    expect(data.popMessages.messages).toEqual([
      { id: ids[0], bodyText: "1", queue: null },
      { id: ids[1], bodyText: "2", queue: null },
    ]);
    expect(errors).toMatchObject(
      [0, 1].map((index) => ({
        path: ["popMessages", "messages", index, "queue"],
        extensions: { code: "STORAGE_UNAVAILABLE" },
      })),
    );
  });

  test("that cannot be read costs neither a claim nor its messages", async () => {
    const project = aProject();
    const [id] = await postMessages(api, project, "q", [1]);
    vi.spyOn(server().engine.operations.queues, "getMany").mockRejectedValue(unavailable());
    const { data, errors } = await api.send(
      'mutation C($project: String) { createClaim(input: { project: $project, queue: "q" }) { claim { queueName queue { createdAt } messages { id } } messages { id queue { updatedAt } } } }',
      { project },
    );
    expect(data.createClaim).toEqual({
      claim: { queueName: "q", queue: null, messages: [{ id }] },
      messages: [{ id, queue: null }],
    });
    expect(errors).toHaveLength(2);
  });

  test("does not count the bodies that its own messages have against those of the messages around it", async () => {
    const project = aProject();
    await postMessages(api, project, "q", ["a".repeat(1000)]);
    const nested = "bodyText queue { messages { nodes { bodyText queue { messages { nodes { bodyText } } } } } }";
    const { queue } = await api.run(messages(nested), { project });
    expect(queue.messages.nodes[0].queue.messages.nodes[0].queue.messages.nodes[0].bodyText).toHaveLength(1002);
  });
});

describe("a pool that is away", () => {
  const ABSENT = "00000000-0000-7000-8000-000000000000";
  const ASKS_A_POOL: Record<string, string> = {
    messages: "messages { nodes { id } }",
    message: `message(id: "${ABSENT}") { id }`,
    messagesById: `messagesById(ids: ["${ABSENT}"]) { id }`,
    oldestMessage: "oldestMessage { id }",
    newestMessage: "newestMessage { id }",
    claims: "claims { nodes { id } }",
    claim: `claim(claimId: "${ABSENT}") { id }`,
    subscriptions: "subscriptions { nodes { id } }",
    stats: "stats { total }",
  };
  let project: string;
  beforeAll(async () => {
    project = aProject();
    for (const name of ["a", "b", "c"]) await createQueue(api, project, name);
    await api.run(MAP, { input: { project, queue: "b", pool: "away" } });
  });

  test.each(Object.entries(ASKS_A_POOL))("costs one field of its own queue: %s", async (field, selection) => {
    const query = `query Q($project: String) { queues(project: $project) { nodes { name createdAt ${selection} } } }`;
    const { data, errors } = await api.send(query, { project });
    expect(errors).toMatchObject([
      {
        path: ["queues", "nodes", 1, field],
        extensions: { code: "STORAGE_UNAVAILABLE", retry: "SAFE", details: { project, queue: "b", pool: "away" } },
      },
    ]);
    const rows = data.queues.nodes;
    expect(rows.map(({ name }: { name: string }) => name)).toEqual(["a", "b", "c"]);
    expect(rows[1][field]).toBeNull();
    const empty: Record<string, unknown> = { messagesById: [], stats: { total: 0 } };
    const expected = selection.includes("nodes") ? { nodes: [] } : (empty[field] ?? null);
    expect([rows[0][field], rows[2][field]]).toEqual([expected, expected]);
  });

  test("costs its queues' statistics, wherever they are asked for by name", async () => {
    const query =
      'query S($project: String) { queueStats(project: $project, queues: ["a", "b"]) { queueName stats { total } } one: queue(project: $project, queue: "b") { stats { total } } }';
    const { data, errors } = await api.send(query, { project });
    expect(data).toEqual({
      queueStats: [
        { queueName: "a", stats: { total: 0 } },
        { queueName: "b", stats: null },
      ],
      one: { stats: null },
    });
    expect(errors?.map(({ path }) => path).sort()).toEqual([
      ["one", "stats"],
      ["queueStats", 1, "stats"],
    ]);
  });

  test("costs one field of the root", async () => {
    const query =
      'query Q($project: String) { queueSubscriptions(project: $project, queue: "b") { nodes { id } } queue(project: $project, queue: "b") { name } }';
    const { data, errors } = await api.send(query, { project });
    expect(data).toEqual({ queueSubscriptions: null, queue: { name: "b" } });
    expect(errors).toMatchObject([
      { path: ["queueSubscriptions"], extensions: { details: { project, queue: "b", pool: "away" } } },
    ]);
  });

  test("costs a claim only its messages", async () => {
    await postMessages(api, project, "a", [1]);
    await createClaim(api, project, "a");
    vi.spyOn(server().engine.operations.batch, "claimsById").mockRejectedValue(unavailable());
    const { data, errors } = await api.send(
      'query Q($project: String) { queue(project: $project, queue: "a") { claims { nodes { messageCount messages { id } } } } }',
      { project },
    );
    expect(data.queue.claims.nodes).toEqual([{ messageCount: 1, messages: null }]);
    expect(errors).toHaveLength(1);
  });
});

describe("pools, flavors and jobs", () => {
  test("lead to one another, each list with one statement", async () => {
    const project = aProject();
    for (const name of ["a", "b"]) await createQueue(api, project, name);
    const { pools } = server().engine.operations;
    const getMany = vi.spyOn(pools, "getMany");
    const entries =
      "query E($project: String) { catalogue(project: $project) { nodes { poolName pool { name FIELDS } } } }";
    const known = await api.run(entries.replace("FIELDS", ""), { project });
    expect(known.catalogue.nodes).toEqual(Array(2).fill({ poolName: "default", pool: { name: "default" } }));
    expect(getMany).not.toHaveBeenCalled();
    const read = await api.run(entries.replace("FIELDS", "builtIn"), { project });
    expect(read.catalogue.nodes).toEqual(
      Array(2).fill({ poolName: "default", pool: { name: "default", builtIn: true } }),
    );
    expect(getMany).toHaveBeenCalledTimes(1);
  });

  test("a pool belongs to the flavor of each project that has one of its name", async () => {
    const project = aProject();
    const create =
      "mutation F($input: CreateFlavorInput!) { createFlavor(input: $input) { flavor { pools { name weight flavorName } } } }";
    const { createFlavor } = await api.run(create, {
      input: { project, flavor: "far", pools: ["away"], verify: false },
    });
    expect(createFlavor.flavor.pools).toEqual([{ name: "away", weight: 0, flavorName: "far" }]);
    const query =
      'query P($project: String) { pool(pool: "away") { flavor(project: $project) { project createdAt } other: flavor(project: "other") { createdAt } } none: pool(pool: "default") { flavor(project: $project) { name } } }';
    expect(await api.run(query, { project })).toEqual({
      pool: { flavor: { project, createdAt: expect.any(String) }, other: null },
      none: { flavor: null },
    });
  });

  test("the health of a pool leads to the pool", async () => {
    const { health } = await api.run("{ health { pools { poolName pool { name flavorName } } } }");
    expect(health.pools).toContainEqual({ poolName: "away", pool: { name: "away", flavorName: "far" } });
  });

  test("a job leads to its queue or pool, and names it when that is gone", async () => {
    const project = aProject();
    await createQueue(api, project, "q");
    const job = (kind: Job["kind"], of: string | null, target: string): Job => ({
      ...{ id: target, kind, project: of, target, inputText: "{}", state: "waiting", progress: 0, total: null },
      ...{ rate: null, waitingFor: null, resultText: null, error: null, cancelRequested: false, actor: "test" },
      ...{ requestId: "test", holder: null, fence: 1, createdAt: new Date(), startedAt: null, finishedAt: null },
      ...{
        token: null,
        reason: null,
        ratePerSecond: null,
        held: false,
        positionText: null,
        auditEntry: null,
        projects: [],
      },
    });
    const items = [job("drainPool", null, "away"), job("moveQueue", project, "gone"), job("moveQueue", project, "q")];
    const page = { items, markers: ["1", "2", "3"], nextMarker: null, previousMarker: null };
    vi.spyOn(server().engine.operations.jobs, "list").mockResolvedValue(page);
    const query =
      "{ jobs(first: 3) { nodes { targetName target { __typename ... on Queue { name createdAt } ... on Pool { name weight } } } } }";
    expect((await api.run(query)).jobs.nodes).toEqual([
      { targetName: "away", target: { __typename: "Pool", name: "away", weight: 0 } },
      { targetName: "gone", target: null },
      { targetName: "q", target: { __typename: "Queue", name: "q", createdAt: expect.any(String) } },
    ]);
  });

  test("the statistics of a queue lead to the queue", async () => {
    const project = aProject();
    await createQueue(api, project, "q");
    const query =
      'query S($project: String) { queueStats(project: $project, queues: ["q", "gone"]) { queueName queue { createdAt } } }';
    expect((await api.run(query, { project })).queueStats).toEqual([
      { queueName: "q", queue: { createdAt: expect.any(String) } },
      { queueName: "gone", queue: null },
    ]);
  });
});

describe("key-value stores", () => {
  const CREATE_STORE =
    "mutation C($input: CreateKeyValueStoreInput!) { createKeyValueStore(input: $input) { created } }";
  const LOCK =
    'mutation { acquireKeyValueLock(input: { store: "leaders", key: "k" }) { lockToken store { internal } } }';
  const VALUES =
    '{ keyValues(store: "leaders", keys: ["a", "b"]) { key storeName store { name internal } } keyValueKeys(store: "leaders") { nodes { store { name } } } }';
  beforeAll(async () => {
    await api.run(CREATE_STORE, { input: { store: "leaders" } });
    const set =
      'mutation { setKeyValues(input: { store: "leaders", entries: [{ key: "a", value: { json: 1 } }, { key: "b", value: { json: 2 } }] }) { keys } }';
    await api.run(set);
  });

  test("are one field below their keys, values and locks, read once for a list", async () => {
    const getMany = vi.spyOn(server().engine.operations.keyValueStores, "getMany");
    const { keyValues, keyValueKeys } = await api.run(VALUES);
    expect(keyValues).toEqual(
      ["a", "b"].map((key) => ({ key, storeName: "leaders", store: { name: "leaders", internal: false } })),
    );
    expect(keyValueKeys.nodes).toEqual(Array(2).fill({ store: { name: "leaders" } }));
    expect(getMany.mock.calls.map(([, { stores }]) => stores)).toEqual([["leaders"]]);
  });

  test("that cannot be read cost no lock token", async () => {
    vi.spyOn(server().engine.operations.keyValueStores, "getMany").mockRejectedValue(unavailable());
    const { data, errors } = await api.send(LOCK);
    expect(data.acquireKeyValueLock).toEqual({ lockToken: expect.any(String), store: null });
    expect(errors).toMatchObject([{ path: ["acquireKeyValueLock", "store"] }]);
  });

  test("that do not answer cost one field each", async () => {
    const { keyValueStores } = server().engine.operations;
    vi.spyOn(keyValueStores, "countMany").mockResolvedValue([unavailable()]);
    for (const name of ["keys", "locks", "keysOfMany", "locksOfMany", "getValues"] as const) {
      vi.spyOn(keyValueStores, name).mockRejectedValue(unavailable());
    }
    const query =
      '{ keyValueStores(first: 1) { nodes { name count { value } keys { nodes { key } } locks { nodes { key } } } } keyValueKeys(store: "leaders") { nodes { key } } keyValueLocks { nodes { key } } keyValues(store: "leaders", keys: ["a"]) { key } }';
    const { data, errors } = await api.send(query);
    expect(data).toEqual({
      keyValueStores: { nodes: [{ name: expect.any(String), count: null, keys: null, locks: null }] },
      keyValueKeys: null,
      keyValueLocks: null,
      keyValues: null,
    });
    expect(errors).toHaveLength(6);
  });
});
