import { afterAll, beforeAll, expect, test } from "vitest";
import { DomainError, ERROR_CODES, type ErrorCode, type ErrorFacts, HTTP_STATUS } from "../../../server/errors.ts";
import { defect } from "../../../server/storage/errors/storage-errors.ts";
import { emptyPage } from "../../../server/storage/list-pages.ts";
import { ADMIN, type OpenDoor, openDoor } from "./door.ts";

let door: OpenDoor;
let error: unknown;
const fail = async () => {
  throw error;
};
beforeAll(async () => {
  door = await openDoor({
    queues: {
      delete: fail,
      get: fail,
      statsMany: fail,
      list: async () => emptyPage(),
      watchStats: () => ({ next: fail, return: async () => {}, [Symbol.asyncIterator]: fail }) as never,
    },
    claims: { get: fail },
    messages: { get: fail, first: fail },
    subscriptions: { get: fail },
    pools: { get: fail },
    flavors: { get: fail },
    catalogue: { get: fail },
    keyValueStores: { getValue: fail },
    audit: { noteRefusal: async () => {} },
  });
});
afterAll(() => door.close());

const DELETE = 'mutation { deleteQueue(input: { queue: "q" }) { deleted } }';

test.each(Object.keys(ERROR_CODES) as ErrorCode[])("%s comes with its code, status and details", async (code) => {
  error = new DomainError(code, "What is wrong. What to do.", {
    details: { id: "x" },
    cause: new Error("SELECT secret"),
  });
  const { errors, text, status, headers } = await door.send(DELETE);
  const facts: ErrorFacts = ERROR_CODES[code];
  const expected = HTTP_STATUS[facts.kind];
  const retryAfterSeconds = facts.retry === "NEVER" ? null : facts.retryAfterSeconds;
  const details = { id: "x", ...(code === "INTERNAL" ? { requestId: ADMIN.requestId } : {}) };
  expect(errors).toEqual([
    {
      message: "What is wrong. What to do.",
      locations: [{ line: 1, column: 12 }],
      path: ["deleteQueue"],
      extensions: { code, status: expected, retry: facts.retry, retryAfterSeconds, details },
    },
  ]);
  expect(text).not.toContain("secret");
  expect(status).toBe(expected === 503 ? 503 : 200);
  expect(headers.get("retry-after")).toBe(expected === 503 ? String(retryAfterSeconds) : null);
});

test("an unexpected error says no more than the request's id, and goes to the log", async () => {
  error = new Error('relation "queues" does not exist at postgres://user:password@host');
  door.logged.length = 0;
  const reads = [
    (await door.send(DELETE)).errors,
    (await door.executeAs(ADMIN)(DELETE)).errors,
    (await (await door.listen(DELETE)).next())?.errors,
    (await (await door.listen('subscription { queueStatsChanged(queues: ["q"]) { queueName } }')).next())?.errors,
  ];
  for (const errors of reads) {
    expect(errors).toHaveLength(1);
    expect(errors?.[0]?.extensions).toEqual({
      code: "INTERNAL",
      status: 500,
      retry: "NEVER",
      retryAfterSeconds: null,
      details: { requestId: ADMIN.requestId },
    });
    expect(errors?.[0]?.message).toContain(ADMIN.requestId);
    expect(JSON.stringify(errors)).not.toMatch(/password|relation|\.ts/);
  }
  expect(door.logged).toHaveLength(reads.length);
  expect(door.logged[0]?.details).toMatchObject({ err: error, requestId: ADMIN.requestId });
});

test("a defect that a storage reports goes to the log with its cause, once at each door", async () => {
  const refused = new Error("relation does not exist");
  error = defect("The storage refused a statement.", refused);
  door.logged.length = 0;
  const reads = [
    (await door.send(DELETE)).errors,
    (await door.executeAs(ADMIN)(DELETE)).errors,
    (await (await door.listen(DELETE)).next())?.errors,
    (await (await door.listen('subscription { queueStatsChanged(queues: ["q"]) { queueName } }')).next())?.errors,
  ];
  for (const errors of reads) {
    expect(errors?.[0]).toMatchObject({ extensions: { code: "INTERNAL", details: { requestId: ADMIN.requestId } } });
    expect(JSON.stringify(errors)).not.toContain("relation");
  }
  expect(door.logged).toHaveLength(reads.length);
  for (const { details } of door.logged) {
    expect(details).toMatchObject({ err: { cause: refused }, requestId: ADMIN.requestId });
  }
});

test("a thrown value that is no error is handled too", async () => {
  error = "text";
  expect((await door.send(DELETE)).errors?.[0]?.extensions.code).toBe("INTERNAL");
});

