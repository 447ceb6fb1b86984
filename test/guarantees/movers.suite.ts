/** What a move guarantees on all stores when its mover dies, stalls or meets another mover. */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createQueueMoves, type QueueMoves } from "../../server/operations/lifecycle/queue-moves.ts";
import type { DataDriver, Message } from "../../server/storage/data-driver.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { aMessage, idsOf, readAll, uniqueName } from "../conformance/harness.ts";
import { over } from "../operations/a-service.ts";
import type { OpenTwoPools, TwoPools } from "../support/two-pools.ts";

export async function aQueueOf(two: TwoPools, count: number): Promise<{ queue: QueueRef; ids: string[] }> {
  const queue = await two.aQueue(uniqueName());
  const messages = Array.from({ length: count }, (_, index) => aMessage(index));
  const { ids } = await two.one.data.messages.post({ queue, messages, clientId: null });
  return { queue, ids };
}

export const postTo = (two: TwoPools, queue: QueueRef, of: DataDriver = two.other.data) =>
  of.messages.post({ queue, messages: [aMessage("late")], clientId: null });

/**
 * A mover that stalls before or after its call of `step`, until `go`. The caller must handle a rejection of the move.
 */
export function stalled(two: TwoPools, step: string, when: "before" | "after" = "before") {
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
      return over(driver, { transfer: driver.transfer && stalling(driver.transfer) });
    },
  });
  const moves: QueueMoves = createQueueMoves({
    control: over(stalling(two.one.control), { moveLedger: stalling(two.one.control.moveLedger) }),
    data,
    warn: () => {},
  });
  return { moves, reached: reached.promise, go: gate.resolve };
}

/**
 * `leftovers` returns what ended moves have left in the stores. `keysFrom`: the sides whose idempotency keys are moved,
 * which takes a while; one is enough when another pair of pools is the other way round.
 */
