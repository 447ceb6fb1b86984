/**
 * What a move guarantees when its mover dies, stalls or meets another, and on PostgreSQL when statements are older than
 * the freeze.
 */
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { QueueTransfer } from "../../server/storage/moves/queue-transfer.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { idsOf, readAll } from "../conformance/harness.ts";
import { describeWithRedis, startRedis, type TestRedis } from "../support/redis.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { type OpenStore, onPostgres, onRedis, type TwoPools, twoDatabases, twoStores } from "../support/two-pools.ts";
import { aQueueOf, describeMovers, postTo, stalled } from "./movers.suite.ts";

let two: TwoPools;
let left: pg.Client;
const connect = async (connectionString: string) => {
  const client = new pg.Client({ connectionString });
  await client.connect();
  return client;
};
beforeAll(async () => {
  two = await twoDatabases();
  // Opening a pool creates its tables.
  await two.pool("left");
  await two.pool("right");
  left = await connect(two.uris.left);
});
afterEach(async () => {
  await left.query("ROLLBACK");
});
afterAll(async () => {
  await left.end();
  await two.close();
});

const movesOfLeft = async () => (await two.pool("left")).transfer as QueueTransfer;

describe("statements with a snapshot from before the freeze", () => {
  it("a move includes a post that waits for the queue's lock with a snapshot from before the freeze", async () => {
    const { queue, ids } = await aQueueOf(two, 3);
    const moving = stalled(two, "freeze");
    const report = moving.moves.move({ queue, target: "right" });
    await moving.reached;
    await left.query("BEGIN");
    await left.query(
      `SELECT pg_advisory_xact_lock((current_schema()::regnamespace::oid::bigint << 32) + id) FROM pool_queues WHERE name = $1`,
      [queue.name],
    );
    const posted = postTo(two, queue);
    // Of this database alone: others wait for locks of their own at the same time.
    const waiting = `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
    await expect.poll(async () => (await left.query(waiting)).rows).not.toEqual([]);
    moving.go();
    // The queue is frozen at the source. The post saw it live, and still waits.
    const state = () => stateInLeft(queue);
    await expect.poll(state).toBe("moving");
    await left.query("COMMIT");
    const late = await posted;
    expect(await report).toMatchObject({ messages: 4 });
    expect(idsOf(await readAll(two.one.data, queue))).toEqual([...ids, ...late.ids]);
  });

  it("a transaction that does not end in time makes the freeze fail, and the queue stays usable until the next attempt", async () => {
    const { queue, ids } = await aQueueOf(two, 3);
    const source = await movesOfLeft();
    const life = { ...queue, epoch: (await two.one.control.catalogue.get(queue)).epoch };
    const attempt = { queue: life, moveEpoch: life.epoch + 1_000_000 };
    await source.begin(attempt);
    await left.query("BEGIN");
    await left.query("UPDATE messages SET claim_count = claim_count WHERE marker = -1");
    await expect(source.freeze({ ...attempt, deadlineMs: 50 })).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    expect(await stateInLeft(queue)).toBe("live");
    await postTo(two, queue);
    await left.query("COMMIT");
    await source.freeze({ ...attempt, deadlineMs: 400 });
    expect(await stateInLeft(queue)).toBe("moving");
    await source.thaw(attempt);
    expect(await readAll(two.one.data, queue)).toHaveLength(ids.length + 1);
  });
});

it("messages that are purged during a move, after they were copied, do not count in the target", async () => {
  const { queue } = await aQueueOf(two, 10);
  const moving = stalled(two, "freeze");
  const report = moving.moves.move({ queue, target: "right" });
  await moving.reached;
  const { marker } = (await readAll(two.one.data, queue))[6] ?? {};
  await two.one.data.messages.purge({ queue, before: { marker: marker as string } });
  moving.go();
  await report;
  const right = await connect(two.uris.right);
  const counted = async () => {
    const { rows } = await right.query(
      `SELECT sum(c.posted - c.deleted - c.expired)::int AS total FROM queue_counts c
       JOIN pool_queues q ON q.id = c.queue_id WHERE q.name = $1 AND q.state = 'live'`,
      [queue.name],
    );
    return rows;
  };
  await expect.poll(counted).toEqual([{ total: 4 }]);
  await right.end();
});

async function stateInLeft(queue: QueueRef): Promise<string | undefined> {
  const client = await connect(two.uris.left);
  try {
    const { rows } = await client.query<{ state: string }>("SELECT state FROM pool_queues WHERE name = $1", [
      queue.name,
    ]);
    return rows[0]?.state;
  } finally {
    await client.end();
  }
}

describe("concurrent moves and posts", () => {
  it("moves raise the marker sequence while posts draw from it, and never lower it", async () => {
    const there = await aQueueOf(two, 1);
    await two.moves.move({ queue: there.queue, target: "right" });
    const queues = await Promise.all(Array.from({ length: 4 }, () => aQueueOf(two, 5)));
    await left.query("SELECT setval('message_marker', last_value + 50000000) FROM message_marker");
    for (const { queue } of queues) await postTo(two, queue);
    let running = true;
    const posted = [...there.ids];
    const poster = async () => {
      while (running) posted.push(...(await postTo(two, there.queue)).ids);
    };
    const posting = [poster(), poster(), poster()];
    await Promise.all(queues.map(({ queue }) => two.moves.move({ queue, target: "right" })));
    running = false;
    await Promise.all(posting);
    const all = await readAll(two.one.data, there.queue, 1000);
    expect(new Set(idsOf(all))).toEqual(new Set(posted));
    expect(all).toHaveLength(posted.length);
    for (const { queue } of queues) {
      const before = (await readAll(two.one.data, queue)).at(-1)?.marker ?? "0";
      await postTo(two, queue);
      expect(BigInt((await readAll(two.one.data, queue)).at(-1)?.marker ?? 0)).toBeGreaterThan(BigInt(before));
    }
  });

  it("a move that raises the marker sequence leaves it in its file, since readers of the old one may find nothing", async () => {
    const right = await connect(two.uris.right);
    const sequence = async () => {
      const { rows } = await right.query<{ file: string; marker: string }>(
        "SELECT pg_relation_filenode('message_marker') AS file, last_value AS marker FROM message_marker",
      );
      return rows[0];
    };
    const { queue } = await aQueueOf(two, 1);
    const before = await sequence();
    await left.query("SELECT setval('message_marker', $1::bigint + 50000000)", [before?.marker]);
    await postTo(two, queue);
    await two.moves.move({ queue, target: "right" });
    const after = await sequence();
    expect(Number(after?.marker)).toBeGreaterThan(Number(before?.marker));
    expect(after?.file).toBe(before?.file);
    await right.end();
  });
});

const leftovers = async ({ uris }: TwoPools) => {
  const client = await connect(uris.left);
  const { rows } = await client.query("SELECT tgname FROM pg_trigger WHERE tgname LIKE 'queue_move_%'");
  await client.end();
  return rows;
};

describeMovers("PostgreSQL", twoDatabases, { leftovers });

describeWithRedis(() => {
  describeMovers("PostgreSQL and Redis", twoStores(onPostgres, onRedis), { leftovers });
  describeMovers("Redis and PostgreSQL", twoStores(onRedis, onPostgres));
  if (IS_THOROUGH) describeMovers("Redis", twoStores(onRedis, onRedis));

  /** The keys of a pool without queues. */
  const WHICH_POOL = ["isimud:identity"];

  it("a queue that moves out of Redis leaves no key behind, nor does an aborted move into Redis", async () => {
    const servers: TestRedis[] = [];
    const onCounted: OpenStore = async () => {
      const server = await startRedis();
      servers.push(server);
      return { uri: server.url, drop: () => server.stop() };
    };
    const pools = await twoStores(onCounted, onPostgres)();
    try {
      const { queue } = await aQueueOf(pools, 5);
      const subscription = { queue, subscriber: "http://one", ttlSeconds: 1000, optionsText: "{}" };
      await pools.one.data.subscriptions.create(subscription);
      await pools.one.data.claims.create({ queue, limit: 2, ttlSeconds: 300, graceSeconds: 60, clientId: null });
      const collected = async () => {
        pools.clock.offsetMs += 60_000;
        await (await pools.pool("left")).gc();
        const reply = (await servers[0]?.keys()) ?? "";
        // The names of queues that were used lately are kept for a day.
        return reply.split("\r\n").filter((line) => line.startsWith("isimud:") && !line.includes("{activity}"));
      };
      expect((await collected()).join()).toContain("queue");
      await pools.moves.move({ queue, target: "right" });
      expect(await collected()).toEqual(WHICH_POOL);
      const checkpoint = () => {
        throw new Error("enough");
      };
      const outcome = pools.moves.move({ queue, target: "left", checkpoint });
      await expect(outcome).rejects.toThrow("enough");
      expect(await collected()).toEqual(WHICH_POOL);
      expect(await readAll(pools.one.data, queue)).toHaveLength(5);
    } finally {
      await pools.close();
    }
  });

  it("on Redis every call to a frozen queue gets QUEUE_IS_MOVING, also a transfer from another queue", async () => {
    const pools = await twoStores(onRedis, onPostgres)();
    try {
      const { queue } = await aQueueOf(pools, 3);
      const { queue: beside } = await aQueueOf(pools, 1);
      const driver = await pools.pool("left");
      const { messages, claims, subscriptions } = driver;
      const lease = { ttlSeconds: 300, graceSeconds: 60, clientId: null, limit: 1 };
      const held = await claims.create({ ...lease, queue: beside });
      const { epoch } = await pools.one.control.catalogue.get(queue);
      const attempt = { queue: { ...queue, epoch }, moveEpoch: epoch + 1_000_000 };
      const source = driver.transfer as QueueTransfer;
      await source.begin(attempt);
      await source.freeze({ ...attempt, deadlineMs: 400 });
      const { claimId } = held;
      const transfer = {
        from: beside,
        to: queue,
        ids: idsOf(held.messages),
        claimId,
        ttlSeconds: null,
        as: "move" as const,
      };
      const page = { limit: 1 };
      const calls = [
        () => messages.transfer(transfer),
        () => postTo(pools, queue, driver),
        () => messages.list({ queue, page }),
        () => messages.pop({ queue, limit: 1 }),
        () => messages.purge({ queue }),
        () => messages.bulkDelete({ queue, ids: [] }),
        () => claims.create({ ...lease, queue }),
        () => claims.list({ queue, page }),
        () => subscriptions.list({ queue, page }),
        () => driver.attachQueue({ ...queue, epoch }),
      ];
      for (const call of calls) await expect(call()).rejects.toMatchObject({ code: "QUEUE_IS_MOVING" });
      await source.thaw(attempt);
      await expect(source.begin(attempt)).rejects.toMatchObject({ code: "QUEUE_EPOCH_STALE" });
      expect(await messages.transfer(transfer)).toHaveLength(1);
      expect(await readAll(driver, queue)).toHaveLength(4);
    } finally {
      await pools.close();
    }
  });
});
