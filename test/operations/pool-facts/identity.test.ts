/** Two pools never share one server and namespace, by the identities that the stores keep. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { DomainError } from "../../../server/errors.ts";
import { createOperations } from "../../../server/operations/create-operations.ts";
import { openRedisDataDriver } from "../../../server/storage/redis/data-driver.ts";
import { openDetour, postgresByDetour } from "../../support/detour.ts";
import { ask, describeWithRedis, startRedis, startRedisCluster, type TestRedis } from "../../support/redis.ts";
import { admin, aService, codeOf, operator, refusal, type Service, viewer, withBroken } from "../a-service.ts";

let service: Service;
const closers: (() => void)[] = [];
beforeAll(async () => {
  service = await aService();
});
afterAll(async () => {
  await service.stop();
  for (const close of closers) close();
});

const create = (name: string, uri: string, more: object = {}) =>
  service.operations.pools.create(admin, { pool: name, uri, weight: 0, ...more });

/** The same database under another host and port. */
async function byDetour(uri: string): Promise<string> {
  const detour = await postgresByDetour(uri);
  closers.push(detour.close);
  return detour.uri;
}

function inSchema(uri: string, schema: string): string {
  const url = new URL(uri);
  url.searchParams.set("schema", schema);
  return url.toString();
}

const allPools = async () => (await service.operations.pools.list(viewer, {})).items.map(({ name }) => name);

/** Waits until the identity of the pool's store is recorded. */
const noted = (name: string) =>
  expect.poll(async () => (await service.control.pools.get(name)).identity, { timeout: 5000 }).not.toBeNull();

