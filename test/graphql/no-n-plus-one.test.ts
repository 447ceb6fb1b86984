/**
 * A list must not cost a statement for each of its rows. This walks the schema: for every field of every type that a
 * list can have as a row, it runs a document for one row and for several, and counts the statements at each database.
 * A new field is found by itself; a new type of rows, or a required argument, needs an entry below.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import {
  execute,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  getNamedType,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  parse,
} from "graphql";
import pg from "pg";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Access } from "../../server/access/access.ts";
import { GraphQLContext } from "../../server/graphql/schema/context.ts";
import { schema } from "../../server/graphql/schema/schema.ts";
import { callerWith } from "../support/access.ts";
import { createEmptyDatabase, type TestDatabase } from "../support/database.ts";
import { aSession } from "../support/people.ts";
import { aProject, startApi } from "./api.ts";

const { server } = startApi();
/** More than two: some fields ask two questions in the same words. */
const ROWS = 4;
const admin: Access = callerWith("admin", "all", "admin");
const STORE = "a-store";

/**
 * For each type: a document that lists `$n` rows of it, or as many as there are. `ROW` stands for what it selects of a
 * row. `$names`, `$keys`: those of `$n` queues and keys.
 */
const LISTS: Readonly<Record<string, string>> = {
  Queue: "queues(project: $project, first: $n) { nodes ROW }",
  Message: "queues(project: $project, first: $n) { nodes { messages(first: 2) { nodes ROW } } }",
  MessageHeader: "queues(project: $project, first: $n) { nodes { messages(first: 2) { nodes { headers ROW } } } }",
  LifeEvent: "queues(project: $project, first: $n) { nodes { messages(first: 2) { nodes { life { events ROW } } } } }",
  Claim: "queues(project: $project, first: $n) { nodes { claims(first: 2) { nodes ROW } } }",
  ClaimHolder: "claims(project: $project, first: $n) { holders ROW }",
  Consumer: "queues(project: $project, first: $n) { nodes { consumers(first: 2) { nodes ROW } } }",
  QueueSubscription: "queues(project: $project, first: $n) { nodes { subscriptions(first: 2) { nodes ROW } } }",
  Pause: "queues(project: $project, first: $n) { nodes { pause ROW } }",
  NamedQueueStats: "queueStats(project: $project, queues: $names) ROW",
  CatalogueEntry: "catalogue(project: $project, first: $n) { nodes ROW }",
  Pool: "pools(first: $n) { nodes ROW }",
  Flavor: "flavors(project: $project, first: $n) { nodes ROW }",
  Project: "projects(first: $n) { nodes ROW }",
  Job: "jobs(first: $n) { nodes ROW }",
  LeftBehind: "dryRun(token: $token) { refused ROW }",
  DryRunQueue: "dryRun(token: $token) { queues ROW }",
  DryRunDestination: "dryRun(token: $token) { destinations ROW }",
  PoolShare: "poolPlacement ROW",
  AuditEntry: 'auditEntries(project: $project, action: "createQueue", first: $n) { nodes ROW }',
  KeyValueStore: "keyValueStores(first: $n) { nodes ROW }",
  KeyValueKey: `keyValueKeys(store: "${STORE}", first: $n) { nodes ROW }`,
  KeyValueLock: `keyValueLocks(store: "${STORE}", first: $n) { nodes ROW }`,
  KeyValue: `keyValues(store: "${STORE}", keys: $keys) ROW`,
  PoolHealth: "health { pools ROW }",
  OperationHealth: "health { pools { operations ROW } }",
  PoolHealthInterval: 'pool(pool: "default") { healthLastHour ROW }',
  OperationInterval: 'pool(pool: "default") { healthLastHour { operations ROW } }',
  Problem: "problems(first: $n) { nodes ROW }",
  ProblemGroup: "problemSummary ROW",
  Undo: "undos(allProjects: true) ROW",
  Person: "people(first: $n) { nodes ROW }",
  Grant: "people(first: $n) { nodes { grants ROW } }",
  Token: "tokens(first: $n) { nodes ROW }",
  RunbookSection: "runbook ROW",
  Verdict: "queues(project: $project, first: $n) { nodes { viewerCan ROW } }",
  Session: "people(first: $n) { nodes { sessions ROW } }",
  ExplanationReason: "queues(project: $project, first: $n) { nodes { explanation { reasons ROW } } }",
  KeptSamples: "queueSampling { kept ROW }",
  PoolBehind: "queueSampling { behind ROW }",
  HistorySeries:
    "queues(project: $project, first: $n) { nodes { history(metrics: [READY, POSTED_RATE]) { series ROW } } }",
};
/** Rows that only a mutation returns, whose cost is that of the mutation. */
const OF_MUTATIONS = ["PoolGarbage", "PostResult", "SettingsChange"];
const ARGUMENTS: Readonly<Record<string, string>> = {
  "Pool.flavor": "project: $project",
  "Queue.message": "id: $messageId",
  "Queue.messageLife": "id: $messageId",
  "Queue.messagesById": "ids: [$messageId]",
  "Queue.claim": "claimId: $claimId",
  "Queue.history": "metrics: [READY]",
  "Pool.history": "metrics: [READY]",
  "Project.history": "metrics: [READY]",
};

