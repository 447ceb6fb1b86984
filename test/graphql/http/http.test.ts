import { gzipSync } from "node:zlib";
import { auditServer } from "graphql-http";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { DomainError } from "../../../server/errors.ts";
import { callerWith } from "../../support/access.ts";
import { answerOf } from "../client.ts";
import { type OpenDoor, openDoor } from "./door.ts";

let door: OpenDoor;
let created = 0;
beforeAll(async () => {
  door = await openDoor(
    {
      queues: {
        delete: async () => {
          created++;
          return { deleted: 1, undo: null };
        },
      },
    },
    { MAX_REQUEST_SIZE: 10_000 },
  );
});
afterAll(() => door.close());

const get = (parameters: Record<string, string>, headers: Record<string, string> = {}) =>
  fetch(`${door.url}?${new URLSearchParams(parameters)}`, { headers, redirect: "manual" });

test("it keeps every MUST and SHOULD of GraphQL over HTTP", async () => {
  // The audits send GET requests without a content type, as programs do. The protection against other sites needs a
  // header that their pages cannot set.
  const fetchFn = (url: string, init?: RequestInit) =>
    fetch(url, {
      ...init,
      headers: { ...(init?.headers as Record<string, string>), "apollo-require-preflight": "yes" },
    });
  const results = await auditServer({ url: door.url, fetchFn });
  expect(results).toHaveLength(61);
  const broken = results.filter(({ status, name }) => status !== "ok" && !name.startsWith("MAY"));
  expect(await Promise.all(broken.map(async (result) => [result.name, "reason" in result && result.reason]))).toEqual(
    [],
  );
});

test("a query can be sent by GET with the header that other sites' pages cannot set", async () => {
  const answer = await answerOf(await get({ query: "{ viewer { actor } }" }, { "apollo-require-preflight": "1" }));
  expect(answer.data).toEqual({ viewer: { actor: "tester" } });
});

test("a request that another site's page could send without asking is refused", async () => {
  const byGet = await answerOf(await get({ query: "{ viewer { actor } }" }));
  expect([byGet.status, byGet.errors?.[0]?.extensions.code]).toEqual([400, "BAD_INPUT"]);
  const asText = await door.sendText('{"query":"{ viewer { actor } }"}', { "content-type": "text/plain" });
  expect([asText.status, asText.data]).toEqual([400, undefined]);
});

test("a mutation never runs by GET", async () => {
  const query = 'mutation { deleteQueue(input: { queue: "q" }) { deleted } }';
  const answer = await get({ query }, { "apollo-require-preflight": "1" });
  expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
  const events = await get({ query }, { accept: "text/event-stream" });
  expect([events.status, events.headers.get("allow")]).toEqual([405, "POST"]);
  expect(created).toBe(0);
});

test("a browser that opens the endpoint is sent to the explorer", async () => {
  const answer = await get({}, { accept: "text/html,application/xhtml+xml,*/*;q=0.8" });
  expect([answer.status, answer.headers.get("location")]).toEqual([303, "/graphql"]);
});

test.each([
  ["malformed JSON", '{"query": "{ viewer { actor } }"', "not JSON"],
  ["bytes that are not UTF-8", new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]), "UTF-8"],
])("%s is 400", async (_what, body, reason) => {
  const answer = await door.sendText(body);
  expect(answer.status).toBe(400);
  expect(answer.errors?.[0]?.message).toContain(reason);
});

test.each(["", "[]", "null", "1", '"text"', "{}", '{"query":1}', '{"query":"{viewer{actor}}","variables":[]}'])(
  "the body %s is 400",
  async (body) => {
    const answer = await door.sendText(body);
    expect(answer.status).toBe(400);
    expect(answer.errors?.[0]?.extensions.code).toBe("BAD_INPUT");
  },
);

test("several operations in one request are refused", async () => {
  const answer = await door.sendText('[{"query":"{ viewer { actor } }"},{"query":"{ viewer { actor } }"}]');
  expect([answer.status, answer.errors?.[0]?.extensions.code]).toEqual([400, "BAD_INPUT"]);
});

test("a body that is too large is refused before it is read", async () => {
  const answer = await door.sendText(JSON.stringify({ query: `{ viewer { actor } } # ${"x".repeat(10_000)}` }));
  expect([answer.status, answer.errors?.[0]?.extensions.code]).toEqual([413, "TOO_LARGE"]);
});

test("a compressed body is not unpacked", async () => {
  const body = new Uint8Array(gzipSync(JSON.stringify({ query: "{ viewer { actor } }" })));
  const answer = await door.sendText(body, { "content-encoding": "gzip" });
  expect(answer.status).toBe(400);
});

test("each operation is counted by its type and outcome, and by nothing that a client chose", async () => {
  door.seen.length = 0;
  await door.send("query Secret { viewer { actor } }");
  await door.send("{ nonsense }");
  await door.executeAs(callerWith("viewer", "all", "a"))("{ viewer { actor } }");
  expect(door.seen).toEqual([
    { type: "query", outcome: "ok" },
    { type: "unknown", outcome: "error" },
    { type: "query", outcome: "ok" },
  ]);
});

test("a caller without access gets status 401, whatever they send and accept", async () => {
  const closed = await openDoor({}, {}, () => {
    throw new DomainError("UNAUTHENTICATED", "Sign in first.");
  });
  const answers = [
    await closed.send("{ viewer { actor } }"),
    await closed.send("{ viewer { actor } }", {}, { accept: "text/event-stream" }),
    await closed.sendText("{"),
  ];
  await closed.close();
  expect(answers.map(({ status }) => status)).toEqual([401, 401, 401]);
  expect(answers.map(({ errors }) => errors?.[0]?.extensions.code)).toEqual(Array(3).fill("UNAUTHENTICATED"));
});

test("a waiting operation is aborted when its client disconnects, and when the server closes", async () => {
  let began = 0;
  let ended = 0;
  const waiting = await openDoor({
    claims: {
      create: async (_access, { signal }) => {
        began++;
        await new Promise((resolve) => signal?.addEventListener("abort", resolve));
        ended++;
        return { claim: null, messages: [], deadLettered: 0 };
      },
    },
  });
  const query = 'mutation { createClaim(input: { queue: "q", waitSeconds: 20 }) { claim { id } } }';
  const controller = new AbortController();
  const gone = fetch(waiting.url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query }),
    signal: controller.signal,
  });
  await vi.waitFor(() => expect(began).toBe(1));
  controller.abort();
  await expect(gone).rejects.toThrow();
  await vi.waitFor(() => expect(ended).toBe(1));
  const stays = waiting.send(query);
  await vi.waitFor(() => expect(began).toBe(2));
  const closed = waiting.close();
  expect((await stays).data).toEqual({ createClaim: { claim: null } });
  await closed;
});
