import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Engine } from "../../server/bootstrap.ts";
import { DomainError } from "../../server/errors.ts";
import { createOperations } from "../../server/operations/create-operations.ts";
import type { Operations } from "../../server/operations/operations.ts";
import { limitedTo } from "../support/access.ts";
import { admin, aService, codeOf, operator, over, refusal, type Service, viewer, withBroken } from "./a-service.ts";

let service: Service;
let other: Engine;
let operations: Operations;
beforeAll(async () => {
  service = await aService();
  other = await service.another();
  operations = service.operations;
});
afterAll(() => service.stop());

interface Address {
  project: string;
  queue: string;
}
let queues = 0;
const project = "p";
/** A queue with messages, which both processes know. */
async function aQueue(messages = 3) {
  queues += 1;
  const address = { project, queue: `q${queues}` };
  await operations.queues.create(operator, { ...address, metadataText: '{"_default_message_ttl":7200, "mine":1.0}' });
  const ids = await post(address, messages);
  expect(await read(address, other.operations)).toEqual(ids);
  return { address, ids };
}
async function post(address: Address, count: number, { operations: by }: Pick<Engine, "operations"> = service) {
  const messages = Array.from({ length: count }, (_, n) => ({ bodyText: String(n) }));
  return (await by.messages.post(operator, { ...address, clientId: null, messages })).ids;
}
const read = async (address: Address, by = operations) =>
  (await by.messages.list(operator, { ...address, includeClaimed: true, page: { limit: 20 } })).items.map(
    ({ id }) => id,
  );
const tokenOf = ({ undo }: { undo: { token: string } | null }) => undo?.token as string;
const undo = (token: string, by = operations) => by.undo.undo(operator, { token });
const stateOf = async (token: string) => {
  const found = await operations.undo.find(operator, { token });
  return found && [found.state, found.closedBecause];
};
const query = async (text: string, values: unknown[]) => {
  const client = new pg.Client({ connectionString: service.config.DATABASE_URL });
  await client.connect();
  await client.query(text, values);
  await client.end();
};
const broken = () => Promise.reject(new DomainError("STORAGE_UNAVAILABLE", "It crashed here."));

