import { expect, test } from "vitest";
import { admin } from "../operations/a-service.ts";
import { limitedTo } from "../support/access.ts";
import { aProject, createClaim, createQueue, postMessages, startApi } from "./api.ts";
import { openDoor } from "./http/door.ts";

const { api, server } = startApi();

const CREATE =
  "mutation C($input: CreateQueueInput!) { createQueue(input: $input) { created queue { project name metadataText metadata storedAttributes } } }";
const NAMES =
  "query Q($project: String, $first: Int, $after: String, $last: Int, $before: String, $filter: QueueFilter, $orderBy: QueueOrder! = {field: NAME}) { queues(project: $project, first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) { nodes { name } edges { cursor node { name } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } count { value exact } } }";
const names = ({ queues }: { queues: { nodes: { name: string }[] } }) => queues.nodes.map(({ name }) => name);

test("a queue is created once, and a repeat changes nothing", async () => {
  const project = aProject();
  const metadataText = '{"_default_message_ttl": 120, "exact": 1.0}';
  const input = { project, queue: "orders", metadata: { text: metadataText } };
  expect((await api.run(CREATE, { input })).createQueue).toEqual({
    created: true,
    queue: {
      project,
      name: "orders",
      metadataText,
      metadata: { _default_message_ttl: 120, exact: 1 },
      storedAttributes: ["_default_message_ttl"],
    },
  });
  const again = await api.run(CREATE, { input: { ...input, metadata: { json: {} } } });
  expect(again.createQueue).toMatchObject({ created: false, queue: { metadataText } });
});

test("a program sets up a queue at each start: what exists gets the given metadata", async () => {
  const project = aProject();
  const set = async (metadata: object | undefined) => {
    const input = { project, queue: "q", replaceMetadata: true, ...(metadata ? { metadata: { json: metadata } } : {}) };
    const { created, queue } = (await api.run(CREATE, { input })).createQueue;
    return [created, queue.metadata];
  };
  expect(await set({ a: 1, _default_message_ttl: 120 })).toEqual([true, { a: 1, _default_message_ttl: 120 }]);
  expect(await set({ b: 2 })).toEqual([false, { b: 2 }]);
  const { updatedAt } = await server().engine.operations.queues.get(admin, { project, queue: "q" });
  expect(await set({ b: 2 })).toEqual([false, { b: 2 }]);
  expect((await server().engine.operations.queues.get(admin, { project, queue: "q" })).updatedAt).toEqual(updatedAt);
  expect(await set(undefined)).toEqual([false, {}]);
  const audit = "query A($project: String) { auditEntries(project: $project) { nodes { action } } }";
  expect((await api.run(audit, { project })).auditEntries.nodes).toHaveLength(3);
});

test("the unnamed project is a project of its own", async () => {
  await createQueue(api, "", "unnamed");
  expect(await api.run('{ queue(project: "", queue: "unnamed") { project name } }')).toEqual({
    queue: { project: "", name: "unnamed" },
  });
  expect(await api.run('{ queue(project: "other", queue: "unnamed") { name } }')).toEqual({ queue: null });
});

test("a caller who may see several projects must name one", async () => {
  expect(await api.codeOf('{ queue(queue: "q") { name } }')).toBe("BAD_INPUT");
});

