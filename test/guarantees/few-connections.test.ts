/** Calls while the server has fewer connections than a pool may open. */
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { openConnections } from "../../server/storage/postgres/sql/connection.ts";
import { openRedisDataDriver } from "../../server/storage/redis/data-driver.ts";
import { aService, operator, viewer } from "../operations/a-service.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { ask, describeWithRedis, startRedis } from "../support/redis.ts";

describe("a server with fewer connections than a pool may open", () => {
  let database: TestDatabase;
  let uri: string;
  /** Connected to another database, so that the limit does not apply to it. */
  let admin: pg.Client;
  beforeAll(async () => {
    database = await createTestDatabase();
    uri = database.url;
    const elsewhere = new URL(uri);
    elsewhere.pathname = "/postgres";
    admin = new pg.Client({ connectionString: elsewhere.toString() });
    await admin.connect();
  });
  afterAll(async () => {
    await admin.end();
    await database.drop();
  });
  beforeEach(async () => {
    await allow(-1);
    // The server counts a connection until its process has ended, which is after the client was told.
    await expect.poll(connected).toBe(0);
  });

  const name = () => new URL(uri).pathname.slice(1);
  const connected = async () => {
    const found = await admin.query("SELECT numbackends FROM pg_stat_database WHERE datname = $1", [name()]);
    return found.rows[0].numbackends;
  };
  const allow = (connections: number) => admin.query(`ALTER DATABASE "${name()}" CONNECTION LIMIT ${connections}`);
  /**
   * Opens `count` connections one after another. The server counts those that are still being opened, so of some that
   * are opened at once it may refuse more than it has to. Others than these it refuses for sure.
   */
  const fill = async (pool: pg.Pool, count: number) => {
    const held: pg.PoolClient[] = [];
    while (held.length < count) held.push(await pool.connect());
    for (const client of held) client.release();
  };
  /** Runs `count` statements at once, each long enough to overlap with the others. */
  const busy = (pool: pg.Pool, count: number) =>
    Promise.all(Array.from({ length: count }, () => pool.query("SELECT pg_sleep(0.02)")));

  it("a whole service answers every call, though its parts share the few connections", async () => {
    const service = await aService({ DATABASE_URL: uri, DATABASE_CONNECTIONS: "16" });
    try {
      await allow(6);
      const { queues, messages, claims } = service.operations;
      const names = Array.from({ length: 10 }, (_, index) => `q${index}`);
      const work = async (name: string) => {
        await queues.create(operator, { queue: name });
        await Promise.all(
          Array.from({ length: 10 }, async () => {
            await messages.post(operator, { queue: name, messages: [{ bodyText: "1" }] });
            const { claim, messages: taken } = await claims.create(operator, { queue: name });
            const ids = taken.map(({ id }) => id);
            await messages.bulkDelete(operator, { queue: name, ids, claimIds: claim === null ? [] : [claim.id] });
            await queues.list(viewer, { project: "p", withStats: true });
          }),
        );
        await queues.delete(operator, { queue: name });
      };
      await Promise.all(names.map(work));
      expect((await service.operations.health.check(viewer, {})).status).toBe("pass");
    } finally {
      await service.stop();
    }
  });

  it("a pool that was refused a connection opens no more for a while, then grows to its maximum again", async () => {
    await allow(2);
    vi.useFakeTimers({ toFake: ["performance"] });
    const pool = openConnections({ url: uri, connections: 5 });
    try {
      await fill(pool, 2);
      await busy(pool, 20);
      expect(pool.totalCount).toBe(2);
      await allow(-1);
      await busy(pool, 20);
      expect(pool.totalCount).toBe(2);
      vi.advanceTimersByTime(2000);
      for (let time = 0; time < 4; time += 1) await busy(pool, 20);
      expect(pool.totalCount).toBe(5);
    } finally {
      vi.useRealTimers();
      await pool.end();
    }
  });

  it("a pool without a connection gets one from a larger pool of the same process", async () => {
    await allow(3);
    const large = openConnections({ url: uri, connections: 8 });
    const small = openConnections({ url: uri, connections: 8 });
    try {
      await fill(large, 3);
      await busy(large, 8);
      expect(large.totalCount).toBe(3);
      let done = false;
      const working = (async () => {
        while (!done) await busy(large, 8);
      })();
      expect((await busy(small, 4)).length).toBe(4);
      done = true;
      await working;
      expect(small.totalCount).toBeGreaterThan(0);
    } finally {
      await large.end();
      await small.end();
    }
  });

  it("when there is no connection at all, callers wait until one is free, or until their deadline", async () => {
    await allow(1);
    const taken = new pg.Client({ connectionString: uri });
    await taken.connect();
    const pool = openConnections({ url: uri, connections: 4 });
    try {
      const waiting = pool.query("SELECT 1 AS one");
      await expect.poll(() => pool.waitingCount + pool.totalCount).toBe(0);
      await taken.end();
      expect((await waiting).rows).toEqual([{ one: 1 }]);
      await allow(0);
      await admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", [name()]);
      await expect.poll(() => pool.totalCount).toBe(0);
      const realTimeout = setTimeout;
      /** The server answers in real time. So the fake clock moves only when no connection is being opened. */
      const answered = async () => {
        while (pool.totalCount > 0) await new Promise((resolve) => realTimeout(resolve, 1));
      };
      vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] });
      const ask = () => pool.query("SELECT 1").catch((error: unknown) => error);
      const asked = [ask()];
      let told = 0;
      // Less time than one attempt for each of the calls would take.
      for (let time = 0; time < 65; time += 1) {
        await vi.advanceTimersByTimeAsync(100);
        await answered();
        if (time !== 5) continue;
        for (let count = 0; count < 40; count += 1) asked.push(ask());
        for (const one of asked) void one.then(() => (told += 1));
      }
      expect(told).toBe(41);
      for (const one of asked) expect(await one).toMatchObject({ code: "53300" });
    } finally {
      vi.useRealTimers();
      await pool.end();
    }
  });

  it("a caller that waits in vain for a connection that others hold fails once its time is up", async () => {
    await allow(1);
    vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] });
    const pool = openConnections({ url: uri, connections: 4 });
    try {
      const held = await pool.connect();
      const asked = pool.query("SELECT 1").catch((error: unknown) => error);
      await expect.poll(() => pool.options.max).toBe(1);
      await vi.advanceTimersByTimeAsync(11_000);
      expect(await asked).toMatchObject({ code: "53300" });
      held.release();
    } finally {
      vi.useRealTimers();
      await pool.end();
    }
  });

  it("a connection that broke before its first use is not counted among those that work", async () => {
    let breaks = true;
    const pool = openConnections({
      url: uri,
      connections: 5,
      onConnect: async (client) => {
        if (!breaks) return;
        (client as unknown as { connection: pg.Connection }).connection.stream.destroy(new Error("It breaks."));
        await client.query("SELECT 1");
      },
    });
    try {
      await expect(pool.query("SELECT 1")).rejects.toThrow();
      breaks = false;
      const held = await Promise.all([pool.connect(), pool.connect()]);
      await allow(2);
      const waiting = busy(pool, 1);
      await expect.poll(() => pool.options.max).toBeLessThan(5);
      expect(pool.options.max).toBe(2);
      for (const client of held) client.release();
      await waiting;
    } finally {
      await pool.end();
    }
  });
});

describeWithRedis(() => {
  it("a Redis that accepts no more clients answers over the open connection, though it reports no arrivals", async () => {
    const server = await startRedis();
    const broken: unknown[] = [];
    const driver = await openRedisDataDriver({ uri: `${server.url}/few`, onError: (error) => broken.push(error) });
    try {
      const queue = { project: "p", name: "q" };
      await driver.attachQueue({ ...queue, epoch: 1 });
      await ask(server.port, "CONFIG SET maxclients 1");
      const stop = driver.watchArrivals(() => {});
      await expect.poll(() => broken.length).toBeGreaterThan(0);
      const messages = [{ bodyText: "1", ttlSeconds: 300, delaySeconds: 0 }];
      const posts = Array.from({ length: 20 }, () => driver.messages.post({ queue, messages, clientId: null }));
      expect(await Promise.all(posts)).toHaveLength(20);
      stop();
    } finally {
      await driver.close();
      await server.stop();
    }
  });
});