describe("a purge", () => {
  test("is taken back by another process, beside what was posted since; and every process sees it at once", async () => {
    const { address, ids } = await aQueue();
    await operations.claims.create(operator, { ...address, ttlSeconds: 100, graceSeconds: 60, limit: 1 });
    const purged = await operations.queues.purge(operator, address);
    expect(purged).toMatchObject({ messages: 3, undo: { action: "purgeQueue", messages: 3, actor: "otto" } });
    const [open] = await operations.undo.openOf(viewer, { queues: [{ project, name: address.queue }] });
    expect(open).toEqual(purged.undo);
    const later = await post(address, 2, other);

    expect(await undo(tokenOf(purged), other.operations)).toMatchObject({
      messages: 3,
      queue: { name: address.queue },
      undo: { state: "undone" },
    });
    for (const by of [operations, other.operations]) expect(await read(address, by)).toEqual([...ids, ...later]);
    expect(await operations.undo.openOf(viewer, { queues: [{ project, name: address.queue }] })).toEqual([null]);
    expect(await refusal(undo(tokenOf(purged)))).toMatchObject({ code: "UNDO_IS_OVER", details: { because: "used" } });
    const { items } = await operations.audit.list(admin, { target: address.queue, page: { limit: 1 } });
    expect(items[0]).toMatchObject({ action: "undo", actor: "otto", outcome: "failed" });
  });

  test("of subscriptions is taken back too", async () => {
    const { address } = await aQueue(1);
    const subscriber = "http://example.org/hook";
    await operations.subscriptions.create(operator, { ...address, subscriber, ttlSeconds: 600 });
    const purged = await operations.queues.purge(operator, { ...address, resources: ["subscriptions"] });
    expect(purged).toMatchObject({ messages: 0, subscriptions: 1 });
    expect(await undo(tokenOf(purged))).toMatchObject({ messages: 0 });
    const { items } = await operations.subscriptions.list(operator, { ...address, page: { limit: 5 } });
    expect(items).toMatchObject([{ subscriber, ttlSeconds: 600 }]);
  });

  test("that removed nothing has no undo, and a repeat with its key has that of the first call", async () => {
    const { address, ids } = await aQueue(2);
    const first = await operations.queues.purge(operator, { ...address, idempotencyKey: "k" });
    const again = await other.operations.queues.purge(operator, { ...address, idempotencyKey: "k" });
    expect(again).toEqual(first);
    await undo(tokenOf(again));
    expect(await read(address)).toEqual(ids);
    expect(await operations.queues.purge(operator, { ...address, idempotencyKey: "k" })).toMatchObject({
      messages: 2,
      undo: null,
    });
    await operations.queues.create(operator, { project, queue: "empty" });
    expect(await operations.queues.purge(operator, { project, queue: "empty" })).toMatchObject({
      messages: 0,
      undo: null,
    });
  });

  test("by a second click, and one of subscriptions alone, leave the first one's undo as it is", async () => {
    const { address, ids } = await aQueue(2);
    const first = await operations.queues.purge(operator, address);
    expect(await operations.queues.purge(operator, address)).toMatchObject({ messages: 0, undo: null });
    const subscriber = "http://example.org/hook";
    await operations.subscriptions.create(operator, { ...address, subscriber, ttlSeconds: 600 });
    await other.operations.queues.purge(operator, { ...address, resources: ["subscriptions"] });
    expect(await undo(tokenOf(first))).toMatchObject({ messages: 2 });
    expect(await read(address)).toEqual(ids);
  });

  test("whose messages could not be removed gives the subscriptions back that it had removed", async () => {
    const { address } = await aQueue(1);
    const subscriber = "http://example.org/hook";
    await operations.subscriptions.create(operator, { ...address, subscriber, ttlSeconds: 600 });
    const failing = withBroken(service, { data: { messages: over(service.data.messages, { purge: broken }) } });
    expect(await codeOf(failing.queues.purge(operator, address))).toBe("STORAGE_UNAVAILABLE");
    const [open] = await operations.undo.openOf(viewer, { queues: [{ project, name: address.queue }] });
    await undo(open?.token ?? "");
    const { items } = await operations.subscriptions.list(operator, { ...address, page: { limit: 5 } });
    expect(items).toMatchObject([{ subscriber }]);
    expect(await read(address)).toHaveLength(1);
  });

  test("that comes back while a subscription cannot be written is ended by a repeat, with all of them", async () => {
    const { address, ids } = await aQueue(2);
    const subscriber = "http://example.org/hook";
    await operations.subscriptions.create(operator, { ...address, subscriber, ttlSeconds: 600 });
    const purged = await operations.queues.purge(operator, address);
    const pool = await service.data.pool("default");
    const full = over(pool, { subscriptions: over(pool.subscriptions, { create: broken }) });
    const failing = withBroken(service, { data: { pool: async () => full } });
    expect(await codeOf(undo(tokenOf(purged), failing))).toBe("STORAGE_UNAVAILABLE");
    const create = () => Promise.reject(new TypeError("A defect of ours."));
    const wrong = over(pool, { subscriptions: over(pool.subscriptions, { create }) });
    await expect(undo(tokenOf(purged), withBroken(service, { data: { pool: async () => wrong } }))).rejects.toThrow();
    expect(await undo(tokenOf(purged))).toMatchObject({ undo: { state: "undone" } });
    const { items } = await operations.subscriptions.list(operator, { ...address, page: { limit: 5 } });
    expect(items).toMatchObject([{ subscriber }]);
    expect(await read(address)).toEqual(ids);
  });

  test("is not kept with UNDO_SECONDS=0", async () => {
    const { address } = await aQueue();
    const { control, data, config } = service;
    const never = createOperations({
      ...service,
      control,
      data,
      limits: { ...config, UNDO_SECONDS: 0 },
      now: () => performance.now(),
      warn: () => {},
    });
    expect(await never.queues.purge(operator, address)).toMatchObject({ messages: 3, undo: null });
    expect(await never.queues.delete(operator, address)).toEqual({ deleted: 1, undo: null });
  });
});

test("deletes without a claim are taken back, in any order, and a worker's delete is not", async () => {
  const { address, ids } = await aQueue(4);
  const { claim } = await operations.claims.create(operator, { ...address, ttlSeconds: 100, limit: 1 });
  const [held, one, two] = ids as [string, string, string];
  const forced = await operations.messages.delete(operator, { ...address, id: held, force: true });
  const some = await operations.messages.bulkDelete(operator, { ...address, ids: [one, two] });
  expect([forced, some]).toMatchObject([
    { outcome: "deleted", undo: { action: "deleteMessage", messages: 1 } },
    { deleted: 2, undo: { action: "deleteMessages", messages: 2 } },
  ]);
  expect(await undo(tokenOf(forced))).toMatchObject({ messages: 1 });
  expect(await undo(tokenOf(some), other.operations)).toMatchObject({ messages: 2 });
  expect(await read(address)).toEqual(ids);
  expect(claim).not.toBeNull();
  const taken = await operations.claims.create(operator, { ...address, ttlSeconds: 100, limit: 1 });
  const claimIds = [taken.claim?.id as string];
  expect(await operations.messages.bulkDelete(operator, { ...address, ids: [held], claimIds })).toEqual({
    deleted: 1,
    undo: null,
  });
  expect(await operations.messages.bulkDelete(operator, { ...address, ids: [held] })).toEqual({
    deleted: 0,
    undo: null,
  });
  const last = tokenOf(await operations.messages.bulkDelete(operator, { ...address, ids: [one] }));
  await operations.queues.purge(operator, address);
  expect(await refusal(undo(last))).toMatchObject({ code: "UNDO_IS_OVER", details: { because: "purged" } });
});

