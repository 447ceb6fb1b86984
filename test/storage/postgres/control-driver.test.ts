/** Guarantees of the control driver on PostgreSQL: cost at 100,000 queues, and broken connections. */

import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, type Socket } from "node:net";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createSecretBox } from "../../../server/secret-box.ts";
import type { ControlDriver, QueueFilter } from "../../../server/storage/control-driver.ts";
import type { PageRequest } from "../../../server/storage/list-pages.ts";
import { createPostgresControlDriver } from "../../../server/storage/postgres/control/control-driver.ts";
import { openConnections } from "../../../server/storage/postgres/sql/connection.ts";
import type { Where } from "../../../server/storage/where.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";

const QUEUES = 100_000;

let database: TestDatabase;
let connections: pg.Pool;
let control: ControlDriver;

const driverOn = (pool: pg.Pool) =>
  createPostgresControlDriver({
    connections: pool,
    schema: "public",
    secrets: createSecretBox("the key of the tests"),
  });

beforeAll(async () => {
  database = await createTestDatabase();
  connections = openConnections({ url: database.url, connections: 8 });
  control = driverOn(connections);
});
afterAll(async () => {
  await control.close();
  await connections.end();
  await database.drop();
});

it("the catalogue is dropped in steps, and an error between two says how many entries are gone", async () => {
  await connections.query(
    `INSERT INTO catalogue_entries (project, queue, pool, epoch)
     SELECT 'steps', 'q' || lpad(n::text, 4, '0'), 'a', n FROM generate_series(1, 4500) AS n`,
  );
  const holder = await connections.connect();
  await holder.query("BEGIN");
  await holder.query("SELECT 1 FROM queue_facets WHERE project = 'steps' AND name = 'q4400' FOR UPDATE");
  const outcome = control.catalogue.dropAll().catch((error: unknown) => error);
  const cancel = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND datname = current_database()`;
  await expect.poll(async () => (await connections.query(cancel)).rowCount).toBe(1);
  expect(await outcome).toMatchObject({
    message: expect.stringContaining("At least 4000 entries were dropped"),
    details: { partial: true, entries: 4000 },
  });
  await holder.query("ROLLBACK");
  holder.release();
  await control.catalogue.dropAll();
  expect((await control.catalogue.list({ projects: "all", page: { limit: 1 } })).items).toEqual([]);
});

describe("with 100,000 queues in one project", () => {
  beforeAll(async () => {
    // Without the deadlines of the driver's connections.
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    // Row by row the triggers would take seconds.
    await client.query("ALTER TABLE queues DISABLE TRIGGER USER");
    await client.query("ALTER TABLE catalogue_entries DISABLE TRIGGER USER");
    // Ten queues share each microsecond. One in five has a flavor, one in a hundred is a dead letter queue.
    await client.query(
      `INSERT INTO queues (project, name, created_at, metadata, dead_letter_queue)
       SELECT 'big', 'q' || lpad(n::text, 6, '0'), '2026-01-01'::timestamptz + (n / 10) * interval '1 microsecond',
         CASE WHEN n % 5 = 0 THEN '{"_flavor":"fast"}' ELSE '{}' END,
         CASE WHEN n % 100 = 1 THEN 'q' || lpad((n - 1)::text, 6, '0') END
       FROM generate_series(0, ${QUEUES - 1}) AS n`,
    );
    await client.query(
      "INSERT INTO queues (project, name) SELECT 'p' || lpad(n::text, 3, '0'), 'q' FROM generate_series(0, 299) AS n",
    );
    await client.query(
      `INSERT INTO catalogue_entries (project, queue, pool, epoch)
       SELECT 'big', 'q' || lpad(n::text, 6, '0'), CASE WHEN n % 2 = 0 THEN 'a' ELSE 'b' END, n
       FROM generate_series(0, ${QUEUES - 1}) AS n`,
    );
    await client.query("SELECT rebuild_queue_facets()");
    await client.query("VACUUM ANALYZE queues, catalogue_entries, queue_facets");
    await client.query("ALTER TABLE queues ENABLE TRIGGER USER");
    await client.query("ALTER TABLE catalogue_entries ENABLE TRIGGER USER");
    await client.end();
  });

  /** How many blocks of tables and indexes the statements touch: a cost that does not depend on the machine. */
  async function blocksTouched(work: () => Promise<unknown>): Promise<number> {
    const sent: { text: string; values: unknown[] }[] = [];
    const query = connections.query;
    const record = (statement: { text: string; values: unknown[] }) => {
      sent.push({ text: statement.text, values: statement.values });
      return Reflect.apply(query, connections, [statement]);
    };
    connections.query = record as typeof query;
    try {
      await work();
    } finally {
      connections.query = query;
    }
    expect(sent.length).toBeGreaterThan(0);
    let blocks = 0;
    for (const { text, values } of sent) {
      const { rows } = await connections.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`, values);
      const plan = rows[0]["QUERY PLAN"][0].Plan;
      blocks += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"];
    }
    return blocks;
  }

  /** Enough for the 50 rows of a page, each in a block of its own. 100,000 rows fill over 1,000 blocks. */
  const FEW_BLOCKS = 150;
  /** A filter, or some projects: names are found in one index, and each of 50 records in another: four blocks each. */
  const FEW_BLOCKS_FILTERED = FEW_BLOCKS + 4 * 50;

  const isCheap = async (list: (page: PageRequest) => Promise<unknown>, middle: string, bound = FEW_BLOCKS) => {
    for (const page of [{ limit: 50 }, { limit: 50, after: middle }, { limit: 50, before: middle }]) {
      expect(await blocksTouched(() => list(page))).toBeLessThan(bound);
    }
  };

  /** The last two filters find nothing, though each of their conditions alone finds many. */
  const FILTERS: QueueFilter[] = [
    {},
    { pool: "a" },
    { flavor: "fast" },
    { isDeadLetterQueue: true },
    { isDeadLetterQueue: false },
    { pool: "a", flavor: "fast" },
    { pool: "a", isDeadLetterQueue: true },
    { pool: "a", flavor: "", isDeadLetterQueue: false },
    { pool: "b", isDeadLetterQueue: true },
    { flavor: "", isDeadLetterQueue: true },
  ];

  /** Several small projects beside the big one: each has a page of its own. */
  const SCOPES: Where[] = [["big"], ["big", "p001", "p002", "nobody"], "all"];

  for (const field of ["name", "createdAt"] as const) {
    for (const projects of SCOPES) {
      it.each(FILTERS)(`with the filter %o, each page by ${field} of ${projects} reads few rows`, async (filter) => {
        // Pages before a marker read downwards.
        const orderBy = { field, direction: "asc" } as const;
        const list = (page: PageRequest) => control.queues.list({ projects, orderBy, filter, page });
        // The search finds a marker in the middle of the list.
        const middle = { projects, orderBy, filter: { search: "q0500" }, page: { limit: 50 } };
        const { nextMarker } = await control.queues.list(middle);
        expect(nextMarker).not.toBeNull();
        const isOneIndex = filter === FILTERS[0] && (projects === "all" || projects.length === 1);
        await isCheap(list, nextMarker as string, isOneIndex ? FEW_BLOCKS : FEW_BLOCKS_FILTERED);
      });
    }
  }

  it("a search within a filter reads few rows", async () => {
    const filter = { pool: "a", flavor: "fast", search: "q05" };
    for (const projects of SCOPES) {
      const list = () => control.queues.list({ projects, filter, page: { limit: 50 } });
      expect((await list()).items[0]?.name).toBe("q050000");
      expect(await blocksTouched(list)).toBeLessThan(FEW_BLOCKS_FILTERED);
    }
  });

  it("pages by creation time are exact, though ten queues share each microsecond", async () => {
    const seen: string[] = [];
    let after: string | undefined;
    for (let page = 0; page < 30; page += 1) {
      const found = await control.queues.list({
        projects: ["big"],
        orderBy: { field: "createdAt", direction: "asc" },
        page: { limit: 7, after },
      });
      seen.push(...found.items.map((queue) => queue.name));
      after = found.nextMarker ?? undefined;
    }
    expect(seen).toEqual(Array.from({ length: 210 }, (_, index) => `q${String(index).padStart(6, "0")}`));
  });

  it("listing projects skips the queues of the big one", async () => {
    const list = (page: PageRequest) => control.queues.listProjects({ page });
    expect((await list({ limit: 2 })).items).toEqual(["big", "p000"]);
    await isCheap((page) => control.queues.listProjects({ page: { ...page, limit: 2 } }), "=p000");
  });

  it("counts to 10,000 and no further", async () => {
    expect(await control.queues.count({ projects: ["big"] })).toEqual({ value: 10_000, exact: false });
    expect(await control.queues.count({ projects: "all" })).toEqual({ value: 10_000, exact: false });
    const count = (filter: QueueFilter) => control.queues.count({ projects: ["big"], filter });
    expect(await count({ search: "q00" })).toEqual({ value: 10_000, exact: true });
    expect(await count({ pool: "a", flavor: "" })).toEqual({ value: 10_000, exact: false });
    expect(await count({ pool: "a", flavor: "fast" })).toEqual({ value: 10_000, exact: true });
    expect(await count({ isDeadLetterQueue: true })).toEqual({ value: 1000, exact: true });
    expect(await count({ pool: "b", isDeadLetterQueue: true })).toEqual({ value: 0, exact: true });
    expect(await control.catalogue.countByPool("a")).toEqual({ value: 10_000, exact: false });
    expect(await control.catalogue.countByPools({ pools: ["a"], projects: "all" })).toEqual([
      { value: 10_000, exact: false },
    ]);
    expect(await control.queues.countByProjects(["big"])).toEqual([{ value: 10_000, exact: false }]);
  });

  it("the catalogue reads few rows for a page anywhere, and for a search", async () => {
    const list = (page: PageRequest) => control.catalogue.list({ page, projects: ["p001", "big", "p002"] });
    const middle = await control.catalogue.list({ projects: "all", page: { limit: 50 }, search: "q0500" });
    expect(middle.items[0]?.queue).toBe("q050000");
    const marker = Buffer.from(JSON.stringify([String(QUEUES / 2)])).toString("base64url");
    await isCheap(list, marker);
    const search = () => control.catalogue.list({ projects: "all", page: { limit: 50 }, search: "q0999", pool: "a" });
    expect(await blocksTouched(search)).toBeLessThan(FEW_BLOCKS);
  });
});

