/**
 * Who may ask for what: every query, mutation and subscription of the schema, by every kind of caller. What is new must
 * have a row.
 */
import { setTimeout as pause } from "node:timers/promises";
import { type GraphQLInputObjectType, getNamedType } from "graphql";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { writeNodeId } from "../../server/graphql/schema/node.ts";
import { schema } from "../../server/graphql/schema/schema.ts";
import { createClaim, createQueue, postMessages, startApi } from "../graphql/api.ts";
import type { Answer } from "../graphql/client.ts";
import { type OpenDoor, openDoor } from "../graphql/http/door.ts";
import { CALLERS, type Caller, MINE, PROJECT, type Row } from "./callers.ts";
import { inputOf, selectionOf } from "./documents.ts";
import { MUTATIONS, QUERIES, QUEUE, SUBSCRIPTIONS } from "./rows.ts";

const { api, server } = startApi();
let door: OpenDoor;
/** Ids of what was made for the matrix. */
const ids: Record<string, string> = {};

beforeAll(async () => {
  for (const name of [QUEUE, "hidden-done"]) {
    await createQueue(api, PROJECT, name, { _max_claim_count: 1, _dead_letter_queue: "hidden-missing" });
    await postMessages(api, PROJECT, name, [{ secret: "hidden-body" }]);
  }
  await postMessages(api, MINE, "own", [1]);
  [ids.message = ""] = await postMessages(api, PROJECT, QUEUE, [{ secret: "hidden-body" }]);
  ids.claim = (await createClaim(api, PROJECT, QUEUE))?.id ?? "";
  const made = await api.run(
    `mutation M($project: String!, $queue: String!) {
      createPool(input: { pool: "away", uri: "postgresql://u:p@127.0.0.1:1/n?schema=s", weight: 0, flavor: "far", verify: false }) { created }
      createFlavor(input: { project: $project, flavor: "far", pools: ["away"], verify: false }) { created }
      createToken(input: { name: "hidden-token", scopes: [READ], projects: [$project] }) { secret }
      createKeyValueStore(input: { store: "s" }) { __typename }
      setKeyValue(input: { store: "s", key: "k", value: { json: 1 } }) { __typename }
      createQueueSubscription(input: { project: $project, queue: $queue, subscriber: "https://hidden.example/" }) { subscription { id } }
      pause(input: { target: { queue: { project: $project, queue: $queue } }, reason: "hidden reason" }) { __typename }
      purgeQueue(input: { project: $project, queue: "hidden-done", reason: "hidden reason" }) { undo { token } }
      dryRun(input: { queues: { queue: { project: $project, queue: $queue } }, action: { delete: {} }, all: true }) { dryRun { token } }
      generateMessages(input: { project: $project, queue: $queue, messages: 1, ratePerSecond: 1, body: { json: 1 }, reason: "hidden reason" }) { job { id } }
    }`,
    { project: PROJECT, queue: QUEUE },
  );
  const { operations, control } = server().engine;
  await operations.problemRounds.find(new AbortController().signal);
  const { problems, queue } = await api.run(
    "query P($project: String!, $queue: String!) { problems(filter: { project: $project }) { nodes { id } } queue(project: $project, queue: $queue) { id } }",
    { project: PROJECT, queue: QUEUE },
  );
  Object.assign(ids, {
    subscription: made.createQueueSubscription.subscription.id,
    undo: made.purgeQueue.undo.token,
    dryRun: made.dryRun.dryRun.token,
    job: made.generateMessages.job.id,
    problem: problems.nodes[0].id,
    node: queue.id,
    person: writeNodeId("Person", [
      (await control.people.create({ email: "hidden@example.com", name: "hidden", grants: [] })).id,
    ]),
  });
  door = await openDoor(operations, {}, ({ headers }) => CALLERS[headers["x-caller"] as Caller]);
});
afterAll(() => door?.close());

const ROOTS = {
  query: schema.getQueryType(),
  mutation: schema.getMutationType(),
  subscription: schema.getSubscriptionType(),
};
type Kind = keyof typeof ROOTS;
const fieldsOf = (kind: Kind) => ROOTS[kind]?.getFields() ?? {};

