import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PageRequest } from "../../server/storage/list-pages.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import {
  advance,
  claim,
  type DataDriverHarness,
  idsOf,
  type OpenDataDriver,
  post,
  readAll,
  uniqueName,
} from "./harness.ts";
import { walk } from "./walk.ts";

export function describeClaims(name: string, open: OpenDataDriver): void {
  describe(`claims on ${name}`, () => {
    let harness: DataDriverHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());

    it("a claim takes the oldest ready messages, in order, and holds them", async () => {
      const queue = await harness.newQueue();
      const ids = await post(harness, queue, 5);
      const first = await claim(harness, queue, { limit: 2, clientId: "c", actor: "alice" });
      expect(idsOf(first.messages)).toEqual(ids.slice(0, 2));
      expect(first.claim).toMatchObject({
        id: first.claimId,
        ttlSeconds: 100,
        graceSeconds: 60,
        ageSeconds: 0,
        clientId: "c",
        actor: "alice",
        messageCount: 2,
      });
      for (const message of first.messages) {
        expect(message).toMatchObject({ claim: { id: first.claimId }, claimCount: 1, lastClaimId: first.claimId });
      }
      expect(idsOf((await claim(harness, queue)).messages)).toEqual(ids.slice(2));
      expect(await claim(harness, queue)).toMatchObject({ claim: null, messages: [], deadLetters: [] });
    });

    it("a claim of a queue that does not exist is refused", async () => {
      const queue = { project: "p", name: uniqueName("missing") };
      await expect(claim(harness, queue)).rejects.toMatchObject({ code: "QUEUE_DOES_NOT_EXIST" });
    });

    it("twenty concurrent clients claim every message exactly once", async () => {
      const queue = await harness.newQueue();
      const ids = await post(harness, queue, 500);
      const taken: string[] = [];
      await Promise.all(
        Array.from({ length: 20 }, async (_, caller) => {
          const driver = caller % 2 === 0 ? harness.driver : harness.neighbour;
          for (;;) {
            const got = await driver.claims.create({
              queue,
              limit: 1 + (caller % 5),
              ttlSeconds: 100,
              graceSeconds: 60,
              clientId: null,
            });
            if (got.claim === null) return;
            taken.push(...idsOf(got.messages));
          }
        }),
      );
      expect(taken.length).toBe(500);
      expect(new Set(taken)).toEqual(new Set(ids));
    });

    it("concurrent claims share out the messages, each under a claim of its own", async () => {
      const queue = await harness.newQueue();
      const ids = await post(harness, queue, 30);
      const claims = await Promise.all(Array.from({ length: 12 }, () => claim(harness, queue, { limit: 3 })));
      const all = claims.flatMap((one) => idsOf(one.messages));
      expect(all.length).toBe(30);
      expect(new Set(all)).toEqual(new Set(ids));
      expect(new Set(claims.map((one) => one.claimId)).size).toBe(12);
      for (const one of claims) {
        if (one.claim === null) continue;
        const held = await harness.driver.claims.get({ queue, id: one.claimId });
        expect(idsOf(held.messages)).toEqual(idsOf(one.messages));
      }
    });

    it("concurrent claims with different terms on several queues each get the terms that they asked for", async () => {
      const queues = [await harness.newQueue(), await harness.newQueue(), await harness.newQueue()];
      for (const queue of queues.slice(0, 2)) await post(harness, queue, 60);
      const kinds = Array.from({ length: 24 }, (_, index) => ({
        queue: queues[index % 3] as QueueRef,
        limit: 1 + (index % 4),
        ttlSeconds: 100 + index,
        graceSeconds: 60 + index,
        clientId: index % 2 === 0 ? null : `client-${index}`,
        actor: `actor-${index}`,
        deadLettersFrom: 1 + (index % 2),
      }));
      const claims = await Promise.all(kinds.map((kind) => harness.driver.claims.create(kind)));
      for (const [index, { queue, limit, deadLettersFrom: _, ...terms }] of kinds.entries()) {
        const { claim: made, claimId } = claims[index] as (typeof claims)[number];
        if (index % 3 === 2) {
          expect(made).toBeNull();
          continue;
        }
        expect(made).toMatchObject({ ...terms, messageCount: limit });
        const held = await harness.driver.claims.get({ queue, id: claimId });
        expect(held.claim).toMatchObject({ ...terms, messageCount: limit });
        expect(held.messages).toHaveLength(limit);
      }
      expect(new Set(claims.flatMap(({ messages }) => idsOf(messages))).size).toBe(
        kinds.reduce((sum, { limit }, index) => sum + (index % 3 === 2 ? 0 : limit), 0),
      );
    });

    it("an expired claim releases its messages, and they are delivered again", async () => {
      const queue = await harness.newQueue();
      const ids = await post(harness, queue, 2);
      const first = await claim(harness, queue, { ttlSeconds: 10 });
      advance(harness, 9);
      expect((await claim(harness, queue)).claim).toBeNull();
      advance(harness, 1);
      await expect(harness.driver.claims.get({ queue, id: first.claimId })).rejects.toMatchObject({
        code: "CLAIM_DOES_NOT_EXIST",
      });
      const lapsed = await harness.driver.messages.get({ queue, id: ids[0] as string });
      expect(lapsed).toMatchObject({ claim: null, lastClaimId: first.claimId, claimCount: 1 });
      const second = await claim(harness, queue);
      expect(idsOf(second.messages)).toEqual(ids);
      expect(second.messages[0]?.claimCount).toBe(2);
    });

    it("a claim extends messages that would expire first to its own end plus the grace, and no others", async () => {
      const queue = await harness.newQueue();
      const [short] = await post(harness, queue, 1, { ttlSeconds: 120 });
      const [long] = await post(harness, queue, 1, { ttlSeconds: 5000 });
      const [equal] = await post(harness, queue, 1, { ttlSeconds: 777 });
      const taken = await claim(harness, queue, { ttlSeconds: 777, graceSeconds: 23 });
      const ttl = (id: string | undefined) => taken.messages.find((message) => message.id === id)?.ttlSeconds;
      expect(ttl(short)).toBe(800);
      expect(ttl(long)).toBe(5000);
      expect([777, 800]).toContain(ttl(equal));
      advance(harness, 790);
      expect(await harness.driver.messages.get({ queue, id: short as string })).toMatchObject({ claim: null });
      advance(harness, 10);
      await expect(harness.driver.messages.get({ queue, id: short as string })).rejects.toMatchObject({
        code: "MESSAGE_DOES_NOT_EXIST",
      });
    });

    it("a claim is read back with its age and the messages that it still holds", async () => {
      const queue = await harness.newQueue();
      const ids = await post(harness, queue, 3);
      const made = await claim(harness, queue);
      await harness.driver.messages.delete({ queue, id: ids[1] as string, claimId: made.claimId });
      advance(harness, 7);
      const read = await harness.driver.claims.get({ queue, id: made.claimId });
      expect(read.claim).toMatchObject({ id: made.claimId, ageSeconds: 7, ttlSeconds: 100, messageCount: 2 });
      expect(idsOf(read.messages)).toEqual([ids[0], ids[2]]);
    });

    it("a claim ends when its last message is deleted", async () => {
      const queue = await harness.newQueue();
      const ids = await post(harness, queue, 3);
      const one = await claim(harness, queue, { limit: 1 });
      const two = await claim(harness, queue, { limit: 2 });
      await harness.driver.messages.bulkDelete({ queue, ids: ids.slice(0, 2) });
      await expect(harness.driver.claims.get({ queue, id: one.claimId })).rejects.toMatchObject({
        code: "CLAIM_DOES_NOT_EXIST",
      });
      expect((await harness.driver.claims.get({ queue, id: two.claimId })).claim.messageCount).toBe(1);
      const withEnded = { queue, id: ids[2] as string, claimId: one.claimId };
      await expect(harness.driver.messages.delete(withEnded)).rejects.toMatchObject({ code: "CLAIM_DOES_NOT_EXIST" });
      await harness.driver.messages.bulkDelete({
        queue,
        ids: [ids[2] as string, ids[0] as string],
        claimIds: [two.claimId],
      });
      await expect(
        harness.driver.claims.update({ queue, id: two.claimId, ttlSeconds: 50, graceSeconds: 0 }),
      ).rejects.toMatchObject({ code: "CLAIM_DOES_NOT_EXIST" });
      expect((await harness.driver.claims.list({ queue, page: { limit: 5 } })).items).toEqual([]);
    });

    it("a claim cannot be read, renewed or released through another queue", async () => {
      const queue = await harness.newQueue();
      const other = await harness.newQueueBeside(queue);
      await post(harness, queue, 1);
      const made = await claim(harness, queue);
      const params = { queue: other, id: made.claimId };
      await expect(harness.driver.claims.get(params)).rejects.toMatchObject({ code: "CLAIM_DOES_NOT_EXIST" });
      await expect(harness.driver.claims.update({ ...params, ttlSeconds: 60, graceSeconds: 60 })).rejects.toMatchObject(
        { code: "CLAIM_DOES_NOT_EXIST" },
      );
      await harness.driver.claims.delete(params);
      expect((await harness.driver.claims.get({ queue, id: made.claimId })).messages).toHaveLength(1);
    });

    it("a renewal restarts the time of a claim and extends its messages", async () => {
      const queue = await harness.newQueue();
      const ids = await post(harness, queue, 1, { ttlSeconds: 100 });
      const made = await claim(harness, queue, { ttlSeconds: 60 });
      advance(harness, 50);
      const renewed = await harness.driver.claims.update({ queue, id: made.claimId, ttlSeconds: 70, graceSeconds: 40 });
      expect(renewed).toMatchObject({
        id: made.claimId,
        ttlSeconds: 70,
        graceSeconds: 40,
        ageSeconds: 0,
        messageCount: 1,
      });
      advance(harness, 69);
      expect(await harness.driver.messages.get({ queue, id: ids[0] as string })).toMatchObject({
        ttlSeconds: 110,
        claim: { id: made.claimId },
      });
      advance(harness, 1);
      await expect(
        harness.driver.claims.update({ queue, id: made.claimId, ttlSeconds: 70, graceSeconds: 40 }),
      ).rejects.toMatchObject({ code: "CLAIM_DOES_NOT_EXIST" });
    });

    it("concurrent renewals, two of them of one claim, each set their own ttl, and one of a missing claim fails alone", async () => {
      const queue = await harness.newQueue();
      const other = await harness.newQueueBeside(queue);
      await post(harness, queue, 12);
      await post(harness, other, 2);
      const made = await Promise.all(Array.from({ length: 6 }, () => claim(harness, queue, { limit: 2 })));
      const beside = await claim(harness, other, { limit: 2 });
      const gone = await claim(harness, other, { limit: 1 });
      const renew = (ref: QueueRef, id: string, ttlSeconds: number) =>
        harness.driver.claims.update({ queue: ref, id, ttlSeconds, graceSeconds: 60 });
      const results = await Promise.allSettled([
        ...made.map(({ claimId }, index) => renew(queue, claimId, 100 + index)),
        renew(queue, made[0]?.claimId ?? "", 200),
        renew(other, beside.claimId, 300),
        renew(other, gone.claimId, 400),
        renew(queue, beside.claimId, 500),
      ]);
      expect(
        results.map((result) => (result.status === "fulfilled" ? result.value.ttlSeconds : result.reason.code)),
      ).toEqual([100, 101, 102, 103, 104, 105, 200, 300, "CLAIM_DOES_NOT_EXIST", "CLAIM_DOES_NOT_EXIST"]);
      expect((await harness.driver.claims.get({ queue, id: made[0]?.claimId ?? "" })).claim.ttlSeconds).toBe(200);
      advance(harness, 150);
      await expect(harness.driver.claims.get({ queue, id: made[5]?.claimId ?? "" })).rejects.toMatchObject({
        code: "CLAIM_DOES_NOT_EXIST",
      });
      expect((await harness.driver.claims.get({ queue, id: made[0]?.claimId ?? "" })).messages).toHaveLength(2);
    });

    it("renewing or releasing an expired claim does not touch messages that another claim holds by now", async () => {
      const queue = await harness.newQueue();
      const ids = await post(harness, queue, 1);
      const late = await claim(harness, queue, { ttlSeconds: 10 });
      advance(harness, 10);
      const current = await claim(harness, queue, { ttlSeconds: 20 });
      const renew = () => harness.driver.claims.update({ queue, id: late.claimId, ttlSeconds: 60, graceSeconds: 60 });
      await expect(renew()).rejects.toMatchObject({ code: "CLAIM_DOES_NOT_EXIST" });
      await harness.driver.claims.delete({ queue, id: late.claimId });
      await expect(renew()).rejects.toMatchObject({ code: "CLAIM_DOES_NOT_EXIST" });
      expect(await harness.driver.messages.get({ queue, id: ids[0] as string })).toMatchObject({
        claim: { id: current.claimId },
      });
    });

    it("a release makes the messages ready at once, and releasing a missing claim is no error", async () => {
      const queue = await harness.newQueue();
      const ids = await post(harness, queue, 3);
      const made = await claim(harness, queue);
      await harness.driver.claims.delete({ queue, id: made.claimId });
      await harness.driver.claims.delete({ queue, id: made.claimId });
      await harness.driver.claims.delete({ queue, id: "nonsense" });
      const free = await harness.driver.messages.get({ queue, id: ids[0] as string });
      expect(free).toMatchObject({ claim: null, lastClaimId: null });
      expect(idsOf((await claim(harness, queue)).messages)).toEqual(ids);
    });

    const release = (queue: QueueRef, claimId: string, ids: readonly string[], delaySeconds = 0) =>
      harness.driver.claims.releaseMessages({ queue, claimId, ids, delaySeconds });

    it("single messages of a claim are released to their old places, and the claim keeps the rest", async () => {
      const queue = await harness.newQueue();
      const ids = await post(harness, queue, 4);
      const made = await claim(harness, queue, { limit: 3 });
      expect(await release(queue, made.claimId, [ids[1] as string, ids[0] as string])).toBe(2);
      const freed = await harness.driver.messages.get({ queue, id: ids[0] as string });
      expect(freed).toMatchObject({ claim: null, lastClaimId: null, claimCount: 1, delayedUntil: null });
      const rest = await harness.driver.claims.get({ queue, id: made.claimId });
      expect(rest.claim.messageCount).toBe(1);
      expect(idsOf(rest.messages)).toEqual([ids[2]]);
      const next = await claim(harness, queue);
      expect(idsOf(next.messages)).toEqual([ids[0], ids[1], ids[3]]);
      expect(next.messages.map(({ claimCount }) => claimCount)).toEqual([2, 2, 1]);
      expect(await release(queue, made.claimId, [ids[2] as string])).toBe(1);
      await expect(harness.driver.claims.get({ queue, id: made.claimId }), "its last").rejects.toMatchObject({
        code: "CLAIM_DOES_NOT_EXIST",
      });
      expect((await harness.driver.claims.list({ queue, page: { limit: 5 } })).items.map(({ id }) => id)).toEqual([
        next.claimId,
      ]);
    });

    it("messages that are released with a delay are delayed until it ends, and then ready at their old places", async () => {
      const queue = await harness.newQueue();
      const ids = await post(harness, queue, 3);
      const made = await claim(harness, queue, { limit: 2 });
      expect(await release(queue, made.claimId, ids.slice(0, 1), 30)).toBe(1);
      const later = await harness.driver.messages.get({ queue, id: ids[0] as string });
      expect(later).toMatchObject({ claim: null, delayedUntil: expect.any(Date), claimCount: 1 });
      const [stats] = await harness.driver.messages.stats([queue]);
      expect(stats).toMatchObject({ ready: 1, claimed: 1, delayed: 1, total: 3 });
      const { items } = await harness.driver.messages.list({ queue, page: { limit: 5 } });
      expect(idsOf(items)).toEqual([ids[2]]);
      advance(harness, 29);
      expect(idsOf((await claim(harness, queue, { limit: 1 })).messages)).toEqual([ids[2]]);
      expect((await claim(harness, queue)).claim).toBeNull();
      advance(harness, 1);
      await post(harness, queue, 1);
      const next = await claim(harness, queue, { limit: 1 });
      expect(idsOf(next.messages)).toEqual([ids[0]]);
      expect(next.messages[0]).toMatchObject({ claimCount: 2, delayedUntil: null });
    });

    it("a message that is released with a delay expires when it would have expired", async () => {
      const queue = await harness.newQueue();
      const [id] = (await post(harness, queue, 1, { ttlSeconds: 300 })) as [string];
      const made = await claim(harness, queue);
      await release(queue, made.claimId, [id], 600);
      advance(harness, 299);
      expect(await harness.driver.messages.get({ queue, id })).toMatchObject({ delayedUntil: expect.any(Date) });
      advance(harness, 1);
      await expect(harness.driver.messages.get({ queue, id })).rejects.toMatchObject({
        code: "MESSAGE_DOES_NOT_EXIST",
      });
      expect((await harness.driver.messages.stats([queue]))[0]).toMatchObject({ delayed: 0, total: 0 });
    });

    it("a release of messages that nobody holds does nothing, so a repeat does no harm", async () => {
      const queue = await harness.newQueue();
      const ids = await post(harness, queue, 3);
      const made = await claim(harness, queue, { limit: 2, ttlSeconds: 50 });
      await harness.driver.messages.delete({ queue, id: ids[1] as string, claimId: made.claimId });
      expect(await release(queue, made.claimId, ids.slice(0, 2), 30)).toBe(1);
      expect(await release(queue, made.claimId, [...ids, "nonsense", randomUUID()], 90)).toBe(0);
      expect(await release(queue, "nonsense", ids)).toBe(0);
      expect(await release(queue, made.claimId, [])).toBe(0);
      advance(harness, 30);
      const again = await claim(harness, queue, { ttlSeconds: 50 });
      expect(idsOf(again.messages), "the delay of the first release holds").toEqual([ids[0], ids[2]]);
      advance(harness, 50);
      expect(await release(queue, again.claimId, ids, 30), "an expired claim holds nothing").toBe(0);
      expect((await claim(harness, queue)).messages).toHaveLength(2);
    });

    it("no message is released when another claim holds one of them, and the error names those", async () => {
      const queue = await harness.newQueue();
      const other = await harness.newQueueBeside(queue);
      const ids = await post(harness, queue, 3);
      const late = await claim(harness, queue, { limit: 1, ttlSeconds: 10 });
      const mine = await claim(harness, queue, { limit: 2, ttlSeconds: 900 });
      advance(harness, 10);
      const theirs = await claim(harness, queue);
      await expect(release(queue, mine.claimId, ids)).rejects.toMatchObject({
        code: "MESSAGE_NOT_CLAIMED_BY",
        details: { messageIds: [ids[0]] },
      });
      await expect(release(queue, late.claimId, ids)).rejects.toMatchObject({ code: "MESSAGE_NOT_CLAIMED_BY" });
      expect((await harness.driver.claims.get({ queue, id: mine.claimId })).messages).toHaveLength(2);
      expect((await harness.driver.claims.get({ queue, id: theirs.claimId })).messages).toHaveLength(1);
      expect(await release(other, mine.claimId, ids), "another queue has none of them").toBe(0);
    });

    it("a release of messages and a delete of the same ones at once leave each message deleted or free", async () => {
      const queue = await harness.newQueue();
      const ids = await post(harness, queue, 40);
      const made = await claim(harness, queue, { limit: 40 });
      const both = await Promise.allSettled([
        ...ids.map((id) => release(queue, made.claimId, [id])),
        ...ids.map((id) => harness.neighbour.messages.delete({ queue, id, claimId: made.claimId })),
      ]);
      const released = both.slice(0, 40).map((result) => Number(result.status === "fulfilled" && result.value === 1));
      const deleted = both.slice(40).map((result) => (result.status === "fulfilled" ? 1 : 0));
      expect(released.map((count, index) => count + (deleted[index] as number))).toEqual(ids.map(() => 1));
      const left = ids.filter((_, index) => released[index] === 1);
      expect(idsOf((await claim(harness, queue, { limit: 40 })).messages)).toEqual(left);
    });

    it("a malformed or unknown claim id is CLAIM_DOES_NOT_EXIST", async () => {
      const queue = await harness.newQueue();
      for (const id of ["", "nonsense", randomUUID()]) {
        await expect(harness.driver.claims.get({ queue, id })).rejects.toMatchObject({ code: "CLAIM_DOES_NOT_EXIST" });
      }
    });

    it("lists live claims, oldest first, both ways by marker", async () => {
      const queue = await harness.newQueue();
      await post(harness, queue, 12);
      const made: string[] = [];
      for (let index = 0; index < 5; index += 1) made.push((await claim(harness, queue, { limit: 2 })).claimId);
      await claim(harness, queue, { limit: 1, ttlSeconds: 5 });
      advance(harness, 5);
      await harness.driver.claims.delete({ queue, id: made.pop() as string });
      const list = (page: PageRequest) => harness.driver.claims.list({ queue, page });
      await expect(list({ limit: 3, after: "nonsense" })).rejects.toMatchObject({ code: "BAD_INPUT" });
      const first = await list({ limit: 3 });
      expect(first.items.map((one) => one.id)).toEqual(made.slice(0, 3));
      expect(first.items[0]).toMatchObject({ messageCount: 2, ttlSeconds: 100 });
      const second = await list({ limit: 3, after: first.nextMarker as string });
      expect(second.items.map((one) => one.id)).toEqual(made.slice(3));
      expect(second.nextMarker).toBeNull();
      const back = await list({ limit: 3, before: second.items[0]?.id as string });
      expect(back.items.map((one) => one.id)).toEqual(made.slice(0, 3));
      const idsOfPage = async (page: PageRequest) => {
        const found = await list(page);
        return { ...found, items: found.items.map((one) => one.id) };
      };
      expect(await walk(idsOfPage, [2, 3])).toEqual(made);
    });

    it("a claim repeated with its idempotency key is the same claim until it expires, and then a new one", async () => {
      const queue = await harness.newQueue();
      const ids = await post(harness, queue, 4);
      const params = { limit: 2, ttlSeconds: 30, idempotencyKey: "claim-key" };
      const first = await claim(harness, queue, params);
      await harness.driver.messages.delete({ queue, id: ids[0] as string, claimId: first.claimId });
      const again = await claim(harness, queue, params);
      expect(again.claimId).toBe(first.claimId);
      expect(idsOf(again.messages)).toEqual([ids[1]]);
      await expect(claim(harness, queue, { ...params, limit: 3 })).rejects.toMatchObject({
        code: "IDEMPOTENCY_KEY_REUSED",
      });
      advance(harness, 30);
      const next = await claim(harness, queue, params);
      expect(next.claimId).not.toBe(first.claimId);
      expect(idsOf(next.messages)).toEqual([ids[1], ids[2]]);
    });

    it("concurrent claims with one idempotency key all get the last messages of the queue", async () => {
      const queue = await harness.newQueue();
      const ids = await post(harness, queue, 3);
      const answers = await Promise.all(
        Array.from({ length: 12 }, () => claim(harness, queue, { limit: 3, idempotencyKey: "last" })),
      );
      for (const { messages } of answers) expect(idsOf(messages)).toEqual(ids);
    });

    it("concurrent claims with one idempotency key make one claim", async () => {
      const queue = await harness.newQueue();
      await post(harness, queue, 10);
      const answers = await Promise.all(
        Array.from({ length: 6 }, () => claim(harness, queue, { limit: 2, idempotencyKey: "race" })),
      );
      expect(new Set(answers.map((answer) => answer.claimId)).size).toBe(1);
      expect((await harness.driver.messages.stats([queue]))[0]?.claimed).toBe(2);
    });

    describe("dead letters", () => {
      it("a message claimed as often as allowed is held back for the dead letter queue, not delivered", async () => {
        const queue = await harness.newQueue();
        const dead = await harness.newQueueBeside(queue);
        const policy = { deadLettersFrom: 2, ttlSeconds: 10 };
        const ids = await post(harness, queue, 1);
        for (const count of [1, 2]) {
          const taken = await claim(harness, queue, policy);
          expect(taken.messages[0]).toMatchObject({ id: ids[0], claimCount: count });
          advance(harness, 10);
        }
        const fresh = await post(harness, queue, 1);
        const third = await claim(harness, queue, policy);
        expect(idsOf(third.messages)).toEqual(fresh);
        expect(third.deadLetters).toMatchObject([{ id: ids[0], claimCount: 2 }]);
        expect(third.claim?.messageCount).toBe(1);
        const move = { from: queue, to: dead, ids, claimId: third.claimId, ttlSeconds: 900, as: "deadLetter" as const };
        expect(await harness.driver.messages.transfer(move)).toHaveLength(1);
        expect(await readAll(harness.driver, dead)).toMatchObject([{ id: ids[0], claimCount: 0, ttlSeconds: 900 }]);
        expect(idsOf(await readAll(harness.driver, queue))).toEqual(fresh);
      });

      it("no claim is made when all messages go to the dead letter queue", async () => {
        const queue = await harness.newQueue();
        const ids = await post(harness, queue, 2);
        const taken = await claim(harness, queue, { deadLettersFrom: 0 });
        expect(taken.claim).toBeNull();
        expect(taken.messages).toEqual([]);
        expect(idsOf(taken.deadLetters)).toEqual(ids);
      });
    });
  });
}
