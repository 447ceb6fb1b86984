import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { admin, aService, codeOf, operator, refusal, type Service, viewer } from "../a-service.ts";

let service: Service;
beforeAll(async () => {
  service = await aService({ MAX_MESSAGES_PER_POST: "5" });
});
afterAll(() => service.stop());

let queues = 0;
async function aQueue(metadataText?: string): Promise<string> {
  queues += 1;
  const name = `q${queues}`;
  await service.operations.queues.create(operator, { queue: name, metadataText });
  return name;
}

const post = (queue: string, ...messages: { bodyText: string; ttlSeconds?: number; delaySeconds?: number }[]) =>
  service.operations.messages.post(operator, { queue, messages });

describe("posting", () => {
  test("createQueue creates a queue again that another process just deleted and this one still caches, for posts and claims", async () => {
    const other = await service.another();
    const address = { project: "p", queue: await aQueue(), createQueue: true };
    const gone = async () => {
      await service.operations.messages.post(operator, { ...address, messages: [{ bodyText: "0" }] });
      await service.operations.messages.list(operator, address);
      await other.operations.queues.delete(operator, { project: "p", queue: address.queue });
    };
    await gone();
    await service.operations.messages.post(operator, { ...address, messages: [{ bodyText: "1" }] });
    const { items } = await service.operations.messages.list(operator, address);
    expect(items.map(({ bodyText }) => bodyText)).toEqual(["1"]);
    await gone();
    expect(await service.operations.claims.create(operator, address)).toMatchObject({ claim: null });
    expect(await service.operations.queues.exists(viewer, { project: "p", queue: address.queue })).toBe(true);
  });

  test("many queues get their posts in one call, each by the rules of a single post", async () => {
    const [one, two] = [await aQueue(), await aQueue('{"_max_messages_post_size": 3}')];
    const { messages } = service.operations;
    const posts = [
      { queue: one, messages: [{ bodyText: "1" }, { bodyText: "2" }], idempotencyKey: "k" },
      { queue: two, messages: [{ bodyText: "1234" }] },
      { queue: "missing", messages: [{ bodyText: "1" }] },
      { queue: "made", messages: [{ bodyText: "1" }], createQueue: true },
      { project: "elsewhere", queue: one, messages: [{ bodyText: "1" }] },
      { queue: two, messages: [{ bodyText: "{" }] },
    ];
    const outcomes = await messages.postToMany(operator, { posts });
    expect(outcomes.map((outcome) => ("ids" in outcome ? outcome.ids.length : outcome.error.code))).toEqual([
      2,
      "TOO_LARGE",
      "QUEUE_DOES_NOT_EXIST",
      1,
      "FORBIDDEN",
      "BAD_INPUT",
    ]);
    // A repeat posts nothing more under the same key.
    const [again] = await messages.postToMany(operator, { posts: posts.slice(0, 1) });
    expect(again).toEqual(outcomes[0]);
    const { items } = await messages.list(operator, { project: "p", queue: one });
    expect(items.map(({ bodyText }) => bodyText)).toEqual(["1", "2"]);
    expect(await codeOf(messages.postToMany(viewer, { posts }))).toBe("FORBIDDEN");
  });

  test("the queues of one call are looked up together", async () => {
    const cold = await service.another();
    const queues = [await aQueue(), await aQueue(), await aQueue()];
    const { queues: records, catalogue } = cold.control;
    const single = [vi.spyOn(records, "getMetadata"), vi.spyOn(catalogue, "get")];
    const together = [vi.spyOn(records, "getMany"), vi.spyOn(catalogue, "getMany")];
    const posts = queues.map((queue) => ({ queue, messages: [{ bodyText: "1" }] }));
    const outcomes = await cold.operations.messages.postToMany(operator, { posts });
    expect(outcomes).toEqual(queues.map(() => ({ ids: [expect.any(String)] })));
    expect(single.map((spy) => spy.mock.calls.length)).toEqual([0, 0]);
    expect(together.map((spy) => spy.mock.calls.length)).toEqual([1, 1]);
  });

  test("a body is kept exactly as it was sent, though JavaScript would change it", async () => {
    const queue = await aQueue();
    const bodies = [
      '{"b": 1.0, "a":12345678901234567, "b" : -0}',
      ' "\\u0000 \\ud83d é" ',
      "null",
      "1e400",
      '"\u{1f600}"',
    ];
    await post(queue, ...bodies.map((bodyText) => ({ bodyText })));
    const { items } = await service.operations.messages.list(operator, { project: "p", queue });
    expect(items.map(({ bodyText }) => bodyText)).toEqual(bodies);
    expect(items[0]).toMatchObject({ project: "p", queue });
  });

  test("what a message leaves out comes from its queue's attributes, else from the server's defaults", async () => {
    const plain = await aQueue();
    const own = await aQueue('{"_default_message_ttl": 100, "_default_message_delay": 50}');
    const details = async (queue: string) => {
      await post(
        queue,
        { bodyText: "1" },
        { bodyText: "2", ttlSeconds: 60, delaySeconds: 0 },
        { bodyText: "3", delaySeconds: 7 },
      );
      const { items } = await service.operations.messages.list(operator, { queue, includeDelayed: true });
      return items.map(({ ttlSeconds, delayedUntil, createdAt }) => [
        ttlSeconds,
        delayedUntil === null ? 0 : (delayedUntil.getTime() - createdAt.getTime()) / 1000,
      ]);
    };
    expect(await details(plain)).toEqual([
      [3600, 0],
      [60, 0],
      [3600, 7],
    ]);
    expect(await details(own)).toEqual([
      [100, 50],
      [60, 0],
      [100, 7],
    ]);
  });

  const one = { bodyText: "1" };
  test.each([
    ["no messages", [], "BAD_INPUT"],
    ["more than fit in a post", Array(6).fill(one), "BAD_INPUT"],
    ["as many as fit", Array(5).fill(one), undefined],
    ["a body that is no JSON", [{ bodyText: "{a: 1}" }], "BAD_INPUT"],
    ["an empty body", [{ bodyText: "" }], "BAD_INPUT"],
    ["NaN", [{ bodyText: "NaN" }], "BAD_INPUT"],
    ["no body", [{}], "BAD_INPUT"],
    ["half a surrogate pair", [{ bodyText: '"\ud800"' }], "BAD_INPUT"],
    ["nesting 64 deep", [{ bodyText: "[".repeat(64) + "]".repeat(64) }], undefined],
    ["nesting 65 deep", [{ bodyText: "[".repeat(65) + "]".repeat(65) }], "BAD_INPUT"],
    ["nesting 500,000 deep", [{ bodyText: "[".repeat(500_000) + "]".repeat(500_000) }], "BAD_INPUT"],
    ["brackets in a text", [{ bodyText: JSON.stringify("[{".repeat(1000)) }], undefined],
    ["ttl 59", [{ bodyText: "1", ttlSeconds: 59 }], "BAD_INPUT"],
    ["ttl 60", [{ bodyText: "1", ttlSeconds: 60 }], undefined],
    ["ttl 1209600", [{ bodyText: "1", ttlSeconds: 1_209_600 }], undefined],
    ["ttl 1209601", [{ bodyText: "1", ttlSeconds: 1_209_601 }], "BAD_INPUT"],
    ["ttl 60.5", [{ bodyText: "1", ttlSeconds: 60.5 }], "BAD_INPUT"],
    ["delay 900", [{ bodyText: "1", delaySeconds: 900 }], undefined],
    ["delay 901", [{ bodyText: "1", delaySeconds: 901 }], "BAD_INPUT"],
    ["delay -1", [{ bodyText: "1", delaySeconds: -1 }], "BAD_INPUT"],
    ["1 MiB", [{ bodyText: `"${"x".repeat(1_048_574)}"` }], undefined],
    ["a byte more", [{ bodyText: `"${"x".repeat(1_048_575)}"` }], "TOO_LARGE"],
    ["1 MiB of characters of two bytes", [{ bodyText: `"${"é".repeat(524_288)}"` }], "TOO_LARGE"],
  ])("a post with %s is %3$s", async (_, messages, code) => {
    const queue = await aQueue();
    expect(await codeOf(post(queue, ...(messages as { bodyText: string }[])))).toBe(code);
    const { total } = await service.operations.queues.stats(operator, { queue });
    expect(total > 0).toBe(code === undefined);
  });

  test("a queue's own limit counts the bytes of all bodies of a post", async () => {
    const queue = await aQueue('{"_max_messages_post_size": 10}');
    expect(await codeOf(post(queue, { bodyText: "12345" }, { bodyText: "12345" }))).toBeUndefined();
    expect(await refusal(post(queue, { bodyText: "12345" }, { bodyText: "123456" }))).toEqual({
      code: "TOO_LARGE",
      details: { field: "messages", value: 11, maximum: 10, project: "p", queue },
    });
  });

  test("a post needs a queue, or creates it when asked, but not when the post is refused", async () => {
    const request = { queue: "lazy", messages: [{ bodyText: "1" }] };
    expect(await codeOf(service.operations.messages.post(operator, request))).toBe("QUEUE_DOES_NOT_EXIST");
    const bad = { queue: "lazy", messages: [{ bodyText: "1", ttlSeconds: 1 }], createQueue: true };
    expect(await codeOf(service.operations.messages.post(operator, bad))).toBe("BAD_INPUT");
    expect(await service.operations.queues.exists(operator, { queue: "lazy" })).toBe(false);
    const made = await Promise.all(
      Array.from({ length: 10 }, () => service.operations.messages.post(operator, { ...request, createQueue: true })),
    );
    expect(new Set(made.flatMap(({ ids }) => ids)).size).toBe(10);
    expect((await service.operations.queues.stats(operator, { queue: "lazy" })).total).toBe(10);
  });

  test("a post with an idempotency key happens once", async () => {
    const queue = await aQueue();
    const request = { queue, messages: [{ bodyText: "1" }], idempotencyKey: "k" };
    const first = await service.operations.messages.post(operator, request);
    expect(await service.operations.messages.post(operator, request)).toEqual(first);
    const other = { ...request, messages: [{ bodyText: "2" }] };
    expect(await codeOf(service.operations.messages.post(operator, other))).toBe("IDEMPOTENCY_KEY_REUSED");
    expect(await codeOf(service.operations.messages.post(operator, { ...request, idempotencyKey: "" }))).toBe(
      "BAD_INPUT",
    );
  });

  test("a post needs the role of an operator", async () => {
    const queue = await aQueue();
    const request = { project: "p", queue, messages: [{ bodyText: "1" }] };
    expect(await codeOf(service.operations.messages.post(viewer, request))).toBe("FORBIDDEN");
    expect(await codeOf(service.operations.messages.pop(viewer, request))).toBe("FORBIDDEN");
    expect(await codeOf(service.operations.messages.delete(viewer, { ...request, id: "x" }))).toBe("FORBIDDEN");
  });
});

