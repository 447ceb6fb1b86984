/** What one process of the operating system takes away, another one no longer gives. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { hashPassword } from "../../server/access/accounts/passwords.ts";
import { admin } from "../operations/a-service.ts";
import {
  freePort,
  removeDataDir,
  START_DEADLINE_MS,
  type StartedProcess,
  startProcess,
  temporaryDataDir,
} from "../support/process.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

const PASSWORD = "plum-Quiver-93-tidal";
/** In which a change must have reached every process. */
const SOON_MS = 1000;

/** This process, where an admin takes rights away. */
let here: TestServer;
/** Another one, which serves whoever had them. */
let there: StartedProcess;
let url: string;
const dataDir = temporaryDataDir();

beforeAll(async () => {
  here = await startTestServer({ AUTH: "accounts" });
  const port = String(await freePort());
  const { DATABASE_URL = "", SECRET_KEY = "" } = here.engine.config;
  there = startProcess({
    AUTH: "accounts",
    PORT: port,
    DATABASE_URL,
    SECRET_KEY,
    DATA_DIR: dataDir,
    DRAIN_SECONDS: "0",
  });
  url = `http://127.0.0.1:${port}`;
  await there.printed(/Stop it with Ctrl-C/);
}, START_DEADLINE_MS);
afterAll(async () => {
  there?.child.kill("SIGTERM");
  await there?.ended;
  await here?.close();
  removeDataDir(dataDir);
});

const ask = (headers: Record<string, string>, query = "{ viewer { actor } }", accept = "application/json") =>
  fetch(`${url}/api/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", accept, ...headers },
    body: JSON.stringify({ query }),
  });

async function aPerson() {
  const { operations, control } = here.engine;
  const who = { email: `vera-${performance.now()}@example.com`, name: "Vera" };
  const { person } = await operations.people.create(admin, { ...who, grants: [{ role: "operator", projects: ["p"] }] });
  await control.people.setPassword(person.id, await hashPassword(PASSWORD));
  const answer = await fetch(`${url}/api/auth/sign-in/email`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: who.email, password: PASSWORD }),
  });
  expect(answer.status).toBe(200);
  return { id: person.id, cookie: answer.headers.getSetCookie()[0]?.split(";", 1)[0] ?? "" };
}

/** Milliseconds until the other process answers so. */
async function until(status: number, headers: Record<string, string>, query?: string): Promise<number> {
  const began = performance.now();
  await expect.poll(async () => (await ask(headers, query)).status, { timeout: 5000, interval: 10 }).toBe(status);
  return performance.now() - began;
}

test("a token that is revoked here opens nothing there within a second, and its stream has ended", async () => {
  const { operations } = here.engine;
  const asked = { name: "worker", scopes: ["read"], projects: null } as const;
  const { token, secret } = await operations.tokens.create(admin, asked);
  const headers = { authorization: `Bearer ${secret}` };
  expect((await ask(headers)).status).toBe(200);
  await operations.queues.create(admin, { project: "p", queue: "q" });
  const watch = 'subscription { messagePosted(project: "p", queue: "q") { id } }';
  const stream = await ask(headers, watch, "text/event-stream");
  expect(stream.status).toBe(200);
  const began = performance.now();
  await operations.tokens.revoke(admin, token);
  expect(await until(401, headers)).toBeLessThan(SOON_MS);
  expect(await stream.text()).not.toContain("event: next");
  expect(performance.now() - began).toBeLessThan(2 * SOON_MS);
});

test("a session that is ended here is none there within a second", async () => {
  const { id, cookie } = await aPerson();
  expect((await ask({ cookie })).status).toBe(200);
  expect(await here.engine.operations.people.endSessions(admin, { personId: id })).toEqual({ ended: 1 });
  expect(await until(401, { cookie })).toBeLessThan(SOON_MS);
});

test("a person who is disabled here is out there within a second", async () => {
  const { id, cookie } = await aPerson();
  expect((await ask({ cookie })).status).toBe(200);
  await here.engine.operations.people.update(admin, { id, disabled: true });
  expect(await until(401, { cookie })).toBeLessThan(SOON_MS);
});
