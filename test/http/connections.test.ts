/** What happens to connections at shutdown, and when a client sends an invalid or too large request. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startTestServer, type TestServer } from "../support/server.ts";

const QUERY = JSON.stringify({ query: "{ __typename }" });
const HEADERS = { "content-type": "application/json" };

function portOf(server: TestServer): number {
  return Number(new URL(server.url).port);
}

/** A connection that records what it receives. */
async function open(server: TestServer): Promise<Socket & { heard(): string; ended: Promise<unknown> }> {
  const socket = connect(portOf(server), "127.0.0.1");
  let heard = "";
  socket.on("data", (chunk) => {
    heard += chunk;
  });
  const ended = once(socket, "close");
  await once(socket, "connect");
  return Object.assign(socket, { heard: () => heard, ended });
}

/** Resolves with the server's end of the next connection, as far as a test may look at it. */
async function nextAccepted(): Promise<{ bytesRead(): number }> {
  const { socket } = await new Promise<{ socket: Socket }>((resolve) => {
    const accept = (message: unknown) => {
      unsubscribe("net.server.socket", accept);
      resolve(message as { socket: Socket });
    };
    subscribe("net.server.socket", accept);
  });
  return { bytesRead: () => socket.bytesRead };
}

const asks = (server: TestServer, path = "/api/health/live") =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${portOf(server)}\r\n\r\n`;

/** A worker with eight clients that send requests until nobody listens, and count the outcomes. */
const KEEP_ASKING = `
  const { parentPort, workerData: { url, body } } = require("node:worker_threads");
  const { Agent, request } = require("node:http");
  const agent = new Agent({ keepAlive: true });
  const counts = {};
  const ask = () => new Promise((resolve) => {
    const outgoing = request(url, { method: "POST", headers: { "content-type": "application/json" }, agent }, (incoming) => {
      incoming.resume().once("end", () => resolve(incoming.statusCode + " " + incoming.headers.connection));
    });
    outgoing.on("error", (error) => resolve(error.code ?? error.message));
    outgoing.end(body);
  });
  let asked = 0;
  const client = async () => {
    for (let outcome = ""; outcome !== "ECONNREFUSED"; ) {
      outcome = await ask();
      counts[outcome] = (counts[outcome] ?? 0) + 1;
      if (++asked === 100) parentPort.postMessage("asking");
    }
  };
  Promise.all(Array.from({ length: 8 }, client)).then(() => parentPort.postMessage(counts));
`;

const isListening = (server: TestServer | undefined) =>
  fetch(`${server?.url}/api/health/live`, { headers: { connection: "close" } }).then(
    () => true,
    () => false,
  );

describe("when the service ends", () => {
  let server: TestServer | undefined;
  afterEach(() => server?.close());

  test("clients that keep sending requests are told to close, and at most one is reset", async () => {
    const own = await startTestServer({ DRAIN_SECONDS: "1" });
    server = own;
    // In another thread: in this one they could connect only between two turns of the server.
    const callers = new Worker(KEEP_ASKING, { eval: true, workerData: { url: `${own.url}/api/graphql`, body: QUERY } });
    await once(callers, "message");
    const outcomes = once(callers, "message");
    const closed = own.shutDown({ hasty: false });
    const [counts] = await outcomes;
    await closed;
    const { ECONNRESET = 0, ...others } = counts as Record<string, number>;
    expect(Object.keys(others).sort()).toEqual(["200 close", "200 keep-alive", "ECONNREFUSED"]);
    // One request may arrive between the server's last check and the close.
    expect(ECONNRESET).toBeLessThanOrEqual(1);
  });

  test("a running answer says that it is the last, an idle connection serves one more request, and then all connections end", async () => {
    server = await startTestServer();
    const idle = await open(server);
    idle.write(asks(server));
    await expect.poll(idle.heard).toContain("HTTP/1.1 200");
    const unused = await open(server);
    const waiting = await open(server);
    const body = JSON.stringify({
      query: `mutation { createClaim(input: { project: "p", queue: "q", createQueue: true, waitSeconds: 20 }) { claim { id } } }`,
    });
    waiting.write(
      `POST /api/graphql HTTP/1.1\r\nHost: 127.0.0.1:${portOf(server)}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const { url } = server;
    const isWaiting = async () => {
      const answer = await fetch(`${url}/api/graphql`, {
        method: "POST",
        headers: { ...HEADERS, connection: "close" },
        body: JSON.stringify({ query: `{ queue(project: "p", queue: "q") { name } }` }),
      });
      return (await answer.json()).data.queue;
    };
    await expect.poll(isWaiting).not.toBeNull();

    const closed = server.shutDown({ hasty: false });
    await waiting.ended;
    expect(waiting.heard()).toContain('{"createClaim":{"claim":null}}');
    expect(waiting.heard()).toMatch(/connection: close/i);
    await expect.poll(() => isListening(server)).toBe(false);
    // A connection that was open gets one more answer.
    idle.write(asks(server, "/api/nothing"));
    await idle.ended;
    expect(idle.heard()).toMatch(/HTTP\/1.1 404[\s\S]*connection: close/i);
    await unused.ended;
    await closed;
  });

  test("a request that has begun to arrive is answered", async () => {
    server = await startTestServer();
    const accepted = nextAccepted();
    const slow = await open(server);
    const text = asks(server);
    slow.write(text.slice(0, 30));
    const { bytesRead } = await accepted;
    await expect.poll(bytesRead).toBe(30);
    const closed = server.shutDown({ hasty: true });
    await expect.poll(() => isListening(server)).toBe(false);
    slow.write(text.slice(30));
    await slow.ended;
    expect(slow.heard()).toMatch(/^HTTP\/1.1 200/);
    await closed;
  });
});

