/**
 * What the PostgreSQL driver guarantees when connections break, stall or end, and when statements block one another.
 */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { DataDriver } from "../../server/storage/data-driver.ts";
import { openPostgresDataDriver } from "../../server/storage/postgres/data-driver.ts";
import { Counters } from "../../server/storage/postgres/messages/counters.ts";
import { openConnections } from "../../server/storage/postgres/sql/connection.ts";
import type { Statements } from "../../server/storage/postgres/sql/statements.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const MESSAGE = { bodyText: "1", ttlSeconds: 300, delaySeconds: 0 };

/** Selects the driver's statements that wait for a lock. */
const WAITING =
  "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'isimud data' AND wait_event_type = 'Lock'";

describe("the PostgreSQL driver under faults", () => {
  let database: TestDatabase;
  let driver: DataDriver;
  let client: pg.Client;
  beforeAll(async () => {
    database = await createTestDatabase();
    driver = await openPostgresDataDriver({ uri: database.url });
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await driver.close();
    await database.drop();
  });

  async function aQueue(name: string, of = driver) {
    const queue = { project: "p", name };
    await of.attachQueue({ ...queue, epoch: 1 });
    return queue;
  }
  const post = (queue: { project: string; name: string }, of = driver) =>
    of.messages.post({ queue, messages: [MESSAGE], clientId: null });

  it("a connection that breaks while gc holds it fails that collection and nothing else", async () => {
    const uncaught: unknown[] = [];
    const hear = (error: unknown) => uncaught.push(error);
    process.on("uncaughtException", hear);
    try {
      await client.query("BEGIN");
      await client.query("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE");
      const collected = driver.gc().catch((error: unknown) => error);
      await vi.waitUntil(async () => {
        const ended = await client.query(
          "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = 26467",
        );
        return ended.rows.length > 0;
      });
      await client.query("COMMIT");
      expect(await collected).toMatchObject({ code: "STORAGE_UNAVAILABLE" });
      expect(uncaught).toEqual([]);
      await driver.gc();
    } finally {
      process.off("uncaughtException", hear);
    }
  });

  it("a connection that is given back inside a transaction is dropped, and its changes are rolled back", async () => {
    const pool = openConnections({ url: database.url, connections: 1 });
    const queue = await aQueue("in between");
    const held = await pool.connect();
    await held.query("BEGIN");
    await held.query("UPDATE pool_queues SET state = 'detached' WHERE name = 'in between'");
    held.release();
    expect((await pool.query("SELECT state FROM pool_queues WHERE name = 'in between'")).rows).toEqual([
      { state: "live" },
    ]);
    expect((await post(queue)).ids).toHaveLength(1);
    await pool.end();
  });

  it("close waits for every call that has begun, and later calls are refused unsent", async () => {
    const closing = await openPostgresDataDriver({ uri: database.url, connections: 4 });
    const queue = await aQueue("closing", closing);
    // More posts than the statements in flight can carry.
    const posts = Promise.all(Array.from({ length: 1500 }, () => post(queue, closing)));
    const first = closing.messages.first({ queue, sort: 1 }).catch((error: unknown) => error);
    await closing.close();
    expect(await posts).toHaveLength(1500);
    expect(await first).not.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    await expect(post(queue, closing)).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
  });

  it("a post to a detached queue takes no lock, so that it never delays the posts beside it", async () => {
    const [gone, live] = [await aQueue("gone"), await aQueue("live")];
    await post(gone);
    await post(live);
    await client.query("UPDATE pool_queues SET state = 'detached', detached_at = now() WHERE name = 'gone'");
    await client.query("BEGIN");
    await client.query("SELECT pg_advisory_xact_lock(current_schema()::regnamespace::oid::bigint << 32)");
    const [lost, kept] = await Promise.allSettled([post(gone), post(live)]);
    await client.query("COMMIT");
    expect(lost).toMatchObject({ reason: { code: "QUEUE_DOES_NOT_EXIST" } });
    expect(kept).toMatchObject({ status: "fulfilled" });
  });

  it("the row of a claim is deleted with its last message, whether the deletes come one by one or together", async () => {
    const queue = await aQueue("one by one");
    await driver.messages.post({ queue, messages: Array.from({ length: 6 }, () => MESSAGE), clientId: null });
    const take = () => driver.claims.create({ queue, limit: 3, ttlSeconds: 60, graceSeconds: 60, clientId: null });
    const rows = async () => (await client.query("SELECT id::text FROM claims ORDER BY id")).rows.map(({ id }) => id);
    const [one, other] = [await take(), await take()];
    const [last, ...rest] = one.messages;
    for (const { id } of rest) await driver.messages.delete({ queue, id, claimId: one.claimId });
    expect(await rows()).toEqual([one.claimId, other.claimId]);
    await driver.messages.delete({ queue, id: last?.id ?? "", claimId: one.claimId });
    await expect.poll(rows).toEqual([other.claimId]);
    await Promise.all(other.messages.map(({ id }) => driver.messages.delete({ queue, id, claimId: other.claimId })));
    await expect.poll(rows).toEqual([]);
  });

  it("a message that changes between a statement's snapshot and its lock is deleted, renewed and released all the same", async () => {
    const queue = await aQueue("changing");
    const whileChanging = async <T>(work: () => Promise<T>): Promise<T> => {
      await client.query("BEGIN");
      await client.query("UPDATE messages SET ttl_seconds = ttl_seconds + 1");
      const waiting = work();
      await expect.poll(async () => (await other.query(WAITING)).rowCount).toBeGreaterThan(0);
      await client.query("COMMIT");
      return waiting;
    };
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    try {
      const { ids } = await driver.messages.post({ queue, messages: [MESSAGE, MESSAGE], clientId: null });
      const { claimId } = await driver.claims.create({
        queue,
        limit: 2,
        ttlSeconds: 60,
        graceSeconds: 60,
        clientId: null,
      });
      const times = { ttlSeconds: 500, graceSeconds: 60 };
      await whileChanging(() => driver.claims.update({ queue, id: claimId, ...times }));
      const { claim, messages } = await driver.claims.get({ queue, id: claimId });
      expect(messages).toHaveLength(2);
      for (const message of messages) expect(message.claim?.expiresAt.getTime()).toBe(claim.expiresAt.getTime());
      expect(
        await whileChanging(() => driver.messages.bulkDelete({ queue, ids: [ids[0] as string], claimIds: [claimId] })),
      ).toEqual({ deleted: 1, left: [] });
      await whileChanging(() => driver.claims.delete({ queue, id: claimId }));
      expect(await whileChanging(() => driver.messages.delete({ queue, id: ids[1] as string }))).toBe("deleted");
      expect((await driver.messages.stats([queue]))[0]?.total).toBe(0);
    } finally {
      await other.end();
    }
  });

  it("query plans that were made while the tables were empty still answer in time when they are full", async () => {
    const queue = await aQueue("once empty");
    const many = (count: number) => Array.from({ length: count }, () => MESSAGE);
    const fill = async (count: number) => {
      for (let posted = 0; posted < count; posted += 1000) {
        await driver.messages.post({ queue, messages: many(1000), clientId: null });
      }
    };
    const fresh = await openPostgresDataDriver({ uri: database.url, connections: 1 });
    /** Runs each statement once, on a hundred messages. */
    const callAll = async () => {
      const { ids } = await fresh.messages.post({ queue, messages: many(100), clientId: null });
      await fresh.messages.bulkGet({ queue, ids });
      const times = { ttlSeconds: 60, graceSeconds: 60 };
      const { claimId } = await fresh.claims.create({ queue, limit: 100, ...times, clientId: null });
      await fresh.claims.update({ queue, id: claimId, ...times });
      await fresh.claims.delete({ queue, id: claimId });
      await fresh.messages.pop({ queue, limit: 100 });
      await fresh.messages.bulkDelete({ queue, ids });
    };
    try {
      await fill(2000);
      await client.query("DELETE FROM messages");
      // The table keeps its pages, and the statistics say that they are empty.
      await client.query("ANALYZE messages, claims");
      for (let time = 0; time < 6; time += 1) await callAll();
      await fill(20_000);
      await callAll();
    } finally {
      await fresh.close();
      await client.query("DELETE FROM messages");
    }
  });

  it("a malformed notice is ignored", async () => {
    const uncaught: unknown[] = [];
    const hear = (error: unknown) => uncaught.push(error);
    process.on("uncaughtException", hear);
    try {
      const { rows } = await client.query("SELECT 'isimud_arrivals_' || md5(current_schema()) AS channel");
      const self = "00000000-0000-4000-8000-000000000000";
      const heard: string[] = [];
      const stop = driver.watchArrivals(({ name }) => heard.push(name));
      await vi.waitUntil(async () => {
        for (const notice of ["[junk", "[1,null,[]]", '[["p","told",1]]']) {
          await client.query("SELECT pg_notify($1, $2)", [rows[0].channel, self + notice]);
        }
        return heard.includes("told") || uncaught.length > 0;
      });
      stop();
      expect(uncaught).toEqual([]);
      expect(new Set(heard)).toEqual(new Set(["told"]));
    } finally {
      process.off("uncaughtException", hear);
    }
  });

  const fill = (name: string, count: number) =>
    client.query(
      `INSERT INTO messages (queue_id, marker, created_at, expires_at, ttl_seconds, body)
       SELECT q.id, nextval('message_marker'), now(), now() + interval '1 hour', 3600, '"x"'
       FROM pool_queues q, generate_series(1, $2::int) WHERE q.name = $1 AND q.state = 'live'`,
      [name, count],
    );

  it("posts that a crash left uncounted are counted by gc, after a call for statistics", async () => {
    const queue = await aQueue("uncounted");
    await fill(queue.name, 12_000);
    const total = async () => (await driver.messages.stats([queue]))[0]?.total;
    expect(await total()).toBe(10_001);
    await driver.gc();
    expect(await total()).toBe(12_000);
  });

  it("gc frees the messages of every purge but the last, however often a queue is purged", async () => {
    const queue = await aQueue("purged");
    for (let round = 0; round < 3; round += 1) {
      await fill(queue.name, 100);
      await driver.messages.purge({ queue });
    }
    await driver.gc();
    const { rows } = await client.query(
      "SELECT count(*)::int AS left FROM messages m JOIN pool_queues q ON q.id = m.queue_id WHERE q.name = 'purged'",
    );
    // The messages of the last purge stay: its undo window is not over.
    expect(rows[0].left).toBe(100);
  });

  describe("behind a network that swallows everything", () => {
    let proxy: Server;
    let stalled = false;
    const sockets = new Set<Socket>();
    let swallowed: () => void = () => undefined;
    afterEach(() => {
      vi.useRealTimers();
      for (const socket of sockets) socket.destroy();
      proxy.close();
    });

    it("a write ends with OUTCOME_UNKNOWN, and the next one gets another connection", async () => {
      const target = new URL(database.url);
      const socketFolder = target.searchParams.get("host");
      const upstream = () =>
        socketFolder === null
          ? connect(Number(target.port), target.hostname)
          : connect(`${socketFolder}/.s.PGSQL.${target.port}`);
      proxy = createServer((near) => {
        const far = upstream();
        for (const socket of [near, far]) sockets.add(socket.on("error", () => undefined));
        near.on("data", (data) => (stalled ? swallowed() : far.write(data)));
        far.on("data", (data) => stalled || near.write(data));
      });
      proxy.listen(0, "127.0.0.1");
      await once(proxy, "listening");
      const uri = new URL(database.url);
      uri.searchParams.delete("host");
      uri.hostname = "127.0.0.1";
      uri.port = String((proxy.address() as { port: number }).port);
      const distant = await openPostgresDataDriver({ uri: uri.toString(), connections: 4 });
      const queue = await aQueue("stalled", distant);
      // The first post also checks for listeners, on a connection that must be free again afterwards.
      for (let time = 0; time < 3; time += 1) await post(queue, distant);

      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      stalled = true;
      const sent = new Promise<void>((resolve) => {
        swallowed = resolve;
      });
      const lost = post(queue, distant).catch((error: unknown) => error);
      await sent;
      await vi.advanceTimersByTimeAsync(6000);
      expect(await lost).toMatchObject({ code: "OUTCOME_UNKNOWN" });

      stalled = false;
      vi.useRealTimers();
      expect((await post(queue, distant)).ids).toHaveLength(1);
      await distant.close();
    });
  });
});

describe("counts that cannot be written", () => {
  it("wait for the next flush, and are dropped after the last one at close", async () => {
    vi.useFakeTimers();
    try {
      const write = vi.fn(() => Promise.reject(new Error("down")));
      const errors = vi.fn();
      const counts = new Counters({ write } as unknown as Statements, errors);
      counts.add("1", "posted", 1);
      await vi.advanceTimersByTimeAsync(2500);
      expect(write).toHaveBeenCalledTimes(2);
      await counts.close();
      expect(write).toHaveBeenCalledTimes(3);
      counts.add("1", "posted", 1);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(write).toHaveBeenCalledTimes(3);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});
