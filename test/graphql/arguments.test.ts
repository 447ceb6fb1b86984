/** An error about an argument names it as the caller wrote it. */
import { beforeAll, describe, expect, test } from "vitest";
import { aProject, createClaim, createQueue, postMessages, startApi } from "./api.ts";

const { api } = startApi({ MAX_PAGE_SIZE: "50" });
const project = aProject();
beforeAll(async () => {
  await createQueue(api, project, "q");
  await createQueue(api, project, "r");
  await postMessages(api, project, "q", [1, 2, 3, 4]);
  for (const _ of [1, 2]) await createClaim(api, project, "q");
  const subscription = (path: string) =>
    `createQueueSubscription(input: { project: "${project}", queue: "q", subscriber: "http://a/${path}" }) { __typename }`;
  await api.run(`mutation {
    createKeyValueStore(input: { store: "s" }) { __typename }
    setKeyValues(input: { store: "s", entries: [{ key: "a", value: { json: 1 } }, { key: "b", value: { json: 2 } }] }) { __typename }
    acquireKeyValueLock(input: { store: "s", key: "a" }) { __typename }
    one: ${subscription("1")}
    two: ${subscription("2")}
  }`);
});

/** Every list: `ARGS` stands for its paging arguments. */
const LISTS = {
  "queues of a project": "queues(project: $project ARGS) { nodes { name } }",
  "queues of a project by age": "queues(project: $project, orderBy: { field: CREATED_AT } ARGS) { nodes { name } }",
  "queues of all projects": "queues(allProjects: true ARGS) { nodes { name } }",
  projects: "projects(ARGS) { nodes { name } }",
  pools: "pools(ARGS) { nodes { name } }",
  "queues of a pool": 'pool(pool: "default") { catalogue(ARGS) { nodes { queueName } } }',
  "a pool's history": 'pool(pool: "default") { healthHistory(ARGS) { nodes { from } } }',
  catalogue: "catalogue(project: $project ARGS) { nodes { queueName } }",
  "catalogue by name": 'catalogue(project: $project, search: "q" ARGS) { nodes { queueName } }',
  flavors: "flavors(project: $project ARGS) { nodes { name } }",
  jobs: "jobs(ARGS) { nodes { id } }",
  audit: "auditEntries(ARGS) { nodes { id } }",
  "key-value stores": "keyValueStores(ARGS) { nodes { name } }",
  "locks of stores": "keyValueLocks(ARGS) { nodes { key } }",
  subscriptions: 'queueSubscriptions(project: $project, queue: "q" ARGS) { nodes { id } }',
  claims: 'queue(project: $project, queue: "q") { claims(ARGS) { nodes { id } } }',
  "keys of a store": 'keyValueKeys(store: "s" ARGS) { nodes { key } }',
  messages: 'queue(project: $project, queue: "q") { messages(ARGS) { nodes { id } } }',
};
const inProject = (field: string) => field.replace("$project", JSON.stringify(project));
const refused = async (field: string, args: string) => {
  const { errors } = await api.send(`{ ${inProject(field).replace("ARGS", args).replace("(,", "(")} }`);
  return errors?.map(({ message, extensions }) => ({
    code: extensions.code,
    field: extensions.details.field,
    says: message.split(" ", 1)[0],
  }));
};
const named = (field: string) => [{ code: "BAD_INPUT", field, says: field }];

test.each(Object.keys(LISTS))("a list of %s names the argument that is wrong", async (what) => {
  const field = LISTS[what as keyof typeof LISTS];
  expect(await refused(field, ", first: 1")).toBeUndefined();
  expect(await refused(field, ", first: 51")).toEqual(named("first"));
  expect(await refused(field, ", last: 51")).toEqual(named("last"));
  expect(await refused(field, ', after: "no such cursor"')).toEqual(named("after"));
  expect(await refused(field, ', last: 1, before: "no such cursor"')).toEqual(named("before"));
});

test("a list with a bad argument is null, and the rest of the document is answered", async () => {
  const { status, data, errors } = await api.send(
    '{ pools(first: 51) { nodes { name } } queues(after: "no cursor") { nodes { name } } projects(first: 1) { nodes { name } } viewer { actor } }',
  );
  expect([status, data]).toEqual([
    200,
    { pools: null, queues: null, projects: { nodes: [expect.anything()] }, viewer: { actor: "local" } },
  ]);
  expect(errors?.map(({ path, extensions }) => [path, extensions.code, extensions.details.field]).sort()).toEqual([
    [["pools"], "BAD_INPUT", "first"],
    [["queues"], "BAD_INPUT", "after"],
  ]);
});

