import fc from "fast-check";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { byChange, CHANGES, type Change, RESOLUTIONS, type Sample } from "../../server/history/sample.ts";
import { decodeBlock, encodeBlock } from "../../server/history/sample-block.ts";
import { lastRoundsOf } from "../../server/history/sample-reads.ts";
import { fillIntervals, foldSamples } from "../../server/history/sample-series.ts";
import { createSampleStore } from "../../server/history/sample-store.ts";
import type { HistoryParams } from "../../server/operations/samples/samples.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { admin, aService, codeOf, type Service, viewer } from "../operations/a-service.ts";
import { FakePool, samplingOf } from "./fake-pools.ts";

const UNTIL = new Date("2026-11-26T12:00:00Z");
const counts = (changes: Partial<Record<Change, number>> = {}) => byChange((change) => changes[change] ?? 0);
const sample = (changes: Partial<Sample> = {}): Sample => ({
  ...{ ready: 0, claimed: 0, delayed: 0, exhausted: 0, oldestReadyAt: null },
  ...{ counts: counts(), intervals: 1, before: null },
  ...changes,
});

describe("a block of samples", () => {
  const number = fc.oneof(fc.nat(300), fc.nat(Number.MAX_SAFE_INTEGER));
  const depths = {
    ...{ ready: number, claimed: number, delayed: number, exhausted: number },
    oldestReadyAt: fc.option(fc.nat(10_000_000).map((age) => new Date(UNTIL.getTime() - age * 1000))),
  };
  const anySample = fc.record({
    ...depths,
    counts: fc.option(fc.record(Object.fromEntries(CHANGES.map((change) => [change, number])) as never)),
    intervals: fc.integer({ min: 1, max: 10 }),
    before: fc.option(fc.record(depths)),
  }) as fc.Arbitrary<Sample>;
  const anyBlock = fc.uniqueArray(fc.record({ number: fc.nat(500_000), sample: anySample }), {
    selector: (entry) => entry.number,
  });

  it("keeps what it was given, and can be continued", () => {
    fc.assert(
      fc.property(anyBlock, anyBlock, (first, second) => {
        const ascending = (entries: typeof first) => entries.toSorted((a, b) => a.number - b.number);
        const bytes = Buffer.concat([encodeBlock(first, UNTIL), encodeBlock(second, UNTIL)]);
        expect(decodeBlock(bytes, UNTIL)).toEqual([...ascending(first), ...ascending(second)]);
        const [some] = first;
        if (some === undefined) return;
        expect(decodeBlock(encodeBlock(first, UNTIL), UNTIL, new Set([some.number]))).toEqual([some]);
      }),
    );
  });

  it("takes about twenty bytes for a sample of a queue that is used", () => {
    const entries = Array.from({ length: 40 }, (_, number) => ({
      number: number * 7,
      sample: sample({
        ...{ ready: 1200 + number, claimed: 90, oldestReadyAt: new Date(UNTIL.getTime() - 45_000) },
        counts: counts({ posted: 600, claimed: 590, deleted: 580, delivered: 590, released: 3 }),
      }),
    }));
    expect(encodeBlock(entries, UNTIL).length / entries.length).toBeLessThan(22);
  });
});

it("lists are as of the pools that are sampled, and others are named with the time of their last sample", () => {
  const ago = (pool: string, seconds: number) => ({ pool, at: new Date(UNTIL.getTime() - seconds * 1000) });
  const never = { pool: "never", at: null };
  expect(lastRoundsOf([ago("a", 0), ago("b", 60), ago("c", 180)])).toEqual({ at: ago("c", 180).at, behind: [] });
  expect(lastRoundsOf([ago("a", 0), ago("b", 60), ago("c", 181), never])).toEqual({
    at: ago("b", 60).at,
    behind: [ago("c", 181), never],
  });
  expect(lastRoundsOf([never])).toEqual({ at: null, behind: [never] });
  expect(lastRoundsOf([])).toEqual({ at: null, behind: [] });
});