/** Asked by no field: each new connection begins with them. */
const OF_A_CONNECTION = /pg_is_in_recovery\(\)|isimud\.clock_offset/;

let variables: Record<string, unknown> = {};
const databases: TestDatabase[] = [];
/** Tokens of dry runs with so many queues. */
const tokens = new Map<number, string>();
/**
 * How often each statement ran, by database. Of the document alone: the service looks for problems and takes turns
 * beside it.
 */
const asked = new AsyncLocalStorage<Map<string, number>>();

beforeAll(async () => {
  const { operations, jobs, consumers } = server().engine;
  const project = aProject();
  // Each flavor has a pool of its own, and some pools are of no flavor.
  for (let index = 0; index < ROWS + 2; index += 1) {
    const database = await createEmptyDatabase();
    databases.push(database);
    const pool = `pool-${index}`;
    await operations.pools.create(admin, { pool, uri: database.url, weight: 1 });
    if (index < ROWS) await operations.flavors.create(admin, { project, flavor: `flavor-${index}`, pools: [pool] });
  }
  for (let index = 0; index < ROWS; index += 1) {
    const email = `person-${index}@example.com`;
    const grants = [{ role: "viewer" as const }, { role: "operator" as const, projects: [project] }];
    const { person } = await operations.people.create(admin, { email, name: "Pat", grants });
    for (let sessions = 0; sessions < 2; sessions += 1) await aSession(server().engine.config.DATABASE_URL, person.id);
  }
  await operations.keyValueStores.create(admin, { store: STORE });
  const ids: string[] = [];
  const claims: string[] = [];
  for (let index = 0; index < ROWS; index += 1) {
    const queue = `queue-${index}`;
    // Pairs of queues share a pool.
    const metadata = {
      _flavor: `flavor-${index >> 1}`,
      _max_claim_count: 5,
      _dead_letter_queue: `missing-${index}`,
      _history_seconds: 9000,
    };
    await operations.queues.create(admin, { project, queue, metadataText: JSON.stringify(metadata) });
    const headers = [{ name: "number", value: "1" }];
    const messages = Array.from({ length: 6 }, (_, number) => ({ bodyText: String(number), headers }));
    ids.push(...(await operations.messages.post(admin, { project, queue, messages })).ids);
    for (let number = 0; number < 2; number += 1) {
      const { claim } = await operations.claims.create(admin, { project, queue, limit: 1 });
      const seen = { actor: "admin", messages: 1, claimAgeMs: 0, emptyAgeMs: null, renewalAgeMs: null };
      await consumers.add([{ project, queue, name: `worker-${number}`, ...seen }]);
      claims.push(claim?.id ?? "");
      const subscriber = `http://${number}.example`;
      await operations.subscriptions.create(admin, { project, queue, subscriber });
    }
    await operations.pauses.pause(admin, { target: { queue: { project, queue } }, reason: "A test." });
    const other = { project: `${project}-${index}`, queue: "q" };
    await operations.queues.create(admin, other);
    const key = `key-${index}`;
    await operations.keyValueStores.create(admin, { store: `store-${index}` });
    await operations.keyValueStores.setValue(admin, { store: STORE, key, valueText: "1" });
    await operations.keyValueStores.acquireLock(admin, { store: STORE, key });
    const job = { kind: "moveQueue", project, target: queue, inputText: "{}", actor: "admin", requestId: "r" } as const;
    await jobs.add(job);
  }
  for (const n of [1, ROWS]) tokens.set(n, await aDryRun(project, n));
  // They name no pool, so they fail.
  await vi.waitFor(async () => {
    const { items } = await jobs.list({ projects: "all", page: { limit: 100 } });
    expect(items.every(({ finishedAt }) => finishedAt !== null)).toBe(true);
  }, 10_000);
  await operations.problemRounds.find(new AbortController().signal);
  variables = { project, messageId: ids[0], claimId: claims[0] };
  // What was used is known within a second, and sampled with the next minute.
  const queues = Array.from({ length: ROWS }, (_, index) => ({ project, queue: `queue-${index}` }));
  await vi.waitFor(async () => {
    server().clock.offsetMs += 60_000;
    await operations.queueSampling.sample(new AbortController().signal);
    expect(await operations.samples.last(admin, { queues })).not.toContain(null);
  }, 10_000);
  const query = pg.Client.prototype.query;
  vi.spyOn(pg.Client.prototype, "query").mockImplementation(function (this: pg.Client, ...args: unknown[]) {
    const [statement] = args as [string | { name?: string; text: string }];
    const text = typeof statement === "string" ? statement : (statement.name ?? statement.text);
    const statements = asked.getStore();
    if (statements !== undefined && !OF_A_CONNECTION.test(text)) {
      // A list of parameters is as long as the list of rows.
      const key = `${this.database}: ${text.replace(/\$\d+(,\$\d+)*/g, "$")}`;
      statements.set(key, (statements.get(key) ?? 0) + 1);
    }
    return Reflect.apply(query, this, args);
  } as never);
  // What is remembered for a second stays remembered, however long a document takes on a busy machine.
  const now = performance.now();
  vi.spyOn(performance, "now").mockImplementation(() => now);
});
afterAll(async () => {
  vi.restoreAllMocks();
  await server().close();
  for (const database of databases) await database.drop();
});

