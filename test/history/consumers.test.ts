import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Access } from "../../server/access/access.ts";
import type { Engine } from "../../server/bootstrap.ts";
import { openEngine } from "../../server/bootstrap.ts";
import { CONSUMERS_OF_QUEUE, type ConsumerNews } from "../../server/history/consumer.ts";
import { ConsumerNotes } from "../../server/history/consumer-notes.ts";
import { createConsumerStore } from "../../server/history/consumer-store.ts";
import { openConnections } from "../../server/storage/postgres/sql/connection.ts";
import { admin, aService, codeOf, type Service, viewer } from "../operations/a-service.ts";

const orders = { project: "p", name: "orders" };

describe("the notes of a process", () => {
  const told: ConsumerNews[][] = [];
  const tell = async (news: readonly ConsumerNews[]) => {
    told.push([...news]);
  };
  let now = 0;

  it("tell each consumer once for all its calls, and nothing while it is silent", async () => {
    const notes = new ConsumerNotes(() => now);
    notes.note(orders, "worker-1", "ada", 3);
    notes.note(orders, "worker-1", "ada", 4);
    notes.note(orders, null, "ada", 0);
    now += 500;
    await notes.tellNews(10, tell);
    const place = { project: "p", queue: "orders", actor: "ada" };
    expect(told.splice(0)).toEqual([
      [
        { ...place, name: "worker-1", messages: 7, claimAgeMs: 500, emptyAgeMs: null, renewalAgeMs: null },
        { ...place, name: "ada", messages: 0, claimAgeMs: null, emptyAgeMs: 500, renewalAgeMs: null },
      ],
    ]);
    await notes.tellNews(10, tell);
    expect(told).toEqual([]);
    expect(notes.size).toBe(2);
    now += 60_000;
    await notes.tellNews(10, tell);
    expect(notes.size).toBe(0);
  });

  it("keep what could not be stored, and what comes meanwhile", async () => {
    const notes = new ConsumerNotes(() => now);
    notes.note(orders, "worker-1", "ada", 3);
    const failing = notes.tellNews(10, async () => {
      notes.note(orders, "worker-1", "ada", 2);
      throw new Error("away");
    });
    await expect(failing).rejects.toThrow("away");
    await notes.tellNews(10, async (news) => {
      notes.note(orders, "worker-1", "ada", 10);
      await tell(news);
    });
    await notes.tellNews(10, tell);
    expect(told.splice(0).map(([news]) => news?.messages)).toEqual([5, 10]);
  });

  it("tell of a holder that only renews, for as long as it does", async () => {
    const notes = new ConsumerNotes(() => now);
    notes.noteRenewal(orders, "worker-1", "ada");
    now += 500;
    await notes.tellNews(10, tell);
    const place = { project: "p", queue: "orders", name: "worker-1", actor: "ada" };
    expect(told.splice(0)).toEqual([
      [{ ...place, messages: 0, claimAgeMs: null, emptyAgeMs: null, renewalAgeMs: 500 }],
    ]);
    await notes.tellNews(10, tell);
    expect(told).toEqual([]);
    now += 60_000;
    await notes.tellNews(10, tell);
    expect(notes.size).toBe(0);
  });

  it("are bounded, for a queue and for all", async () => {
    const notes = new ConsumerNotes(() => now, 2000);
    for (let number = 0; number < 5000; number += 1) notes.note(orders, `worker-${number}`, "ada", 1);
    expect(notes.size).toBe(CONSUMERS_OF_QUEUE);
    for (let number = 0; number < 5000; number += 1) notes.note({ ...orders, name: `q${number}` }, null, "ada", 1);
    expect(notes.size).toBe(2000);
    await notes.tellNews(500, tell);
    expect(told.splice(0).map((part) => part.length)).toEqual([500, 500, 500, 500]);
    // When there are many, all that is told goes, so that others have room.
    now += 1;
    await notes.tellNews(500, tell);
    expect(notes.size).toBe(0);
  });
});

