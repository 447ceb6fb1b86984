import { randomUUID } from "node:crypto";
import { expect, it } from "vitest";
import { DomainError } from "../../server/errors.ts";
import { MAX_CARRIED_BYTES, type Message } from "../../server/storage/data-driver.ts";
import type { Page } from "../../server/storage/list-pages.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { advance, claim, type DataDriverHarness, idsOf, post, uniqueName } from "./harness.ts";

const ALL = { maxBytes: MAX_CARRIED_BYTES, pageBytes: MAX_CARRIED_BYTES };
const EVERY_STATE = { includeClaimed: true, includeDelayed: true, includeExhausted: true };
const missing = (): QueueRef => ({ project: "project", name: uniqueName("missing") });
const codesOf = (results: readonly unknown[]) =>
  results.map((result) => (result instanceof DomainError ? result.code : result === null ? "left out" : "read"));
/** `ageSeconds` may be a second more in the later of two reads. */
const ageless = (read: unknown) => JSON.parse(JSON.stringify(read, (key, value) => (key === "ageSeconds" ? 0 : value)));
const pageIds = (results: readonly unknown[]) => results.map((result) => idsOf((result as Page<Message>).items));

/** Cases of a suite whose harness `harness` gives: a batch reads of each queue what a read of that queue alone does. */
export function batchCases(harness: () => DataDriverHarness): void {
  async function queues(...counts: number[]): Promise<{ queues: QueueRef[]; ids: string[][] }> {
    const all: QueueRef[] = [];
    for (const _ of counts) all.push(await harness().newQueue());
    const ids = await Promise.all(all.map((queue, index) => post(harness(), queue, counts[index] ?? 0)));
    return { queues: all, ids };
  }

  it("a batch of pages has for each queue the page that a list of it has, forwards and backwards, with every filter", async () => {
    const { driver } = harness();
    const { queues: some, ids } = await queues(3, 0, 12);
    const [first, , third] = some as [QueueRef, QueueRef, QueueRef];
    await claim(harness(), third, { limit: 4 });
    await driver.messages.post({
      queue: first,
      messages: [{ bodyText: '"delayed"', ttlSeconds: 3600, delaySeconds: 1000 }],
      clientId: "me",
    });
    const all = await driver.messages.list({ queue: third, page: { limit: 100 }, ...EVERY_STATE });
    const middle = all.items[6]?.marker as string;
    const pages = [{ limit: 1 }, { limit: 5 }, { limit: 100 }, { limit: 3, atEnd: true }];
    for (const page of [...pages, { limit: 3, after: middle }, { limit: 3, before: middle }]) {
      for (const filters of [
        {},
        { includeClaimed: true },
        { includeDelayed: true },
        EVERY_STATE,
        { exceptClientId: "me", includeDelayed: true },
      ]) {
        const batch = await driver.batch.messages({ queues: some, page, ...filters, ...ALL });
        const alone = await Promise.all(some.map((queue) => driver.messages.list({ queue, page, ...filters })));
        expect(ageless(batch)).toEqual(ageless(alone));
      }
    }
    expect(pageIds(await driver.batch.messages({ queues: some, page: { limit: 2 }, ...ALL }))).toEqual([
      ids[0]?.slice(0, 2),
      [],
      ids[2]?.slice(4, 6),
    ]);
  });

  it("in a batch each queue has its own count from which messages are exhausted", async () => {
    const { driver } = harness();
    const { queues: some, ids } = await queues(2, 2, 2);
    for (const queue of some) {
      const { claimId } = await claim(harness(), queue, { limit: 1 });
      await driver.claims.delete({ queue, id: claimId });
    }
    const counts = [1, 2, null];
    const counted = some.map((queue, index) => ({ ...queue, exhaustedFrom: counts[index] ?? null }));
    const found = await driver.batch.messages({ queues: counted, page: { limit: 10 }, ...ALL });
    expect(pageIds(found)).toEqual([ids[0]?.slice(1), ids[1], ids[2]]);
    const every = await driver.batch.messages({ queues: counted, page: { limit: 10 }, includeExhausted: true, ...ALL });
    expect(pageIds(every)).toEqual(ids);
  });

  it("a queue that does not exist fails alone in every batch", async () => {
    const { driver } = harness();
    const { queues: some, ids } = await queues(1, 1);
    const [first, second] = some as [QueueRef, QueueRef];
    const { claimId } = await claim(harness(), first, { limit: 1 });
    const asked = [first, missing(), second];
    const page = { limit: 10 };
    const one = ["read", "QUEUE_DOES_NOT_EXIST", "read"];
    expect(codesOf(await driver.batch.messages({ queues: asked, page, ...ALL }))).toEqual(one);
    expect(codesOf(await driver.batch.messagesById({ queues: asked, ids: ids.flat(), ...ALL }))).toEqual(one);
    expect(codesOf(await driver.batch.claims({ queues: asked, page }))).toEqual(one);
    const claims = asked.map((queue) => ({ ...queue, claimId }));
    expect(codesOf(await driver.batch.claimsById({ claims, ...ALL }))).toEqual([
      "read",
      "QUEUE_DOES_NOT_EXIST",
      "CLAIM_DOES_NOT_EXIST",
    ]);
  });

  it("a batch of no queues reads nothing", async () => {
    const { batch } = harness().driver;
    const page = { limit: 10 };
    expect(await batch.messages({ queues: [], page, ...ALL })).toEqual([]);
    expect(await batch.messagesById({ queues: [], ids: [], ...ALL })).toEqual([]);
    expect(await batch.claims({ queues: [], page })).toEqual([]);
    expect(await batch.claimsById({ claims: [], ...ALL })).toEqual([]);
    expect(await batch.subscriptions({ queues: [], page })).toEqual([]);
  });

  it("a batch by ids has of each queue those of the messages that are in it, in the order of the ids", async () => {
    const { driver } = harness();
    const { queues: some, ids } = await queues(3, 2);
    const wanted = [...ids.flat().reverse(), randomUUID(), "no id"];
    const batch = await driver.batch.messagesById({ queues: some, ids: wanted, ...ALL });
    const alone = await Promise.all(some.map((queue) => driver.messages.bulkGet({ queue, ids: wanted })));
    expect(ageless(batch)).toEqual(ageless(alone));
    expect(batch.map((found) => idsOf(found as Message[]))).toEqual(ids.map((own) => own.toReversed()));
  });

  it("a batch of claims has the live claims of each queue, and their messages come in another batch", async () => {
    const { driver } = harness();
    const { queues: some } = await queues(6, 1, 4);
    const [first, , third] = some as [QueueRef, QueueRef, QueueRef];
    const held = [
      { queue: first, ...(await claim(harness(), first, { limit: 2 })) },
      { queue: third, ...(await claim(harness(), third, { limit: 3 })) },
      { queue: first, ...(await claim(harness(), first, { limit: 3 })) },
    ];
    await claim(harness(), third, { limit: 1, ttlSeconds: 60 });
    advance(harness(), 70);
    for (const page of [{ limit: 1 }, { limit: 10 }, { limit: 1, after: held[0]?.claimId as string }]) {
      const batch = await driver.batch.claims({ queues: some, page });
      const alone = await Promise.all(some.map((queue) => driver.claims.list({ queue, page })));
      expect(ageless(batch)).toEqual(ageless(alone));
    }
    const claims = held.map(({ queue, claimId }) => ({ ...queue, claimId }));
    const after = held[2]?.messages[0]?.marker as string;
    for (const from of [{}, { after }]) {
      const batch = await driver.batch.claimsById({ claims, ...from, ...ALL });
      const alone = await Promise.all(
        held.map(({ queue, claimId }) => driver.claims.get({ queue, id: claimId, ...from })),
      );
      expect(ageless(batch)).toEqual(ageless(alone));
    }
    const [, expired] = await driver.batch.claimsById({
      claims: [claims[0] as (typeof claims)[0], { ...first, claimId: "no id" }],
      ...ALL,
    });
    expect(codesOf([expired])).toEqual(["CLAIM_DOES_NOT_EXIST"]);
  });

  it("a batch of subscriptions has the page of each queue", async () => {
    const { driver } = harness();
    const { queues: some } = await queues(0, 0, 0);
    for (const queue of [some[0], some[2], some[2]] as QueueRef[]) {
      const subscriber = `http://${randomUUID()}.example`;
      await driver.subscriptions.create({ queue, subscriber, ttlSeconds: 3600, optionsText: "{}" });
    }
    for (const page of [{ limit: 1 }, { limit: 10 }, { limit: 1, atEnd: true }]) {
      const batch = await driver.batch.subscriptions({ queues: some, page });
      const alone = await Promise.all(some.map((queue) => driver.subscriptions.list({ queue, page })));
      expect(ageless(batch)).toEqual(ageless(alone));
    }
  });

  it("a batch returns no more than maxBytes, leaves out whole queues, and asking for these again gets everything", async () => {
    const { driver } = harness();
    const sizes = [[900, 900], [], [400, 400, 400], [1000], [3000], [10], [800, 800, 800]];
    const all: QueueRef[] = [];
    for (const bytes of sizes) {
      const queue = await harness().newQueue();
      const messages = bytes.map((size) => ({
        bodyText: `"${"x".repeat(size - 2)}"`,
        ttlSeconds: 3600,
        delaySeconds: 0,
      }));
      if (messages.length > 0) await driver.messages.post({ queue, messages, clientId: null });
      all.push(queue);
    }
    const ids = (await Promise.all(all.map((queue) => driver.messages.list({ queue, page: { limit: 10 } })))).map(
      ({ items }) => idsOf(items),
    );
    const held = await Promise.all(
      all.map(async (queue) => ({ ...queue, claimId: (await claim(harness(), queue)).claimId })),
    );
    const reads = {
      messages: async (indexes: number[]) =>
        (
          await driver.batch.messages({
            queues: indexes.map((index) => all[index] as QueueRef),
            page: { limit: 10 },
            includeClaimed: true,
            maxBytes: 4000,
            pageBytes: 2000,
          })
        ).map((page) => (page === null ? null : (page as Page<Message>).items)),
      messagesById: async (indexes: number[]) =>
        (await driver.batch.messagesById({
          queues: indexes.map((index) => all[index] as QueueRef),
          ids: ids.flat(),
          maxBytes: 4000,
          pageBytes: 2000,
        })) as (Message[] | null)[],
      claimsById: async (indexes: number[]) =>
        (
          await driver.batch.claimsById({
            claims: indexes.map((index) => held[index] as (typeof held)[0]),
            maxBytes: 4000,
            pageBytes: 2000,
          })
        ).map((found) => (found === null ? null : found instanceof DomainError ? [] : found.messages)),
    };
    for (const [name, read] of Object.entries(reads)) {
      const found = new Map<number, string[]>();
      for (let open = all.map((_, index) => index); open.length > 0; ) {
        const results = await read(open);
        const messages = results.flatMap((result) => result ?? []);
        const bytes = messages.reduce((sum, { bodyText }) => sum + Buffer.byteLength(bodyText), 0);
        expect(bytes, name).toBeLessThanOrEqual(4000);
        open.forEach((index, position) => {
          const result = results[position];
          if (result) found.set(index, idsOf(result));
        });
        const left = open.filter((index) => !found.has(index));
        expect(left.length, name).toBeLessThan(open.length);
        open = left;
      }
      // A page ends at 2,000 bytes, but has one message at least.
      const pages = ids.map((own, index) => (index === 6 ? own.slice(0, 2) : own));
      expect(
        all.map((_, index) => found.get(index)),
        name,
      ).toEqual(pages);
    }
  });

  it("a batch with no room for the first message of any queue reads nothing", async () => {
    const { driver } = harness();
    const { queues: some, ids } = await queues(1, 1);
    const held = await Promise.all(
      some.map(async (queue) => ({ ...queue, claimId: (await claim(harness(), queue)).claimId })),
    );
    const bytes = { maxBytes: 0, pageBytes: 1000 };
    const page = { limit: 10 };
    const none = [null, null];
    expect(await driver.batch.messages({ queues: some, page, includeClaimed: true, ...bytes })).toEqual(none);
    expect(await driver.batch.messagesById({ queues: some, ids: ids.flat(), ...bytes })).toEqual(none);
    expect(await driver.batch.claimsById({ claims: held, ...bytes })).toEqual(none);
  });
}