/** The document of a root field with these arguments as variables. */
function documentOf(kind: Kind, name: string, args: object, depth: number): string {
  const field = fieldsOf(kind)[name];
  if (field === undefined) throw new Error(`There is no ${kind} ${name}.`);
  const used = field.args.filter((arg) => arg.name in args);
  const declared = used.map((arg) => `$${arg.name}: ${arg.type}`).join(", ");
  const passed = used.map((arg) => `${arg.name}: $${arg.name}`).join(", ");
  const selection = selectionOf(field.type, depth);
  return `${kind} ${declared && `(${declared})`} { ${name}${passed && `(${passed})`} ${selection} }`;
}

function argsOf(mutation: string, fields: Record<string, unknown>): Record<string, unknown> {
  const [input] = fieldsOf("mutation")[mutation]?.args ?? [];
  const type = input && (getNamedType(input.type) as GraphQLInputObjectType);
  return type === undefined
    ? {}
    : { input: inputOf(type, { project: PROJECT, queue: QUEUE, pool: "away", ...fields }) };
}

interface Asked {
  kind: "query" | "mutation";
  name: string;
  args: Record<string, unknown>;
}

const queryOf = ([name, { args }]: [string, (typeof QUERIES)[string]]): Asked => ({
  kind: "query",
  name,
  args: args(ids),
});
const mutationOf = ([name, { args }]: [string, (typeof MUTATIONS)[string]]): Asked => ({
  kind: "mutation",
  name,
  args: argsOf(name, args(ids)),
});
/** Whose outcome lies further down. */
const DEEPER: ReadonlySet<string> = new Set(["postToQueues"]);
const as = (caller: Caller) => ({ "x-caller": caller });
const ask = (caller: Caller, { kind, name, args }: Asked, depth = DEEPER.has(name) ? 2 : 1) =>
  door.send(documentOf(kind, name, args, depth), args, as(caller));

/** What came of the root field itself, or of the only queue that a post to many is about. */
function outcomeOf(name: string, { data, errors }: Pick<Answer, "data" | "errors">): string {
  const error = errors?.find(({ path }) => path === undefined || (path.length === 1 && path[0] === name));
  const code = error?.extensions.code ?? data?.[name]?.results?.[0]?.error?.code;
  if (code !== undefined) return code.endsWith("_DOES_NOT_EXIST") ? "absent" : code;
  const value = data?.[name];
  return value === null || (Array.isArray(value) && value.some((one) => one === null)) ? "absent" : "ok";
}

const callers = Object.keys(CALLERS) as Caller[];
/** What came of it for each caller, all at once. */
const found = async (some: readonly Caller[], outcome: (caller: Caller) => Promise<string>) =>
  Object.fromEntries(await Promise.all(some.map(async (caller) => [caller, await outcome(caller)] as const)));