describe("requests that are refused", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server.close());

  test("a body that is too large is refused while it is sent, and the client gets the answer", async () => {
    for (const body of [Buffer.alloc(5_000_000, " "), new Blob(["x".repeat(20_000_000)]).stream()]) {
      const answer = await fetch(`${server.url}/api/graphql`, {
        method: "POST",
        headers: HEADERS,
        body,
        duplex: "half",
      } as RequestInit);
      expect(answer.status).toBe(413);
      expect((await answer.json()).errors[0].extensions).toMatchObject({ code: "TOO_LARGE", status: 413 });
    }
  });

  test("a client that asks to close the connection gets the refusal too, though it reads only after it has sent everything", async () => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    const body = Buffer.alloc(5_000_000, " ");
    const head = [
      "POST /api/graphql HTTP/1.1",
      `Host: ${hostname}:${port}`,
      "Content-Type: application/json",
      `Content-Length: ${body.length}`,
      "Connection: close",
    ];
    socket.pause();
    socket.write(`${head.join("\r\n")}\r\n\r\n`);
    for (let sent = 0; sent < body.length; sent += 500_000) {
      await new Promise<void>((resolve, reject) => {
        socket.write(body.subarray(sent, sent + 500_000), (error) => (error ? reject(error) : resolve()));
      });
    }
    let answer = "";
    for await (const chunk of socket) answer += chunk;
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  test("a client whose headers are too large gets the refusal, though it reads only after it has sent everything", async () => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    socket.pause();
    socket.write(`GET /api/health/live HTTP/1.1\r\nHost: ${hostname}:${port}\r\n`);
    for (let sent = 0; sent < 100; sent += 1) {
      await new Promise<void>((resolve, reject) => {
        socket.write(`X-${sent}: ${"x".repeat(10_000)}\r\n`, (error) => (error ? reject(error) : resolve()));
      });
    }
    let answer = "";
    for await (const chunk of socket) answer += chunk;
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  });

  test("a compressed body is 415", async () => {
    const answer = await fetch(`${server.url}/api/graphql`, {
      method: "POST",
      headers: { ...HEADERS, "content-encoding": "gzip" },
      body: gzipSync(QUERY),
    });
    expect(answer.status).toBe(415);
    expect((await answer.json()).errors[0].extensions).toMatchObject({
      code: "BAD_INPUT",
      status: 415,
      retry: "NEVER",
    });
  });

  const head = (lines: string) => `POST /api/graphql HTTP/1.1\r\nHost: 127.0.0.1\r\n${lines}\r\n`;
  test.each([
    ["no HTTP", "hello\r\n\r\n", 400, "BAD_INPUT"],
    ["two lengths", head("Content-Length: 5\r\nContent-Length: 6\r\n"), 400, "BAD_INPUT"],
    ["a length and chunks", head("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400, "BAD_INPUT"],
    ["chunks that are not last", head("Transfer-Encoding: chunked, identity\r\n"), 400, "BAD_INPUT"],
    ["a space before a colon", head("Content-Length : 5\r\n"), 400, "BAD_INPUT"],
    ["a header that is folded", head("X: 1\r\n Content-Length: 5\r\n"), 400, "BAD_INPUT"],
    ["lines that end without CR", "GET /api/health/live HTTP/1.1\nHost: 127.0.0.1\n\n", 400, "BAD_INPUT"],
    ["headers of 100 kB", head(`X: ${"x".repeat(100_000)}\r\n`), 431, "TOO_LARGE"],
    ["no Host", "GET /api/health/live HTTP/1.1\r\nConnection: close\r\n\r\n", 421, "MISDIRECTED"],
  ])("%s is refused with an error in JSON, and the connection ends", async (_what, text, status, code) => {
    const socket = await open(server);
    socket.on("error", () => {});
    socket.write(text);
    await socket.ended;
    const [top = "", body = ""] = socket.heard().split("\r\n\r\n");
    expect(top).toContain(`HTTP/1.1 ${status} `);
    expect(top).toContain("x-request-id: ");
    expect(JSON.parse(body).errors[0]).toMatchObject({ extensions: { code, status } });
  });
});