describe("on PostgreSQL", () => {
  test("a database cannot be registered again under another address, but another schema of it can", async () => {
    const uri = await service.emptyUri();
    await create("pg", uri);
    const other = await byDetour(uri);
    expect(await refusal(create("again", other))).toEqual({ code: "POOL_URI_IN_USE", details: { pool: "pg" } });
    expect(await service.operations.pools.verify(admin, { uri: other })).toMatchObject({ registeredAs: "pg" });
    const beside = inSchema(other, "beside");
    expect(await service.operations.pools.verify(admin, { uri: beside })).toMatchObject({ registeredAs: null });
    await create("beside", beside);
    expect(await allPools()).toEqual(["default", "beside", "pg"]);
  });

  test("the control database cannot be registered under another address", async () => {
    const uri = await byDetour(service.config.DATABASE_URL as string);
    expect(await refusal(create("mine", uri))).toEqual({ code: "POOL_URI_IN_USE", details: { pool: "default" } });
    expect(await service.operations.pools.verify(admin, { uri })).toMatchObject({ registeredAs: "default" });
  });

  test("of concurrent registrations of one database under several addresses, one succeeds", async () => {
    const uri = await service.emptyUri();
    const ways = [uri, await byDetour(uri), await byDetour(uri), await byDetour(uri)];
    const { operations } = await service.another();
    const results = await Promise.allSettled(
      ways.map((way, index) =>
        (index % 2 === 0 ? service.operations : operations).pools.create(admin, {
          pool: `racer-${index}`,
          uri: way,
          weight: 0,
        }),
      ),
    );
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const result of results) {
      if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "POOL_URI_IN_USE" });
    }
  });

  test("the URI of a pool may change to another address of the same database, and to another database only while the pool is empty", async () => {
    const { pools, queues, messages } = service.operations;
    const uri = await service.emptyUri();
    await create("moving", uri, { weight: 1 });
    await queues.create(operator, { queue: "held" });
    await messages.post(operator, { queue: "held", messages: [{ bodyText: "1" }] });
    expect(await service.operations.catalogue.get(viewer, { project: "p", queue: "held" })).toMatchObject({
      pool: "moving",
    });
    await pools.update(admin, { pool: "moving", uri: await byDetour(uri) });
    expect((await messages.list(viewer, { project: "p", queue: "held" })).items).toHaveLength(1);

    const elsewhere = await service.emptyUri();
    const stranded = { code: "POOL_IN_USE", details: { pool: "moving", queues: 1, exact: true } };
    expect(await refusal(pools.update(admin, { pool: "moving", uri: elsewhere }))).toEqual(stranded);
    expect(await refusal(create("moving", elsewhere, { replace: true }))).toEqual(stranded);
    await expect(pools.update(admin, { pool: "moving", uri: elsewhere })).rejects.toThrow("another storage");
    expect((await messages.list(viewer, { project: "p", queue: "held" })).items).toHaveLength(1);

    await queues.delete(operator, { queue: "held" });
    await pools.update(admin, { pool: "moving", uri: elsewhere });
    await pools.delete(admin, { pool: "moving" });
  });

  test("a pool that was registered unverified is identified before a new URI could leave its queues behind", async () => {
    const { pools, queues, messages } = service.operations;
    const uri = await service.emptyUri();
    await create("blind", uri, { weight: 1, verify: false });
    expect((await service.control.pools.get("blind")).identity).toBeNull();
    // The queue is only mapped, so that the pool is not open yet.
    await queues.create(operator, { queue: "blindly" });
    const elsewhere = await service.emptyUri();
    expect(await codeOf(pools.update(admin, { pool: "blind", uri: elsewhere }))).toBe("POOL_IN_USE");
    await messages.post(operator, { queue: "blindly", messages: [{ bodyText: "1" }] });
    // Without verification the operator may change it all the same.
    await pools.update(admin, { pool: "blind", uri: elsewhere, verify: false });
    await pools.update(admin, { pool: "blind", uri, verify: false });
    expect((await messages.list(viewer, { project: "p", queue: "blindly" })).items).toHaveLength(1);
    await queues.delete(operator, { queue: "blindly" });
    await pools.delete(admin, { pool: "blind" });
  });

  test("a duplicate pool that holds queues cannot be pointed at another store, though its identity is not recorded", async () => {
    const { pools, queues, messages } = service.operations;
    const uri = await service.emptyUri();
    await create("original", uri);
    await create("double", await byDetour(uri), { weight: 1, verify: false });
    await queues.create(operator, { queue: "doubly" });
    await messages.post(operator, { queue: "doubly", messages: [{ bodyText: "1" }] });
    const elsewhere = await service.emptyUri();
    const stranded = { code: "POOL_IN_USE", details: { pool: "double", queues: 1, exact: true } };
    expect(await refusal(pools.update(admin, { pool: "double", uri: elsewhere }))).toEqual(stranded);
    expect(await refusal(create("double", elsewhere, { replace: true }))).toEqual(stranded);
    expect((await service.control.pools.get("double")).identity).toBeNull();
    expect((await messages.list(viewer, { project: "p", queue: "doubly" })).items).toHaveLength(1);
    await queues.delete(operator, { queue: "doubly" });
    await pools.update(admin, { pool: "double", uri: elsewhere });
    for (const name of ["double", "original"]) await pools.delete(admin, { pool: name });
  });

  test("a pool that turns out to be a duplicate is a warning, loses nothing, and no queue can move to it from its twin", async () => {
    const warned: string[] = [];
    const { control, data, stores, jobs, history, samples, consumers, problems, config: limits, ...others } = service;
    let now = 0;
    const operations = createOperations({
      ...others,
      control,
      data,
      stores,
      jobs,
      history,
      samples,
      consumers,
      problems,
      limits,
      now: () => now,
      warn: () => {},
    });
    const uri = await service.emptyUri();
    await create("twin-a", uri, { weight: 1 });
    await operations.queues.create(operator, { queue: "twice" });
    await operations.messages.post(operator, { queue: "twice", messages: [{ bodyText: "1" }] });
    await create("twin-b", await byDetour(uri), { verify: false });

    const report = await operations.health.check(viewer, {});
    warned.push(...report.warnings);
    expect(report.status).toBe("warn");
    expect(warned).toEqual([expect.stringMatching(/twin-b is the same server and namespace as the pool twin-a/)]);
    expect(report.pools.map(({ pool, sameAs }) => [pool, sameAs])).toContainEqual(["twin-b", "twin-a"]);
    expect((await service.control.pools.get("twin-b")).identity).toBeNull();

    // A process that cannot open the pool now tells the same.
    await expect.poll(() => service.control.pools.listTwins()).toEqual([{ pool: "twin-b", sameAs: "twin-a" }]);
    const pool = (name: string) =>
      name === "twin-b" ? Promise.reject(new DomainError("STORAGE_UNAVAILABLE", "Away.")) : data.pool(name);
    const away = withBroken(service, { data: { pool } }).health;
    expect((await away.check(viewer, {})).warnings.join()).toContain("twin-b is the same server and namespace");
    expect(await away.pools(viewer, { pools: ["twin-b"] })).toMatchObject([{ sameAs: "twin-a" }]);

    const move = operations.jobs.moveQueue(operator, { queue: "twice", pool: "twin-b" });
    expect(await codeOf(move)).toBe("POOL_URI_IN_USE");
    const list = async () => (await operations.messages.list(viewer, { project: "p", queue: "twice" })).items.length;
    expect(await list()).toBe(1);
    await operations.pools.delete(admin, { pool: "twin-b" });
    expect(await list()).toBe(1);
    now += 10_000;
    expect((await operations.health.check(viewer, {})).warnings).toEqual([]);
    await operations.queues.delete(operator, { queue: "twice" });
  });
});

