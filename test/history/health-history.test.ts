import { getEventListeners } from "node:events";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { DomainError } from "../../server/errors.ts";
import type { HealthSample } from "../../server/history/health-history.ts";
import { createHealthHistory } from "../../server/history/health-store.ts";
import { type Sampler, startSampler } from "../../server/history/sampler.ts";
import type { Lock } from "../../server/kvs/lock.ts";
import { createOperations } from "../../server/operations/create-operations.ts";
import type { DataDriver } from "../../server/storage/data-driver.ts";
import { admin, aService, codeOf, over, type Service, viewer } from "../operations/a-service.ts";

let service: Service;
beforeAll(async () => {
  service = await aService({ HEALTH_INTERVAL: "30" });
});
afterAll(() => service.stop());

const MINUTE = 60_000;
/** Nobody else's, so that no test sees another's samples. */
let pools = 0;
const aPool = () => `pool-${++pools}`;
const sample = (pool: string, changes: Partial<HealthSample> = {}): HealthSample => ({
  pool,
  reachable: true,
  errorCode: null,
  operations: [],
  ...changes,
});
const post = (milliseconds: number, errorCode: "DEADLINE_EXCEEDED" | null = null) => ({
  operation: "post_messages",
  milliseconds,
  errorCode,
});
/** To the beginning of the next stretch of so many seconds. */
function toNextStep(seconds: number): void {
  const now = Date.now() + service.clock.offsetMs;
  service.clock.offsetMs += seconds * 1000 - (now % (seconds * 1000)) + 1000;
}
const list = async ({ pool, ...params }: { pool: string; stepSeconds?: number; since?: Date; page?: object }) => {
  // The other pools of a list change nothing.
  const pools = ["a-pool-without-samples", pool, pool];
  const [none, found, again] = await service.operations.healthHistory.list(viewer, { pools, ...params });
  expect([none?.items, again]).toEqual([[], found]);
  return found as NonNullable<typeof found>;
};

