import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DataDriver, Message } from "../../server/storage/data-driver.ts";
import { abandonTarget, moveQueue, thawSource } from "../../server/storage/moves/queue-move.ts";
import type { QueueTransfer } from "../../server/storage/moves/queue-transfer.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { emptyTally } from "../../server/storage/queue-totals.ts";
import type { OpenTwoPools, TwoPools } from "../support/two-pools.ts";
import { aMessage, idsOf, readAll, uniqueName } from "./harness.ts";

/** Moves a queue between two pools, of one engine or of two. It keeps exactly what it had. */
export function describeQueueMoves(name: string, open: OpenTwoPools): void {
  describe(`moves of queues on ${name}`, () => {
    let two: TwoPools;
    beforeAll(async () => {
      two = await open();
    });
    afterAll(() => two.close());

    const post = async (queue: QueueRef, count: number, changes: Parameters<typeof aMessage>[1] = {}) => {
      const messages = Array.from({ length: count }, (_, index) => aMessage(index, changes));
      return (await two.one.data.messages.post({ queue, messages, clientId: "poster" })).ids;
    };
    const take = (
      queue: QueueRef,
      limit: number,
      changes: Partial<Parameters<DataDriver["claims"]["create"]>[0]> = {},
    ) =>
      two.one.data.claims.create({
        queue,
        limit,
        ttlSeconds: 300,
        graceSeconds: 60,
        clientId: "c",
        actor: "ann",
        ...changes,
      });
    const move = (queue: QueueRef, target: "left" | "right") => two.moves.move({ queue, target });
    const poolOf = async (queue: QueueRef) => (await two.one.control.catalogue.get(queue)).pool;
    const stateOf = ({
      id,
      marker,
      bodyText,
      ttlSeconds,
      clientId,
      claimCount,
      claim,
      lastClaimId,
      headers,
      deadLettered,
    }: Message) => ({
      id,
      marker,
      bodyText,
      ttlSeconds,
      clientId,
      claimCount,
      claim: claim?.id ?? null,
      lastClaimId,
      headers,
      deadLettered,
    });

    it("a move keeps messages, order, markers, ids, claims, counts and times, there and back", async () => {
      const queue = await two.aQueue(uniqueName());
      await post(queue, 5);
      await post(queue, 2, { delaySeconds: 100, ttlSeconds: 500, headers: { "a name": "a value\n" } });
      const { claimId, messages } = await take(queue, 1);
      await two.one.data.messages.delete({ queue, id: messages[0]?.id ?? "", claimId });
      const held = await take(queue, 2);
      const lapsed = await take(queue, 1, { ttlSeconds: 1 });
      two.clock.offsetMs += 2000;
      const before = await readAll(two.one.data, queue);
      for (const target of ["right", "left", "right"] as const) {
        const report = await move(queue, target);
        expect(report).toMatchObject({ messages: 6, claims: 1 });
        expect(await poolOf(queue)).toBe(target);
        const after = await readAll(two.one.data, queue);
        expect(after.map(stateOf)).toEqual(before.map(stateOf));
        for (const [index, message] of after.entries()) {
          const was = before[index] as Message;
          for (const time of ["createdAt", "expiresAt", "delayedUntil"] as const) {
            expect(Math.abs(Number(message[time]) - Number(was[time]))).toBeLessThan(5000);
          }
        }
        expect(after.some((message) => message.lastClaimId === lapsed.claimId)).toBe(true);
        const claim = await two.one.data.claims.get({ queue, id: held.claimId });
        expect(claim.claim).toMatchObject({
          ttlSeconds: 300,
          graceSeconds: 60,
          clientId: "c",
          actor: "ann",
          messageCount: 2,
        });
        expect(idsOf(claim.messages)).toEqual(idsOf(held.messages));
        expect(await two.one.data.messages.stats([queue])).toMatchObject([{ total: 6, claimed: 2, delayed: 2 }]);
      }
      // The claim still holds its messages: another claim gets only the rest.
      const others = await take(queue, 10);
      expect(others.messages).toHaveLength(2);
      const [first] = held.messages;
      await two.one.data.claims.update({ queue, id: held.claimId, ttlSeconds: 400, graceSeconds: 60 });
      expect(await two.one.data.messages.delete({ queue, id: first?.id ?? "", claimId: held.claimId })).toBe("deleted");
      await two.one.data.claims.delete({ queue, id: held.claimId });
      expect((await take(queue, 10)).messages).toHaveLength(1);
      expect(two.warnings).toEqual([]);
    });

    it("a move takes the totals along, and messages that lapsed before it are counted once", async () => {
      const queue = await two.aQueue(uniqueName());
      await post(queue, 6);
      await take(queue, 1, { ttlSeconds: 1 });
      await two.one.data.messages.pop({ queue, limit: 1 });
      const held = await take(queue, 2);
      await two.one.data.claims.delete({ queue, id: held.claimId });
      two.clock.offsetMs += 2000;
      await two.one.data.messages.bulkDelete({ queue, ids: idsOf(held.messages).slice(0, 1) });
      const totals = async () => {
        await two.one.data.gc();
        return (await two.one.data.messages.stats([queue]))[0]?.totals;
      };
      await move(queue, "right");
      const moved = { posted: 6, claimed: 3, delivered: 4, released: 2, deleted: 2, expired: 0, deadLettered: 0 };
      expect(await totals()).toMatchObject(moved);
      // Whoever claims the message next sees that it lapsed, if nobody has before.
      expect((await take(queue, 10)).messages).toHaveLength(4);
      expect(await totals()).toMatchObject({ ...moved, claimed: 7, delivered: 8, lapsed: 1 });
      await move(queue, "left");
      await post(queue, 1);
      expect(await totals()).toMatchObject({ ...moved, posted: 7, claimed: 7, delivered: 8, lapsed: 1 });
      expect(await two.one.data.messages.stats([queue])).toMatchObject([{ total: 5, claimed: 4 }]);
      const { queues } = await two.one.data.activity.changed({ mark: null, limit: 1000 });
      expect(queues.filter((one) => one.queue.name === queue.name)).toHaveLength(1);
    });

    it("a dead letter keeps its past in a move, and one that moves before it is dead tells its last holder", async () => {
      const queue = await two.aQueue(uniqueName());
      const dead = await two.aQueue(uniqueName());
      const ids = await post(queue, 2);
      const deadLettersFrom = 1;
      const bury = async (id: string | undefined) => {
        const { claimId } = await take(queue, 1, { clientId: "mover", deadLettersFrom });
        const params = { from: queue, to: dead, ids: [id as string], claimId, ttlSeconds: null };
        expect(await two.one.data.messages.transfer({ ...params, as: "deadLetter" })).toHaveLength(1);
      };
      const { claimId } = await take(queue, 1, { clientId: "worker 1", ttlSeconds: 10, deadLettersFrom });
      two.clock.offsetMs += 10_000;
      await bury(ids[0]);
      const last = await take(queue, 1, { clientId: "worker 2", ttlSeconds: 10, deadLettersFrom });
      two.clock.offsetMs += 10_000;
      await take(queue, 1, { clientId: "mover that dies", ttlSeconds: 10, deadLettersFrom });
      for (const target of ["right", "left", "right"] as const) {
        await move(dead, target);
        await move(queue, target);
      }
      two.clock.offsetMs += 10_000;
      await bury(ids[1]);
      const from = { queue: queue.name, deliveries: 1, at: expect.any(Date) };
      expect(await readAll(two.one.data, dead)).toMatchObject([
        { id: ids[0], deadLettered: { ...from, clientId: "worker 1", claimId } },
        { id: ids[1], deadLettered: { ...from, clientId: "worker 2", claimId: last.claimId } },
      ]);
    });

    it("a reader's marker stays valid after a move, and messages that are posted next come after it", async () => {
      const queue = await two.aQueue(uniqueName());
      // A reader has read the last message, which is deleted before the queue moves.
      await post(queue, 3);
      const [last] = await post(queue, 1);
      const marker = (await readAll(two.one.data, queue)).at(-1)?.marker as string;
      await two.one.data.messages.bulkDelete({ queue, ids: [last as string] });
      await move(queue, "right");
      const next = await post(queue, 2);
      const page = await two.other.data.messages.list({ queue, page: { after: marker, limit: 10 } });
      expect(idsOf(page.items)).toEqual(next);
      await move(queue, "left");
      const again = await post(queue, 1);
      const more = await two.other.data.messages.list({ queue, page: { after: marker, limit: 10 } });
      expect(idsOf(more.items)).toEqual([...next, ...again]);
    });

    it("purged messages do not come back with a move, nor with gc after it", async () => {
      const queue = await two.aQueue(uniqueName());
      await post(queue, 3);
      await two.one.data.messages.purge({ queue });
      const kept = await post(queue, 2);
      await move(queue, "right");
      expect(idsOf(await readAll(two.one.data, queue))).toEqual(kept);
      two.clock.offsetMs += 40_000;
      await (await two.pool("left")).gc();
      await (await two.pool("right")).gc();
      expect(idsOf(await readAll(two.one.data, queue))).toEqual(kept);
    });

    it("a post or claim that is repeated with its idempotency key after a move returns the first result", async () => {
      const queue = await two.aQueue(uniqueName());
      const messages = [aMessage(1), aMessage(2)];
      const posting = { queue, messages, clientId: null, idempotencyKey: "post" };
      const first = await two.one.data.messages.post(posting);
      const claim = await take(queue, 1, { idempotencyKey: "claim" });
      for (const target of ["right", "left"] as const) {
        await move(queue, target);
        expect(await two.one.data.messages.post(posting)).toEqual(first);
        expect((await take(queue, 1, { idempotencyKey: "claim" })).claimId).toBe(claim.claimId);
        await expect(two.one.data.messages.post({ ...posting, messages: [aMessage(3)] })).rejects.toMatchObject({
          code: "IDEMPOTENCY_KEY_REUSED",
        });
      }
      expect(await readAll(two.one.data, queue)).toHaveLength(2);
    });

    it("a pop, purge or subscription that is repeated with its idempotency key after a move returns the first result", async () => {
      const queue = await two.aQueue(uniqueName());
      // The large ones fill a page of kept answers, so that the one after them comes with the next.
      const texts = ["[1, 2,3 ,4]", '"a,1,b 2 \\n é"', ...Array(2).fill(`"${"x".repeat(2_200_000)}"`), '"z"', "0", "1"];
      const messages = texts.map((bodyText) => ({ bodyText, ttlSeconds: 600, delaySeconds: 0 }));
      await two.one.data.messages.post({ queue, messages, clientId: null });
      const pop = (idempotencyKey: string) => two.one.data.messages.pop({ queue, limit: 1, idempotencyKey });
      const popped = new Map<string, Message[]>();
      for (const key of ["a b", "b,1,c", "x", "y", "z"]) popped.set(key, await pop(key));
      const purging = { queue, before: { marker: "9000000000000000000" }, idempotencyKey: "purge" };
      expect(await two.one.data.messages.purge(purging)).toEqual({ messages: 2 });
      const terms = { queue, subscriber: "http://a", ttlSeconds: 5000, optionsText: "{}", idempotencyKey: "subscribe" };
      const subscription = await two.one.data.subscriptions.create(terms);
      for (const target of ["right", "left"] as const) {
        await move(queue, target);
        expect(await two.one.data.subscriptions.create(terms)).toMatchObject({ id: subscription?.id });
        for (const key of ["a b", "b,1,c"]) expect(await pop(key)).toEqual(popped.get(key));
        await post(queue, 1);
        expect(await two.one.data.messages.purge(purging)).toEqual({ messages: 2 });
      }
      expect(await readAll(two.one.data, queue)).toHaveLength(2);
      for (const key of ["x", "y", "z"]) expect(idsOf(await pop(key))).toEqual(idsOf(popped.get(key) ?? []));
      two.clock.offsetMs += 610_000;
      expect(await pop("x")).toHaveLength(1);
    });

    it("a page of idempotency keys leaves out what pages before it had, and the next round has what was used since", async () => {
      const queue = await two.aQueue(uniqueName());
      const { epoch } = await two.one.control.catalogue.get(queue);
      const source = (await two.pool("left")).transfer as QueueTransfer;
      const attempt = { queue: { ...queue, epoch }, moveEpoch: epoch + 1_000_000 };
      const use = (keys: readonly string[]) =>
        Promise.all(
          keys.map(async (idempotencyKey) => {
            const posting = { queue, messages: [aMessage(1), aMessage(2)], clientId: null };
            await two.one.data.messages.post({ ...posting, idempotencyKey });
            await two.one.data.messages.pop({ queue, limit: 1, idempotencyKey: `pop ${idempotencyKey}` });
          }),
        );
      let seen: string | null = null;
      const round = async () => {
        const keys: string[] = [];
        for (;;) {
          const page = await source.readKeys({ ...attempt, seen, limit: 7 });
          seen = page.seen;
          if (page.keys.length === 0) return keys.sort();
          expect(page.keys.length).toBeLessThanOrEqual(7);
          keys.push(...page.keys.map(({ key }) => key));
        }
      };
      const both = (keys: readonly string[]) => [...keys, ...keys.map((key) => `pop ${key}`)].sort();
      await source.begin(attempt);
      const first = Array.from({ length: 20 }, (_, index) => `first ${index}`);
      await use(first);
      expect(await round()).toEqual(both(first));
      expect(await round()).toEqual([]);
      const second = Array.from({ length: 10 }, (_, index) => `second ${index}`);
      await use(second);
      expect(await round()).toEqual(both(second));
      two.clock.offsetMs += 700_000;
      // The first pop is forgotten, so its key is used again.
      await use(["first 0"]);
      expect(await round()).toEqual(["pop first 0"]);
      expect(await round()).toEqual([]);
      await source.thaw(attempt);
    });

    it("while a queue is frozen a move carries only those idempotency keys that were used since it carried the others", async () => {
      const queue = await two.aQueue(uniqueName());
      await post(queue, 6);
      const pop = (idempotencyKey: string) => two.one.data.messages.pop({ queue, limit: 1, idempotencyKey });
      for (const key of ["a", "b", "c"]) await pop(key);
      const source = (await two.pool("left")).transfer as QueueTransfer;
      const { freeze, readKeys } = source;
      const read: string[] = [];
      let before = 0;
      source.readKeys = async (params) => {
        const page = await readKeys(params);
        read.push(...page.keys.map(({ key }) => key));
        return page;
      };
      source.freeze = async (params) => {
        await pop("late");
        before = read.length;
        await freeze(params);
      };
      try {
        await move(queue, "right");
      } finally {
        Object.assign(source, { freeze, readKeys });
      }
      expect(read.slice(0, before).sort()).toEqual(["a", "b", "c"]);
      expect(read.slice(before)).toEqual(["late"]);
    });

    it("subscriptions move with the queue, and a process with a stale location changes them where they are now", async () => {
      const queue = await two.aQueue(uniqueName());
      const subscription = (subscriber: string) => ({ queue, subscriber, ttlSeconds: 1000, optionsText: '{"a":1}' });
      const made = await two.one.data.subscriptions.create(subscription("http://one"));
      // The other process caches the location of the queue.
      await two.other.data.subscriptions.list({ queue, page: { limit: 1 } });
      await move(queue, "right");
      const second = await two.other.data.subscriptions.create(subscription("http://two"));
      const listed = await two.one.data.subscriptions.list({ queue, page: { limit: 10 } });
      expect(listed.items.map(({ id }) => id)).toEqual([made?.id, second?.id]);
      expect(listed.items[0]).toMatchObject({ subscriber: "http://one", optionsText: '{"a":1}', confirmed: false });
      expect(await two.other.data.subscriptions.create(subscription("http://one"))).toBeNull();
      await move(queue, "left");
      expect(await two.other.data.subscriptions.deleteAll({ queue })).toBe(2);
      expect((await two.one.data.subscriptions.list({ queue, page: { limit: 10 } })).items).toEqual([]);
    });

    it("a process with a stale location posts to the target", async () => {
      const queue = await two.aQueue(uniqueName());
      await two.other.data.messages.post({ queue, messages: [aMessage(1)], clientId: null });
      await move(queue, "right");
      await two.other.data.messages.post({ queue, messages: [aMessage(2)], clientId: null });
      expect(await readAll(two.one.data, queue)).toHaveLength(2);
      expect(await (await two.pool("left")).messages.stats([queue])).toEqual([null]);
    });

    it("a move to the queue's own pool does nothing, and one of an unmapped queue or to an unknown pool is refused", async () => {
      const queue = await two.aQueue(uniqueName());
      expect(await move(queue, "left")).toBeNull();
      await expect(move({ project: "p", name: uniqueName() }, "left")).rejects.toMatchObject({
        code: "QUEUE_NOT_MAPPED",
      });
      await expect(two.moves.move({ queue, target: "nowhere" })).rejects.toMatchObject({ code: "POOL_DOES_NOT_EXIST" });
      await post(queue, 1);
      expect(await readAll(two.one.data, queue)).toHaveLength(1);
      expect(await two.one.control.moveLedger.find(queue)).toBeNull();
    });

    it("the subscriptions of a deleted queue move, and the queue stays deleted", async () => {
      const queue = await two.aQueue(uniqueName());
      await two.one.data.subscriptions.create({ queue, subscriber: "http://one", ttlSeconds: 1000, optionsText: "{}" });
      const { epoch } = await two.one.control.catalogue.get(queue);
      await two.one.control.queues.delete(queue);
      await two.one.data.detachQueue({ ...queue, epoch });
      await move(queue, "right");
      expect(await poolOf(queue)).toBe("right");
      expect((await two.one.data.subscriptions.list({ queue, page: { limit: 10 } })).items).toHaveLength(1);
      await expect(post(queue, 1)).rejects.toMatchObject({ code: "QUEUE_DOES_NOT_EXIST" });
    });

    it("claims that change before, while and after they are copied arrive in the target with the change", async () => {
      const queue = await two.aQueue(uniqueName());
      const { claims, messages } = two.one.data;
      const sizeOf = async (id: string) =>
        claims.get({ queue, id }).then(
          ({ claim, messages: held }) => [claim.messageCount, held.length, claim.ttlSeconds],
          (error) => error.code,
        );
      await post(queue, 60);
      // At each checkpoint of the move, four claims from before the move change, and a new one is made.
      const steps: { claimId: string; ids: string[] }[][] = [];
      for (let step = 0; step < 4; step += 1) {
        const made: (typeof steps)[number] = [];
        for (let index = 0; index < 4; index += 1) {
          const taken = await take(queue, 3);
          made.push({ claimId: taken.claimId, ids: idsOf(taken.messages) });
        }
        steps.push(made);
      }
      const untouched = await take(queue, 2);
      let at = 0;
      const late: string[] = [];
      const checkpoint = async () => {
        const step = steps[at++];
        if (step === undefined) return;
        const [shrinks, ends, released, renewed] = step as [
          (typeof step)[0],
          (typeof step)[0],
          (typeof step)[0],
          (typeof step)[0],
        ];
        for (const id of shrinks.ids.slice(0, 2)) await messages.delete({ queue, id, claimId: shrinks.claimId });
        await messages.bulkDelete({ queue, ids: ends.ids, claimIds: [ends.claimId] });
        await claims.delete({ queue, id: released.claimId });
        await claims.update({ queue, id: renewed.claimId, ttlSeconds: 777, graceSeconds: 60 });
        await messages.post({ queue, clientId: null, messages: [aMessage("late")] });
        late.push((await take(queue, 2)).claimId);
      };
      const report = await two.moves.move({ queue, target: "right", checkpoint });
      expect(at).toBeGreaterThanOrEqual(steps.length);
      // PostgreSQL also counts claims whose last message was just deleted.
      expect(report?.claims).toBeGreaterThanOrEqual(steps.length * 3 + 1);
      expect(report?.claims).toBeLessThanOrEqual(steps.length * 4 + 1);
      expect(await poolOf(queue)).toBe("right");
      for (const [shrinks, ends, released, renewed] of steps) {
        expect(await sizeOf(shrinks?.claimId ?? "")).toEqual([1, 1, 300]);
        expect(await sizeOf(ends?.claimId ?? "")).toBe("CLAIM_DOES_NOT_EXIST");
        expect(await sizeOf(released?.claimId ?? "")).toBe("CLAIM_DOES_NOT_EXIST");
        expect(await sizeOf(renewed?.claimId ?? "")).toEqual([3, 3, 777]);
        // A claim ends with its last message, in the target as in the source.
        const [, , last] = shrinks?.ids ?? [];
        await messages.delete({ queue, id: last ?? "", claimId: shrinks?.claimId ?? "" });
        expect(await sizeOf(shrinks?.claimId ?? "")).toBe("CLAIM_DOES_NOT_EXIST");
      }
      for (const id of late) expect(await sizeOf(id)).toEqual([2, 2, 300]);
      expect(await sizeOf(untouched.claimId)).toEqual([2, 2, 300]);
    });

    it("claims are copied before the queue is frozen, so that the pause does not grow with their number", async () => {
      const queue = await two.aQueue(uniqueName());
      await post(queue, 300);
      await Promise.all(Array.from({ length: 300 }, () => take(queue, 1)));
      const [source, target] = await Promise.all([two.pool("left"), two.pool("right")]);
      let frozen = false;
      const carried = { before: 0, after: 0 };
      const watching = (driver: DataDriver): DataDriver => {
        const { transfer } = driver;
        if (transfer === null) throw new Error("This driver moves no queues.");
        const watched = {
          ...transfer,
          freeze: async (params: Parameters<typeof transfer.freeze>[0]) => {
            await transfer.freeze(params);
            frozen = true;
          },
          writeClaims: async (params: Parameters<typeof transfer.writeClaims>[0]) => {
            carried[frozen ? "after" : "before"] += params.claims.length;
            await transfer.writeClaims(params);
          },
        };
        return new Proxy(driver, {
          get: (_, key) => (key === "transfer" ? watched : Reflect.get(driver, key, driver)),
        });
      };
      const { epoch: sourceEpoch } = await two.one.control.catalogue.get(queue);
      const attempt = {
        source: { pool: "left", driver: watching(source) },
        target: { pool: "right", driver: watching(target) },
        ...queue,
        sourceEpoch,
      };
      const epoch = sourceEpoch + 1_000_000;
      const report = await moveQueue({ ...attempt, epoch, exists: true, commit: async () => {} });
      expect(report).toMatchObject({ messages: 300, claims: 300, pauseMs: expect.any(Number) });
      expect(carried).toEqual({ before: 300, after: 0 });
      expect(await thawSource({ ...attempt, epoch })).toBe(true);
      await abandonTarget({ ...attempt, epoch });
    });

    it("a store reports the epoch of the queue that it holds, and whether the epoch that a move copied is still there", async () => {
      const queue = await two.aQueue(uniqueName());
      const [left, right] = (await Promise.all([two.pool("left"), two.pool("right")])).map(
        ({ transfer }) => transfer,
      ) as [QueueTransfer, QueueTransfer];
      const { epoch } = await two.one.control.catalogue.get(queue);
      const attempt = { queue: { ...queue, epoch }, moveEpoch: epoch + 1_000_000 };
      const later = { ...attempt, moveEpoch: attempt.moveEpoch + 1 };
      expect([await left.openEpoch({ queue }), await right.openEpoch({ queue })]).toEqual([epoch, null]);
      expect(await left.thaw(attempt)).toBe(false);
      await left.begin(attempt);
      expect([await left.thaw(attempt), await left.thaw(attempt)]).toEqual([true, true]);
      await left.begin(later);
      await left.freeze({ ...later, deadlineMs: 400 });
      expect([await left.openEpoch({ queue }), await left.thaw(attempt)]).toEqual([epoch, true]);
      await expect(left.readRest(later)).resolves.toMatchObject({ claims: 0 });
      expect(await left.thaw(later)).toBe(true);
      await left.leave(attempt);
      expect([await left.openEpoch({ queue }), await left.thaw(later)]).toEqual([null, false]);
      const moved = { ...queue, epoch: attempt.moveEpoch };
      await right.prepare({ queue: moved });
      expect(await right.openEpoch({ queue })).toBeNull();
      await right.open({
        queue: moved,
        rest: { lowWater: "0", highestMarker: "1", tally: emptyTally(), claims: 0, lifeSeconds: 0, subscriptions: [] },
        messages: 0,
      });
      expect(await right.openEpoch({ queue })).toBe(moved.epoch);
    });

    it("a queue that keeps lives goes on with that in the target, and leaves behind what it kept", async () => {
      const queue = await two.aQueue(uniqueName());
      const { lives } = two.one.data;
      await lives.keep({ queue, seconds: 3600 });
      const [id] = (await post(queue, 1)) as [string];
      const kinds = async () => (await lives.read({ queue, ids: [id] }))?.lives[0]?.events.map(({ kind }) => kind);
      expect(await kinds()).toEqual(["posted"]);
      const since = Number((await lives.read({ queue, ids: [] }))?.since);
      await move(queue, "right");
      expect(await kinds()).toEqual([]);
      const kept = await lives.read({ queue, ids: [] });
      expect(kept?.seconds).toBe(3600);
      expect(Number(kept?.since)).toBeGreaterThanOrEqual(since);
      const { claimId } = await take(queue, 1);
      await two.one.data.messages.delete({ queue, id, claimId });
      expect(await kinds()).toEqual(["claimed", "deleted"]);
      await move(queue, "left");
      expect(await kinds()).toEqual([]);
    });

    it("several thousand messages move in order", async () => {
      const queue = await two.aQueue(uniqueName());
      const posted: string[] = [];
      for (let round = 0; round < 5; round += 1) posted.push(...(await post(queue, 900)));
      const report = await move(queue, "right");
      expect(report?.messages).toBe(4500);
      expect(idsOf(await readAll(two.one.data, queue, 1000))).toEqual(posted);
    });

    it("no message is lost, doubled or held twice by a move while eight clients post, claim and delete", async () => {
      const queue = await two.aQueue(uniqueName());
      const posted = new Set<string>();
      const done = new Set<string>();
      /** The claim that holds a message, by message. Claims outlast the test, so a second holder is an error. */
      const held = new Map<string, string>();
      const doubles: string[] = [];
      const failures: unknown[] = [];
      let running = true;
      const client = async (number: number) => {
        const { data } = number % 2 === 0 ? two.one : two.other;
        while (running) {
          try {
            const { ids } = await data.messages.post({
              queue,
              messages: [aMessage(number), aMessage(number)],
              clientId: null,
            });
            for (const id of ids) posted.add(id);
            const claim = await data.claims.create({
              queue,
              limit: 3,
              ttlSeconds: 600,
              graceSeconds: 60,
              clientId: null,
            });
            for (const { id } of claim.messages) {
              if (held.has(id) || done.has(id)) doubles.push(id);
              held.set(id, claim.claimId);
            }
            for (const { id } of claim.messages.slice(1)) {
              const outcome = await data.messages.delete({ queue, id, claimId: claim.claimId });
              if (outcome !== "deleted") doubles.push(`${id} was gone`);
              done.add(id);
              held.delete(id);
            }
            if (number % 3 === 0) {
              // Removed first: once the claim is released, another client may hold them.
              for (const [id, claimId] of held) if (claimId === claim.claimId) held.delete(id);
              await data.claims.delete({ queue, id: claim.claimId });
            }
          } catch (error) {
            failures.push(error);
            running = false;
          }
        }
      };
      const clients = Array.from({ length: 8 }, (_, number) => client(number));
      await expect.poll(() => done.size).toBeGreaterThan(50);
      const pauses: number[] = [];
      for (const target of ["right", "left", "right"] as const) {
        const report = await move(queue, target);
        pauses.push(report?.pauseMs ?? Number.NaN);
        const until = done.size + 50;
        await expect.poll(() => done.size > until || !running).toBe(true);
      }
      running = false;
      await Promise.all(clients);
      expect(failures).toEqual([]);
      expect(doubles).toEqual([]);
      const left = await readAll(two.one.data, queue, 1000);
      expect(new Set(idsOf(left)).size).toBe(left.length);
      expect(new Set([...done, ...idsOf(left)])).toEqual(posted);
      for (const id of done) expect(left.some((message) => message.id === id)).toBe(false);
      for (const message of left) expect(message.claim?.id ?? null).toBe(held.get(message.id) ?? null);
      const markers = left.map((message) => BigInt(message.marker));
      expect(markers).toEqual(markers.toSorted((a, b) => (a < b ? -1 : 1)));
      console.info(
        `${name}: ${posted.size} posted, pauses of ${pauses.map((pause) => pause.toFixed(0)).join(", ")} ms`,
      );
      for (const pause of pauses) expect(pause).toBeLessThan(1000);
    });
  });
}
