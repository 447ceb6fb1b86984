import { describe, expect, it } from "vitest";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { aMessage, type DataDriverHarness, idsOf, post, readAll, uniqueName } from "./harness.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Cases of a suite whose harness `harness` gives: messages are posted. */
export function postCases(harness: () => DataDriverHarness): void {
  describe("posting", () => {
    it("a post returns ids in the order of its messages, and the queue keeps that order", async () => {
      const queue = await harness().newQueue();
      const ids = await post(harness(), queue, 51);
      expect(new Set(ids).size).toBe(51);
      for (const id of ids) expect(id).toMatch(UUID);
      expect(idsOf(await readAll(harness().driver, queue))).toEqual(ids);
    });

    it("a body is kept exactly as it was sent", async () => {
      const queue = await harness().newQueue();
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
      const { ids } = await harness().driver.messages.post({ queue, messages, clientId: null });
      const found = await harness().driver.messages.bulkGet({ queue, ids });
      expect(found.map((message) => message.bodyText)).toEqual(texts);
    });

    it("a new message shows all its fields", async () => {
      const queue = await harness().newQueue();
      const { ids } = await harness().driver.messages.post({
        queue,
        messages: [aMessage("x", { ttlSeconds: 120 })],
        clientId: "client-1",
      });
      const message = await harness().driver.messages.get({ queue, id: ids[0] as string });
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
      await expect(post(harness(), queue, 1)).rejects.toMatchObject({ code: "QUEUE_DOES_NOT_EXIST" });
    });

    it("a post of no messages returns no ids", async () => {
      const queue = await harness().newQueue();
      expect(await harness().driver.messages.post({ queue, messages: [], clientId: null })).toEqual({ ids: [] });
    });

    it("concurrent posts from two processes each stay together, and none is lost", async () => {
      const queue = await harness().newQueue();
      const posts = await Promise.all(
        Array.from({ length: 60 }, async (_, index) => {
          const driver = index % 2 === 0 ? harness().driver : harness().neighbour;
          const messages = [0, 1, 2].map((part) => aMessage([index, part]));
          return (await driver.messages.post({ queue, messages, clientId: null })).ids;
        }),
      );
      const order = idsOf(await readAll(harness().driver, queue, 50));
      expect(order.length).toBe(180);
      for (const ids of posts) {
        const start = order.indexOf(ids[0] as string);
        expect(order.slice(start, start + 3)).toEqual(ids);
      }
    });

    it("concurrent posts with different terms to several queues keep their terms, and one to a missing queue fails alone", async () => {
      const queues = [await harness().newQueue(), await harness().newQueue(), await harness().newQueue()];
      const kinds = Array.from({ length: 30 }, (_, index) => ({
        queue: queues[index % 3] as QueueRef,
        clientId: index % 2 === 0 ? null : `client-${index % 5}`,
        messages: [0, 1].map((part) =>
          aMessage([index, part], { ttlSeconds: 100 + index + part, delaySeconds: index % 4 === 0 ? 50 : 0 }),
        ),
      }));
      const missing = { project: "p", name: uniqueName("missing") };
      const [gone, ...posted] = await Promise.allSettled([
        post(harness(), missing, 1),
        ...kinds.map((kind) => harness().driver.messages.post(kind)),
      ]);
      expect(gone).toMatchObject({ status: "rejected", reason: { code: "QUEUE_DOES_NOT_EXIST" } });
      for (const [index, { queue, clientId, messages }] of kinds.entries()) {
        const one = posted[index];
        if (one?.status !== "fulfilled") throw new Error(`Post ${index} failed.`, { cause: one?.reason });
        const got = await harness().driver.messages.bulkGet({ queue, ids: one.value.ids });
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
      const queue = await harness().newQueue();
      const params = { queue, messages: [aMessage(1), aMessage(2)], clientId: null, idempotencyKey: "key-1" };
      const first = await harness().driver.messages.post(params);
      const repeats = await Promise.all([
        harness().driver.messages.post(params),
        harness().neighbour.messages.post(params),
      ]);
      for (const repeat of repeats) expect(repeat.ids).toEqual(first.ids);
      expect(await readAll(harness().driver, queue)).toHaveLength(2);
      await expect(harness().driver.messages.post({ ...params, messages: [aMessage("other")] })).rejects.toMatchObject({
        code: "IDEMPOTENCY_KEY_REUSED",
      });
    });

    it("concurrent posts with one idempotency key add their messages once", async () => {
      const queue = await harness().newQueue();
      const params = { queue, messages: [aMessage(1)], clientId: null, idempotencyKey: "race" };
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          (index % 2 === 0 ? harness().driver : harness().neighbour).messages.post(params),
        ),
      );
      expect(new Set(answers.map((answer) => answer.ids[0])).size).toBe(1);
      expect(await readAll(harness().driver, queue)).toHaveLength(1);
    });
  });
}
