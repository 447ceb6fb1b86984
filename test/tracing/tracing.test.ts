/** Traces, as a collector gets them: see server/tracing. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import Fastify from "fastify";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { readConfig } from "../../server/config.ts";
import { FailureLog } from "../../server/failure-log.ts";
import { openTracing } from "../../server/tracing/open.ts";
import { type CollectedSpan, type Collector, startCollector } from "../support/otlp.ts";
import { freePort } from "../support/process.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";
const CALLER = `00-${TRACE}-${PARENT}-01`;
const KINDS = { internal: 1, server: 2, producer: 4, consumer: 5 };

interface Answer {
  data: Record<string, unknown> | null;
  errors?: { extensions: { code: string } }[];
}

async function ask(url: string, query: string, variables: object = {}, headers = {}): Promise<Answer> {
  const answer = await fetch(`${url}/api/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ query, variables }),
  });
  return (await answer.json()) as Answer;
}

const POST = "mutation Post($input: PostMessagesInput!) { postMessages(input: $input) { ids } }";
const CLAIM = `mutation Claim($input: CreateClaimInput!) {
  createClaim(input: $input) { claim { id } messages { id headers { name value } } }
}`;
const DELETE = "mutation Delete($input: DeleteMessagesInput!) { deleteMessages(input: $input) { deleted } }";

interface Given {
  body?: unknown;
  headers?: { name: string; value: string }[];
}
interface Taken {
  claim: { id: string } | null;
  messages: { id: string; headers: { name: string; value: string }[] }[];
}

let collector: Collector;
let server: TestServer;
beforeAll(async () => {
  vi.stubEnv("OTEL_SERVICE_NAME", "queues of the shop");
  vi.stubEnv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test");
  vi.stubEnv("OTEL_EXPORTER_OTLP_HEADERS", "x-collector-key=opened%20by%20it");
  collector = await startCollector();
  server = await startTestServer({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: "10" });
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await server.close();
  await collector.close();
});

let queues = 0;
/** A queue that no other test uses: its name is in the names of its spans. */
async function aQueue(): Promise<string> {
  queues += 1;
  const queue = `orders-${queues}`;
  await ask(server.url, "mutation ($input: CreateQueueInput!) { createQueue(input: $input) { created } }", {
    input: { project: "shop", queue },
  });
  return queue;
}

async function post(queue: string, messages: Given[], input: object = {}, sent = {}): Promise<string[]> {
  const given = {
    project: "shop",
    queue,
    messages: messages.map(({ body = 1, headers }) => ({ body: { json: body }, headers })),
    ...input,
  };
  const { data, errors } = await ask(server.url, POST, { input: given }, sent);
  expect(errors).toBeUndefined();
  return (data as unknown as { postMessages: { ids: string[] } }).postMessages.ids;
}

async function claim(queue: string, headers = {}): Promise<Taken> {
  const { data } = await ask(server.url, CLAIM, { input: { project: "shop", queue, limit: 100 } }, headers);
  return (data as unknown as { createClaim: Taken }).createClaim;
}

const headerOf = ({ headers }: Taken["messages"][number]) =>
  headers.find(({ name }) => name === "traceparent")?.value ?? null;