describe("a history of intervals", () => {
  const span = { from: UNTIL.getTime() - 300_000, until: UNTIL.getTime(), resolutionSeconds: 60 };
  const at = (minute: number) => span.from + minute * 60_000;
  const fill = (samples: [number, Sample][], rounds: number[], unchanged: Sample | null = null) =>
    fillIntervals(
      span,
      new Map(samples.map(([minute, one]) => [at(minute), one])),
      new Set(rounds.map(at)),
      unchanged,
    ).map(({ depths, rates }) => [depths?.ready ?? null, rates?.posted ?? null]);

  it("keeps what nothing has changed, and is unknown where nothing could be sampled", () => {
    const before = sample({ ready: 7 });
    const found = fill([[3, sample({ ready: 9, counts: counts({ posted: 120 }), before })]], [1, 3, 4]);
    expect(found).toEqual([
      [7, 0],
      [null, null],
      [9, 2],
      [9, 0],
      [null, null],
    ]);
  });

  it("is what it is now, when nothing has changed since before it; without any knowledge it is unknown", () => {
    expect(fill([], [1, 2, 3, 4, 5], sample({ ready: 4 }))).toEqual(Array(5).fill([4, 0]));
    expect(fill([], [1, 2, 3, 4, 5])).toEqual(Array(5).fill([null, null]));
    expect(fill([[2, sample({ ready: 1, counts: null })]], [1, 2])).toEqual([
      [null, null],
      [1, null],
      ...Array(3).fill([null, null]),
    ]);
  });

  it("spreads what happened while nothing could be sampled", () => {
    const found = fill(
      [
        [1, sample()],
        [4, sample({ ready: 180, counts: counts({ posted: 180 }), intervals: 3 })],
      ],
      [1, 4],
    );
    expect(found).toEqual([
      [0, 0],
      [null, 1],
      [null, 1],
      [180, 1],
      [null, null],
    ]);
  });

  it("at the finest resolution forgets what may have changed while others were used more", () => {
    const finest = { from: at(0), until: at(0) + 30_000, resolutionSeconds: 10 };
    const samples = new Map([[at(0) + 10_000, sample({ ready: 5 })]]);
    const rounds = new Set([at(0) + 10_000, at(0) + 30_000]);
    const found = fillIntervals(finest, samples, rounds, null);
    expect(found.map(({ depths }) => depths?.ready ?? null)).toEqual([5, null, null]);
  });
});

describe("a sample of a longer interval", () => {
  it("has the depths of its end and all that happened, and begins where its first part did", () => {
    const before = sample({ ready: 3 });
    const parts = [
      undefined,
      sample({ ready: 5, counts: counts({ posted: 2 }), before }),
      sample({ ready: 1, counts: counts({ posted: 1, deleted: 5 }) }),
    ];
    expect(foldSamples(parts, [true, true, true])).toEqual({
      ...sample({ ready: 1, counts: counts({ posted: 3, deleted: 5 }), before }),
    });
    expect(foldSamples([undefined, undefined], [true, true])).toBeNull();
  });

  it("takes the average for parts of which nothing is known, and only its own share of what reaches further back", () => {
    const known = sample({ counts: counts({ posted: 10 }) });
    expect(foldSamples([known, undefined, known, undefined], [true, false, true, false])?.counts?.posted).toBe(40);
    const long = sample({ counts: counts({ posted: 30 }), intervals: 3 });
    expect(foldSamples([undefined, long], [false, true])?.counts?.posted).toBe(20);
    expect(foldSamples([sample({ counts: null })], [true])?.counts).toBeNull();
  });
});

