/** What a move promises when its mover dies, stalls or meets another, and when statements are older than the freeze. */
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createQueueMoves, type QueueMoves } from "../../server/operations/queue-moves.ts";
import type { DataDriver, QueueRef } from "../../server/storage/data-driver.ts";
import type { QueueMoveController } from "../../server/storage/queue-move-controller.ts";
import { aMessage, idsOf, readAll, uniqueName } from "../conformance/harness.ts";
import { over } from "../operations/a-service.ts";
import { type TwoPools, twoDatabases } from "../support/two-pools.ts";

let two: TwoPools;
let left: pg.Client;
let control: pg.Client;
const connect = async (connectionString: string) => {
  const client = new pg.Client({ connectionString });
  await client.connect();
  return client;
};
beforeAll(async () => {
  two = await twoDatabases();
  // Opened, and so given its tables.
  await two.pool("left");
  await two.pool("right");
  left = await connect(two.uris.left);
  control = await connect(two.url);
});
afterEach(async () => {
  await left.query("ROLLBACK");
});
afterAll(async () => {
  await left.end();
  await control.end();
  await two.close();
});

async function aQueueOf(count: number): Promise<{ queue: QueueRef; ids: string[] }> {
  const queue = await two.aQueue(uniqueName());
  const messages = Array.from({ length: count }, (_, index) => aMessage(index));
  const { ids } = await two.one.data.messages.post({ queue, messages, clientId: null });
  return { queue, ids };
}
const post = (queue: QueueRef, of: DataDriver = two.other.data) =>
  of.messages.post({ queue, messages: [aMessage("late")], clientId: null });
const movesOfLeft = async () => (await two.pool("left")).moves as QueueMoveController;

/** A mover whose call of `step` waits before it is made, or after, until `go`. Rejections are heard by whoever awaits it. */
function stalled(step: string, when: "before" | "after" = "before") {
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const stalling = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(object, key) {
        const value = Reflect.get(object, key, object) as unknown;
        if (key !== step || typeof value !== "function")
          return typeof value === "function" ? value.bind(object) : value;
        return async (...args: unknown[]) => {
          const call = () => value.apply(object, args) as unknown;
          const early = when === "after" ? await call() : undefined;
          reached.resolve();
          await gate.promise;
          return when === "after" ? early : call();
        };
      },
    });
  const data = over(two.one.data, {
    pool: async (name) => {
      const driver = await two.one.data.pool(name);
      return over(driver, { moves: driver.moves && stalling(driver.moves) });
    },
  });
  const moves: QueueMoves = createQueueMoves({
    control: over(stalling(two.one.control), { moves: stalling(two.one.control.moves) }),
    data,
    warn: () => {},
  });
  return { moves, reached: reached.promise, go: gate.resolve };
}

const lapse = (queue: QueueRef) =>
  control.query("UPDATE queue_moves SET lease_expires_at = now() - interval '1 second' WHERE queue = $1", [queue.name]);