describe("reading and deleting", () => {
  test("a missing queue reads as an empty one", async () => {
    const { messages, claims } = service.operations;
    const queue = "nowhere";
    expect((await messages.list(operator, { queue })).items).toEqual([]);
    expect(await messages.bulkGet(operator, { queue, ids: ["x"] })).toEqual([]);
    expect(await codeOf(messages.get(operator, { queue, id: "x" }))).toBe("MESSAGE_DOES_NOT_EXIST");
    expect(await codeOf(messages.first(operator, { queue }))).toBe("QUEUE_IS_EMPTY");
    expect((await claims.list(operator, { queue })).items).toEqual([]);
    expect(await codeOf(claims.get(operator, { queue, claimId: "x" }))).toBe("CLAIM_DOES_NOT_EXIST");
  });

  test("every call that would change a missing queue is QUEUE_DOES_NOT_EXIST", async () => {
    const { messages, claims, queues } = service.operations;
    const queue = "nowhere";
    const id = randomUUID();
    for (const [name, change] of Object.entries({
      pop: () => messages.pop(operator, { queue }),
      delete: () => messages.delete(operator, { queue, id }),
      "delete with a claim": () => messages.delete(operator, { queue, id, claimId: id }),
      "delete by force": () => messages.delete(operator, { queue, id, force: true }),
      bulkDelete: () => messages.bulkDelete(operator, { queue, ids: [id] }),
      "bulkDelete with claims": () => messages.bulkDelete(operator, { queue, ids: [id], claimIds: [id] }),
      claim: () => claims.create(operator, { queue }),
      renew: () => claims.update(operator, { queue, claimId: id }),
      release: () => claims.delete(operator, { queue, claimId: id }),
      purge: () => queues.purge(operator, { queue }),
      setMetadata: () => queues.setMetadata(operator, { queue, metadataText: "{}" }),
      patchMetadata: () => queues.patchMetadata(operator, { queue, changes: [] }),
    })) {
      expect([name, await codeOf(change())]).toEqual([name, "QUEUE_DOES_NOT_EXIST"]);
    }
    const rows = (await service.operations.audit.list(admin, { page: { limit: 100 } })).items;
    expect(rows.filter(({ target }) => target === queue)).toEqual([]);
  });

  test("a client can leave out its own messages", async () => {
    const queue = await aQueue();
    const from = (clientId: string) =>
      service.operations.messages.post(operator, { queue, messages: [{ bodyText: `"${clientId}"` }], clientId });
    await from("a");
    await from("b");
    const seen = async (params: object) =>
      (await service.operations.messages.list(operator, { queue, ...params })).items.map(({ bodyText }) => bodyText);
    expect(await seen({ clientId: "a" })).toEqual(['"a"', '"b"']);
    expect(await seen({ clientId: "a", echo: false })).toEqual(['"b"']);
    expect(await codeOf(service.operations.messages.list(operator, { queue, echo: false }))).toBe("BAD_INPUT");
  });

  test("messages are read as the oldest, as the newest, by ids, and in pages both ways", async () => {
    const queue = await aQueue();
    const { ids } = await post(queue, ...["1", "2", "3", "4", "5"].map((bodyText) => ({ bodyText })));
    const { messages } = service.operations;
    expect((await messages.first(operator, { queue })).bodyText).toBe("1");
    expect((await messages.first(operator, { queue, sort: "newest" })).bodyText).toBe("5");
    const found = await messages.bulkGet(operator, { queue, ids: [ids[3] as string, "nonsense", ids[0] as string] });
    expect(found.map(({ bodyText }) => bodyText)).toEqual(["4", "1"]);
    const first = await messages.list(operator, { queue, page: { limit: 3 } });
    const second = await messages.list(operator, { queue, page: { limit: 3, after: first.nextMarker } });
    expect(second.items.map(({ bodyText }) => bodyText)).toEqual(["4", "5"]);
    const back = await messages.list(operator, { queue, page: { limit: 2, before: second.previousMarker } });
    expect(back.items.map(({ bodyText }) => bodyText)).toEqual(["2", "3"]);
    expect(await codeOf(messages.list(operator, { queue, page: { after: "1", before: "2" } }))).toBe("BAD_INPUT");
    expect(await codeOf(messages.bulkGet(operator, { queue, ids: Array(101).fill("x") }))).toBe("BAD_INPUT");
  });

  test("a claimed message is deleted only with its claim or by force, and forced and bulk deletes are in the audit log", async () => {
    const queue = await aQueue();
    const { ids } = await post(queue, { bodyText: "1" }, { bodyText: "2" }, { bodyText: "3" });
    const { messages, claims } = service.operations;
    const { claim } = await claims.create(operator, { queue, limit: 2 });
    const id = ids[0] as string;
    expect(await codeOf(messages.delete(operator, { queue, id }))).toBe("MESSAGE_IS_CLAIMED");
    expect(await messages.delete(operator, { queue, id, claimId: claim?.id })).toEqual({
      outcome: "deleted",
      undo: null,
    });
    expect(await messages.delete(operator, { queue, id, claimId: claim?.id })).toEqual({
      outcome: "absent",
      undo: null,
    });
    expect(await codeOf(messages.bulkDelete(operator, { queue, ids, claimIds: [claim?.id as string] }))).toBe(
      "MESSAGE_NOT_CLAIMED_BY",
    );
    expect(await refusal(messages.bulkDelete(operator, { queue, ids }))).toEqual({
      code: "MESSAGE_IS_CLAIMED",
      details: { messageIds: [ids[1]], project: "p", queue },
    });
    const both = { queue, ids, claimIds: [claim?.id as string], force: true };
    expect(await codeOf(messages.bulkDelete(operator, both))).toBe("BAD_INPUT");
    await expect(messages.delete(operator, { queue, id, claimId: claim?.id, force: true })).rejects.toMatchObject({
      code: "BAD_INPUT",
      message: "Give `claimId` or `force`, not both.",
    });
    expect(await messages.delete(operator, { queue, id: ids[1] as string, force: true })).toMatchObject({
      outcome: "deleted",
    });
    await claims.create(operator, { queue });
    expect(await messages.bulkDelete(operator, { queue, ids, force: true })).toMatchObject({ deleted: 1 });
    const rows = (await service.operations.audit.list(admin, { page: { limit: 100 } })).items;
    const bulk = rows.filter(({ action, target }) => action === "deleteMessages" && target === queue);
    expect(bulk.map(({ outcome, detailsText }) => [outcome, JSON.parse(detailsText)])).toEqual([
      ["done", { ids: 3, force: true, deleted: 1 }],
      ["failed", { ids: 3, code: "MESSAGE_IS_CLAIMED" }],
    ]);
    const forced = rows.filter(({ action, target }) => action === "deleteMessage" && target === queue);
    expect(forced.map(({ detailsText }) => JSON.parse(detailsText))).toEqual([{ ids: 1, force: true, deleted: 1 }]);
    expect(rows.some(({ detailsText }) => detailsText.includes("bodyText"))).toBe(false);
  });

  test("pop removes the oldest ready messages", async () => {
    const queue = await aQueue();
    await post(queue, { bodyText: "1" }, { bodyText: "2" }, { bodyText: "3" });
    await service.operations.claims.create(operator, { queue, limit: 1 });
    const popped = await service.operations.messages.pop(operator, { queue, limit: 1 });
    expect(popped.map(({ bodyText }) => bodyText)).toEqual(["2"]);
    expect((await service.operations.queues.stats(operator, { queue })).total).toBe(2);
  });
});
