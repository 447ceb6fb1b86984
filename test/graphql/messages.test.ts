import { expect, test } from "vitest";
import { aProject, createClaim, createQueue, postMessages, startApi } from "./api.ts";

const { api, server } = startApi();

const POST = "mutation P($input: PostMessagesInput!) { postMessages(input: $input) { ids } }";
const LIST =
  'query L($project: String, $first: Int, $after: String, $last: Int, $before: String, $includeClaimed: Boolean! = false, $includeDelayed: Boolean! = false, $clientId: String, $echo: Boolean! = true) { queue(project: $project, queue: "q") { messages(first: $first, after: $after, last: $last, before: $before, includeClaimed: $includeClaimed, includeDelayed: $includeDelayed, clientId: $clientId, echo: $echo) { nodes { bodyText } edges { cursor node { marker } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }';
interface Listed {
  queue: {
    messages: {
      nodes: { bodyText: string }[];
      pageInfo: { hasNextPage: boolean; startCursor: string; endCursor: string };
    };
  };
}
const bodies = ({ queue }: Listed) => queue.messages.nodes.map(({ bodyText }) => bodyText);

test("messages are posted in order, and each shows everything about itself", async () => {
  const project = aProject();
  const messages = [
    { body: { text: '{"n": 1.0}' }, ttlSeconds: 120 },
    { body: { json: "two" }, delaySeconds: 60 },
  ];
  const { ids } = (await api.run(POST, { input: { project, queue: "q", createQueue: true, clientId: "me", messages } }))
    .postMessages;
  expect(ids).toHaveLength(2);
  const query =
    'query M($project: String, $id: ID!) { message(project: $project, queue: "q", id: $id) { id project queueName marker body bodyText ttlSeconds ageSeconds createdAt expiresAt delayedUntil clientId claimCount claim { id } lastClaimId } }';
  const { message } = await api.run(query, { project, id: ids[0] });
  expect(message).toMatchObject({
    id: ids[0],
    project,
    queueName: "q",
    marker: expect.stringMatching(/^\d+$/),
    bodyText: '{"n": 1.0}',
    ttlSeconds: 120,
    ageSeconds: 0,
    delayedUntil: null,
    clientId: "me",
    claimCount: 0,
    claim: null,
    lastClaimId: null,
  });
  expect(Date.parse(message.expiresAt) - Date.parse(message.createdAt)).toBe(120_000);
  const second = (await api.run(query, { project, id: ids[1] })).message;
  expect(Date.parse(second.delayedUntil) - Date.parse(second.createdAt)).toBe(60_000);
  expect((await api.run(query, { project, id: "nonsense" })).message).toBeNull();
  expect((await api.run(query, { project: "other", id: ids[0] })).message).toBeNull();
});

test("headers are posted, also to many queues, and come back in the order of their names; their limits are told", async () => {
  const project = aProject();
  const headers = [
    { name: "type", value: "order" },
    { name: "é", value: 'a "text"' },
    { name: "Type", value: "" },
  ];
  const messages = [{ body: { json: 1 }, headers }, { body: { json: 2 } }, { body: { json: 3 }, headers: [] }];
  const input = { project, queue: "q", createQueue: true, messages };
  await api.run(POST, { input });
  const many =
    "mutation M($input: PostToQueuesInput!) { postToQueues(input: $input) { results { ids error { code } } } }";
  await api.run(many, { input: { posts: [{ project, queue: "q", messages: messages.slice(0, 1) }] } });
  const list =
    'query L($p: String) { queue(project: $p, queue: "q") { messages { nodes { headers { name value } } } } }';
  const sorted = [headers[2], headers[0], headers[1]];
  expect((await api.run(list, { p: project })).queue.messages.nodes).toEqual(
    [sorted, [], [], sorted].map((expected) => ({ headers: expected })),
  );
  const query = "{ limits { maxMessageHeaders maxMessageHeaderNameBytes maxMessageHeadersBytes } }";
  expect((await api.run(query)).limits).toEqual({
    maxMessageHeaders: 64,
    maxMessageHeaderNameBytes: 128,
    maxMessageHeadersBytes: 16_384,
  });
  const header = (name: string, value = "") => ({ name, value });
  for (const [refused, code, field] of [
    [[header("")], "BAD_INPUT", "messages.0.headers.0.name"],
    [[header("a"), header("a")], "BAD_INPUT", "messages.0.headers.1.name"],
    [[header("é".repeat(65))], "BAD_INPUT", "messages.0.headers.0.name"],
    [[header("a", "\u0000")], "BAD_INPUT", "messages.0.headers.0.value"],
    [Array.from({ length: 65 }, (_, index) => header(`h${index}`)), "BAD_INPUT", "messages.0.headers"],
    [[header("a", "x".repeat(16_377))], "TOO_LARGE", "messages.0.headers"],
  ] as const) {
    const { errors } = await api.send(POST, {
      input: { project, queue: "q", messages: [{ body: { json: 1 }, headers: refused }] },
    });
    expect(errors?.[0]?.extensions).toMatchObject({ code, details: { field } });
  }
  const fits = [{ body: { json: 1 }, headers: [header("a", "x".repeat(16_376))] }];
  expect((await api.run(POST, { input: { project, queue: "q", messages: fits } })).postMessages.ids).toHaveLength(1);
});

