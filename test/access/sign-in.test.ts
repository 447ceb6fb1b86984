import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import pg from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { linkDigest, newLink } from "../../server/access/accounts/link-code.ts";
import { hashPassword, verifyPassword } from "../../server/access/accounts/passwords.ts";
import type { Engine } from "../../server/bootstrap.ts";
import { openEngine } from "../../server/bootstrap.ts";
import { prepareFirstAdmin } from "../../server/operations/people/first-admin.ts";
import { callerWith } from "../support/access.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

const PASSWORD = "plum-Quiver-93-tidal";
const admin = callerWith("admin");
let server: TestServer;
/** Another process on the same database. */
let other: Engine;

beforeAll(async () => {
  server = await startTestServer({ AUTH: "accounts", SESSION_IDLE_SECONDS: "3600", SESSION_SECONDS: "36000" });
  other = await openEngine(server.engine.config, { log: pino({ level: "silent" }), clock: server.clock });
});
afterAll(async () => {
  await other.close();
  await server.close();
});

interface Answer {
  status: number;
  cookie: string | undefined;
  setCookie: string[];
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of many shapes.
  body: any;
}

async function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${server.url}/api/auth/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
    redirect: "manual",
  });
  const setCookie = response.headers.getSetCookie();
  const cookie = setCookie.find((one) => !one.includes("Max-Age=0"))?.split(";", 1)[0];
  return { status: response.status, cookie, setCookie, headers: response.headers, body: await response.json() };
}

const codeOf = ({ body }: Answer) => body.errors?.[0]?.extensions.code;
const signIn = (email: string, password = PASSWORD, headers = {}) =>
  post("sign-in/email", { email, password }, headers);
const sessionOf = (cookie: string | undefined, engine = server.engine) =>
  Promise.resolve(engine.accounts.sessions?.identify({ headers: cookie === undefined ? {} : { cookie } }) ?? null);

let number = 0;
async function aPerson(grants: object[] = [{ role: "operator", projects: ["shop"] }]) {
  const email = `person-${++number}@example.com`;
  const { person, link } = await server.engine.operations.people.create(admin, {
    ...{ email, name: "Pat" },
    grants: grants as never,
  });
  await server.engine.control.people.setPassword(person.id, await hashPassword(PASSWORD));
  return { email, id: person.id, link };
}