describe("what is not yours", () => {
  const HIDDEN = /hidden/;
  const NOT_THERE: Readonly<Record<string, string>> = {
    job: "Job:99999999",
    problem: "Problem:99999999",
    undo: "00000000-0000-4000-8000-000000000000",
    dryRun: "a".repeat(24),
  };
  /** The same, about what does not exist. */
  const absent = (text: string) =>
    Object.entries(NOT_THERE).reduce(
      (found, [name, none]) => found.replaceAll(ids[name] ?? "", none),
      text.replaceAll("hidden", "absent"),
    );
  const textOf = ({ data, errors }: Answer) => JSON.stringify({ data, errors });

  test("is answered as if it did not exist, whatever is asked, and with the same work", async () => {
    const asked = [...Object.entries(QUERIES).map(queryOf), ...Object.entries(MUTATIONS).map(mutationOf)].flatMap(
      (theirs) => {
        const args = JSON.parse(absent(JSON.stringify(theirs.args))) as Asked["args"];
        return JSON.stringify(args) === JSON.stringify(theirs.args) ? [] : [{ theirs, none: { ...theirs, args } }];
      },
    );
    expect(asked.length).toBeGreaterThan(50);
    const query = vi.spyOn(pg.Client.prototype, "query");
    const work = async (one: Asked) => {
      const before = query.mock.calls.length;
      const text = absent(textOf(await ask("other", one)));
      return { text, statements: query.mock.calls.length - before };
    };
    for (const { theirs, none } of asked) {
      // A refusal is written down once. What the service does meanwhile counts too, so the least of some is taken.
      await Promise.all([ask("other", theirs), ask("other", none)]);
      const found = { theirs: await work(theirs), none: await work(none) };
      for (let turn = 0; turn < 5 && found.theirs.statements !== found.none.statements; turn += 1) {
        const [one, other] = [await work(theirs), await work(none)];
        if (one.statements < found.theirs.statements) found.theirs = one;
        if (other.statements < found.none.statements) found.none = other;
      }
      expect(found.theirs, theirs.name).toEqual(found.none);
    }
    expect(query).toHaveBeenCalled();
    query.mockRestore();
  });

  test("is in no list, record or file of callers of another project", async () => {
    const everything = { kind: "query", name: "queues", args: { allProjects: true } } as const;
    expect(textOf(await ask("admin", everything))).toMatch(HIDDEN);
    const lists = ["queues", "claims", "catalogue", "flavors", "undos"].map((name) => [name, { allProjects: true }]);
    const files = ["auditEntries", "settingsFile"].map((name) => [name, {}]);
    const theirs = Object.entries(QUERIES)
      .filter(([, { row }]) => row.other === "ok")
      .map(([name, { args }]) => [name, args(ids)]);
    for (const [name, args] of [...lists, ...files, ...theirs] as [string, Asked["args"]][]) {
      const deep = await ask("other", { kind: "query", name, args }, 2);
      // Some may not be asked for that much at once.
      const answer = outcomeOf(name, deep) === "ok" ? deep : await ask("other", { kind: "query", name, args });
      expect(outcomeOf(name, answer), `${name} ${textOf(answer)}`).toBe("ok");
      expect(textOf(answer), name).not.toMatch(HIDDEN);
    }
  });

  test("is counted in no pool, history or collection", async () => {
    const document = `{
      pools { nodes { name uri queueCount { value } shareNow stats { total } history(metrics: [READY], range: { seconds: 60 }) { until } } }
      health { gc { at } } projects { nodes { name queueCount { value } } } queues(allProjects: true) { count { value } }
    }`;
    const read = async (caller: Caller) => {
      const { pools, health, projects, queues } = (await door.send(document, {}, as(caller))).data;
      const [first, away] = pools.nodes;
      return { first, away, gc: health.gc, projects: projects.nodes, queues: queues.count };
    };
    const nothing = { shareNow: null, stats: null, history: null };
    expect(await read("other")).toMatchObject({
      first: { name: "default", queueCount: { value: 1 }, ...nothing },
      away: { name: "away", uri: null, queueCount: { value: 0 } },
      gc: null,
      projects: [{ name: MINE, queueCount: { value: 1 } }],
      queues: { value: 1 },
    });
  });
});

const waitOf = (row: Row, caller: Caller) => (row[caller] === "ok" ? 100 : 5000);

describe("the matrix", () => {
  test.each([
    ["query", QUERIES],
    ["mutation", MUTATIONS],
    ["subscription", SUBSCRIPTIONS],
  ] as const)("has a row for each %s, and no other", (kind, rows) => {
    expect(Object.keys(rows).sort()).toEqual(Object.keys(fieldsOf(kind)).sort());
  });

  test.each(Object.entries(QUERIES))("query %s", async (name, query) => {
    const asked = queryOf([name, query]);
    expect(await found(callers, async (caller) => outcomeOf(name, await ask(caller, asked)))).toEqual(query.row);
  });

  test.each(Object.entries(SUBSCRIPTIONS))("subscription %s", async (name, { row, args }) => {
    const outcome = async (caller: Caller) => {
      const given = args(ids);
      const stream = await door.listen(documentOf("subscription", name, given, 0), given, as(caller));
      // One that waits for its first event is allowed.
      const first = await Promise.race([stream.next(), pause(waitOf(row, caller), "waits" as const)]);
      stream.close();
      return first === "waits" || first === null ? "ok" : outcomeOf(name, first);
    };
    expect(await found(callers, outcome)).toEqual(row);
  });

  test.each(Object.entries(MUTATIONS))("mutation %s", async (name, mutation) => {
    const { row } = mutation;
    const asked = mutationOf([name, mutation]);
    const outcome = async (caller: Caller) => outcomeOf(name, await ask(caller, asked));
    const may = (caller: Caller) => row[caller] === "ok";
    // Those who may not come first: what others have changed tells nothing about them.
    const refused = await found(
      callers.filter((caller) => !may(caller)),
      outcome,
    );
    // Whoever may do it is told of bad input, or of what is missing.
    const done = await found(callers.filter(may), async (caller) =>
      (await outcome(caller)) === "FORBIDDEN" ? "FORBIDDEN" : "ok",
    );
    expect({ ...refused, ...done }).toEqual(row);
  });
});
