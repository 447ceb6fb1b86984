/** A pool that takes no writes, because it is full or read-only, is read all the same. */
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask, describeWithRedis, startRedis } from "../support/redis.ts";
import { admin, aService, operator, refusal, type Service, viewer } from "./a-service.ts";

let service: Service;
beforeAll(async () => {
  service = await aService();
});
afterAll(() => service.stop());

/** Far more refused posts than a breaker bears, and a read after each of them. */
async function readsGoOn(queue: string): Promise<void> {
  const { messages, queues } = service.operations;
  for (let time = 0; time < 12; time += 1) {
    const refused = await refusal(messages.post(operator, { queue, messages: [{ bodyText: "2" }] }));
    expect(refused).toMatchObject({ code: "STORAGE_UNAVAILABLE", details: { takesWrites: false } });
    expect((await messages.list(viewer, { project: "p", queue })).items.map(({ bodyText }) => bodyText)).toEqual(["1"]);
    expect((await queues.stats(viewer, { project: "p", name: queue })).total).toBe(1);
  }
}

async function aQueueIn(pool: string, uri: string): Promise<string> {
  await service.operations.pools.create(admin, { name: pool, uri, weight: 1 });
  await service.operations.queues.create(operator, { name: `in-${pool}` });
  await service.operations.pools.update(admin, { name: pool, weight: 0 });
  await service.operations.messages.post(operator, { queue: `in-${pool}`, messages: [{ bodyText: "1" }] });
  return `in-${pool}`;
}

test("on PostgreSQL", async () => {
  const uri = await service.poolUri();
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
    // The first calls may meet the connections that were just ended.
    await expect
      .poll(
        async () =>
          (await refusal(service.operations.messages.post(operator, { queue, messages: [{ bodyText: "2" }] })))
            ?.details,
      )
      .toEqual({ pool: "pg", takesWrites: false });
    await readsGoOn(queue);
  } finally {
    await set("RESET default_transaction_read_only").catch(() => undefined);
    await client.end();
  }
});

describeWithRedis(() => {
  test("on Redis", async () => {
    const server = await startRedis();
    try {
      const queue = await aQueueIn("redis", `${server.url}/full`);
      await ask(server.port, "CONFIG SET maxmemory 1");
      await readsGoOn(queue);
      await ask(server.port, "CONFIG SET maxmemory 0");
      await service.operations.messages.post(operator, { queue, messages: [{ bodyText: "2" }] });
      await service.operations.queues.delete(operator, { name: queue });
      await service.operations.pools.delete(admin, { name: "redis" });
    } finally {
      await server.stop();
    }
  });
});