describe("a password", () => {
  test("begins a session with the rights of its person; its cookie is for the browser's eyes only", async () => {
    const { email, id } = await aPerson();
    const answer = await signIn(email.toUpperCase());
    expect([answer.status, answer.body]).toEqual([200, { person: { email, name: "Pat" } }]);
    expect(answer.setCookie).toHaveLength(1);
    expect(answer.setCookie[0]).toMatch(/^isimud-0=[^;]+; Max-Age=36000; Path=\/; HttpOnly; SameSite=Lax$/);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(await sessionOf(answer.cookie)).toMatchObject({
      ...{ actor: email, kind: "person", personId: id, rights: { operate: ["shop"], administer: [] } },
      sessionEndsAt: expect.any(Date),
    });
    const [sessions] = await server.engine.operations.people.sessionsOf(admin, { ids: [id] });
    expect(sessions).toMatchObject([{ address: "127.0.0.1", userAgent: "node" }]);
    expect(await server.engine.control.people.getByEmail(email)).toMatchObject({ lastSeenAt: expect.any(Date) });
  });

  test("that is wrong, and an address that nobody has, get the same answer", async () => {
    const { email } = await aPerson();
    const answers = [
      await signIn(email, "wrong"),
      await signIn("nobody@example.com"),
      await signIn(email, "x".repeat(900)),
    ];
    expect(answers.map(codeOf)).toEqual(Array(3).fill("UNAUTHENTICATED"));
    expect(new Set(answers.map(({ body }) => body.errors[0].message)).size).toBe(1);
    expect(answers.flatMap(({ setCookie }) => setCookie)).toEqual([]);
  });

  test("of somebody who is disabled is of no use, and the session has ended in all processes", async () => {
    await aPerson([{ role: "admin" }]);
    const { email, id } = await aPerson();
    const { cookie } = await signIn(email);
    expect(await sessionOf(cookie, other)).not.toBeNull();
    await server.engine.operations.people.update(admin, { id, disabled: true });
    await expect.poll(() => sessionOf(cookie, other), { timeout: 1000, interval: 10 }).toBeNull();
    expect(await sessionOf(cookie)).toBeNull();
    expect(codeOf(await signIn(email))).toBe("FORBIDDEN");
  });

  test("is tried ten times at most, however many tries come at once", async () => {
    const { email } = await aPerson();
    const answers = await Promise.all(Array.from({ length: 14 }, () => signIn(email, "wrong")));
    const codes = answers.map(codeOf);
    expect(codes.filter((code) => code === "UNAUTHENTICATED")).toHaveLength(10);
    expect(codes.filter((code) => code === "RATE_LIMITED")).toHaveLength(4);
    // Otherwise one address could use up what everybody may try at this account.
    const counted = await query("SELECT points FROM sign_in_attempts WHERE key = $1", [`account:${email}`]);
    expect(counted.rows).toEqual([{ points: 10 }]);
    const late = await signIn(email);
    const wait = late.headers.get("retry-after");
    expect([codeOf(late), Number(wait)]).toEqual(["RATE_LIMITED", expect.closeTo(900, -2)]);
    expect(late.headers.get("ratelimit-policy")).toBe('"signIn";q=10;w=900');
    expect(late.headers.get("ratelimit")).toBe(`"signIn";r=0;t=${wait}`);
    await clearAttempts();
    expect((await signIn(email)).status).toBe(200);
  });

  test("is to be sent again when too many are being checked, and that counts as no try", async () => {
    const { email } = await aPerson();
    const { cookie = "" } = await signIn(email);
    await clearAttempts();
    const cheap = "$argon2id$v=19$m=512,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA";
    let isBusy = true;
    const others = Array.from({ length: 66 }, async () => {
      while (isBusy) await verifyPassword(cheap, "x");
    });
    const change = { currentPassword: PASSWORD, newPassword: "vivid-Otter-51-canal" };
    const answers = [await signIn(email), await post("change-password", change, { cookie })];
    isBusy = false;
    await Promise.all(others);
    for (const answer of answers) {
      const told = [answer.status, codeOf(answer), answer.headers.get("retry-after")];
      expect(told).toEqual([503, "DEADLINE_EXCEEDED", "2"]);
    }
    // Nothing has changed for whoever wanted another password.
    expect([answers[1]?.setCookie, await sessionOf(cookie)]).toEqual([[], expect.anything()]);
    const counted = await query("SELECT points FROM sign_in_attempts WHERE key LIKE $1", [`%${email}`]);
    expect(counted.rows).toEqual([{ points: 0 }, { points: 0 }]);
    expect((await signIn(email)).status).toBe(200);
  });

  test("is changed by whoever knows it, which ends the other sessions", async () => {
    const { email } = await aPerson();
    const [one, two] = [await signIn(email), await signIn(email)];
    const change = (body: object) => post("change-password", body, { cookie: one.cookie ?? "" });
    expect(codeOf(await change({ currentPassword: PASSWORD, newPassword: "Pat-example-3" }))).toBe("PASSWORD_TOO_WEAK");
    // That is no guess at the current one, however often.
    for (let attempt = 0; attempt < 10; attempt += 1) {
      expect(codeOf(await change({ currentPassword: PASSWORD, newPassword: "x" }))).toBe("PASSWORD_TOO_WEAK");
    }
    const changed = await change({ currentPassword: PASSWORD, newPassword: "vivid-Otter-51-canal" });
    expect([changed.status, changed.body]).toEqual([200, {}]);
    expect(await sessionOf(changed.cookie)).not.toBeNull();
    await expect.poll(() => sessionOf(two.cookie, other), { timeout: 1000, interval: 10 }).toBeNull();
    expect([codeOf(await signIn(email)), (await signIn(email, "vivid-Otter-51-canal")).status]).toEqual([
      "UNAUTHENTICATED",
      200,
    ]);
    expect(codeOf(await post("change-password", { currentPassword: PASSWORD, newPassword: "x" }))).toBe(
      "UNAUTHENTICATED",
    );
  });

  test("is changed with its entry in the audit log, or not at all; a wrong one is written down as refused", async () => {
    const { email, id } = await aPerson();
    const { cookie = "" } = await signIn(email);
    const change = (currentPassword: string) =>
      post("change-password", { currentPassword, newPassword: "vivid-Otter-51-canal" }, { cookie });
    const entries = async () =>
      (await server.engine.operations.audit.list(admin, { action: "changePassword", target: email })).items;
    expect(codeOf(await change("wrong"))).toBe("BAD_INPUT");
    expect(await entries()).toMatchObject([{ actor: email, outcome: "refused", address: "127.0.0.1" }]);
    const before = await server.engine.control.people.getPassword(id);
    await query("ALTER TABLE audit_entries ADD CONSTRAINT no_room CHECK (action <> 'changePassword') NOT VALID");
    expect((await change(PASSWORD)).status).toBeGreaterThanOrEqual(500);
    await query("ALTER TABLE audit_entries DROP CONSTRAINT no_room");
    expect(await server.engine.control.people.getPassword(id)).toBe(before);
    expect((await change(PASSWORD)).status).toBe(200);
    expect((await entries())[0]).toMatchObject({ actor: email, outcome: "done", requestId: expect.any(String) });
  });
});