describe("statements that are older than the freeze", () => {
  it("a post that waits for the queue's lock with an old snapshot goes along", async () => {
    const { queue, ids } = await aQueueOf(3);
    const moving = stalled("freeze");
    const report = moving.moves.move({ queue, target: "right" });
    await moving.reached;
    await left.query("BEGIN");
    await left.query(
      `SELECT pg_advisory_xact_lock((current_schema()::regnamespace::oid::bigint << 32) + id) FROM pool_queues WHERE name = $1`,
      [queue.name],
    );
    const posted = post(queue);
    await expect
      .poll(
        async () => (await control.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")).rows,
      )
      .not.toEqual([]);
    moving.go();
    // The source says that it is moving, and the post, which saw it live, is not through yet.
    const state = () => stateInLeft(queue);
    await expect.poll(state).toBe("moving");
    await left.query("COMMIT");
    const late = await posted;
    expect(await report).toMatchObject({ messages: 4 });
    expect(idsOf(await readAll(two.one.data, queue))).toEqual([...ids, ...late.ids]);
  });

  it("what does not end in time only puts the move off", async () => {
    const { queue, ids } = await aQueueOf(3);
    const source = await movesOfLeft();
    const life = { ...queue, epoch: (await two.one.control.catalogue.get(queue)).epoch };
    const attempt = { queue: life, moveEpoch: life.epoch + 1_000_000 };
    await source.begin(attempt);
    await left.query("BEGIN");
    await left.query("UPDATE messages SET claim_count = claim_count WHERE marker = -1");
    await expect(source.freeze({ ...attempt, deadlineMs: 50 })).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    expect(await stateInLeft(queue)).toBe("live");
    await post(queue);
    await left.query("COMMIT");
    await source.freeze({ ...attempt, deadlineMs: 400 });
    expect(await stateInLeft(queue)).toBe("moving");
    await source.thaw(attempt);
    expect(await readAll(two.one.data, queue)).toHaveLength(ids.length + 1);
  });
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

describe("a mover that is not heard of any more", () => {
  const STEPS = [
    ["before", "begin", 0],
    ["after", "begin", 0],
    ["before", "prepare", 0],
    ["after", "readMessages", 0],
    ["before", "takeChanges", 0],
    ["before", "freeze", 0],
    ["after", "freeze", 0],
    ["after", "readClaims", 0],
    ["after", "readRest", 0],
    ["before", "open", 0],
    ["after", "open", 0],
    ["before", "transaction", 0],
    ["after", "transaction", 1],
    ["before", "leave", 1],
    ["after", "leave", 1],
    ["before", "end", 1],
  ] as const;

  it.each(STEPS)(
    "%s %s: whoever finds the record ends it, and the mover that wakes spoils nothing",
    async (when, step, switched) => {
      const { queue, ids } = await aQueueOf(5);
      const claim = await two.one.data.claims.create({
        queue,
        limit: 2,
        ttlSeconds: 300,
        graceSeconds: 60,
        clientId: null,
      });
      const moving = stalled(step, when);
      const outcome = moving.moves.move({ queue, target: "right" }).then(
        () => "moved",
        (error: { code: string }) => error.code,
      );
      await moving.reached;
      // The record's own first step: nothing is there yet when it stalls before.
      const recorded = (await two.one.control.moves.find(queue)) !== null;
      if (recorded) {
        expect(await two.moves.recover()).toBe(0);
        await lapse(queue);
        await two.moves.recover();
        expect(await two.one.control.moves.find(queue)).toBeNull();
        expect((await two.one.control.catalogue.get(queue)).pool).toBe(switched === 1 ? "right" : "left");
      }
      const late = await post(queue);
      expect(idsOf(await readAll(two.other.data, queue))).toEqual([...ids, ...late.ids]);
      // Somebody else moves it, there or back, before the first one wakes.
      const target = switched === 1 ? "left" : "right";
      const report = recorded ? await two.moves.move({ queue, target }) : null;
      if (recorded) expect(report).toMatchObject({ messages: 6, claims: 1 });
      const later = await post(queue);
      moving.go();
      const how = await outcome;
      if (recorded && switched === 0) expect(how).toBe("QUEUE_EPOCH_STALE");
      if (switched === 1) expect(how).toBe("moved");
      expect((await two.one.control.catalogue.get(queue)).pool).toBe(recorded ? target : "right");
      expect(idsOf(await readAll(two.other.data, queue))).toEqual([...ids, ...late.ids, ...later.ids]);
      expect((await two.other.data.claims.get({ queue, id: claim.claimId })).messages).toHaveLength(2);
      const last = await post(queue, two.one.data);
      expect(last.ids).toHaveLength(1);
      const triggers = "SELECT tgname FROM pg_trigger WHERE tgname LIKE 'queue_move_%'";
      expect((await left.query(triggers)).rows).toEqual([]);
    },
  );

  it("wakes while another moves the queue: only the other changes anything", async () => {
    const { queue, ids } = await aQueueOf(5);
    const first = stalled("transaction");
    const outcome = first.moves.move({ queue, target: "right" }).catch((error: { code: string }) => error.code);
    await first.reached;
    await lapse(queue);
    await two.moves.recover();
    const second = stalled("takeChanges");
    const moved = second.moves.move({ queue, target: "right" });
    await second.reached;
    first.go();
    expect(await outcome).toBe("QUEUE_EPOCH_STALE");
    const late = await post(queue);
    expect((await two.one.control.catalogue.get(queue)).pool).toBe("left");
    second.go();
    expect(await moved).toMatchObject({ messages: 6 });
    expect((await two.one.control.catalogue.get(queue)).pool).toBe("right");
    expect(idsOf(await readAll(two.other.data, queue))).toEqual([...ids, ...late.ids]);
  });

  it("callers wait while it is frozen, hear that it is moving when that lasts, and go on when it is over", async () => {
    const { queue } = await aQueueOf(1);
    const moving = stalled("readRest");
    const outcome = moving.moves.move({ queue, target: "right" }).catch(() => undefined);
    await moving.reached;
    const began = performance.now();
    await expect(post(queue)).rejects.toMatchObject({ code: "QUEUE_IS_MOVING", status: 503 });
    expect(performance.now() - began).toBeGreaterThan(1500);
    await expect(two.other.data.messages.stats([queue])).rejects.toMatchObject({ code: "QUEUE_IS_MOVING" });
    const waiting = post(queue);
    moving.go();
    await waiting;
    await outcome;
    expect(await readAll(two.one.data, queue)).toHaveLength(2);
    expect((await two.one.control.catalogue.get(queue)).pool).toBe("right");
  });
});

describe("what changes while the queue is copied", () => {
  it("goes along: claims made, renewed and ended, messages posted and deleted, keys, a purge", async () => {
    const { queue, ids } = await aQueueOf(8);
    const { claims, messages, subscriptions } = two.other.data;
    const take = (limit: number) => claims.create({ queue, limit, ttlSeconds: 100, graceSeconds: 60, clientId: null });
    const [renewed, released, used] = [await take(1), await take(1), await take(2)];
    const moving = stalled("freeze");
    const report = moving.moves.move({ queue, target: "right" });
    await moving.reached;
    await claims.update({ queue, id: renewed.claimId, ttlSeconds: 5000, graceSeconds: 60 });
    await claims.delete({ queue, id: released.claimId });
    await messages.delete({ queue, id: ids[2] as string, claimId: used.claimId });
    const made = await take(1);
    const keyed = { queue, messages: [aMessage("keyed")], clientId: null, idempotencyKey: "while it moves" };
    const first = await messages.post(keyed);
    moving.go();
    const subscribed = subscriptions.create({ queue, subscriber: "http://late", ttlSeconds: 100, optionsText: "{}" });
    expect(await report).toMatchObject({ messages: 8, claims: 3 });
    expect(await subscribed).not.toBeNull();
    expect(await messages.post(keyed)).toEqual(first);
    expect((await claims.get({ queue, id: renewed.claimId })).claim.ttlSeconds).toBe(5000);
    expect(idsOf((await claims.get({ queue, id: used.claimId })).messages)).toEqual([ids[3]]);
    expect(idsOf((await claims.get({ queue, id: made.claimId })).messages)).toEqual([ids[1]]);
    await expect(claims.get({ queue, id: released.claimId })).rejects.toMatchObject({ code: "CLAIM_DOES_NOT_EXIST" });
    expect((await two.one.data.subscriptions.list({ queue, page: { limit: 5 } })).items).toHaveLength(1);
    expect(idsOf((await take(20)).messages)).toEqual([...ids.slice(4), ...first.ids]);

    const back = stalled("freeze");
    const purged = back.moves.move({ queue, target: "left" });
    await back.reached;
    await messages.purge({ queue });
    const kept = await post(queue);
    back.go();
    await purged;
    expect(idsOf(await readAll(two.one.data, queue))).toEqual(kept.ids);
    expect(await messages.stats([queue])).toMatchObject([{ total: 1, claimed: 0 }]);
  });
});

describe("two at once", () => {
  it("one queue is moved by one of them; the other is refused, and what holds is what one did", async () => {
    const { queue, ids } = await aQueueOf(10);
    const others = createQueueMoves({ control: two.other.control, data: two.other.data, warn: () => {} });
    const results = await Promise.allSettled(
      [two.moves, others, two.moves, others].map((moves) => moves.move({ queue, target: "right" })),
    );
    for (const result of results) {
      if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "QUEUE_IS_MOVING" });
    }
    expect(results.filter((result) => result.status === "fulfilled" && result.value !== null)).toHaveLength(1);
    expect(idsOf(await readAll(two.other.data, queue))).toEqual(ids);
  });

  it("ten queues move at the same time", async () => {
    const queues = await Promise.all(Array.from({ length: 10 }, () => aQueueOf(20)));
    await Promise.all(queues.map(({ queue }) => two.moves.move({ queue, target: "right" })));
    for (const { queue, ids } of queues) expect(idsOf(await readAll(two.other.data, queue))).toEqual(ids);
  });

  it("the sequence of markers is lifted while others draw from it, and never goes back", async () => {
    const there = await aQueueOf(1);
    await two.moves.move({ queue: there.queue, target: "right" });
    const queues = await Promise.all(Array.from({ length: 4 }, () => aQueueOf(5)));
    await left.query("SELECT setval('message_marker', last_value + 50000000) FROM message_marker");
    for (const { queue } of queues) await post(queue);
    let running = true;
    const posted = [...there.ids];
    const poster = async () => {
      while (running) posted.push(...(await post(there.queue)).ids);
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
      await post(queue);
      expect(BigInt((await readAll(two.one.data, queue)).at(-1)?.marker ?? 0)).toBeGreaterThan(BigInt(before));
    }
  });

  it("a queue that is deleted while it moves stays deleted", async () => {
    const { queue } = await aQueueOf(3);
    const moving = stalled("transaction");
    const outcome = moving.moves.move({ queue, target: "right" });
    const how = outcome.catch((error: { code: string }) => error.code);
    await moving.reached;
    const { epoch } = await two.one.control.catalogue.get(queue);
    await two.other.control.queues.delete(queue);
    await (await two.pool("left")).detachQueue({ ...queue, epoch });
    moving.go();
    expect(await how).toBe("QUEUE_EPOCH_STALE");
    for (const pool of ["left", "right"] as const) {
      expect(await (await two.pool(pool)).messages.stats([queue])).toEqual([null]);
    }
  });
});
