/** `WORKERS`: several processes behind one port. */
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isAlive } from "../../server/process/process-state.ts";
import {
  freePort,
  removeDataDir,
  START_DEADLINE_MS,
  type StartedProcess,
  startProcess,
  temporaryDataDir,
} from "../support/process.ts";

const WORKERS = 2;
let dataDir = "";
let url = "";
let service: StartedProcess;

beforeAll(async () => {
  dataDir = temporaryDataDir();
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  service = startProcess({ PORT: String(port), DATA_DIR: dataDir, DRAIN_SECONDS: "0", WORKERS: String(WORKERS) });
  await service.printed(/Stop it with Ctrl-C/);
}, START_DEADLINE_MS);

afterAll(() => removeDataDir(dataDir));

async function graphql(query: string): Promise<Record<string, never>> {
  const response = await fetch(`${url}/api/graphql`, {
    method: "POST",
    // A connection of its own, so that it reaches another worker than the last one.
    headers: { "content-type": "application/json", connection: "close" },
    body: JSON.stringify({ query }),
  });
  const { data, errors } = await response.json();
  expect(errors).toBeUndefined();
  return data;
}

/** What a scrape says, whichever worker answers: of several, the first, because one may be stopped. */
async function metrics(): Promise<{ posted: number; workers: number[]; milliseconds: number }> {
  const began = performance.now();
  const scrapes = Array.from({ length: 8 }, async () => {
    const response = await fetch(`${url}/api/metrics`, { headers: { connection: "close" } });
    expect(response.status).toBe(200);
    return response.text();
  });
  for (const scrape of scrapes) scrape.catch(() => undefined);
  const text = await Promise.any(scrapes);
  const milliseconds = performance.now() - began;
  const numberIn = (series: string) => Number(text.split(`\n${series} `)[1]?.split("\n")[0]);
  const posted = numberIn('isimud_messages_total{action="posted"}');
  return {
    posted,
    workers: ["answered", "silent"].map((state) => numberIn(`isimud_workers{state="${state}"}`)),
    milliseconds,
  };
}

/** The service's processes that run main.ts. */
function workers(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const parent = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[1];
        return Number(parent) === service.child.pid && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("main.ts");
      } catch {
        return false;
      }
    });
}

/** Clients that ask over a new connection each time, and wait for its end however long it takes. */
function keepCalling(): { answered(): number; allEnded(): Promise<unknown> } {
  const { port, host } = new URL(url);
  let answered = 0;
  let ending = false;
  const caller = async () => {
    while (!ending) {
      const socket = connect(Number(port), "127.0.0.1");
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.on("error", () => {});
      socket.once("data", () => answered++);
      socket.write(`GET /api/health/live HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      await closed;
    }
  };
  const callers = Array.from({ length: 32 }, caller);
  return {
    answered: () => answered,
    allEnded: () => {
      ending = true;
      return Promise.all(callers);
    },
  };
}

test.runIf(process.platform === "linux")(
  "workers share the work, one that dies is replaced, and all end in order",
  async () => {
    const before = workers();
    expect(before).toHaveLength(WORKERS);
    await graphql(`mutation { createQueue(input: { project: "p", queue: "q" }) { created } }`);
    const post = `mutation { postMessages(input: { project: "p", queue: "q", messages: [{ body: { json: 1 } }] }) { ids } }`;
    await Promise.all(Array.from({ length: 20 }, () => graphql(post)));
    const waiting = graphql(
      `mutation { createClaim(input: { project: "p", queue: "late", createQueue: true, waitSeconds: 20 }) { messages { body } } }`,
    );
    expect(await graphql(`{ queue(project: "p", queue: "q") { stats { total } } }`)).toEqual({
      queue: { stats: { total: 20 } },
    });
    // Whichever worker takes the post, the one that waits hears of it.
    await expect
      .poll(async () => (await graphql(`{ queue(project: "p", queue: "late") { name } }`)).queue, { timeout: 10_000 })
      .not.toBeNull();
    await graphql(
      `mutation { postMessages(input: { project: "p", queue: "late", messages: [{ body: { json: 7 } }] }) { ids } }`,
    );
    expect(await waiting).toEqual({ createClaim: { messages: [{ body: 7 }] } });

    const counted = { posted: 21, workers: [WORKERS, 0] };
    expect(await metrics()).toMatchObject(counted);
    // One that hangs is left out in time, but not its counts.
    process.kill(before[1] as number, "SIGSTOP");
    const hung = await metrics();
    process.kill(before[1] as number, "SIGCONT");
    expect(hung).toMatchObject({ posted: 21, workers: [1, 1] });
    expect(hung.milliseconds).toBeLessThan(3000);

    const callers = keepCalling();
    await expect.poll(() => callers.answered()).toBeGreaterThan(200);
    process.kill(before[0] as number, "SIGKILL");
    // Answered or closed, also those that were on their way to the worker: none is forgotten.
    await callers.allEnded();
    await expect.poll(() => workers().filter((pid) => !before.includes(pid)), { timeout: 30_000 }).toHaveLength(1);
    expect(service.output()).toContain("Starting another one");
    expect(await graphql(`{ queue(project: "p", queue: "q") { stats { total } } }`)).toEqual({
      queue: { stats: { total: 20 } },
    });

    // What the dead worker has counted stays. The new one answers once it has started.
    await expect.poll(metrics, { timeout: 30_000 }).toMatchObject(counted);
    const all = workers();
    service.child.kill("SIGTERM");
    expect(await service.ended).toBe(0);
    for (const pid of all) expect(isAlive(pid)).toBe(false);
  },
  60_000,
);