test("a misspelt attribute is refused with the nearest name, and one that is stored already stays", async () => {
  const project = aProject();
  const create = "mutation C($input: CreateQueueInput!) { createQueue(input: $input) { created } }";
  const update =
    "mutation U($input: UpdateQueueMetadataInput!) { updateQueueMetadata(input: $input) { queue { metadataText } } }";
  const patch =
    "mutation P($input: PatchQueueMetadataInput!) { patchQueueMetadata(input: $input) { queue { metadataText } } }";
  const slip = { project, queue: "q", metadata: { json: { _default_mesage_ttl: 60 } } };
  const [refused] = (await api.send(create, { input: slip })).errors ?? [];
  expect(refused?.extensions).toMatchObject({ code: "BAD_INPUT", details: { nearest: "_default_message_ttl" } });
  expect(refused?.extensions.details.field).toBe("_default_mesage_ttl");
  expect(refused?.message).toContain("The nearest one is _default_message_ttl.");
  expect(
    await api.codeOf(create, { input: { project, queue: "q", metadata: { json: { [`_${"x".repeat(5000)}`]: 1 } } } }),
  ).toBe("BAD_INPUT");
  await createQueue(api, project, "q", { own_key: 1 });
  expect(await api.codeOf(update, { input: slip })).toBe("BAD_INPUT");
  const add = { op: "ADD", key: "_flavour", value: { json: "gold" } };
  expect(await api.codeOf(patch, { input: { project, queue: "q", changes: [add] } })).toBe("BAD_INPUT");

  const metadataText = '{"_old": 1.0, "own_key": 1}';
  await server().engine.operations.queues.setMetadata(admin, { project, queue: "q", metadataText });
  await api.run(create, { input: { project, queue: "q", metadata: { text: metadataText } } });
  await api.run(update, { input: { project, queue: "q", metadata: { text: metadataText } } });
  expect(await api.codeOf(update, { input: { project, queue: "q", metadata: { json: { _old: 2 } } } })).toBe(
    "BAD_INPUT",
  );
  const change = { op: "REPLACE", key: "own_key", value: { json: 2 } };
  expect(await api.run(patch, { input: { project, queue: "q", changes: [change] } })).toEqual({
    patchQueueMetadata: { queue: { metadataText: '{"_old":1.0,"own_key":2}' } },
  });
});

test.each(["", "a b", "a/b", "ü", "x".repeat(65), "a\u0000"])("the name %j is refused", async (name) => {
  expect(await api.codeOf(CREATE, { input: { project: "p", queue: name } })).toBe("BAD_INPUT");
});

test.each([
  '{"_default_message_ttl": 59}',
  '{"_max_messages_post_size": 0}',
  '{"_retry_policy": 1}',
  '{"_enable_encrypt_messages": 1}',
  "[]",
  "{",
])("the metadata %s is refused", async (metadataText) => {
  expect(await api.codeOf(CREATE, { input: { project: "p", queue: "q", metadata: { text: metadataText } } })).toBe(
    "BAD_INPUT",
  );
});

test("metadata that is too large is refused with its limit, and encryption is not supported", async () => {
  const large = { project: "p", queue: "q", metadata: { json: { text: "x".repeat(70_000) } } };
  expect(await api.codeOf(CREATE, { input: large })).toBe("TOO_LARGE");
  const encrypted = { project: "p", queue: "q", metadata: { json: { _enable_encrypt_messages: true } } };
  expect(await api.codeOf(CREATE, { input: encrypted })).toBe("NOT_SUPPORTED");
});

test("reserved attributes show the values that apply", async () => {
  const project = aProject();
  await createQueue(api, project, "q", {
    _dead_letter_queue: "dead",
    _max_claim_count: 3,
    _dead_letter_queue_messages_ttl: 600,
    _retry_policy: { retries_with_no_delay: 2, retry_backoff_function: "geometric" },
  });
  const query =
    'query Q($project: String) { queue(project: $project, queue: "q") { attributes { defaultMessageTtlSeconds defaultMessageDelaySeconds maxMessagesPostBytes maxClaimCount deadLetterQueue deadLetterQueueMessagesTtlSeconds enableEncryptMessages flavor retryPolicy { retriesWithNoDelay retryBackoffFunction minimumDelaySeconds } } storedAttributes } }';
  const { queue } = await api.run(query, { project });
  expect(queue.attributes).toMatchObject({
    defaultMessageTtlSeconds: 3600,
    defaultMessageDelaySeconds: 0,
    maxClaimCount: 3,
    deadLetterQueue: "dead",
    deadLetterQueueMessagesTtlSeconds: 600,
    enableEncryptMessages: false,
    flavor: null,
    retryPolicy: { retriesWithNoDelay: 2, retryBackoffFunction: "GEOMETRIC" },
  });
  expect(queue.storedAttributes.sort()).toEqual([
    "_dead_letter_queue",
    "_dead_letter_queue_messages_ttl",
    "_max_claim_count",
    "_retry_policy",
  ]);
});