describe("the history of a pool's health", () => {
  it("gives the percentiles of the successful tries, of all operations together and of each", async () => {
    const pool = aPool();
    toNextStep(300);
    for (let ms = 1; ms <= 101; ms++) {
      await service.history.add(
        sample(pool, { operations: [post(ms), { operation: "delete_queue", milliseconds: 100, errorCode: null }] }),
      );
    }
    await service.history.add(sample(pool, { operations: [post(9999, "DEADLINE_EXCEEDED")] }));
    const { items } = await list({ pool });
    expect(items).toMatchObject([{ samples: 102, unreachable: 0, failing: 1, p50Ms: 151, p95Ms: 196 }]);
    const [first] = items;
    if (first === undefined) throw new Error("There is one.");
    expect(first.until.getTime() - first.from.getTime()).toBe(300_000);
    expect(first.from.getTime() % 300_000).toBe(0);
    expect(await service.operations.healthHistory.operations(viewer, { intervals: [first] })).toEqual([
      [
        {
          operation: "post_messages",
          samples: 102,
          failed: 1,
          errorCode: "DEADLINE_EXCEEDED",
          p50Ms: 51,
          p95Ms: 96,
        },
        { operation: "delete_queue", samples: 101, failed: 0, errorCode: null, p50Ms: 100, p95Ms: 100 },
      ],
    ]);
  });

  it("counts what failed while the pool was away as the pool's, and else as the operation's", async () => {
    const pool = aPool();
    toNextStep(300);
    await service.history.add(
      sample(pool, {
        reachable: false,
        errorCode: "STORAGE_UNAVAILABLE",
        operations: [{ operation: "delete_queue", milliseconds: 1, errorCode: "STORAGE_UNAVAILABLE" }],
      }),
    );
    await service.history.add(sample(pool, { operations: [post(9999, "DEADLINE_EXCEEDED")] }));
    await service.history.add(sample(pool, { reachable: false, errorCode: "STORAGE_UNAVAILABLE" }));
    const { items } = await list({ pool });
    expect(items).toMatchObject([{ samples: 3, unreachable: 2, failing: 1 }]);
    const operations = await service.operations.healthHistory.operations(viewer, { intervals: items });
    expect(operations).toMatchObject([[{ operation: "post_messages", samples: 1, failed: 1 }]]);
  });

  it("is read newest first, in pages, in both directions, and leaves out stretches without samples", async () => {
    const pool = aPool();
    toNextStep(60);
    const began = Date.now() + service.clock.offsetMs;
    for (const minutes of [1, 1, 3, 1]) {
      await service.history.add(sample(pool, { reachable: false, errorCode: "STORAGE_UNAVAILABLE" }));
      service.clock.offsetMs += minutes * MINUTE;
    }
    const starts = (items: { from: Date }[]) =>
      items.map(({ from }) => Math.floor((from.getTime() - began) / MINUTE) + 1);
    const first = await list({ pool, stepSeconds: 60, page: { limit: 2 } });
    expect(starts(first.items)).toEqual([5, 2]);
    expect(first.items[0]).toMatchObject({
      samples: 1,
      unreachable: 1,
      failing: 0,
      errorCode: "STORAGE_UNAVAILABLE",
      p50Ms: null,
    });
    expect(first.previousMarker).toBeNull();
    const rest = await list({ pool, stepSeconds: 60, page: { limit: 3, after: first.nextMarker } });
    expect([starts(rest.items), rest.nextMarker]).toEqual([[1, 0], null]);
    const back = await list({ pool, stepSeconds: 60, page: { limit: 3, before: rest.previousMarker } });
    expect(starts(back.items)).toEqual([5, 2]);
    const oldest = await list({ pool, stepSeconds: 60, page: { limit: 3, atEnd: true } });
    expect([starts(oldest.items), oldest.nextMarker]).toEqual([[2, 1, 0], null]);
    expect(oldest.markers).toEqual(oldest.items.map(({ from }) => String(from.getTime() / 1000)));
    const since = await list({ pool, stepSeconds: 60, since: new Date(began + 2 * MINUTE) });
    expect(starts(since.items)).toEqual([5, 2]);
    for (const [instant, found] of [
      ["0000-01-01T00:00:00+23:59", 4],
      ["9999-12-31T23:59:59-14:00", 0],
    ] as const) {
      expect((await list({ pool, stepSeconds: 60, since: new Date(instant) })).items).toHaveLength(found);
    }
  });

  it("has the last hour of many pools in one answer, with empty stretches", async () => {
    const [busy, silent] = [aPool(), aPool()];
    toNextStep(300);
    await service.history.add(sample(busy, { operations: [post(5)] }));
    service.clock.offsetMs += 30 * MINUTE;
    await service.history.add(sample(busy, { reachable: false, errorCode: "DEADLINE_EXCEEDED" }));
    const [first, second] = await service.operations.healthHistory.lastHour(viewer, { pools: [silent, busy] });
    expect(first?.map(({ pool, samples, lastAt }) => [pool, samples, lastAt])).toEqual(
      Array(12).fill([silent, 0, null]),
    );
    expect(second?.map(({ samples, unreachable }) => [samples, unreachable])).toEqual([
      ...Array(5).fill([0, 0]),
      [1, 0],
      ...Array(5).fill([0, 0]),
      [1, 1],
    ]);
    expect(second?.[5]?.p95Ms).toBe(5);
    service.clock.offsetMs += 60 * MINUTE;
    const [later] = await service.operations.healthHistory.lastHour(viewer, { pools: [busy] });
    expect(later?.every(({ samples }) => samples === 0)).toBe(true);
  });

  it("refuses steps, markers and names that make no sense", async () => {
    expect(await codeOf(list({ pool: "default", stepSeconds: 29 }))).toBe("BAD_INPUT");
    expect(await codeOf(list({ pool: "default", stepSeconds: 86_401 }))).toBe("BAD_INPUT");
    expect(await codeOf(list({ pool: "default", page: { after: "soon" } }))).toBe("BAD_INPUT");
    expect(await codeOf(list({ pool: "" }))).toBe("BAD_INPUT");
    expect(await codeOf(list({ pool: "default", since: new Date(Number.NaN) }))).toBe("BAD_INPUT");
  });

  it("goes with its pool, so that another pool of that name begins anew", async () => {
    const pool = aPool();
    await service.operations.pools.create(admin, { pool, uri: await service.poolUri(), weight: 0 });
    await service.history.add(sample(pool));
    await service.operations.pools.delete(admin, { pool });
    expect((await list({ pool })).items).toEqual([]);
  });

  it("keeps a day, and no more samples than it may", async () => {
    const pool = aPool();
    await service.history.trim();
    await service.history.add(sample(pool));
    service.clock.offsetMs += 86_400_000 - MINUTE;
    await service.history.add(sample(pool));
    await service.history.trim();
    expect((await list({ pool })).items).toHaveLength(2);
    service.clock.offsetMs += 2 * MINUTE;
    expect(await service.history.trim()).toBeGreaterThan(0);
    expect((await list({ pool })).items).toHaveLength(1);

    const connections = new pg.Pool({ connectionString: service.config.DATABASE_URL, max: 1 });
    try {
      const small = createHealthHistory({ connections, clock: service.clock, everySeconds: 30, maxSamples: 3 });
      for (let number = 0; number < 5; number++) await small.add(sample(pool));
      await small.trim();
      const { rows } = await connections.query("SELECT count(*)::int AS count FROM health_samples");
      expect(rows).toEqual([{ count: 3 }]);
    } finally {
      await connections.end();
    }
  });
});

