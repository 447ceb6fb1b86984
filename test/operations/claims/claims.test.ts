import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DomainError } from "../../../server/errors.ts";
import { limitedTo } from "../../support/access.ts";
import { aService, codeOf, operator, over, type Service, viewer, withBroken } from "../a-service.ts";

let service: Service;
beforeAll(async () => {
  service = await aService();
  await service.operations.queues.create(operator, { queue: "elsewhere" });
});
afterAll(() => service.stop());

let queues = 0;
async function aQueue(bodies: number, attributes: object = {}): Promise<string> {
  queues += 1;
  const queue = `q${queues}`;
  await service.operations.queues.create(operator, { queue, metadataText: JSON.stringify(attributes) });
  const messages = Array.from({ length: bodies }, (_, index) => ({ bodyText: String(index + 1) }));
  if (bodies > 0) await service.operations.messages.post(operator, { queue, messages });
  return queue;
}

const claim = (queue: string, params: object = {}) => service.operations.claims.create(operator, { queue, ...params });
const bodies = ({ messages }: { messages: { bodyText: string }[] }) => messages.map(({ bodyText }) => bodyText);
const lapse = (seconds: number) => {
  service.clock.offsetMs += seconds * 1000;
};

describe("claiming", () => {
  test("a claim takes the oldest messages with the server's defaults, and shows who holds them", async () => {
    const queue = await aQueue(3);
    const made = await claim(queue, { limit: 2, clientId: "c" });
    expect(bodies(made)).toEqual(["1", "2"]);
    expect(made.claim).toMatchObject({
      ttlSeconds: 300,
      graceSeconds: 60,
      clientId: "c",
      actor: "otto",
      project: "p",
      queue,
    });
    expect(bodies(await claim(queue))).toEqual(["3"]);
    expect(await claim(queue)).toEqual({ claim: null, messages: [], deadLettered: 0 });
    const { items } = await service.operations.claims.list(viewer, { project: "p", queue });
    expect(items.map(({ messageCount }) => messageCount)).toEqual([2, 1]);
  });

  test.each([
    [{ ttlSeconds: 59 }, "BAD_INPUT"],
    [{ ttlSeconds: 43_201 }, "BAD_INPUT"],
    [{ ttlSeconds: 60, graceSeconds: 60 }, undefined],
    [{ graceSeconds: 59 }, "BAD_INPUT"],
    [{ graceSeconds: 43_201 }, "BAD_INPUT"],
    [{ limit: 0 }, "BAD_INPUT"],
    [{ limit: 101 }, "BAD_INPUT"],
    [{ limit: 1.5 }, "BAD_INPUT"],
    [{ clientId: "\u0000" }, "BAD_INPUT"],
  ])("a claim with %j is %s, and a renewal is checked in the same way", async (params, code) => {
    expect(await codeOf(claim("elsewhere", params))).toBe(code);
    if (!("ttlSeconds" in params) && !("graceSeconds" in params)) return;
    const renewal = service.operations.claims.update(operator, { queue: "elsewhere", claimId: "none", ...params });
    expect(await codeOf(renewal)).toBe(code ?? "CLAIM_DOES_NOT_EXIST");
  });

  test("a claim is renewed, released, and expires", async () => {
    const queue = await aQueue(1);
    const { claims } = service.operations;
    const first = (await claim(queue, { ttlSeconds: 100 })).claim?.id as string;
    lapse(90);
    await claims.update(operator, { queue, claimId: first, ttlSeconds: 100 });
    lapse(90);
    expect((await claims.get(viewer, { project: "p", queue, claimId: first })).messages).toHaveLength(1);
    await claims.delete(operator, { queue, claimId: first });
    const second = (await claim(queue, { ttlSeconds: 100 })).claim?.id as string;
    lapse(101);
    expect(await codeOf(claims.get(operator, { queue, claimId: second }))).toBe("CLAIM_DOES_NOT_EXIST");
    expect(await codeOf(claims.update(operator, { queue, claimId: second }))).toBe("CLAIM_DOES_NOT_EXIST");
    expect(await codeOf(claims.delete(operator, { queue, claimId: second }))).toBeUndefined();
  });

  test("single messages of a claim are released at once or later, within the limits of a delay", async () => {
    const queue = await aQueue(3);
    const { claims } = service.operations;
    const made = await claim(queue, { limit: 2 });
    const claimId = made.claim?.id as string;
    const ids = made.messages.map(({ id }) => id);
    const release = (params: object) => claims.releaseMessages(operator, { queue, claimId, ids, ...params });
    for (const delaySeconds of [-1, 901, 1.5]) expect(await codeOf(release({ delaySeconds }))).toBe("BAD_INPUT");
    expect(await codeOf(release({ ids: Array.from({ length: 101 }, () => "x") }))).toBe("BAD_INPUT");
    expect(await codeOf(release({ queue: "missing" }))).toBe("QUEUE_DOES_NOT_EXIST");
    expect(await codeOf(claims.releaseMessages(viewer, { project: "p", queue, claimId, ids }))).toBe("FORBIDDEN");
    expect(await release({ ids: ids.slice(0, 1), delaySeconds: 900 })).toBe(1);
    expect(await release({ ids })).toBe(1);
    expect(await release({ ids })).toBe(0);
    expect(bodies(await claim(queue))).toEqual(["2", "3"]);
    const [later] = (await service.operations.messages.list(operator, { queue, includeDelayed: true })).items;
    expect(later).toMatchObject({ id: ids[0], state: "delayed", claimCount: 1 });
    expect(await codeOf(release({ ids }))).toBe("MESSAGE_NOT_CLAIMED_BY");
  });

  test("a claim repeated with its idempotency key is the same claim until it expires", async () => {
    const queue = await aQueue(4);
    const first = await claim(queue, { limit: 2, idempotencyKey: "k" });
    const again = await claim(queue, { limit: 2, idempotencyKey: "k" });
    expect(again.claim?.id).toBe(first.claim?.id);
    expect(bodies(again)).toEqual(["1", "2"]);
  });

  test("a claim creates the queue when asked, and needs the role of an operator", async () => {
    expect(await claim("made", { createQueue: true })).toEqual({ claim: null, messages: [], deadLettered: 0 });
    expect(await service.operations.queues.exists(operator, { queue: "made" })).toBe(true);
    expect(await codeOf(service.operations.claims.create(viewer, { project: "p", queue: "made" }))).toBe("FORBIDDEN");
  });
});

