import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { DomainError } from "../../../server/errors.ts";
import { createOperations } from "../../../server/operations/create-operations.ts";
import { emptyPage } from "../../../server/storage/list-pages.ts";
import { limitedTo } from "../../support/access.ts";
import { admin, aService, codeOf, operator, over, type Service, viewer, withBroken } from "../a-service.ts";

let service: Service;
let now = 0;
let operations: Service["operations"];
const warnings: string[] = [];
beforeAll(async () => {
  service = await aService();
  const { control, data, stores, jobs, history, samples, consumers, problems, config: limits, ...others } = service;
  operations = createOperations({
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
    warn: (message) => warnings.push(message),
  });
});
afterAll(() => service.stop());

test("a healthy service passes, with each operation of each pool timed", async () => {
  await operations.pools.create(admin, { pool: "second", uri: await service.poolUri(), weight: 1 });
  const report = await operations.health.check(viewer, {});
  expect(report).toMatchObject({ status: "pass", control: { reachable: true }, warnings: [] });
  expect(report.pools.map(({ pool }) => pool)).toEqual(["default", "second"]);
  for (const { operations: tried, storageReachable } of report.pools) {
    expect(storageReachable).toBe(true);
    expect(tried.every(({ succeeded, durationSeconds }) => succeeded && durationSeconds > 0)).toBe(true);
    expect(tried.length).toBeGreaterThanOrEqual(8);
  }
  expect(await operations.health.notReady()).toBeNull();
});

test("the health of one pool is the same alone as in the whole report", async () => {
  const { pools } = await operations.health.check(viewer, {});
  expect(await operations.health.pools(viewer, { pools: ["second", "third", "default"] })).toEqual([
    pools[1],
    expect.objectContaining({ code: "POOL_DOES_NOT_EXIST" }),
    pools[0],
  ]);
});

test("pools are probed once in ten seconds, however many callers ask", async () => {
  now += 10_000;
  const checks = await Promise.all(Array.from({ length: 5 }, () => operations.health.check(viewer, {})));
  const first = checks[0]?.pools[0]?.checkedAt;
  expect(checks.every(({ pools }) => pools[0]?.checkedAt === first)).toBe(true);
  now += 9_999;
  expect((await operations.health.check(viewer, {})).pools[0]?.checkedAt).toBe(first);
  now += 1;
  expect((await operations.health.check(viewer, {})).pools[0]?.checkedAt).not.toBe(first);
});

test("a pool that is down is a warning that names it, and the others are healthy", async () => {
  const uri = "postgres://user:canary-password@127.0.0.1:1/d";
  await operations.pools.create(admin, { pool: "down", uri, weight: 0, verify: false });
  const report = await operations.health.check(viewer, {});
  expect(report.status).toBe("warn");
  expect(report.warnings).toEqual([expect.stringContaining("down")]);
  expect(report.pools.map(({ pool, storageReachable }) => [pool, storageReachable])).toEqual([
    ["default", true],
    ["down", false],
    ["second", true],
  ]);
  expect(JSON.stringify(report)).not.toContain("canary-password");
});

test("garbage collection reports each pool, the dead one too, and health shows the last collection", async () => {
  await operations.queues.create(operator, { queue: "q" });
  await operations.messages.post(operator, { queue: "q", messages: [{ bodyText: "1", ttlSeconds: 60 }] });
  service.clock.offsetMs += 61_000;
  const report = await operations.gc.collect(admin, {});
  expect(report.pools.map(({ pool, error }) => [pool, error === null])).toEqual([
    ["default", true],
    ["down", false],
    ["second", true],
  ]);
  expect(report.total.messages).toBe(1);
  expect((await operations.health.check(admin, {})).gc).toMatchObject({ messages: 1 });
  expect(await operations.gc.collect(admin, { pool: "second" })).toMatchObject({ pools: [{ pool: "second" }] });
  expect(await codeOf(operations.gc.collect(admin, { pool: "nowhere" }))).toBe("POOL_DOES_NOT_EXIST");
  for (const access of [viewer, operator]) expect(await codeOf(operations.gc.collect(access, {}))).toBe("FORBIDDEN");
  await operations.pools.delete(admin, { pool: "down" });
});