test("reserved attributes are written as they are read, all or none, and null resets one", async () => {
  const project = aProject();
  await createQueue(api, project, "q", { mine: 1, _max_claim_count: 3 });
  const query =
    "mutation U($input: UpdateQueueAttributesInput!) { updateQueueAttributes(input: $input) { queue { metadata attributes { defaultMessageTtlSeconds deadLetterQueue metrics retryPolicy { minimumDelaySeconds retryBackoffFunction } } storedAttributes } } }";
  const set = (attributes: object) => ({ input: { project, queue: "q", attributes } });
  const retryPolicy = { minimumDelaySeconds: 7, maximumDelaySeconds: 70, retryBackoffFunction: "LINEAR" };
  const { queue } = (
    await api.run(
      query,
      set({
        defaultMessageTtlSeconds: 120,
        deadLetterQueue: "dead",
        maxClaimCount: null,
        flavor: null,
        metrics: true,
        retryPolicy,
      }),
    )
  ).updateQueueAttributes;
  expect(queue).toEqual({
    metadata: {
      mine: 1,
      _default_message_ttl: 120,
      _dead_letter_queue: "dead",
      _metrics: true,
      _retry_policy: { minimum_delay: 7, maximum_delay: 70, retry_backoff_function: "linear" },
    },
    attributes: {
      defaultMessageTtlSeconds: 120,
      deadLetterQueue: "dead",
      metrics: true,
      retryPolicy: { minimumDelaySeconds: 7, retryBackoffFunction: "LINEAR" },
    },
    storedAttributes: ["_default_message_ttl", "_dead_letter_queue", "_retry_policy", "_metrics"],
  });
  for (const [wrong, field, message] of [
    [{}, "attributes", "at least one"],
    [{ maxClaimCount: 9, defaultMessageTtlSeconds: 5 }, "attributes.defaultMessageTtlSeconds", "between 60 and"],
    [{ maxClaimCount: 0 }, "attributes.maxClaimCount", "attributes.maxClaimCount must be 1 or more; it is 0"],
    [{ deadLetterQueue: "q" }, "attributes.deadLetterQueue", "attributes.deadLetterQueue must be another queue"],
    [{ retryPolicy: { minimumDelaySeconds: 99 } }, "attributes.retryPolicy", "more than minimumDelaySeconds (99)"],
    [{ retryPolicy: { retriesWithNoDelay: -1 } }, "attributes.retryPolicy.retriesWithNoDelay", "0 or more"],
  ] as const) {
    const { errors } = await api.send(query, set(wrong));
    expect(errors?.[0]).toMatchObject({
      message: expect.stringContaining(message),
      extensions: { code: "BAD_INPUT", details: { field } },
    });
  }
  const never = { maxClaimCount: -1 };
  expect((await api.send(query, set(never))).errors?.[0]?.extensions.details).toMatchObject({ value: -1, minimum: 1 });
  const { errors } = await api.send(query, set({ flavor: "gone" }));
  expect(errors?.[0]?.extensions).toMatchObject({
    code: "FLAVOR_DOES_NOT_EXIST",
    details: { field: "attributes.flavor", flavor: "gone" },
  });
  const after = (await api.run(query, set({ retryPolicy: null, metrics: null, deadLetterQueue: null })))
    .updateQueueAttributes.queue;
  expect(after.metadata).toEqual({ mine: 1, _default_message_ttl: 120 });
  const missing = { ...set({ maxClaimCount: 1 }).input, queue: "missing" };
  expect(await api.codeOf(query, { input: missing })).toBe("QUEUE_DOES_NOT_EXIST");
});

