import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { JOB_KINDS, type Job } from "../../../server/jobs/job.ts";
import { JobWatch } from "../../../server/operations/live/job-watch.ts";
import { QueueTail } from "../../../server/operations/live/queue-tail.ts";
import { StatsWatch } from "../../../server/operations/live/stats-watch.ts";
import { createTicker } from "../../../server/operations/live/ticker.ts";
import type { DataDriver, Message } from "../../../server/storage/data-driver.ts";
import type { QueueRef } from "../../../server/storage/queue-ref.ts";
import { limitedTo } from "../../support/access.ts";
import { aService, codeOf, operator, over, type Service, viewer, withBroken } from "../a-service.ts";

let service: Service;
beforeAll(async () => {
  service = await aService();
});
afterAll(() => service.stop());

// The test fakes only the ticker's timer. Connections keep real ones.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(() => {
  vi.useRealTimers();
});
const second = () => vi.advanceTimersByTime(1000);

let queues = 0;
async function aQueue(): Promise<string> {
  queues += 1;
  const name = `q${queues}`;
  await service.operations.queues.create(operator, { queue: name });
  return name;
}
const post = (queue: string, ...bodies: string[]) =>
  service.operations.messages.post(operator, { queue, messages: bodies.map((bodyText) => ({ bodyText })) });