describe("rounds of samples", () => {
  let service: Service;
  let pool: FakePool;
  let other: FakePool;
  let round: ReturnType<typeof samplingOf>;
  const warned: string[] = [];
  beforeAll(async () => {
    service = await aService();
    await service.operations.pools.create(admin, { pool: "other", uri: await service.poolUri(), weight: 0 });
  });
  afterAll(() => service.stop());

  const now = () => Date.now() + service.clock.offsetMs;
  /** To a little after the end of an interval of so many seconds. */
  const toNext = (seconds: number) => {
    service.clock.offsetMs += seconds * 1000 - (now() % (seconds * 1000)) + 500;
  };
  let queues = 0;
  const created: string[] = [];
  async function aQueue(): Promise<QueueRef> {
    const queue = { project: "p", name: `queue-${++queues}` };
    await service.operations.queues.create(admin, { project: queue.project, queue: queue.name });
    created.push(queue.name);
    return queue;
  }
  afterEach(async () => {
    for (const queue of created.splice(0)) await service.operations.queues.delete(admin, { project: "p", queue });
  });
  async function minute(): Promise<void> {
    toNext(60);
    await round();
  }
  const address = ({ project, name }: QueueRef) => ({ project, queue: name });
  const last = async (queue: QueueRef) =>
    (await service.operations.samples.last(viewer, { queues: [address(queue)] }))[0];
  async function history(queue: QueueRef, params: HistoryParams = {}) {
    const [found] = await service.operations.samples.history(viewer, { queues: [address(queue)], ...params });
    return found;
  }
  const minutes = async (queue: QueueRef, count: number, metric: "ready" | "postedRate" | "oldestReadySeconds") =>
    (await history(queue, { range: { seconds: count * 60 }, resolutionSeconds: 60 }))?.values(metric);

  beforeEach(async () => {
    pool = new FakePool(now);
    other = new FakePool(now);
    warned.length = 0;
    round = samplingOf(
      service,
      new Map([
        ["default", pool],
        ["other", other],
      ]),
      warned,
    );
    // Each test begins with pools that were never sampled.
    for (const name of ["default", "other"]) await service.samples.forgetPool(name);
    service.clock.offsetMs += 7_200_000;
    await minute();
  });

  it("tell depth, age and rates of what was used, and keep them while nothing changes", async () => {
    const queue = await aQueue();
    expect(await last(queue)).toBeNull();
    expect(await history(queue)).toBeNull();
    pool.use(queue, { posted: 30 });
    await minute();
    expect(await last(queue)).toMatchObject({ ready: 30, total: 30, exact: true, rates: null });
    pool.use(queue, { posted: 120, deleted: 30 });
    await minute();
    expect(await last(queue)).toMatchObject({ ready: 120, rates: { posted: 2, deleted: 0.5, claimed: 0 } });
    pool.reads.length = 0;
    await minute();
    await minute();
    expect(pool.reads).toEqual([]);
    const idle = await last(queue);
    expect(idle).toMatchObject({ ready: 120, rates: { posted: 0, deleted: 0 } });
    expect(now() - (idle?.asOf.getTime() ?? 0)).toBeLessThan(30_000);
    expect(await minutes(queue, 4, "ready")).toEqual([30, 120, 120, 120]);
    expect(await minutes(queue, 4, "postedRate")).toEqual([null, 2, 0, 0]);
    // It waits longer while nothing happens.
    const [, second = 0, , fourth = 0] = (await minutes(queue, 4, "oldestReadySeconds")) ?? [];
    expect((fourth ?? 0) - (second ?? 0)).toBe(120);
  });

  it("look again when numbers change by themselves", async () => {
    const queue = await aQueue();
    await service.control.catalogue.get(queue);
    pool.use(queue, { posted: 1 });
    const state = pool.queue(queue);
    state.states = { ready: 0, claimed: 1, delayed: 0, exhausted: 0 };
    state.changesAt = new Date(now() + 150_000);
    await minute();
    await minute();
    expect(await last(queue)).toMatchObject({ ready: 0, claimed: 1 });
    // The claim lapses, and nobody tells.
    state.states = { ready: 1, claimed: 0, delayed: 0, exhausted: 0 };
    state.totals.lapsed += 1;
    state.changesAt = null;
    await minute();
    await minute();
    expect(await last(queue)).toMatchObject({ ready: 1, claimed: 0 });
    expect(await minutes(queue, 4, "ready")).toEqual([0, 0, 1, 1]);
  });

  it("know no rate across a new life, a loss of the store, a move or a long break, and never a negative one", async () => {
    const rates = async (change: (queue: QueueRef) => void | Promise<void>) => {
      const queue = await aQueue();
      pool.use(queue, { posted: 1000 });
      await minute();
      await change(queue);
      await minute();
      return (await last(queue))?.rates;
    };
    const unchanged = await rates((queue) => pool.use(queue, { posted: 60 }));
    expect(unchanged?.posted).toBe(1);
    expect(
      await rates((queue) => {
        pool.queue(queue).epoch = 2;
        pool.use(queue, { posted: 5000 });
      }),
    ).toBeNull();
    expect(await rates((queue) => pool.lose(queue))).toBeNull();
    expect(await rates((queue) => other.use(queue, { posted: 5000 }))).toBeNull();
    expect(
      await rates((queue) => {
        pool.use(queue, { posted: 5000 });
        service.clock.offsetMs += 20 * 60_000;
      }),
    ).toBeNull();
  });

  it("spread over the break what was used during a short one, whichever process goes on", async () => {
    const queue = await aQueue();
    pool.use(queue, { posted: 60 });
    await minute();
    service.clock.offsetMs += 120_000;
    pool.use(queue, { posted: 360 });
    round = samplingOf(await service.another(), new Map([["default", pool]]), warned);
    await minute();
    expect(await minutes(queue, 4, "postedRate")).toEqual([null, 2, 2, 2]);
    expect(await minutes(queue, 4, "ready")).toEqual([60, null, null, 420]);
  });

  it("sample each queue once, when two processes take the same round", async () => {
    const queue = await aQueue();
    pool.use(queue, { posted: 60 });
    await minute();
    pool.use(queue, { posted: 120 });
    toNext(60);
    const twin = samplingOf(
      await service.another(),
      new Map([
        ["default", pool],
        ["other", other],
      ]),
      warned,
    );
    await Promise.all([round(), twin()]);
    expect(await minutes(queue, 2, "postedRate")).toEqual([null, 2]);
    await minute();
    expect(await minutes(queue, 2, "postedRate")).toEqual([2, 0]);
  });

  it("take those that are used most every ten seconds, and say nothing of the others then", async () => {
    const [busy, calm] = [await aQueue(), await aQueue()];
    pool.use(busy, { posted: 10 });
    pool.use(calm, { posted: 10 });
    await minute();
    pool.use(busy, { posted: 20 });
    toNext(10);
    await round();
    toNext(10);
    await round();
    const tens = async (queue: QueueRef, metric: "ready" | "postedRate") =>
      (await history(queue, { range: { seconds: 20 }, resolutionSeconds: 10 }))?.values(metric);
    expect(await tens(busy, "ready")).toEqual([30, 30]);
    expect(await tens(busy, "postedRate")).toEqual([2, 0]);
    expect(await last(busy)).toMatchObject({ ready: 30 });
    expect(await tens(calm, "postedRate")).toEqual([null, null]);
  });

  it("go on when one pool fails or hangs, and make up for it later", async () => {
    const [here, there] = [await aQueue(), await aQueue()];
    pool.use(here, { posted: 1 });
    other.use(there, { posted: 1 });
    await minute();
    pool.use(here, { posted: 60 });
    other.use(there, { posted: 120 });
    other.failure = new Error("It is away.");
    await minute();
    expect(await minutes(here, 1, "ready")).toEqual([61]);
    expect(await minutes(there, 1, "ready")).toEqual([null]);
    expect(warned).toEqual([expect.stringContaining("the pool other")]);
    other.failure = null;
    await minute();
    expect(await minutes(there, 2, "postedRate")).toEqual([1, 1]);

    const stuck = Promise.withResolvers<never>();
    other.failure = stuck.promise;
    pool.use(here, { posted: 1 });
    toNext(60);
    const stop = new AbortController();
    const running = round(stop.signal);
    stop.abort();
    await running;
  });

  it("sum up pools and projects", async () => {
    const [here, there] = [await aQueue(), await aQueue()];
    pool.use(here, { posted: 60 });
    other.use(there, { posted: 120 });
    await minute();
    pool.use(here, { posted: 60 });
    await minute();
    const [one, two, none] = await service.operations.samples.lastOfPools(admin, { pools: ["default", "other", "x"] });
    expect([one?.rates?.posted, two?.ready, two?.rates?.posted, none]).toEqual([1, 120, 0, null]);
    // They add up the queues of all projects.
    expect(await service.operations.samples.lastOfPools(viewer, { pools: ["one"] })).toEqual([null]);
    const range = { seconds: 120 };
    expect(await service.operations.samples.historyOfPools(viewer, { pools: ["one"], range })).toEqual([null]);
    const [project] = await service.operations.samples.lastOfProjects(viewer, { projects: ["p"] });
    expect(project).toMatchObject({ ready: 240, total: 240, exact: true, rates: { posted: 1 } });
    await service.operations.queues.delete(admin, { project: "p", queue: here.name });
    await minute();
    const [after] = await service.operations.samples.lastOfProjects(viewer, { projects: ["p"] });
    expect(after).toMatchObject({ ready: 120, rates: { posted: 0 } });
    const [found] = await service.operations.samples.historyOfPools(admin, {
      pools: ["other"],
      range: { seconds: 180 },
    });
    expect([found?.values("ready"), found?.values("postedRate")]).toEqual([
      [120, 120, 120],
      [null, 0, 0],
    ]);
  });

  it("become ten minutes and hours, and are deleted when they are old", async () => {
    const queue = await aQueue();
    toNext(3600);
    for (let number = 1; number <= 62; number += 1) {
      if (number % 10 < 5) pool.use(queue, { posted: 60 });
      await minute();
    }
    const values = async (resolutionSeconds: 600 | 3600, metric: "ready" | "postedRate") =>
      (await history(queue, { range: { seconds: 3600 }, resolutionSeconds }))?.values(metric);
    expect(await values(600, "ready")).toEqual([300, 600, 900, 1200, 1500, 1800]);
    // Of the first sample nothing but the depth is known.
    expect((await values(600, "postedRate"))?.slice(1)).toEqual(Array(5).fill(0.5));
    expect(await values(3600, "ready")).toEqual([1800]);
    expect((await values(3600, "postedRate"))?.[0]).toBeCloseTo(0.5, 1);

    const connections = new pg.Pool({ connectionString: service.config.DATABASE_URL, max: 1 });
    const left = async () => {
      while ((await service.samples.trim()) > 0);
      const { rows } = await connections.query("SELECT DISTINCT resolution FROM sample_blocks ORDER BY resolution");
      return rows.map(({ resolution }) => resolution);
    };
    try {
      expect(await left()).toEqual([10, 60, 600, 3600]);
      for (const [index, { keptSeconds }] of RESOLUTIONS.entries()) {
        service.clock.offsetMs += keptSeconds * 1000;
        expect(await left()).toEqual(RESOLUTIONS.slice(index + 1).map(({ seconds }) => seconds));
      }
    } finally {
      await connections.end();
    }
  });

  it("lose the oldest of those that take most when all take too much, and histories of a usual resolution know", async () => {
    const queue = await aQueue();
    pool.use(queue, { posted: 1 });
    await minute();
    const connections = new pg.Pool({ connectionString: service.config.DATABASE_URL, max: 1 });
    const maxBytes = 1_000_000;
    const small = createSampleStore({ connections, clock: service.clock, isOn: true, maxBytes });
    const fill = (seconds: number, count: number, bytes: number) =>
      connections.query(
        `INSERT INTO sample_blocks (resolution, shard, until, part, samples)
         SELECT $1::int, 0, $2::timestamptz - make_interval(secs => $1::int * n), 99, decode(repeat('00', $4::int), 'hex')
         FROM generate_series(1, $3::int) AS n`,
        [seconds, new Date(now()), count, bytes],
      );
    const blocks = async () => {
      const { rows } = await connections.query(
        `SELECT resolution AS seconds, count(*)::int AS count, sum(length(samples))::int AS bytes FROM sample_blocks
         WHERE part = 99 GROUP BY resolution ORDER BY resolution`,
      );
      return rows as { seconds: number; count: number; bytes: number }[];
    };
    try {
      await fill(60, 1400, 1500);
      await fill(600, 1000, 10);
      await fill(3600, 2200, 1000);
      while ((await small.trim()) > 0);
      const [minutes, tens, hours] = await blocks();
      expect(tens?.count).toBe(1000);
      // About the same for both, and more than the least that stays.
      expect(minutes?.count).toBeGreaterThan(180);
      expect(minutes?.count).toBeLessThan(300);
      expect(hours?.count).toBeGreaterThan(300);
      expect(hours?.count).toBeLessThan(500);
      const sum = [minutes, tens, hours].reduce((all, one) => all + (one?.bytes ?? 0), 0);
      expect(sum).toBeGreaterThan(maxBytes / 2);
      expect(sum).toBeLessThan(maxBytes);

      const resolution = async (seconds: number) => (await history(queue, { range: { seconds } }))?.resolutionSeconds;
      // What is known of it may be a second old.
      await expect.poll(() => resolution(6 * 3600)).toBe(600);
      expect(await resolution(2 * 3600)).toBe(60);
      const { kept } = await service.operations.samples.sampling(viewer, {});
      expect(kept.map(({ resolutionSeconds }) => resolutionSeconds)).toEqual([10, 60, 600, 3600]);
      const [, ofMinutes, , ofHours] = kept.map(({ seconds }) => seconds);
      expect(Math.abs((ofMinutes ?? 0) / 60 - (minutes?.count ?? 0))).toBeLessThan(3);
      expect(Math.abs((ofHours ?? 0) / 3600 - (hours?.count ?? 0))).toBeLessThan(3);

      // Until it is measured again, it may grow. Some of it stays, however small the room.
      const none = createSampleStore({ connections, clock: service.clock, isOn: true, maxBytes: 1 });
      while ((await none.trim()) > 0);
      expect((await blocks()).find(({ seconds }) => seconds === 60)?.count).toBe(minutes?.count);
      service.clock.offsetMs += 3_600_000;
      while ((await none.trim()) > 0);
      expect(await blocks()).toMatchObject([
        { seconds: 60, count: 59 },
        { seconds: 600, count: 137 },
        { seconds: 3600, count: 166 },
      ]);
      // Without a bound nothing more goes.
      const unbound = createSampleStore({ connections, clock: service.clock, isOn: true, maxBytes: null });
      service.clock.offsetMs += 3_600_000;
      expect(await unbound.trim()).toBe(0);
    } finally {
      await connections.query("DELETE FROM sample_blocks WHERE part = 99");
      await connections.query("DELETE FROM sampled_groups WHERE kind = 'kept'");
      await connections.end();
    }
  });

  it("refuse ranges that make no sense", async () => {
    const queue = await aQueue();
    for (const params of [
      { range: { seconds: 9 } },
      { range: { seconds: 93 * 86_400 } },
      { range: { until: new Date(Number.NaN) } },
      { range: { seconds: 3601 }, resolutionSeconds: 10 },
    ] as HistoryParams[]) {
      expect(await codeOf(history(queue, params))).toBe("BAD_INPUT");
    }
    const ofPools = { pools: ["default"], range: { seconds: 60 }, resolutionSeconds: 10 } as const;
    expect(await codeOf(service.operations.samples.historyOfPools(admin, ofPools))).toBe("BAD_INPUT");
  });
});