describe("a round of samples", () => {
  it("keeps each pool as soon as it is known: one that hangs holds up no other, and stopping drops it", async () => {
    const [dead, hanging] = ["dead", "hanging"];
    const uri = "postgres://user:canary-password@127.0.0.1:1/d";
    await service.operations.pools.create(admin, { pool: dead, uri, weight: 0, verify: false });
    await service.operations.pools.create(admin, { pool: hanging, uri: await service.poolUri(), weight: 0 });
    const stuck = Promise.withResolvers<never>();
    const { control, stores, jobs, history, samples, consumers, problems, config: limits, ...others } = service;
    const data = over(service.data, {
      pool: async (name) => {
        const driver = await service.data.pool(name);
        return name === hanging ? over<DataDriver>(driver, { health: () => stuck.promise }) : driver;
      },
    });
    const now = () => performance.now();
    const { healthHistory } = createOperations({
      ...{ ...others, control, data, stores, jobs, history, samples, consumers, problems, limits, now },
      warn: () => {},
    });
    const stop = new AbortController();
    const round = healthHistory.sample(stop.signal);
    await expect.poll(async () => (await list({ pool: "default" })).items.length).toBe(1);
    await expect.poll(async () => (await list({ pool: dead })).items.length).toBe(1);
    expect((await list({ pool: dead })).items[0]).toMatchObject({
      unreachable: 1,
      errorCode: "STORAGE_UNAVAILABLE",
    });
    const [healthy] = (await list({ pool: "default" })).items;
    expect(healthy).toMatchObject({ samples: 1, unreachable: 0, failing: 0, p50Ms: expect.any(Number) });
    stop.abort();
    await round;
    expect((await list({ pool: hanging })).items).toEqual([]);
    expect(JSON.stringify((await list({ pool: dead })).items)).not.toContain("canary");
    await service.operations.pools.delete(admin, { pool: dead });
    await service.operations.pools.delete(admin, { pool: hanging });
  });

  it("counts a check that is shared with others once", async () => {
    const { sample: round } = service.operations.healthHistory;
    await round(new AbortController().signal);
    const samples = async () =>
      (await list({ pool: "default", stepSeconds: 86_400 })).items.reduce((sum, one) => sum + one.samples, 0);
    const before = await samples();
    await round(new AbortController().signal);
    expect(await samples()).toBe(before);
  });

  it("leaves nothing on the signal, which lasts as long as the process", async () => {
    const { signal } = new AbortController();
    const round = service.operations.healthHistory.sample(signal);
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    await round;
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("is due again after the interval, which the API says", async () => {
    await service.history.add(sample("default"));
    const { everySeconds, lastAt, nextAt } = await service.operations.healthHistory.sampling(viewer, {});
    expect(everySeconds).toBe(30);
    expect((nextAt?.getTime() ?? 0) - (lastAt?.getTime() ?? 0)).toBe(30_000);
  });
});

describe("the sampler", () => {
  const samplers: Sampler[] = [];
  const errors: unknown[] = [];
  type Params = Parameters<typeof startSampler>[0];
  const start = (turns: Params["turns"], round: () => Promise<void>, changes: Partial<Params> = {}) => {
    const sampler = startSampler({
      name: "health",
      sample: round,
      turns,
      turnSeconds: 30,
      pace: { lookEveryMs: 5 },
      onError: (error) => errors.push(error),
      ...changes,
    });
    samplers.push(sampler);
    return sampler;
  };
  afterEach(async () => {
    await Promise.all(samplers.splice(0).map((sampler) => sampler.stop()));
  });
  const turnIsTaken = () =>
    expect.poll(async () => (await service.stores.keys("isimud.turns", { limit: 1 })).items.length);

  it("is one of all processes a round, the next round comes when it is due, and a failed one ends nothing", async () => {
    service.clock.offsetMs += MINUTE;
    const other = await service.another();
    let rounds = 0;
    const round = async () => {
      rounds++;
      if (rounds === 1) throw new Error("The first one fails.");
    };
    start(service.turns, round);
    start(other.turns, round);
    await turnIsTaken().toBe(1);
    await expect.poll(() => rounds).toBe(1);
    // Both look again and again, and it is nobody's turn.
    const seen = { one: 0, other: 0 };
    const watch = ({ turns }: Pick<Service, "turns">, name: keyof typeof seen) => ({
      get: (key: string) => {
        seen[name]++;
        return turns.get(key);
      },
      set: turns.set.bind(turns),
      delete: turns.delete.bind(turns),
      getLock: turns.getLock.bind(turns),
    });
    start(watch(service, "one"), round);
    start(watch(other, "other"), round);
    await expect.poll(() => Math.min(seen.one, seen.other)).toBeGreaterThan(3);
    expect(rounds).toBe(1);
    service.clock.offsetMs += 31_000;
    await expect.poll(() => rounds).toBe(2);
    expect(errors).toEqual([new Error("The first one fails.")]);
  });

  it("keeps its turn while its round takes longer than a turn, and the next round comes at once then", async () => {
    const other = await service.another();
    const end = Promise.withResolvers<void>();
    let [rounds, renewals, looks] = [0, 0, 0];
    const { turns } = service;
    const round = () => {
      rounds++;
      return end.promise;
    };
    const params = { name: "long", turnSeconds: 0.6 };
    const watched: Params["turns"] = {
      ...{ get: turns.get.bind(turns), getLock: turns.getLock.bind(turns), delete: turns.delete.bind(turns) },
      set: (...args) => {
        renewals++;
        return turns.set(...args);
      },
    };
    start(watched, round, params);
    await expect.poll(() => rounds).toBe(1);
    const looking: Params["turns"] = {
      ...{ set: other.turns.set.bind(other.turns), delete: other.turns.delete.bind(other.turns) },
      getLock: other.turns.getLock.bind(other.turns),
      get: (key) => {
        looks++;
        return other.turns.get(key);
      },
    };
    start(looking, round, params);
    await expect.poll(() => renewals, { timeout: 10_000 }).toBeGreaterThan(3);
    expect(looks).toBeGreaterThan(3);
    expect(rounds).toBe(1);
    end.resolve();
    await expect.poll(() => rounds).toBeGreaterThan(1);
  });

  it("begins rounds just after the intervals that they tell of", async () => {
    vi.useFakeTimers({ now: Date.UTC(2026, 10, 26, 12, 0, 3) });
    try {
      const began: number[] = [];
      const nobody = async () => {
        throw new DomainError("KEY_DOES_NOT_EXIST", "Nobody has taken it.");
      };
      const lock = { acquire: async () => ({ [Symbol.asyncDispose]: async () => {} }) } as unknown as Lock;
      const free = { get: nobody, set: async () => {}, delete: async () => true, getLock: () => lock };
      start(free, async () => void began.push(Date.now() % 10_000), { pace: { alignedSeconds: 10 } });
      await vi.advanceTimersByTimeAsync(30_000);
      expect(began).toHaveLength(3);
      expect(Math.max(...began)).toBeLessThan(500);
    } finally {
      vi.useRealTimers();
    }
  });

  it("tells a round that it stops", async () => {
    service.clock.offsetMs += MINUTE;
    let began = false;
    const sampler = startSampler({
      name: "health",
      sample: (signal) => {
        began = true;
        return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
      },
      turns: service.turns,
      turnSeconds: 30,
      pace: { lookEveryMs: 5 },
      onError: (error) => errors.push(error),
    });
    await expect.poll(() => began).toBe(true);
    await sampler.stop();
  });
});