export function describeMovers(
  name: string,
  open: OpenTwoPools,
  {
    leftovers = () => Promise.resolve([]),
    keysFrom = ["left"],
  }: { leftovers?: (two: TwoPools) => Promise<unknown[]>; keysFrom?: ("left" | "right")[] } = {},
): void {
  let two: TwoPools;
  let control: pg.Client;
  const lapse = (queue: QueueRef) =>
    control.query("UPDATE queue_moves SET lease_expires_at = now() - interval '1 second' WHERE queue = $1", [
      queue.name,
    ]);

  describe(`movers on ${name}`, () => {
    beforeAll(async () => {
      two = await open();
      control = new pg.Client({ connectionString: two.url });
      await control.connect();
    });
    afterAll(async () => {
      await control.end();
      await two.close();
    });

    describe("a mover whose lease expires", () => {
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
        "stalled %s %s: another process ends the move, and the mover changes nothing when it wakes",
        async (when, step, switched) => {
          const { queue, ids } = await aQueueOf(two, 5);
          const claim = await two.one.data.claims.create({
            queue,
            limit: 2,
            ttlSeconds: 300,
            graceSeconds: 60,
            clientId: null,
          });
          const moving = stalled(two, step, when);
          const outcome = moving.moves.move({ queue, target: "right" }).then(
            () => "moved",
            (error: { code: string }) => error.code,
          );
          await moving.reached;
          // `begin` writes the record. A mover that stalls before it has left none.
          const recorded = (await two.one.control.moveLedger.find(queue)) !== null;
          if (recorded) {
            expect(await two.moves.recover()).toBe(0);
            await lapse(queue);
            await two.moves.recover();
            expect(await two.one.control.moveLedger.find(queue)).toBeNull();
            expect((await two.one.control.catalogue.get(queue)).pool).toBe(switched === 1 ? "right" : "left");
          }
          const late = await postTo(two, queue);
          expect(idsOf(await readAll(two.other.data, queue))).toEqual([...ids, ...late.ids]);
          // Another mover moves the queue, there or back, before the first one wakes.
          const target = switched === 1 ? "left" : "right";
          const report = recorded ? await two.moves.move({ queue, target }) : null;
          if (recorded) expect(report).toMatchObject({ messages: 6, claims: 1 });
          const later = await postTo(two, queue);
          moving.go();
          const how = await outcome;
          if (recorded && switched === 0) expect(how).toBe("QUEUE_EPOCH_STALE");
          if (switched === 1) expect(how).toBe("moved");
          expect((await two.one.control.catalogue.get(queue)).pool).toBe(recorded ? target : "right");
          expect(idsOf(await readAll(two.other.data, queue))).toEqual([...ids, ...late.ids, ...later.ids]);
          expect((await two.other.data.claims.get({ queue, id: claim.claimId })).messages).toHaveLength(2);
          const last = await postTo(two, queue, two.one.data);
          expect(last.ids).toHaveLength(1);
          expect(await leftovers(two)).toEqual([]);
        },
      );

      it("wakes while another mover moves the queue: only the other one changes anything", async () => {
        const { queue, ids } = await aQueueOf(two, 5);
        const first = stalled(two, "transaction");
        const outcome = first.moves.move({ queue, target: "right" }).catch((error: { code: string }) => error.code);
        await first.reached;
        await lapse(queue);
        await two.moves.recover();
        const second = stalled(two, "takeChanges");
        const moved = second.moves.move({ queue, target: "right" });
        await second.reached;
        first.go();
        expect(await outcome).toBe("QUEUE_EPOCH_STALE");
        const late = await postTo(two, queue);
        expect((await two.one.control.catalogue.get(queue)).pool).toBe("left");
        second.go();
        expect(await moved).toMatchObject({ messages: 6 });
        expect((await two.one.control.catalogue.get(queue)).pool).toBe("right");
        expect(idsOf(await readAll(two.other.data, queue))).toEqual([...ids, ...late.ids]);
      });

      it("callers wait while the queue is frozen, get QUEUE_IS_MOVING when that lasts, and succeed once the move is over", async () => {
        const { queue } = await aQueueOf(two, 1);
        const moving = stalled(two, "readRest");
        const outcome = moving.moves.move({ queue, target: "right" }).catch(() => undefined);
        await moving.reached;
        const began = performance.now();
        await expect(postTo(two, queue)).rejects.toMatchObject({ code: "QUEUE_IS_MOVING", status: 503 });
        expect(performance.now() - began).toBeGreaterThan(1500);
        await expect(two.other.data.messages.stats([queue])).rejects.toMatchObject({ code: "QUEUE_IS_MOVING" });
        const waiting = postTo(two, queue);
        moving.go();
        await waiting;
        await outcome;
        expect(await readAll(two.one.data, queue)).toHaveLength(2);
        expect((await two.one.control.catalogue.get(queue)).pool).toBe("right");
      });
    });

    describe("a control database that loses its last writes", () => {
      /** Sets the control database back to before the switch, once the move has left the source. */
      const loseSwitch = async (queue: QueueRef) => {
        const { epoch: sourceEpoch } = await two.one.control.catalogue.get(queue);
        const moving = stalled(two, "end");
        const report = moving.moves.move({ queue, target: "right" });
        await moving.reached;
        // With another holder, the stalled mover cannot renew the lease.
        await control.query("UPDATE queue_moves SET phase = 'copying', holder = 'dead' WHERE queue = $1", [queue.name]);
        await control.query("UPDATE catalogue_entries SET pool = 'left', epoch = $2 WHERE queue = $1", [
          queue.name,
          sourceEpoch,
        ]);
        await lapse(queue);
        await two.one.data.forgetQueue(queue);
        await two.other.data.forgetQueue(queue);
        const wake = () => {
          moving.go();
          return report;
        };
        return { sourceEpoch, wake };
      };

      it("a lost switch to the target is repeated: the target keeps the only copy of the queue", async () => {
        const { queue, ids } = await aQueueOf(two, 5);
        const subscription = { queue, subscriber: "http://one", ttlSeconds: 1000, optionsText: "{}" };
        await two.one.data.subscriptions.create(subscription);
        const { wake } = await loseSwitch(queue);
        expect(await two.moves.recover()).toBe(1);
        expect((await two.one.control.catalogue.get(queue)).pool).toBe("right");
        expect(await two.one.control.moveLedger.find(queue)).toBeNull();
        const late = await postTo(two, queue);
        await wake();
        expect(idsOf(await readAll(two.one.data, queue))).toEqual([...ids, ...late.ids]);
        expect((await two.one.data.subscriptions.list({ queue, page: { limit: 5 } })).items).toHaveLength(1);
        expect(await two.moves.move({ queue, target: "left" })).toMatchObject({ messages: 6 });
        expect(await leftovers(two)).toEqual([]);
      });

      it("a recovery that crashed after it took over the move is repeated too", async () => {
        const { queue, ids } = await aQueueOf(two, 5);
        const { wake } = await loseSwitch(queue);
        const found = await two.one.control.moveLedger.find(queue);
        if (found === null) throw new Error("The record is missing.");
        await two.one.control.moveLedger.takeOver({ move: found, holder: "one that dies", leaseSeconds: 0 });
        expect(await two.moves.recover()).toBe(1);
        await wake();
        expect((await two.one.control.catalogue.get(queue)).pool).toBe("right");
        expect(idsOf(await readAll(two.other.data, queue))).toEqual(ids);
      });

      /**
       * Lets the source forget the queue, as it does when the control database is down for longer than the undo window.
       */
      const forgetInSource = async () => {
        two.clock.offsetMs += 60_000;
        for (let round = 0; round < 3; round += 1) await (await two.pool("left")).gc();
      };

      it("a post before the recovery gets QUEUE_IS_MOVING, though the source no longer has the queue", async () => {
        const { queue, ids } = await aQueueOf(two, 5);
        const { wake } = await loseSwitch(queue);
        await forgetInSource();
        await expect(postTo(two, queue)).rejects.toMatchObject({ code: "QUEUE_IS_MOVING" });
        expect(await two.moves.recover()).toBe(1);
        const late = await postTo(two, queue);
        await wake();
        expect(idsOf(await readAll(two.one.data, queue))).toEqual([...ids, ...late.ids]);
      });

      it("a queue that is used in the source again before the recovery loses neither copy", async () => {
        const { queue } = await aQueueOf(two, 5);
        const { sourceEpoch, wake } = await loseSwitch(queue);
        const [left, right] = await Promise.all([two.pool("left"), two.pool("right")]);
        await forgetInSource();
        await left.attachQueue({ ...queue, epoch: sourceEpoch });
        const late = await postTo(two, queue);
        for (let round = 0; round < 2; round += 1) {
          expect(await two.moves.recover()).toBe(0);
          await lapse(queue);
        }
        expect(String(two.warnings.at(-1))).toMatch(/messages in the pools left and right/);
        await wake();
        expect(idsOf(await readAll(left, { ...queue, epoch: sourceEpoch }))).toEqual(late.ids);
        expect(await readAll(right, queue)).toHaveLength(5);
        await two.one.control.queues.delete(queue);
        await lapse(queue);
        expect(await two.moves.recover()).toBe(1);
        expect(await right.messages.stats([queue])).toEqual([null]);
        two.warnings.length = 0;
      });
    });

    describe("changes while the queue is copied", () => {
      it("a move includes what changes during it: claims, messages, idempotency keys, a subscription and a purge", async () => {
        const { queue, ids } = await aQueueOf(two, 8);
        const { claims, messages, subscriptions } = two.other.data;
        const take = (limit: number) =>
          claims.create({ queue, limit, ttlSeconds: 100, graceSeconds: 60, clientId: null });
        const [renewed, released, used, parted] = [await take(1), await take(1), await take(2), await take(2)];
        const moving = stalled(two, "freeze");
        const report = moving.moves.move({ queue, target: "right" });
        await moving.reached;
        await claims.update({ queue, id: renewed.claimId, ttlSeconds: 5000, graceSeconds: 60 });
        await claims.delete({ queue, id: released.claimId });
        const late = ids[4] as string;
        await claims.releaseMessages({ queue, claimId: parted.claimId, ids: [late], delaySeconds: 900 });
        await messages.delete({ queue, id: ids[2] as string, claimId: used.claimId });
        const made = await take(1);
        const keyed = { queue, messages: [aMessage("keyed")], clientId: null, idempotencyKey: "while it moves" };
        const first = await messages.post(keyed);
        moving.go();
        const subscribed = subscriptions.create({
          queue,
          subscriber: "http://late",
          ttlSeconds: 100,
          optionsText: "{}",
        });
        expect(await report).toMatchObject({ messages: 8, claims: 4 });
        expect(await subscribed).not.toBeNull();
        expect(await messages.post(keyed)).toEqual(first);
        expect((await claims.get({ queue, id: renewed.claimId })).claim.ttlSeconds).toBe(5000);
        expect(idsOf((await claims.get({ queue, id: used.claimId })).messages)).toEqual([ids[3]]);
        expect(idsOf((await claims.get({ queue, id: made.claimId })).messages)).toEqual([ids[1]]);
        expect(idsOf((await claims.get({ queue, id: parted.claimId })).messages)).toEqual([ids[5]]);
        expect(await messages.get({ queue, id: late })).toMatchObject({ claim: null, delayedUntil: expect.any(Date) });
        await expect(claims.get({ queue, id: released.claimId })).rejects.toMatchObject({
          code: "CLAIM_DOES_NOT_EXIST",
        });
        expect((await two.one.data.subscriptions.list({ queue, page: { limit: 5 } })).items).toHaveLength(1);
        expect(idsOf((await take(20)).messages)).toEqual([...ids.slice(6), ...first.ids]);

        const back = stalled(two, "freeze");
        const purged = back.moves.move({ queue, target: "left" });
        await back.reached;
        await messages.purge({ queue });
        const kept = await postTo(two, queue);
        back.go();
        await purged;
        expect(idsOf(await readAll(two.one.data, queue))).toEqual(kept.ids);
        expect(await messages.stats([queue])).toMatchObject([{ total: 1, claimed: 0 }]);
      });
    });

    describe("changes after the messages were read", () => {
      const stateOf = (messages: readonly Message[]) =>
        messages.map(({ id, marker, bodyText, ttlSeconds, clientId, claimCount, claim, lastClaimId }) => ({
          id,
          marker,
          bodyText,
          ttlSeconds,
          clientId,
          claimCount,
          claim: claim?.id ?? null,
          lastClaimId,
        }));
      const lease = { ttlSeconds: 300, graceSeconds: 60, clientId: null };

      it.each(["left", "right"] as const)("a move from %s includes every change after its copy", async (from) => {
        const { data } = two.one;
        const { messages, claims } = data;
        const to = from === "left" ? "right" : "left";
        const { queue } = await aQueueOf(two, 12);
        const { queue: beside } = await aQueueOf(two, 0);
        if (from === "right") for (const one of [queue, beside]) await two.moves.move({ queue: one, target: from });
        const renewed = await claims.create({ ...lease, queue, limit: 3 });
        const moving = stalled(two, "takeChanges");
        const report = moving.moves.move({ queue, target: to });
        await moving.reached;
        await claims.update({ queue, id: renewed.claimId, ttlSeconds: 5000, graceSeconds: 60 });
        await messages.delete({ queue, id: renewed.messages[1]?.id ?? "", claimId: renewed.claimId });
        const released = await claims.create({ ...lease, queue, limit: 2 });
        await claims.delete({ queue, id: released.claimId });
        const exhausting = { deadLettersFrom: 1 };
        const spent = await claims.create({ ...lease, queue, limit: 3, ...exhausting });
        expect([spent.messages.length, spent.deadLetters.length]).toEqual([1, 2]);
        const popped = await messages.pop({ queue, limit: 1 });
        const lapsed = await claims.create({ ...lease, queue, limit: 1, ttlSeconds: 1 });
        const wanders = await claims.create({ ...lease, queue, limit: 1 });
        const [wanderer] = idsOf(wanders.messages) as [string];
        const transfer = { ids: [wanderer], ttlSeconds: null, as: "move" as const };
        await messages.transfer({ ...transfer, from: queue, to: beside, claimId: wanders.claimId });
        const back = await claims.create({ ...lease, queue: beside, limit: 1 });
        expect(await messages.transfer({ ...transfer, from: beside, to: queue, claimId: back.claimId })).toHaveLength(
          1,
        );
        const keyed = {
          queue,
          messages: [aMessage("keyed", { delaySeconds: 900 })],
          clientId: "k",
          idempotencyKey: "a",
        };
        const first = await messages.post(keyed);
        two.clock.offsetMs += 1500;
        const before = await readAll(data, queue);
        expect(before.at(-2)?.id).toBe(wanderer);
        expect(before.some(({ lastClaimId, claim }) => lastClaimId === lapsed.claimId && claim === null)).toBe(true);
        moving.go();
        expect(await report).toMatchObject({ messages: before.length });
        const after = await readAll(data, queue);
        expect(stateOf(after)).toEqual(stateOf(before));
        expect(idsOf(after)).not.toContain(popped[0]?.id);
        expect(await messages.post(keyed)).toEqual(first);
        const { items } = await claims.list({ queue, page: { limit: 9 } });
        expect(items.map(({ id }) => id)).toEqual([renewed.claimId, spent.claimId]);
        expect((await claims.get({ queue, id: renewed.claimId })).claim).toMatchObject({
          ttlSeconds: 5000,
          messageCount: 2,
        });
        // Dead letters are no part of the claim's messages, but the claim still holds them.
        expect(idsOf((await claims.get({ queue, id: spent.claimId })).messages)).toEqual(idsOf(spent.messages));
        const dead = {
          ids: idsOf(spent.deadLetters),
          from: queue,
          to: beside,
          claimId: spent.claimId,
          ttlSeconds: null,
          as: "deadLetter" as const,
        };
        expect(await messages.transfer(dead)).toHaveLength(2);
        const rest = await claims.create({ ...lease, queue, limit: 20 });
        expect(rest.messages.map(({ id }) => id)).toContain(wanderer);
        expect(rest.messages).toHaveLength(before.filter(({ claim }) => claim === null).length - 1);
      });

      it.each(["left", "right"] as const)("a purge during a move from %s leaves only later messages", async (from) => {
        const { queue } = await aQueueOf(two, 600);
        if (from === "right") await two.moves.move({ queue, target: from });
        await two.one.data.claims.create({ ...lease, queue, limit: 5 });
        const moving = stalled(two, "takeChanges");
        const report = moving.moves.move({ queue, target: from === "left" ? "right" : "left" });
        await moving.reached;
        await two.one.data.messages.purge({ queue });
        const late = await postTo(two, queue);
        moving.go();
        await report;
        expect((await two.one.data.claims.list({ queue, page: { limit: 5 } })).items).toEqual([]);
        expect(idsOf(await readAll(two.other.data, queue))).toEqual(late.ids);
        expect((await two.one.data.messages.stats([queue]))[0]).toMatchObject({ total: 1, ready: 1 });
      });

      it.each(keysFrom)("a move from %s includes several pages of idempotency keys", async (from) => {
        const { queue } = await aQueueOf(two, 0);
        if (from === "right") await two.moves.move({ queue, target: from });
        const keyed = (key: number) =>
          two.one.data.messages.post({
            queue,
            messages: [aMessage(key)],
            clientId: null,
            idempotencyKey: `${key % 7}-${key} x`,
          });
        const posts: { ids: string[] }[] = [];
        // More than the thousand that a move reads at once. All at once they would wait for connections longer than a
        // call may.
        while (posts.length < 1200) {
          posts.push(...(await Promise.all(Array.from({ length: 300 }, (_, key) => keyed(posts.length + key)))));
        }
        const moving = stalled(two, "takeChanges");
        const report = moving.moves.move({ queue, target: from === "left" ? "right" : "left" });
        await moving.reached;
        posts.push(...(await Promise.all(Array.from({ length: 100 }, (_, key) => keyed(1200 + key)))));
        moving.go();
        expect(await report).toMatchObject({ messages: 1300 });
        for (let from = 0; from < posts.length; from += 300) {
          const some = posts.slice(from, from + 300);
          expect(await Promise.all(some.map((_, key) => keyed(from + key)))).toEqual(some);
        }
      });
    });

    describe("concurrent moves", () => {
      it("of concurrent moves of one queue exactly one moves it, and its messages are there once", async () => {
        const { queue, ids } = await aQueueOf(two, 10);
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
        const queues = await Promise.all(Array.from({ length: 10 }, () => aQueueOf(two, 20)));
        await Promise.all(queues.map(({ queue }) => two.moves.move({ queue, target: "right" })));
        for (const { queue, ids } of queues) expect(idsOf(await readAll(two.other.data, queue))).toEqual(ids);
      });

      it("a queue that is deleted while it moves stays deleted", async () => {
        const { queue } = await aQueueOf(two, 3);
        const moving = stalled(two, "transaction");
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
  });
}