describe("a transaction", () => {
  it("does not report success when a statement failed, though its work caught the error", async () => {
    const queue = { project: "tx", name: "locked" };
    const other = { project: "tx", name: "other" };
    await control.queues.create(queue);
    const holder = await connections.connect();
    await holder.query("BEGIN");
    await holder.query("SELECT 1 FROM queues WHERE project = 'tx' AND name = 'locked' FOR UPDATE");
    await expect(
      control.transaction(async (tx) => {
        await tx.queues.create(other);
        await tx.queues.setMetadata(queue, "{}").catch(() => "never mind");
        return "done";
      }),
    ).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    await holder.query("ROLLBACK");
    holder.release();
    expect(await control.queues.exists(other)).toBe(false);
  });
});

it("two queues that are created at once and name each other as dead letter queue both succeed", async () => {
  const names = ["left", "right"] as const;
  let begun = 0;
  let both = () => {};
  const met = new Promise<void>((resolve) => {
    both = resolve;
  });
  const runs: string[] = [];
  const create = (name: string, deadLetters: string) =>
    control.transaction(async (tx) => {
      runs.push(name);
      await tx.queues.create({ project: "mutual", name }, JSON.stringify({ _dead_letter_queue: deadLetters }));
      await tx.catalogue.insert({ project: "mutual", name }, "default");
      // Both have written before one commits.
      begun += 1;
      if (begun === names.length) both();
      await met;
      await tx.audit.append({
        actor: "a",
        requestId: "r",
        action: "mutual",
        project: "mutual",
        target: name,
        outcome: "done",
        detailsText: "{}",
        reason: null,
      });
      return name;
    });
  expect(await Promise.all([create("left", "right"), create("right", "left")])).toEqual(names);
  expect(runs).toHaveLength(3);
  const { rows } = await connections.query("SELECT count(*)::int AS n FROM audit_entries WHERE action = 'mutual'");
  expect(rows).toEqual([{ n: 2 }]);
  for (const name of names) expect(await control.queues.exists({ project: "mutual", name })).toBe(true);
});

