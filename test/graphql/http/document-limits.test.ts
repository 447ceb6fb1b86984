import { getIntrospectionQuery } from "graphql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RequestLimit } from "../../../server/graphql/http/request-limits.ts";
import type { Answer } from "../client.ts";
import { ADMIN, type OpenDoor, openDoor } from "./door.ts";

let door: OpenDoor;
let asked = 0;
beforeAll(async () => {
  const count = async () => {
    asked++;
    return null as never;
  };
  door = await openDoor({
    queues: {
      get: count,
      list: count,
      setMetadata: count,
      statsMany: async () => {
        asked++;
        return [];
      },
    },
    messages: { list: count },
  });
});
afterAll(() => door.close());

const repeat = (times: number, piece: (index: number) => string) =>
  Array.from({ length: times }, (_, index) => piece(index)).join(" ");
const nested = (depth: number) => {
  let selection = "name";
  for (let level = 0; level < depth; level++) selection = `fields { type { ${selection} } }`;
  return selection;
};

const FORBIDDEN: Record<string, string> = {
  "a page of pages": "{ queues(first: 100) { nodes { messages(first: 100) { nodes { id bodyText } } } } }",
  "a page of pages by variables":
    "query Q($n: Int) { queues(first: $n) { nodes { messages(first: $n) { nodes { id bodyText } } } } }",
  "pages hidden in fragments":
    "{ queues(first: 100) { ...A } } fragment A on QueueConnection { nodes { ...B } } fragment B on Queue { messages(first: 100) { nodes { id ttlSeconds } } }",
  "a page asked for twice over":
    "{ queues(first: 100) { nodes { ...M } edges { node { ...M } } } } fragment M on Queue { messages(first: 60) { nodes { id } } }",
  "31 aliases": `{ ${repeat(31, (index) => `a${index}: viewer { actor }`)} }`,
  "aliases multiplied by fragments": `{ ${repeat(4, (index) => `a${index}: viewer { ...V }`)} } fragment V on Viewer { ${repeat(10, (index) => `b${index}: actor`)} }`,
  "fragments that double": `{ viewer { ...F0 } } ${repeat(40, (index) => `fragment F${index} on Viewer { a${index}: actor ...F${index + 1} ...F${index + 1} }`)} fragment F40 on Viewer { actor }`,
  "a fragment inside itself": "{ viewer { ...A } } fragment A on Viewer { actor ...A }",
  "51 directives": `{ viewer { actor ${repeat(51, () => "@include(if: true)")} } }`,
  "4,001 tokens": `{ viewer { ${repeat(4001, () => "actor")} } }`,
  "fields 13 deep": `{ queues { nodes { claims { nodes { messages { ...on Message { claim { id } } } } } } } ${repeat(1, () => "")} queue(queue: "q") { messages { edges { node { claim { id { a { b { c { d { e { f { g } } } } } } } } } } } } }`,
  "the schema's types 9 deep": `{ __schema { types { ${nested(9)} } } }`,
  "a field that does not exist": "{ qeue(name: 1) { name } }",
  "waiting for thirty locks": `mutation { ${repeat(30, (index) => `a${index}: acquireKeyValueLock(input: { store: "s", key: "${index}" }) { fence }`)} }`,
  "every queue's claims with their messages":
    "{ queues(first: 100) { nodes { claims { nodes { messages { id } } } } } }",
  "a list that must be there and is not": "{ queueStats { queueName } }",
  "a page that is no number": '{ queues(first: "100") { nodes { name } } }',
  "a negative page as a discount":
    "{ queues(first: -1000000) { nodes { name } } again: queues(first: 100) { nodes { messages(first: 100) { nodes { id bodyText } } } } }",
};