test("the audit log is for admins, newest first, by project and actor", async () => {
  expect(await codeOf(operations.audit.list(operator, {}))).toBe("FORBIDDEN");
  await operations.queues.create(limitedTo(operator, "operator", "all"), { project: "other", queue: "q" });
  const actions = async (params: object) =>
    (await operations.audit.list(admin, params)).items.map(({ action, target }) => `${action} ${target}`);
  expect(await actions({ page: { limit: 3 } })).toEqual(["createQueue q", "deletePool down", "createQueue q"]);
  expect(await actions({ project: "other" })).toEqual(["createQueue q"]);
  expect(await actions({ actor: "ada" })).toEqual(["deletePool down", "createPool down", "createPool second"]);
  const limited = limitedTo(admin, "admin", ["other"]);
  expect((await operations.audit.list(limited, {})).items.map(({ project }) => project)).toEqual(["other"]);
  expect(await codeOf(operations.audit.list(limited, { project: "p" }))).toBe("FORBIDDEN");
});

test("without its control database the service's health is fail, and it is not ready and says why", async () => {
  const { control, data, stores, jobs, history, samples, consumers, problems, config: limits, ...others } = service;
  const broken = {
    ...control,
    isAlive: async () => false,
    pools: { ...control.pools, list: () => Promise.reject(new Error("never asked")) },
  };
  const cut = createOperations({
    ...others,
    control: broken,
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
  expect(await cut.health.notReady()).toBe("The control database cannot be reached.");
  const report = await cut.health.check(viewer, {});
  expect(report).toMatchObject({ status: "fail", control: { reachable: false }, pools: [] });
  expect(report.warnings.join()).toContain("DATABASE_URL");
});

test("a health check answers within ten seconds, whatever hangs", async () => {
  const never = () => new Promise<never>(() => {});
  const late = <T>(milliseconds: number, value: T) =>
    new Promise<T>((resolve) => setTimeout(resolve, milliseconds, value));
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    for (const alive of [true, false]) {
      const pools = over(service.control.pools, {
        list: () => late(4000, emptyPage()),
        listLosses: never,
        listTwins: never,
      });
      const control = {
        isAlive: () => late(2000, alive),
        pools,
        collections: over(service.control.collections, { last: never }),
        queues: over(service.control.queues, { getMany: never }),
      };
      const { health } = withBroken(service, { control, data: { pool: never } });
      let answered = false;
      const report = health.check(viewer, {}).finally(() => {
        answered = true;
      });
      await vi.advanceTimersByTimeAsync(10_000);
      expect(answered, String(alive)).toBe(true);
      expect(await report).toMatchObject({
        status: alive ? "warn" : "fail",
        pools: alive ? [{ pool: "default", storageReachable: false, errorCode: "DEADLINE_EXCEEDED" }] : [],
      });
    }
  } finally {
    vi.useRealTimers();
  }
});

test("the service is not ready while the control database fails half of the calls", async () => {
  let failing = true;
  const { control, data, stores, jobs, history, samples, consumers, problems, config: limits, ...others } = service;
  const exists = async () => {
    if (failing) throw new DomainError("STORAGE_UNAVAILABLE", "The storage has no connection to spare.");
    return false;
  };
  const short = over(control, { queues: over(control.queues, { exists }) });
  const { queues, health } = createOperations({
    ...{ ...others, control: short, data, stores, jobs, history, samples, consumers, problems, limits },
    now: () => now,
    warn: () => {},
  });
  const ask = () =>
    Promise.allSettled(Array.from({ length: 20 }, () => queues.exists(viewer, { project: "p", queue: "q" })));
  await ask();
  expect(await health.notReady()).toMatch(/^The control database failed at least half of this process's calls/);
  failing = false;
  await ask();
  await queues.exists(viewer, { project: "p", queue: "q" });
  expect(await health.notReady()).toBeNull();
});