describeWithRedis(() => {
  describe("on Redis", () => {
    let server: TestRedis;
    beforeAll(async () => {
      server = await startRedis();
    });
    afterAll(async () => {
      await server.stop();
    });

    test("a server cannot be registered again under another address, but another prefix or database of it can", async () => {
      await create("redis", `${server.url}/store`);
      const detour = await openDetour(server.port);
      closers.push(detour.close);
      for (const uri of [
        `valkey://127.0.0.1:${detour.port}/store`,
        `redis://localhost:${detour.port}/0?prefix=store`,
        `redis://default@127.0.0.1:${detour.port}/?prefix=store`,
      ]) {
        const details = { pool: "redis" };
        expect(await refusal(create("again", uri)), uri).toEqual({ code: "POOL_URI_IN_USE", details });
      }
      await create("redis-other", `redis://127.0.0.1:${detour.port}/other`);
      await create("redis-1", `redis://127.0.0.1:${detour.port}/1?prefix=store`);
    });

    test("of concurrent registrations of a new namespace under several addresses, one succeeds", async () => {
      const detours = await Promise.all([1, 2, 3].map(() => openDetour(server.port)));
      for (const { close } of detours) closers.push(close);
      const results = await Promise.allSettled(
        [server.port, ...detours.map(({ port }) => port)].map((port) =>
          create(`redis-racer-${port}`, `redis://127.0.0.1:${port}/race`),
        ),
      );
      expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      for (const result of results) {
        if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "POOL_URI_IN_USE" });
      }
    });

    test("a server that lost its data is still the same pool", async () => {
      await create("forgetful", `${server.url}/forgetful`, { verify: false });
      expect(await service.operations.pools.capabilities(viewer, { pool: "forgetful" })).not.toBeNull();
      await noted("forgetful");
      await ask(server.port, "FLUSHALL");
      await service.operations.gc.collect(admin, { pool: "forgetful" });
      const detour = await openDetour(server.port);
      closers.push(detour.close);
      const again = create("again", `redis://127.0.0.1:${detour.port}/forgetful`);
      expect(await refusal(again)).toEqual({ code: "POOL_URI_IN_USE", details: { pool: "forgetful" } });
    });

    test.each([
      ["is emptied", false],
      ["is emptied while nobody uses it", true],
    ])("a pool that %s is a warning in every process, until its URI is set again", async (_, unused) => {
      const name = unused ? "emptied-unused" : "emptied";
      const uri = `${server.url}/${name}`;
      const { pools, queues, gc } = service.operations;
      await create(name, uri, { weight: 1 });
      await queues.create(operator, { queue: name });
      await gc.collect(admin, { pool: name });
      const another = await service.another();
      const warnings = async () =>
        (await another.operations.health.check(viewer, {})).warnings.filter((warning) => warning.includes(name));
      expect(await warnings()).toEqual([]);

      await ask(server.port, "FLUSHALL");
      if (unused) await service.data.forgetPool(name);
      const told = [expect.stringMatching(new RegExp(`^The pool ${name} came back without what its queues held`))];
      await vi.waitFor(async () => {
        await gc.collect(admin, { pool: name });
        expect(await warnings()).toEqual(told);
      }, 5000);

      await pools.update(admin, { pool: name, weight: 0 });
      expect(await warnings()).toEqual(told);
      await pools.update(admin, { pool: name, uri });
      expect(await warnings()).toEqual([]);
      await gc.collect(admin, { pool: name });
      expect(await warnings()).toEqual([]);
      await queues.delete(operator, { queue: name });
    });

    test("a server that became another store is reported once, and is that store from then on", async () => {
      const told: unknown[] = [];
      const uri = `${server.url}/becoming`;
      const driver = await openRedisDataDriver({ uri, onError: (error) => told.push(error) });
      try {
        await driver.gc();
        expect(told).toEqual([]);
        await ask(server.port, "SET becoming:identity redis:restored-from-elsewhere");
        for (let round = 0; round < 3; round += 1) await driver.gc();
        expect(told).toEqual([expect.objectContaining({ message: expect.stringContaining("holds another pool") })]);
        expect(driver.identity).toBe("redis:restored-from-elsewhere");
      } finally {
        await driver.close();
      }
    });

    test("a full server can be registered, so that it can be emptied", async () => {
      const full = await startRedis(["--maxmemory", "1"]);
      try {
        await create("full", `${full.url}/full`);
        await service.operations.pools.delete(admin, { pool: "full" });
      } finally {
        await full.stop();
      }
    });

    test("a cluster is one pool, whichever of its servers the URI names", async () => {
      const cluster = await startRedisCluster();
      try {
        const [first, second, third] = cluster.servers.map(({ url }) => `${url}/c?cluster=true`);
        await create("cluster", first as string);
        for (const uri of [second, third] as string[]) {
          expect(await refusal(create("again", uri))).toEqual({
            code: "POOL_URI_IN_USE",
            details: { pool: "cluster" },
          });
        }
        await service.operations.pools.update(admin, { pool: "cluster", uri: second });
        await service.operations.pools.delete(admin, { pool: "cluster" });
      } finally {
        await cluster.stop();
      }
    });
  });
});
