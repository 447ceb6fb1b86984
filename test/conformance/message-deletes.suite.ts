import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { DomainError } from "../../server/errors.ts";
import { advance, claim, type DataDriverHarness, idsOf, post, readAll, uniqueName } from "./harness.ts";

/** Cases of a suite whose harness `harness` gives: messages are deleted and purged. */
export function deleteCases(harness: () => DataDriverHarness): void {
  describe("deleting", () => {
    it("a delete removes an unclaimed message, and deleting a missing one is no error", async () => {
      const queue = await harness().newQueue();
      const [id] = (await post(harness(), queue, 1)) as [string];
      expect(await harness().driver.messages.delete({ queue, id })).toBe("deleted");
      expect(await harness().driver.messages.delete({ queue, id })).toBe("absent");
      expect(await harness().driver.messages.delete({ queue, id: "nonsense" })).toBe("absent");
      expect(await harness().driver.messages.delete({ queue, id, claimId: randomUUID() })).toBe("absent");
    });

    it("a claimed message is deleted only with the id of its own claim", async () => {
      const queue = await harness().newQueue();
      const [id, other] = (await post(harness(), queue, 2)) as [string, string];
      const mine = await claim(harness(), queue, { limit: 1 });
      const theirs = await claim(harness(), queue, { limit: 1 });
      const remove = (claimId?: string) =>
        harness().driver.messages.delete({ queue, id, ...(claimId === undefined ? {} : { claimId }) });
      await expect(remove()).rejects.toMatchObject({ code: "MESSAGE_IS_CLAIMED" });
      await expect(remove(theirs.claimId)).rejects.toMatchObject({ code: "MESSAGE_NOT_CLAIMED_BY" });
      await expect(remove(randomUUID())).rejects.toMatchObject({ code: "CLAIM_DOES_NOT_EXIST" });
      await expect(remove("nonsense")).rejects.toMatchObject({ code: "CLAIM_DOES_NOT_EXIST" });
      expect(await remove(mine.claimId)).toBe("deleted");
      await harness().driver.claims.delete({ queue, id: theirs.claimId });
      for (const free of [id, other]) {
        await expect(harness().driver.messages.delete({ queue, id: free, claimId: "nonsense" })).rejects.toMatchObject({
          code: "CLAIM_DOES_NOT_EXIST",
        });
      }
      await expect(harness().driver.messages.delete({ queue, id: other, claimId: mine.claimId })).rejects.toMatchObject(
        { code: "MESSAGE_NOT_CLAIMED" },
      );
    });

    it("a delete with the id of an expired claim removes nothing", async () => {
      const queue = await harness().newQueue();
      const [id] = (await post(harness(), queue, 1)) as [string];
      const late = await claim(harness(), queue, { ttlSeconds: 10 });
      advance(harness(), 10);
      const remove = () => harness().driver.messages.delete({ queue, id, claimId: late.claimId });
      await expect(remove()).rejects.toMatchObject({ code: "MESSAGE_NOT_CLAIMED" });
      const next = await claim(harness(), queue);
      await expect(remove()).rejects.toMatchObject({ code: "CLAIM_DOES_NOT_EXIST" });
      await expect(
        harness().driver.messages.bulkDelete({ queue, ids: [id], claimIds: [late.claimId] }),
      ).rejects.toMatchObject({ code: "MESSAGE_NOT_CLAIMED_BY" });
      expect(await harness().driver.messages.delete({ queue, id, claimId: next.claimId })).toBe("deleted");
    });

    it("a bulk delete removes claimed messages too, ignores unknown ids and returns how many it removed", async () => {
      const queue = await harness().newQueue();
      const ids = await post(harness(), queue, 4);
      await claim(harness(), queue, { limit: 2 });
      const asked = [...ids, randomUUID(), "nope", ids[0] as string];
      expect(await harness().driver.messages.bulkDelete({ queue, ids: asked })).toEqual({ deleted: 4, left: [] });
      expect((await harness().driver.messages.stats([queue]))[0]).toMatchObject({ total: 0, claimed: 0 });
    });

    it("a bulk delete that spares claimed messages removes the others, and names those that it left", async () => {
      const queue = await harness().newQueue();
      const ids = await post(harness(), queue, 3);
      const held = await claim(harness(), queue, { limit: 2, ttlSeconds: 60 });
      await post(harness(), queue, 1, { delaySeconds: 60 });
      const [delayed] = idsOf(await readAll(harness().driver, queue)).filter((id) => !ids.includes(id));
      const asked = [...ids.toReversed(), delayed as string, randomUUID(), "nope"];
      const remove = () => harness().neighbour.messages.bulkDelete({ queue, ids: asked, claimed: "spare" });
      const { deleted, left } = await remove();
      expect([deleted, left.toSorted()]).toEqual([2, ids.slice(0, 2).toSorted()]);
      expect((await harness().driver.claims.get({ queue, id: held.claimId })).messages).toHaveLength(2);
      advance(harness(), 60);
      expect(await remove()).toEqual({ deleted: 2, left: [] });
      expect(await remove()).toEqual({ deleted: 0, left: [] });
    });

    it("a bulk delete that refuses claimed messages removes all or nothing, and names the claimed ones", async () => {
      const queue = await harness().newQueue();
      const ids = await post(harness(), queue, 4);
      await claim(harness(), queue, { limit: 2, ttlSeconds: 60 });
      const remove = () => harness().driver.messages.bulkDelete({ queue, ids: ids.toReversed(), claimed: "refuse" });
      const refusal: DomainError = await remove().then(
        () => expect.unreachable(),
        (error) => error,
      );
      expect(refusal.code).toBe("MESSAGE_IS_CLAIMED");
      expect((refusal.details.messageIds as string[]).toSorted()).toEqual(ids.slice(0, 2).toSorted());
      expect(await readAll(harness().driver, queue)).toHaveLength(4);
      advance(harness(), 60);
      expect(await remove()).toEqual({ deleted: 4, left: [] });
    });

    it("a bulk delete that refuses claimed messages removes none that a concurrent claim took first", async () => {
      const queue = await harness().newQueue();
      const ids = await post(harness(), queue, 40);
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          const taken = harness().neighbour.claims.create({
            queue,
            limit: 2,
            ttlSeconds: 60,
            graceSeconds: 60,
            clientId: null,
          });
          const pair = ids.slice(index * 2, index * 2 + 2);
          const deleted = await harness()
            .driver.messages.bulkDelete({ queue, ids: pair, claimed: "refuse" })
            .then(
              () => pair,
              () => [],
            );
          return { deleted, claimed: idsOf((await taken).messages) };
        }),
      );
      const claimed = outcomes.flatMap((outcome) => outcome.claimed);
      const deleted = outcomes.flatMap((outcome) => outcome.deleted);
      expect(claimed.filter((id) => deleted.includes(id))).toEqual([]);
      expect(idsOf(await readAll(harness().driver, queue)).toSorted()).toEqual(
        ids.filter((id) => !deleted.includes(id)).toSorted(),
      );
    });

    it("a bulk delete with claim ids removes all or nothing", async () => {
      const queue = await harness().newQueue();
      const ids = await post(harness(), queue, 4);
      const mine = await claim(harness(), queue, { limit: 2 });
      const theirs = await claim(harness(), queue, { limit: 1 });
      for (const [asked, refused] of [
        [ids.slice(0, 3), [ids[2]]],
        [ids.slice(3), [ids[3]]],
        [ids, ids.slice(2)],
      ] as const) {
        const refusal = await harness()
          .driver.messages.bulkDelete({ queue, ids: asked, claimIds: [mine.claimId] })
          .catch((error: unknown) => error);
        const messageIds = expect.arrayContaining([...refused]);
        expect(refusal).toMatchObject({ code: "MESSAGE_NOT_CLAIMED_BY", details: { messageIds } });
        expect(refusal).toMatchObject({ details: { messageIds: { length: refused.length } } });
      }
      expect(await readAll(harness().driver, queue)).toHaveLength(4);
      const claimIds = [mine.claimId, theirs.claimId];
      expect(await harness().driver.messages.bulkDelete({ queue, ids: ids.slice(0, 3), claimIds })).toEqual({
        deleted: 3,
        left: [],
      });
    });

    it("concurrent deletes of different kinds in several queues are each judged on their own", async () => {
      const queues = [await harness().newQueue(), await harness().newQueue()];
      const { messages } = harness().driver;
      const outcomes = queues.map(async (queue) => {
        const [claimed, held, one, other, free, spare, bulk] = (await post(harness(), queue, 7)) as [
          string,
          ...string[],
        ];
        const claimIds: string[] = [];
        for (let time = 0; time < 4; time += 1) claimIds.push((await claim(harness(), queue, { limit: 1 })).claimId);
        const [mine, theirs, ...both] = claimIds;
        const pair = [one as string, other as string];
        return Promise.allSettled([
          messages.delete({ queue, id: free as string }),
          messages.delete({ queue, id: claimed }),
          messages.delete({ queue, id: held as string, claimId: theirs as string }),
          messages.delete({ queue, id: spare as string, claimId: mine as string }),
          messages.bulkDelete({ queue, ids: [bulk as string, randomUUID()] }),
          messages.bulkDelete({ queue, ids: [randomUUID(), claimed], claimed: "refuse" }),
          messages.bulkDelete({ queue, ids: pair, claimIds: both }),
          messages.delete({ queue, id: randomUUID() }),
        ]);
      });
      for (const outcome of await Promise.all(outcomes)) {
        expect(outcome.map((one) => (one.status === "fulfilled" ? one.value : one.reason.code))).toEqual([
          "deleted",
          "MESSAGE_IS_CLAIMED",
          "deleted",
          "MESSAGE_NOT_CLAIMED",
          { deleted: 1, left: [] },
          "MESSAGE_IS_CLAIMED",
          { deleted: 2, left: [] },
          "absent",
        ]);
      }
    });

    it("concurrent bulk deletes of the same messages meet no deadlock in any order, and one on a missing queue fails alone", async () => {
      const queue = await harness().newQueue();
      const ids = await post(harness(), queue, 60);
      const shuffled = (seed: number) =>
        ids.toSorted((a, b) => ((a.charCodeAt(17) * seed) % 7) - ((b.charCodeAt(17) * seed) % 7));
      const results = await Promise.allSettled([
        ...Array.from({ length: 10 }, (_, index) =>
          (index % 2 === 0 ? harness().driver : harness().neighbour).messages.bulkDelete({
            queue,
            ids: shuffled(index + 1),
            claimed: index % 3 === 0 ? "spare" : "delete",
          }),
        ),
        harness().driver.messages.delete({ queue: { project: "p", name: "missing" }, id: ids[0] as string }),
      ]);
      const deleted = results
        .slice(0, -1)
        .map((result) => (result.status === "fulfilled" ? result.value : result.reason));
      expect(deleted.reduce((sum, one) => sum + (typeof one === "string" ? 0 : one.deleted), 0)).toBe(60);
      expect(results.at(-1)).toMatchObject({ status: "rejected", reason: { code: "QUEUE_DOES_NOT_EXIST" } });
    });
  });

  describe("purging", () => {
    it("a purge removes every message, claimed ones too, ends their claims and never reuses a marker", async () => {
      const queue = await harness().newQueue();
      await post(harness(), queue, 12);
      const held = await claim(harness(), queue, { limit: 3 });
      const [last] = (await readAll(harness().driver, queue)).slice(-1);
      await harness().driver.messages.purge({ queue });
      expect(await readAll(harness().driver, queue)).toEqual([]);
      expect((await harness().driver.messages.stats([queue]))[0]).toMatchObject({ total: 0, claimed: 0 });
      await expect(harness().driver.claims.get({ queue, id: held.claimId })).rejects.toMatchObject({
        code: "CLAIM_DOES_NOT_EXIST",
      });
      const ids = await post(harness(), queue, 2);
      const after = await readAll(harness().driver, queue);
      expect(idsOf(after)).toEqual(ids);
      expect(BigInt(after[0]?.marker ?? 0)).toBeGreaterThan(BigInt(last?.marker ?? 0));
      await claim(harness(), queue);
      const withEnded = { queue, id: ids[0] as string, claimId: held.claimId };
      await expect(harness().driver.messages.delete(withEnded)).rejects.toMatchObject({ code: "CLAIM_DOES_NOT_EXIST" });
    });

    it("a purge repeated with its idempotency key spares messages that came later", async () => {
      const queue = await harness().newQueue();
      await post(harness(), queue, 2);
      await harness().driver.messages.purge({ queue, idempotencyKey: "once" });
      await post(harness(), queue, 1);
      await harness().driver.messages.purge({ queue, idempotencyKey: "once" });
      expect(await readAll(harness().driver, queue)).toHaveLength(1);
    });

    it("a purge returns how many messages it removed, and so does a repeat, but the key is not good for another purge", async () => {
      const queue = await harness().newQueue();
      await post(harness(), queue, 12);
      const { purge } = harness().driver.messages;
      expect(await purge({ queue, idempotencyKey: "k" })).toEqual({ messages: 12 });
      expect(await harness().neighbour.messages.purge({ queue, idempotencyKey: "k" })).toEqual({ messages: 12 });
      await expect(purge({ queue, before: { marker: "1" }, idempotencyKey: "k" })).rejects.toMatchObject({
        code: "IDEMPOTENCY_KEY_REUSED",
      });
      expect(await purge({ queue })).toEqual({ messages: 0 });
      const missing = { project: "p", name: uniqueName("missing") };
      for (const before of [undefined, { marker: "5" }, { time: new Date() }]) {
        const call = purge({ queue: missing, ...(before ? { before } : {}) });
        await expect(call).rejects.toMatchObject({ code: "QUEUE_DOES_NOT_EXIST" });
      }
      await expect(purge({ queue, before: { marker: "newest" } })).rejects.toMatchObject({ code: "BAD_INPUT" });
    });

    it("a purge before a marker spares that message and all later ones, and removes earlier ones in every state", async () => {
      const queue = await harness().newQueue();
      const ids = await post(harness(), queue, 6);
      const claims = [await claim(harness(), queue, { limit: 1 }), await claim(harness(), queue, { limit: 3 })];
      await post(harness(), queue, 1, { delaySeconds: 100 });
      const all = await readAll(harness().driver, queue);
      const marker = all[2]?.marker as string;
      expect(await harness().driver.messages.purge({ queue, before: { marker } })).toEqual({ messages: 2 });
      expect(idsOf(await readAll(harness().neighbour, queue))).toEqual(idsOf(all.slice(2)));
      const [stats] = await harness().driver.messages.stats([queue]);
      expect(stats).toMatchObject({ ready: 2, claimed: 2, delayed: 1, total: 5 });
      // The first claim held one message only, the second keeps those behind the bound.
      const [first, second] = claims.map(({ claimId: id }) => ({ queue, id }));
      await expect(harness().driver.claims.get(first as never)).rejects.toMatchObject({ code: "CLAIM_DOES_NOT_EXIST" });
      const rest = await harness().driver.claims.get(second as never);
      expect([idsOf(rest.messages), rest.claim.messageCount]).toEqual([ids.slice(2, 4), 2]);
      expect(await harness().driver.messages.bulkGet({ queue, ids: ids.slice(0, 2) })).toEqual([]);
      expect(await harness().driver.messages.purge({ queue, before: { marker } })).toEqual({ messages: 0 });
      expect(await harness().driver.messages.purge({ queue, before: { marker: "0" } })).toEqual({ messages: 0 });
      const popped = await harness().driver.messages.pop({ queue, limit: 10 });
      expect(idsOf(popped)).toEqual(ids.slice(4));
    });

    it("a purge before a marker that nobody has got yet removes what is there, and nothing that comes later", async () => {
      const queue = await harness().newQueue();
      await post(harness(), queue, 3);
      const before = { marker: "9000000000000000000" };
      expect(await harness().driver.messages.purge({ queue, before, idempotencyKey: "k" })).toEqual({ messages: 3 });
      const later = await post(harness(), queue, 2);
      expect(await harness().driver.messages.purge({ queue, before, idempotencyKey: "k" })).toEqual({ messages: 3 });
      expect(idsOf(await readAll(harness().driver, queue))).toEqual(later);
    });

    it("a purge before a time of any year removes nothing when it is long ago, and all when it is far ahead", async () => {
      const { purge } = harness().driver.messages;
      const queue = await harness().newQueue();
      const bound = (time: string | number) => ({ queue, before: { time: new Date(time) } });
      for (const [early, late] of [
        ["0000-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00"],
        ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999Z"],
        [-8.64e15, 8.64e15],
      ] as const) {
        await post(harness(), queue, 3);
        expect(await purge({ ...bound(early), idempotencyKey: String(early) })).toEqual({ messages: 0 });
        expect(await purge(bound(late))).toEqual({ messages: 3 });
      }
    });

    it("a purge before a time removes the messages that were posted before it", async () => {
      const queue = await harness().newQueue();
      for (let round = 0; round < 5; round += 1) {
        await post(harness(), queue, 7);
        advance(harness(), 10);
      }
      // One of the first is gone already, and so is the last of all.
      const all = await readAll(harness().driver, queue);
      await harness().driver.messages.bulkDelete({ queue, ids: [all[3]?.id as string, all[34]?.id as string] });
      const { purge } = harness().driver.messages;
      const time = all[14]?.createdAt as Date;
      expect(await purge({ queue, before: { time: new Date(0) } })).toEqual({ messages: 0 });
      expect(await purge({ queue, before: { time } })).toEqual({ messages: 13 });
      expect(idsOf(await readAll(harness().driver, queue))).toEqual(idsOf(all.slice(14, 34)));
      expect(await purge({ queue, before: { time } })).toEqual({ messages: 0 });
      expect(await purge({ queue, before: { time: new Date(Number(all[34]?.createdAt) + 1000) } })).toEqual({
        messages: 20,
      });
      expect(await post(harness(), queue, 1)).toEqual(idsOf(await readAll(harness().driver, queue)));
    });

    it("a purge before a marker removes many messages, and repeated with its key no later ones", async () => {
      const queue = await harness().newQueue();
      await post(harness(), queue, 1700);
      await claim(harness(), queue, { limit: 3 });
      const kept = await post(harness(), queue, 2);
      const { marker } = await harness().driver.messages.get({ queue, id: kept[0] as string });
      const params = { queue, before: { marker }, idempotencyKey: "k" };
      expect(await harness().driver.messages.purge(params)).toEqual({ messages: 1700 });
      expect(await harness().neighbour.messages.purge(params)).toEqual({ messages: 1700 });
      expect((await harness().driver.claims.list({ queue, page: { limit: 5 } })).items).toEqual([]);
      const [stats] = await harness().driver.messages.stats([queue]);
      expect(stats).toMatchObject({ ready: 2, claimed: 0, total: 2, oldest: { id: kept[0] } });
      advance(harness(), 31);
      await harness().driver.gc();
      expect(idsOf(await readAll(harness().driver, queue))).toEqual(kept);
    });

    it("a purge during concurrent posts leaves no message from before it", async () => {
      const queue = await harness().newQueue();
      const before = await post(harness(), queue, 20);
      const [, during] = await Promise.all([
        harness().driver.messages.purge({ queue }),
        Promise.all(Array.from({ length: 10 }, () => post(harness(), queue, 1))),
      ]);
      const left = new Set(idsOf(await readAll(harness().driver, queue)));
      for (const id of before) expect(left.has(id)).toBe(false);
      for (const id of left) expect(during.flat()).toContain(id);
    });

    it("gc frees the rows of a purge once it can no longer be undone", async () => {
      const queue = await harness().newQueue();
      await post(harness(), queue, 30);
      await harness().driver.messages.purge({ queue });
      const early = await harness().driver.gc();
      advance(harness(), 31);
      const late = await harness().driver.gc();
      expect(early.messages + late.messages).toBeGreaterThanOrEqual(30);
      expect(late.messages).toBeGreaterThanOrEqual(30);
      expect(await post(harness(), queue, 1)).toHaveLength(1);
      expect(await readAll(harness().driver, queue)).toHaveLength(1);
    });
  });
}
