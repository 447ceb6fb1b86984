import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LifeEvent, MAX_LIFE_EVENTS } from "../../server/storage/messages/message-life.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { advance, aMessage, claim, type DataDriverHarness, type OpenDataDriver, post } from "./harness.ts";

const HOUR = 3600;

/** An event in words: its kind, who, after how many deliveries, and the other queue. */
export function inWords({ kind, clientId, deliveries, otherQueue }: LifeEvent): string {
  const by = clientId === null ? "" : ` by ${clientId}`;
  const count = deliveries === null ? "" : ` #${deliveries}`;
  return `${kind}${by}${count}${otherQueue === null ? "" : ` ${otherQueue}`}`;
}

/** What queues keep of single messages. */
export function describeLives(name: string, open: OpenDataDriver): void {
  describe(`lives of messages on ${name}`, () => {
    let harness: DataDriverHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());
    const driver = () => harness.driver;

    const keeping = async (seconds = HOUR) => {
      const queue = await harness.newQueue();
      await driver().lives.keep({ queue, seconds });
      return queue;
    };
    const read = async (queue: QueueRef, id: string) =>
      (await harness.neighbour.lives.read({ queue, ids: [id] }))?.lives[0]?.events ?? null;
    const words = async (queue: QueueRef, id: string) => (await read(queue, id))?.map(inWords);
    const one = async (queue: QueueRef, changes: Parameters<typeof aMessage>[1] = {}) => {
      const messages = [aMessage(1, changes)];
      const { ids } = await driver().messages.post({ queue, messages, clientId: "poster 1" });
      return ids[0] as string;
    };

    it("a queue keeps nothing until it is asked to, and forgets all when that ends", async () => {
      const queue = await harness.newQueue();
      const before = await one(queue);
      expect(await driver().lives.read({ queue, ids: [before] })).toBeNull();
      await driver().lives.keep({ queue, seconds: HOUR });
      const after = await one(queue);
      const kept = await driver().lives.read({ queue, ids: [before, after, "no id"] });
      expect(kept).toMatchObject({
        seconds: HOUR,
        lives: [{ events: [] }, { events: [{ kind: "posted" }] }, { events: [] }],
      });
      await driver().lives.keep({ queue, seconds: 2 * HOUR });
      const longer = await driver().lives.read({ queue, ids: [after] });
      expect(longer).toMatchObject({
        seconds: 2 * HOUR,
        since: kept?.since,
        lives: [{ events: [{ kind: "posted" }] }],
      });
      await driver().lives.keep({ queue, seconds: 0 });
      await driver().lives.keep({ queue, seconds: 0 });
      expect(await driver().lives.read({ queue, ids: [after] })).toBeNull();
      const unseen = await one(queue);
      await driver().lives.keep({ queue, seconds: HOUR });
      expect([await words(queue, after), await words(queue, unseen)]).toEqual([[], []]);
      expect(await words(queue, await one(queue))).toEqual(["posted by poster 1"]);
    });

    it("a life tells who posted, claimed, renewed, released and deleted the message, and when", async () => {
      const queue = await keeping();
      const id = await one(queue);
      const first = await claim(harness, queue, { clientId: "worker 1, 100%", actor: "ann", ttlSeconds: 30 });
      await driver().claims.update({ queue, id: first.claimId, ttlSeconds: 60, graceSeconds: 0 });
      await driver().claims.delete({ queue, id: first.claimId });
      const second = await claim(harness, queue, { clientId: null, actor: "bob" });
      await driver().claims.releaseMessages({ queue, claimId: second.claimId, ids: [id], delaySeconds: 60 });
      advance(harness, 60);
      const third = await claim(harness, queue, { clientId: "worker 2" });
      await driver().messages.delete({ queue, id, claimId: third.claimId });
      const events = (await read(queue, id)) ?? [];
      expect(events.map(inWords)).toEqual([
        "posted by poster 1",
        "claimed by worker 1, 100% #1",
        "renewed by worker 1, 100% #1",
        "released by worker 1, 100%",
        "claimed #2",
        "released",
        "claimed by worker 2 #3",
        "deleted by worker 2 #3",
      ]);
      const [posted, claimed, renewed, released, again, delayed, , deleted] = events as LifeEvent[];
      expect(posted).toMatchObject({ claimId: null, until: null, actor: null });
      expect(claimed).toMatchObject({ claimId: first.claimId, actor: "ann", until: first.claim?.expiresAt });
      expect(Number(renewed?.until) - Number(renewed?.at)).toBeGreaterThan(59_000);
      expect(released).toMatchObject({ claimId: first.claimId, until: null });
      expect(again).toMatchObject({ claimId: second.claimId, actor: "bob" });
      expect(Number(delayed?.until) - Number(delayed?.at)).toBeGreaterThan(55_000);
      expect(deleted).toMatchObject({ claimId: third.claimId });
      const times = events.map(({ at }) => at.getTime());
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    });

    it("a claim that lapses and a message that expires are told at once, with their own times, and once", async () => {
      const queue = await keeping();
      const id = await one(queue, { ttlSeconds: 100 });
      const held = await claim(harness, queue, { clientId: "worker 1", ttlSeconds: 10, graceSeconds: 0 });
      advance(harness, 11);
      const lapsed = ["posted by poster 1", "claimed by worker 1 #1", "lapsed by worker 1"];
      expect(await words(queue, id)).toEqual(lapsed);
      expect((await read(queue, id))?.at(-1)).toMatchObject({ at: held.claim?.expiresAt, claimId: held.claimId });
      await claim(harness, queue, { clientId: "worker 2", ttlSeconds: 10, graceSeconds: 0 });
      const [message] = await driver().messages.bulkGet({ queue, ids: [id] });
      advance(harness, 100);
      const expired = [...lapsed, "claimed by worker 2 #2", "lapsed by worker 2", "expired #2"];
      expect(await words(queue, id)).toEqual(expired);
      await driver().gc();
      expect(await words(queue, id)).toEqual(expired);
      expect((await read(queue, id))?.at(-1)?.at).toEqual(message?.expiresAt);
    });

    it("a life says how the message went: popped, deleted by nobody's claim, purged", async () => {
      const queue = await keeping();
      const [popped, keyed] = [await one(queue), await one(queue)];
      await driver().messages.pop({ queue, limit: 1 });
      await driver().messages.pop({ queue, limit: 1, idempotencyKey: "once" });
      const deleted = await one(queue);
      await driver().messages.bulkDelete({ queue, ids: [deleted] });
      const before = [await one(queue), await one(queue)] as const;
      const held = await claim(harness, queue, { limit: 1, clientId: "w" });
      const bound = (await driver().messages.get({ queue, id: before[1] })).marker;
      await driver().messages.purge({ queue, before: { marker: bound } });
      const told = ["posted by poster 1", "claimed by w #1", "purged #1"];
      expect(held.messages[0]?.id).toBe(before[0]);
      expect(await words(queue, before[0])).toEqual(told);
      await driver().messages.purge({ queue });
      const later = await one(queue);
      const rest = async () => [
        await words(queue, popped),
        await words(queue, keyed),
        await words(queue, deleted),
        await words(queue, before[0]),
        await words(queue, before[1]),
        await words(queue, later),
      ];
      const posted = "posted by poster 1";
      const expected = [
        [posted, "popped #0"],
        [posted, "popped #0"],
        [posted, "deleted #0"],
        told,
        [posted, "purged #0"],
        [posted],
      ];
      expect(await rest()).toEqual(expected);
      advance(harness, 40);
      await driver().gc();
      expect(await rest()).toEqual(expected);
    });

    it("a transfer is told in both queues, also where only one of them keeps lives", async () => {
      const queue = await keeping();
      const dead = await harness.newQueueBeside(queue);
      const moving = async (from: QueueRef, to: QueueRef, id: string) => {
        const { claimId } = await claim(harness, from, { clientId: "mover", deadLettersFrom: 1 });
        return driver().messages.transfer({ from, to, ids: [id], claimId, ttlSeconds: null, as: "deadLetter" });
      };
      const id = await one(queue);
      const { claimId } = await claim(harness, queue, { clientId: "worker" });
      await driver().claims.delete({ queue, id: claimId });
      expect(await moving(queue, dead, id)).toEqual([id]);
      const buried = ["posted by poster 1", "claimed by worker #1", "released by worker"];
      // To another store, the source does not know where the message goes, but knows who held it.
      expect((await words(queue, id))?.slice(0, 3)).toEqual(buried);
      expect((await read(queue, id))?.at(3)).toMatchObject({ kind: "deadLettered", deliveries: 1 });
      expect(await driver().lives.read({ queue: dead, ids: [id] })).toBeNull();

      await driver().lives.keep({ queue: dead, seconds: HOUR });
      const { claimId: again } = await claim(harness, dead, { clientId: "redriver" });
      const back = { from: dead, to: queue, ids: [id], claimId: again, ttlSeconds: null, as: "redrive" as const };
      expect(await driver().messages.transfer(back)).toHaveLength(1);
      const kinds = async (of: QueueRef) => (await read(of, id))?.map(({ kind }) => kind);
      expect((await kinds(queue))?.slice(3)).toEqual(["deadLettered", "arrived"]);
      expect((await read(queue, id))?.at(-1)).toMatchObject({ kind: "arrived", otherQueue: dead.name });
      const [given, gone] = (await kinds(dead)) ?? [];
      expect([given, gone]).toEqual(["claimed", "moved"]);

      expect(await moving(queue, dead, id)).toEqual([id]);
      expect((await read(dead, id))?.at(-1)).toMatchObject({ kind: "arrived", otherQueue: queue.name });
      await driver().messages.bulkDelete({ queue: dead, ids: [id] });
      expect((await kinds(dead))?.slice(2)).toEqual(["arrived", "deleted"]);
    });

    it("lives of one queue cost others nothing, and know nothing of their messages", async () => {
      const queue = await keeping();
      const other = await harness.newQueueBeside(queue);
      const [id] = await post(harness, other, 1);
      expect(await words(queue, id as string)).toEqual([]);
      const beside = await keeping();
      const mine = await one(queue);
      expect(await words(beside, mine)).toEqual([]);
      expect(await words(queue, mine)).toEqual(["posted by poster 1"]);
      const asked = [queue, other, { ...queue, name: "missing" }, beside].map((one) => ({
        ...one,
        ids: [mine, "no id"],
      }));
      expect(await driver().batch.lives({ queues: asked })).toMatchObject([
        { lives: [{ events: [{ kind: "posted" }] }, { events: [] }] },
        null,
        { code: "QUEUE_DOES_NOT_EXIST" },
        { lives: [{ events: [] }, { events: [] }] },
      ]);
    });

    it("each event is kept for the queue's time, and gc frees what is over", async () => {
      const queue = await keeping(60);
      const id = await one(queue);
      advance(harness, 61);
      await driver().gc();
      expect(await words(queue, id)).toEqual([]);
      const { claimId } = await claim(harness, queue, { clientId: "worker" });
      expect(await words(queue, id)).toEqual(["claimed by worker #1"]);
      await driver().messages.delete({ queue, id, claimId });
      expect((await words(queue, id))?.at(-1)).toBe("deleted by worker #1");
    });

    it("a long life keeps its beginning and its end, and says that it was cut", async () => {
      const queue = await keeping();
      const id = await one(queue);
      for (let round = 0; round < MAX_LIFE_EVENTS / 2; round += 1) {
        const { claimId } = await claim(harness, queue, { clientId: "worker" });
        await driver().claims.delete({ queue, id: claimId });
      }
      const [life] = (await driver().lives.read({ queue, ids: [id] }))?.lives ?? [];
      expect(life).toMatchObject({ cut: true, events: { length: MAX_LIFE_EVENTS } });
      expect(life?.events[0]?.kind).toBe("posted");
      expect(life?.events[1]?.deliveries).toBe(1);
      expect(life?.events.at(-2)?.deliveries).toBe(MAX_LIFE_EVENTS / 2);
    });

    it("lives are told in the same way when many calls run at the same time", async () => {
      const queue = await keeping();
      const { ids } = await driver().messages.post({
        queue,
        messages: Array.from({ length: 60 }, (_, index) => aMessage(index)),
        clientId: "poster 1",
      });
      await Promise.all(
        Array.from({ length: 12 }, async (_, index) => {
          const by = index % 2 === 0 ? harness.driver : harness.neighbour;
          const held = await by.claims.create({
            queue,
            limit: 5,
            ttlSeconds: 60,
            graceSeconds: 0,
            clientId: `worker ${index}`,
          });
          await Promise.all(
            held.messages.map((message) => by.messages.delete({ queue, id: message.id, claimId: held.claimId })),
          );
        }),
      );
      const kept = await driver().lives.read({ queue, ids });
      for (const { events } of kept?.lives ?? []) {
        const [posted, claimed, deleted] = events;
        expect(events).toHaveLength(3);
        expect([posted?.kind, claimed?.kind, deleted?.kind]).toEqual(["posted", "claimed", "deleted"]);
        expect(deleted).toMatchObject({ clientId: claimed?.clientId, claimId: claimed?.claimId });
      }
      expect(kept?.lives).toHaveLength(60);
    });

    it("a queue that is deleted takes its lives along", async () => {
      const queue = await keeping();
      const id = await one(queue);
      await driver().detachQueue(queue);
      await driver().gc();
      advance(harness, 40);
      await driver().gc();
      const again = await harness.newQueue();
      await driver().lives.keep({ queue: again, seconds: HOUR });
      expect(await words(again, id)).toEqual([]);
      expect(await words(again, await one(again))).toEqual(["posted by poster 1"]);
    });
  });
}
