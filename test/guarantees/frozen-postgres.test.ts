/** A stalled PostgreSQL, as on a machine without memory or disk: its sockets stay open, and nothing answers. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import pg from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Engine, openEngine } from "../../server/bootstrap.ts";
import { readConfig } from "../../server/config.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../server/embedded-postgres/server.ts";
import { hasCode } from "../../server/errors.ts";
import { admin, operator, viewer } from "../operations/a-service.ts";

/** An HTTP request may take ten seconds. */
const DEADLINE_MS = 10_000;

describe("while the control database hangs", () => {
  let dataDir: string;
  let server: EmbeddedPostgres;
  let engine: Engine;
  let stopped: number[] = [];
  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "isimud-frozen-"));
    // When root runs the tests, PostgreSQL runs as another account, which must be able to enter the folder.
    chmodSync(dataDir, 0o755);
    server = await startEmbeddedPostgres({ dataDir, settings: { fsync: "off" } });
    const env = {
      NODE_ENV: "test",
      DATABASE_URL: server.url,
      SECRET_KEY: "a secret of the tests",
      DATABASE_CONNECTIONS: "4",
    };
    engine = await openEngine(readConfig(env), { log: pino({ level: "silent" }) });
    await engine.operations.queues.create(operator, { queue: "q" });
    await engine.operations.gc.collect(admin, {});
  });
  afterAll(async () => {
    goOn();
    await engine?.close();
    await server?.stop();
    const pointer = join(dataDir, "postgres-elsewhere");
    if (existsSync(pointer)) rmSync(dirname(readFileSync(pointer, "utf8").trim()), { recursive: true });
    rmSync(dataDir, { recursive: true });
  });

  /** Stops the postmaster first, so that it starts no new sessions. Then stops the sessions. */
  async function standStill(): Promise<void> {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    const { rows } = await client.query<{ pid: number }>(
      "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
    );
    await client.end();
    stopped = [server.pid() as number, ...rows.map(({ pid }) => pid)];
    for (const pid of stopped) process.kill(pid, "SIGSTOP");
  }

  function goOn(): void {
    for (const pid of stopped.splice(0)) process.kill(pid, "SIGCONT");
  }

  it("every request fails within its deadline and says how to repeat it, and all succeed once the database answers again", async () => {
    const { operations, control, stores, jobs } = engine;
    const store = stores.get<number>("frozen");
    store.configure({ backingStore: "postgres" });
    await store.set("k", 1);
    const uri = "postgres://u@127.0.0.1:1/d";
    const requests: Record<string, () => Promise<unknown>> = {
      "a read": () => operations.queues.list(viewer, { project: "p" }),
      "a change": () => operations.queues.create(operator, { queue: "late" }),
      "a change of several steps": () =>
        operations.pools.create(admin, { pool: "late", uri, weight: 1, verify: false }),
      "a transaction": () => control.transaction((tx) => tx.queues.get({ project: "p", name: "q" })),
      "garbage collection": () => engine.data.pool("default").then((driver) => driver.gc()),
      "a post": () => operations.messages.post(operator, { queue: "q", messages: [{ bodyText: "1" }] }),
      "a key": () => store.get("k"),
      "a job": () => jobs.get("1"),
    };
    await standStill();
    const started = performance.now();
    const outcomes = await Promise.all(
      Object.entries(requests).map(async ([name, request]) => {
        const error: unknown = await request().catch((thrown: unknown) => thrown);
        return { name, error, ms: performance.now() - started };
      }),
    );
    for (const { name, error, ms } of outcomes) {
      expect(error, name).toMatchObject({
        code: expect.stringMatching(/^(STORAGE_UNAVAILABLE|OUTCOME_UNKNOWN|DEADLINE_EXCEEDED)$/),
        status: hasCode(error, "OUTCOME_UNKNOWN") ? 504 : 503,
      });
      expect(ms, name).toBeLessThan(DEADLINE_MS);
    }
    expect((await operations.health.check(viewer, {})).status).toBe("fail");

    goOn();
    // Statements in flight may still take effect. A transaction that was given up before its commit does not.
    await expect
      .poll(() =>
        operations.queues.list(viewer, { project: "p" }).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    for (const [name, request] of Object.entries(requests)) {
      const outcome = await request().catch((thrown: { code?: unknown }) => thrown.code);
      expect(
        ["POOL_ALREADY_EXISTS"].includes(String(outcome)) || !String(outcome).match(/^[A-Z_]+$/),
        `${name}: ${outcome}`,
      ).toBe(true);
    }
  }, 60_000);
});