test("only what is safe to repeat is 503, which clients and proxies repeat by themselves", () => {
  const codes = Object.values<ErrorFacts>(ERROR_CODES);
  expect(codes.filter(({ kind }) => HTTP_STATUS[kind] === 503).map(({ retry }) => retry)).not.toContain("NEVER");
  expect(codes.filter(({ kind, retry }) => HTTP_STATUS[kind] === 503 && retry !== "SAFE")).toEqual([]);
  expect(ERROR_CODES.OUTCOME_UNKNOWN.retry).toBe("WITH_KEY");
  expect(ERROR_CODES.NO_POOL_FOUND.retry).toBe("NEVER");
});

test("an answer is not 503 when one of its writes may have happened", async () => {
  const away = new DomainError("STORAGE_UNAVAILABLE", "Away.");
  const unknown = new DomainError("OUTCOME_UNKNOWN", "Perhaps.");
  const failures = [away, unknown];
  const two = await openDoor({ queues: { delete: async () => Promise.reject(failures.shift()) } });
  const { status, headers, errors } = await two.send(
    'mutation { a: deleteQueue(input: { queue: "a" }) { deleted } b: deleteQueue(input: { queue: "b" }) { deleted } }',
  );
  await two.close();
  expect([status, headers.get("retry-after")]).toEqual([200, null]);
  expect(errors?.map(({ path, extensions }) => [path, extensions.retry])).toEqual([
    [["a"], "SAFE"],
    [["b"], "WITH_KEY"],
  ]);
});

test("a change of which a part was made is not safe to repeat without its key, and is not 503", async () => {
  const details = { partial: true, messages: 500 };
  const half = await openDoor({
    queues: { purge: () => Promise.reject(new DomainError("STORAGE_UNAVAILABLE", "Away.", { details })) },
  });
  const { status, errors } = await half.send('mutation { purgeQueue(input: { queue: "q" }) { messages } }');
  await half.close();
  expect(status).toBe(200);
  expect(errors).toMatchObject([{ extensions: { code: "STORAGE_UNAVAILABLE", retry: "WITH_KEY", details } }]);
});

test("a part of the answer to a mutation that cannot be read asks nobody to repeat the mutation", async () => {
  error = new DomainError("STORAGE_UNAVAILABLE", "Away.");
  const created = { project: "p", name: "q", metadataText: "{}", createdAt: new Date(), updatedAt: new Date() };
  const half = await openDoor({
    queues: { create: async () => ({ created: true, queue: created }) as never, stats: fail, statsMany: fail },
  });
  const query = 'mutation { createQueue(input: { project: "p", queue: "q" }) { created queue { stats { total } } } }';
  const { errors, status } = await half.send(query);
  await half.close();
  expect(status).toBe(200);
  expect(errors?.map(({ extensions }) => [extensions.code, extensions.retry])).toEqual([
    ["STORAGE_UNAVAILABLE", "WITH_KEY"],
  ]);
});

test("an unreachable storage is 503 with the time to wait, unless another field has an answer", async () => {
  error = new DomainError("STORAGE_UNAVAILABLE", "The storage does not answer. Try again in a few seconds.");
  const alone = await door.send('{ queue(queue: "q") { name } }');
  expect([alone.status, alone.headers.get("retry-after")]).toEqual([503, "2"]);
  const together = await door.send('{ queue(queue: "q") { name } viewer { actor } }');
  expect([together.status, together.data]).toEqual([200, { queue: null, viewer: { actor: "tester" } }]);
});

test.each([
  ['queue(queue: "q") { name }', "QUEUE_DOES_NOT_EXIST"],
  ['message(queue: "q", id: "m") { id }', "MESSAGE_DOES_NOT_EXIST"],
  ['claim(queue: "q", claimId: "c") { id }', "CLAIM_DOES_NOT_EXIST"],
  ['queueSubscription(queue: "q", id: "s") { id }', "SUBSCRIPTION_DOES_NOT_EXIST"],
  ['pool(pool: "p") { name }', "POOL_DOES_NOT_EXIST"],
  ['flavor(flavor: "f") { name }', "FLAVOR_DOES_NOT_EXIST"],
  ['catalogueEntry(queue: "q") { poolName }', "QUEUE_NOT_MAPPED"],
  ['keyValue(store: "s", key: "k") { key }', "KEY_DOES_NOT_EXIST"],
] as const)("reading %s answers %s with null", async (field, code) => {
  error = new DomainError(code, "It is not there.");
  const { data, errors } = await door.send(`{ ${field} }`);
  expect(errors).toBeUndefined();
  expect(Object.values(data)).toEqual([null]);
  error = new DomainError("FORBIDDEN", "Not yours.");
  expect(await door.codeOf(`{ ${field} }`)).toBe("FORBIDDEN");
});

test("pages that go both ways at once are refused", async () => {
  for (const args of [
    'first: 1, last: 1, before: "a"',
    'before: "a"',
    'last: 1, before: "a", after: "b"',
    'first: 1, before: "a"',
  ]) {
    expect(await door.codeOf(`{ queues(${args}) { nodes { name } } }`), args).toBe("BAD_INPUT");
  }
});
