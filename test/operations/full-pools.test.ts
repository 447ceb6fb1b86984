/** A pool that refuses writes because it is full or read-only can still be read. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createOperations } from "../../server/operations/create-operations.ts";
import { startOwnPostgres } from "../support/own-postgres.ts";
import { ask, describeWithRedis, startRedis } from "../support/redis.ts";
import { mountSmallDisk } from "../support/small-disk.ts";
import { admin, aService, operator, refusal, type Service, viewer, withBroken } from "./a-service.ts";

let service: Service;
beforeAll(async () => {
  service = await aService();
});
afterAll(() => service.stop());

/** Makes far more refused posts than would open a circuit breaker, with a read after each of them. */
async function readsGoOn(queue: string): Promise<void> {
  const { messages, queues } = service.operations;
  for (let time = 0; time < 12; time += 1) {
    const refused = await refusal(messages.post(operator, { queue, messages: [{ bodyText: "2" }] }));
    expect(refused).toMatchObject({ code: "STORAGE_UNAVAILABLE", details: { takesWrites: false } });
    expect((await messages.list(operator, { project: "p", queue })).items.map(({ bodyText }) => bodyText)).toEqual([
      "1",
    ]);
    expect((await queues.stats(viewer, { project: "p", queue })).total).toBe(1);
  }
}

/** The health of the pool now. The service's own check may be ten seconds old. */
async function healthOf(pool: string) {
  const { health } = withBroken(service, {});
  const { status, warnings, pools } = await health.check(viewer, {});
  return { status, warnings, ...pools.find((one) => one.pool === pool) };
}

async function aQueueIn(pool: string, uri: string): Promise<string> {
  await service.operations.pools.create(admin, { pool, uri, weight: 1 });
  await service.operations.queues.create(operator, { queue: `in-${pool}` });
  await service.operations.pools.update(admin, { pool, weight: 0 });
  await service.operations.messages.post(operator, { queue: `in-${pool}`, messages: [{ bodyText: "1" }] });
  return `in-${pool}`;
}

test("a read-only PostgreSQL pool refuses writes with the reason, shows it in health, and can be read", async () => {
  const uri = await service.emptyUri();
  const queue = await aQueueIn("pg", uri);
  const client = new pg.Client({ connectionString: uri });
  await client.connect();
  const { rows } = await client.query<{ name: string }>("SELECT quote_ident(current_database()) AS name");
  const set = async (value: string) => {
    await client.query(`ALTER DATABASE ${rows[0]?.name} ${value}`);
    await client.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'isimud data'",
    );
  };
  try {
    await set("SET default_transaction_read_only = on");
    // The first calls may use a connection that was just ended.
    await expect
      .poll(
        async () =>
          (await refusal(service.operations.messages.post(operator, { queue, messages: [{ bodyText: "2" }] })))
            ?.details,
      )
      .toMatchObject({ pool: "pg", takesWrites: false, reason: "read-only" });
    await readsGoOn(queue);
    expect(await healthOf("pg")).toMatchObject({
      status: "warn",
      warnings: [expect.stringContaining("The pool pg is read-only."), expect.stringContaining("create_queue")],
      storageReachable: true,
      writesRefused: "The storage is read-only.",
    });
  } finally {
    await set("RESET default_transaction_read_only").catch(() => undefined);
    await client.end();
  }
});

test("a full disk under the control database shows in health checks and in refused calls, and no more once it has room", async (context) => {
  const disk = mountSmallDisk(160);
  if (disk === null) return context.skip("needs root, to mount a file system");
  const dataDir = join(disk.folder, "data");
  mkdirSync(dataDir);
  // Its write-ahead log stays small: the server stops when the log finds no space.
  const postgres = await startOwnPostgres(dataDir, { min_wal_size: "32MB", max_wal_size: "64MB" });
  try {
    const small = await aService({ DATABASE_URL: postgres.url });
    try {
      let now = 0;
      const operations = createOperations({ ...small, limits: small.config, now: () => now, warn: () => {} });
      const { health } = operations;
      const look = () => {
        now += 10_000;
        return health.check(viewer, {});
      };
      const message = { bodyText: JSON.stringify("x".repeat(9000)) };
      const post = () => operations.messages.post(operator, { queue: "q", messages: [message] });
      await operations.queues.create(operator, { queue: "q" });
      await post();
      expect((await look()).status).toBe("pass");
      disk.fill();
      expect(await look()).toMatchObject({
        status: "warn",
        pools: [{ storageReachable: true, writesRefused: "The disk is full." }],
        warnings: [
          expect.stringMatching(/^The disk of the pool default is full\./),
          expect.stringContaining("reserve_space"),
        ],
      });
      // The first posts may still fit into existing pages.
      let refused: Awaited<ReturnType<typeof refusal>>;
      do refused = await refusal(post());
      while (refused === undefined);
      expect(refused).toMatchObject({ code: "STORAGE_UNAVAILABLE", details: { reason: "disk-full" } });
      expect(await health.notReady()).toBe("The control database takes no writes. The disk is full.");
      disk.free();
      await post();
      now += 10_000;
      expect(await health.notReady()).toBeNull();
      expect((await look()).status).toBe("pass");
    } finally {
      await small.stop();
    }
  } finally {
    await postgres.stop();
    disk.remove();
  }
});

describeWithRedis(() => {
  test("a full Redis pool refuses writes, shows it in health, can be read, and takes writes again once it has room", async () => {
    const server = await startRedis();
    try {
      const queue = await aQueueIn("redis", `${server.url}/full`);
      await ask(server.port, "CONFIG SET maxmemory 1");
      await readsGoOn(queue);
      expect(await healthOf("redis")).toMatchObject({
        status: "warn",
        warnings: expect.arrayContaining([expect.stringMatching(/^The memory of the pool redis is full.* \(0 bytes/)]),
        storageReachable: true,
        writesRefused: expect.stringContaining("maxmemory"),
        freeBytes: 0,
      });
      await ask(server.port, "CONFIG SET maxmemory 1gb");
      expect(await healthOf("redis")).toMatchObject({ writesRefused: null, freeBytes: expect.any(Number) });
      await ask(server.port, "CONFIG SET maxmemory 0");
      await service.operations.messages.post(operator, { queue, messages: [{ bodyText: "2" }] });
      await service.operations.queues.delete(operator, { queue });
      await service.operations.pools.delete(admin, { pool: "redis" });
    } finally {
      await server.stop();
    }
  });
});