const readings: Record<string, (query: string) => Promise<Pick<Answer, "data" | "errors">>> = {
  "over HTTP": (query) => door.send(query, { n: 1 }),
  "over server-sent events": async (query) => {
    const stream = await door.listen(query, { n: 1 });
    const first = await stream.next();
    expect(await stream.next()).toBeNull();
    return first ?? { data: undefined, errors: undefined };
  },
  "inside the process": (query) => door.executeAs(ADMIN)(query, { n: 1 }) as Promise<Pick<Answer, "data" | "errors">>,
};

describe.each(Object.entries(readings))("%s", (_name, read) => {
  test.each(Object.entries(FORBIDDEN))("%s is refused before anything runs", async (_what, query) => {
    asked = 0;
    const begun = performance.now();
    const { data, errors } = await read(query);
    expect(errors?.length).toBeGreaterThan(0);
    expect(errors?.map(({ extensions }) => extensions.code)).toEqual(errors?.map(() => "BAD_INPUT"));
    expect(data ?? null).toBeNull();
    expect(asked).toBe(0);
    expect(performance.now() - begun).toBeLessThan(2000);
  });

  test("a hundred mistakes in a document give ten errors", async () => {
    const { errors } = await read(`{ ${repeat(100, (index) => `nonsense${index}`)} }`);
    expect(errors).toHaveLength(10);
  });

  test("a mistake is not answered with names from the schema", async () => {
    const { errors } = await read(
      '{ viewr { actor } queue(nam: "q") { name } queues(orderBy: { field: NAMES }) { nodes { name } } }',
    );
    expect(errors?.length).toBeGreaterThanOrEqual(3);
    expect(JSON.stringify(errors)).not.toContain("Did you mean");
    expect(errors?.map(({ message }) => message)).toContain('Cannot query field "viewr" on type "Query".');
  });

  test("one name instead of a list of names is a list of one", async () => {
    expect(
      (await read('{ queueStats(project: "p", queues: "q") { queueName } }')).errors?.map(({ message }) => message) ??
        [],
    ).toEqual([]);
  });

  test("the whole schema can be asked for, as explorers do", async () => {
    const { errors, data } = await read(getIntrospectionQuery());
    expect(errors).toBeUndefined();
    expect(data.__schema.types.length).toBeGreaterThan(100);
  });

  test("an overview of a hundred queues with their statistics is not too much", async () => {
    const { errors } = await read(
      `query Overview($n: Int) { queues(first: $n) { nodes { project name createdAt updatedAt metadataText attributes { deadLetterQueue }
        stats { ready claimed delayed exhausted total exact oldest { id ageSeconds createdAt } newest { id ageSeconds createdAt } } catalogueEntry { poolName } }
        pageInfo { hasNextPage endCursor } count { value exact } } viewer { actor role } limits { maxPageSize } }`,
    );
    expect(
      errors?.map(({ message }) => message).filter((message) => message.includes("asks for too much")) ?? [],
    ).toEqual([]);
  });
});

