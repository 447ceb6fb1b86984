/** A pool on Redis beside the built-in one: registration, use and failure. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithRedis, startRedis, type TestRedis } from "../support/redis.ts";
import { admin, aService, codeOf, operator, type Service, viewer } from "./a-service.ts";

describeWithRedis(() => {
  let server: TestRedis;
  let service: Service;
  beforeAll(async () => {
    server = await startRedis();
    service = await aService({ REDIS_URL: `${server.url}/stores` });
    const { pools } = service.operations;
    await pools.create(admin, { pool: "fast", uri: `${server.url}/jobs`, weight: 1 });
    await service.operations.flavors.create(admin, { project: "p", flavor: "quick", pools: ["fast"] });
  });
  afterAll(async () => {
    await service.stop();
    await server.stop();
  });

  test("a Redis pool is registered once, and shows its capabilities but no secrets", async () => {
    const { pools } = service.operations;
    expect(await pools.capabilities(viewer, { pool: "fast" })).toEqual(
      expect.arrayContaining(["FIFO", "CLAIMS", "AOD", "HIGH_THROUGHPUT"]),
    );
    expect(await pools.capabilities(viewer, { pool: "fast" })).not.toContain("DURABILITY");
    const again = { pool: "again", uri: `valkey://localhost:${server.port}/0?prefix=jobs`, weight: 1 };
    expect(await codeOf(pools.create(admin, again))).toBe("POOL_URI_IN_USE");
    const dead = { pool: "dead", uri: "redis://u:canary@127.0.0.1:1", weight: 1, verify: true };
    expect(await codeOf(pools.create(admin, dead))).toBe("POOL_NOT_REACHABLE");
    expect(await codeOf(pools.create(admin, { ...dead, uri: `${server.url}?password=x` }))).toBe("BAD_INPUT");
  });

  test("verifying a Redis URI leaves no key there, and a refusal says what the server does not allow", async () => {
    const { pools } = service.operations;
    const before = await server.keys();
    const { capabilities, registeredAs } = await pools.verify(admin, { uri: `${server.url}/new` });
    expect(capabilities).toContain("CLAIMS");
    expect(registeredAs).toBeNull();
    expect(await server.keys()).toBe(before);
    const place = `127.0.0.1:${server.port}`;
    for (const [uri, reason] of [
      [`redis://:canary@${place}/new`, "has no password"],
      [`redis://nobody:canary@${place}/new`, "does not let this user in"],
      [`redis://${place}/100000`, "no database of this number"],
    ] as const) {
      await expect(pools.verify(admin, { uri })).rejects.toMatchObject({
        code: "POOL_NOT_REACHABLE",
        message: expect.stringMatching(new RegExp(`^(?!.*(canary|defect)).*${reason}`)),
      });
    }
  });

  test("queues on Redis work like any others, also with dead letters in another pool", async () => {
    const { queues, messages, claims } = service.operations;
    await queues.create(operator, { queue: "graveyard" });
    const attributes = { _flavor: "quick", _max_claim_count: 1, _dead_letter_queue: "graveyard" };
    await queues.create(operator, { queue: "orders", metadataText: JSON.stringify(attributes) });
    const bodies = ['{"big": 12345678901234567890}', '"\\u0000"', "null"];
    const sent = bodies.map((bodyText) => ({ bodyText }));
    const { ids } = await messages.post(operator, { queue: "orders", messages: sent });
    expect(await server.keys()).toContain("jobs:");
    const listed = await messages.list(operator, { project: "p", queue: "orders" });
    expect(listed.items.map(({ bodyText }) => bodyText)).toEqual(bodies);
    const first = await claims.create(operator, { queue: "orders" });
    expect(first.messages.map(({ id }) => id)).toEqual(ids);
    service.clock.offsetMs += 300_000;
    expect(await claims.create(operator, { queue: "orders" })).toMatchObject({ claim: null, deadLettered: 3 });
    const moved = await messages.list(operator, { project: "p", queue: "graveyard" });
    expect(moved.items.map(({ id }) => id)).toEqual(ids);
    await queues.delete(operator, { queue: "orders" });
    service.clock.offsetMs += 60_000;
    const { pools } = await service.operations.gc.collect(admin, {});
    expect(pools.map(({ pool, error }) => [pool, error])).toEqual([
      ["default", null],
      ["fast", null],
    ]);
    // The identity of the pool stays, and for a day the names of queues that were used lately.
    const keys = (await server.keys()).match(/jobs:.*/g)?.map((key) => key.trim()) ?? [];
    expect(keys.filter((key) => !key.includes("{activity}"))).toEqual(["jobs:identity"]);
  });

  test("key-value stores may keep their entries on Redis", async () => {
    const store = service.stores.get<number>("on redis");
    store.configure({ backingStore: "redis" });
    await store.set("k", 1);
    expect(await store.get("k")).toBe(1);
    expect(await server.keys()).toContain("stores:{key-values}:entries");
  });

  test("while a Redis pool is down its queues are unavailable and others are not, and it serves again once it is back", async () => {
    const { queues, messages } = service.operations;
    await queues.create(operator, { queue: "away", metadataText: '{"_flavor": "quick"}' });
    await queues.create(operator, { queue: "here" });
    const post = (queue: string) => messages.post(operator, { queue, messages: [{ bodyText: "1" }] });
    await post("away");
    server.child.kill("SIGKILL");
    expect(["STORAGE_UNAVAILABLE", "OUTCOME_UNKNOWN"]).toContain(await codeOf(post("away")));
    await post("here");
    expect((await service.data.health()).storageReachable).toBe(false);
    await server.restart();
    // The server kept nothing on disk, so the queue is empty.
    await expect.poll(() => codeOf(post("away"))).toBeUndefined();
    expect((await messages.list(operator, { project: "p", queue: "away" })).items).toHaveLength(1);
  });
});
