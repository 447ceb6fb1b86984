import { request } from "node:http";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { admin } from "../operations/a-service.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

const SHOP = "https://shop.example.org";

let server: TestServer;
/** Of a token that reads everything. */
let secret: string;
beforeAll(async () => {
  server = await startTestServer({
    AUTH: "accounts",
    HOST: "0.0.0.0",
    PUBLIC_URL: "https://queues.example.org",
    TRUST_PROXY: "127.0.0.1",
    CORS_ORIGINS: SHOP,
    MONITOR_ADDRESSES: "10.0.0.0/8",
  });
  const token = { name: "reader", scopes: ["read"], projects: null, expiresInDays: 1, requestsPerSecond: 50 } as const;
  secret = (await server.engine.operations.tokens.create(admin, token)).secret;
});
afterAll(() => server.close());

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** Not with fetch, which sets some headers itself. */
function ask(path: string, headers: Record<string, string> = {}, method = "GET", body = ""): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(`${server.url}${path}`, { method, headers }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (chunk) => {
        text += chunk;
      });
      incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text }));
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

const codeOf = ({ body }: Answer) => JSON.parse(body).errors[0].extensions.code;
const withToken = (headers: Record<string, string> = {}) => ({ authorization: `Bearer ${secret}`, ...headers });
const graphql = (headers: Record<string, string>) =>
  ask(
    "/api/graphql",
    { "content-type": "application/json", ...headers },
    "POST",
    JSON.stringify({ query: "{ viewer { actor } }" }),
  );