interface Connection {
  edges: { cursor: string; node: object }[];
  pageInfo: { startCursor: string | null; endCursor: string | null; hasNextPage: boolean; hasPreviousPage: boolean };
}
/** The connection somewhere in an answer. */
function connectionIn(data: object): Connection {
  return "edges" in data ? (data as Connection) : connectionIn(Object.values(data)[0] as object);
}
const PAGE = "edges { cursor node $1 } pageInfo { startCursor endCursor hasNextPage hasPreviousPage }";
const pageOf = async (field: string, args: string) =>
  connectionIn(
    await api.run(
      `{ ${inProject(field)
        .replace("ARGS", args)
        .replace("(,", "(")
        .replace(/nodes (\{[^}]*\})/, PAGE)} }`,
    ),
  );

test.each(Object.keys(LISTS))(
  "every row of a list of %s has a cursor, and `last` alone gives its end",
  async (what) => {
    const field = LISTS[what as keyof typeof LISTS];
    const { edges, pageInfo } = await pageOf(field, ", first: 50");
    const cursors = edges.map(({ cursor }) => cursor);
    expect([pageInfo.startCursor, pageInfo.endCursor]).toEqual([cursors[0] ?? null, cursors.at(-1) ?? null]);
    expect(await pageOf(field, ", last: 1")).toEqual({
      edges: edges.slice(-1),
      pageInfo: {
        startCursor: cursors.at(-1) ?? null,
        endCursor: cursors.at(-1) ?? null,
        hasNextPage: false,
        hasPreviousPage: edges.length > 1,
      },
    });
    for (const [index, cursor] of cursors.entries()) {
      expect((await pageOf(field, `, first: 1, after: "${cursor}"`)).edges).toEqual(edges.slice(index + 1, index + 2));
    }
  },
);

test("a cursor is refused when a character of it is changed, and in a list of another order", async () => {
  const { edges } = await pageOf(LISTS.messages, ", first: 1");
  const cursor = edges[0]?.cursor ?? "";
  expect(cursor).not.toBe("");
  const changed = [...cursor].map(
    (letter, at) => cursor.slice(0, at) + (letter === "A" ? "B" : "A") + cursor.slice(at + 1),
  );
  for (const text of [...changed, `${cursor}=`, ` ${cursor}`, cursor.slice(1), cursor.slice(0, -1), ""]) {
    expect(await refused(LISTS.messages, `, after: "${text}"`), text).toEqual(named("after"));
  }
  for (const [what, field] of Object.entries(LISTS)) {
    if (what !== "messages") expect(await refused(field, `, after: "${cursor}"`), what).toEqual(named("after"));
  }
});

test("a search that is longer than any name is refused as such", async () => {
  const query = (field: string) => `query Q($search: String) { ${inProject(field)} { nodes { __typename } } }`;
  for (const [field, argument] of [
    ["queues(project: $project, filter: { search: $search })", "filter.search"],
    ["queues(allProjects: true, filter: { search: $search })", "filter.search"],
    ["projects(search: $search)", "search"],
    ["catalogue(project: $project, search: $search)", "search"],
  ] as const) {
    const { errors } = await api.send(query(field), { search: "x".repeat(270_000) });
    expect(errors?.map(({ extensions }) => [extensions.code, extensions.details.field])).toEqual([
      ["BAD_INPUT", argument],
    ]);
    const longest = await api.send(query(field), { search: "x".repeat(64) });
    expect(longest.errors).toBeUndefined();
  }
});

test("a list of names that is too long is called names", async () => {
  const names = Array.from({ length: 51 }, (_, index) => `q${index}`);
  const query =
    "query Q($names: [String!]!, $project: String) { queueStats(project: $project, queues: $names) { queueName } }";
  const { errors } = await api.send(query, { names, project });
  expect(errors?.map(({ message, extensions }) => [message, extensions.details])).toEqual([
    ["queues may have at most 50 entries; it has 51.", expect.objectContaining({ field: "queues", maximum: 50 })],
  ]);
});