/** With so many queues, destinations and refusals. Its job has ended. */
async function aDryRun(project: string, n: number): Promise<string> {
  const { dryRuns, operations } = server().engine;
  const count = { value: 1, exact: true };
  const names = Array.from({ length: n }, (_, index) => ({ project, name: `queue-${index}` }));
  const token = `token-${n}`;
  await dryRuns.add(
    {
      ...{ token, kind: "purgeQueues", project, target: "queue-0", inputText: "{}", actor: "admin" },
      plan: {
        ...{ action: { kind: "purgeQueues", before: null }, filterText: "{}", oldest: null, newest: null },
        ...{ count, claimed: 0, sample: [], undoable: false, warnings: [] },
        queues: names.map((queue) => ({ ...queue, createdAt: "", upToMarker: "0", count, claimed: 0 })),
        destinations: names.map((queue) => ({ ...queue, exists: true, count })),
        refused: names.map(({ name }) => ({ why: "tooLarge", project, queue: name, messages: 1 })),
      },
    },
    600,
  );
  await operations.jobs.start(admin, { token, reason: "A test." });
  return token;
}

const TYPES = Object.values(schema.getTypeMap()).filter(
  (type): type is GraphQLObjectType => isObjectType(type) && !type.name.startsWith("__"),
);
const isEdge = ({ name }: GraphQLNamedType) => name.endsWith("Edge");

function isList(type: GraphQLOutputType): boolean {
  return isListType(type) || (isNonNullType(type) && isList(type.ofType));
}

/** Names of the types of rows: what is in a list, but for edges, whose node is a row. */
const ROW_TYPES = [
  ...new Set(
    TYPES.flatMap((type) => Object.values(type.getFields()))
      .filter(({ type }) => isList(type) && isObjectType(getNamedType(type)) && !isEdge(getNamedType(type)))
      .map(({ type }) => getNamedType(type).name),
  ),
].sort();

const isPlain = (field: GraphQLField<unknown, unknown>) =>
  isLeafType(getNamedType(field.type)) && !field.args.some(isRequiredArgument);

