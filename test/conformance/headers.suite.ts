import { expect, it } from "vitest";
import type { Message } from "../../server/storage/data-driver.ts";
import { headersText, type MessageHeaders, messageBytes } from "../../server/storage/messages/message-headers.ts";
import type { TransferKind } from "../../server/storage/messages/transfer-kind.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { advance, aMessage, claim, type DataDriverHarness, idsOf, post, readAll } from "./harness.ts";

/** Names that JavaScript treats as numbers or as its own, and values with all that JSON and a record escape. */
const ODD = { "1": "one", __proto__x: "", "a name, with = and %": 'a "value"\n\u0001 \\ 📮', "headers:": "headers:{}" };
const headersOf = (messages: readonly Message[]) => messages.map(({ headers }) => headers);

/** Cases of a suite whose harness `harness` gives: headers, and where a dead letter came from. */
export function headerCases(harness: () => DataDriverHarness): void {
  const driver = () => harness().driver;

  it("headers come back as they were posted from every call that returns messages, and bodies are what they were", async () => {
    const queue = await harness().newQueue();
    const bodies = ['{"n": 1}', '"headers:{}\\n"', " [1]", "4"];
    const headers: (MessageHeaders | null)[] = [ODD, null, { type: "order" }, {}];
    const messages = bodies.map((bodyText, index) => ({ ...aMessage(), bodyText, headers: headers[index] }));
    const { ids } = await driver().messages.post({ queue, messages, clientId: null });
    const expected = bodies.map((bodyText, index) => ({
      id: ids[index],
      bodyText,
      headers: index === 3 ? null : headers[index],
    }));
    const page = { limit: 10 };
    expect((await driver().messages.list({ queue, page })).items).toMatchObject(expected);
    expect((await driver().messages.list({ queue, page, exceptClientId: "nobody" })).items).toMatchObject(expected);
    expect(await driver().messages.bulkGet({ queue, ids })).toMatchObject(expected);
    expect(await driver().messages.get({ queue, id: ids[0] as string })).toMatchObject(expected[0] as object);
    expect(await driver().messages.first({ queue, sort: 1 })).toMatchObject(expected[0] as object);
    const bytes = { maxBytes: 10_000, pageBytes: 10_000 };
    expect(await driver().batch.messages({ queues: [queue], page, ...bytes })).toMatchObject([{ items: expected }]);
    expect(await driver().batch.messagesById({ queues: [queue], ids, ...bytes })).toMatchObject([expected]);
    const held = await claim(harness(), queue, { idempotencyKey: "once" });
    expect(held.messages).toMatchObject(expected);
    expect((await claim(harness(), queue, { idempotencyKey: "once" })).messages).toMatchObject(expected);
    expect((await driver().claims.get({ queue, id: held.claimId })).messages).toMatchObject(expected);
    await driver().claims.delete({ queue, id: held.claimId });
    const once = { queue, limit: 2, idempotencyKey: "pop" };
    expect(await driver().messages.pop(once)).toMatchObject(expected.slice(0, 2));
    expect(await harness().neighbour.messages.pop(once)).toMatchObject(expected.slice(0, 2));
    expect(await driver().messages.pop({ queue, limit: 10 })).toMatchObject(expected.slice(2));
  });

  it("messages with and without headers that are posted at the same time keep their own", async () => {
    const queues = [await harness().newQueue(), await harness().newQueue()];
    const posted = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const queue = queues[index % 2] as QueueRef;
        const headers = index % 3 === 0 ? null : { index: String(index) };
        const changes = { headers, ttlSeconds: index % 5 === 0 ? 100 : 200 };
        const messages = [aMessage(index, changes), aMessage(index, changes)];
        return { queue, headers, ...(await driver().messages.post({ queue, messages, clientId: null })) };
      }),
    );
    for (const { queue, ids, headers } of posted) {
      expect(headersOf(await driver().messages.bulkGet({ queue, ids }))).toEqual([headers, headers]);
    }
  });

  it("an idempotency key belongs to the headers too", async () => {
    const queue = await harness().newQueue();
    const send = (headers: Record<string, string> | null | undefined) =>
      driver().messages.post({ queue, messages: [aMessage(1, { headers })], clientId: null, idempotencyKey: "k" });
    const first = await send(null);
    for (const none of [undefined, null, {}]) expect(await send(none)).toEqual(first);
    await expect(send({ a: "1" })).rejects.toMatchObject({ code: "IDEMPOTENCY_KEY_REUSED" });
    expect(await readAll(driver(), queue)).toHaveLength(1);
  });

  it("a repeat of another trace is the same post, and the message keeps the trace of the first", async () => {
    const queue = await harness().newQueue();
    const traceOf = (digit: string) => ({
      traceparent: `00-${digit.repeat(32)}-${digit.repeat(16)}-01`,
      tracestate: digit,
    });
    const send = (headers: Record<string, string> | null) =>
      driver().messages.post({ queue, messages: [aMessage(1, { headers })], clientId: null, idempotencyKey: "k" });
    const first = await send({ a: "1", ...traceOf("1") });
    for (const trace of [traceOf("2"), {}]) expect(await send({ a: "1", ...trace })).toEqual(first);
    expect(headersOf(await readAll(driver(), queue))).toEqual([{ a: "1", ...traceOf("1") }]);
    await expect(send(traceOf("1"))).rejects.toMatchObject({ code: "IDEMPOTENCY_KEY_REUSED" });
  });

  it("limits in bytes count headers as JSON, to the byte", async () => {
    const queue = await harness().newQueue();
    const headers = { name: "é".repeat(100) };
    const messages = [0, 1, 2, 3].map((body) => aMessage(body, { headers: body === 3 ? null : headers }));
    const { ids } = await driver().messages.post({ queue, messages, clientId: null });
    const [first] = await readAll(driver(), queue);
    const bytes = messageBytes(first as Message);
    expect(bytes).toBe(1 + Buffer.byteLength(headersText(headers) as string));
    const page = { limit: 10 };
    for (const [maxBytes, count] of [
      [3 * bytes + 1, 4],
      [3 * bytes, 3],
      [2 * bytes, 2],
      [2 * bytes - 1, 1],
    ] as const) {
      const expected = ids.slice(0, count);
      expect(idsOf((await driver().messages.list({ queue, page, maxBytes })).items)).toEqual(expected);
      expect(idsOf(await driver().messages.bulkGet({ queue, ids, maxBytes }))).toEqual(expected);
      const [batch] = await driver().batch.messages({ queues: [queue], page, maxBytes: 9000, pageBytes: maxBytes });
      expect(batch).toMatchObject({ items: expected.map((id) => ({ id })) });
      const held = await claim(harness(), queue, { maxBytes });
      expect(idsOf(held.messages)).toEqual(expected);
      await driver().claims.delete({ queue, id: held.claimId });
    }
    const held = await claim(harness(), queue);
    const part = await driver().claims.get({ queue, id: held.claimId, maxBytes: 2 * bytes });
    expect(idsOf(part.messages)).toEqual(ids.slice(0, 2));
    await driver().claims.delete({ queue, id: held.claimId });
    expect(idsOf(await driver().messages.pop({ queue, limit: 10, maxBytes: 2 * bytes }))).toEqual(ids.slice(0, 2));
  });

  it("a copy has the messages that the claim holds, and adopt adds them with their headers", async () => {
    const queue = await harness().newQueue();
    const target = await harness().newQueueBeside(queue);
    const ids = await post(harness(), queue, 3, { headers: ODD });
    const { claimId } = await claim(harness(), queue, { limit: 2 });
    const messages = await driver().messages.copy({ queue, ids, claimId, as: "move" });
    expect(messages).toMatchObject([0, 1].map((index) => ({ id: ids[index], headers: ODD, deadLettered: null })));
    expect(await driver().messages.copy({ queue, ids: ids.slice(2), claimId, as: "move" })).toEqual([]);
    const dead = await driver().messages.copy({ queue, ids, claimId, as: "deadLetter" });
    expect(dead).toMatchObject([0, 1].map(() => ({ deadLettered: { queue: queue.name, deliveries: 1, claimId } })));
    await driver().messages.adopt({ queue: target, messages: dead, ttlSeconds: null, from: queue.name });
    expect(await readAll(driver(), target)).toMatchObject(
      dead.map(({ id, headers, deadLettered }) => ({ id, headers, deadLettered })),
    );
  });

  it("a dead letter tells where it came from and who had it last; moving it back keeps that, the next time replaces it", async () => {
    const queue = await harness().newQueue();
    const dead = await harness().newQueueBeside(queue);
    const [id] = await post(harness(), queue, 1, { headers: ODD });
    const deliver = async (clientId: string | null) => {
      const { claimId } = await claim(harness(), queue, { clientId, ttlSeconds: 10, deadLettersFrom: 2 });
      advance(harness(), 10);
      return claimId;
    };
    const bury = async (from: QueueRef, to: QueueRef, as: TransferKind) => {
      const taken = await claim(harness(), from, { clientId: "mover", deadLettersFrom: 0 });
      const move = { from, to, ids: [id as string], claimId: taken.claimId, ttlSeconds: null, as };
      expect(await driver().messages.transfer(move)).toHaveLength(1);
      return driver().messages.get({ queue: to, id: id as string });
    };
    await deliver("worker 1");
    const claimId = await deliver("worker 2, 100%");
    // A mover that dies leaves the message held back. That was no delivery.
    await deliver("mover that dies");
    const first = await bury(queue, dead, "deadLetter");
    const told = { queue: queue.name, deliveries: 2, clientId: "worker 2, 100%", claimId, at: expect.any(Date) };
    expect(first).toMatchObject({ headers: ODD, claimCount: 0, deadLettered: told });
    expect(Math.abs(first.createdAt.getTime() - Number(first.deadLettered?.at))).toBeLessThan(5000);
    const back = await bury(dead, queue, "redrive");
    expect(back.deadLettered).toEqual(first.deadLettered);
    const popped = { queue: dead, limit: 1, idempotencyKey: "pop" };

    await deliver(null);
    const released = await claim(harness(), queue, { clientId: "worker 3", deadLettersFrom: 2 });
    await driver().claims.releaseMessages({ queue, claimId: released.claimId, ids: [id as string], delaySeconds: 0 });
    const second = await bury(queue, dead, "deadLetter");
    expect(second.deadLettered).toMatchObject({ deliveries: 2, clientId: "worker 3", claimId: null });
    expect(await driver().messages.pop(popped)).toMatchObject([{ deadLettered: second.deadLettered, headers: ODD }]);
    expect(await harness().neighbour.messages.pop(popped)).toMatchObject([{ deadLettered: second.deadLettered }]);
  });
}