describe("dead letters", () => {
  test("go to the dead letter queue at the claim after the last delivery, with the ttl that it sets", async () => {
    const dead = await aQueue(0);
    const attributes = { _max_claim_count: 2, _dead_letter_queue: dead, _dead_letter_queue_messages_ttl: 1000 };
    const queue = await aQueue(1, attributes);
    const [original] = (await service.operations.messages.list(operator, { queue })).items;
    for (let delivery = 1; delivery <= 2; delivery += 1) {
      expect(bodies(await claim(queue, { ttlSeconds: 60 }))).toEqual(["1"]);
      lapse(61);
    }
    expect(await claim(queue)).toEqual({ claim: null, messages: [], deadLettered: 1 });
    expect((await service.operations.queues.stats(operator, { queue })).total).toBe(0);
    const [moved] = (await service.operations.messages.list(operator, { queue: dead })).items;
    expect(moved).toMatchObject({ id: original?.id, bodyText: "1", claimCount: 0, claim: null, ttlSeconds: 1000 });
  });

  test("a claim moves dead letters until it has something to deliver", async () => {
    const dead = await aQueue(0);
    const queue = await aQueue(5, { _max_claim_count: 1, _dead_letter_queue: dead });
    await claim(queue, { limit: 5, ttlSeconds: 60 });
    await service.operations.messages.post(operator, { queue, messages: [{ bodyText: "6", ttlSeconds: 3600 }] });
    lapse(61);
    const made = await claim(queue, { limit: 2 });
    expect(bodies(made)).toEqual(["6"]);
    expect(made.deadLettered).toBe(5);
    expect((await service.operations.queues.stats(operator, { queue: dead })).total).toBe(5);
  });

  test("with a stored _max_claim_count of 0 or less a message is a dead letter before its first delivery", async () => {
    const { messages, queues } = service.operations;
    const dead = await aQueue(0);
    const queue = "stored-count";
    const metadataText = JSON.stringify({ _max_claim_count: -3, _dead_letter_queue: dead });
    await service.control.queues.create({ project: "p", name: queue }, metadataText);
    await messages.post(operator, { queue, createQueue: true, messages: [{ bodyText: "1" }] });
    expect(await claim(queue)).toMatchObject({ claim: null, deadLettered: 1 });
    const stored = await queues.get(viewer, { project: "p", queue });
    expect(stored.metadata?.effective.maxClaimCount).toBe(-3);
  });

  test("without both attributes no message becomes a dead letter", async () => {
    const queue = await aQueue(1, { _max_claim_count: 1 });
    for (let delivery = 1; delivery <= 3; delivery += 1) {
      expect(bodies(await claim(queue, { ttlSeconds: 60 }))).toEqual(["1"]);
      lapse(61);
    }
  });

  test("while the dead letter queue is missing they are neither delivered nor dropped", async () => {
    const queue = await aQueue(2, { _max_claim_count: 1, _dead_letter_queue: "not-made" });
    await claim(queue, { limit: 1, ttlSeconds: 60 });
    lapse(61);
    expect(bodies(await claim(queue, { ttlSeconds: 60 }))).toEqual(["2"]);
    lapse(61);
    expect(await claim(queue)).toEqual({ claim: null, messages: [], deadLettered: 0 });
    expect((await service.operations.queues.stats(operator, { queue })).total).toBe(2);
    await service.operations.queues.create(operator, { queue: "not-made" });
    expect(await claim(queue)).toMatchObject({ claim: null, deadLettered: 2 });
  });

  test("dead letters that cannot be moved do not fail the claim, and are moved by a later claim", async () => {
    const dead = await aQueue(0);
    const queue = await aQueue(2, { _max_claim_count: 1, _dead_letter_queue: dead });
    await claim(queue, { limit: 1, ttlSeconds: 60 });
    lapse(61);
    const transfer = () => Promise.reject(new DomainError("STORAGE_UNAVAILABLE", "Out of reach."));
    const { claims } = withBroken(service, { data: { messages: over(service.data.messages, { transfer }) } });
    const made = await claims.create(operator, { queue, ttlSeconds: 60 });
    expect(bodies(made)).toEqual(["2"]);
    expect(made).toMatchObject({ claim: { messageCount: 1 }, deadLettered: 0 });
    lapse(61);
    expect(await claim(queue)).toMatchObject({ claim: null, deadLettered: 2 });
    expect((await service.operations.queues.stats(operator, { queue: dead })).total).toBe(2);
  });

  test("go to a queue in another pool too", async () => {
    const admin = limitedTo(operator, "admin", "all");
    await service.operations.pools.create(admin, { pool: "far", uri: await service.poolUri(), weight: 1 });
    const dead = await aQueue(0);
    const queue = await aQueue(3, { _max_claim_count: 1, _dead_letter_queue: "elsewhere" });
    const pools = await service.operations.catalogue.getMany(operator, {
      queues: [{ queue }, { queue: "elsewhere" }, { queue: dead }],
    });
    expect(pools.map((entry) => entry?.pool)).toEqual(["far", "default", "far"]);
    await claim(queue, { limit: 3, ttlSeconds: 60 });
    lapse(61);
    expect(await claim(queue)).toMatchObject({ claim: null, deadLettered: 3 });
    expect(
      (await service.operations.messages.list(operator, { queue: "elsewhere" })).items.map(({ bodyText }) => bodyText),
    ).toEqual(["1", "2", "3"]);
    expect((await service.operations.queues.stats(operator, { queue })).total).toBe(0);
  });
});