test.each([
  "12345678901234567",
  "1.0",
  "1e400",
  '"\\u0000"',
  '"é 漢字 🦄"',
  '{"b":1,"a":[1,{"b":1}],"b":2}',
  '{"__proto__":1}',
  " [1 , 2] ",
])("the body %s comes back exactly as it was posted", async (bodyText) => {
  const project = aProject();
  await api.run(POST, { input: { project, queue: "q", createQueue: true, messages: [{ body: { text: bodyText } }] } });
  const answer = await api.send(LIST.replace("nodes { bodyText }", "nodes { bodyText body }"), { project });
  expect(answer.data.queue.messages.nodes[0].bodyText.trim()).toBe(bodyText.trim());
  expect(answer.text).toContain(`"body":${answer.data.queue.messages.nodes[0].bodyText}`);
});

test.each([
  ["no message at all", [], "BAD_INPUT"],
  ["a body that is not JSON", [{ body: { text: "{" } }], "BAD_INPUT"],
  ["two JSON values", [{ body: { text: "1 2" } }], "BAD_INPUT"],
  ["NaN", [{ body: { text: "NaN" } }], "BAD_INPUT"],
  ["a body 65 deep", [{ body: { text: `${"[".repeat(65)}${"]".repeat(65)}` } }], "BAD_INPUT"],
  ["a ttl that is too short", [{ body: { json: 1 }, ttlSeconds: 59 }], "BAD_INPUT"],
  ["a ttl that is too long", [{ body: { json: 1 }, ttlSeconds: 1_209_601 }], "BAD_INPUT"],
  ["a delay that is too long", [{ body: { json: 1 }, delaySeconds: 901 }], "BAD_INPUT"],
  ["1,001 messages", Array.from({ length: 1001 }, () => ({ body: { json: 1 } })), "BAD_INPUT"],
  ["more than a mebibyte", [{ body: { json: "x".repeat(1_048_577) } }], "TOO_LARGE"],
])("%s is refused, and nothing is posted", async (_what, messages, code) => {
  const project = aProject();
  await createQueue(api, project, "q");
  expect(
    await api.codeOf(POST, {
      input: {
        project,
        queue: "q",
        messages: [{ body: { json: "first" } }, ...messages].slice(messages.length === 0 ? 1 : 0),
      },
    }),
  ).toBe(code);
  expect(bodies(await api.run(LIST, { project }))).toEqual([]);
});

test("posting to a missing queue is an error, unless createQueue is set", async () => {
  const project = aProject();
  const input = { project, queue: "q", messages: [{ body: { json: 1 } }] };
  expect(await api.codeOf(POST, { input })).toBe("QUEUE_DOES_NOT_EXIST");
  expect((await api.run(POST, { input: { ...input, createQueue: true } })).postMessages.ids).toHaveLength(1);
});

