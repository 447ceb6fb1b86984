import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DataDriver } from "../../server/storage/data-driver.ts";
import { transferInSteps } from "../../server/storage/messages/transfer-steps.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import type { Undoable } from "../../server/storage/undo/queue-undo.ts";
import {
  advance,
  bodies,
  claim,
  type DataDriverHarness,
  idsOf,
  type OpenDataDriver,
  post,
  readAll,
} from "./harness.ts";
import { inWords } from "./lives.suite.ts";
import { followed, killed, STEPS, transferBetween } from "./transfers.suite.ts";

const FIRST = 1;
const IS_OVER = { code: "UNDO_IS_OVER", details: { because: "gone" } };

/** Nothing is left of what was removed. */
const ifOver = (error: unknown) => expect(error).toMatchObject(IS_OVER);

/** Bringing back what was removed, on drivers without the pooling driver in front. */
export function describeUndo(name: string, open: OpenDataDriver): void {
  describe(`undo on ${name}`, () => {
    let harness: DataDriverHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());

    const restore = (queue: QueueRef, token: string, what: Undoable, { driver = harness.driver, from = FIRST } = {}) =>
      driver.undo?.restore({ queue: { ...queue, epoch: from }, token, what, newEpoch: from + 1 });
    const read = (queue: QueueRef, epoch: number, driver: DataDriver = harness.driver) =>
      readAll(driver, { ...queue, epoch });
    const positions = (messages: readonly { id: string; marker: string }[]) =>
      messages.map(({ id, marker }) => ({ id, marker }));
    /** Purges, in an epoch. Returns the token. */
    const purge = async (
      queue: QueueRef,
      params: Omit<Parameters<DataDriver["messages"]["purge"]>[0], "queue" | "undoToken"> = {},
    ) => {
      const undoToken = randomUUID();
      await harness.driver.messages.purge({ queue, undoToken, ...params });
      return undoToken;
    };

    it("what was purged comes back in its place, unclaimed, and what was posted and claimed since stays", async () => {
      const queue = await harness.newQueue();
      await post(harness, queue, 5);
      await post(harness, queue, 1, { delaySeconds: 500 });
      const before = await readAll(harness.driver, queue);
      const lost = await claim(harness, queue, { limit: 2 });
      const undoToken = await purge(queue);
      const later = await post(harness, queue, 3);
      const held = await claim(harness, queue, { limit: 1 });
      expect(await restore(queue, undoToken, "purge", { driver: harness.neighbour })).toEqual({ messages: 6 });

      const after = await read(queue, 2);
      expect(positions(after)).toEqual([...positions(before), ...positions(after.slice(6))]);
      expect(idsOf(after.slice(6))).toEqual(later);
      expect(after.map(({ claim: one }) => one?.id ?? null)).toEqual([
        ...Array<null>(6).fill(null),
        held.claimId,
        null,
        null,
      ]);
      const now = { ...queue, epoch: 2 };
      await expect(harness.driver.claims.get({ queue: now, id: lost.claimId })).rejects.toMatchObject({
        code: "CLAIM_DOES_NOT_EXIST",
      });
      const [stats] = await harness.driver.messages.stats([{ ...now, exhaustedFrom: null }]);
      expect(stats).toMatchObject({ ready: 7, claimed: 1, delayed: 1 });
      expect(bodies((await claim(harness, now, { limit: 10 })).messages)).toEqual([0, 1, 2, 3, 4, 1, 2]);
      await harness.driver.messages.bulkDelete({ queue: now, ids: idsOf(held.messages), claimIds: [held.claimId] });
    });

    it("a call with the former epoch is refused, in every process, and one with the new epoch sees old and new", async () => {
      const queue = await harness.newQueue();
      const ids = await post(harness, queue, 3);
      const old = { ...queue, epoch: FIRST };
      await readAll(harness.neighbour, old);
      await harness.neighbour.messages.pop({ queue: old, limit: 1 });
      const undoToken = await purge(old);
      await post(harness, old, 1);
      await claim(harness, old);
      await restore(queue, undoToken, "purge");
      const stale = { code: "QUEUE_EPOCH_STALE" };
      for (const driver of [harness.driver, harness.neighbour]) {
        await expect(driver.messages.list({ queue: old, page: { limit: 1 } })).rejects.toMatchObject(stale);
        await expect(driver.messages.pop({ queue: old, limit: 1 })).rejects.toMatchObject(stale);
        await expect(driver.messages.purge({ queue: old })).rejects.toMatchObject(stale);
        expect(idsOf(await read(queue, 2, driver)).slice(0, 2)).toEqual(ids.slice(1));
      }
    });

    it("a repeat changes nothing, and an attach with the new epoch finds the queue as it is", async () => {
      const queue = await harness.newQueue();
      const ids = await post(harness, queue, 2);
      const undoToken = await purge(queue);
      await restore(queue, undoToken, "purge");
      await harness.driver.messages.delete({ queue: { ...queue, epoch: 2 }, id: ids[0] as string });
      expect(await restore(queue, undoToken, "purge", { driver: harness.neighbour })).toEqual({ messages: null });
      await harness.driver.attachQueue({ ...queue, epoch: 2 });
      expect(idsOf(await read(queue, 2))).toEqual(ids.slice(1));
      await expect(restore(queue, undoToken, "purge", { from: 2 })).rejects.toMatchObject(IS_OVER);
    });

    it("many messages come back beside many that were posted since", async () => {
      const queue = await harness.newQueue();
      const ids = [...(await post(harness, queue, 900)), ...(await post(harness, queue, 400))];
      await claim(harness, queue, { limit: 700 });
      const undoToken = await purge(queue);
      ids.push(...(await post(harness, queue, 600)));
      expect(await restore(queue, undoToken, "purge")).toEqual({ messages: 1300 });
      const now = { ...queue, epoch: 2 };
      expect(idsOf(await readAll(harness.driver, now, 1000))).toEqual(ids);
      expect(idsOf((await claim(harness, now, { limit: 2000 })).messages)).toEqual(ids);
    });

    it("the beginning that was purged comes back before the rest", async () => {
      const queue = await harness.newQueue();
      const ids = [...(await post(harness, queue, 600)), ...(await post(harness, queue, 3))];
      const all = await readAll(harness.driver, queue, 1000);
      const held = await claim(harness, queue, { limit: 602 });
      const undoToken = await purge(queue, { before: { marker: all[601]?.marker as string } });
      expect(idsOf(await readAll(harness.driver, queue))).toEqual(ids.slice(601));
      expect(await restore(queue, undoToken, "purge")).toEqual({ messages: 601 });
      const after = await readAll(harness.driver, { ...queue, epoch: 2 }, 1000);
      expect(positions(after)).toEqual(positions(all));
      expect(after.filter(({ claim: one }) => one !== null).map(({ id }) => id)).toEqual([ids[601]]);
      const { claim: rest } = await harness.driver.claims.get({ queue: { ...queue, epoch: 2 }, id: held.claimId });
      expect(rest.messageCount).toBe(1);
    });

    it("only the last purge can be taken back, and what an earlier one removed stays away", async () => {
      const queue = await harness.newQueue();
      await post(harness, queue, 2);
      const first = await purge(queue);
      const ids = await post(harness, queue, 2);
      const second = await purge(queue);
      await expect(restore(queue, first, "purge")).rejects.toMatchObject(IS_OVER);
      expect(await restore(queue, second, "purge")).toEqual({ messages: 2 });
      expect(idsOf(await read(queue, 2))).toEqual(ids);
      await harness.driver.gc();
      advance(harness, 31);
      await harness.driver.gc();
      expect(idsOf(await read(queue, 2))).toEqual(ids);
      await harness.driver.messages.purge({ queue: { ...queue, epoch: 2 } });
      await expect(restore(queue, second, "purge", { from: 2 })).rejects.toMatchObject(IS_OVER);
    });

    it("gc keeps what can be taken back until the window is over, and frees it then", async () => {
      const [kept, freed] = [await harness.newQueue(), await harness.newQueue()];
      const ids = await post(harness, kept, 2);
      await post(harness, freed, 2);
      const late = await purge(freed);
      advance(harness, 20);
      const early = await purge(kept);
      advance(harness, 15);
      await harness.driver.gc();
      await expect(restore(freed, late, "purge")).rejects.toMatchObject(IS_OVER);
      await restore(kept, early, "purge");
      advance(harness, 100);
      await harness.driver.gc();
      expect(idsOf(await read(kept, 2))).toEqual(ids);
    });

    /** What removes the messages of a transfer while it is under way, and what takes that back. */
    const removals = {
      purge: (queue: QueueRef) => purge(queue),
      messages: async (queue: QueueRef, ids: readonly string[]) => {
        const undoToken = randomUUID();
        await harness.driver.messages.bulkDelete({ queue, ids, undoToken });
        return undoToken;
      },
    };

    it("messages that are removed in the middle of their transfer to another store are there once after an undo", async () => {
      for (const what of ["purge", "messages"] as const) {
        for (const [index, at] of STEPS.slice(0, -1).entries()) {
          for (const later of [...STEPS.slice(index), "end"] as const) {
            const from = await harness.newQueue();
            const to = await harness.newQueueBeside(from);
            const ids = await post(harness, from, 2);
            let token = "";
            const remove = async () => {
              token = await removals[what](from, ids);
              if (later === at) await undo();
            };
            const undo = async () => void (await restore(from, token, what)?.catch(ifOver));
            const { params, steps } = transferBetween(harness.driver, from, to, { ids, key: "once" });
            await transferInSteps(params, followed(steps, { ...(later !== "end" && { [later]: undo }), [at]: remove }));
            // Some transfers do not come as far as that. A repeat changes nothing.
            await undo();
            const free = [...(await claim(harness, from)).messages, ...(await claim(harness, to)).messages];
            const all = [...(await readAll(harness.driver, from)), ...(await readAll(harness.driver, to))];
            const found = [idsOf(free).toSorted(), idsOf(all).toSorted()];
            expect(found, `${what} after ${at}, undone after ${later}`).toEqual(Array(2).fill(ids.toSorted()));
          }
        }
      }
    });

    it("so they are when the transfer is killed, and repeated before or after the undo", async () => {
      for (const what of ["purge", "messages"] as const) {
        for (const repeatFirst of [true, false]) {
          const from = await harness.newQueue();
          const to = await harness.newQueueBeside(from);
          const ids = await post(harness, from, 2);
          const { params, steps } = transferBetween(harness.driver, from, to, { ids, key: "once" });
          await expect(transferInSteps(params, followed(steps, { adopt: killed }))).rejects.toThrow("killed");
          const token = await removals[what](from, ids);
          if (repeatFirst) await transferInSteps(params, steps);
          await restore(from, token, what)?.catch(ifOver);
          if (!repeatFirst) await transferInSteps(params, steps);
          expect(await readAll(harness.driver, from)).toEqual([]);
          expect(idsOf((await claim(harness, to)).messages)).toEqual(ids);
        }
      }
    });

    it("a message that has expired since does not come back", async () => {
      const queue = await harness.newQueue();
      await post(harness, queue, 1, { ttlSeconds: 60 });
      const [lasting] = await post(harness, queue, 1);
      advance(harness, 50);
      const undoToken = await purge(queue);
      advance(harness, 20);
      expect(await restore(queue, undoToken, "purge")).toEqual({ messages: 1 });
      expect(idsOf(await read(queue, 2))).toEqual([lasting]);
    });

    it("idempotency keys stay: a repeated post adds nothing after the undo", async () => {
      const queue = await harness.newQueue();
      const message = [{ bodyText: "1", ttlSeconds: 600, delaySeconds: 0 }];
      const once = { messages: message, clientId: null, idempotencyKey: "once" };
      const { ids } = await harness.driver.messages.post({ queue, ...once });
      const undoToken = await purge(queue, { idempotencyKey: "purge" });
      await restore(queue, undoToken, "purge");
      const now = { ...queue, epoch: 2 };
      expect(await harness.driver.messages.post({ queue: now, ...once })).toEqual({ ids });
      expect(await harness.driver.messages.purge({ queue: now, idempotencyKey: "purge" })).toEqual({ messages: 1 });
      expect(idsOf(await read(queue, 2))).toEqual(ids);
    });

    it("deleted messages come back in their places, with headers and counts, held by nobody", async () => {
      const queue = await harness.newQueue();
      await post(harness, queue, 3, { headers: { trace: "a" } });
      await post(harness, queue, 1, { delaySeconds: 500 });
      const { messages, claimId } = await claim(harness, queue, { limit: 2 });
      const all = await readAll(harness.driver, queue);
      const old = { ...queue, epoch: FIRST };
      await readAll(harness.neighbour, old);
      const undoToken = randomUUID();
      const ids = idsOf(all);
      const bulkDelete = (some: string[], claimed: "delete" | "refuse" | "spare") =>
        harness.driver.messages.bulkDelete({ queue: old, ids: some, claimed, undoToken });
      await expect(bulkDelete(ids, "refuse")).rejects.toMatchObject({ code: "MESSAGE_IS_CLAIMED" });
      expect(await bulkDelete(ids.slice(1), "spare")).toEqual({ deleted: 2, left: [ids[1]] });
      expect(await bulkDelete(ids, "delete")).toEqual({ deleted: 2, left: [] });
      const later = await post(harness, old, 1);
      expect(await restore(queue, undoToken, "messages")).toEqual({ messages: 4 });
      for (const driver of [harness.driver, harness.neighbour]) {
        const after = await read(queue, 2, driver);
        expect(after.map(({ claim: _, lastClaimId: __, ageSeconds: ___, ...message }) => message)).toEqual([
          ...all.map(({ claim: _, lastClaimId: __, ageSeconds: ___, ...message }) => message),
          expect.objectContaining({ id: later[0] }),
        ]);
        expect(after.map(({ claim: one }) => one)).toEqual(Array(5).fill(null));
      }
      const now = { ...queue, epoch: 2 };
      expect(idsOf((await claim(harness, now)).messages)).toEqual([...idsOf(messages), ids[2], later[0]]);
      await expect(harness.driver.claims.get({ queue: now, id: claimId })).rejects.toMatchObject({
        code: "CLAIM_DOES_NOT_EXIST",
      });
      expect(await restore(queue, undoToken, "messages")).toEqual({ messages: null });
    });

    it("a deleted message that comes back was deleted and restored in its life, not posted again", async () => {
      const queue = await harness.newQueue();
      await harness.driver.lives.keep({ queue, seconds: 3600 });
      const ids = await post(harness, queue, 1);
      await claim(harness, queue, { clientId: "worker" });
      const undoToken = randomUUID();
      await harness.driver.messages.bulkDelete({ queue, ids, undoToken });
      await restore(queue, undoToken, "messages");
      const now = { ...queue, epoch: 2 };
      await claim(harness, now, { clientId: "worker" });
      const kept = await harness.neighbour.lives.read({ queue: now, ids });
      expect(kept?.lives[0]?.events.map(inWords)).toEqual([
        "posted",
        "claimed by worker #1",
        "deleted by worker #1",
        "restored #1",
        "claimed by worker #2",
      ]);
    });

    it("what two deletes removed comes back one after the other, and the claims of the rest stay", async () => {
      const queue = await harness.newQueue();
      const ids = await post(harness, queue, 4);
      const held = await claim(harness, queue, { limit: 1 });
      const [first, second] = [randomUUID(), randomUUID()];
      await harness.driver.messages.bulkDelete({ queue, ids: ids.slice(1, 2), undoToken: first });
      await harness.driver.messages.bulkDelete({ queue, ids: ids.slice(2, 3), undoToken: second });
      await restore(queue, second, "messages");
      await restore(queue, first, "messages", { from: 2 });
      expect(idsOf(await read(queue, 3))).toEqual(ids);
      const now = { ...queue, epoch: 3 };
      expect(await harness.driver.messages.delete({ queue: now, id: ids[0] as string, claimId: held.claimId })).toBe(
        "deleted",
      );
      await expect(restore(queue, first, "messages", { from: 3 })).rejects.toMatchObject(IS_OVER);
    });

    it("gc frees deleted messages once their window is over", async () => {
      const queue = await harness.newQueue();
      const ids = await post(harness, queue, 2);
      const undoToken = randomUUID();
      await harness.driver.messages.bulkDelete({ queue, ids, undoToken });
      advance(harness, 100);
      await harness.driver.gc();
      await expect(restore(queue, undoToken, "messages")).rejects.toMatchObject(IS_OVER);
    });

    it("gc keeps all that was deleted under a token until the window of the last of it is over", async () => {
      const queue = await harness.newQueue();
      const ids = await post(harness, queue, 2);
      const undoToken = randomUUID();
      await harness.driver.messages.bulkDelete({ queue, ids: ids.slice(0, 1), undoToken });
      advance(harness, 80);
      await harness.driver.messages.bulkDelete({ queue, ids: ids.slice(1), undoToken });
      advance(harness, 25);
      await harness.driver.gc();
      expect(await restore(queue, undoToken, "messages")).toEqual({ messages: 2 });
      expect(idsOf(await read(queue, 2))).toEqual(ids);
    });

    it("a deleted queue comes back with its messages and keys, and only once", async () => {
      const queue = await harness.newQueue();
      const old = { ...queue, epoch: FIRST };
      const once = {
        messages: [{ bodyText: "7", ttlSeconds: 600, delaySeconds: 0 }],
        clientId: null,
        idempotencyKey: "k",
      };
      const { ids } = await harness.driver.messages.post({ queue: old, ...once });
      ids.push(...(await post(harness, old, 2)));
      await claim(harness, old, { limit: 2 });
      const undoToken = randomUUID();
      await harness.driver.detachQueue(old, undoToken);
      await harness.driver.detachQueue(old);
      await harness.driver.gc();
      expect(await restore(queue, undoToken, "queue", { driver: harness.neighbour })).toEqual({ messages: 3 });
      expect(await restore(queue, undoToken, "queue")).toEqual({ messages: null });
      const now = { ...queue, epoch: 2 };
      await harness.driver.messages.post({ queue: now, ...once });
      expect(idsOf((await claim(harness, now)).messages)).toEqual(ids);
    });

    it("a deleted queue does not come back over one of its name, nor after its window", async () => {
      const [again, gone] = [await harness.newQueue(), await harness.newQueue()];
      await post(harness, again, 1);
      const [first, second] = [randomUUID(), randomUUID()];
      await harness.driver.detachQueue({ ...again, epoch: FIRST }, first);
      await harness.driver.attachQueue({ ...again, epoch: 3 });
      await expect(restore(again, first, "queue")).rejects.toMatchObject(IS_OVER);
      expect(await read(again, 3)).toEqual([]);
      await harness.driver.detachQueue({ ...gone, epoch: FIRST }, second);
      advance(harness, 31);
      await harness.driver.gc();
      await expect(restore(gone, second, "queue")).rejects.toMatchObject(IS_OVER);
    });

    it("a queue that its pool never detached goes on in its new life", async () => {
      const queue = await harness.newQueue();
      const ids = await post(harness, queue, 2);
      expect(await restore(queue, randomUUID(), "queue")).toEqual({ messages: 2 });
      expect(idsOf(await read(queue, 2))).toEqual(ids);
    });
  });
}