describe("when the connection breaks", () => {
  let proxy: Server;
  let throughProxy: pg.Pool;
  let broken: ControlDriver;
  const sockets = new Set<Socket>();
  const queue = { project: "broken", name: "q" };
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };

  beforeAll(async () => {
    const target = new URL(database.url);
    const socketFolder = target.searchParams.get("host");
    const port = Number(target.port || target.searchParams.get("port") || 5432);
    proxy = createServer((client) => {
      const server = connect(
        socketFolder?.startsWith("/") ? { path: `${socketFolder}/.s.PGSQL.${port}` } : { host: target.hostname, port },
      );
      for (const [one, other] of [
        [client, server],
        [server, client],
      ] as const) {
        sockets.add(one);
        one.pipe(other);
        one.on("error", () => {});
        one.on("close", () => {
          sockets.delete(one);
          other.destroy();
        });
      }
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const url = new URL(database.url);
    url.searchParams.delete("host");
    url.searchParams.delete("port");
    url.hostname = "127.0.0.1";
    url.port = String((proxy.address() as AddressInfo).port);
    throughProxy = openConnections({ url: url.toString(), connections: 2 });
    broken = driverOn(throughProxy);
    await control.queues.create(queue);
  });
  afterAll(async () => {
    await broken.close();
    await throughProxy.end();
    cut();
    await new Promise((resolve) => proxy.close(resolve));
  });

  /** Starts a call that has to wait for the queue's row in `table`, and cuts its connection meanwhile. */
  async function cutDuring(work: () => Promise<unknown>, table = "queues", end: () => unknown = cut): Promise<unknown> {
    const waiting = async () => {
      const { rowCount } = await connections.query(
        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
      );
      return rowCount;
    };
    // The server may still work on a call whose connection was cut before.
    await expect.poll(waiting).toBe(0);
    const holder = await connections.connect();
    await holder.query("BEGIN");
    await holder.query(`SELECT 1 FROM ${table} WHERE project = 'broken' AND name = 'q' FOR UPDATE`);
    const outcome = work().catch((error: unknown) => error);
    try {
      await expect.poll(waiting).toBe(1);
      await end();
      return await outcome;
    } finally {
      await holder.query("ROLLBACK");
      holder.release();
    }
  }

  it("a write that was sent ends with an unknown outcome", async () => {
    expect(await cutDuring(() => broken.queues.setMetadata(queue, '{"a":1}'))).toMatchObject({
      code: "OUTCOME_UNKNOWN",
    });
    expect(await broken.queues.exists(queue)).toBe(true);
  });

  it("a transaction that is cut before its end has changed nothing, and says so", async () => {
    const work = () =>
      broken.transaction(async (tx) => {
        await tx.queues.create({ project: "broken", name: "other" });
        await tx.queues.setMetadata(queue, '{"a":2}');
      });
    expect(await cutDuring(work)).toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    expect(await broken.queues.exists({ project: "broken", name: "other" })).toBe(false);
  });

  it("a transaction that is cut while it commits ends with an unknown outcome", async () => {
    // The trigger that keeps the facets of queues runs at the commit.
    const write = (tx: Pick<ControlDriver, "queues">, flavor: string) =>
      tx.queues.setMetadata(queue, JSON.stringify({ _flavor: flavor }));
    const terminate = () =>
      connections.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE wait_event_type = 'Lock' AND datname = current_database()`,
      );
    for (const work of [() => broken.transaction((tx) => write(tx, "a")), () => write(broken, "b")]) {
      expect(await cutDuring(work, "queue_facets")).toMatchObject({ code: "OUTCOME_UNKNOWN" });
    }
    // A transaction of Prisma's own, whose error tells nothing of the commit.
    const outcome = await cutDuring(() => write(broken, "c"), "queue_facets", terminate);
    expect(outcome).toMatchObject({ code: "OUTCOME_UNKNOWN", cause: { code: "P2028" } });
  });

  it("a transaction over its time on a connection that broke ends like any other, and leaves no connection", async () => {
    const unhandled: unknown[] = [];
    const hear = (error: unknown) => unhandled.push(error);
    process.on("unhandledRejection", hear);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const [begun, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const outcome = broken
        .transaction(async (tx) => {
          await tx.queues.exists(queue);
          cut();
          begun.resolve();
          // Without a statement that would notice.
          await over.promise;
        })
        .catch((error: unknown) => error);
      await begun.promise;
      await vi.advanceTimersByTimeAsync(6000);
      expect(await outcome).toMatchObject({ code: "STORAGE_UNAVAILABLE" });
      over.resolve();
      vi.useRealTimers();
      await expect.poll(() => throughProxy.totalCount).toBe(0);
      expect(await broken.queues.exists(queue)).toBe(true);
      expect(unhandled).toEqual([]);
    } finally {
      vi.useRealTimers();
      process.off("unhandledRejection", hear);
    }
  });

  it("is not alive while nothing answers, which it finds out within four seconds, and is alive again afterwards", async () => {
    expect(await broken.isAlive()).toBe(true);
    for (const socket of sockets) socket.pause();
    const start = performance.now();
    expect(await broken.isAlive()).toBe(false);
    expect(performance.now() - start).toBeLessThan(4000);
    cut();
    expect(await broken.isAlive()).toBe(true);
  });
});

it("the audit log refuses every change of its entries, also by plain SQL, except an outcome for an intended one", async () => {
  const what = { actor: "a", action: "kept", project: "p", target: "t" };
  const entry = { ...what, detailsText: "{}", requestId: "r", reason: "because" };
  const id = await control.audit.append({ ...entry, outcome: "intended" });
  const done = await control.audit.append({ ...entry, outcome: "done" });
  for (const change of [
    `UPDATE audit_entries SET outcome = 'refused' WHERE id = ${id}`,
    `UPDATE audit_entries SET details = '{"a": 1}' WHERE id = ${id}`,
    `UPDATE audit_entries SET outcome = 'done', actor = 'b' WHERE id = ${id}`,
    `UPDATE audit_entries SET outcome = 'done', reason = 'another' WHERE id = ${id}`,
    `UPDATE audit_entries SET outcome = 'failed' WHERE id = ${done}`,
    `DELETE FROM audit_entries WHERE id = ${done}`,
    "TRUNCATE audit_entries",
  ]) {
    await expect(connections.query(change)).rejects.toMatchObject({ code: "23001" });
  }
  await control.audit.settle(id, "failed", '{"why": 1}');
  const { rows } = await connections.query(
    "SELECT actor, outcome, details FROM audit_entries WHERE action = 'kept' ORDER BY id",
  );
  expect(rows).toEqual([
    { actor: "a", outcome: "failed", details: '{"why": 1}' },
    { actor: "a", outcome: "done", details: "{}" },
  ]);
});