describe("a session", () => {
  test("is what a page asks the API with: it says who one is, and what one may do", async () => {
    const { email, id } = await aPerson();
    const { cookie = "" } = await signIn(email);
    const ask = async (query: string, headers: Record<string, string> = { cookie }) => {
      const body = JSON.stringify({ query });
      const init = { method: "POST", headers: { "content-type": "application/json", ...headers }, body };
      const response = await fetch(`${server.url}/api/graphql`, init);
      return { status: response.status, ...(await response.json()) };
    };
    const viewer = "{ viewer { actor person { name } sessions { isCurrent } } }";
    expect((await ask(viewer)).data.viewer).toEqual({
      ...{ actor: email, person: { name: "Pat" }, sessions: [{ isCurrent: true }] },
    });
    expect((await ask(viewer, {})).status).toBe(401);
    expect((await ask(viewer, { cookie: cookie.replace(/.$/, "x") })).status).toBe(401);
    expect((await ask("{ people { nodes { id } } }")).errors[0].extensions.code).toBe("FORBIDDEN");
    const rename = (person: string) =>
      ask(`mutation { updatePerson(input: { id: "Person:${person}", name: "Paddy" }) { person { name } } }`);
    expect((await rename(id)).data.updatePerson.person.name).toBe("Paddy");
    expect((await rename((await aPerson()).id)).errors[0].extensions.code).toBe("FORBIDDEN");
    const raise = `mutation { updatePerson(input: { id: "Person:${id}", grants: [{ role: ADMIN }] }) { person { id } } }`;
    expect((await ask(raise)).errors[0].extensions.code).toBe("FORBIDDEN");
    const present = (actor: string) => server.engine.presentAccess({ actor, requestId: "r" });
    expect(await present(email)).toMatchObject({ rights: { operate: ["shop"], administer: [] } });
    expect(await present("nobody@example.com")).toBeNull();
  });

  test("ends in all processes when its person or an admin ends it, or signs out", async () => {
    const { email, id } = await aPerson();
    const cookies = [await signIn(email), await signIn(email), await signIn(email)].map(({ cookie }) => cookie);
    for (const cookie of cookies) expect(await sessionOf(cookie, other)).not.toBeNull();
    const ended = (cookie: string | undefined) =>
      expect.poll(() => sessionOf(cookie, other), { timeout: 1000, interval: 10 }).toBeNull();

    const out = await post("sign-out", {}, { cookie: cookies[0] ?? "" });
    expect(out.setCookie).toEqual(["isimud-0=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"]);
    await ended(cookies[0]);

    const known = await sessionOf(cookies[1]);
    const own = { ...callerWith("viewer", ["q"], email), ...known };
    const { people } = server.engine.operations;
    expect(await people.endSession(own, { id: own.sessionId ?? "" })).toEqual({ ended: 1 });
    await ended(cookies[1]);

    const stranger = await aPerson();
    const asStranger = { ...own, personId: stranger.id, actor: stranger.email };
    await expect(people.endSessions(asStranger, { personId: id })).rejects.toMatchObject({ code: "FORBIDDEN" });
    expect(await people.endSessions(admin, { personId: id })).toEqual({ ended: 1 });
    await ended(cookies[2]);
  });

  test("has new rights in all processes as soon as its person has", async () => {
    const { email, id } = await aPerson();
    const { cookie } = await signIn(email);
    expect((await sessionOf(cookie, other))?.rights.operate).toEqual(["shop"]);
    await server.engine.operations.people.update(admin, { id, grants: [{ role: "viewer" }] });
    const rights = async () => (await sessionOf(cookie, other))?.rights;
    await expect.poll(rights, { timeout: 1000, interval: 10 }).toMatchObject({ read: "all", operate: [] });
  });

  test("ends when it is idle, and in the end anyway; use keeps it", async () => {
    const { email } = await aPerson();
    const { cookie } = await signIn(email);
    const idle = await signIn(email);
    for (const hours of [0.9, 1.7]) {
      server.clock.offsetMs = hours * 3_600_000;
      expect(await sessionOf(cookie)).not.toBeNull();
      await expect.poll(() => lastSeen(cookie)).toBeGreaterThan(Date.now() + (hours - 0.01) * 3_600_000);
    }
    // Another process has not seen it since; the database has.
    expect([await sessionOf(cookie, other), await sessionOf(idle.cookie)]).toEqual([expect.anything(), null]);
    for (let hours = 2.5; hours < 10; hours += 0.9) {
      server.clock.offsetMs = hours * 3_600_000;
      expect(await sessionOf(cookie)).not.toBeNull();
    }
    server.clock.offsetMs = 10.1 * 3_600_000;
    expect(await sessionOf(cookie)).toBeNull();
    server.clock.offsetMs = 0;
  });

  test("takes its streams along when it ends, also when nobody ends it", async () => {
    const { email, id } = await aPerson();
    const { cookie = "" } = await signIn(email);
    await server.engine.operations.queues.create(admin, { project: "shop", queue: "watched" });
    await query("UPDATE sessions SET expires_at = clock_timestamp() + interval '2 s' WHERE person_id = $1", [id]);
    const watch = 'subscription { messagePosted(project: "shop", queue: "watched") { id } }';
    const ask = () =>
      fetch(`${server.url}/api/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "text/event-stream", cookie },
        body: JSON.stringify({ query: watch }),
      });
    // The change of the session ends the first ones. The last one has nobody to end it.
    const status = async () => {
      const stream = await ask();
      await stream.text();
      return stream.status;
    };
    await expect.poll(status, { timeout: 8000, interval: 200 }).toBe(401);
    // Garbage collection has not removed it.
    expect((await query("SELECT 1 FROM sessions WHERE person_id = $1", [id])).rowCount).toBe(1);
  });

  test("is not begun by a cookie that nobody has signed", async () => {
    const { cookie = "" } = await signIn((await aPerson()).email);
    const value = decodeURIComponent(cookie.split("=")[1] ?? "");
    const [token] = value.split(".");
    const forged = [`${token}.AAAA`, `${token}.`, `${token}`, `x${value}`, "%E0%A4%A", ""];
    for (const one of forged)
      expect(await sessionOf(`isimud-0=${one.includes("%") ? one : encodeURIComponent(one)}`)).toBeNull();
  });

  test("is replaced by the next sign-in of the same browser", async () => {
    const { email } = await aPerson();
    const first = await signIn(email);
    const second = await signIn(email, PASSWORD, { cookie: first.cookie ?? "" });
    expect(second.cookie).not.toBe(first.cookie);
    await expect.poll(() => sessionOf(first.cookie)).toBeNull();
    expect(await sessionOf(second.cookie)).not.toBeNull();
  });
});

describe("a one-time link", () => {
  const codeIn = (url: string) => url.split("#")[1] ?? "";

  test("sets a password once, and signs in", async () => {
    const { person, link } = await server.engine.operations.people.create(admin, {
      ...{ email: "linda@example.com", name: "Linda" },
      grants: [{ role: "viewer" }],
    });
    const code = codeIn(link.url);
    expect((await post("link/read", { code })).body).toEqual({
      ...{ kind: "password", email: "linda@example.com", name: "Linda" },
      expiresAt: link.expiresAt.toISOString(),
    });
    // A password that is refused does not use it up.
    expect(codeOf(await post("link", { code, password: "short" }))).toBe("PASSWORD_TOO_WEAK");
    const used = await post("link", { code, password: PASSWORD });
    expect([used.status, used.body]).toEqual([200, { person: { email: "linda@example.com", name: "Linda" } }]);
    expect((await sessionOf(used.cookie))?.personId).toBe(person.id);
    expect(codeOf(await post("link", { code, password: PASSWORD }))).toBe("LINK_NOT_VALID");
    expect(codeOf(await post("link/read", { code: "guess" }))).toBe("LINK_NOT_VALID");
    expect((await signIn("linda@example.com")).status).toBe(200);
  });

  test("of the first admin makes nobody an admin once there is somebody", async () => {
    const { code, digest, expiresAt } = newLink(new Date(), 60);
    expect(linkDigest(code)).toEqual(digest);
    await server.engine.control.people.addLink({
      kind: "firstAdmin",
      personId: null,
      digest,
      expiresAt,
      createdBy: "x",
    });
    const given = { code, password: PASSWORD, email: "late@example.com", name: "Late" };
    expect(codeOf(await post("link", given))).toBe("LINK_NOT_VALID");
  });
});

test("what signs in is audited without secrets, and a guesser does not fill the log", async () => {
  const { email } = await aPerson();
  for (let attempt = 0; attempt < 3; attempt += 1) await signIn(email, "wrong-secret-word");
  const { cookie = "" } = await signIn(email);
  await post("sign-out", {}, { cookie });
  const { items } = await server.engine.operations.audit.list(admin, { actor: email });
  expect(items.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
    "signOut done",
    "signIn done",
    "signIn refused",
  ]);
  const text = JSON.stringify(items);
  for (const secret of ["wrong-secret-word", PASSWORD, cookie.split("=")[1] ?? ""]) expect(text).not.toContain(secret);
});

test.each([
  ["sign-in/email", { email: "a@example.com" }],
  ["sign-in/email", { email: "a@example.com", password: PASSWORD, rememberMe: false }],
  ["sign-in/email", { email: ["a@example.com"], password: PASSWORD }],
  ["link", { code: "x", password: PASSWORD, email: 1 }],
])("%s takes nothing but what it knows", async (path, body) => {
  expect(codeOf(await post(path, body))).toBe("BAD_INPUT");
});

test("only these routes of the library are there", async () => {
  for (const path of [
    "sign-up/email",
    "get-session",
    "list-sessions",
    "update-user",
    "delete-user",
    "request-password-reset",
  ]) {
    expect(codeOf(await post(path, {}))).toBe("NOT_FOUND");
  }
  expect(await (await fetch(`${server.url}/api/auth/options`)).json()).toEqual({
    ...{ identityProvider: null, hasPeople: true, minPasswordLength: 10, maxPasswordLength: 256 },
  });
  expect(codeOf(await post("sign-in/social", {}))).toBe("NOT_FOUND");
});

async function query(text: string, values: unknown[] = []): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: server.engine.config.DATABASE_URL });
  await client.connect();
  return client.query(text, values).finally(() => client.end());
}
const clearAttempts = () => query("DELETE FROM sign_in_attempts");
async function lastSeen(cookie: string | undefined): Promise<number> {
  const id = (await sessionOf(cookie))?.sessionId;
  const { rows } = await query("SELECT last_seen_at FROM sessions WHERE id = $1", [id]);
  return rows[0].last_seen_at.getTime();
}

describe("the first admin", () => {
  /** What a start with these settings would print, on a database where there is nobody. */
  let empty: TestServer;
  beforeAll(async () => {
    empty = await startTestServer({ AUTH: "accounts" });
  });
  afterAll(() => empty.close());
  const started = (settings: object = {}) => {
    const engine = { ...empty.engine, config: { ...empty.engine.config, ...settings } };
    return prepareFirstAdmin(engine, callerWith("admin"));
  };
  const use = async (link: string | null) => {
    const [, code] = (link ?? "").split("#");
    const body = JSON.stringify({ code, password: PASSWORD, email: "ada@example.com", name: "Ada" });
    const init = { method: "POST", headers: { "content-type": "application/json" }, body };
    const response = await fetch(`${empty.url}/api/auth/link`, init);
    return { status: response.status, cookies: response.headers.getSetCookie() };
  };

  test("comes by the link of any start, with a session; then none of them is valid, and no start prints one", async () => {
    expect(
      await prepareFirstAdmin({ ...empty.engine, config: { ...empty.engine.config, AUTH: "none" } }, admin),
    ).toBeNull();
    const [link, later] = [await started(), await started()];
    expect(link).toMatch(/^Nobody can sign in yet\..*\n {2}http:\/\/127\.0\.0\.1:0\/link#[\w-]{43}$/);
    const used = await use(link);
    expect([used.status, used.cookies.length]).toEqual([200, 1]);
    expect((await use(later)).status).toBe(404);
    const [cookie] = used.cookies[0]?.split(";") ?? [];
    expect(await sessionOf(cookie, empty.engine)).toMatchObject({ rights: { administer: "all" } });
    expect([await started(), await started({ ADMIN_EMAIL: "late@example.com" })]).toEqual([null, null]);
  });

  test("comes by one link only, of those that processes make at the same time; each is audited", async () => {
    const { items } = await empty.engine.control.people.list({ page: { limit: 10 } });
    for (const { id } of items) await empty.engine.control.people.delete(id);
    const [code, later] = [newLink(new Date(), 60), newLink(new Date(), 60)];
    const link = { kind: "firstAdmin", personId: null, createdBy: "x" } as const;
    const hint = await empty.engine.control.transaction(async (tx) => {
      expect(await tx.people.addLink({ ...link, ...code })).toBe(true);
      return started();
    });
    expect(hint).toBe("Nobody can sign in yet. Another process that starts now prints the link for the first admin.");
    expect(await empty.engine.control.people.getLink(code.digest, new Date())).not.toBeNull();
    expect(await empty.engine.control.people.addLink({ ...link, ...later })).toBe(true);
    const made = await empty.engine.operations.audit.list(admin, { action: "createPersonLink" });
    expect(made.items.map(({ actor, target }) => [actor, target])).toEqual(
      Array(2).fill(["tester", "the first admin"]),
    );
  });

  test("comes from the settings: with the password in a file, or with a link until there is one", async () => {
    const { items } = await empty.engine.control.people.list({ page: { limit: 10 } });
    for (const { id } of items) await empty.engine.control.people.delete(id);
    const file = join(mkdtempSync(join(tmpdir(), "isimud-")), "password");
    writeFileSync(file, `${PASSWORD}\n`);
    const settings = { ADMIN_EMAIL: "root@example.com" };
    expect(await started(settings)).toMatch(/^root@example\.com has no password yet\./);
    expect(await started(settings)).toContain("/link#");
    expect(await started({ ...settings, ADMIN_PASSWORD_FILE: file })).toContain("signs in with the password");
    expect(await started({ ...settings, ADMIN_PASSWORD_FILE: file })).toBeNull();
    rmSync(dirname(file), { recursive: true });
    const [root] = (await empty.engine.control.people.list({ page: { limit: 10 } })).items;
    expect(root).toMatchObject({ email: "root@example.com", methods: ["password"], grants: [{ role: "admin" }] });
    const { items: entries } = await empty.engine.operations.audit.list(admin, { target: "root@example.com" });
    expect(entries.map(({ action }) => action)).toEqual(["changePassword", "createPersonLink", "createPerson"]);
    expect(JSON.stringify(entries)).not.toContain(PASSWORD);
  });
});
