import { EventEmitter } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { joinExchange, MetricsExchange, type WorkerMetrics, type WorkerPort } from "../../server/metrics/exchange.ts";
import { createMetrics, type Metrics } from "../../server/metrics/process-metrics.ts";
import { textOf } from "../../server/metrics/snapshot.ts";

interface FakeWorker {
  metrics: Metrics;
  exchange: WorkerMetrics;
  /** It answers nothing any more, as a process that was stopped. */
  freeze(): void;
  /** Its channel closes. */
  kill(): void;
  /** The service's counts, as this worker tells them. */
  scrape(): Promise<{ posted: number; connections: number; answered: number; silent: number }>;
}

let parent: MetricsExchange;
beforeEach(() => {
  vi.useFakeTimers();
  parent = new MetricsExchange();
});
afterEach(() => vi.useRealTimers());

/** Both ends of a channel between two processes, which copies what it carries. */
function startWorker(connections = 1): FakeWorker {
  const ends = [new EventEmitter(), new EventEmitter()] as const;
  let frozen = false;
  const port = (from: number) => {
    const [near, far] = [ends[from], ends[1 - from]] as [EventEmitter, EventEmitter];
    return Object.assign(near, {
      send(message: object, done: (error: Error | null) => void) {
        setImmediate(() => {
          if (!frozen) far.emit("message", structuredClone(message));
          done(null);
        });
      },
    });
  };
  const metrics = createMetrics({ connections: () => ({ total: connections, idle: 0, waiting: 0 }) });
  parent.add(port(0) as WorkerPort);
  const exchange = joinExchange({ parent: port(1), metrics });
  return {
    metrics,
    exchange,
    freeze: () => {
      frozen = true;
    },
    kill: () => {
      frozen = true;
      ends[0].emit("disconnect");
    },
    async scrape() {
      const { snapshots, answered, silent } = await exchange.collect();
      const { body } = await textOf(snapshots);
      const countIn = (series: string) => Number(body.split(`\n${series} `)[1]?.split("\n")[0]);
      return {
        posted: countIn('isimud_messages_total{action="posted"}'),
        connections: countIn('isimud_database_connections{state="total"}'),
        ...{ answered, silent },
      };
    },
  };
}

/** Lets the clock run until the work is done. One at a time: two that move the clock at once may stop it. */
async function soon<T>(work: Promise<T>): Promise<T> {
  let done = false;
  const ended = work.finally(() => {
    done = true;
  });
  ended.catch(() => undefined);
  while (!done) await vi.advanceTimersByTimeAsync(100);
  return ended;
}

const post = ({ metrics }: FakeWorker, number: number) => metrics.messages.inc({ action: "posted" }, number);

test("each worker tells of all workers", async () => {
  const [one, two, three] = [startWorker(), startWorker(2), startWorker(3)];
  post(one, 5);
  post(three, 7);
  const all = { posted: 12, connections: 6, answered: 3, silent: 0 };
  expect(await soon(one.scrape())).toEqual(all);
  expect(await soon(two.scrape())).toEqual(all);
  expect(await soon(Promise.all([three.scrape(), three.scrape(), one.scrape()]))).toEqual([all, all, all]);
});

test("a worker that is killed keeps what was ever shown of it, and what it has reported", async () => {
  const [one, two] = [startWorker(), startWorker(2)];
  post(two, 3);
  expect((await soon(one.scrape())).posted).toBe(3);
  post(two, 4);
  await vi.advanceTimersByTimeAsync(1500);
  two.kill();
  expect(await soon(one.scrape())).toEqual({ posted: 7, connections: 1, answered: 1, silent: 0 });
  const three = startWorker();
  post(three, 1);
  three.kill();
  expect((await soon(one.scrape())).posted).toBe(7);
});

test("a worker that ends in order reports all that it counted", async () => {
  const [one, two] = [startWorker(), startWorker()];
  post(two, 3);
  await soon(two.exchange.stop());
  two.kill();
  expect((await soon(one.scrape())).posted).toBe(3);
});

test("a worker that is stuck holds no scrape for longer than a second, and counts with its last report", async () => {
  const [one, two] = [startWorker(), startWorker(2)];
  post(two, 3);
  await vi.advanceTimersByTimeAsync(1500);
  two.freeze();
  post(two, 4);
  const began = Date.now();
  expect(await soon(one.scrape())).toEqual({ posted: 3, connections: 1, answered: 1, silent: 1 });
  expect(Date.now() - began).toBeLessThanOrEqual(1200);
});

test("a worker that dies while it is asked delays nothing", async () => {
  const [one, two] = [startWorker(), startWorker()];
  post(two, 3);
  await vi.advanceTimersByTimeAsync(1500);
  two.freeze();
  const began = Date.now();
  const scrape = one.scrape();
  await vi.advanceTimersByTimeAsync(100);
  two.kill();
  expect(await soon(scrape)).toMatchObject({ posted: 3, answered: 1, silent: 0 });
  expect(Date.now() - began).toBeLessThan(500);
});

test("without an answer of the parent a scrape fails, rather than tell less than before", async () => {
  const one = startWorker();
  one.freeze();
  await expect(soon(one.scrape())).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
});