describe("with accounts", () => {
  test.each([
    "/api/graphql?query={__typename}",
    "/api/health",
    "/api/metrics",
    "/api/export/queues.csv",
    "/api/nothing",
  ])("%s asks for a token", async (path) => {
    const answer = await ask(path);
    expect([answer.status, codeOf(answer)]).toEqual([401, "UNAUTHENTICATED"]);
    expect(answer.headers["www-authenticate"]).toBe("Bearer");
  });

  test("everybody may ask whether the service lives", async () => {
    for (const path of ["/api/health/live", "/api/health/ready"]) {
      expect((await ask(path)).status).toBe(200);
      expect((await ask(path, { authorization: "Bearer wrong" })).status).toBe(200);
    }
  });

  test("a token says who asks, and what is left of its limit", async () => {
    const answer = await graphql(withToken());
    expect(JSON.parse(answer.body)).toEqual({
      data: { viewer: { actor: "token:reader" } },
      extensions: { rateLimit: [{ kind: "token", requestsPerSecond: 50, remaining: expect.any(Number) }] },
    });
    expect(answer.headers["ratelimit-policy"]).toBe('"token";q=50;w=1');
    for (const path of ["/api/health", "/api/metrics"]) expect((await ask(path, withToken())).status).toBe(200);
  });

  test("a token that sends more than it may is told to wait a second", async () => {
    const hasty = { name: "hasty", scopes: ["read"], projects: null, requestsPerSecond: 1 } as const;
    const { secret: of } = await server.engine.operations.tokens.create(admin, hasty);
    const answers = await Promise.all([1, 2, 3].map(() => graphql(withToken({ authorization: `Bearer ${of}` }))));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    for (const answer of refused) {
      expect([codeOf(answer), answer.headers["retry-after"]]).toEqual(["RATE_LIMITED", "1"]);
      expect(answer.headers).toMatchObject({ "ratelimit-policy": '"token";q=1;w=1', ratelimit: '"token";r=0;t=1' });
    }
  });

  test("a stream and a long poll end when their token is revoked", async () => {
    const asked = { name: "watcher", scopes: ["manage"], projects: ["watched"] } as const;
    const { token, secret: of } = await server.engine.operations.tokens.create(admin, asked);
    await server.engine.operations.queues.create(admin, { project: "watched", queue: "q", metadataText: "{}" });
    const send = (query: string, headers: Record<string, string> = {}) =>
      ask(
        "/api/graphql",
        { "content-type": "application/json", authorization: `Bearer ${of}`, ...headers },
        "POST",
        JSON.stringify({ query }),
      );
    const { messages, claims } = server.engine.operations;
    const [watched, claimed] = [vi.spyOn(messages, "watch"), vi.spyOn(claims, "create")];
    const stream = send('subscription { messagePosted(project: "watched", queue: "q") { id } }', {
      accept: "text/event-stream",
    });
    const poll = send(`mutation {
      createClaim(input: { project: "watched", queue: "q", waitSeconds: 20 }) { messages { id } }
      purgeQueue(input: { project: "watched", queue: "q" }) { messages }
    }`);
    await vi.waitFor(() => expect([watched, claimed].map(({ mock }) => mock.calls.length)).toEqual([1, 1]));
    await server.engine.operations.tokens.revoke(admin, token);
    const began = performance.now();
    const [streamed, polled] = await Promise.all([stream, poll]);
    expect(performance.now() - began).toBeLessThan(3000);
    expect(streamed.body).not.toContain("event: next");
    // Nothing more is done with the rights that it had.
    expect(JSON.parse(polled.body)).toMatchObject({
      data: { createClaim: { messages: [] }, purgeQueue: null },
      errors: [{ extensions: { code: "UNAUTHENTICATED" } }],
    });
    expect((await graphql({ authorization: `Bearer ${of}` })).status).toBe(401);
  });

  test("a request whose body comes after its token was revoked is refused", async () => {
    const asked = { name: "slow", scopes: ["read"], projects: null } as const;
    const { token, secret: of } = await server.engine.operations.tokens.create(admin, asked);
    const body = JSON.stringify({ query: "{ viewer { actor } }" });
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    const began = performance.now();
    socket.write(
      `POST /api/graphql HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAuthorization: Bearer ${of}\r\nConnection: close\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`,
    );
    await server.engine.operations.tokens.revoke(admin, token);
    await expect.poll(() => performance.now() - began).toBeGreaterThan(1100);
    socket.write(body.slice(5));
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 401 /);
  });

  test("a path that no address has, with a cookie that no session has, leads to the page of sign-in", async () => {
    for (const path of ["//", "//x:99999999/", "//["]) {
      const { status, headers } = await ask(path, { cookie: "isimud-0=x" });
      expect([path, status]).toEqual([path, 303]);
      expect(headers.location).toMatch(/^\/sign-in\?next=/);
    }
  });

  test.each(["Bearer wrong", "Bearer ", "Basic YTpi", ""])("%j is no token", async (authorization) => {
    const answer = await graphql({ authorization });
    expect([answer.status, codeOf(answer)]).toEqual([401, "UNAUTHENTICATED"]);
    expect(answer.headers["www-authenticate"]).toBe("Bearer");
  });

  test("what a proxy in front asks a browser for keeps nobody from a page", async () => {
    for (const authorization of ["Basic YTpi", undefined]) {
      const { status, headers } = await ask("/queues", authorization === undefined ? {} : { authorization });
      expect([status, headers.location]).toEqual([303, "/sign-in?next=%2Fqueues"]);
    }
    const monitored = { "x-forwarded-for": "10.0.0.7", authorization: "Basic YTpi" };
    expect((await ask("/api/metrics", monitored)).status).toBe(200);
  });

  test("a header that names roles gives none, and takes none from a token", async () => {
    expect((await graphql({ "x-roles": "admin" })).status).toBe(401);
    const may = async (roles: Record<string, string>) => {
      const query = `{ viewer { can(mutations: ["createQueue"]) { allowed } } health { gc { at } } }`;
      const headers = { "content-type": "application/json", ...withToken(roles) };
      return JSON.parse((await ask("/api/graphql", headers, "POST", JSON.stringify({ query }))).body).data;
    };
    const plain = await may({});
    expect(plain).toMatchObject({ viewer: { can: [{ allowed: false }] }, health: expect.anything() });
    for (const roles of ["admin", "operator", "nobody"]) expect(await may({ "x-roles": roles })).toEqual(plain);
  });

  test("the schema is described to whoever may read, and not to a program that only posts, in whatever way it asks", async () => {
    const poster = { name: "poster", scopes: ["produce"], projects: null } as const;
    const { secret: of } = await server.engine.operations.tokens.create(admin, poster);
    const query = "{ __schema { queryType { name } } }";
    const ways = {
      get: (headers: Record<string, string>) =>
        ask(`/api/graphql?query=${encodeURIComponent(query)}`, { ...headers, "apollo-require-preflight": "1" }),
      post: (headers: Record<string, string>) =>
        ask("/api/graphql", { ...headers, "content-type": "application/json" }, "POST", JSON.stringify({ query })),
    };
    for (const [way, send] of Object.entries(ways)) {
      expect(JSON.parse((await send(withToken())).body).data, way).toEqual({
        __schema: { queryType: { name: "Query" } },
      });
      expect(codeOf(await send({ authorization: `Bearer ${of}` })), way).toBe("FORBIDDEN");
      expect((await send({})).status, way).toBe(401);
    }
  });
});

