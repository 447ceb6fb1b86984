/** What the Redis driver promises when servers die, stall, fill up or change their places, and when keys and notices are not its own. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { DomainError } from "../../server/errors.ts";
import type { DataDriver, QueueRef } from "../../server/storage/data-driver.ts";
import { slotOf } from "../../server/storage/redis/cluster.ts";
import { openRedisDataDriver } from "../../server/storage/redis/data-driver.ts";
import { PoolKeys } from "../../server/storage/redis/keys.ts";
import {
  ask,
  describeWithRedis,
  startRedis,
  startRedisCluster,
  type TestCluster,
  type TestRedis,
} from "../support/redis.ts";

const MESSAGE = { bodyText: "1", ttlSeconds: 300, delaySeconds: 0 };

const post = (driver: DataDriver, queue: QueueRef, count = 1) =>
  driver.messages.post({ queue, messages: Array.from({ length: count }, () => MESSAGE), clientId: null });
const claim = (driver: DataDriver, queue: QueueRef) =>
  driver.claims.create({ queue, limit: 5, ttlSeconds: 60, graceSeconds: 60, clientId: null });
const list = (driver: DataDriver, queue: QueueRef) => driver.messages.list({ queue, page: { limit: 10 } });
const codeOf = (error: unknown) => (error instanceof DomainError ? error.code : String(error));

async function aQueue(driver: DataDriver, name: string): Promise<QueueRef> {
  const queue = { project: "p", name };
  await driver.attachQueue({ ...queue, epoch: 1 });
  return queue;
}

async function untilItWorks(work: () => Promise<unknown>): Promise<void> {
  await vi.waitFor(work, { timeout: 5000, interval: 50 });
}

describeWithRedis(() => {
  const uncaught: unknown[] = [];
  const hear = (error: unknown) => uncaught.push(error);
  beforeEach(() => {
    uncaught.length = 0;
    process.on("uncaughtException", hear).on("unhandledRejection", hear);
  });
  afterEach(() => {
    process.off("uncaughtException", hear).off("unhandledRejection", hear);
    expect(uncaught).toEqual([]);
  });

  describe("the Redis driver's faults", () => {
    let server: TestRedis;
    let driver: DataDriver;
    beforeAll(async () => {
      server = await startRedis(["--appendonly", "yes", "--appendfsync", "always"]);
      driver = await openRedisDataDriver({ uri: server.url });
    });
    afterAll(async () => {
      await driver.close();
      await server.stop();
    });

    it("a server that is killed under load loses nothing that was acknowledged, and serves again once it is back", async () => {
      const queue = await aQueue(driver, "killed");
      const stop = driver.watchArrivals(() => undefined);
      const acknowledged: string[] = [];
      const codes = new Set<string>();
      let posting = true;
      const posters = Array.from({ length: 8 }, async () => {
        while (posting) {
          await post(driver, queue, 3).then(
            ({ ids }) => acknowledged.push(...ids),
            (error: unknown) => codes.add(codeOf(error)),
          );
          await sleep(5);
        }
      });
      await sleep(200);
      server.child.kill("SIGKILL");
      await sleep(400);
      const before = acknowledged.length;
      await server.restart();
      await untilItWorks(() => Promise.resolve(expect(acknowledged.length).toBeGreaterThan(before)));
      posting = false;
      await Promise.all(posters);
      stop();
      expect(before).toBeGreaterThan(0);
      for (const code of codes) expect(["STORAGE_UNAVAILABLE", "OUTCOME_UNKNOWN"]).toContain(code);
      expect(codes).toContain("STORAGE_UNAVAILABLE");
      const found = await driver.messages.bulkGet({ queue, ids: acknowledged });
      expect(found.length).toBe(acknowledged.length);
    });

    it("of a server that stands still, each call ends within its deadline and says what is known", async () => {
      const queue = await aQueue(driver, "stopped");
      await post(driver, queue);
      const begun = performance.now();
      server.child.kill("SIGSTOP");
      try {
        const alive = driver.isAlive();
        const outcomes = await Promise.all(
          [post(driver, queue), list(driver, queue), driver.gc()].map((call) => call.catch(codeOf)),
        );
        expect(await alive).toBe(false);
        expect(outcomes[0]).toBe("OUTCOME_UNKNOWN");
        expect(["DEADLINE_EXCEEDED", "STORAGE_UNAVAILABLE"]).toContain(outcomes[1]);
        expect(["OUTCOME_UNKNOWN", "STORAGE_UNAVAILABLE"]).toContain(outcomes[2]);
        expect(performance.now() - begun).toBeLessThan(7000);
        // Nothing was sent this time.
        expect(["DEADLINE_EXCEEDED", "STORAGE_UNAVAILABLE"]).toContain(await post(driver, queue).catch(codeOf));
        expect(performance.now() - begun).toBeLessThan(14_000);
      } finally {
        server.child.kill("SIGCONT");
      }
      await untilItWorks(() => post(driver, queue));
      expect(await driver.isAlive()).toBe(true);
    }, 30_000);

    it("a full server refuses what would fill it more, and is emptied all the same", async () => {
      const queue = await aQueue(driver, "full");
      await post(driver, queue, 4);
      await ask(server.port, "CONFIG SET maxmemory 1");
      try {
        await expect(post(driver, queue)).rejects.toMatchObject({
          code: "STORAGE_UNAVAILABLE",
          message: expect.stringContaining("full"),
        });
        const { claimId, messages } = await claim(driver, queue);
        expect(messages).toHaveLength(4);
        const [first] = messages;
        expect(await driver.messages.delete({ queue, id: first?.id ?? "", claimId })).toBe("deleted");
        await driver.claims.delete({ queue, id: claimId });
        expect(await driver.messages.pop({ queue, limit: 5 })).toHaveLength(3);
        await driver.messages.purge({ queue });
        await driver.gc();
      } finally {
        await ask(server.port, "CONFIG SET maxmemory 0");
      }
      await post(driver, queue);
    });

    it("a replica, and one that has lost its master, are said to be unavailable", async () => {
      const queue = await aQueue(driver, "replica");
      await ask(server.port, "CONFIG SET replica-serve-stale-data no");
      await ask(server.port, "REPLICAOF 127.0.0.1 1");
      try {
        await expect(post(driver, queue)).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
        await ask(server.port, "CONFIG SET replica-serve-stale-data yes");
        await expect(post(driver, queue)).rejects.toMatchObject({
          code: "STORAGE_UNAVAILABLE",
          message: expect.stringContaining("read-only"),
        });
      } finally {
        await ask(server.port, "REPLICAOF NO ONE");
        await ask(server.port, "CONFIG SET replica-serve-stale-data yes");
      }
      await untilItWorks(() => post(driver, queue));
    });

    it("scripts that the server has forgotten are sent again", async () => {
      const queue = await aQueue(driver, "forgotten");
      await post(driver, queue);
      await ask(server.port, "SCRIPT FLUSH");
      await post(driver, queue);
      expect((await list(driver, queue)).items).toHaveLength(2);
    });

    it("requests that share a script are judged each by itself", async () => {
      const queue = await aQueue(driver, "shared");
      const ids = (await post(driver, queue, 6)).ids as [string, string, string, string, string, string];
      const take = (limit: number) =>
        driver.claims.create({ queue, limit, ttlSeconds: 60, graceSeconds: 60, clientId: null });
      const claims = await Promise.all([take(2), take(1), take(5), take(3)]);
      expect(claims.map(({ messages }) => messages.map(({ id }) => id))).toEqual([
        ids.slice(0, 2),
        ids.slice(2, 3),
        ids.slice(3, 6),
        [],
      ]);
      const [mine, theirs] = claims.map(({ claimId }) => claimId) as [string, string];
      const outcomes = await Promise.all(
        [
          driver.messages.delete({ queue, id: ids[0], claimId: mine }),
          driver.messages.delete({ queue, id: ids[0], claimId: mine }),
          driver.messages.delete({ queue, id: ids[2], claimId: mine }),
          driver.messages.delete({ queue, id: ids[3] }),
          driver.messages.bulkDelete({ queue, ids: [ids[1], ids[2]], claimIds: [mine] }),
          driver.messages.bulkDelete({ queue, ids: [ids[1], ids[2]], claimIds: [mine, theirs] }),
          driver.messages.bulkDelete({ queue, ids: [ids[1], ids[5]] }),
          post(driver, queue).then(() => "posted"),
        ].map((call) => Promise.resolve<unknown>(call).catch(codeOf)),
      );
      expect(outcomes).toEqual([
        "deleted",
        "absent",
        "MESSAGE_NOT_CLAIMED_BY",
        "MESSAGE_IS_CLAIMED",
        "MESSAGE_NOT_CLAIMED_BY",
        2,
        1,
        "posted",
      ]);
      const left = await driver.claims.list({ queue, page: { limit: 10 } });
      expect(left.items.map(({ id, messageCount }) => [id, messageCount])).toEqual([[claims[2]?.claimId, 2]]);
    });

    it("closing waits for every call that has begun, and later calls were never sent", async () => {
      const closing = await openRedisDataDriver({ uri: server.url });
      const queue = await aQueue(closing, "closing");
      const posts = Promise.all(Array.from({ length: 500 }, () => post(closing, queue)));
      await closing.close();
      await closing.close();
      expect(await posts).toHaveLength(500);
      await expect(post(closing, queue)).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
      expect((await driver.messages.stats([queue]))[0]?.total).toBe(500);
    });

    it("a listener whose connection breaks hears again, and a notice that is none is passed over", async () => {
      const queue = await aQueue(driver, "heard");
      const errors: unknown[] = [];
      const other = await openRedisDataDriver({ uri: server.url, onError: (error) => errors.push(error) });
      const heard: string[] = [];
      const stop = other.watchArrivals(({ name }) => heard.push(name));
      const untilHeard = () =>
        vi.waitFor(
          async () => {
            await post(driver, queue);
            expect(heard).toContain(queue.name);
          },
          { timeout: 10_000, interval: 50 },
        );
      await untilHeard();
      const self = "00000000-0000-4000-8000-000000000000";
      for (const notice of ["junk", "[junk", "[1,null,[]]", '[["p","told",1]]']) {
        await ask(server.port, `PUBLISH isimud:0:arrivals '${self}${notice.replaceAll("'", "")}'`);
      }
      await vi.waitFor(() => expect(heard).toContain("told"));
      expect(new Set(heard)).toEqual(new Set([queue.name, "told"]));
      await ask(server.port, "CLIENT KILL TYPE pubsub");
      heard.length = 0;
      await untilHeard();
      stop();
      await other.close();
    });

    it("two prefixes, and two databases, are two stores", async () => {
      const uris = [`${server.url}/one`, `${server.url}/0?prefix=two`, `${server.url}/1`];
      const stores = await Promise.all(uris.map((uri) => openRedisDataDriver({ uri })));
      for (const store of stores) {
        const queue = await aQueue(store, "shared name");
        await post(store, queue);
        expect((await list(store, queue)).items).toHaveLength(1);
      }
      await Promise.all(stores.map((store) => store.close()));
    });

    it("a URI that makes no sense is refused before anything is opened", async () => {
      const wrong = ["/a?prefix=b", "/1?cluster=true", "/a%7Bb%7D", "?password=x", `?prefix=${"x".repeat(65)}`];
      for (const rest of wrong) {
        await expect(openRedisDataDriver({ uri: `${server.url}${rest}` })).rejects.toMatchObject({ code: "BAD_INPUT" });
      }
      await expect(openRedisDataDriver({ uri: `${server.url}?cluster=true` })).rejects.toMatchObject({
        code: "STORAGE_UNAVAILABLE",
        message: expect.stringContaining("no part of a Redis Cluster"),
      });
    });

    it("is durable only where every write reaches the disk first, and where the server says so", async () => {
      expect(driver.capabilities).toContain("DURABILITY");
      await ask(server.port, "ACL SETUSER quiet on >secret-word ~isimud:* &isimud:* +@all -@admin -@dangerous -client");
      const quiet = await openRedisDataDriver({ uri: server.url.replace("//", "//quiet:secret-word@") });
      expect([...quiet.capabilities].sort()).toEqual(["AOD", "CLAIMS", "FIFO", "HIGH_THROUGHPUT"]);
      expect((await quiet.health()).operations.every(({ succeeded }) => succeeded)).toBe(true);
      const heard: string[] = [];
      const stop = quiet.watchArrivals(({ name }) => heard.push(name));
      const queue = await aQueue(driver, "for the quiet one");
      await vi.waitFor(
        async () => {
          await post(driver, queue);
          expect(heard).toContain(queue.name);
        },
        { timeout: 10_000, interval: 50 },
      );
      stop();
      await quiet.gc();
      await quiet.close();
      const stranger = openRedisDataDriver({ uri: server.url.replace("//", "//quiet:wrong-word@") });
      const refusal = await stranger.catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code: "STORAGE_UNAVAILABLE" });
      expect((refusal as Error).message).not.toContain("word");
    });

    it("whoever runs it hears when a server would drop messages for want of memory", async () => {
      const errors: unknown[] = [];
      const open = async () =>
        (await openRedisDataDriver({ uri: server.url, onError: (error) => errors.push(error) })).close();
      await open();
      expect(errors).toEqual([]);
      await ask(server.port, "CONFIG SET maxmemory 1gb maxmemory-policy allkeys-lru");
      await open();
      await ask(server.port, "CONFIG SET maxmemory 0 maxmemory-policy noeviction");
      expect(errors).toMatchObject([{ message: expect.stringContaining("noeviction") }]);
    });

    it("a time beyond all times is the last one that there is", async () => {
      const queue = await aQueue(driver, "forever");
      const forever = { bodyText: "1", ttlSeconds: Number.MAX_SAFE_INTEGER, delaySeconds: 0 };
      await driver.messages.post({ queue, messages: [forever], clientId: null });
      const [message] = (await list(driver, queue)).items;
      expect(message?.expiresAt.getTime()).toBe(8.64e15);
      const taken = await driver.claims.create({
        queue,
        limit: 1,
        ttlSeconds: 1e15,
        graceSeconds: 1e15,
        clientId: null,
      });
      expect(taken.messages).toHaveLength(1);
      expect(await driver.messages.delete({ queue, id: message?.id ?? "", claimId: taken.claimId })).toBe("deleted");
    });

    it("purging 100,000 messages takes under 50 ms, deleting such a queue too, and gc frees them", async () => {
      const clock = { offsetMs: 0 };
      const long = await openRedisDataDriver({ uri: `${server.url}/long`, clock });
      const queue = await aQueue(long, "long");
      const fill = async () => {
        for (let round = 0; round < 100; round += 1) await post(long, queue, 1000);
      };
      const timed = async (work: () => Promise<unknown>) => {
        const start = performance.now();
        await work();
        return performance.now() - start;
      };
      await fill();
      expect((await long.messages.stats([queue]))[0]).toMatchObject({ total: 100_000, exact: false });
      expect(await timed(() => long.messages.purge({ queue }))).toBeLessThan(50);
      expect((await list(long, queue)).items).toEqual([]);
      await post(long, queue);
      expect(await timed(() => long.detachQueue(queue))).toBeLessThan(50);
      expect((await long.gc()).messages).toBe(0);
      clock.offsetMs += 31_000;
      expect(await long.gc()).toMatchObject({ messages: 100_001, queues: 1 });
      // Which pool it is stays.
      expect(await ask(server.port, "KEYS long:*")).toBe("*1\r\n$13\r\nlong:identity\r\n");
      await long.close();
    }, 60_000);

    it("20,000 messages that expire, lapse or fall due in one moment are settled step by step, and every answer is right", async () => {
      const clock = { offsetMs: 0 };
      const long = await openRedisDataDriver({ uri: `${server.url}/due`, clock });
      const queue = await aQueue(long, "due");
      const many = (changes: object) => Array.from({ length: 1000 }, () => ({ ...MESSAGE, ...changes }));
      for (let round = 0; round < 10; round += 1) {
        await long.messages.post({ queue, messages: many({ ttlSeconds: 10 }), clientId: null });
        await long.messages.post({ queue, messages: many({ delaySeconds: 10 }), clientId: null });
      }
      clock.offsetMs += 10_000;
      const [stats, page] = await Promise.all([long.messages.stats([queue]), list(long, queue)]);
      expect(stats[0]).toMatchObject({ total: 10_000, delayed: 0, free: 10_000 });
      expect(page.items).toHaveLength(10);
      for (let round = 0; round < 10; round += 1) {
        await long.claims.create({ queue, limit: 1000, ttlSeconds: 10, graceSeconds: 60, clientId: null });
      }
      expect((await claim(long, queue)).claim).toBeNull();
      clock.offsetMs += 10_000;
      expect((await claim(long, queue)).messages.map(({ id }) => id)).toEqual(
        page.items.slice(0, 5).map(({ id }) => id),
      );
      await long.close();
    }, 60_000);
  });

  describe("the Redis driver's faults on a cluster", () => {
    let cluster: TestCluster;
    let driver: DataDriver;
    beforeAll(async () => {
      cluster = await startRedisCluster();
      driver = await openRedisDataDriver({ uri: cluster.url });
    });
    afterAll(async () => {
      await driver.close();
      await cluster.stop();
    });

    it("is opened as a cluster only", async () => {
      const single = openRedisDataDriver({ uri: cluster.servers[1]?.url ?? "" });
      await expect(single).rejects.toMatchObject({
        code: "BAD_INPUT",
        message: expect.stringContaining("?cluster=true"),
      });
    });

    const keysOf = (queue: QueueRef) => new PoolKeys("isimud").queue(queue);
    const idOf = async (server: TestRedis) => /\r\n([0-9a-f]{40})/.exec(await ask(server.port, "CLUSTER MYID"))?.[1];
    const ownerOf = (slot: number) => Math.floor((slot * 3) / 16_384);

    it("a slot that moves to another server is waited for, and followed", async () => {
      const queue = await aQueue(driver, "moving");
      await post(driver, queue, 2);
      const slot = slotOf(keysOf(queue)[0] as string);
      const from = cluster.servers[ownerOf(slot)] as TestRedis;
      const to = cluster.servers[(ownerOf(slot) + 1) % 3] as TestRedis;
      await ask(to.port, `CLUSTER SETSLOT ${slot} IMPORTING ${await idOf(from)}`);
      await ask(from.port, `CLUSTER SETSLOT ${slot} MIGRATING ${await idOf(to)}`);
      const keys = [...(await ask(from.port, `CLUSTER GETKEYSINSLOT ${slot} 100`)).matchAll(/^isimud.*$/gm)];
      const names = keys.map(([name]) => JSON.stringify(name.trim())).join(" ");
      expect(await ask(from.port, `MIGRATE 127.0.0.1 ${to.port} "" 0 5000 KEYS ${names}`)).toContain("OK");
      // Not before the move is over: a script needs all its keys in one place.
      const meanwhile = post(driver, queue);
      await sleep(200);
      for (const server of cluster.servers) {
        await ask(server.port, `CLUSTER SETSLOT ${slot} NODE ${await idOf(to)}`);
      }
      await meanwhile;
      await post(driver, queue);
      expect((await list(driver, queue)).items).toHaveLength(4);
      expect(await driver.isAlive()).toBe(true);
    });

    it("a server that stands still holds up only its own queues, also for a driver that has just been opened", async () => {
      const queues: QueueRef[] = [];
      for (let index = 0; index < 12; index += 1) queues.push(await aQueue(driver, `still ${index}`));
      const owner = (queue: QueueRef) => ownerOf(slotOf(keysOf(queue)[0] as string));
      const stopped = cluster.servers[1] as TestRedis;
      const opened = await openRedisDataDriver({ uri: cluster.url });
      stopped.child.kill("SIGSTOP");
      try {
        const begun = performance.now();
        const [held] = queues.filter((queue) => owner(queue) === 1) as [QueueRef];
        const outcome = post(opened, held).catch(codeOf);
        for (const queue of queues.filter((one) => owner(one) !== 1)) await post(opened, queue);
        expect(performance.now() - begun).toBeLessThan(2000);
        expect(["OUTCOME_UNKNOWN", "STORAGE_UNAVAILABLE"]).toContain(await outcome);
        expect(performance.now() - begun).toBeLessThan(7000);
        for (const queue of queues.filter((one) => owner(one) !== 1)) await post(opened, queue);
      } finally {
        stopped.child.kill("SIGCONT");
      }
      await untilItWorks(() => Promise.all(queues.map((queue) => post(opened, queue))));
      await opened.close();
    }, 30_000);

    it("a server that dies takes only its queues with it, and they serve again once it is back", async () => {
      for (const server of cluster.servers) await ask(server.port, "CONFIG SET cluster-require-full-coverage no");
      const queues: QueueRef[] = [];
      for (let index = 0; index < 12; index += 1) queues.push(await aQueue(driver, `queue ${index}`));
      const owner = (queue: QueueRef) => ownerOf(slotOf(keysOf(queue)[0] as string));
      const dead = cluster.servers[2] as TestRedis;
      const lost = queues.filter((queue) => owner(queue) === 2);
      const kept = queues.filter((queue) => owner(queue) !== 2);
      expect([lost.length > 0, kept.length > 0]).toEqual([true, true]);
      dead.child.kill("SIGKILL");
      await sleep(200);
      const outcomes = await Promise.all(lost.map((queue) => post(driver, queue).catch(codeOf)));
      for (const outcome of outcomes) expect(["STORAGE_UNAVAILABLE", "OUTCOME_UNKNOWN"]).toContain(outcome);
      for (const queue of kept) await post(driver, queue);
      expect(await driver.isAlive()).toBe(false);
      await dead.restart();
      const [queue] = lost as [QueueRef];
      await untilItWorks(() => driver.attachQueue({ ...queue, epoch: 1 }));
      await post(driver, queue);
      expect(await driver.isAlive()).toBe(true);
    });
  });

  it("a replica that takes over is followed, also when the server of the URI is the one that died", async () => {
    const cluster = await startRedisCluster(3, true);
    const driver = await openRedisDataDriver({ uri: cluster.url });
    try {
      const queues: QueueRef[] = [];
      for (let index = 0; index < 12; index += 1) queues.push(await aQueue(driver, `queue ${index}`));
      const ids = await Promise.all(queues.map(async (queue) => (await post(driver, queue)).ids[0] as string));
      const dead = cluster.servers[0] as TestRedis;
      expect(Number(/:(\d+)/.exec(await ask(dead.port, "WAIT 1 5000"))?.[1])).toBe(1);
      dead.child.kill("SIGKILL");
      const all = () =>
        Promise.all(queues.map((queue, index) => driver.messages.get({ queue, id: ids[index] as string })));
      await vi.waitFor(all, { timeout: 20_000, interval: 100 });
      await Promise.all(queues.map((queue) => post(driver, queue)));
    } finally {
      await driver.close();
      await cluster.stop();
    }
  }, 60_000);
});
