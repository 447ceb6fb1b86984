import pg from "pg";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { DomainError } from "../../server/errors.ts";
import { createOperations } from "../../server/operations/create-operations.ts";
import type { DataDriver } from "../../server/storage/data-driver.ts";
import { admin, aService, operator, over, type Service, viewer } from "./a-service.ts";

let service: Service;
beforeAll(async () => {
  service = await aService();
});
afterAll(() => service.stop());

const AWAY = new DomainError("STORAGE_UNAVAILABLE", "The storage cannot be reached.");

/** Operations, the lines that they log, and two pools, of which "ill" fails with `state.failure`. */
async function withIllPool() {
  const { control, data, stores, jobs, history, samples, consumers, problems, config: limits, ...others } = service;
  for (const name of ["ill", "well"]) {
    await service.operations.pools.create(admin, { pool: name, uri: await service.poolUri(), weight: 1 });
  }
  const told: string[] = [];
  const state: { failure: Error | null } = { failure: null };
  const breaks = (driver: DataDriver): DataDriver => {
    const fails = async () => {
      throw state.failure;
    };
    return state.failure === null ? driver : over(driver, { gc: fails, detachQueue: fails });
  };
  const operations = createOperations({
    ...others,
    control,
    data: over(data, {
      pool: async (name) => {
        const driver = await data.pool(name);
        return name === "ill" ? breaks(driver) : driver;
      },
    }),
    stores,
    jobs,
    history,
    samples,
    consumers,
    problems,
    limits,
    now: () => performance.now(),
    warn: (message, error) => told.push(`${message}: ${(error as Error).message}`),
    info: (message) => told.push(message),
  });
  return { operations, state, told };
}

test("the log has one line when the collection of a pool begins to fail and one when it recovers, also when a deleted queue waits there", async () => {
  const { operations, state, told } = await withIllPool();
  const collect = () => operations.gc.collect(admin, {});
  const inIll = async () => {
    for (let number = 0; ; number += 1) {
      const queue = `q${number}`;
      await operations.queues.create(operator, { queue });
      if ((await operations.catalogue.get(viewer, { project: "p", queue })).pool === "ill") return queue;
    }
  };
  const queue = await inIll();
  await collect();
  expect(told).toEqual([]);

  state.failure = AWAY;
  await operations.queues.delete(operator, { queue });
  told.length = 0;
  for (let round = 0; round < 3; round += 1) await collect();
  const begins = (why: string) =>
    `Garbage collection of the pool ill failed; the next line about it comes when it recovers: ${why}`;
  expect(told).toEqual([begins(AWAY.message)]);

  // Unreachable for another reason is no news. A defect is.
  state.failure = new DomainError("DEADLINE_EXCEEDED", "It took too long.");
  await collect();
  expect(told).toHaveLength(1);
  state.failure = new Error("a defect");
  for (let round = 0; round < 2; round += 1) await collect();
  expect(told.filter((line) => line.includes("collection of the pool"))).toEqual([
    begins(AWAY.message),
    begins("a defect"),
  ]);

  // Every process tells of it, whichever has collected.
  const { health } = (await service.another()).operations;
  const collections = async () => {
    const { gc, warnings } = await health.check(admin, {});
    return { gc, warnings: warnings.filter((line) => line.includes("arbage")) };
  };
  expect(await collections()).toEqual({
    gc: expect.objectContaining({ at: expect.any(Date), durationSeconds: expect.any(Number), queues: 0 }),
    warnings: [expect.stringMatching(/^Garbage collection failed in the pool ill: It failed\. /)],
  });

  state.failure = null;
  for (let round = 0; round < 2; round += 1) await collect();
  expect((await collections()).warnings).toEqual([]);
  expect(told.at(-1)).toBe("Garbage collection of the pool ill recovered");
  expect(told.filter((line) => line.includes("ill recovered"))).toHaveLength(1);
});

test("a pool whose collection failed gets no new queue until a collection succeeds", async () => {
  const { data } = service;
  const failing = vi.spyOn(await data.pool("ill"), "gc").mockRejectedValue(AWAY);
  const drawn = async () => {
    const randoms = Array.from({ length: 20 }, (_, index) => index / 20);
    return new Set(await Promise.all(randoms.map((one) => data.choosePool(null, () => one))));
  };
  await service.operations.gc.collect(admin, {});
  expect(await drawn()).toEqual(new Set(["well"]));
  failing.mockRestore();
  await service.operations.gc.collect(admin, {});
  expect(await drawn()).toEqual(new Set(["ill", "well"]));
});

test("gc deletes old audit entries and jobs that ended long ago, in bounded steps, and keeps the rest", async () => {
  const connections = new pg.Pool({ connectionString: service.config.DATABASE_URL, max: 1 });
  await connections.query(
    `INSERT INTO audit_entries (at, actor, action, target, outcome, request_id)
     SELECT clock_timestamp() - make_interval(days => days), 'a', 'trimmed', days::text, 'done', 'r'
     FROM unnest(ARRAY[400, 366, 364, 1]) AS days CROSS JOIN generate_series(1, 1500)`,
  );
  await connections.query(
    `INSERT INTO jobs (kind, target, state, actor, request_id, finished_at)
     SELECT 'trimmed', state || days, state, 'a', 'r', CASE WHEN state <> 'waiting' THEN clock_timestamp() - make_interval(days => days) END
     FROM unnest(ARRAY['done', 'failed', 'waiting']) AS state CROSS JOIN unnest(ARRAY[31, 29]) AS days`,
  );
  await service.operations.gc.collect(admin, {});
  const audit = await connections.query(
    "SELECT target, count(*)::int AS count FROM audit_entries WHERE action = 'trimmed' GROUP BY target ORDER BY target",
  );
  expect(audit.rows).toEqual([
    { target: "1", count: 1500 },
    { target: "364", count: 1500 },
  ]);
  const jobs = await connections.query("SELECT target FROM jobs WHERE kind = 'trimmed' ORDER BY target");
  expect(jobs.rows.map(({ target }) => target)).toEqual(["done29", "failed29", "waiting29", "waiting31"]);
  await connections.query("DELETE FROM jobs WHERE kind = 'trimmed'");
  await connections.end();
});
