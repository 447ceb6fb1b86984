/** Who may use which route and which page, by real credentials. What is new must have a row. */
import diagnostics from "node:diagnostics_channel";
import { globSync } from "node:fs";
import type { FastifyInstance } from "fastify";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hashPassword } from "../../server/access/accounts/passwords.ts";
import type { TokenRequest } from "../../server/operations/tokens.ts";
import { admin } from "../operations/a-service.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { MINE, PROJECT } from "./callers.ts";

const CALLERS = ["admin", "operator", "viewer", "other", "producer", "session", "expired", "revoked", "none"] as const;
type Caller = (typeof CALLERS)[number];
/** The statuses of their answers, in this order. */
type Statuses = readonly number[];

const ANYBODY: Statuses = [200, 200, 200, 200, 200, 200, 200, 200, 200];
const SIGNED_IN: Statuses = [200, 200, 200, 200, 200, 200, 401, 401, 401];
const READER_OF_ALL: Statuses = [200, 403, 403, 403, 403, 403, 401, 401, 401];
const READER_OF_PROJECT: Statuses = [200, 200, 200, 403, 403, 200, 401, 401, 401];
const NOTHING_THERE: Statuses = [404, 404, 404, 404, 404, 404, 401, 401, 401];
/** Bad input: whoever asks, it is read. */
const ANYBODY_TRIES: Statuses = [400, 400, 400, 400, 400, 400, 400, 400, 400];
/** Whoever asks: there is no identity provider. */
const NO_PROVIDER: Statuses = [404, 404, 404, 404, 404, 404, 404, 404, 404];

/** By method and pattern: the statuses, and an example. `*`: any method. */
const ROUTES: Record<string, [Statuses, string?, object?]> = {
  "GET /api/health": [READER_OF_ALL],
  "GET /api/metrics": [READER_OF_ALL],
  "GET /api/health/live": [ANYBODY],
  "GET /api/health/ready": [ANYBODY],
  "* /api/graphql": [SIGNED_IN, "/api/graphql", { query: "{ viewer { actor } }" }],
  "GET /api/export/:file": [READER_OF_PROJECT, `/api/export/queues.csv?project=${PROJECT}`],
  "* /api/*": [NOTHING_THERE, "/api/nothing"],
  // Whoever signs in has no credential yet.
  "GET /api/auth/options": [ANYBODY],
  "GET /api/auth/callback/oidc": [NO_PROVIDER],
  "POST /api/auth/sign-in/email": [ANYBODY_TRIES],
  "POST /api/auth/sign-in/social": [NO_PROVIDER],
  "POST /api/auth/sign-out": [ANYBODY],
  "POST /api/auth/link": [ANYBODY_TRIES],
  "POST /api/auth/link/read": [ANYBODY_TRIES],
  "POST /api/auth/change-password": [ANYBODY_TRIES],
};

const seen = new Set<string>();
let server: TestServer;
/** The headers with which a caller says who it is. */
const credentials: Partial<Record<Caller, Record<string, string>>> = {};
const PASSWORD = "plum-Quiver-93-tidal";

function notice(message: unknown): void {
  const { fastify } = message as { fastify: FastifyInstance };
  fastify.addHook("onRoute", ({ method, url }) => {
    const methods = [method].flat().filter((one) => one !== "HEAD" && one !== "OPTIONS");
    if (methods.length > 2) seen.add(`* ${url}`);
    else for (const one of methods) seen.add(`${one} ${url}`);
  });
}

beforeAll(async () => {
  diagnostics.subscribe("fastify.initialization", notice);
  server = await startTestServer({ AUTH: "accounts", ADDRESS_FAILURES_PER_MINUTE: "0" });
  diagnostics.unsubscribe("fastify.initialization", notice);
  const { operations, config } = server.engine;
  for (const project of [PROJECT, MINE]) await operations.queues.create(admin, { project, queue: "q" });
  const asked: Record<Exclude<Caller, "session" | "none">, Pick<TokenRequest, "scopes" | "projects">> = {
    admin: { scopes: ["administer"], projects: null },
    operator: { scopes: ["manage"], projects: [PROJECT] },
    viewer: { scopes: ["read"], projects: [PROJECT] },
    other: { scopes: ["manage"], projects: [MINE] },
    producer: { scopes: ["produce"], projects: [PROJECT] },
    expired: { scopes: ["administer"], projects: null },
    revoked: { scopes: ["administer"], projects: null },
  };
  for (const [name, token] of Object.entries(asked)) {
    const { secret } = await operations.tokens.create(admin, { name, ...token });
    credentials[name as Caller] = { authorization: `Bearer ${secret}` };
  }
  await operations.tokens.revoke(admin, { name: "revoked" });
  const client = new pg.Client({ connectionString: config.DATABASE_URL });
  await client.connect();
  await client.query("UPDATE tokens SET expires_at = now() - interval '1 second' WHERE name = 'expired'");
  await client.end();
  credentials.session = { cookie: await aSession() };
});
afterAll(() => server?.close());

/** The cookie of somebody who reads the project. */
async function aSession(): Promise<string> {
  const { operations, control } = server.engine;
  const who = { email: "vera@example.com", name: "Vera" };
  const { person } = await operations.people.create(admin, {
    ...who,
    grants: [{ role: "viewer", projects: [PROJECT] }],
  });
  await control.people.setPassword(person.id, await hashPassword(PASSWORD));
  const answer = await fetch(`${server.url}/api/auth/sign-in/email`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: who.email, password: PASSWORD }),
  });
  return answer.headers.getSetCookie()[0]?.split(";", 1)[0] ?? "";
}

function ask(caller: Caller, method: string, path: string, body?: object): Promise<Response> {
  return fetch(`${server.url}${path}`, {
    method,
    redirect: "manual",
    headers: {
      ...credentials[caller],
      ...(method === "GET" ? {} : { "content-type": "application/json" }),
    },
    ...(method === "GET" ? {} : { body: JSON.stringify(body ?? {}) }),
  });
}

test("every route has a row", () => {
  expect([...seen].filter((route) => !(route in ROUTES)).sort()).toEqual([]);
  expect(Object.keys(ROUTES).filter((route) => !seen.has(route))).toEqual([]);
});

test.each(Object.entries(ROUTES))("%s", async (route, [statuses, example, body]) => {
  const [method = "", pattern = ""] = route.split(" ");
  const how = method === "*" ? "POST" : method;
  const answers = await Promise.all(CALLERS.map((caller) => ask(caller, how, example ?? pattern, body)));
  expect(answers.map(({ status }) => status)).toEqual(statuses);
  for (const answer of answers)
    if (answer.status === 401) expect(answer.headers.get("www-authenticate")).toBe("Bearer");
});

/** Where somebody signs in. */
const OPEN_PAGES = ["/link", "/sign-in"];

test("every page but those of sign-in leads whoever has not signed in there, and back", async () => {
  const pages = globSync("app/**/page.tsx").map((file) => `/${file.split("/").slice(1, -1).join("/")}`);
  expect(pages.length).toBeGreaterThan(20);
  const closed: string[] = [];
  for (const page of pages.map((path) => path.replace(/\[\w+\]/g, "x"))) {
    const { status, headers } = await ask("none", "GET", page);
    if (status === 303) {
      closed.push(page);
      expect(headers.get("location")).toBe(page === "/" ? "/sign-in" : `/sign-in?next=${encodeURIComponent(page)}`);
    }
  }
  expect(pages.filter((page) => !closed.includes(page.replace(/\[\w+\]/g, "x"))).sort()).toEqual(OPEN_PAGES);
});