/** Waits for the next item, ticking until it is there. */
async function next<T>(items: AsyncIterator<T>): Promise<T | undefined> {
  let done = false;
  const result = items.next().finally(() => {
    done = true;
  });
  result.catch(() => undefined);
  while (!done) {
    second();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const { value, done: ended } = await result;
  return ended === true ? undefined : value;
}

describe("watching a queue's messages", () => {
  const watch = (queue: string, signal: AbortSignal, after?: string) =>
    service.operations.messages.watch(operator, { project: "p", queue, signal, after });

  /** A watch whose `found` resolves once it has found the end of the queue and read from there once. */
  function placed(queue: string, signal: AbortSignal) {
    const list = vi.fn(service.data.messages.list);
    const { messages } = withBroken(service, { data: { messages: over(service.data.messages, { list }) } });
    return {
      messages: messages.watch(operator, { project: "p", queue, signal }),
      found: async () => {
        await vi.waitFor(() => expect(list).toHaveBeenCalled());
        await list.mock.results[0]?.value;
      },
    };
  }

  test("gives messages that are posted from now on, at once and in order, delayed ones too", async () => {
    const queue = await aQueue();
    await post(queue, "0");
    const stop = new AbortController();
    const { messages, found } = placed(queue, stop.signal);
    const first = messages.next();
    await found();
    await post(queue, "1", "2");
    await service.operations.messages.post(operator, { queue, messages: [{ bodyText: "3", delaySeconds: 600 }] });
    // Without a tick: the drivers report arrivals.
    expect((await first).value).toMatchObject({ bodyText: "1", queue, project: "p" });
    expect((await messages.next()).value?.bodyText).toBe("2");
    expect((await messages.next()).value?.bodyText).toBe("3");
    stop.abort();
    expect(await messages.next()).toEqual({ value: undefined, done: true });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("gives messages of another process, and all after a marker", async () => {
    const queue = await aQueue();
    const other = await service.another();
    const { items } = await post(queue, "0").then(() => service.operations.messages.list(operator, { queue }));
    const stop = new AbortController();
    const messages = watch(queue, stop.signal, items[0]?.marker);
    for (const body of ["1", "2", "3"]) {
      await other.operations.messages.post(operator, { queue, messages: [{ bodyText: body }] });
      expect((await next(messages))?.bodyText).toBe(body);
    }
    stop.abort();
  });

  test("gives messages that no notice reported within one tick", async () => {
    const queue = await aQueue();
    const { operations } = await service.another();
    const deaf = withBroken(service, { data: { watchArrivals: () => () => {} } });
    const stop = new AbortController();
    const messages = deaf.messages.watch(operator, { project: "p", queue, signal: stop.signal, after: "0" });
    for (const body of ["1", "2"]) {
      await operations.messages.post(operator, { queue, messages: [{ bodyText: body }] });
      expect((await next(messages))?.bodyText).toBe(body);
    }
    // Nothing is left to read, so that only a tick finds the last message.
    const waiting = next(messages);
    await operations.messages.post(operator, { queue, messages: [{ bodyText: "3" }] });
    expect((await waiting)?.bodyText).toBe("3");
    stop.abort();
  });

  test("continues at once when a read ended at its limit in bytes", async () => {
    const queue = await aQueue();
    const bodies = Array.from({ length: 5 }, (_, index) => `"${String(index).repeat(40_000)}"`);
    await post(queue, ...bodies);
    const stop = new AbortController();
    const messages = watch(queue, stop.signal, "0");
    // This loop runs no tick.
    for (const body of bodies) expect((await messages.next()).value?.bodyText).toBe(body);
    stop.abort();
  });

  test("misses none of 400 that eight clients of two processes post at the same time", async () => {
    const queue = await aQueue();
    const other = await service.another();
    const stop = new AbortController();
    const messages = watch(queue, stop.signal, "0");
    const posted: string[] = [];
    const clients = Array.from({ length: 8 }, async (_, client) => {
      const { operations } = client % 2 === 0 ? service : other;
      for (let index = 0; index < 50; index += 1) {
        const { ids } = await operations.messages.post(operator, { queue, messages: [{ bodyText: "1" }] });
        posted.push(...ids);
      }
    });
    const seen: string[] = [];
    while (seen.length < 400) seen.push((await next(messages))?.id as string);
    await Promise.all(clients);
    expect(new Set(seen)).toEqual(new Set(posted));
    stop.abort();
  });

  test("ends when the queue is deleted, and is refused for a missing queue", async () => {
    const stop = new AbortController();
    expect(await codeOf(watch("nowhere", stop.signal).next())).toBe("QUEUE_DOES_NOT_EXIST");
    const queue = await aQueue();
    const messages = watch(queue, stop.signal);
    const waiting = codeOf(next(messages));
    await service.operations.queues.delete(operator, { queue });
    expect(await waiting).toBe("QUEUE_DOES_NOT_EXIST");
    expect(vi.getTimerCount()).toBe(0);
  });

  test("ends at once when it is aborted before it began or while it waits", async () => {
    const queue = await aQueue();
    expect(await watch(queue, AbortSignal.abort()).next()).toEqual({ value: undefined, done: true });
    const stop = new AbortController();
    const { messages, found } = placed(queue, stop.signal);
    const waiting = messages.next();
    await found();
    stop.abort();
    expect(await waiting).toEqual({ value: undefined, done: true });
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("watching statistics", () => {
  const watch = (queues: string[], signal: AbortSignal) =>
    service.operations.queues.watchStats(operator, { queues: queues.map((queue) => ({ queue })), signal });

  test("gives the current statistics, then each change, and null when the queue is deleted", async () => {
    const queue = await aQueue();
    const stop = new AbortController();
    const changes = watch([queue], stop.signal);
    expect((await changes.next()).value).toMatchObject({ project: "p", name: queue, stats: { total: 0 } });
    await post(queue, "1", "2");
    expect((await next(changes))?.stats).toMatchObject({ total: 2, claimed: 0 });
    await service.operations.claims.create(operator, { queue, limit: 1 });
    expect((await next(changes))?.stats).toMatchObject({ total: 2, claimed: 1 });
    await service.operations.queues.delete(operator, { queue });
    expect((await next(changes))?.stats).toBeNull();
    stop.abort();
    expect((await changes.next()).done).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  /** A watch of statistics whose reads are counted. */
  function counted() {
    const read = vi.fn((queues: readonly QueueRef[]) => service.data.messages.stats(queues));
    const ticker = createTicker((error) => {
      throw error;
    });
    return { read, stats: new StatsWatch({ ticker, read, batch: 100 }) };
  }

  test("reads once a tick for all watchers, and not at all when there is none", async () => {
    const watched = [await aQueue(), await aQueue()].map((name) => ({ project: "p", name }));
    const { read, stats } = counted();
    const stop = new AbortController();
    const watchers = Array.from({ length: 10 }, () => stats.watch(watched, stop.signal));
    await Promise.all(watchers.map((changes) => changes.next()));
    expect(read).toHaveBeenCalledTimes(1);
    second();
    expect(read).toHaveBeenCalledTimes(2);
    expect(read).toHaveBeenLastCalledWith(watched);
    await read.mock.results[1]?.value;
    await new Promise((resolve) => setTimeout(resolve, 0));
    // After the first statistics of both queues nothing changed, so no event follows.
    const told = vi.fn();
    const [first] = watchers;
    await first?.next();
    void first?.next().then(told);
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(told).not.toHaveBeenCalled();
    stop.abort();
    await Promise.all(watchers.map((changes) => changes.return()));
    second();
    expect(read).toHaveBeenCalledTimes(2);
  });

  test("gives a slow reader the latest statistics, not every change", async () => {
    const name = await aQueue();
    const { read, stats } = counted();
    const stop = new AbortController();
    const changes = stats.watch([{ project: "p", name }], stop.signal);
    await changes.next();
    for (const body of ["1", "2", "3"]) {
      await post(name, body);
      second();
      await read.mock.results.at(-1)?.value;
      // Lets the tick process what it has read.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    expect(read).toHaveBeenCalledTimes(4);
    expect((await changes.next()).value?.stats?.total).toBe(3);
    stop.abort();
    expect((await changes.next()).done).toBe(true);
  });
});

test("readers of an endless queue yield to the event loop and to each other", async () => {
  let marker = 0;
  const list = async () => ({
    items: Array.from({ length: 100 }, () => ({ marker: String(++marker), bodyText: "1" }) as Message),
    markers: [],
    nextMarker: null,
    previousMarker: null,
  });
  const first = async () => ({ marker: "0" }) as Message;
  const data = { messages: { list, first }, watchArrivals: () => () => {} } as unknown as DataDriver;
  const tail = new QueueTail({ data, ticker: createTicker(() => {}), require: () => undefined });
  const stop = new AbortController();
  const seen = Array.from({ length: 20 }, () => 0);
  const readers = seen.map(async (_, reader) => {
    for await (const _message of tail.watch({ project: "p", name: "q" }, undefined, stop.signal))
      seen[reader] = (seen[reader] ?? 0) + 1;
  });
  // If the readers did not yield, this loop would never continue: nothing that they await needs the event loop.
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  stop.abort();
  await Promise.all(readers);
  expect(Math.min(...seen)).toBeGreaterThan(0);
  expect(Math.max(...seen)).toBeLessThan(10 * Math.min(...seen));
});

describe("watching jobs", () => {
  const added = async (target: string) => {
    const job = { kind: "moveQueue", project: "p", target, inputText: "{}", actor: "otto", requestId: "r" } as const;
    return (await service.jobs.add(job)).job;
  };

  test("gives the job now, then each change of its record, and ends with its end", async () => {
    const { id } = await added("watched");
    const stop = new AbortController();
    const states = service.operations.jobs.watch(viewer, { id, signal: stop.signal });
    expect((await states.next()).value).toMatchObject({ id, state: "waiting", progress: 0 });
    const job = (await service.jobs.take({ holder: "other", leaseSeconds: 60, kinds: JOB_KINDS, rated: true })) as Job;
    expect((await next(states))?.state).toBe("running");
    const beat = { job, leaseSeconds: 60, progress: 3, total: 10, rate: null, positionText: null };
    await service.jobs.beat({ ...beat, waitingFor: "pool fast" });
    expect(await next(states)).toMatchObject({ state: "running", progress: 3, total: 10, waitingFor: "pool fast" });
    await service.jobs.end({
      job,
      state: "done",
      progress: 10,
      total: 10,
      resultText: "{}",
      positionText: null,
      error: null,
    });
    expect(await next(states)).toMatchObject({ state: "done", progress: 10, resultText: "{}" });
    expect(await next(states)).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
    const late = service.operations.jobs.watch(viewer, { id, signal: stop.signal });
    expect((await late.next()).value).toMatchObject({ state: "done" });
    expect((await late.next()).done).toBe(true);
  });

  test("is refused for a job that does not exist or that the caller may not see", async () => {
    const { signal } = new AbortController();
    const { id } = await added("hidden");
    const limited = limitedTo(viewer, "viewer", ["q"]);
    expect(await codeOf(service.operations.jobs.watch(limited, { id, signal }).next())).toBe("JOB_DOES_NOT_EXIST");
    expect(await codeOf(service.operations.jobs.watch(viewer, { id: "x", signal }).next())).toBe("JOB_DOES_NOT_EXIST");
    await service.jobs.cancel(id);
  });

  test("one read serves all watchers of all jobs, and none is made once they have left", async () => {
    const ids = [(await added("one")).id, (await added("two")).id];
    const read = vi.fn(service.jobs.getMany);
    const watch = new JobWatch({ ticker: createTicker(() => undefined), read });
    const jobs = await service.jobs.getMany(ids);
    const stop = new AbortController();
    const watchers = jobs.flatMap((job) => [1, 2, 3].map(() => watch.watch(job, stop.signal)));
    await Promise.all(watchers.map((watcher) => watcher.next()));
    const waiting = watchers.map((watcher) => watcher.next());
    second();
    expect(read.mock.calls).toEqual([[expect.arrayContaining(ids)]]);
    await read.mock.results[0]?.value;
    await service.jobs.cancel(ids[0] as string);
    second();
    const changed = await Promise.all(waiting.slice(0, 3));
    expect(changed.map(({ value }) => value)).toEqual(Array(3).fill(changed[0]?.value));
    expect(changed[0]?.value).toMatchObject({ state: "cancelled" });
    stop.abort();
    expect((await Promise.all(waiting.slice(3))).every(({ done }) => done)).toBe(true);
    for (const watcher of watchers) expect((await watcher.next()).done).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
    await service.jobs.cancel(ids[1] as string);
  });

  test("ends when the job's record is gone", async () => {
    const job = await added("gone");
    const watch = new JobWatch({ ticker: createTicker(() => undefined), read: async () => [] });
    const states = watch.watch(job, new AbortController().signal);
    await states.next();
    expect(await next(states)).toBeUndefined();
    await service.jobs.cancel(job.id);
  });
});
