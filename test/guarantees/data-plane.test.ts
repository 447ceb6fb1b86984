/**
 * Guarantees of the data plane that need separate processes or a very long queue. The others are in test/conformance.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DataDriver } from "../../server/storage/data-driver.ts";
import { openPostgresDataDriver } from "../../server/storage/postgres/data-driver.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { openRedisDataDriver } from "../../server/storage/redis/data-driver.ts";
import { readAll } from "../conformance/harness.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { describeWithRedis, startRedis, startRedisCluster } from "../support/redis.ts";
import { medianRemoval } from "./median-removal.ts";

const run = promisify(execFile);
const LONG = 1_000_000;

describe("guarantees of the PostgreSQL driver", () => {
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

  it("three processes posting to the same 50 queues in random order meet no deadlock and lose nothing", async () => {
    for (let index = 0; index < 50; index += 1) await driver.attachQueue({ project: "p", name: `q${index}`, epoch: 1 });
    const poster = fileURLToPath(new URL("random-poster.ts", import.meta.url));
    const outputs = await Promise.all([1, 2, 3].map(() => run(process.execPath, [poster, database.url, "50", "1500"])));
    expect(outputs.map(({ stdout }) => stdout.trim())).toEqual(["1500", "1500", "1500"]);
    const { rows } = await client.query("SELECT count(*)::int AS posted FROM messages");
    expect(rows[0].posted).toBe(4500);
    const deadlocks = await client.query(
      "SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()",
    );
    expect(deadlocks.rows[0].deadlocks).toBe(0);
  });

  it("a post waits until an earlier post to its queue has committed, so that a reader by marker skips no message", async () => {
    const queue = { project: "p", name: "in-order" };
    await driver.attachQueue({ ...queue, epoch: 1 });
    const other = await openPostgresDataDriver({ uri: database.url });
    const post = (from: DataDriver, bodyText: string) =>
      from.messages.post({ queue, messages: [{ bodyText, ttlSeconds: 3600, delaySeconds: 0 }], clientId: null });
    const waiting = async () => {
      const { rows } = await client.query(
        `SELECT count(*)::int AS waiting FROM pg_locks l JOIN pg_database d ON d.oid = l.database
         WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted`,
      );
      return rows[0].waiting as number;
    };
    // Holds the first post between its marker and its commit.
    await client.query(`
      CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NEW; END $$;
      CREATE TRIGGER stop BEFORE INSERT ON messages FOR EACH ROW WHEN (NEW.body = '"first"') EXECUTE FUNCTION stop();
      SELECT pg_advisory_lock(42)`);
    try {
      const first = post(driver, '"first"');
      await expect.poll(waiting).toBe(1);
      let secondIsPosted = false;
      const second = post(other, '"second"').then(() => {
        secondIsPosted = true;
      });
      await expect.poll(async () => secondIsPosted || (await waiting()) === 2).toBe(true);
      expect(secondIsPosted).toBe(false);
      await client.query("SELECT pg_advisory_unlock(42)");
      await Promise.all([first, second]);
      const messages = await readAll(driver, queue);
      expect(messages.map(({ bodyText }) => bodyText)).toEqual(['"first"', '"second"']);
    } finally {
      await client.query("SELECT pg_advisory_unlock_all(); DROP TRIGGER stop ON messages; DROP FUNCTION stop()");
      await other.close();
    }
  });

  it("a change that commits after a later one is told of all the same", async () => {
    const [late, early] = ["late", "early"].map((name) => ({ project: "p", name })) as [QueueRef, QueueRef];
    for (const queue of [late, early]) await driver.attachQueue({ ...queue, epoch: 1 });
    const post = (queue: QueueRef) =>
      driver.messages.post({ queue, messages: [{ bodyText: "1", ttlSeconds: 60, delaySeconds: 0 }], clientId: null });
    await post(late);
    await driver.gc();
    const { mark } = await driver.activity.changed({ mark: "0", limit: 1000 });
    // Another process is writing its totals, and has drawn the number of the change.
    await client.query(`
      BEGIN;
      SELECT pg_advisory_xact_lock_shared(quote_ident(current_schema())::regnamespace::oid::bigint << 32);
      UPDATE queue_totals t SET change = nextval('queue_totals_change')
      FROM pool_queues q WHERE q.id = t.queue_id AND q.name = 'late'`);
    await post(early);
    await driver.gc();
    const changed = driver.activity.changed({ mark, limit: 1000 });
    const waits = async () => {
      const { rows } = await client.query(
        `SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      return rows[0].n as number;
    };
    await expect.poll(waits).toBe(1);
    await client.query("COMMIT");
    expect((await changed).queues.map(({ queue }) => queue.name).sort()).toEqual(["early", "late"]);
  });

  it("gc frees megabytes of kept answers in small statements, and a step that fails does not stop the others", async () => {
    const eager = await openPostgresDataDriver({ uri: database.url, undoSeconds: 0 });
    const gone = { project: "p", name: "answers" };
    await eager.attachQueue({ ...gone, epoch: 1 });
    const key = (id: string, name: string, age: string) => `
      INSERT INTO idempotency_keys (queue_id, key, request, result, created_at)
      SELECT ${id}, '${name}' || n, 'pop:', repeat('x', 4000000), now() - interval '${age}' FROM generate_series(1, 12) n`;
    const left = async () => (await client.query("SELECT count(*)::int AS keys FROM idempotency_keys")).rows[0].keys;
    await client.query("ALTER TABLE idempotency_keys ALTER COLUMN result SET STORAGE EXTERNAL");
    await client.query(key("0", "day", "2 days"));
    await client.query(key("0", "hour", "1 hour"));
    await client.query(key("(SELECT id FROM pool_queues WHERE name = 'answers')", "gone", "1 second"));
    await client.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF (SELECT sum(length(result)) FROM gone) > TG_ARGV[0]::int THEN RAISE EXCEPTION 'too much'; END IF;
        RETURN NULL;
      END $$;
      CREATE TRIGGER refuse AFTER DELETE ON idempotency_keys REFERENCING OLD TABLE AS gone
        FOR EACH STATEMENT EXECUTE FUNCTION refuse(0)`);
    try {
      await eager.messages.purge({ queue: gone });
      await expect(eager.gc()).rejects.toMatchObject({ code: "INTERNAL" });
      expect(await left()).toBe(36);
      const purges = await client.query("SELECT count(purged_at)::int AS n FROM pool_queues WHERE name = 'answers'");
      expect(purges.rows[0].n).toBe(0);
      await eager.detachQueue(gone);
      await client.query(`
        DROP TRIGGER refuse ON idempotency_keys;
        CREATE TRIGGER refuse AFTER DELETE ON idempotency_keys REFERENCING OLD TABLE AS gone
          FOR EACH STATEMENT EXECUTE FUNCTION refuse(24000000)`);
      expect((await eager.gc()).queues).toBe(1);
      expect(await left()).toBe(0);
    } finally {
      await client.query("DROP TRIGGER refuse ON idempotency_keys; DROP FUNCTION refuse()");
      await eager.close();
    }
  });

  it("purging 1,000,000 messages takes under 50 ms, and deleting such a queue too", async () => {
    const queue = { project: "p", name: "long" };
    await driver.attachQueue({ ...queue, epoch: 1 });
    const fill = () =>
      client.query(
        `INSERT INTO messages (queue_id, marker, created_at, expires_at, ttl_seconds, body)
         SELECT q.id, nextval('message_marker'), now(), now() + interval '1 hour', 3600, '"x"'
         FROM pool_queues q, generate_series(1, ${LONG}) WHERE q.name = 'long' AND q.state = 'live'`,
      );
    const timed = async (work: () => Promise<unknown>) => {
      const start = performance.now();
      await work();
      return performance.now() - start;
    };
    await fill();
    await client.query("VACUUM ANALYZE messages");
    await driver.messages.stats([queue]);
    await driver.gc();
    // There is nothing to free, and gc must not read messages that have not expired.
    const buffers = async () =>
      (
        await client.query(
          "SELECT sum(idx_tup_read)::int AS read FROM pg_stat_user_indexes WHERE indexrelname = 'messages_expires_at_idx'",
        )
      ).rows[0].read;
    const before = await buffers();
    await driver.gc();
    await client.query("SELECT pg_stat_force_next_flush()");
    expect((await buffers()) - before).toBeLessThan(LONG / 10);
    // A reading looks at as little of a long queue as statistics do.
    await driver.claims.create({ queue, limit: 50, ttlSeconds: 60, graceSeconds: 60, clientId: null });
    const looks: number[] = [];
    for (let look = 0; look < 5; look += 1) {
      looks.push(await timed(() => driver.activity.read([{ ...queue, exhaustedFrom: 3 }])));
    }
    expect(Math.min(...looks)).toBeLessThan(20);
    // Gc counts again what a dead process has miscounted, some slices at a time, whichever process it is in.
    const another = await openPostgresDataDriver({ uri: database.url });
    const read = async () => {
      await Promise.all([driver.gc(), another.gc()]);
      return (await driver.activity.read([queue]))[0]?.stats;
    };
    const right = { claimed: 50, total: LONG, exact: false };
    await expect.poll(read, { timeout: 30_000 }).toMatchObject(right);
    for (const wrong of ["expired", "posted"]) {
      await client.query(
        `INSERT INTO queue_counts (queue_id, ${wrong}) SELECT id, 400000 FROM pool_queues WHERE name = 'long'`,
      );
      expect((await driver.activity.read([queue]))[0]?.stats?.total).not.toBe(LONG);
      await expect.poll(read, { timeout: 30_000 }).toMatchObject(right);
    }
    await another.close();
    const purge = await medianRemoval(driver, "purge", {
      queue: { ...queue, epoch: 1 },
      remove: (long, undoToken) => driver.messages.purge({ queue: long, undoToken }),
    });
    expect(purge.milliseconds).toBeLessThan(50);
    expect((await driver.messages.list({ queue, page: { limit: 1 } })).items).toEqual([]);
    await driver.messages.post({
      queue,
      messages: [{ bodyText: "1", ttlSeconds: 60, delaySeconds: 0 }],
      clientId: null,
    });
    expect((await driver.messages.list({ queue, page: { limit: 5 } })).items).toHaveLength(1);
    const deletion = await medianRemoval(driver, "queue", {
      queue: purge.queue,
      remove: (long, undoToken) => driver.detachQueue(long, undoToken),
    });
    expect(deletion.milliseconds).toBeLessThan(50);
  }, 120_000);
});

describeWithRedis(() => {
  it.each([
    ["a Redis", startRedis],
    ["a Redis Cluster", startRedisCluster],
  ] as const)("three processes posting to the same 50 queues of %s in random order lose nothing", async (_, start) => {
    const { url, stop } = await start();
    const driver = await openRedisDataDriver({ uri: url });
    try {
      const queues = Array.from({ length: 50 }, (_, index) => ({ project: "p", name: `q${index}` }));
      for (const queue of queues) await driver.attachQueue({ ...queue, epoch: 1 });
      const poster = fileURLToPath(new URL("random-poster.ts", import.meta.url));
      await Promise.all([1, 2, 3].map(() => run(process.execPath, [poster, url, "50", "600"])));
      const all = (await Promise.all(queues.map((queue) => readAll(driver, queue, 1000)))).flat();
      expect(new Set(all.map(({ id }) => id)).size).toBe(1800);
      expect(all).toHaveLength(1800);
    } finally {
      await driver.close();
      await stop();
    }
  });
});
