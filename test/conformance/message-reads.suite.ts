import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { aMessage, bodies, claim, type DataDriverHarness, idsOf, post, uniqueName } from "./harness.ts";
import { walk } from "./walk.ts";

/** Cases of a suite whose harness `harness` gives: messages are listed and looked up. */
export function readCases(harness: () => DataDriverHarness): void {
  const list = (queue: QueueRef, page: { after?: string; before?: string; limit?: number } = {}, options = {}) =>
    harness().driver.messages.list({ queue, page: { limit: 10, ...page }, ...options });

  describe("listing", () => {
    it("pages forward and back by marker without gap or overlap", async () => {
      const queue = await harness().newQueue();
      const ids = await post(harness(), queue, 25);
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
            const found = await harness().driver.messages.list({ queue, page });
            return { ...found, items: idsOf(found.items) };
          },
          [7],
        ),
      ).toEqual(ids);
    });

    it("a page leaves out claimed and delayed messages unless asked for them, and is full all the same", async () => {
      const queue = await harness().newQueue();
      const claimed = await post(harness(), queue, 5);
      await claim(harness(), queue, { limit: 5 });
      const delayed = await post(harness(), queue, 3, { delaySeconds: 60 });
      const free = await post(harness(), queue, 10);
      expect(idsOf((await list(queue)).items)).toEqual(free);
      expect(idsOf((await list(queue, { limit: 20 }, { includeClaimed: true })).items)).toEqual([...claimed, ...free]);
      expect(idsOf((await list(queue, { limit: 20 }, { includeDelayed: true })).items)).toEqual([...delayed, ...free]);
    });

    it("a list can leave out the messages of one client", async () => {
      const queue = await harness().newQueue();
      await harness().driver.messages.post({ queue, messages: [aMessage("mine")], clientId: "me" });
      await harness().driver.messages.post({ queue, messages: [aMessage("theirs")], clientId: "them" });
      await harness().driver.messages.post({ queue, messages: [aMessage("nobody's")], clientId: null });
      expect(bodies((await list(queue, {}, { exceptClientId: "me" })).items)).toEqual(["theirs", "nobody's"]);
      expect((await list(queue)).items).toHaveLength(3);
    });

    it("a marker that no page could have given is refused", async () => {
      const queue = await harness().newQueue();
      await post(harness(), queue, 1);
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
      const queue = await harness().newQueue();
      const posters = 8;
      const rounds = 40;
      let posting = true;
      const posted: string[] = [];
      const work = Promise.all(
        Array.from({ length: posters }, async (_, poster) => {
          const driver = poster % 2 === 0 ? harness().driver : harness().neighbour;
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
      const queue = await harness().newQueue();
      const [first] = await post(harness(), queue, 1);
      const [second] = await post(harness(), queue, 1, { delaySeconds: 60 });
      const { claim: made } = await claim(harness(), queue);
      expect(await harness().driver.messages.get({ queue, id: first as string })).toMatchObject({
        claim: { id: made?.id },
        claimCount: 1,
      });
      const delayed = await harness().driver.messages.get({ queue, id: second as string });
      expect(delayed.delayedUntil).toBeInstanceOf(Date);
    });

    it("a malformed or unknown message id is MESSAGE_DOES_NOT_EXIST", async () => {
      const queue = await harness().newQueue();
      for (const id of ["", "nonsense", randomUUID(), "x".repeat(1000)]) {
        await expect(harness().driver.messages.get({ queue, id })).rejects.toMatchObject({
          code: "MESSAGE_DOES_NOT_EXIST",
        });
      }
    });

    it("a get by ids returns those that exist, in the order asked, each once", async () => {
      const queue = await harness().newQueue();
      const [a, b, c] = (await post(harness(), queue, 3)) as [string, string, string];
      const found = await harness().driver.messages.bulkGet({ queue, ids: [c, randomUUID(), a, "nope", c, b] });
      expect(idsOf(found)).toEqual([c, a, b]);
    });

    it("a message cannot be read or deleted through another queue", async () => {
      const queue = await harness().newQueue();
      const other = await harness().newQueueBeside(queue);
      const [id] = (await post(harness(), queue, 1)) as [string];
      await expect(harness().driver.messages.get({ queue: other, id })).rejects.toMatchObject({
        code: "MESSAGE_DOES_NOT_EXIST",
      });
      expect(await harness().driver.messages.delete({ queue: other, id })).toBe("absent");
      expect(await harness().driver.messages.bulkDelete({ queue: other, ids: [id] })).toEqual({ deleted: 0, left: [] });
      await harness().driver.messages.get({ queue, id });
    });

    it("messages stay apart in queues whose project and name join to the same text", async () => {
      const suffix = uniqueName("c");
      const left = await harness().newQueue(suffix, "a.b");
      const right = await harness().newQueue(`b.${suffix}`, "a");
      await post(harness(), left, 2);
      expect((await list(right)).items).toEqual([]);
      expect((await list(left)).items).toHaveLength(2);
    });

    it("first returns the oldest or the newest message, claimed ones included, and QUEUE_IS_EMPTY when there is none", async () => {
      const queue = await harness().newQueue();
      await expect(harness().driver.messages.first({ queue, sort: 1 })).rejects.toMatchObject({
        code: "QUEUE_IS_EMPTY",
      });
      const ids = await post(harness(), queue, 3);
      await claim(harness(), queue, { limit: 3 });
      expect((await harness().driver.messages.first({ queue, sort: 1 })).id).toBe(ids[0]);
      expect((await harness().driver.messages.first({ queue, sort: -1 })).id).toBe(ids[2]);
    });
  });
}