describe("consumers", () => {
  let service: Service;
  let another: Engine;
  beforeAll(async () => {
    service = await aService();
    another = await service.another();
  });
  afterAll(() => service.stop());

  let queues = 0;
  async function aQueue(): Promise<string> {
    queues += 1;
    const queue = `queue-${queues}`;
    await service.operations.queues.create(admin, { project: "p", queue });
    return queue;
  }
  /** Time, to the beginning of the next minute and five seconds. */
  function nextMinute(): void {
    const now = Date.now() + service.clock.offsetMs;
    service.clock.offsetMs += 60_000 - (now % 60_000) + 5000;
  }
  async function post(queue: string, count: number): Promise<void> {
    const messages = Array.from({ length: count }, (_, number) => ({ bodyText: String(number) }));
    await service.operations.messages.post(admin, { project: "p", queue, messages });
  }
  async function claim(queue: string, clientId: string, by: Engine = service): Promise<void> {
    await by.operations.claims.create(admin, { project: "p", queue, clientId, limit: 1 });
  }
  async function list(queue: string, engine: Engine = service) {
    const [page] = await engine.operations.consumers.list(viewer, {
      queues: [{ project: "p", queue }],
      page: { limit: 100 },
    });
    return page?.items ?? [];
  }
  const names = async (queue: string) => (await list(queue)).map(({ name }) => name);
  const news = (queue: string, name: string, more: Partial<ConsumerNews> = {}): ConsumerNews => ({
    ...{ project: "p", queue, name, actor: "ada", messages: 1, claimAgeMs: 0, emptyAgeMs: null, renewalAgeMs: null },
    ...more,
  });
  /** Calls every ten seconds for so many minutes. */
  async function busy(queue: string, name: string, minutes: number): Promise<void> {
    for (let slot = 0; slot < minutes * 6; slot += 1) {
      await service.consumers.add([news(queue, name)]);
      service.clock.offsetMs += 10_000;
    }
  }

  it("are those of all processes, minute by minute", async () => {
    const queue = await aQueue();
    nextMinute();
    await post(queue, 9);
    for (let count = 0; count < 3; count += 1) await claim(queue, "worker-1");
    for (let count = 0; count < 2; count += 1) await claim(queue, "worker-1", another);
    await claim(queue, "worker-2", another);
    await service.operations.consumers.flush();
    await another.operations.consumers.flush();
    nextMinute();
    nextMinute();
    await claim(queue, "worker-1");
    await service.operations.consumers.flush();
    const [first, second] = await list(queue, another);
    expect(first).toMatchObject({ name: "worker-1", actor: "ada", claimed: 6, stoppedAt: null });
    expect(first?.minutes).toHaveLength(60);
    expect(first?.minutes.slice(-4)).toEqual([0, 5, 0, 1]);
    expect(second).toMatchObject({ name: "worker-2", claimed: 1 });
    expect(second?.minutes.slice(-4)).toEqual([0, 1, 0, 0]);
    service.clock.offsetMs += 58 * 60_000;
    expect((await list(queue))[0]?.minutes.slice(0, 3)).toEqual([0, 1, 0]);
    service.clock.offsetMs += 3_600_000;
    expect(new Set((await list(queue))[0]?.minutes)).toEqual(new Set([0]));
  });

  it("lose at most what a process had seen since its last flush when it dies", async () => {
    const queue = await aQueue();
    await post(queue, 3);
    const doomed = await service.another();
    await claim(queue, "worker-1", doomed);
    await doomed.operations.consumers.flush();
    await claim(queue, "worker-1", doomed);
    await doomed.close();
    expect(await list(queue)).toMatchObject([{ name: "worker-1", claimed: 1 }]);
  });

  it("have stopped when they called every few seconds and then not any more", async () => {
    const queue = await aQueue();
    await service.consumers.add([news(queue, "worker-1")]);
    service.clock.offsetMs += 60_000;
    await busy(queue, "worker-2", 5);
    const stoppedAt = Date.now() + service.clock.offsetMs - 10_000;
    await service.consumers.add([news(queue, "rare")]);
    await busy(queue, "worker-1", 3);
    const stopped = async (silentSeconds: number) =>
      (await service.operations.consumers.stopped({ silentSeconds, limit: 10 })).map(({ name }) => name);
    expect(await names(queue)).toEqual(["worker-2", "rare", "worker-1"]);
    const [first, ...others] = await list(queue);
    expect(Math.abs((first?.stoppedAt?.getTime() ?? 0) - stoppedAt)).toBeLessThan(2000);
    expect(others.map((one) => one.stoppedAt)).toEqual([null, null]);
    expect(await stopped(120)).toEqual(["worker-2"]);
    expect(await stopped(240)).toEqual([]);
    // A process that has just begun has heard nobody.
    const young = await service.another();
    expect(await young.operations.consumers.stopped({ silentSeconds: 120, limit: 10 })).toEqual([]);
    // It calls again, though it gets nothing.
    await service.consumers.add([news(queue, "worker-2", { messages: 0, claimAgeMs: null, emptyAgeMs: 0 })]);
    expect(await stopped(120)).toEqual([]);
    expect((await list(queue)).find(({ name }) => name === "worker-2")?.stoppedAt).toBeNull();
    service.clock.offsetMs += 25 * 3_600_000;
    expect(await stopped(120)).toEqual([]);
    expect(await names(queue)).toEqual(["rare", "worker-1", "worker-2"]);
  });

  it("are at work while they renew the claim of long work, but not while a person renews it", async () => {
    const queue = await aQueue();
    await post(queue, 1);
    await busy(queue, "worker-1", 4);
    await claim(queue, "worker-1");
    const [held] = (await service.operations.claims.list(viewer, { project: "p", queue })).items;
    const claimId = held?.id as string;
    const renew = async (access: Access, engine: Engine) => {
      service.clock.offsetMs += 90_000;
      await engine.operations.claims.update(access, { project: "p", queue, claimId, ttlSeconds: 3600 });
      await engine.operations.consumers.flush();
    };
    for (let times = 0; times < 4; times += 1) await renew(admin, another);
    const renewedAt = Date.now() + service.clock.offsetMs;
    const [working] = await list(queue);
    expect(working).toMatchObject({ name: "worker-1", actor: "ada", stoppedAt: null });
    expect(working?.lastSeenAt).toEqual(working?.lastRenewalAt);
    expect(Math.abs((working?.lastRenewalAt?.getTime() ?? 0) - renewedAt)).toBeLessThan(2000);
    expect(renewedAt - (working?.lastClaimAt?.getTime() ?? 0)).toBeGreaterThan(300_000);
    for (let times = 0; times < 2; times += 1) await renew({ ...admin, isPerson: true }, another);
    expect((await list(queue)).map(({ name, lastSeenAt }) => [name, lastSeenAt])).toEqual([
      ["worker-1", working?.lastSeenAt],
    ]);
  });

  it("have not stopped when another one took their place, as when a new version is rolled out", async () => {
    const queue = await aQueue();
    for (const name of ["pod-a", "pod-b"]) await busy(queue, name, 5);
    // It comes while the last one ends, and the others that are here have begun long before.
    await service.consumers.add([news(queue, "pod-c")]);
    await service.consumers.add([news(queue, "pod-b")]);
    await busy(queue, "pod-c", 4);
    const stopped = (await list(queue)).filter(({ stoppedAt }) => stoppedAt !== null);
    expect(stopped.map(({ name }) => name)).toEqual([]);
    const another = await aQueue();
    await service.consumers.add([news(another, "pod-c")]);
    service.clock.offsetMs += 60_000;
    await busy(another, "pod-a", 5);
    await busy(another, "pod-c", 4);
    expect((await list(another)).map(({ name, stoppedAt }) => [name, stoppedAt === null])).toEqual([
      ["pod-a", false],
      ["pod-c", true],
    ]);
  });

  it("are at most 1,000 in a queue, and those that were silent longest go", async () => {
    const queue = await aQueue();
    const some = (from: number, count: number) =>
      Array.from({ length: count }, (_, number) => news(queue, `worker-${from + number}`));
    await service.consumers.add(some(0, 600));
    nextMinute();
    await service.consumers.add(some(600, 600));
    const count = await service.operations.consumers.list(viewer, {
      queues: [{ project: "p", queue }],
      page: { limit: 1 },
    });
    expect(count[0]?.nextMarker).not.toBeNull();
    const all = await service.consumers.list({
      queues: [{ project: "p", name: queue, goneSeconds: 120 }],
      page: { limit: 2000 },
    });
    expect(all[0]?.items).toHaveLength(1000);
    expect(all[0]?.items.filter(({ name }) => Number(name.slice(7)) >= 600)).toHaveLength(600);
  });

  it("go with their queue, and a new queue with its name has none", async () => {
    const queue = await aQueue();
    await service.consumers.add([news(queue, "worker-1"), news("no-such-queue", "worker-1")]);
    await service.operations.queues.delete(admin, { project: "p", queue });
    expect(await list(queue)).toEqual([]);
    await service.operations.queues.create(admin, { project: "p", queue });
    expect(await list(queue)).toEqual([]);
  });

  it("are forgotten after a week, and beyond what the table may hold", async () => {
    const queue = await aQueue();
    await service.consumers.add([news(queue, "old")]);
    service.clock.offsetMs += 7 * 86_400_000 + 60_000;
    await service.consumers.add([news(queue, "new")]);
    while ((await service.consumers.trim()) > 0);
    expect(await names(queue)).toEqual(["new"]);
    const connections = openConnections({
      url: service.config.DATABASE_URL as string,
      connections: 1,
      applicationName: "test",
      onError: () => {},
    });
    const small = createConsumerStore({ connections, clock: service.clock, isOn: true, maxRows: 0 });
    // The database counts its rows with some delay.
    const left = async () => {
      await small.trim();
      return names(queue);
    };
    await expect.poll(left, { timeout: 10_000 }).toEqual([]);
    await connections.end();
  });

  it("are not recorded when samples are off", async () => {
    const queue = await aQueue();
    await post(queue, 1);
    const off = await openEngine(
      { ...service.config, QUEUE_SAMPLES: "off" },
      { log: { warn: () => {}, info: () => {} } as never, clock: service.clock },
    );
    await claim(queue, "worker-1", off);
    await off.operations.consumers.flush();
    await off.close();
    expect(await list(queue)).toEqual([]);
  });

  it("of another project are refused", async () => {
    const queues = [{ project: "secret", queue: "q" }];
    expect(await codeOf(service.operations.consumers.list(viewer, { queues }))).toBe("FORBIDDEN");
  });
});
