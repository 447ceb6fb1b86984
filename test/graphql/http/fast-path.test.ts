/** Compares the fast path with Apollo. An empty `extensions` in a request makes it go through Apollo. */
import { request } from "undici";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DomainError } from "../../../server/errors.ts";
import { type OpenDoor, openDoor } from "./door.ts";

let door: OpenDoor;
let error: unknown;
let runs = 0;
beforeAll(async () => {
  door = await openDoor({
    queues: {
      get: async () => {
        runs++;
        throw error;
      },
      delete: async () => {
        runs++;
        throw error;
      },
    },
    claims: { create: async () => ({ claim: null, messages: [], deadLettered: 0 }) },
    messages: { post: async (_access, { messages }) => ({ ids: messages.map(({ bodyText }) => bodyText) }) },
  });
});
afterAll(() => door.close());

const POST =
  "mutation P($queue: String!, $messages: [PostMessageInput!]!) { postMessages(input: { queue: $queue, messages: $messages }) { ids } }";
const DELETE = 'mutation { deleteQueue(input: { queue: "q" }) { deleted } }';

const REQUESTS: Record<string, Record<string, unknown>> = {
  "a query": { query: "{ viewer { actor role } }" },
  "a query with nothing but a name of type": { query: "{ __typename }" },
  "the schema's own description": { query: "{ __schema { queryType { name } } }" },
  "a mutation with variables": { query: POST, variables: { queue: "q", messages: [{ body: { text: "1" } }] } },
  "an exact number": { query: POST, variables: { queue: "q", messages: [{ body: { json: [1.5, "é\u2028"] } }] } },
  "variables of null": { query: "{ viewer { actor } }", variables: null },
  "a name among several operations": {
    query: "query A { viewer { actor } } query B { viewer { role } }",
    operationName: "B",
  },
  "no name among several operations": { query: "query A { viewer { actor } } query B { viewer { role } }" },
  "a name that no operation has": { query: "query A { viewer { actor } }", operationName: "B" },
  "an empty name": { query: "query A { viewer { actor } }", operationName: "" },
  "a variable that is missing": { query: POST, variables: { queue: "q" } },
  "a variable of the wrong type": { query: POST, variables: { queue: 1, messages: [{ body: { text: 2 } }] } },
  "variables that are a list": { query: "{ viewer { actor } }", variables: [] },
  "a name that is a number": { query: "{ viewer { actor } }", operationName: 1 },
  "an error of a field that may be null": { query: '{ queue(queue: "q") { name } viewer { actor } }' },
  "an error that leaves nothing": { query: DELETE },
  "a document that is no document": { query: "{ viewer {" },
  "a field that is not there": { query: "{ viewer { nonsense } }" },
  "a document that asks for too much": {
    query: `{ ${Array.from({ length: 31 }, (_, n) => `a${n}: viewer { actor }`).join(" ")} }`,
  },
  "no document": { query: "" },
  "a subscription": { query: 'subscription { messagePosted(queue: "q") { id } }' },
};

const ACCEPTS = [
  undefined,
  "*/*",
  "application/json",
  "application/graphql-response+json",
  "application/graphql-response+json,application/json;q=0.9",
  "application/graphql-response+json, application/json;q=0.9",
  "application/json, text/plain",
  "text/csv",
];

const ERRORS = [
  new DomainError("QUEUE_DOES_NOT_EXIST", "There is no such queue."),
  new DomainError("STORAGE_UNAVAILABLE", "The storage does not answer."),
  new Error("secret"),
];

async function answerOf(body: Record<string, unknown>, accept: string | undefined) {
  // Not with fetch, which always sends an Accept header.
  const answer = await request(door.url, {
    method: "POST",
    headers: { "content-type": "application/json", ...(accept === undefined ? {} : { accept }) },
    body: JSON.stringify(body),
  });
  const { date: _date, ...headers } = answer.headers;
  return { status: answer.statusCode, headers, text: await answer.body.text() };
}

test.each(Object.keys(REQUESTS))(
  "%s has the same answer on the fast path as through Apollo, byte for byte",
  async (what) => {
    const body = REQUESTS[what] as Record<string, unknown>;
    for (error of ERRORS) {
      for (const accept of ACCEPTS) {
        door.seen.length = 0;
        const short = await answerOf(body, accept);
        const seen = [...door.seen];
        door.seen.length = 0;
        expect(short).toEqual(await answerOf({ ...body, extensions: {} }, accept));
        expect(seen).toEqual(door.seen);
      }
    }
  },
);

test("an operation runs once, on the fast path and through Apollo", async () => {
  error = ERRORS[0];
  runs = 0;
  await answerOf({ query: DELETE }, "application/json");
  await answerOf({ query: DELETE, extensions: {} }, "application/json");
  await answerOf({ query: DELETE }, "text/csv");
  expect(runs).toBe(3);
});