describe("a value that is refused is named by its path", () => {
  const POST = "mutation M($input: PostMessagesInput!) { postMessages(input: $input) { ids } }";
  const PURGE = "mutation M($input: PurgeQueueInput!) { purgeQueue(input: $input) { messages } }";
  const input = (fields: string) => `(input: { project: "p", queue: "q", ${fields} })`;
  const refusals = async (query: string, variables: object = {}) =>
    (await api.send(query, { ...variables })).errors?.map(({ message, extensions: { code, details } }) => ({
      code,
      message,
      ...details,
    }));

  test.each([
    [
      "an instant",
      `mutation { purgeQueue${input('before: { time: "yesterday" }')} { messages } }`,
      "input.before.time",
      /DateTime cannot represent invalid/,
    ],
    [
      "a number",
      `mutation { postMessages${input('messages: [{ body: { json: 1 } }, { body: { json: 1 }, ttlSeconds: "1" }]')} { ids } }`,
      "input.messages[1].ttlSeconds",
      /SafeInt cannot represent non-integer value: "1"/,
    ],
    [
      "JSON",
      `mutation { postMessages${input("messages: [{ body: { json: { a: 12345678901234567890 } } }]")} { ids } }`,
      "input.messages[0].body.json",
      /12345678901234567890 cannot be held exactly/,
    ],
    [
      "JSON's null",
      `mutation { postMessages${input("messages: [{ body: { json: null } }]")} { ids } }`,
      "input.messages[0].body",
      /Send null itself as { text: "null" }/,
    ],
    ["an enum", "{ jobs(state: NONSENSE) { nodes { id } } }", "state", /NONSENSE/],
    ["a plain argument", '{ queues(first: "1") { nodes { name } } }', "first", /Int cannot represent/],
    ["a missing field", 'mutation { postMessages(input: { queue: "q" }) { ids } }', "input", /messages/],
    [
      "an unknown field",
      `mutation { postMessages${input("messages: [], message: []")} { ids } }`,
      "input.message",
      /not defined/,
    ],
  ])("%s in a document", async (_what, query, argument, reason) => {
    const [first] = (await refusals(query)) ?? [];
    expect(first).toMatchObject({ code: "BAD_INPUT", argument });
    const [place, says] = first?.message.split(" got an invalid value: ") ?? [];
    expect([place, says]).toEqual([`Argument "${argument}"`, expect.stringMatching(reason)]);
  });

  test.each([
    ["an instant", PURGE, { before: { time: "yesterday" } }, "$input.before.time", /DateTime cannot represent invalid/],
    [
      "a number",
      POST,
      { messages: [{ body: { json: 1 } }, { body: { json: 1 }, ttlSeconds: 1.5 }] },
      "$input.messages[1].ttlSeconds",
      /SafeInt cannot represent non-integer value: 1.5/,
    ],
    ["a missing field", POST, {}, "$input", /Field "messages" of required type/],
    ["a list in place of a text", POST, { messages: [], clientId: [] }, "$input.clientId", /expected one String/],
    ["a text that looks like a path", PURGE, { before: 'x at "' }, "$input.before", /expected an object/],
  ])("%s in a variable", async (_what, query, fields, variable, reason) => {
    const [first] = (await refusals(query, { input: { project: "p", queue: "q", ...fields } })) ?? [];
    expect(first).toMatchObject({ code: "BAD_INPUT", variable });
    const [place, says] = first?.message.split(" got an invalid value: ") ?? [];
    expect([place, says]).toEqual([`Variable "${variable}"`, expect.stringMatching(reason)]);
  });

  test("JSON in a variable, and in the default of one", async () => {
    const body = `{"query":${JSON.stringify(POST)},"variables":{"input":{"queue":"q","messages":[{"body":{"json":[1e999]}}]}}}`;
    const variable = "$input.messages[0].body.json";
    expect((await api.sendText(body)).errors).toMatchObject([
      {
        message: expect.stringMatching(/^Variable "\$input\.messages\[0\]\.body\.json" got .* cannot be held exactly/),
      },
    ]);
    expect((await api.sendText(body)).errors?.[0]?.extensions.details).toEqual({ variable });
    const byDefault = 'query Q($from: Int = "x") { queues(first: $from) { nodes { name } } }';
    expect(await refusals(byDefault)).toMatchObject([{ variable: "$from" }]);
    const at = "query Q($at: JobState) { jobs(state: $at) { nodes { id } } }";
    expect(await refusals(at, { at: 'evil at "' })).toMatchObject([{ variable: "$at" }]);
  });

  test("a path with long names of the caller's own is not repeated at length", async () => {
    const name = "x".repeat(100_000);
    for (const query of [
      `query Q($${name}: Int = "1") { queues(first: $${name}) { nodes { name } } }`,
      `mutation { postMessages${input(`messages: [], ${name}: 1`)} { ids } }`,
    ]) {
      expect((await api.send(query)).text.length).toBeLessThan(5000);
    }
    const { text } = await api.send(`query Q($${name}: Int) { queues(first: $${name}) { nodes { name } } }`, {
      [name]: "1",
    });
    expect(text.length).toBeLessThan(5000);
  });

  test("JSON that is refused later has the path of its form", async () => {
    const queue = { project, queue: "q" };
    expect(await refusals(POST, { input: { ...queue, messages: [{ body: { text: "{" } }] } })).toMatchObject([
      { field: "messages.0.body.text", message: expect.stringMatching(/^messages\.0\.body\.text is not valid JSON/) },
    ]);
    const metadata =
      "mutation M($input: UpdateQueueMetadataInput!) { updateQueueMetadata(input: $input) { queue { name } } }";
    expect(await refusals(metadata, { input: { ...queue, metadata: { json: [] } } })).toMatchObject([
      { field: "metadata.json" },
    ]);
    const many =
      "mutation M($input: PostToQueuesInput!) { postToQueues(input: $input) { results { error { details } } } }";
    const { postToQueues } = await api.run(many, {
      input: { posts: [{ ...queue, messages: [{ body: { text: "[" } }] }] },
    });
    expect(postToQueues.results[0].error.details).toMatchObject({ field: "messages.0.body.text" });
  });
});