describe("it is too late", () => {
  const because = async (token: string) => {
    const refused = await refusal(undo(token));
    expect(await stateOf(token)).toEqual(["closed", refused?.details.because]);
    return [refused?.code, refused?.details.because];
  };

  test("once the queue was purged again, deleted, moved, or the time is over", async () => {
    const { address } = await aQueue();
    const first = tokenOf(await operations.queues.purge(operator, address));
    await post(address, 1);
    const second = tokenOf(await operations.queues.purge(operator, address));
    expect(await because(first)).toEqual(["UNDO_IS_OVER", "purged"]);
    await query("UPDATE undos SET pool = 'elsewhere' WHERE token = $1", [second]);
    expect(await because(second)).toEqual(["UNDO_IS_OVER", "moved"]);
    await query("UPDATE undos SET until = now() WHERE token = $1", [second]);
    expect(await because(second)).toEqual(["UNDO_IS_OVER", "expired"]);
    await post(address, 1);
    const third = tokenOf(await operations.queues.purge(operator, address));
    await operations.queues.delete(operator, address);
    expect(await because(third)).toEqual(["UNDO_IS_OVER", "deleted"]);
    expect(await codeOf(undo("00000000-0000-4000-8000-000000000000"))).toBe("UNDO_DOES_NOT_EXIST");
    expect(await codeOf(undo("no token"))).toBe("UNDO_DOES_NOT_EXIST");
  });

  test("once the pool has freed it", async () => {
    const { address } = await aQueue();
    const token = tokenOf(await operations.queues.purge(operator, address));
    const before = service.clock.offsetMs;
    service.clock.offsetMs += 31_000;
    await operations.gc.collect(admin, {});
    service.clock.offsetMs = before;
    expect(await because(token)).toEqual(["UNDO_IS_OVER", "gone"]);
    expect(await post(address, 1)).toHaveLength(1);
  });
});

describe("a deleted queue", () => {
  test("comes back with its messages, metadata and date, and a queue that needs no undo is untouched", async () => {
    const { address, ids } = await aQueue();
    const before = await operations.queues.get(operator, address);
    const deleted = await operations.queues.delete(operator, address);
    expect(deleted).toMatchObject({ deleted: 1, undo: { action: "deleteQueue", messages: null } });
    expect(await codeOf(post(address, 1, other))).toBe("QUEUE_DOES_NOT_EXIST");
    expect(await operations.undo.list(viewer, { project })).toContainEqual(deleted.undo);
    await operations.gc.collect(admin, {});
    const { queue, messages } = await undo(tokenOf(deleted), other.operations);
    expect(queue).toEqual({ ...before, updatedAt: expect.any(Date) });
    expect(messages).toBe(3);
    for (const by of [operations, other.operations]) expect(await read(address, by)).toEqual(ids);
    expect(await operations.queues.delete(operator, { project, queue: "never" })).toEqual({ deleted: 0, undo: null });
  });

  test("that was paused comes back with its pause, so that nobody gets a message", async () => {
    const { address } = await aQueue();
    const target = { queue: address };
    const pause = await operations.pauses.pause(operator, { target, reason: "The worker is broken." });
    const token = tokenOf(await operations.queues.delete(operator, address));
    expect(await operations.pauses.list(viewer)).not.toContainEqual(pause);
    await undo(token);
    expect(await operations.pauses.list(viewer)).toContainEqual(pause);
    const claimed = await operations.claims.create(operator, { ...address, ttlSeconds: 100, limit: 1 });
    expect(claimed).toMatchObject({ claim: null, messages: [] });
    await operations.pauses.resume(operator, { target });
    expect(await undo(tokenOf(await operations.queues.delete(operator, address)))).toMatchObject({ messages: 3 });
    expect(await operations.pauses.list(viewer)).not.toContainEqual(pause);
  });

  test("does not come back over a queue of its name that was created since", async () => {
    const { address } = await aQueue();
    const token = tokenOf(await operations.queues.delete(operator, address));
    await operations.queues.create(operator, address);
    expect(await refusal(undo(token))).toMatchObject({ code: "UNDO_IS_OVER", details: { because: "created" } });
    expect(await read(address)).toEqual([]);
  });

  test("whose name is taken while it comes back stays away, and the new queue can be used", async () => {
    const { address } = await aQueue();
    const token = tokenOf(await operations.queues.delete(operator, address));
    const started = await service.control.undos.start(token);
    await operations.queues.create(operator, address);
    expect(await codeOf(undo(token))).toBe("UNDO_IS_OVER");
    expect(started.newEpoch).toBeGreaterThan(started.fromEpoch);
    const ids = await post(address, 1, other);
    expect(await read(address)).toEqual(ids);
  });
});