test("a list is read page by page, both ways", async () => {
  const project = aProject();
  for (const name of ["a", "b", "c", "d", "e"]) await createQueue(api, project, name);
  const first = await api.run(NAMES, { project, first: 2 });
  expect(names(first)).toEqual(["a", "b"]);
  const [a, b] = first.queues.edges.map(({ cursor }: { cursor: string }) => cursor);
  expect(first.queues.pageInfo).toEqual({ hasNextPage: true, hasPreviousPage: false, startCursor: a, endCursor: b });
  expect(first.queues.count).toEqual({ value: 5, exact: true });
  const second = await api.run(NAMES, { project, first: 10, after: b });
  expect(names(second)).toEqual(["c", "d", "e"]);
  expect(second.queues.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
  const back = await api.run(NAMES, { project, last: 2, before: second.queues.edges[1].cursor });
  expect(names(back)).toEqual(["b", "c"]);
  expect(back.queues.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true });
  const last = await api.run(NAMES, { project, last: 2 });
  expect(names(last)).toEqual(["d", "e"]);
  expect(last.queues.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
  expect(names(await api.run(NAMES, { project, orderBy: { field: "NAME", direction: "DESC" }, first: 2 }))).toEqual([
    "e",
    "d",
  ]);
});

test("a list sorted by creation is paged by the cursors of pageInfo, which are those of no other order", async () => {
  const project = aProject();
  for (const name of ["z", "m", "a"]) await createQueue(api, project, name);
  const orderBy = { field: "CREATED_AT" };
  const first = await api.run(NAMES, { project, orderBy, first: 2 });
  expect(names(first)).toEqual(["z", "m"]);
  const next = await api.run(NAMES, { project, orderBy, first: 2, after: first.queues.pageInfo.endCursor });
  expect(names(next)).toEqual(["a"]);
  expect(names(await api.run(NAMES, { project, orderBy: { ...orderBy, direction: "DESC" } }))).toEqual(["a", "m", "z"]);
  expect(await api.codeOf(NAMES, { project, after: first.queues.pageInfo.endCursor })).toBe("BAD_INPUT");
  expect(names(await api.run(NAMES, { project, sort: "CREATED_AT", descending: true }))).toEqual(["a", "m", "z"]);
});

test("a list is searched by the beginning of names, and counted so", async () => {
  const project = aProject();
  for (const name of ["order-1", "order-2", "order_3", "reorder"]) await createQueue(api, project, name);
  const { queues } = await api.run(NAMES, { project, filter: { search: "order-" } });
  expect(names({ queues })).toEqual(["order-1", "order-2"]);
  expect(queues.count).toEqual({ value: 2, exact: true });
});

test("a list is filtered by pool, flavor and use as a dead letter queue, and every condition counts", async () => {
  const project = aProject();
  await createQueue(api, project, "dead");
  await createQueue(api, project, "a", { _dead_letter_queue: "dead" });
  const of = async (filter: object) => names(await api.run(NAMES, { project, filter }));
  expect(await of({ pool: "default" })).toEqual(["a", "dead"]);
  expect(await of({ pool: "default", flavor: "", isDeadLetterQueue: true })).toEqual(["dead"]);
  expect(await of({ isDeadLetterQueue: false, search: "a" })).toEqual(["a"]);
  expect(await of({ pool: "", isDeadLetterQueue: false })).toEqual([]);
  const newest = {
    project,
    filter: { pool: "default" },
    orderBy: { field: "CREATED_AT", direction: "DESC" },
    first: 1,
  };
  const { queues } = await api.run(NAMES, newest);
  expect(names({ queues })).toEqual(["a"]);
  expect(queues.count).toEqual({ value: 2, exact: true });
  expect(names(await api.run(NAMES, { ...newest, after: queues.pageInfo.endCursor }))).toEqual(["dead"]);
  const { errors } = await api.send(NAMES, { project, filter: { flavor: "no/flavor" } });
  expect(errors?.map(({ extensions }) => [extensions.code, extensions.details.field])).toEqual([
    ["BAD_INPUT", "filter.flavor"],
  ]);
});

test.each([0, -1, 101, 2 ** 53])("a page of %d is refused", async (first) => {
  expect(await api.codeOf(NAMES, { project: "p", first })).toBe("BAD_INPUT");
});

test("a list of all projects holds queues of several", async () => {
  const [one, two] = [aProject(), aProject()];
  await createQueue(api, one, "in-all-projects");
  await createQueue(api, two, "in-all-projects");
  const { queues } = await api.run(
    '{ queues(allProjects: true, filter: { search: "in-all-projects" }) { nodes { project metadataText stats { total } } pageInfo { endCursor } } }',
  );
  expect(queues.nodes.map(({ project }: { project: string }) => project).sort()).toEqual([one, two].sort());
});

test.each(["queues", "flavors"])("a cursor of %s in several projects is none of a caller's only one", async (list) => {
  const mine = [aProject(), aProject()];
  for (const project of mine) {
    await createQueue(api, project, "a");
    await server().engine.control.flavors.create({ project, name: "f", pools: [] });
  }
  let access = limitedTo(admin, "viewer", mine);
  const door = await openDoor(server().engine.operations, {}, () => access);
  const query = `query L($after: String) { list: ${list}(allProjects: true, first: 1, after: $after) { nodes { project } pageInfo { endCursor } } }`;
  const { endCursor: after } = (await door.run(query)).list.pageInfo;
  expect((await door.run(query, { after })).list.nodes).toEqual([{ project: mine[1] }]);
  access = limitedTo(admin, "viewer", mine.slice(0, 1));
  expect(await door.codeOf(query, { after })).toBe("BAD_INPUT");
  await door.close();
});

test("metadata is replaced as a whole", async () => {
  const project = aProject();
  await createQueue(api, project, "q", { a: 1 });
  const query =
    "mutation U($input: UpdateQueueMetadataInput!) { updateQueueMetadata(input: $input) { queue { metadataText } } }";
  const metadataText = '{"b": 12345678901234567}';
  expect(await api.run(query, { input: { project, queue: "q", metadata: { text: metadataText } } })).toEqual({
    updateQueueMetadata: { queue: { metadataText } },
  });
  expect(await api.codeOf(query, { input: { project, queue: "missing", metadata: { text: metadataText } } })).toBe(
    "QUEUE_DOES_NOT_EXIST",
  );
  expect(await api.codeOf(query, { input: { project, queue: "q" } })).toBe("BAD_INPUT");
});

test("metadata is changed key by key, all or nothing", async () => {
  const project = aProject();
  await createQueue(api, project, "q", { keep: 1, old: 2 });
  const query =
    "mutation P($input: PatchQueueMetadataInput!) { patchQueueMetadata(input: $input) { queue { metadata } } }";
  const patch = (changes: object[]) => ({ input: { project, queue: "q", changes } });
  const changed = await api.run(
    query,
    patch([
      { op: "ADD", key: "new", value: { json: { deep: [1] } } },
      { op: "REPLACE", key: "keep", value: { text: "null" } },
      { op: "REMOVE", key: "old" },
      { op: "REMOVE", key: "_max_claim_count" },
    ]),
  );
  expect(changed.patchQueueMetadata.queue.metadata).toEqual({ keep: null, new: { deep: [1] } });
  for (const change of [
    { op: "REPLACE", key: "missing", value: { json: 1 } },
    { op: "REMOVE", key: "missing" },
    { op: "REMOVE", key: "keep", value: { json: 1 } },
    { op: "ADD", key: "keep" },
    { op: "ADD", key: "_default_message_ttl", value: { json: 1 } },
  ]) {
    expect(
      await api.codeOf(query, patch([{ op: "ADD", key: "half", value: { json: 1 } }, change])),
      JSON.stringify(change),
    ).toBe("BAD_INPUT");
  }
  const { queue } = await api.run('query Q($project: String) { queue(project: $project, queue: "q") { metadata } }', {
    project,
  });
  expect(queue.metadata).toEqual({ keep: null, new: { deep: [1] } });
});

test("a deleted queue is gone at once, and can be created again", async () => {
  const project = aProject();
  await postMessages(api, project, "q", [1, 2]);
  const query = "mutation D($input: DeleteQueueInput!) { deleteQueue(input: $input) { deleted } }";
  const input = { project, queue: "q" };
  expect(await api.run(query, { input })).toEqual({ deleteQueue: { deleted: 1 } });
  expect(await api.run(query, { input })).toEqual({ deleteQueue: { deleted: 0 } });
  await createQueue(api, project, "q");
  const { queue } = await api.run(
    'query Q($project: String) { queue(project: $project, queue: "q") { stats { total } } }',
    { project },
  );
  expect(queue).toEqual({ stats: { total: 0 } });
});

test("a purge takes claimed messages too, and subscriptions when asked", async () => {
  const project = aProject();
  await postMessages(api, project, "q", [1, 2, 3]);
  await createClaim(api, project, "q", 2);
  const subscribe =
    "mutation S($input: CreateQueueSubscriptionInput!) { createQueueSubscription(input: $input) { created } }";
  await api.run(subscribe, { input: { project, queue: "q", subscriber: "https://example.com/hook" } });
  const query = "mutation P($input: PurgeQueueInput!) { purgeQueue(input: $input) { messages subscriptions } }";
  const read =
    'query Q($project: String) { queue(project: $project, queue: "q") { stats { total claimed } subscriptions { nodes { id } } claims { nodes { id } } } }';
  expect(await api.run(query, { input: { project, queue: "q", resources: ["MESSAGES"] } })).toEqual({
    purgeQueue: { messages: 3, subscriptions: 0 },
  });
  const { queue } = await api.run(read, { project });
  expect(queue.stats).toEqual({ total: 0, claimed: 0 });
  expect([queue.subscriptions.nodes.length, queue.claims.nodes.length]).toEqual([1, 0]);
  expect(await api.run(query, { input: { project, queue: "q" } })).toEqual({
    purgeQueue: { messages: 0, subscriptions: 1 },
  });
  expect(await api.codeOf(query, { input: { project, queue: "missing" } })).toBe("QUEUE_DOES_NOT_EXIST");
});

test("a purge may end before a marker or a time", async () => {
  const project = aProject();
  await postMessages(api, project, "q", [1, 2, 3]);
  const purge = "mutation P($input: PurgeQueueInput!) { purgeQueue(input: $input) { messages } }";
  const read =
    'query Q($project: String) { queue(project: $project, queue: "q") { messages { nodes { marker createdAt } } } }';
  const { nodes } = (await api.run(read, { project })).queue.messages;
  const input = { project, queue: "q" };
  const times = { past: nodes[0].createdAt, future: new Date(Date.now() + 60_000).toISOString() };
  expect(await api.run(purge, { input: { ...input, before: { marker: nodes[1].marker } } })).toEqual({
    purgeQueue: { messages: 1 },
  });
  expect(await api.run(purge, { input: { ...input, before: { time: times.past } } })).toEqual({
    purgeQueue: { messages: 0 },
  });
  expect((await api.run(read, { project })).queue.messages.nodes).toEqual(nodes.slice(1));
  expect(await api.run(purge, { input: { ...input, before: { time: times.future } } })).toEqual({
    purgeQueue: { messages: 2 },
  });
  const both = { ...input, before: { marker: "1", time: times.past } };
  expect((await api.send(purge, { input: both })).errors).toHaveLength(1);
});

test("statistics say how full a queue is, and of which messages", async () => {
  const project = aProject();
  const [oldest] = await postMessages(api, project, "q", [1, 2, 3]);
  const [newest] = await postMessages(api, project, "q", [4], { delaySeconds: 100 });
  await createClaim(api, project, "q", 2);
  const query =
    'query Q($project: String) { queue(project: $project, queue: "q") { stats { ready claimed delayed exhausted total exact oldest { id ageSeconds createdAt } newest { id } } } }';
  const { stats } = (await api.run(query, { project })).queue;
  expect(stats).toMatchObject({
    ready: 1,
    claimed: 2,
    delayed: 1,
    exhausted: 0,
    total: 4,
    exact: true,
    oldest: { id: oldest },
    newest: { id: newest },
  });
  expect(new Date(stats.oldest.createdAt).getTime()).not.toBeNaN();
});

test("statistics tell what has happened to a queue's messages so far", async () => {
  const project = aProject();
  const [id] = await postMessages(api, project, "q", [1, 2, 3]);
  await createClaim(api, project, "q", 2);
  await api.run("mutation D($input: DeleteMessagesInput!) { deleteMessages(input: $input) { ids } }", {
    input: { project, queue: "q", ids: [id], force: true },
  });
  await server().engine.data.gc();
  const query =
    'query Q($project: String) { queue(project: $project, queue: "q") { stats { totals { posted claimed delivered released lapsed deleted expired deadLettered } } } }';
  expect((await api.run(query, { project })).queue.stats.totals).toEqual({
    posted: 3,
    claimed: 2,
    delivered: 2,
    released: 0,
    lapsed: 0,
    deleted: 1,
    expired: 0,
    deadLettered: 0,
  });
});

test("the statistics of many queues are read in one call, however the document asks for them", async () => {
  const project = aProject();
  for (const name of ["a", "b", "c"]) await postMessages(api, project, name, [1]);
  const { queues } = server().engine.operations;
  const asked: number[] = [];
  const statsMany = queues.statsMany;
  queues.statsMany = (access, params) => {
    asked.push(params.queues.length);
    return statsMany.call(queues, access, params);
  };
  const byName =
    "query Q($project: String, $names: [String!]!) { queueStats(project: $project, queues: $names) { project queueName stats { total } } }";
  const found = await api.run(byName, { project, names: ["c", "missing", "a"] });
  expect(found.queueStats).toEqual([
    { project, queueName: "c", stats: { total: 1 } },
    { project, queueName: "missing", stats: null },
    { project, queueName: "a", stats: { total: 1 } },
  ]);
  const aliases = ["a", "b", "c"]
    .map((name) => `${name}: queue(project: "${project}", queue: "${name}") { stats { total } }`)
    .join(" ");
  expect(await api.run(`{ ${aliases} }`)).toEqual({
    a: { stats: { total: 1 } },
    b: { stats: { total: 1 } },
    c: { stats: { total: 1 } },
  });
  const listed = await api.run(
    "query Q($project: String) { queues(project: $project) { nodes { stats { total } } } }",
    { project },
  );
  expect(listed.queues.nodes).toHaveLength(3);
  queues.statsMany = statsMany;
  expect(Math.max(...asked)).toBe(3);
  expect(asked.length).toBeLessThanOrEqual(3);
});

test("a project's queues and projects themselves are listed and searched", async () => {
  const project = `searched-${aProject()}`;
  await createQueue(api, project, "a");
  await createQueue(api, project, "b");
  const { projects } = await api.run(
    '{ projects(search: "searched-") { nodes { name queueCount { value exact } } pageInfo { hasNextPage } } }',
  );
  expect(projects.nodes).toEqual([{ name: project, queueCount: { value: 2, exact: true } }]);
  const all = await api.run("{ projects(first: 1) { nodes { name } pageInfo { hasNextPage endCursor } } }");
  const next = await api.run("query P($after: String) { projects(first: 1, after: $after) { nodes { name } } }", {
    after: all.projects.pageInfo.endCursor,
  });
  expect(next.projects.nodes[0].name > all.projects.nodes[0].name).toBe(true);
});