const [elsewhere] = Object.values(networkInterfaces()).flatMap((all = []) =>
  all.filter(({ internal, family }) => !internal && family === "IPv4"),
);
test.runIf(elsewhere)("on the network, the service is known by the address that a client reached", async () => {
  const { port } = new URL(server.url);
  const live = (host: string) => fetch(`http://${host}:${port}/api/health/live`);
  expect((await live(elsewhere?.address ?? "")).status).toBe(200);
  expect((await ask("/api/health/live", { host: `${elsewhere?.address}:${port}` })).status).toBe(421);
});

describe("through a proxy", () => {
  test("an address of MONITOR_ADDRESSES reads health and metrics", async () => {
    const from = (address: string) => ({ "x-forwarded-for": address });
    for (const path of ["/api/health", "/api/metrics"]) {
      expect((await ask(path, from("10.0.0.7"))).status).toBe(200);
      expect((await ask(path, from("10.0.0.7, 11.0.0.7"))).status).toBe(401);
    }
    expect((await graphql(from("10.0.0.7"))).status).toBe(401);
  });

  test("it says by which name it was asked", async () => {
    const live = (host: string) => ask("/api/health/live", { "x-forwarded-host": host, "x-forwarded-proto": "https" });
    const answer = await live("queues.example.org");
    expect([answer.status, answer.headers["strict-transport-security"]]).toEqual([200, "max-age=31536000"]);
    expect((await live("evil.example")).status).toBe(421);
  });
});

describe("a page of a site that CORS_ORIGINS allows", () => {
  const allowed = { "access-control-allow-origin": SHOP, vary: expect.stringContaining("origin") };

  test("is told that it may send a token", async () => {
    const asked = { origin: SHOP, "access-control-request-method": "POST" };
    const answer = await ask("/api/graphql", asked, "OPTIONS");
    expect([answer.status, answer.body]).toEqual([204, ""]);
    expect(answer.headers).toMatchObject({ ...allowed, "access-control-allow-methods": "GET, POST" });
    expect(answer.headers["access-control-allow-headers"]).toContain("authorization");
    expect(answer.headers["access-control-allow-credentials"]).toBeUndefined();
  });

  test("reads answers, and also why it got none", async () => {
    const answer = await graphql(withToken({ origin: SHOP, "sec-fetch-site": "cross-site" }));
    expect([answer.status, answer.headers]).toEqual([200, expect.objectContaining(allowed)]);
    const refused = await graphql({ origin: SHOP });
    expect([refused.status, refused.headers]).toEqual([401, expect.objectContaining(allowed)]);
    const longer = await ask("/api/metrics", withToken({ origin: SHOP, "accept-encoding": "gzip" }));
    expect(longer.headers.vary).toBe("origin, accept-encoding");
  });

  test("signs nobody in", async () => {
    const answer = await ask(
      "/api/auth/sign-in/email",
      { origin: SHOP, "content-type": "application/json" },
      "POST",
      "{}",
    );
    expect([answer.status, codeOf(answer)]).toEqual([403, "FORBIDDEN"]);
  });

  test("may be no other one", async () => {
    const asked = { origin: "https://evil.example", "access-control-request-method": "POST" };
    expect((await ask("/api/graphql", asked, "OPTIONS")).headers["access-control-allow-origin"]).toBeUndefined();
    expect((await graphql(withToken({ origin: "https://evil.example" }))).status).toBe(403);
  });
});