describe("what a document costs", () => {
  const query = "{ queues(first: 100) { nodes { name } } }";
  const costly = "{ queues(first: 100) { nodes { messages(first: 100) { nodes { id } } } } }";
  const ways: Record<string, (query: string) => Promise<Pick<Answer, "extensions">>> = {
    "on the fast path": (document) => door.send(document, {}, { "x-cost": "1" }),
    "through Apollo": (document) =>
      door.sendText(JSON.stringify({ query: document, extensions: {} }), { "x-cost": "1" }),
    "over server-sent events": async (document) => {
      const stream = await door.listen(document, {}, { "x-cost": "1" });
      const first = await stream.next();
      stream.close();
      return first ?? { extensions: undefined };
    },
  };

  test.each(Object.entries(ways))("%s it is told to a client that asks for it", async (_way, send) => {
    expect((await send(query)).extensions).toEqual({ cost: { requested: 105, maximum: 10_000 } });
    expect((await send(`${query} query Other { viewer { actor } }`)).extensions).toBeUndefined();
    expect((await send("{ nonsense }")).extensions).toBeUndefined();
  });

  test("it is told to nobody else, except for a refusal", async () => {
    expect((await door.send(query)).extensions).toBeUndefined();
    const { errors, extensions } = await door.send(costly);
    const cost = { requested: 10_505, maximum: 10_000 };
    expect(extensions).toEqual({ cost });
    expect(errors?.[0]?.extensions.details).toEqual({
      limit: "maxCost",
      value: cost.requested,
      maximum: cost.maximum,
    });
    expect(errors?.[0]?.message).toContain("10505");
  });

  test("a cost beyond all numbers is a number", async () => {
    const deep = "{ queues(first: 100) { nodes { claims(first: 100) { nodes { messages { id } } } } } }";
    const more = Array.from({ length: 20 }, (_, n) => `a${n}: queues(first: 9007199254740991) { nodes { name } }`);
    for (const document of [deep, `{ ${more.join(" ")} }`]) {
      const requested = (await door.send(document)).extensions?.cost.requested;
      expect([Number.isSafeInteger(requested), Number(requested) > 10_000]).toEqual([true, true]);
    }
  });

  test("a history costs what it reads and shows, and what a variable says counts as usual", async () => {
    const costOf = async (given: string, metrics = "READY", variables = "") => {
      const history = `history(metrics: [${metrics}]${given}) { from }`;
      const document = `query Q${variables} { queue(queue: "q") { ${history} } }`;
      return Number((await door.send(document, { s: 60, r: "MINUTE" }, { "x-cost": "1" })).extensions?.cost.requested);
    };
    const least = await costOf(", range: { seconds: 60 }, resolution: MINUTE");
    const more = async (...asked: Parameters<typeof costOf>) => (await costOf(...asked)) - least;
    expect(await more(", range: { seconds: 3600 }, resolution: MINUTE")).toBe(5);
    expect(await more(", range: { seconds: 86400 }, resolution: MINUTE")).toBe(157);
    expect(await more(", range: { seconds: 86400 }, resolution: MINUTE", "READY, CLAIMED")).toBe(171);
    expect(await more(", range: { seconds: 604800 }, resolution: HOUR")).toBe(17);
    // The last hour, at ten seconds; and as many intervals of whatever length.
    expect(await more("")).toBe(38);
    expect(await more(", range: { seconds: 604800 }")).toBe(42);
    const usual = [", range: { seconds: $s }, resolution: MINUTE", "READY", "($s: SafeInt!)"] as const;
    expect(await more(...usual)).toBe(42);
    expect(await more(", resolution: $r", "READY", "($r: SampleResolution!)")).toBe(42);
    expect(await more(", range: { seconds: -9000000 }, resolution: MINUTE")).toBe(0);
  });

  test("twenty pools with their health are not too much", async () => {
    const pools =
      "{ pools(first: 20) { nodes { name maskedUri: uri weight flavorName createdAt queueCount { value exact } capabilities health { storageReachable writesRefused freeBytes errorCode checkedAt operations { operation succeeded durationSeconds error errorCode } } } } }";
    const { extensions, errors } = await door.send(pools, {}, { "x-cost": "1" });
    expect(errors?.map(({ message }) => message).filter((message) => message.includes("too much")) ?? []).toEqual([]);
    expect(extensions?.cost.requested).toBeLessThan(10_000);
  });
});

