import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { DomainError } from "../../server/errors.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import {
  advance,
  aMessage,
  bodies,
  claim,
  type DataDriverHarness,
  idsOf,
  type OpenDataDriver,
  post,
  readAll,
  uniqueName,
} from "./harness.ts";
import { headerCases } from "./headers.suite.ts";
import { walk } from "./walk.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function describeMessages(name: string, open: OpenDataDriver): void {
  describe(`messages on ${name}`, () => {
    let harness: DataDriverHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());

    const list = (queue: QueueRef, page: { after?: string; before?: string; limit?: number } = {}, options = {}) =>
      harness.driver.messages.list({ queue, page: { limit: 10, ...page }, ...options });

    describe("posting", () => {
      it("a post returns ids in the order of its messages, and the queue keeps that order", async () => {
        const queue = await harness.newQueue();
        const ids = await post(harness, queue, 51);
        expect(new Set(ids).size).toBe(51);
        for (const id of ids) expect(id).toMatch(UUID);
        expect(idsOf(await readAll(harness.driver, queue))).toEqual(ids);
      });

      it("a body is kept exactly as it was sent", async () => {
        const queue = await harness.newQueue();
        const texts = [
          '{"n":12345678901234567890,"f":1.0,"e":1e400}',
          '"nul \\u0000 and \\ud83d\\ude00 and 😀"',
          '{"b":1,"a":2,"b":3}',
          " [ 1 , 2 ] ",
          "null",
          `"${"x".repeat(200_000)}"`,
          '"a,b\\"{}\\\\ NULL"',
        ];
        const messages = texts.map((bodyText) => ({ bodyText, ttlSeconds: 100, delaySeconds: 0 }));
        const { ids } = await harness.driver.messages.post({ queue, messages, clientId: null });
        const found = await harness.driver.messages.bulkGet({ queue, ids });
        expect(found.map((message) => message.bodyText)).toEqual(texts);
      });

      it("a new message shows all its fields", async () => {
        const queue = await harness.newQueue();
        const { ids } = await harness.driver.messages.post({
          queue,
          messages: [aMessage("x", { ttlSeconds: 120 })],
          clientId: "client-1",
        });
        const message = await harness.driver.messages.get({ queue, id: ids[0] as string });
        expect(message).toMatchObject({
          id: ids[0],
          bodyText: '"x"',
          ttlSeconds: 120,
          ageSeconds: 0,
          clientId: "client-1",
          claimCount: 0,
          claim: null,
          lastClaimId: null,
          delayedUntil: null,
        });
        expect(message.expiresAt.getTime() - message.createdAt.getTime()).toBe(120_000);
        expect(message.marker).toMatch(/^\d+$/);
      });

      it("a post to a queue that does not exist is refused", async () => {
        const queue = { project: "p", name: uniqueName("missing") };
        await expect(post(harness, queue, 1)).rejects.toMatchObject({ code: "QUEUE_DOES_NOT_EXIST" });
      });

      it("a post of no messages returns no ids", async () => {
        const queue = await harness.newQueue();
        expect(await harness.driver.messages.post({ queue, messages: [], clientId: null })).toEqual({ ids: [] });
      });

      it("concurrent posts from two processes each stay together, and none is lost", async () => {
        const queue = await harness.newQueue();
        const posts = await Promise.all(
          Array.from({ length: 60 }, async (_, index) => {
            const driver = index % 2 === 0 ? harness.driver : harness.neighbour;
            const messages = [0, 1, 2].map((part) => aMessage([index, part]));
            return (await driver.messages.post({ queue, messages, clientId: null })).ids;
          }),
        );
        const order = idsOf(await readAll(harness.driver, queue, 50));
        expect(order.length).toBe(180);
        for (const ids of posts) {
          const start = order.indexOf(ids[0] as string);
          expect(order.slice(start, start + 3)).toEqual(ids);
        }
      });

      it("concurrent posts with different terms to several queues keep their terms, and one to a missing queue fails alone", async () => {
        const queues = [await harness.newQueue(), await harness.newQueue(), await harness.newQueue()];
        const kinds = Array.from({ length: 30 }, (_, index) => ({
          queue: queues[index % 3] as QueueRef,
          clientId: index % 2 === 0 ? null : `client-${index % 5}`,
          messages: [0, 1].map((part) =>
            aMessage([index, part], { ttlSeconds: 100 + index + part, delaySeconds: index % 4 === 0 ? 50 : 0 }),
          ),
        }));
        const missing = { project: "p", name: uniqueName("missing") };
        const [gone, ...posted] = await Promise.allSettled([
          post(harness, missing, 1),
          ...kinds.map((kind) => harness.driver.messages.post(kind)),
        ]);
        expect(gone).toMatchObject({ status: "rejected", reason: { code: "QUEUE_DOES_NOT_EXIST" } });
        for (const [index, { queue, clientId, messages }] of kinds.entries()) {
          const one = posted[index];
          if (one?.status !== "fulfilled") throw new Error(`Post ${index} failed.`, { cause: one?.reason });
          const got = await harness.driver.messages.bulkGet({ queue, ids: one.value.ids });
          expect(got).toMatchObject(
            messages.map(({ bodyText, ttlSeconds }) => ({ bodyText, ttlSeconds, clientId, claim: null })),
          );
          const due = got.map(({ createdAt, delayedUntil }) =>
            delayedUntil === null ? 0 : delayedUntil.getTime() - createdAt.getTime(),
          );
          expect(due).toEqual(messages.map(({ delaySeconds }) => delaySeconds * 1000));
        }
      });

      it("a post repeated with its idempotency key adds nothing and returns the first ids", async () => {
        const queue = await harness.newQueue();
        const params = { queue, messages: [aMessage(1), aMessage(2)], clientId: null, idempotencyKey: "key-1" };
        const first = await harness.driver.messages.post(params);
        const repeats = await Promise.all([
          harness.driver.messages.post(params),
          harness.neighbour.messages.post(params),
        ]);
        for (const repeat of repeats) expect(repeat.ids).toEqual(first.ids);
        expect(await readAll(harness.driver, queue)).toHaveLength(2);
        await expect(harness.driver.messages.post({ ...params, messages: [aMessage("other")] })).rejects.toMatchObject({
          code: "IDEMPOTENCY_KEY_REUSED",
        });
      });

      it("concurrent posts with one idempotency key add their messages once", async () => {
        const queue = await harness.newQueue();
        const params = { queue, messages: [aMessage(1)], clientId: null, idempotencyKey: "race" };
        const answers = await Promise.all(
          Array.from({ length: 8 }, (_, index) =>
            (index % 2 === 0 ? harness.driver : harness.neighbour).messages.post(params),
          ),
        );
        expect(new Set(answers.map((answer) => answer.ids[0])).size).toBe(1);
        expect(await readAll(harness.driver, queue)).toHaveLength(1);
      });
    });

    describe("listing", () => {
      it("pages forward and back by marker without gap or overlap", async () => {
        const queue = await harness.newQueue();
        const ids = await post(harness, queue, 25);
        const first = await list(queue);
        expect(idsOf(first.items)).toEqual(ids.slice(0, 10));
        expect(first.previousMarker).toBeNull();
        const second = await list(queue, { after: first.nextMarker as string });
        const third = await list(queue, { after: second.nextMarker as string });
        expect(idsOf(third.items)).toEqual(ids.slice(20));
        expect(third.nextMarker).toBeNull();
        const back = await list(queue, { before: third.previousMarker as string });
        expect(idsOf(back.items)).toEqual(ids.slice(10, 20));
        const front = await list(queue, { before: back.previousMarker as string });
        expect(idsOf(front.items)).toEqual(ids.slice(0, 10));
        expect(front.previousMarker).toBeNull();
        expect(
          await walk(
            async (page) => {
              const found = await harness.driver.messages.list({ queue, page });
              return { ...found, items: idsOf(found.items) };
            },
            [7],
          ),
        ).toEqual(ids);
      });

      it("a page leaves out claimed and delayed messages unless asked for them, and is full all the same", async () => {
        const queue = await harness.newQueue();
        const claimed = await post(harness, queue, 5);
        await claim(harness, queue, { limit: 5 });
        const delayed = await post(harness, queue, 3, { delaySeconds: 60 });
        const free = await post(harness, queue, 10);
        expect(idsOf((await list(queue)).items)).toEqual(free);
        expect(idsOf((await list(queue, { limit: 20 }, { includeClaimed: true })).items)).toEqual([
          ...claimed,
          ...free,
        ]);
        expect(idsOf((await list(queue, { limit: 20 }, { includeDelayed: true })).items)).toEqual([
          ...delayed,
          ...free,
        ]);
      });

      it("a list can leave out the messages of one client", async () => {
        const queue = await harness.newQueue();
        await harness.driver.messages.post({ queue, messages: [aMessage("mine")], clientId: "me" });
        await harness.driver.messages.post({ queue, messages: [aMessage("theirs")], clientId: "them" });
        await harness.driver.messages.post({ queue, messages: [aMessage("nobody's")], clientId: null });
        expect(bodies((await list(queue, {}, { exceptClientId: "me" })).items)).toEqual(["theirs", "nobody's"]);
        expect((await list(queue)).items).toHaveLength(3);
      });

      it("a marker that no page could have given is refused", async () => {
        const queue = await harness.newQueue();
        await post(harness, queue, 1);
        for (const after of ["no marker", "-1", "9".repeat(19)]) {
          await expect(list(queue, { after })).rejects.toMatchObject({ code: "BAD_INPUT" });
        }
      });

      it("a list of a queue that does not exist is refused", async () => {
        await expect(list({ project: "p", name: uniqueName("missing") })).rejects.toMatchObject({
          code: "QUEUE_DOES_NOT_EXIST",
        });
      });

      it("a reader that follows the markers misses nothing while eight clients post", async () => {
        const queue = await harness.newQueue();
        const posters = 8;
        const rounds = 40;
        let posting = true;
        const posted: string[] = [];
        const work = Promise.all(
          Array.from({ length: posters }, async (_, poster) => {
            const driver = poster % 2 === 0 ? harness.driver : harness.neighbour;
            for (let round = 0; round < rounds; round += 1) {
              // Long posts beside short ones: the post that draws its markers first may not be the first to end.
              const count = (round + poster) % 4 === 0 ? 60 : 1 + (round % 3);
              const messages = Array.from({ length: count }, () => aMessage([poster, round]));
              posted.push(...(await driver.messages.post({ queue, messages, clientId: null })).ids);
            }
          }),
        ).finally(() => {
          posting = false;
        });
        const seen: string[] = [];
        let after = "0";
        for (let last = false; ; ) {
          const page = await list(queue, { after, limit: 100 });
          for (const message of page.items) seen.push(message.id);
          after = page.items.at(-1)?.marker ?? after;
          if (last && page.items.length === 0) break;
          last = !posting;
        }
        await work;
        expect(seen.length).toBe(posted.length);
        expect(new Set(seen)).toEqual(new Set(posted));
      });
    });

    describe("getting", () => {
      it("a get finds claimed and delayed messages", async () => {
        const queue = await harness.newQueue();
        const [first] = await post(harness, queue, 1);
        const [second] = await post(harness, queue, 1, { delaySeconds: 60 });
        const { claim: made } = await claim(harness, queue);
        expect(await harness.driver.messages.get({ queue, id: first as string })).toMatchObject({
          claim: { id: made?.id },
          claimCount: 1,
        });
        const delayed = await harness.driver.messages.get({ queue, id: second as string });
        expect(delayed.delayedUntil).toBeInstanceOf(Date);
      });

      it("a malformed or unknown message id is MESSAGE_DOES_NOT_EXIST", async () => {
        const queue = await harness.newQueue();
        for (const id of ["", "nonsense", randomUUID(), "x".repeat(1000)]) {
          await expect(harness.driver.messages.get({ queue, id })).rejects.toMatchObject({
            code: "MESSAGE_DOES_NOT_EXIST",
          });
        }
      });

      it("a get by ids returns those that exist, in the order asked, each once", async () => {
        const queue = await harness.newQueue();
        const [a, b, c] = (await post(harness, queue, 3)) as [string, string, string];
        const found = await harness.driver.messages.bulkGet({ queue, ids: [c, randomUUID(), a, "nope", c, b] });
        expect(idsOf(found)).toEqual([c, a, b]);
      });

      it("a message cannot be read or deleted through another queue", async () => {
        const queue = await harness.newQueue();
        const other = await harness.newQueueBeside(queue);
        const [id] = (await post(harness, queue, 1)) as [string];
        await expect(harness.driver.messages.get({ queue: other, id })).rejects.toMatchObject({
          code: "MESSAGE_DOES_NOT_EXIST",
        });
        expect(await harness.driver.messages.delete({ queue: other, id })).toBe("absent");
        expect(await harness.driver.messages.bulkDelete({ queue: other, ids: [id] })).toBe(0);
        await harness.driver.messages.get({ queue, id });
      });

      it("messages stay apart in queues whose project and name join to the same text", async () => {
        const suffix = uniqueName("c");
        const left = await harness.newQueue(suffix, "a.b");
        const right = await harness.newQueue(`b.${suffix}`, "a");
        await post(harness, left, 2);
        expect((await list(right)).items).toEqual([]);
        expect((await list(left)).items).toHaveLength(2);
      });

      it("first returns the oldest or the newest message, claimed ones included, and QUEUE_IS_EMPTY when there is none", async () => {
        const queue = await harness.newQueue();
        await expect(harness.driver.messages.first({ queue, sort: 1 })).rejects.toMatchObject({
          code: "QUEUE_IS_EMPTY",
        });
        const ids = await post(harness, queue, 3);
        await claim(harness, queue, { limit: 3 });
        expect((await harness.driver.messages.first({ queue, sort: 1 })).id).toBe(ids[0]);
        expect((await harness.driver.messages.first({ queue, sort: -1 })).id).toBe(ids[2]);
      });
    });

    describe("time", () => {
      it("an expired message is invisible at once, to every call", async () => {
        const queue = await harness.newQueue();
        const [id] = (await post(harness, queue, 1, { ttlSeconds: 30 })) as [string];
        advance(harness, 29);
        expect((await list(queue)).items).toHaveLength(1);
        advance(harness, 1);
        expect((await list(queue)).items).toEqual([]);
        await expect(harness.driver.messages.get({ queue, id })).rejects.toMatchObject({
          code: "MESSAGE_DOES_NOT_EXIST",
        });
        await expect(harness.driver.messages.first({ queue, sort: 1 })).rejects.toMatchObject({
          code: "QUEUE_IS_EMPTY",
        });
        expect((await claim(harness, queue)).claim).toBeNull();
        expect(await harness.driver.messages.pop({ queue, limit: 5 })).toEqual([]);
        expect(await harness.driver.messages.delete({ queue, id })).toBe("absent");
        expect((await harness.driver.messages.stats([queue]))[0]).toMatchObject({ total: 0, oldest: null });
      });

      it("a delayed message is neither listed, claimed nor popped before its time", async () => {
        const queue = await harness.newQueue();
        await post(harness, queue, 1, { delaySeconds: 10 });
        advance(harness, 9);
        expect((await list(queue)).items).toEqual([]);
        expect((await claim(harness, queue)).claim).toBeNull();
        expect(await harness.driver.messages.pop({ queue, limit: 5 })).toEqual([]);
        advance(harness, 1);
        expect((await list(queue)).items).toHaveLength(1);
        expect((await claim(harness, queue)).messages).toHaveLength(1);
      });

      it("age counts whole seconds since posting", async () => {
        const queue = await harness.newQueue();
        const [id] = (await post(harness, queue, 1)) as [string];
        advance(harness, 12);
        expect((await harness.driver.messages.get({ queue, id })).ageSeconds).toBe(12);
      });
    });

    describe("popping", () => {
      it("a pop removes the oldest ready messages, in order", async () => {
        const queue = await harness.newQueue();
        await post(harness, queue, 2);
        await claim(harness, queue, { limit: 2 });
        const free = await post(harness, queue, 5);
        expect(idsOf(await harness.driver.messages.pop({ queue, limit: 3 }))).toEqual(free.slice(0, 3));
        expect(idsOf(await harness.driver.messages.pop({ queue, limit: 10 }))).toEqual(free.slice(3));
        expect(await harness.driver.messages.pop({ queue, limit: 10 })).toEqual([]);
      });

      it("a pop repeated with its idempotency key returns the same messages and removes no others", async () => {
        const queue = await harness.newQueue();
        const texts = ['{"a":1, "b":[2, 3,4],"c":"1,2 3"}', '"/ \\u0000 \\" \u00e9\ud83d\ude00"', "12"];
        const messages = texts.map((bodyText) => ({ bodyText, ttlSeconds: 500, delaySeconds: 0 }));
        await harness.driver.messages.post({ queue, messages, clientId: "an, id" });
        const { claimId } = await claim(harness, queue, { limit: 1, ttlSeconds: 5 });
        advance(harness, 6);
        await post(harness, queue, 4);
        const params = { queue, limit: 4, idempotencyKey: "k 1, 2" };
        const first = await harness.driver.messages.pop(params);
        expect(first.slice(0, 3).map(({ bodyText }) => bodyText)).toEqual(texts);
        expect(first[0]).toMatchObject({ claimCount: 1, lastClaimId: claimId, clientId: "an, id", ageSeconds: 6 });
        advance(harness, 60);
        for (const driver of [harness.driver, harness.neighbour])
          expect(await driver.messages.pop(params)).toEqual(first);
        expect(await readAll(harness.driver, queue)).toHaveLength(3);
        await expect(harness.driver.messages.pop({ ...params, limit: 3 })).rejects.toMatchObject({
          code: "IDEMPOTENCY_KEY_REUSED",
        });
        const posting = { queue, messages: [aMessage(1)], clientId: null, idempotencyKey: params.idempotencyKey };
        await expect(harness.driver.messages.post(posting)).rejects.toMatchObject({ code: "IDEMPOTENCY_KEY_REUSED" });
      });

      it("the answer of a pop is kept for ten minutes, and then its key takes other messages, before gc and after it", async () => {
        const queue = await harness.newQueue();
        const ids = await post(harness, queue, 4);
        const params = (idempotencyKey: string) => ({ queue, limit: 1, idempotencyKey });
        const pop = async (key: string) => idsOf(await harness.driver.messages.pop(params(key)));
        expect([await pop("a"), await pop("b")]).toEqual([[ids[0]], [ids[1]]]);
        advance(harness, 590);
        await harness.driver.gc();
        expect([await pop("a"), await pop("b")]).toEqual([[ids[0]], [ids[1]]]);
        advance(harness, 20);
        expect(await pop("a")).toEqual([ids[2]]);
        await harness.driver.gc();
        expect([await pop("a"), await pop("b")]).toEqual([[ids[2]], [ids[3]]]);
      });

      it("a pop that returned nothing keeps nothing for its key", async () => {
        const queue = await harness.newQueue();
        const params = { queue, limit: 2, idempotencyKey: "k" };
        expect(await harness.driver.messages.pop(params)).toEqual([]);
        const ids = await post(harness, queue, 3);
        expect(idsOf(await harness.driver.messages.pop(params))).toEqual(ids.slice(0, 2));
        await harness.driver.messages.purge({ queue });
        expect(idsOf(await harness.driver.messages.pop(params))).toEqual(ids.slice(0, 2));
        const missing = { ...params, queue: { project: "p", name: uniqueName("missing") } };
        await expect(harness.driver.messages.pop(missing)).rejects.toMatchObject({ code: "QUEUE_DOES_NOT_EXIST" });
      });

      it("concurrent pops with one idempotency key remove messages once", async () => {
        const queue = await harness.newQueue();
        const ids = await post(harness, queue, 20);
        const answers = await Promise.all(
          Array.from({ length: 8 }, (_, index) =>
            (index % 2 === 0 ? harness.driver : harness.neighbour).messages.pop({
              queue,
              limit: 3,
              idempotencyKey: "race",
            }),
          ),
        );
        for (const answer of answers) expect(idsOf(answer)).toEqual(ids.slice(0, 3));
        expect(await readAll(harness.driver, queue)).toHaveLength(17);
      });

      it("concurrent pops with one idempotency key all return the last messages of the queue", async () => {
        const queue = await harness.newQueue();
        const ids = await post(harness, queue, 3);
        const answers = await Promise.all(
          Array.from({ length: 12 }, (_, index) =>
            (index % 2 === 0 ? harness.driver : harness.neighbour).messages.pop({
              queue,
              limit: 3,
              idempotencyKey: "last",
            }),
          ),
        );
        for (const answer of answers) expect(idsOf(answer)).toEqual(ids);
      });

      it("concurrent pops return every message exactly once", async () => {
        const queue = await harness.newQueue();
        const ids = await post(harness, queue, 100);
        const popped = await Promise.all(
          Array.from({ length: 20 }, (_, index) =>
            (index % 2 === 0 ? harness.driver : harness.neighbour).messages.pop({ queue, limit: 5 }),
          ),
        );
        const all = popped.flatMap(idsOf);
        expect(new Set(all).size).toBe(all.length);
        for (let rest = await harness.driver.messages.pop({ queue, limit: 50 }); rest.length > 0; ) {
          all.push(...idsOf(rest));
          rest = await harness.driver.messages.pop({ queue, limit: 50 });
        }
        expect(new Set(all)).toEqual(new Set(ids));
      });
    });

    describe("deleting", () => {
      it("a delete removes an unclaimed message, and deleting a missing one is no error", async () => {
        const queue = await harness.newQueue();
        const [id] = (await post(harness, queue, 1)) as [string];
        expect(await harness.driver.messages.delete({ queue, id })).toBe("deleted");
        expect(await harness.driver.messages.delete({ queue, id })).toBe("absent");
        expect(await harness.driver.messages.delete({ queue, id: "nonsense" })).toBe("absent");
        expect(await harness.driver.messages.delete({ queue, id, claimId: randomUUID() })).toBe("absent");
      });

      it("a claimed message is deleted only with the id of its own claim", async () => {
        const queue = await harness.newQueue();
        const [id, other] = (await post(harness, queue, 2)) as [string, string];
        const mine = await claim(harness, queue, { limit: 1 });
        const theirs = await claim(harness, queue, { limit: 1 });
        const remove = (claimId?: string) =>
          harness.driver.messages.delete({ queue, id, ...(claimId === undefined ? {} : { claimId }) });
        await expect(remove()).rejects.toMatchObject({ code: "MESSAGE_IS_CLAIMED" });
        await expect(remove(theirs.claimId)).rejects.toMatchObject({ code: "MESSAGE_NOT_CLAIMED_BY" });
        await expect(remove(randomUUID())).rejects.toMatchObject({ code: "CLAIM_DOES_NOT_EXIST" });
        await expect(remove("nonsense")).rejects.toMatchObject({ code: "CLAIM_DOES_NOT_EXIST" });
        expect(await remove(mine.claimId)).toBe("deleted");
        await harness.driver.claims.delete({ queue, id: theirs.claimId });
        for (const free of [id, other]) {
          await expect(harness.driver.messages.delete({ queue, id: free, claimId: "nonsense" })).rejects.toMatchObject({
            code: "CLAIM_DOES_NOT_EXIST",
          });
        }
        await expect(harness.driver.messages.delete({ queue, id: other, claimId: mine.claimId })).rejects.toMatchObject(
          { code: "MESSAGE_NOT_CLAIMED" },
        );
      });

      it("a delete with the id of an expired claim removes nothing", async () => {
        const queue = await harness.newQueue();
        const [id] = (await post(harness, queue, 1)) as [string];
        const late = await claim(harness, queue, { ttlSeconds: 10 });
        advance(harness, 10);
        const remove = () => harness.driver.messages.delete({ queue, id, claimId: late.claimId });
        await expect(remove()).rejects.toMatchObject({ code: "MESSAGE_NOT_CLAIMED" });
        const next = await claim(harness, queue);
        await expect(remove()).rejects.toMatchObject({ code: "CLAIM_DOES_NOT_EXIST" });
        await expect(
          harness.driver.messages.bulkDelete({ queue, ids: [id], claimIds: [late.claimId] }),
        ).rejects.toMatchObject({ code: "MESSAGE_NOT_CLAIMED_BY" });
        expect(await harness.driver.messages.delete({ queue, id, claimId: next.claimId })).toBe("deleted");
      });

      it("a bulk delete removes claimed messages too, ignores unknown ids and returns how many it removed", async () => {
        const queue = await harness.newQueue();
        const ids = await post(harness, queue, 4);
        await claim(harness, queue, { limit: 2 });
        const asked = [...ids, randomUUID(), "nope", ids[0] as string];
        expect(await harness.driver.messages.bulkDelete({ queue, ids: asked })).toBe(4);
        expect((await harness.driver.messages.stats([queue]))[0]).toMatchObject({ total: 0, claimed: 0 });
      });

      it("a bulk delete that spares claimed messages removes all or nothing, and names the claimed ones", async () => {
        const queue = await harness.newQueue();
        const ids = await post(harness, queue, 4);
        await claim(harness, queue, { limit: 2, ttlSeconds: 60 });
        const remove = () => harness.driver.messages.bulkDelete({ queue, ids: ids.toReversed(), spareClaimed: true });
        const refusal: DomainError = await remove().then(
          () => expect.unreachable(),
          (error) => error,
        );
        expect(refusal.code).toBe("MESSAGE_IS_CLAIMED");
        expect((refusal.details.messageIds as string[]).toSorted()).toEqual(ids.slice(0, 2).toSorted());
        expect(await readAll(harness.driver, queue)).toHaveLength(4);
        advance(harness, 60);
        expect(await remove()).toBe(4);
      });

      it("a bulk delete that spares claimed messages removes none that a concurrent claim took first", async () => {
        const queue = await harness.newQueue();
        const ids = await post(harness, queue, 40);
        const outcomes = await Promise.all(
          Array.from({ length: 20 }, async (_, index) => {
            const taken = harness.neighbour.claims.create({
              queue,
              limit: 2,
              ttlSeconds: 60,
              graceSeconds: 60,
              clientId: null,
            });
            const pair = ids.slice(index * 2, index * 2 + 2);
            const deleted = await harness.driver.messages.bulkDelete({ queue, ids: pair, spareClaimed: true }).then(
              () => pair,
              () => [],
            );
            return { deleted, claimed: idsOf((await taken).messages) };
          }),
        );
        const claimed = outcomes.flatMap((outcome) => outcome.claimed);
        const deleted = outcomes.flatMap((outcome) => outcome.deleted);
        expect(claimed.filter((id) => deleted.includes(id))).toEqual([]);
        expect(idsOf(await readAll(harness.driver, queue)).toSorted()).toEqual(
          ids.filter((id) => !deleted.includes(id)).toSorted(),
        );
      });

      it("a bulk delete with claim ids removes all or nothing", async () => {
        const queue = await harness.newQueue();
        const ids = await post(harness, queue, 4);
        const mine = await claim(harness, queue, { limit: 2 });
        const theirs = await claim(harness, queue, { limit: 1 });
        for (const [asked, refused] of [
          [ids.slice(0, 3), [ids[2]]],
          [ids.slice(3), [ids[3]]],
          [ids, ids.slice(2)],
        ] as const) {
          const refusal = await harness.driver.messages
            .bulkDelete({ queue, ids: asked, claimIds: [mine.claimId] })
            .catch((error: unknown) => error);
          const messageIds = expect.arrayContaining([...refused]);
          expect(refusal).toMatchObject({ code: "MESSAGE_NOT_CLAIMED_BY", details: { messageIds } });
          expect(refusal).toMatchObject({ details: { messageIds: { length: refused.length } } });
        }
        expect(await readAll(harness.driver, queue)).toHaveLength(4);
        const claimIds = [mine.claimId, theirs.claimId];
        expect(await harness.driver.messages.bulkDelete({ queue, ids: ids.slice(0, 3), claimIds })).toBe(3);
      });

      it("concurrent deletes of different kinds in several queues are each judged on their own", async () => {
        const queues = [await harness.newQueue(), await harness.newQueue()];
        const { messages } = harness.driver;
        const outcomes = queues.map(async (queue) => {
          const [claimed, held, one, other, free, spare, bulk] = (await post(harness, queue, 7)) as [
            string,
            ...string[],
          ];
          const claimIds: string[] = [];
          for (let time = 0; time < 4; time += 1) claimIds.push((await claim(harness, queue, { limit: 1 })).claimId);
          const [mine, theirs, ...both] = claimIds;
          const pair = [one as string, other as string];
          return Promise.allSettled([
            messages.delete({ queue, id: free as string }),
            messages.delete({ queue, id: claimed }),
            messages.delete({ queue, id: held as string, claimId: theirs as string }),
            messages.delete({ queue, id: spare as string, claimId: mine as string }),
            messages.bulkDelete({ queue, ids: [bulk as string, randomUUID()] }),
            messages.bulkDelete({ queue, ids: [randomUUID(), claimed], spareClaimed: true }),
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
            1,
            "MESSAGE_IS_CLAIMED",
            2,
            "absent",
          ]);
        }
      });

      it("concurrent bulk deletes of the same messages meet no deadlock in any order, and one on a missing queue fails alone", async () => {
        const queue = await harness.newQueue();
        const ids = await post(harness, queue, 60);
        const shuffled = (seed: number) =>
          ids.toSorted((a, b) => ((a.charCodeAt(17) * seed) % 7) - ((b.charCodeAt(17) * seed) % 7));
        const results = await Promise.allSettled([
          ...Array.from({ length: 10 }, (_, index) =>
            (index % 2 === 0 ? harness.driver : harness.neighbour).messages.bulkDelete({
              queue,
              ids: shuffled(index + 1),
            }),
          ),
          harness.driver.messages.delete({ queue: { project: "p", name: "missing" }, id: ids[0] as string }),
        ]);
        const deleted = results
          .slice(0, -1)
          .map((result) => (result.status === "fulfilled" ? result.value : result.reason));
        expect(deleted.reduce((sum: number, count) => sum + count, 0)).toBe(60);
        expect(results.at(-1)).toMatchObject({ status: "rejected", reason: { code: "QUEUE_DOES_NOT_EXIST" } });
      });
    });

    describe("purging", () => {
      it("a purge removes every message, claimed ones too, ends their claims and never reuses a marker", async () => {
        const queue = await harness.newQueue();
        await post(harness, queue, 12);
        const held = await claim(harness, queue, { limit: 3 });
        const [last] = (await readAll(harness.driver, queue)).slice(-1);
        await harness.driver.messages.purge({ queue });
        expect(await readAll(harness.driver, queue)).toEqual([]);
        expect((await harness.driver.messages.stats([queue]))[0]).toMatchObject({ total: 0, claimed: 0 });
        await expect(harness.driver.claims.get({ queue, id: held.claimId })).rejects.toMatchObject({
          code: "CLAIM_DOES_NOT_EXIST",
        });
        const ids = await post(harness, queue, 2);
        const after = await readAll(harness.driver, queue);
        expect(idsOf(after)).toEqual(ids);
        expect(BigInt(after[0]?.marker ?? 0)).toBeGreaterThan(BigInt(last?.marker ?? 0));
        await claim(harness, queue);
        const withEnded = { queue, id: ids[0] as string, claimId: held.claimId };
        await expect(harness.driver.messages.delete(withEnded)).rejects.toMatchObject({ code: "CLAIM_DOES_NOT_EXIST" });
      });

      it("a purge repeated with its idempotency key spares messages that came later", async () => {
        const queue = await harness.newQueue();
        await post(harness, queue, 2);
        await harness.driver.messages.purge({ queue, idempotencyKey: "once" });
        await post(harness, queue, 1);
        await harness.driver.messages.purge({ queue, idempotencyKey: "once" });
        expect(await readAll(harness.driver, queue)).toHaveLength(1);
      });

      it("a purge returns how many messages it removed, and so does a repeat, but the key is not good for another purge", async () => {
        const queue = await harness.newQueue();
        await post(harness, queue, 12);
        const { purge } = harness.driver.messages;
        expect(await purge({ queue, idempotencyKey: "k" })).toEqual({ messages: 12 });
        expect(await harness.neighbour.messages.purge({ queue, idempotencyKey: "k" })).toEqual({ messages: 12 });
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
        const queue = await harness.newQueue();
        const ids = await post(harness, queue, 6);
        const claims = [await claim(harness, queue, { limit: 1 }), await claim(harness, queue, { limit: 3 })];
        await post(harness, queue, 1, { delaySeconds: 100 });
        const all = await readAll(harness.driver, queue);
        const marker = all[2]?.marker as string;
        expect(await harness.driver.messages.purge({ queue, before: { marker } })).toEqual({ messages: 2 });
        expect(idsOf(await readAll(harness.neighbour, queue))).toEqual(idsOf(all.slice(2)));
        const [stats] = await harness.driver.messages.stats([queue]);
        expect(stats).toMatchObject({ ready: 2, claimed: 2, delayed: 1, total: 5 });
        // The first claim held one message only, the second keeps those behind the bound.
        const [first, second] = claims.map(({ claimId: id }) => ({ queue, id }));
        await expect(harness.driver.claims.get(first as never)).rejects.toMatchObject({ code: "CLAIM_DOES_NOT_EXIST" });
        const rest = await harness.driver.claims.get(second as never);
        expect([idsOf(rest.messages), rest.claim.messageCount]).toEqual([ids.slice(2, 4), 2]);
        expect(await harness.driver.messages.bulkGet({ queue, ids: ids.slice(0, 2) })).toEqual([]);
        expect(await harness.driver.messages.purge({ queue, before: { marker } })).toEqual({ messages: 0 });
        expect(await harness.driver.messages.purge({ queue, before: { marker: "0" } })).toEqual({ messages: 0 });
        const popped = await harness.driver.messages.pop({ queue, limit: 10 });
        expect(idsOf(popped)).toEqual(ids.slice(4));
      });

      it("a purge before a marker that nobody has got yet removes what is there, and nothing that comes later", async () => {
        const queue = await harness.newQueue();
        await post(harness, queue, 3);
        const before = { marker: "9000000000000000000" };
        expect(await harness.driver.messages.purge({ queue, before, idempotencyKey: "k" })).toEqual({ messages: 3 });
        const later = await post(harness, queue, 2);
        expect(await harness.driver.messages.purge({ queue, before, idempotencyKey: "k" })).toEqual({ messages: 3 });
        expect(idsOf(await readAll(harness.driver, queue))).toEqual(later);
      });

      it("a purge before a time of any year removes nothing when it is long ago, and all when it is far ahead", async () => {
        const { purge } = harness.driver.messages;
        const queue = await harness.newQueue();
        const bound = (time: string | number) => ({ queue, before: { time: new Date(time) } });
        for (const [early, late] of [
          ["0000-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00"],
          ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999Z"],
          [-8.64e15, 8.64e15],
        ] as const) {
          await post(harness, queue, 3);
          expect(await purge({ ...bound(early), idempotencyKey: String(early) })).toEqual({ messages: 0 });
          expect(await purge(bound(late))).toEqual({ messages: 3 });
        }
      });

      it("a purge before a time removes the messages that were posted before it", async () => {
        const queue = await harness.newQueue();
        for (let round = 0; round < 5; round += 1) {
          await post(harness, queue, 7);
          advance(harness, 10);
        }
        // One of the first is gone already, and so is the last of all.
        const all = await readAll(harness.driver, queue);
        await harness.driver.messages.bulkDelete({ queue, ids: [all[3]?.id as string, all[34]?.id as string] });
        const { purge } = harness.driver.messages;
        const time = all[14]?.createdAt as Date;
        expect(await purge({ queue, before: { time: new Date(0) } })).toEqual({ messages: 0 });
        expect(await purge({ queue, before: { time } })).toEqual({ messages: 13 });
        expect(idsOf(await readAll(harness.driver, queue))).toEqual(idsOf(all.slice(14, 34)));
        expect(await purge({ queue, before: { time } })).toEqual({ messages: 0 });
        expect(await purge({ queue, before: { time: new Date(Number(all[34]?.createdAt) + 1000) } })).toEqual({
          messages: 20,
        });
        expect(await post(harness, queue, 1)).toEqual(idsOf(await readAll(harness.driver, queue)));
      });

      it("a purge before a marker removes many messages, and repeated with its key no later ones", async () => {
        const queue = await harness.newQueue();
        await post(harness, queue, 1700);
        await claim(harness, queue, { limit: 3 });
        const kept = await post(harness, queue, 2);
        const { marker } = await harness.driver.messages.get({ queue, id: kept[0] as string });
        const params = { queue, before: { marker }, idempotencyKey: "k" };
        expect(await harness.driver.messages.purge(params)).toEqual({ messages: 1700 });
        expect(await harness.neighbour.messages.purge(params)).toEqual({ messages: 1700 });
        expect((await harness.driver.claims.list({ queue, page: { limit: 5 } })).items).toEqual([]);
        const [stats] = await harness.driver.messages.stats([queue]);
        expect(stats).toMatchObject({ ready: 2, claimed: 0, total: 2, oldest: { id: kept[0] } });
        advance(harness, 31);
        await harness.driver.gc();
        expect(idsOf(await readAll(harness.driver, queue))).toEqual(kept);
      });

      it("a purge during concurrent posts leaves no message from before it", async () => {
        const queue = await harness.newQueue();
        const before = await post(harness, queue, 20);
        const [, during] = await Promise.all([
          harness.driver.messages.purge({ queue }),
          Promise.all(Array.from({ length: 10 }, () => post(harness, queue, 1))),
        ]);
        const left = new Set(idsOf(await readAll(harness.driver, queue)));
        for (const id of before) expect(left.has(id)).toBe(false);
        for (const id of left) expect(during.flat()).toContain(id);
      });

      it("gc frees the rows of a purge once it can no longer be undone", async () => {
        const queue = await harness.newQueue();
        await post(harness, queue, 30);
        await harness.driver.messages.purge({ queue });
        const early = await harness.driver.gc();
        advance(harness, 31);
        const late = await harness.driver.gc();
        expect(early.messages + late.messages).toBeGreaterThanOrEqual(30);
        expect(late.messages).toBeGreaterThanOrEqual(30);
        expect(await post(harness, queue, 1)).toHaveLength(1);
        expect(await readAll(harness.driver, queue)).toHaveLength(1);
      });
    });

    describe("statistics", () => {
      it("count ready, claimed and delayed, and name the oldest and newest", async () => {
        const queue = await harness.newQueue();
        const ids = await post(harness, queue, 6);
        await claim(harness, queue, { limit: 2 });
        advance(harness, 5);
        const [delayed] = await post(harness, queue, 1, { delaySeconds: 60 });
        const [stats] = await harness.driver.messages.stats([queue]);
        expect(stats).toMatchObject({ ready: 4, claimed: 2, delayed: 1, exhausted: 0, total: 7, exact: true });
        expect(stats?.oldest).toMatchObject({ id: ids[0], ageSeconds: 5 });
        expect(stats?.newest).toMatchObject({ id: delayed, ageSeconds: 0 });
      });

      it("come for many queues in the order asked, null for missing ones", async () => {
        const a = await harness.newQueue();
        const b = await harness.newQueue();
        await post(harness, a, 3);
        await post(harness, b, 1);
        const missing = { project: a.project, name: uniqueName("missing") };
        const stats = await harness.driver.messages.stats([b, missing, a, b]);
        expect(stats.map((one) => one?.total ?? null)).toEqual([1, null, 3, 1]);
      });

      it("statistics of a long queue come from counters, nearly exact, and say that they are not exact", async () => {
        const queue = await harness.newQueue();
        for (let round = 0; round < 12; round += 1) await post(harness, queue, 1000);
        await claim(harness, queue, { limit: 100 });
        await harness.driver.gc();
        const [long] = await harness.driver.messages.stats([queue]);
        expect(long).toMatchObject({ total: 12_000, claimed: 100, ready: 11_900, exhausted: 0, exact: false });
        const [spent] = await harness.driver.messages.stats([{ ...queue, exhaustedFrom: 0 }]);
        expect(spent).toMatchObject({ total: 12_000, claimed: 100, delayed: 0, exact: false });
        // The count of exhausted messages is a lower bound here. The rest counts as ready.
        expect(spent?.exhausted).toBeGreaterThanOrEqual(9_900);
        expect((spent?.exhausted ?? 0) + (spent?.ready ?? 0)).toBe(11_900);
        await harness.driver.messages.purge({ queue });
        expect((await harness.driver.messages.stats([queue]))[0]).toMatchObject({ total: 0, exact: true });
      });
    });

    describe("arrivals", () => {
      it("posts and releases are reported to watchers in this process and in others, until they stop watching", async () => {
        const queue = await harness.newQueue();
        const quiet = await harness.newQueue();
        const heard: { here: string[]; there: string[] } = { here: [], there: [] };
        const stopHere = harness.driver.watchArrivals(({ name }) => heard.here.push(name));
        const stopThere = harness.neighbour.watchArrivals(({ name }) => heard.there.push(name));
        await vi.waitFor(
          async () => {
            await post(harness, queue, 1);
            expect(heard.there).toContain(queue.name);
          },
          { timeout: 10_000, interval: 50 },
        );
        expect(heard.here).toContain(queue.name);
        expect([...heard.here, ...heard.there]).not.toContain(quiet.name);
        stopHere();
        heard.here.length = 0;
        await post(harness, queue, 1);
        expect(heard.here).toEqual([]);
        const { claimId } = await claim(harness, queue, { limit: 1 });
        heard.there.length = 0;
        await harness.driver.claims.delete({ queue, id: claimId });
        await vi.waitFor(() => expect(heard.there).toContain(queue.name), { timeout: 10_000, interval: 20 });
        stopThere();
      });
    });

    describe("headers", () => headerCases(() => harness));

    describe("transferring", () => {
      it("a transfer moves what a claim holds to the end of another queue, under the same ids, with neither claim nor count", async () => {
        const from = await harness.newQueue();
        const to = await harness.newQueueBeside(from);
        const [there] = await post(harness, to, 1);
        const ids = await post(harness, from, 3);
        const held = await claim(harness, from, { limit: 2 });
        const move = { from, to, ids, claimId: held.claimId, ttlSeconds: 500 };
        expect(await harness.driver.messages.transfer(move)).toBe(2);
        expect(idsOf(await readAll(harness.driver, from))).toEqual([ids[2]]);
        const moved = await readAll(harness.driver, to);
        expect(idsOf(moved)).toEqual([there, ids[0], ids[1]]);
        expect(moved[1]).toMatchObject({ claim: null, claimCount: 0, ttlSeconds: 500, bodyText: "0" });
        expect(await harness.driver.messages.transfer(move)).toBe(0);
        expect(await harness.driver.messages.get({ queue: to, id: ids[0] as string })).toMatchObject({ id: ids[0] });
        expect(await harness.driver.messages.delete({ queue: to, id: ids[0] as string })).toBe("deleted");
        const again = await claim(harness, to, { limit: 5 });
        expect(idsOf(again.messages)).toEqual([there, ids[1]]);
      });

      it("a transfer with an expired claim moves nothing", async () => {
        const from = await harness.newQueue();
        const to = await harness.newQueueBeside(from);
        const ids = await post(harness, from, 1);
        const held = await claim(harness, from, { ttlSeconds: 10 });
        advance(harness, 10);
        const move = { from, to, ids, claimId: held.claimId, ttlSeconds: null };
        expect(await harness.driver.messages.transfer(move)).toBe(0);
        expect(await readAll(harness.driver, from)).toHaveLength(1);
      });

      it("adopt adds copies once, under their own ids and with the ttl that is left", async () => {
        const queue = await harness.newQueue();
        const target = await harness.newQueueBeside(queue);
        await post(harness, queue, 2, { ttlSeconds: 300 });
        advance(harness, 100);
        const messages = await readAll(harness.driver, queue);
        await harness.driver.messages.adopt({ queue: target, messages, ttlSeconds: null });
        await harness.driver.messages.adopt({ queue: target, messages, ttlSeconds: null });
        const adopted = await readAll(harness.driver, target);
        expect(idsOf(adopted)).toEqual(idsOf(messages));
        const left = (adopted[0]?.expiresAt.getTime() ?? 0) - (adopted[0]?.createdAt.getTime() ?? 0);
        expect(Math.abs(left - 200_000)).toBeLessThan(2000);
      });
    });
  });
}