describe("a crash while it is taken back", () => {
  /** Between the pool, which has the new epoch, and the catalogue. */
  const crashing = () => withBroken(service, { control: { undos: over(service.control.undos, { finish: broken }) } });

  test("is ended by the next call that anybody makes to the queue", async () => {
    const { address, ids } = await aQueue();
    const token = tokenOf(await operations.queues.purge(operator, address));
    expect(await codeOf(undo(token, crashing()))).toBe("STORAGE_UNAVAILABLE");
    expect(await stateOf(token)).toEqual(["restoring", null]);
    expect(await read(address, other.operations)).toEqual(ids);
    expect(await stateOf(token)).toEqual(["undone", "used"]);
  });

  test("is ended by a repeat, and by garbage collection", async () => {
    const [one, two] = [await aQueue(), await aQueue()];
    const first = tokenOf(await operations.queues.purge(operator, one.address));
    const second = tokenOf(await operations.queues.delete(operator, two.address));
    for (const token of [first, second]) expect(await codeOf(undo(token, crashing()))).toBe("STORAGE_UNAVAILABLE");
    expect(await undo(first)).toMatchObject({ messages: null, undo: { state: "undone" } });
    await other.operations.gc.collect(admin, {});
    expect(await stateOf(second)).toEqual(["undone", "used"]);
    for (const { address, ids } of [one, two]) expect(await read(address)).toEqual(ids);
  });

  test("before the pool heard of it changes nothing until a repeat", async () => {
    const { address, ids } = await aQueue();
    const token = tokenOf(await operations.queues.purge(operator, address));
    expect(await codeOf(undo(token, withBroken(service, { data: { pool: broken } })))).toBe("STORAGE_UNAVAILABLE");
    const later = await post(address, 1, other);
    expect(await read(address)).toEqual(later);
    await undo(token);
    expect(await read(address)).toEqual([...ids, ...later]);
  });

  test("a crashed one and a later one of the same queue are both ended, whichever comes first", async () => {
    const { address, ids } = await aQueue(4);
    const [one = "", two = "", ...rest] = ids;
    const tokens: string[] = [];
    for (const id of [one, two]) {
      tokens.push(tokenOf(await operations.messages.bulkDelete(operator, { ...address, ids: [id] })));
    }
    for (const token of tokens) await codeOf(undo(token, crashing()));
    await undo(tokens[1] ?? "");
    await other.operations.gc.collect(admin, {});
    for (const token of tokens) expect(await stateOf(token)).toEqual(["undone", "used"]);
    expect(await read(address)).toEqual([one, two, ...rest]);
    expect(await post(address, 1)).toHaveLength(1);
  });

  test("two undos of a queue at the same time are both done", async () => {
    const { address, ids } = await aQueue();
    const token = tokenOf(await operations.queues.purge(operator, address));
    const both = await Promise.all([undo(token), codeOf(undo(token, other.operations))]);
    expect(both[0]).toMatchObject({ undo: { state: "undone" } });
    expect(await read(address)).toEqual(ids);
  });
});

test("only operators of the project take something back, and others do not learn that there is something", async () => {
  const { address } = await aQueue();
  const token = tokenOf(await operations.queues.purge(operator, address));
  expect(await codeOf(operations.undo.undo(viewer, { token }))).toBe("FORBIDDEN");
  const stranger = limitedTo(operator, "operator", ["elsewhere"]);
  expect(await codeOf(operations.undo.undo(stranger, { token }))).toBe("UNDO_DOES_NOT_EXIST");
  expect(await operations.undo.find(stranger, { token })).toBeNull();
  expect(await codeOf(operations.undo.list(stranger, { project }))).toBe("FORBIDDEN");
});