const traceparentOf = ({ traceId, spanId }: CollectedSpan) => `00-${traceId}-${spanId}-01`;
const linksOf = ({ links }: CollectedSpan) => links.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`);
const parentOf = ({ parentSpanId }: CollectedSpan) => collector.spans.find(({ spanId }) => spanId === parentSpanId);

describe("the life of a message", () => {
  test("a post is a part of the caller's trace, and claim and delete link to the post", async () => {
    const queue = await aQueue();
    const ids = await post(queue, [{}, {}], {}, { traceparent: CALLER });
    const taken = await claim(queue);
    await ask(server.url, DELETE, { input: { project: "shop", queue, ids, claimIds: [taken.claim?.id] } });

    const [posted] = (await collector.named(`post ${queue}`)) as [CollectedSpan];
    expect(posted).toMatchObject({ traceId: TRACE, kind: KINDS.producer, status: { code: 0 } });
    expect(posted.attributes).toEqual({
      "messaging.system": "isimud",
      "messaging.operation.name": "post",
      "messaging.operation.type": "send",
      "messaging.destination.name": queue,
      "isimud.project": "shop",
      "messaging.batch.message_count": 2,
    });
    const operation = parentOf(posted) as CollectedSpan;
    expect(operation).toMatchObject({
      name: "mutation Post",
      attributes: { "graphql.operation.type": "mutation", "graphql.operation.name": "Post" },
    });
    const request = parentOf(operation) as CollectedSpan;
    expect(request).toMatchObject({ name: "POST /api/graphql", kind: KINDS.server, parentSpanId: PARENT });
    expect(request.attributes).toEqual({
      "http.request.method": "POST",
      "http.route": "/api/graphql",
      "http.response.status_code": 200,
      "isimud.request.id": expect.stringMatching(/^[\da-f-]{36}$/),
    });

    expect(taken.messages.map(headerOf)).toEqual([traceparentOf(posted), traceparentOf(posted)]);
    const [claimed] = (await collector.named(`claim ${queue}`)) as [CollectedSpan];
    const [deleted] = (await collector.named(`delete ${queue}`)) as [CollectedSpan];
    expect(claimed).toMatchObject({ kind: KINDS.consumer, attributes: { "messaging.operation.type": "receive" } });
    expect(deleted).toMatchObject({ kind: KINDS.internal, attributes: { "messaging.operation.type": "settle" } });
    for (const span of [claimed, deleted]) {
      expect(span.traceId).not.toBe(TRACE);
      expect(span.attributes["messaging.batch.message_count"]).toBe(2);
      expect(linksOf(span)).toEqual([traceparentOf(posted), traceparentOf(posted)]);
      expect(span.links.map(({ attributes }) => attributes["messaging.message.id"])).toEqual(ids);
    }
  });

  test("a delete finds the post of a message that was claimed elsewhere", async () => {
    const queue = await aQueue();
    const [id = ""] = await post(queue, [{}]);
    const document = "mutation ($input: DeleteMessageInput!) { deleteMessage(input: $input) { deleted } }";
    const { data } = await ask(server.url, document, { input: { project: "shop", queue, id } });
    expect(data).toEqual({ deleteMessage: { deleted: 1 } });
    const [posted] = (await collector.named(`post ${queue}`)) as [CollectedSpan];
    const [deleted] = (await collector.named(`delete ${queue}`)) as [CollectedSpan];
    expect(linksOf(deleted)).toEqual([traceparentOf(posted)]);
    expect(deleted.attributes["messaging.message.id"]).toBe(id);
  });

  test("a pop links to the post, and so does one of many queues", async () => {
    const queue = await aQueue();
    const many = "mutation ($input: PostToQueuesInput!) { postToQueues(input: $input) { results { queueName } } }";
    const posts = [queue, "no-such-queue"].map((name) => ({
      project: "shop",
      queue: name,
      messages: [{ body: { json: 1 } }],
    }));
    await ask(server.url, many, { input: { posts } });
    const pop = "mutation ($input: PopMessagesInput!) { popMessages(input: $input) { messages { id } } }";
    await ask(server.url, pop, { input: { project: "shop", queue } });
    const [posted] = (await collector.named("post")) as [CollectedSpan];
    expect(posted.attributes).toMatchObject({
      "messaging.batch.message_count": 2,
      "error.type": "QUEUE_DOES_NOT_EXIST",
    });
    const [popped] = (await collector.named(`pop ${queue}`)) as [CollectedSpan];
    expect(popped.kind).toBe(KINDS.consumer);
    expect(linksOf(popped)).toEqual([traceparentOf(posted)]);
  });

  test("a message keeps the context that its client gave it, and the post links there", async () => {
    const queue = await aQueue();
    await post(queue, [{ headers: [{ name: "traceparent", value: CALLER }] }, {}]);
    const [given, own] = (await claim(queue)).messages.map(headerOf);
    const [posted] = (await collector.named(`post ${queue}`)) as [CollectedSpan];
    expect([given, own]).toEqual([CALLER, traceparentOf(posted)]);
    expect(linksOf(posted)).toEqual([CALLER]);
    const [claimed] = (await collector.named(`claim ${queue}`)) as [CollectedSpan];
    expect(linksOf(claimed)).toEqual([CALLER, traceparentOf(posted)]);
  });

  test("an invalid context is ignored: of the request, and of a message, which keeps it", async () => {
    const queue = await aQueue();
    const invalid = `00-${TRACE}-${PARENT}`;
    await post(queue, [{ headers: [{ name: "traceparent", value: invalid }] }], {}, { traceparent: invalid });
    expect((await claim(queue)).messages.map(headerOf)).toEqual([invalid]);
    const [posted] = (await collector.named(`post ${queue}`)) as [CollectedSpan];
    expect(posted.traceId).not.toBe(TRACE);
    expect(posted.links).toEqual([]);
    const [claimed] = (await collector.named(`claim ${queue}`)) as [CollectedSpan];
    expect(claimed.links).toEqual([]);
  });

  test("what the caller does not sample gets no spans, and its messages no header", async () => {
    const queue = await aQueue();
    await post(queue, [{}], {}, { traceparent: `00-${TRACE}-${PARENT}-00` });
    expect((await claim(queue)).messages.map(headerOf)).toEqual([null]);
    await collector.named(`claim ${queue}`);
    expect(collector.spans.filter(({ name }) => name === `post ${queue}`)).toEqual([]);
  });
});

describe("limits", () => {
  test("a repeat with an idempotency key is the same post, whatever its trace", async () => {
    const queue = await aQueue();
    const once = { idempotencyKey: "once" };
    const ids = await post(queue, [{}], once);
    expect(await post(queue, [{}], once, { traceparent: CALLER })).toEqual(ids);
    const headers = [{ name: "traceparent", value: CALLER }];
    expect(await post(queue, [{ headers }], once)).toEqual(ids);
    expect((await claim(queue)).messages).toHaveLength(1);
  });

  test("a message with as many headers as it may have is taken without one more", async () => {
    const queue = await aQueue();
    const headers = Array.from({ length: 64 }, (_, index) => ({ name: `h${index}`, value: "x" }));
    const large = [{ name: "large", value: "x".repeat(16 * 1024 - '{"large":""}'.length) }];
    await post(queue, [{ headers }, { headers: large }, {}]);
    const { messages } = await claim(queue);
    expect(messages.map((message) => message.headers.length)).toEqual([64, 1, 1]);
    expect(messages.map((message) => headerOf(message) === null)).toEqual([true, true, false]);
  });

  test("a post as large as it may be is taken, with as many contexts as there is room for", async () => {
    const queue = await aQueue();
    const attributes =
      "mutation ($input: UpdateQueueAttributesInput!) { updateQueueAttributes(input: $input) { queue { name } } }";
    const { errors } = await ask(server.url, attributes, {
      input: { project: "shop", queue, attributes: { maxMessagesPostBytes: 1000 } },
    });
    expect(errors).toBeUndefined();
    // Two quotes each, and 73 bytes for one context.
    await post(queue, [{ body: "x".repeat(458) }, { body: "x".repeat(458) }]);
    await post(queue, [{ body: "x".repeat(998) }]);
    const { messages } = await claim(queue);
    expect(messages.map((message) => headerOf(message) === null)).toEqual([false, true, true]);
  });
});

describe("what is sent", () => {
  test("has nothing of bodies, variables, headers, query strings and errors' texts", async () => {
    const queue = await aQueue();
    const secret = "hush-hush";
    const headers = { "x-secret": secret, authorization: `Bearer ${secret}`, cookie: `a=${secret}` };
    await post(queue, [{ body: secret, headers: [{ name: secret, value: secret }] }], { clientId: secret }, headers);
    await ask(server.url, `query Wrong { queue(project: "${secret}", queue: "&") { name } }`);
    await fetch(`${server.url}/api/nothing?code=${secret}`, { headers });
    await fetch(`${server.url}/api/graphql?query={__typename}&variables={"a":"${secret}"}`, {
      headers: { "apollo-require-preflight": "true" },
    });
    await ask(server.url, CLAIM, { input: { project: "shop", queue: "no name" } });
    await claim(queue);
    await collector.named(`claim ${queue}`);
    expect(collector.text()).not.toContain(secret);
    const [wrong] = await collector.named("query Wrong");
    expect(wrong).toMatchObject({ status: { code: 2, message: "" } });
    const [nothing] = await collector.named("GET /api/*");
    expect(nothing?.attributes).toMatchObject({ "http.response.status_code": 404 });
    expect(nothing?.status.code).toBe(0);
    const [refused] = await collector.named("claim no name");
    expect(refused).toMatchObject({ attributes: { "error.type": "BAD_INPUT" }, status: { code: 2, message: "" } });
  });

  test("names the service, with what OpenTelemetry's variables say", () => {
    const [span] = collector.spans as [CollectedSpan];
    expect(span.resource).toEqual({
      "service.name": "queues of the shop",
      "deployment.environment.name": "test",
      "process.pid": process.pid,
    });
    expect(collector.requests[0]).toMatchObject({
      path: "/v1/traces",
      headers: { "x-collector-key": "opened by it", "content-type": "application/x-protobuf" },
    });
  });

  test("leaves out what probes ask", async () => {
    const before = collector.spans.length;
    for (const path of ["health", "health/live", "health/ready", "metrics"]) await fetch(`${server.url}/api/${path}`);
    const queue = await aQueue();
    await claim(queue);
    await collector.named(`claim ${queue}`);
    const names = new Set(collector.spans.slice(before).map(({ name }) => name));
    expect(names).toEqual(new Set(["POST /api/graphql", "mutation", "mutation Claim", `claim ${queue}`]));
  });
});

describe("other settings", () => {
  test("a stop sends what waits to be sent", async () => {
    const own = await startCollector();
    const stopping = await startTestServer({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${own.url}/traces?of=us` });
    await ask(stopping.url, "query Last { __typename }");
    await stopping.shutDown({ hasty: false });
    expect(own.spans.map(({ name }) => name)).toEqual(["query Last", "POST /api/graphql"]);
    expect(own.requests.map(({ path }) => path)).toEqual(["/traces?of=us"]);
    await stopping.close();
    await own.close();
  });

  test("a ratio samples whole traces", async () => {
    const own = await startCollector();
    const none = { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0" };
    const unsampled = await startTestServer({ OTEL_EXPORTER_OTLP_ENDPOINT: own.url, ...none });
    // The caller's wish does not count with this sampler.
    expect((await ask(unsampled.url, "query Last { __typename }", {}, { traceparent: CALLER })).errors).toBeUndefined();
    await unsampled.close();
    expect(own.requests).toEqual([]);
    await own.close();
  });

  test("without a collector at its address everything works, and the end comes in time", async () => {
    const down = await startTestServer({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}` });
    for (let request = 0; request < 20; request += 1) {
      expect((await ask(down.url, "{ __typename }")).data).toEqual({ __typename: "Query" });
    }
    const begun = performance.now();
    await down.shutDown({ hasty: true });
    // The exporter alone would try for ten seconds.
    expect(performance.now() - begun).toBeLessThan(8000);
    await down.close();
  });

  test("a collector that refuses is told once, and once more when it takes spans again", async () => {
    const own = await startCollector({ status: 400 });
    const told: string[] = [];
    const tell = (message: string) => told.push(message);
    vi.stubEnv("OTEL_EXPORTER_OTLP_TIMEOUT", "soon");
    const tracing = await openTracing({
      config: readConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: own.url, OTEL_BSP_SCHEDULE_DELAY: "1" }),
      failures: new FailureLog({ warn: tell, info: tell }),
      warn: tell,
    });
    vi.stubEnv("OTEL_EXPORTER_OTLP_TIMEOUT", undefined);
    const app = Fastify();
    tracing?.traceRequests(app);
    app.get("/", () => "hello");
    const exportOne = async () => {
      const before = own.requests.length;
      await app.inject("/");
      await vi.waitUntil(() => own.requests.length > before);
    };
    for (let time = 0; time < 3; time += 1) await exportOne();
    own.answerWith(200);
    await exportOne();
    await expect.poll(() => told).toHaveLength(3);
    expect(told).toEqual([
      expect.stringMatching(/^OpenTelemetry: .*OTEL_EXPORTER_OTLP_TIMEOUT/),
      "The export of traces failed; the next line about it comes when it recovers",
      "The export of traces recovered",
    ]);
    expect(own.spans[0]).toMatchObject({ name: "GET /", attributes: { "http.response.status_code": 200 } });
    await app.close();
    await tracing?.close();
    await own.close();
  });

  test("without a setting nothing of OpenTelemetry's SDK is loaded", () => {
    const hooks = `
      import { registerHooks } from "node:module";
      import { readConfig } from "./server/config.ts";
      import { openTracing } from "./server/tracing/open.ts";
      const loaded = new Set();
      registerHooks({ load(url, context, next) {
        const [, name] = url.match(/@opentelemetry\\/([^/]+)/) ?? [];
        if (name) loaded.add(name);
        return next(url, context);
      } });
      for (const settings of [{}, { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" }]) {
        const tracing = await openTracing({ config: readConfig(settings), failures: { failed() {}, succeeded() {} } });
        console.log(JSON.stringify([tracing !== null, loaded.has("sdk-trace"), loaded.size > 0]));
        await tracing?.close();
      }`;
    const cwd = fileURLToPath(new URL("../..", import.meta.url));
    const output = execFileSync(process.execPath, ["--input-type=module", "--eval", hooks], { cwd, encoding: "utf8" });
    expect(
      output
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      [false, false, false],
      [true, true, true],
    ]);
  });
});
