/** `npm start` as users run it: the first start, later starts, a start after kill -9, and an orderly end. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isAlive } from "../../server/process/process-state.ts";
import { runCommand } from "../support/command-line.ts";
import {
  freePort,
  removeDataDir,
  START_DEADLINE_MS,
  type StartedProcess,
  startProcess,
  temporaryDataDir,
} from "../support/process.ts";

let dataDir = "";
let port = 0;
let url = "";
let service: StartedProcess;

const start = (settings: Record<string, string> = {}) =>
  startProcess({ PORT: String(port), DATA_DIR: dataDir, DRAIN_SECONDS: "2", ...settings });

async function graphql(query: string): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/api/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query }),
  });
  const { data, errors } = (await response.json()) as { data: Record<string, unknown>; errors?: unknown };
  expect(errors).toBeUndefined();
  return data;
}

const post = (body: string) =>
  graphql(
    `mutation { postMessages(input: { project: "p", queue: "q", createQueue: true, messages: [{ body: { text: "${body}" } }] }) { ids } }`,
  );

function postgresPid(): number {
  return Number(readFileSync(join(dataDir, "postgres", "data", "postmaster.pid"), "utf8").split("\n")[0]);
}

beforeAll(async () => {
  dataDir = temporaryDataDir();
  port = await freePort();
  url = `http://127.0.0.1:${port}`;
  service = start();
  await service.printed(/Stop it with Ctrl-C/);
}, START_DEADLINE_MS);

afterAll(async () => {
  service.child.kill("SIGTERM");
  await service.ended;
  removeDataDir(dataDir);
});

describe("npm start", () => {
  test("prints its URL, and serves health, the API and a page there", async () => {
    expect(service.output()).toContain(`Isimud is at ${url}\n`);
    expect((await fetch(`${url}/api/health`)).status).toBe(200);
    expect(await post("1")).toMatchObject({ postMessages: { ids: [expect.any(String)] } });
    const page = await fetch(`${url}/queues`);
    expect(page.status).toBe(200);
    const html = await page.text();
    expect(html).toContain("<html");
    expect(html).not.toContain("run without their server");
  });

  test("gives every page a nonce of its own, which its scripts carry", async () => {
    const nonceOf = async () => {
      const page = await fetch(`${url}/queues`);
      const [, nonce] = /'nonce-([^']+)'/.exec(page.headers.get("content-security-policy") ?? "") ?? [];
      const scripts = (await page.text()).match(/<script[^>]*>/g) ?? [];
      expect(scripts.length).toBeGreaterThan(0);
      for (const script of scripts) expect(script).toContain(`nonce="${nonce}"`);
      return nonce;
    };
    expect(await nonceOf()).not.toBe(await nonceOf());
  });

  test("serves pages for reading only", async () => {
    const answer = await fetch(`${url}/queues`, { method: "POST", body: "x" });
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe("GET, HEAD");
  });

  test("sends a browser that opens the API to the explorer", async () => {
    const answer = await fetch(`${url}/api/graphql`, { headers: { accept: "text/html" }, redirect: "manual" });
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe("/graphql");
  });

  test("keeps its secrets to this user", () => {
    for (const file of ["secret-key", "postgres-password"]) {
      expect(statSync(join(dataDir, file)).mode & 0o777).toBe(0o600);
    }
    expect(service.output()).not.toContain(readFileSync(join(dataDir, "postgres-password"), "utf8").trim());
  });

  test("refuses to run twice on one DATA_DIR", async () => {
    const second = start({ PORT: String(await freePort()) });
    expect(await second.ended).toBe(1);
    expect(second.output()).toContain(`Another Isimud (process ${service.child.pid}) runs on ${dataDir}`);
    expect((await fetch(`${url}/api/health/ready`)).status).toBe(200);
  });

  test("loses nothing acknowledged when it is killed in the middle of posting, and the next start takes over", async () => {
    let acknowledged = 0;
    let broken = false;
    const posters = [1, 2, 3, 4].map(async () => {
      while (!broken) {
        try {
          await post("2");
          acknowledged += 1;
        } catch {
          broken = true;
        }
      }
    });
    await expect.poll(() => acknowledged).toBeGreaterThan(50);
    const orphan = postgresPid();
    service.child.kill("SIGKILL");
    await service.ended;
    await Promise.all(posters);

    service = start();
    await service.printed(/Stop it with Ctrl-C/);
    expect(service.output()).toContain("Stopping the PostgreSQL that an Isimud left behind");
    expect(isAlive(orphan)).toBe(false);
    const data = await graphql(`{ queue(project: "p", queue: "q") { stats { total } } }`);
    expect(data).toMatchObject({ queue: { stats: { total: expect.any(Number) } } });
    const { total } = (data.queue as { stats: { total: number } }).stats;
    // Besides the acknowledged ones: one of the first test, and messages whose answer was lost with the process.
    expect(total).toBeGreaterThanOrEqual(acknowledged + 1);
    expect(total).toBeLessThanOrEqual(acknowledged + 1 + posters.length);
  });

  test("on SIGTERM says that it is not ready, ends streams, and ends with its database", async () => {
    const database = postgresPid();
    const stream = await fetch(
      `${url}/api/graphql?query=${encodeURIComponent(`subscription { queueStatsChanged(project: "p", queues: ["q"]) { __typename } }`)}`,
      { headers: { accept: "text/event-stream" } },
    );
    service.child.kill("SIGTERM");
    await service.printed(/Stopping\.\.\./);
    const ready = await fetch(`${url}/api/health/ready`);
    expect(ready.status).toBe(503);
    expect(await stream.text()).not.toContain("event: complete");
    expect(await service.ended).toBe(0);
    expect(service.output()).toMatch(/Stopped\.\n$/);
    expect(isAlive(database)).toBe(false);
    expect(existsSync(join(dataDir, "isimud.pid"))).toBe(false);

    service = start();
    await service.printed(/Stop it with Ctrl-C/);
    expect(service.output()).not.toContain("Building");
    expect(service.output()).not.toContain("Making");
    expect(await graphql(`{ queue(project: "p", queue: "q") { name } }`)).toEqual({ queue: { name: "q" } });
  });

  test("ends on Ctrl-C while it starts, without leaving a database behind", async () => {
    const own = temporaryDataDir();
    try {
      const second = start({ DATA_DIR: own, PORT: String(await freePort()) });
      await second.printed(/Creating the database/);
      second.child.kill("SIGINT");
      expect(await second.ended).toBe(0);
      expect(existsSync(join(own, "postgres", "data", "postmaster.pid"))).toBe(false);
    } finally {
      removeDataDir(own);
    }
  });
});

describe("an error at the start says what to do", () => {
  test.each([
    ["PORT", "seventy", 'PORT: must be a whole number from 0 to 65535; it is "seventy"'],
    ["PORT", "99999", 'PORT: must be a whole number from 0 to 65535; it is "99999"'],
    ["WORKERS", "0", 'WORKERS: must be a whole number from 1 to 64; it is "0"'],
    ["HOST", "0.0.0.0", "AUTH=none serves loopback only"],
    ["DATABASE_URL", "postgres://u@127.0.0.1:1/none", "SECRET_KEY is needed"],
  ])("a wrong %s", async (name, value, message) => {
    const failed = start({ [name]: value });
    expect(await failed.ended).toBe(2);
    expect(failed.output()).toContain(message);
    expect(failed.output()).not.toContain("    at ");
  });

  test.each(["1", "2"])("a port that is taken, before anything is created, with %s workers", async (WORKERS) => {
    const own = temporaryDataDir();
    try {
      const failed = start({ DATA_DIR: own, WORKERS });
      expect(await failed.ended).toBe(1);
      expect(failed.output()).toBe(
        `PORT is ${port}, but another program listens on 127.0.0.1:${port}. Stop it, or set PORT to another number.\n`,
      );
      expect(readdirSync(own)).toEqual([]);
    } finally {
      removeDataDir(own);
    }
  });

  test.each([
    [
      "not there",
      "postgres://nobody@127.0.0.1:1/none",
      {},
      /\(127\.0\.0\.1:1\) is unreachable: ECONNREFUSED\. .*DATABASE_WAIT/,
    ],
    [
      "not there, though it was waited for",
      "postgres://u@localhost:1/none",
      { DATABASE_WAIT: "1" },
      /is not reachable yet.*up to 1 s.*\n.*is unreachable/,
    ],
  ])("a database that is %s", async (_what, DATABASE_URL, settings, message) => {
    const failed = start({ PORT: String(await freePort()), DATABASE_URL, SECRET_KEY: "0123456789abcdef", ...settings });
    expect(await failed.ended).toBe(1);
    expect(failed.output()).toMatch(message);
    expect(failed.output()).not.toContain("    at ");
  });

  test("a secret key that a power cut left empty, before the database is created", async () => {
    const own = temporaryDataDir();
    try {
      writeFileSync(join(own, "secret-key"), "");
      const failed = start({ DATA_DIR: own, PORT: String(await freePort()) });
      expect(await failed.ended).toBe(1);
      expect(failed.output()).toMatch(/secret-key is empty or damaged.*backup.*rotate-key/);
      expect(existsSync(join(own, "postgres"))).toBe(false);
      expect(readFileSync(join(own, "secret-key"), "utf8")).toBe("");
    } finally {
      removeDataDir(own);
    }
  });
});

test("the doctor finds the service and its embedded database, also when they do not run, and leaves them so", async () => {
  const settings = { DATA_DIR: dataDir, PORT: String(port) };
  const running = await runCommand(["doctor"], { settings });
  expect(running).toMatchObject({ code: 0, errors: "" });
  expect(running.output).toMatch(/^ok +service +It runs at .*, and is ready\.$/m);
  expect(running.output).toMatch(/^ok +database +PostgreSQL 18\.\d+ at the embedded server/m);
  service.child.kill("SIGTERM");
  await service.ended;
  const before = readdirSync(dataDir);
  const stopped = await runCommand(["doctor"], { settings });
  expect(stopped).toMatchObject({ code: 0, errors: "" });
  expect(stopped.output).toMatch(/^ok +service +It does not run at /m);
  expect(stopped.output).toMatch(/^ok +tables +As the migrations make them\.$/m);
  expect(readdirSync(dataDir)).toEqual(before);
  const lock = join(dataDir, "postgres", "data", "postmaster.pid");
  expect(existsSync(lock)).toBe(false);

  const interrupted = startProcess(settings, [process.execPath, "server/cli/isimud.ts", "token", "list"]);
  await expect.poll(() => existsSync(lock), { interval: 10 }).toBe(true);
  interrupted.child.kill("SIGINT");
  expect(await interrupted.ended).toBe(130);
  expect(interrupted.output()).toBe("Interrupted.\n");
  expect(existsSync(lock)).toBe(false);
  expect(readdirSync(dataDir)).toEqual(before);
});

// Last, since it takes the data of the other tests over.
test("ends in order when npm, which started it, gets a signal and does not pass it on", async () => {
  service.child.kill("SIGTERM");
  await service.ended;
  const npm = startProcess({ DATA_DIR: dataDir, PORT: String(port) }, ["npm", "start"]);
  await npm.printed(/Stop it with Ctrl-C/);
  const { pid } = JSON.parse(readFileSync(join(dataDir, "isimud.pid"), "utf8")) as { pid: number };
  npm.child.kill("SIGTERM");
  await expect.poll(() => isAlive(pid), { timeout: 20_000 }).toBe(false);
  expect(existsSync(join(dataDir, "postgres", "data", "postmaster.pid"))).toBe(false);
});
