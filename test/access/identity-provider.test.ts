/** Signing in at a real OpenID Connect provider, which this file starts. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import Provider from "oidc-provider";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { grantsOfClaims, parseGrantMap } from "../../server/access/accounts/claimed-grants.ts";
import { callerWith } from "../support/access.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

const admin = callerWith("admin");
const SECRET = "a client secret of the tests, which is long enough";

/** What the provider knows of somebody, by the name with which that person signs in there. */
const accounts = new Map<string, Record<string, unknown>>();
let provider: Server;
let issuer: string;
let server: TestServer;
/** The same, without a map of groups: only people who are known here sign in. */
let strict: TestServer;

beforeAll(async () => {
  // The provider says that it is one for tests.
  for (const level of ["info", "warn"] as const) vi.spyOn(console, level).mockReturnValue();
  // Both services listen on ports of their own, so the provider takes any redirect to this machine.
  provider = createServer();
  await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
  issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
  const oidc = new Provider(issuer, {
    clients: [
      { client_id: "isimud", client_secret: SECRET, redirect_uris: ["http://127.0.0.1/api/auth/callback/oidc"] },
    ],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
    scopes: ["openid", "email", "profile", "groups"],
    features: { devInteractions: { enabled: false } },
    // The test signs in by naming an account: there is nobody to fill in a form.
    async findAccount(_ctx: unknown, id: string) {
      const claims = accounts.get(id);
      return claims === undefined ? undefined : { accountId: id, claims: async () => ({ sub: id, ...claims }) };
    },
    interactions: { url: (_ctx: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    cookies: { keys: ["a key of the tests"] },
    pkce: { required: () => true },
    renderError: (ctx: { body: string }, out: unknown) => {
      ctx.body = JSON.stringify(out);
    },
  });
  // Ports are free to choose on this machine, as RFC 8252 says of loopback.
  oidc.Client.prototype.redirectUriAllowed = (uri: string) => new URL(uri).hostname === "127.0.0.1";
  const handle = oidc.callback();
  provider.on("request", async (request, response) => {
    if (!request.url?.startsWith("/interaction/")) return void handle(request, response);
    const { params, prompt, session } = await oidc.interactionDetails(request, response);
    if (prompt.name === "login") {
      const login = String(params.login_hint ?? "");
      const result = login === "" ? { error: "access_denied" } : { login: { accountId: login } };
      return oidc.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
    }
    const grant = new oidc.Grant({ accountId: session?.accountId ?? "", clientId: String(params.client_id) });
    grant.addOIDCScope("openid email profile groups");
    const consent = { grantId: await grant.save() };
    await oidc.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
  });

  const settings = {
    AUTH: "accounts",
    OIDC_ISSUER: issuer,
    OIDC_CLIENT_ID: "isimud",
    OIDC_CLIENT_SECRET: SECRET,
    OIDC_SCOPES: "openid email profile groups",
  };
  const map = { OIDC_GRANTS_CLAIM: "groups", OIDC_GRANTS: "admins=admin; shop=operator:shop,billing; staff=viewer" };
  server = await startTestServer({ ...settings, ...map });
  strict = await startTestServer(settings);
});
afterAll(async () => {
  await server.close();
  await strict.close();
  provider.closeAllConnections();
  provider.close();
});

/**
 * Follows every redirect as a browser does, with the cookies of each host. Returns the last address of ours. `as`: who
 * signs in at the provider; "": somebody who cancels it.
 */
async function signIn(as: string, at = server, next = "/queues?project=shop") {
  const jars = { ours: new Map<string, string>(), theirs: new Map<string, string>() };
  const send = async (url: string, init: RequestInit = {}) => {
    const jar = url.startsWith(at.url) ? jars.ours : jars.theirs;
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, { ...init, headers: { ...init.headers, cookie }, redirect: "manual" });
    for (const set of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      if (value === "" || /max-age=0/i.test(set)) jar.delete(name);
      else jar.set(name, value);
    }
    return response;
  };
  const body = JSON.stringify({ next });
  const headers = { "content-type": "application/json" };
  const begun = await send(`${at.url}/api/auth/sign-in/social`, { method: "POST", headers, body });
  const { url, errors } = (await begun.json()) as { url: string; errors?: { extensions: { code: string } }[] };
  if (errors !== undefined) return { code: errors[0]?.extensions.code, location: "", cookie: "", jars };
  let location = as === "" ? url : `${url}&login_hint=${as}`;
  for (let hop = 0; hop < 12; hop += 1) {
    const response = await send(location);
    await response.text();
    const to = response.headers.get("location");
    if (to === null) throw new Error(`${location} answered ${response.status}.`);
    const before = location;
    location = new URL(to, location).toString();
    if (before.startsWith(`${at.url}/api/auth/callback/`)) break;
  }
  const session = jars.ours.get("isimud-0");
  const cookie = session === undefined ? "" : `isimud-0=${session}`;
  return { code: undefined, location: location.replace(at.url, ""), cookie, jars };
}

const sessionOf = async (cookie: string, at = server) =>
  (await at.engine.accounts.sessions?.identify({ headers: { cookie } })) ?? null;
/** What the provider changed of somebody, the newest first. */
async function entriesOf(email: string) {
  const by = { actor: "isimud:identity-provider", target: email };
  const { items } = await server.engine.operations.audit.list(admin, by);
  for (const { address, outcome } of items) expect([address, outcome]).toEqual(["127.0.0.1", "done"]);
  return items.map(({ action, detailsText }) => [action, JSON.parse(detailsText)]);
}
const personOf = (email: string, at = server) => at.engine.control.people.getByEmail(email);

async function tokensKept(): Promise<number> {
  const client = new pg.Client({ connectionString: server.engine.config.DATABASE_URL });
  await client.connect();
  const { rows } = await client
    .query("SELECT count(coalesce(access_token, refresh_token, id_token))::int AS kept FROM accounts")
    .finally(() => client.end());
  return rows[0].kept;
}

function anAccount(claims: object): { sub: string; email: string } {
  const sub = `account-${accounts.size + 1}`;
  const email = `${sub}@example.com`;
  accounts.set(sub, { email, email_verified: true, name: "Olga", ...claims });
  return { sub, email };
}

describe("with a map of groups", () => {
  test("somebody in a group becomes a person with its grants, and comes back to the page", async () => {
    const { sub, email } = anAccount({ groups: ["shop", "staff", "unknown"] });
    const { location, cookie } = await signIn(sub);
    expect(location).toBe("/queues?project=shop");
    expect(await sessionOf(cookie)).toMatchObject({
      actor: email,
      rights: { read: "all", operate: ["shop", "billing"] },
    });
    expect(await personOf(email)).toMatchObject({ name: "Olga", claimed: true, methods: ["identityProvider"] });
    // Nothing of the provider's is kept.
    expect(await tokensKept()).toBe(0);
    expect(await entriesOf(email)).toEqual([
      ["createPerson", { name: "Olga", grants: (await personOf(email))?.grants }],
    ]);
  });

  test("each sign-in gives the grants again, and takes away what is gone", async () => {
    const { sub, email } = anAccount({ groups: ["shop"] });
    const first = await signIn(sub);
    accounts.set(sub, { ...accounts.get(sub), groups: "staff" });
    const second = await signIn(sub);
    expect((await sessionOf(second.cookie))?.rights).toMatchObject({ read: "all", operate: [] });
    await expect.poll(async () => (await sessionOf(first.cookie))?.rights.operate).toEqual([]);
    const change = server.engine.operations.people.update(admin, {
      id: (await personOf(email))?.id ?? "",
      grants: [{ role: "admin" }],
    });
    await expect(change).rejects.toMatchObject({ code: "BAD_INPUT" });

    // The same again is no change.
    await signIn(sub);
    accounts.set(sub, { ...accounts.get(sub), groups: [] });
    expect((await signIn(sub)).location).toBe("/sign-in?error=noGrants");
    await expect.poll(() => sessionOf(second.cookie)).toBeNull();
    expect(await personOf(email)).toMatchObject({ grants: [] });
    const [shop, staff] = [
      { role: "operator", projects: ["shop", "billing"] },
      { role: "viewer", projects: "all" },
    ];
    const given = (...grants: object[]) => ({ grants, claimed: true });
    expect(await entriesOf(email)).toEqual([
      ["updatePerson", { before: given(staff), after: given() }],
      ["updatePerson", { before: given(shop), after: given(staff) }],
      ["createPerson", { name: "Olga", grants: [shop] }],
    ]);
  });

  test.each([
    ["is in no group", { groups: ["strangers"] }, "noGrants"],
    ["has an address that nobody has verified", { groups: ["admins"], email_verified: false }, "emailNotVerified"],
    ["cancels it", null, "cancelled"],
  ])("whoever %s is told why, and is nobody here", async (_who, claims, error) => {
    const account = claims === null ? { sub: "", email: "nobody@example.com" } : anAccount(claims);
    const { location, cookie } = await signIn(account.sub);
    expect([location, cookie]).toEqual([`/sign-in?error=${error}`, ""]);
    expect(await personOf(account.email)).toBeNull();
  });

  test("somebody who is disabled here stays out", async () => {
    const { sub, email } = anAccount({ groups: ["staff"] });
    await signIn(sub);
    await server.engine.control.people.update((await personOf(email))?.id ?? "", { disabled: true });
    expect((await signIn(sub)).location).toBe("/sign-in?error=disabled");
  });

  test("the last admin is not lowered by the provider", async () => {
    const { sub, email } = anAccount({ groups: ["admins"] });
    await signIn(sub);
    accounts.set(sub, { ...accounts.get(sub), groups: ["staff"] });
    expect((await signIn(sub)).location).toBe("/sign-in?error=lastAdmin");
    expect(await personOf(email)).toMatchObject({ grants: [{ role: "admin", projects: "all" }] });
  });
});

test("of two admins whom the provider lowers at once, one stays admin", async () => {
  const isAdmin = { role: "admin", projects: "all" };
  const [ada, bob] = [anAccount({ groups: ["admins"] }), anAccount({ groups: ["admins"] })];
  for (const { sub } of [ada, bob]) await signIn(sub);
  const { people } = server.engine.control;
  const { items } = await people.list({ page: { limit: 100 } });
  for (const { id, email } of items) {
    if (![ada.email, bob.email].includes(email)) await people.update(id, { grants: [] });
  }
  accounts.set(ada.sub, { ...accounts.get(ada.sub), groups: ["staff"] });
  accounts.set(bob.sub, { ...accounts.get(bob.sub), groups: [] });
  // The first one's rights are about to change: both have seen two admins when they go on.
  const client = new pg.Client({ connectionString: server.engine.config.DATABASE_URL });
  await client.connect();
  await client.query("BEGIN");
  await client.query("SELECT FROM people WHERE email = ANY ($1) FOR UPDATE", [[ada.email, bob.email]]);
  const signIns = [ada, bob].map(({ sub }) => signIn(sub));
  await expect
    .poll(async () => {
      const { rows } = await client.query(
        `SELECT count(*)::int AS waiting FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return rows[0].waiting;
    })
    .toBe(2);
  await client.query("COMMIT");
  await client.end();
  const locations = await Promise.all(signIns.map(async (one) => (await one).location));
  expect(locations.filter((location) => location === "/sign-in?error=lastAdmin")).toHaveLength(1);
  const grants = await Promise.all([ada, bob].map(async ({ email }) => (await personOf(email))?.grants));
  expect(grants.filter((of) => JSON.stringify(of) === JSON.stringify([isAdmin]))).toHaveLength(1);
});

describe("without a map", () => {
  test("only a person who is known here signs in, with the rights given here", async () => {
    const [known, unknown] = [anAccount({}), anAccount({ groups: ["admins"] })];
    const grants = [{ role: "viewer" as const, projects: ["p"] }];
    await strict.engine.operations.people.create(admin, { email: known.email, name: "Known", grants });
    const { location, cookie } = await signIn(known.sub, strict, "//evil.example/x");
    expect(location).toBe("/");
    expect((await sessionOf(cookie, strict))?.rights).toMatchObject({ read: ["p"], operate: [] });
    expect(await personOf(known.email, strict)).toMatchObject({ name: "Known", claimed: false });
    expect((await signIn(unknown.sub, strict)).location).toBe("/sign-in?error=unknownPerson");
  });

  test("an address begins so many ways to the provider and no more, whatever comes of them", async () => {
    const client = new pg.Client({ connectionString: strict.engine.config.DATABASE_URL });
    await client.connect();
    const key = "identityProvider:127.0.0.1";
    await client.query("UPDATE sign_in_attempts SET points = 300 WHERE key = $1", [key]);
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
    const { status, headers } = await fetch(`${strict.url}/api/auth/sign-in/social`, init);
    expect([status, headers.get("ratelimit-policy")]).toEqual([429, '"identityProvider";q=300;w=900']);
    await client.query("DELETE FROM sign_in_attempts WHERE key = $1", [key]);
    await client.end();
  });

  test("an answer that another browser began begins no session", async () => {
    const query = "?code=stolen&state=made-up";
    const response = await fetch(`${strict.url}/api/auth/callback/oidc${query}`, { redirect: "manual" });
    expect([response.status, response.headers.get("location")]).toEqual([303, "/sign-in?error=provider"]);
  });
});

test("a provider that is silent harms only those who sign in there", async () => {
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const asked = once(silent, "request");
  const alone = await startTestServer({ AUTH: "accounts", OIDC_ISSUER: url, OIDC_CLIENT_ID: "x" });
  try {
    await asked;
    const answers: unknown[] = [];
    const there = signIn("x", alone).then(({ code }) => answers.push(code));
    const { status } = await fetch(`${alone.url}/api/auth/sign-in/email`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email: "a@example.com", password: "wrong" }),
    });
    answers.push(status);
    silent.closeAllConnections();
    await there;
    expect(answers).toEqual([401, "IDENTITY_PROVIDER_UNAVAILABLE"]);
  } finally {
    await alone.close();
    silent.close();
  }
});

describe("the map of groups", () => {
  test("reads roles in all projects or in named ones", () => {
    const map = parseGrantMap("cn=ops,dc=x=operator ; a = admin; a=viewer:p, q;");
    expect([...map]).toEqual([
      ["cn=ops,dc=x", [{ role: "operator", projects: "all" }]],
      [
        "a",
        [
          { role: "admin", projects: "all" },
          { role: "viewer", projects: ["p", "q"] },
        ],
      ],
    ]);
    for (const wrong of ["a", "a=owner", "=admin"]) expect(() => parseGrantMap(wrong)).toThrow("must be such as");
  });

  test("finds a claim by its name or by a path", () => {
    const map = parseGrantMap("a=admin");
    const all = [{ role: "admin", projects: "all" }];
    expect(grantsOfClaims(map, "realm_access.roles", { realm_access: { roles: ["a", "a", 7] } })).toEqual(all);
    expect(grantsOfClaims(map, "https://x.example/roles", { "https://x.example/roles": "a" })).toEqual(all);
    for (const claims of [{}, { groups: null }, { groups: { a: 1 } }])
      expect(grantsOfClaims(map, "groups", claims)).toEqual([]);
  });
});