test("a post with an idempotency key can be repeated", async () => {
  const project = aProject();
  const input = {
    project,
    queue: "q",
    createQueue: true,
    messages: [{ body: { json: 1 } }, { body: { json: 2 } }],
    idempotencyKey: "once",
  };
  const first = await api.run(POST, { input });
  expect(await api.run(POST, { input })).toEqual(first);
  expect(bodies(await api.run(LIST, { project }))).toEqual(["1", "2"]);
  expect(await api.codeOf(POST, { input: { ...input, messages: [{ body: { json: 3 } }] } })).toBe(
    "IDEMPOTENCY_KEY_REUSED",
  );
});

test("a queue's own limit on posts applies", async () => {
  const project = aProject();
  await createQueue(api, project, "q", { _max_messages_post_size: 10 });
  expect(await api.codeOf(POST, { input: { project, queue: "q", messages: [{ body: { json: "123456789" } }] } })).toBe(
    "TOO_LARGE",
  );
  expect(
    (await api.run(POST, { input: { project, queue: "q", messages: [{ body: { json: "12345678" } }] } })).postMessages
      .ids,
  ).toHaveLength(1);
});

test("messages are read page by page, both ways, and a reader that continues from a cursor misses none", async () => {
  const project = aProject();
  await postMessages(api, project, "q", [1, 2, 3, 4, 5]);
  const first = await api.run(LIST, { project, first: 2 });
  expect(bodies(first)).toEqual(["1", "2"]);
  const [{ node: oldest }, { cursor: second }] = first.queue.messages.edges;
  expect(first.queue.messages.pageInfo.endCursor).toBe(second);
  expect(first.queue.messages.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
  const rest = await api.run(LIST, { project, after: first.queue.messages.pageInfo.endCursor });
  expect(bodies(rest)).toEqual(["3", "4", "5"]);
  expect(rest.queue.messages.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
  const end = rest.queue.messages.pageInfo.endCursor;
  expect(bodies(await api.run(LIST, { project, last: 2, before: end }))).toEqual(["3", "4"]);
  expect(bodies(await api.run(LIST, { project, after: end }))).toEqual([]);
  const newest = await api.run(LIST, { project, last: 2 });
  expect(bodies(newest)).toEqual(["4", "5"]);
  expect(newest.queue.messages.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true, endCursor: end });
  expect(bodies(await api.run(LIST, { project, after: oldest.marker, first: 1 }))).toEqual(["2"]);
  expect(bodies(await api.run(LIST, { project, after: "0", first: 1 }))).toEqual(["1"]);
  expect(await api.codeOf(LIST, { project, after: "01x" })).toBe("BAD_INPUT");
  await postMessages(api, project, "q", [6]);
  expect(bodies(await api.run(LIST, { project, after: end }))).toEqual(["6"]);
});

test("claimed, delayed and own messages are left out or shown as asked", async () => {
  const project = aProject();
  await postMessages(api, project, "q", ["claimed"]);
  await createClaim(api, project, "q");
  await postMessages(api, project, "q", ["delayed"], { delaySeconds: 100 });
  await api.run(POST, { input: { project, queue: "q", clientId: "me", messages: [{ body: { json: "own" } }] } });
  expect(bodies(await api.run(LIST, { project }))).toEqual(['"own"']);
  expect(bodies(await api.run(LIST, { project, includeClaimed: true, includeDelayed: true }))).toEqual([
    '"claimed"',
    '"delayed"',
    '"own"',
  ]);
  expect(bodies(await api.run(LIST, { project, clientId: "me", echo: false }))).toEqual([]);
  expect(bodies(await api.run(LIST, { project, clientId: "other", echo: false }))).toEqual(['"own"']);
  expect(await api.codeOf(LIST, { project, echo: false })).toBe("BAD_INPUT");
});

test("messages are searched from either end, a part at a time, and the answer says how far it came", async () => {
  const project = aProject();
  await createQueue(api, project, "q");
  const ids = await postMessages(api, project, "q", ["kettle", "cup", "kettle", "lid", "kettle"]);
  await createClaim(api, project, "q", 1);
  const query =
    'query S($project: String, $filter: MessageFilter, $direction: OrderDirection! = DESC, $first: Int, $after: String, $examine: SafeInt) { queue(project: $project, queue: "q") { messageSearch(filter: $filter, direction: $direction, first: $first, after: $after, examine: $examine) { nodes { id state createdAt } examined reachedAt done endCursor } } }';
  const search = async (variables: object) => (await api.run(query, { project, ...variables })).queue.messageSearch;
  const idsOf = ({ nodes }: { nodes: { id: string }[] }) => nodes.map(({ id }) => id);
  const filter = { bodyContains: "kettle" };
  const first = await search({ filter, first: 2 });
  expect(first).toMatchObject({ examined: 3, done: false, reachedAt: first.nodes[1].createdAt });
  expect(idsOf(first)).toEqual([ids[4], ids[2]]);
  const rest = await search({ filter, first: 2, after: first.endCursor });
  expect(rest).toMatchObject({ examined: 2, done: true, nodes: [{ id: ids[0], state: "CLAIMED" }] });
  expect(await search({ filter, examine: 1, direction: "ASC" })).toMatchObject({ examined: 1, done: false });
  expect(idsOf(await search({ filter: { ...filter, states: ["READY"] }, direction: "ASC" }))).toEqual([ids[2], ids[4]]);
  expect(idsOf(await search({ filter: { ids: [ids[3], ids[1]], minClaimCount: 0 } }))).toEqual([ids[3], ids[1]]);
  expect(await search({ filter: { postedBefore: "2020-01-01T00:00:00Z" } })).toEqual({
    nodes: [],
    examined: 0,
    reachedAt: null,
    done: true,
    endCursor: null,
  });
  for (const wrong of [
    { filter: { bodyContains: "" } },
    { filter: { bodyContains: "x".repeat(1001) } },
    { filter: { states: [] } },
    { filter: { upToMarker: "x" } },
    { filter: { clientId: "" } },
    { filter: { minClaimCount: -1 } },
    { filter: { holder: "" } },
    { filter: { holder: "worker-1", ids: [ids[0]] } },
    { examine: 0 },
    { examine: 100_001 },
    { after: "x" },
  ]) {
    expect(await api.codeOf(query, { project, ...wrong }), JSON.stringify(wrong)).toBe("BAD_INPUT");
  }
});

test("few searches run at a time, and those that had to wait get their turn", async () => {
  const project = aProject();
  await createQueue(api, project, "q");
  await postMessages(api, project, "q", ["x"]);
  const query =
    'query S($project: String) { queue(project: $project, queue: "q") { messageSearch { nodes { id } done } } }';
  const answers = await Promise.all(Array.from({ length: 8 }, () => api.run(query, { project })));
  expect(answers.map(({ queue }) => queue.messageSearch.nodes.length)).toEqual(Array(8).fill(1));
});

test("a reader can wait for the next message", async () => {
  const project = aProject();
  await createQueue(api, project, "q");
  const query =
    'query W($project: String) { queue(project: $project, queue: "q") { messages(waitSeconds: 20) { nodes { bodyText } } } }';
  const waiting = api.run(query, { project });
  await api.run("{ viewer { actor } }");
  await postMessages(api, project, "q", ["at last"]);
  expect(bodies(await waiting)).toEqual(['"at last"']);
});

test("messages are found by id, oldest and newest, also through their queue", async () => {
  const project = aProject();
  const [one, two, three] = await postMessages(api, project, "q", [1, 2, 3]);
  const query =
    'query Q($project: String, $ids: [ID!]!, $id: ID!) { queue(project: $project, queue: "q") { messagesById(ids: $ids) { id } message(id: $id) { bodyText } oldestMessage { id } newestMessage { id } } }';
  const { queue } = await api.run(query, { project, ids: [three, "missing", one, three], id: two });
  expect(queue).toEqual({
    messagesById: [{ id: three }, { id: one }],
    message: { bodyText: "2" },
    oldestMessage: { id: one },
    newestMessage: { id: three },
  });
  await createQueue(api, project, "empty");
  const empty = await api.run(
    'query Q($project: String) { queue(project: $project, queue: "empty") { oldestMessage { id } newestMessage { id } } }',
    { project },
  );
  expect(empty.queue).toEqual({ oldestMessage: null, newestMessage: null });
  const tooMany = { project, ids: Array.from({ length: 101 }, () => "x"), id: "x" };
  expect(await api.codeOf(query, tooMany)).toBe("BAD_INPUT");
});

test("pop removes the oldest ready messages", async () => {
  const project = aProject();
  await postMessages(api, project, "q", [1, 2, 3]);
  await createClaim(api, project, "q");
  const query = "mutation P($input: PopMessagesInput!) { popMessages(input: $input) { messages { bodyText } } }";
  expect(await api.run(query, { input: { project, queue: "q", limit: 1 } })).toEqual({
    popMessages: { messages: [{ bodyText: "2" }] },
  });
  expect(await api.run(query, { input: { project, queue: "q" } })).toEqual({
    popMessages: { messages: [{ bodyText: "3" }] },
  });
  expect(await api.codeOf(query, { input: { project, queue: "missing" } })).toBe("QUEUE_DOES_NOT_EXIST");
  expect(await api.codeOf(query, { input: { project, queue: "q", limit: 101 } })).toBe("BAD_INPUT");
});

test("a pop with an idempotency key is answered again, and takes nothing again", async () => {
  const project = aProject();
  await postMessages(api, project, "q", [1, { two: 2 }, 3]);
  const query =
    "mutation P($input: PopMessagesInput!) { popMessages(input: $input) { messages { id marker body bodyText state createdAt ageSeconds } } }";
  const input = { project, queue: "q", limit: 2, idempotencyKey: "once" };
  const first = await api.run(query, { input });
  expect(first.popMessages.messages.map(({ body }: { body: unknown }) => body)).toEqual([1, { two: 2 }]);
  expect(await api.run(query, { input })).toEqual(first);
  expect(await api.codeOf(query, { input: { ...input, limit: 3 } })).toBe("IDEMPOTENCY_KEY_REUSED");
  expect(await api.codeOf(query, { input: { ...input, idempotencyKey: "" } })).toBe("BAD_INPUT");
  const rest = await api.run(query, { input: { ...input, idempotencyKey: "twice" } });
  expect(rest.popMessages.messages).toMatchObject([{ body: 3 }]);
});

test("a message is deleted once, and a claimed one by its claim only", async () => {
  const project = aProject();
  const [free, ...held] = await postMessages(api, project, "q", [1, 2, 3, 4]);
  const query = "mutation D($input: DeleteMessageInput!) { deleteMessage(input: $input) { deleted } }";
  const remove = (id: string | undefined, claimId?: string) => ({ input: { project, queue: "q", id, claimId } });
  expect(await api.run(query, remove(free))).toEqual({ deleteMessage: { deleted: 1 } });
  expect(await api.run(query, remove(free))).toEqual({ deleteMessage: { deleted: 0 } });
  const one = await createClaim(api, project, "q");
  const two = await createClaim(api, project, "q");
  expect([one?.messageIds, two?.messageIds]).toEqual([[held[0]], [held[1]]]);
  expect(await api.codeOf(query, remove(held[0]))).toBe("MESSAGE_IS_CLAIMED");
  expect(await api.codeOf(query, remove(held[0], two?.id))).toBe("MESSAGE_NOT_CLAIMED_BY");
  expect(await api.codeOf(query, remove(held[0], "00000000-0000-4000-8000-000000000000"))).toBe("CLAIM_DOES_NOT_EXIST");
  expect(await api.codeOf(query, remove(held[2], one?.id))).toBe("MESSAGE_NOT_CLAIMED");
  expect(await api.run(query, remove(held[0], one?.id))).toEqual({ deleteMessage: { deleted: 1 } });
  for (const id of [held[1], held[2]])
    expect(await api.codeOf(query, remove(id, "nonsense"))).toBe("CLAIM_DOES_NOT_EXIST");
  server().clock.offsetMs += 301_000;
  expect(await api.codeOf(query, remove(held[1], two?.id))).toBe("MESSAGE_NOT_CLAIMED");
});

test("many messages are deleted in one step, with claims only what they hold", async () => {
  const project = aProject();
  const ids = await postMessages(api, project, "q", [1, 2, 3]);
  const claim = await createClaim(api, project, "q", 2);
  const query = "mutation D($input: DeleteMessagesInput!) { deleteMessages(input: $input) { deleted } }";
  expect(await api.codeOf(query, { input: { project, queue: "q", ids, claimIds: [claim?.id] } })).toBe(
    "MESSAGE_NOT_CLAIMED_BY",
  );
  // Neither a claim that does not exist nor a message that nobody holds has another code.
  for (const [named, claimIds] of [
    [ids, ["019ac000-0000-7000-8000-000000000000"]],
    [ids.slice(2), [claim?.id]],
  ]) {
    expect(await api.codeOf(query, { input: { project, queue: "q", ids: named, claimIds } })).toBe(
      "MESSAGE_NOT_CLAIMED_BY",
    );
  }
  // Claimed messages are spared unless the call forces it.
  expect(await api.codeOf(query, { input: { project, queue: "q", ids } })).toBe("MESSAGE_IS_CLAIMED");
  const forced = { project, queue: "q", ids: ids.slice(1, 2), force: true };
  expect(await api.run(query, { input: forced })).toEqual({ deleteMessages: { deleted: 1 } });
  const held = { project, queue: "q", ids: [...ids.slice(0, 2), "missing"], claimIds: [claim?.id] };
  expect(await api.run(query, { input: held })).toEqual({ deleteMessages: { deleted: 1 } });
  expect(await api.run(query, { input: { project, queue: "q", ids } })).toEqual({ deleteMessages: { deleted: 1 } });
});

test("an expired message is gone at once, and garbage collection deletes it", async () => {
  const project = aProject();
  const [id] = await postMessages(api, project, "q", [1], { ttlSeconds: 60 });
  server().clock.offsetMs += 60_000;
  const query =
    'query M($project: String, $id: ID!) { message(project: $project, queue: "q", id: $id) { id } queue(project: $project, queue: "q") { stats { total } } }';
  expect(await api.run(query, { project, id })).toEqual({ message: null, queue: { stats: { total: 0 } } });
  const collect =
    "mutation { collectGarbage(input: {}) { pools { poolName error collected { messages } } total { messages claims subscriptions queues } durationSeconds } }";
  const { collectGarbage } = await api.run(collect);
  expect(collectGarbage.pools).toEqual([
    { poolName: "default", error: null, collected: { messages: expect.any(Number) } },
  ]);
  expect(collectGarbage.total.messages).toBeGreaterThanOrEqual(1);
});

test("many queues get their messages in one request, and one whose pool is away costs its own post", async () => {
  const project = aProject();
  for (const queue of ["a", "b", "c"]) await createQueue(api, project, queue);
  await api.run(
    `mutation($away: InsertCatalogueEntryInput!) {
      createPool(input: { pool: "far-away", uri: "postgresql://u:p@127.0.0.1:1/d", weight: 0, verify: false }) { created }
      deleteCatalogueEntry(input: { project: "${project}", queue: "b" }) { deleted }
      insertCatalogueEntry(input: $away) { __typename }
    }`,
    { away: { project, queue: "b", pool: "far-away" } },
  );
  const posts = ["a", "b", "missing", "c"].map((queue) => ({ project, queue, messages: [{ body: { json: queue } }] }));
  const query =
    "mutation P($posts: [PostMessagesInput!]!) { postToQueues(input: { posts: $posts }) { results { queueName ids error { code message retry retryAfterSeconds details } } } }";
  const stored = (queueName: string) => ({ queueName, ids: [expect.any(String)], error: null });
  const failed = (queueName: string, error: object) => ({
    queueName,
    ids: null,
    error: expect.objectContaining(error),
  });
  expect((await api.run(query, { posts })).postToQueues.results).toEqual([
    stored("a"),
    failed("b", {
      code: "STORAGE_UNAVAILABLE",
      retry: "SAFE",
      retryAfterSeconds: expect.any(Number),
      details: expect.objectContaining({ project, queue: "b", pool: "far-away" }),
    }),
    failed("missing", {
      code: "QUEUE_DOES_NOT_EXIST",
      retry: "NEVER",
      retryAfterSeconds: null,
      details: expect.objectContaining({ project, queue: "missing" }),
    }),
    stored("c"),
  ]);
  expect((await api.run(`{ queue(project: "${project}", queue: "c") { stats { total } } }`)).queue.stats.total).toBe(1);
  const { limits } = await api.run("{ limits { maxPosts maxPostsMessages maxPostsBytes } }");
  expect(limits).toEqual({ maxPosts: 100, maxPostsMessages: 10_000, maxPostsBytes: 4 * 1_048_576 });
  const tooMany = await api.send(query, { posts: Array.from({ length: 101 }, () => posts[0]) });
  expect(tooMany.errors?.map(({ extensions }) => [extensions.code, extensions.details.field])).toEqual([
    ["BAD_INPUT", "posts"],
  ]);
});

test("a life goes on in the dead letter queue and back, and is told of messages that are gone", async () => {
  const project = aProject();
  await createQueue(api, project, "dead");
  const metadata = { _history_seconds: 600, _max_claim_count: 1, _dead_letter_queue: "dead" };
  await createQueue(api, project, "q", metadata);
  const [id] = await postMessages(api, project, "q", [1]);
  const query =
    "query L($project: String, $queue: String!, $id: ID!) { queue(project: $project, queue: $queue) { attributes { historySeconds } message(id: $id) { life { ...Life } } messageLife(id: $id) { ...Life } } } fragment Life on MessageLife { keptSeconds keptSince isComplete events { kind at queueName queue { name } otherQueueName otherQueue { name } clientId actor claimId until deliveries } }";
  const lifeIn = async (queue: string) => (await api.run(query, { project, queue, id })).queue;
  const kinds = (life: { events: { kind: string }[] }) => life.events.map(({ kind }) => kind);

  const posted = await lifeIn("q");
  expect(posted).toMatchObject({ attributes: { historySeconds: 600 }, message: { life: posted.messageLife } });
  expect(posted.messageLife).toMatchObject({ keptSeconds: 600, isComplete: true, events: [{ kind: "POSTED" }] });
  const take = async (clientId: string) =>
    (
      await api.run(
        "mutation C($input: CreateClaimInput!) { createClaim(input: $input) { claim { id } messages { id life { events { kind } } } } }",
        { input: { project, queue: "q", limit: 1, clientId } },
      )
    ).createClaim;
  const held = await take("worker");
  expect(held.messages).toMatchObject([{ id, life: { events: [{ kind: "POSTED" }, { kind: "CLAIMED" }] } }]);
  await api.run(
    "mutation R($input: ReleaseClaimInput!) { releaseClaim(input: $input) { clientMutationId } }".replace(
      "{ clientMutationId }",
      "{ __typename }",
    ),
    {
      input: { project, queue: "q", claimId: held.claim.id },
    },
  );
  expect((await take("worker 2")).messages).toEqual([]);
  expect((await lifeIn("q")).message).toBeNull();
  const path = ["POSTED", "CLAIMED", "RELEASED", "DEAD_LETTERED"];
  const gone = (await lifeIn("q")).messageLife;
  expect(kinds(gone)).toEqual(path);
  expect(gone.events[3]).toMatchObject({ queueName: "q", otherQueue: { name: "dead" }, deliveries: 1 });
  const dead = await lifeIn("dead");
  expect(dead.message.life).toEqual(dead.messageLife);
  expect(dead.messageLife).toMatchObject({ keptSeconds: 0, keptSince: null, isComplete: false });
  expect(kinds(dead.messageLife)).toEqual(path);

  const set =
    "mutation U($input: UpdateQueueAttributesInput!) { updateQueueAttributes(input: $input) { queue { attributes { historySeconds } } } }";
  const keep = (queue: string, historySeconds: number | null) =>
    api.run(set, { input: { project, queue, attributes: { historySeconds } } });
  await keep("dead", 60);
  await api.run("mutation D($input: DeleteMessageInput!) { deleteMessage(input: $input) { deleted } }", {
    input: { project, queue: "dead", id },
  });
  expect((await lifeIn("dead")).messageLife).toMatchObject({ keptSeconds: 60, events: [{ kind: "DELETED" }] });
  expect(kinds((await lifeIn("q")).messageLife)).toEqual([...path, "DELETED"]);
  await keep("q", null);
  expect((await lifeIn("q")).messageLife).toBeNull();
  const tooLong = { input: { project, queue: "q", attributes: { historySeconds: 604_801 } } };
  expect(await api.codeOf(set, tooLong)).toBe("BAD_INPUT");
});