function plainFields(type: GraphQLNamedType): string {
  if (isAbstractType(type)) {
    const parts = schema.getPossibleTypes(type).map((one) => `... on ${one.name} { ${plainFields(one)} }`);
    return `__typename ${parts.join(" ")}`;
  }
  const fields = Object.values((type as GraphQLObjectType).getFields()).filter(isPlain);
  return fields.length === 0 ? "__typename" : fields.map(({ name }) => name).join(" ");
}

/** The field with everything below it that has no fields of its own. */
function selectionOf(type: GraphQLObjectType, field: GraphQLField<unknown, unknown>): string {
  const named = getNamedType(field.type);
  const given = ARGUMENTS[`${type.name}.${field.name}`];
  if (given === undefined && field.args.some(isRequiredArgument)) {
    throw new Error(`${type.name}.${field.name} needs arguments: give them in ARGUMENTS.`);
  }
  if (isLeafType(named)) return given === undefined ? field.name : `${field.name}(${given})`;
  if (!named.name.endsWith("Connection")) {
    return `${field.name}${given === undefined ? "" : `(${given})`} { ${plainFields(named)} }`;
  }
  const fields = (named as GraphQLObjectType).getFields();
  const count = "count" in fields ? "count { value }" : "";
  const node = getNamedType(fields.nodes?.type as GraphQLOutputType);
  const page = `nodes { ${plainFields(node)} } edges { cursor } pageInfo { endCursor } ${count}`;
  return `${field.name}(${[given, "first: 2"].filter(Boolean).join(", ")}) { ${page} }`;
}

/** The statements of a document that lists `n` rows, each with how often it ran. */
async function costOf(list: string, selection: string, n: number): Promise<Map<string, number>> {
  const declared: Readonly<Record<string, string>> = {
    project: "String",
    n: "Int",
    names: "[String!]!",
    keys: "[String!]!",
    messageId: "ID!",
    claimId: "ID!",
    token: "String!",
  };
  const body = list.replace("ROW", `{ ${selection} }`);
  const used = Object.entries(declared).filter(([name]) => new RegExp(`\\$${name}\\b`).test(body));
  const names = Array.from({ length: n }, (_, index) => `queue-${index}`);
  const keys = Array.from({ length: n }, (_, index) => `key-${index}`);
  const head = used.length === 0 ? "" : `query Q(${used.map(([name, type]) => `$${name}: ${type}`).join(", ")})`;
  const statements = new Map<string, number>();
  const { operations, config } = server().engine;
  // Straight to the executor: a document of this test may cost more than one of a client.
  const run = async () =>
    execute({
      schema,
      document: parse(`${head} { ${body} }`),
      variableValues: { ...variables, n, names, keys, token: tokens.get(n) },
      contextValue: new GraphQLContext({
        access: admin,
        operations,
        limits: config,
        signal: () => new AbortController().signal,
        showsCost: false,
      }),
    });
  const { errors = [] } = await asked.run(statements, run);
  expect(errors, body).toEqual([]);
  return statements;
}

test("every type of rows has a list in the table of this test, and edges hold only their row and its cursor", () => {
  expect(ROW_TYPES).toEqual([...Object.keys(LISTS), ...OF_MUTATIONS].sort());
  for (const type of TYPES.filter(isEdge)) expect(Object.keys(type.getFields()).sort()).toEqual(["cursor", "node"]);
});

/** Each of its rows is work of its own, which its cost says: a search looks through one queue. */
const OF_ONE_ROW = ["Queue.messageSearch"];

test.each(Object.keys(LISTS))("no field of %s costs a list a statement for each row", async (name) => {
  const type = schema.getType(name) as GraphQLObjectType;
  const list = LISTS[name] ?? "";
  const repeated: string[] = [];
  for (const field of Object.values(type.getFields())) {
    if (OF_ONE_ROW.includes(`${name}.${field.name}`)) continue;
    const selection = selectionOf(type, field);
    // Then both meet the same caches.
    await costOf(list, selection, ROWS);
    const one = await costOf(list, selection, 1);
    const found = [...(await costOf(list, selection, ROWS))].filter(
      ([statement, times]) => times > Math.max(1, one.get(statement) ?? 0),
    );
    for (const [statement, times] of found) {
      repeated.push(`${field.name}: ${times} times ${statement.replace(/\s+/g, " ").slice(-200)}`);
    }
  }
  expect(repeated).toEqual([]);
});