/** A request that breaks each limit, as the text of its body. */
const BREAKING: Record<RequestLimit | "maxListEntries", () => string> = {
  maxDocumentLength: () => ask(`{ viewer { actor } } #${"x".repeat(262_144)}`),
  maxDocumentTokens: () => ask(`{ viewer { ${repeat(4001, () => "actor")} } }`),
  maxDocumentNesting: () => ask(`{ ${"a { ".repeat(301)}`),
  maxDefinitions: () => ask(repeat(101, (index) => `query Q${index} { viewer { actor } }`)),
  maxSelections: () => ask(`{ ${repeat(1001, (index) => `field${index}`)} }`),
  maxFieldPairs: () => ask(`{ viewer { ${repeat(300, () => "actor")} } }`),
  maxDepth: () => ask(`{ ${"a { ".repeat(12)} b ${"} ".repeat(12)} }`),
  maxAliases: () => ask(`{ ${repeat(31, (index) => `a${index}: viewer { actor }`)} }`),
  maxDirectives: () => ask(`{ viewer { actor ${repeat(51, () => "@include(if: true)")} } }`),
  maxCost: () => ask("{ queues(first: 100) { nodes { messages(first: 100) { nodes { id } } } } }"),
  maxIntrospectionCost: () => ask(`{ __schema { types { ${nested(9)} } } }`),
  maxRequestNesting: () => `{ "query": "{ viewer { actor } }", "variables": ${"[".repeat(301)}${"]".repeat(301)} }`,
  maxRequestParts: () => ask("{ viewer { actor } }", { list: Array.from({ length: 100_001 }, () => 1) }),
  maxRequestRawNumbers: () =>
    `{ "query": "{ viewer { actor } }", "variables": { "list": [${Array.from({ length: 10_001 }, () => "1.0")}] } }`,
  maxJsonLiteralLength: () =>
    ask(
      `mutation M($v: JSON!) { updateQueueMetadata(input: { queue: "q", metadata: { json: [${repeat(3, () => "$v")}] } }) { queue { name } } }`,
      { v: "x".repeat(1_000_000) },
    ),
  maxListEntries: () =>
    ask("query Q($names: [String!]!) { queueStats(queues: $names) { queueName } }", {
      names: Array.from({ length: 2001 }, () => "q"),
    }),
};
const ask = (query: string, variables: object = {}) => JSON.stringify({ query, variables });

test.each(Object.keys(BREAKING) as (keyof typeof BREAKING)[])(
  "`limits` has %s, and a request that breaks it is told its name and number",
  async (limit) => {
    const { limits } = await door.run(`{ limits { ${limit} } }`);
    const { errors } = await door.sendText(BREAKING[limit]());
    expect(errors?.map(({ extensions }) => [extensions.code, extensions.details])).toEqual([
      ["BAD_INPUT", expect.objectContaining({ limit, maximum: limits[limit] })],
    ]);
  },
);

test("a hundred mistakes in variables give ten errors", async () => {
  const changes = Array.from({ length: 100 }, () => ({ op: "NONSENSE", key: 1 }));
  const { errors, status } = await door.send(
    "mutation P($input: PatchQueueMetadataInput!) { patchQueueMetadata(input: $input) { queue { name } } }",
    { input: { queue: "q", changes } },
  );
  expect([status, errors?.length]).toEqual([400, 10]);
});

test("the message of a mistake does not echo all that was sent", async () => {
  const { errors } = await door.send('query Q($project: String) { queue(project: $project, queue: "q") { name } }', {
    project: { text: "x".repeat(100_000) },
  });
  expect(errors?.[0]?.message.length).toBeLessThan(2000);
});

test("JSON that nests deeper than any limit is refused, as a variable and as a literal", async () => {
  asked = 0;
  const deep = `${"[".repeat(100_000)}1${"]".repeat(100_000)}`;
  const query =
    'mutation M($metadata: JSON!) { updateQueueMetadata(input: { queue: "q", metadata: { json: $metadata } }) { queue { name } } }';
  const { errors, status } = await door.sendText(`{"query":${JSON.stringify(query)},"variables":{"metadata":${deep}}}`);
  expect([status, errors?.[0]?.extensions.code]).toEqual([400, "BAD_INPUT"]);
  const literal = `mutation { updateQueueMetadata(input: { queue: "q", metadata: { json: ${"[".repeat(300)}${"]".repeat(300)} } }) { queue { name } } }`;
  expect(await door.codeOf(literal)).toBe("BAD_INPUT");
  expect(asked).toBe(0);
});
