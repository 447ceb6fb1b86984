/** Ids: one for each object, the same on every path, and enough to read the object again. */

import fc from "fast-check";
import type { GraphQLInterfaceType } from "graphql";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { Grant } from "../../server/access/access.ts";
import { DomainError } from "../../server/errors.ts";
import { readNodeId, writeNodeId } from "../../server/graphql/schema/node.ts";
import { schema } from "../../server/graphql/schema/schema.ts";
import { callerWith } from "../support/access.ts";
import { aSession } from "../support/people.ts";
import { aProject, createClaim, createQueue, postMessages, startApi } from "./api.ts";
import { type OpenDoor, openDoor } from "./http/door.ts";

const { api, server } = startApi({ MAX_PAGE_SIZE: "20" });

/** Names that an id must not confuse with its own signs. */
const HOSTILE = 'a/b:c %2F%25+ü☃🐪"\\?#&';
const types = schema.getPossibleTypes(schema.getType("Node") as GraphQLInterfaceType).map(({ name }) => name);
/** An id of each type, as an answer gave it. */
const ids: Record<string, string> = {};
let door: OpenDoor;

beforeAll(async () => {
  await createQueue(api, HOSTILE, "q");
  await createQueue(api, HOSTILE, "p", { _max_claim_count: 1, _dead_letter_queue: "missing" });
  await server().engine.operations.problemRounds.find(new AbortController().signal);
  await api.run(`mutation {
    createPool(input: { pool: "away", uri: "postgresql://u:p@127.0.0.1:1/n?schema=s", weight: 0, flavor: "far", verify: false }) { created }
    createKeyValueStore(input: { store: "s" }) { __typename }
    setKeyValues(input: { store: "s", entries: [{ key: "${HOSTILE.replace(/["\\]/g, "\\$&")}", value: { json: 1 } }] }) { __typename }
  }`);
  const made = await api.run(
    `mutation M($project: String) {
      createFlavor(input: { project: $project, flavor: "far", pools: ["away"], verify: false }) { flavor { id } }
      drainPool(input: { pool: "away" }) { job { id } }
    }`,
    { project: HOSTILE },
  );
  const { createPerson, createToken } = await api.run(`mutation {
    createToken(input: { name: "t", scopes: [READ] }) { token { id } }
    createPerson(input: { email: "pat@example.com", name: "Pat", grants: [{ role: VIEWER }] }) { person { id } }
  }`);
  const [personId = ""] = readNodeId("Person", createPerson.person.id) ?? [];
  await aSession(server().engine.config.DATABASE_URL, personId);
  const read = await api.run(
    `query R($project: String!) {
      queue(project: $project, queue: "q") { id catalogueEntry { id } }
      projects { nodes { id name } }
      pool(pool: "away") { id }
      auditEntries(project: $project, last: 1) { nodes { id } }
      keyValueStores { nodes { id name } }
      keyValue(store: "s", key: $project) { id }
      problems(filter: { project: $project }) { nodes { id } }
      people { nodes { id sessions { id } } }
    }`,
    { project: HOSTILE },
  );
  Object.assign(ids, {
    Queue: read.queue.id,
    CatalogueEntry: read.queue.catalogueEntry.id,
    Project: read.projects.nodes.find(({ name }: { name: string }) => name === HOSTILE).id,
    Pool: read.pool.id,
    Flavor: made.createFlavor.flavor.id,
    Job: made.drainPool.job.id,
    AuditEntry: read.auditEntries.nodes[0].id,
    KeyValueStore: read.keyValueStores.nodes.find(({ name }: { name: string }) => name === "s").id,
    KeyValue: read.keyValue.id,
    Problem: read.problems.nodes[0].id,
    Person: read.people.nodes[0].id,
    Token: createToken.token.id,
    Session: read.people.nodes[0].sessions[0].id,
  });
  door = await openDoor(server().engine.operations);
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => door.close());

/** What `nodes` answers to this caller. */
async function nodesFor(access: Partial<Grant>, asked: readonly string[]) {
  const caller = callerWith(access.role ?? "admin", access.projects);
  const query = "query N($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }";
  const { data, errors } = await door.executeAs(caller)(query, { ids: asked });
  expect(errors).toBeUndefined();
  return (data as { nodes: ({ __typename: string; id: string } | null)[] }).nodes;
}

test("every type that is a Node is read again by its id, alone and among others", async () => {
  expect(Object.keys(ids).sort()).toEqual([...types].sort());
  const all = Object.values(ids);
  expect(new Set(all).size).toBe(all.length);
  const expected = Object.entries(ids).map(([type, id]) => ({ __typename: type, id }));
  expect(await nodesFor({}, all)).toEqual(expected);
  for (const [type, id] of Object.entries(ids)) {
    expect(await api.run("query N($id: ID!) { node(id: $id) { __typename id } }", { id })).toEqual({
      node: { __typename: type, id },
    });
  }
});

test("an object has the same id on every path to it", async () => {
  await createQueue(api, "paths", "q");
  await postMessages(api, "paths", "q", [1, 2]);
  await createClaim(api, "paths", "q");
  const data = await api.run(`{
    queue(project: "paths", queue: "q") {
      id
      catalogueEntry { id queue { id createdAt } pool { id } }
      messages { nodes { queue { id } } }
      claims { nodes { queue { id } } }
    }
    queues(project: "paths") { nodes { id catalogueEntry { id } } }
    all: queues(allProjects: true) { nodes { id } }
    queueStats(project: "paths", queues: ["q"]) { queue { id } }
    catalogueEntry(project: "paths", queue: "q") { id queue { id } }
    pool(pool: "default") { id catalogue { nodes { id } } }
    pools { nodes { id } }
  }`);
  const { queue } = data;
  const again = await api.run("query N($ids: [ID!]!) { nodes(ids: $ids) { id } }", { ids: [queue.id, data.pool.id] });
  expect([
    queue.catalogueEntry.queue.id,
    queue.messages.nodes[0].queue.id,
    queue.claims.nodes[0].queue.id,
    data.queues.nodes[0].id,
    data.queueStats[0].queue.id,
    data.catalogueEntry.queue.id,
    again.nodes[0].id,
  ]).toEqual(Array(7).fill(queue.id));
  expect(data.all.nodes.map(({ id }: { id: string }) => id)).toContain(queue.id);
  expect([queue.catalogueEntry.pool.id, data.pools.nodes[0].id, again.nodes[1].id]).toEqual(
    Array(3).fill(data.pool.id),
  );
  const entry = queue.catalogueEntry.id;
  expect([data.catalogueEntry.id, data.queues.nodes[0].catalogueEntry.id]).toEqual([entry, entry]);
  expect(data.pool.catalogue.nodes.map(({ id }: { id: string }) => id)).toContain(entry);
});

test("what the caller may not see is null like what does not exist", async () => {
  const all = Object.values(ids);
  const inOthers = await nodesFor({ projects: ["other"] }, all);
  // Pools belong to no project. Key-value stores neither, and are for admins of all projects.
  expect(inOthers.flatMap((node) => node?.__typename ?? []).sort()).toEqual(["Pool"]);
  const asViewer = await nodesFor({ role: "viewer", projects: [HOSTILE] }, all);
  expect(asViewer.flatMap((node) => node?.__typename ?? []).sort()).toEqual([
    "CatalogueEntry",
    "Flavor",
    "Pool",
    "Problem",
    "Project",
    "Queue",
  ]);
});

test("a text that is no id, or the id of nothing, is null and no error", async () => {
  const broken = Object.values(ids).flatMap((id) => [
    `${id}x`,
    `${id}/x`,
    id.replace(":", ":x/"),
    id.replace(/:.*/, ":"),
    id.toLowerCase(),
    ` ${id}`,
    id.replace("%2F", "%2f"),
  ]);
  const texts = broken.filter((text) => !Object.values(ids).includes(text));
  texts.push(
    "",
    ":",
    "q",
    "Message:1",
    "Queue",
    "Queue:a",
    "Queue:%/q",
    "Queue:%00/q",
    "Queue:p/q%2",
    "toString:",
    "Job:01",
  );
  texts.push(
    `Queue:${"p".repeat(5000)}/q`,
    "Project:missing",
    "Pool:missing",
    "KeyValue:missing/a",
    "KeyValue:isimud.stores/s",
  );
  for (let at = 0; at < texts.length; at += 20) {
    const some = texts.slice(at, at + 20);
    expect(await nodesFor({}, some)).toEqual(some.map(() => null));
  }
  expect(await api.run('{ node(id: "Queue:%/q") { id } }')).toEqual({ node: null });
});

test("many ids of one type cost one call, also when an id comes twice", async () => {
  for (const name of ["a", "b", "c"]) await createQueue(api, "many", name);
  const asked = ["a", "b", "missing", "c", "a"].map((name) => writeNodeId("Queue", ["many", name]));
  const { queues, pools } = server().engine.operations;
  const [ofQueues, ofPools] = [vi.spyOn(queues, "getMany"), vi.spyOn(pools, "getMany")];
  const found = await nodesFor({}, [...asked, ids.Pool ?? ""]);
  expect(found.map((node) => node?.id ?? null)).toEqual([asked[0], asked[1], null, asked[3], asked[0], ids.Pool]);
  expect([ofQueues.mock.calls.length, ofPools.mock.calls.length]).toEqual([1, 1]);
  expect(ofQueues.mock.calls[0]?.[1].queues).toHaveLength(4);
  const tooMany = Array.from({ length: 21 }, (_, index) => `Pool:${index}`);
  expect(await api.codeOf("query N($ids: [ID!]!) { nodes(ids: $ids) { id } }", { ids: tooMany })).toBe("BAD_INPUT");
});

test("a type that cannot be read now is an error for each of its ids, and the others come", async () => {
  const gone = new DomainError("STORAGE_UNAVAILABLE", "It does not answer.");
  vi.spyOn(server().engine.operations.pools, "getMany").mockRejectedValue(gone);
  const { data, errors } = await api.send("query N($ids: [ID!]!) { nodes(ids: $ids) { id } }", {
    ids: [ids.Pool, ids.Queue],
  });
  expect(data).toEqual({ nodes: [null, { id: ids.Queue }] });
  expect(errors?.map(({ path, extensions }) => [path, extensions.code])).toEqual([
    [["nodes", 0], "STORAGE_UNAVAILABLE"],
  ]);
});

test("a node's fields are read as everywhere else", async () => {
  const query = `query N($id: ID!) { node(id: $id) {
    id ... on Queue { project name metadata stats { total } messages(last: 1) { nodes { id } } catalogueEntry { pool { name } } }
  } }`;
  expect(await api.run(query, { id: ids.Queue })).toEqual({
    node: {
      id: ids.Queue,
      project: HOSTILE,
      name: "q",
      metadata: {},
      stats: { total: 0 },
      messages: { nodes: [] },
      catalogueEntry: { pool: { name: "default" } },
    },
  });
});

test("an id belongs to one key only, whatever the names are", () => {
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("", "/", "%", "%2F", ":", HOSTILE));
  fc.assert(
    fc.property(fc.tuple(text, text), fc.tuple(text, text), (key, other) => {
      const id = writeNodeId("Queue", key);
      expect(readNodeId("Queue", id)).toEqual(key);
      expect(readNodeId("Flavor", id)).toBeNull();
      expect(writeNodeId("Queue", other) === id).toBe(key[0] === other[0] && key[1] === other[1]);
    }),
  );
});

test("a delete returns the ids of what is gone, by which clients take it out of their caches", async () => {
  const project = aProject();
  await createQueue(api, project, "q");
  const { queue } = await api.run(`query Q($project: String!) { queue(project: $project, queue: "q") { id } }`, {
    project,
  });
  const [message] = await postMessages(api, project, "q", [1]);
  const { deleteMessage } = await api.run(
    "mutation D($input: DeleteMessageInput!) { deleteMessage(input: $input) { deleted ids } }",
    { input: { project, queue: "q", id: message } },
  );
  expect(deleteMessage).toEqual({ deleted: 1, ids: [message] });
  for (const deleted of [1, 0]) {
    const { deleteQueue } = await api.run(
      "mutation D($input: DeleteQueueInput!) { deleteQueue(input: $input) { deleted ids } }",
      { input: { project, queue: "q" } },
    );
    expect(deleteQueue).toEqual({ deleted, ids: [queue.id] });
  }
});
