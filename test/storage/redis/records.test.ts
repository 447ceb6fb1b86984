/** What earlier and later versions write into a pool on Redis, and what this one makes of it. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { DataDriver } from "../../../server/storage/data-driver.ts";
import { openRedisDataDriver } from "../../../server/storage/redis/data-driver.ts";
import { PoolKeys } from "../../../server/storage/redis/keys.ts";
import { parseRedisUri } from "../../../server/storage/redis/server/address.ts";
import { advance, aMessage, claim, type DataDriverHarness, readAll, uniqueName } from "../../conformance/harness.ts";
import { ask, describeWithRedis, startRedis, type TestRedis } from "../../support/redis.ts";

describeWithRedis(() => {
  let server: TestRedis;
  let driver: DataDriver;
  const clock = { offsetMs: 0 };
  beforeAll(async () => {
    server = await startRedis();
    driver = await openRedisDataDriver({ uri: server.url, clock });
  });
  afterAll(async () => {
    await driver.close();
    await server.stop();
  });

  const harness = () => ({ driver, clock }) as unknown as DataDriverHarness;
  async function aQueue() {
    const queue = { project: "project", name: uniqueName() };
    await driver.attachQueue({ ...queue, epoch: 7 });
    const keys = new PoolKeys(parseRedisUri(server.url).prefix).queue(queue);
    const keyOf = (part: string) => keys.find((key) => key.endsWith(`:${part}`)) as string;
    return { queue, row: keys[0] as string, records: keyOf("records"), claims: keyOf("claims") };
  }
  const read = async (key: string, field: string) =>
    (await ask(server.port, `HGET ${key} "${field}"`)).split("\r\n")[1];
  const fieldsOf = (record: string | undefined): Record<string, string> & { client: string; actor: string } => {
    const fields = (record ?? "").split(" ").map((field) => field.split("=") as [string, string]);
    return { client: "-", actor: "-", ...Object.fromEntries(fields) };
  };
  const post = async (queue: { project: string; name: string }, count: number, clientId: string | null = null) =>
    (await driver.messages.post({ queue, messages: Array.from({ length: count }, () => aMessage()), clientId })).ids;

  /** Writes row, messages and claims as versions before did: values by position, and the epoch in another field. */
  async function asBefore({ queue, row, records, claims }: Awaited<ReturnType<typeof aQueue>>, ids: readonly string[]) {
    for (const id of ids) {
      const record = fieldsOf(await read(records, id));
      const { marker, created, expires, ttl, available = "0", count = "0", claim = "-", ends = "0" } = record;
      const client = decodeURIComponent(record.client);
      const values = [marker, created, expires, ttl, available, count, claim, ends, record.part ?? "-", client];
      await ask(server.port, `HSET ${records} ${id} "${values.join(" ")}"`);
    }
    for (const { id } of (await driver.claims.list({ queue, page: { limit: 10 } })).items) {
      const { created, renewed, ends, ttl, grace, held, client, actor } = fieldsOf(await read(claims, id));
      const [one, other] = [decodeURIComponent(client), decodeURIComponent(actor)];
      const values = [created, renewed, ends, ttl, grace, held, one.length, one + other];
      await ask(server.port, `HSET ${claims} ${id} "${values.join(" ")}"`);
    }
    await ask(server.port, `HDEL ${row} life`);
    await ask(server.port, `HSET ${row} epoch 7`);
  }
  /** Two reads can differ by a second. */
  const ageless = (found: unknown) =>
    JSON.parse(JSON.stringify(found, (key, value) => (key === "ageSeconds" ? 0 : value)));

  it("what an earlier version wrote reads as before, and can be claimed, renewed, released, transferred and deleted", async () => {
    const place = await aQueue();
    const { queue } = place;
    const ids = await post(queue, 4, "a client, 100%");
    await driver.messages.post({ queue, messages: [aMessage("late", { delaySeconds: 50 })], clientId: null });
    const { claimId } = await claim(harness(), queue, { limit: 2, clientId: "who claims", actor: "an actor" });
    const lapsed = await claim(harness(), queue, { limit: 1, ttlSeconds: 1 });
    advance(harness(), 2);
    const before = await readAll(driver, queue);
    const held = await driver.claims.get({ queue, id: claimId });
    await asBefore(
      place,
      before.map(({ id }) => id),
    );
    expect(ageless(await readAll(driver, queue))).toEqual(ageless(before));
    expect(ageless(await driver.claims.get({ queue, id: claimId }))).toEqual(ageless(held));
    expect(
      (await driver.messages.list({ queue, page: { limit: 10 }, exceptClientId: "a client, 100%" })).items,
    ).toEqual([]);
    expect(await driver.messages.stats([{ ...queue, exhaustedFrom: 1 }])).toMatchObject([
      { ready: 1, claimed: 2, delayed: 1, exhausted: 1 },
    ]);

    const other = (await aQueue()).queue;
    const renewed = await driver.claims.update({ queue, id: claimId, ttlSeconds: 900, graceSeconds: 60 });
    expect(renewed).toMatchObject({ clientId: "who claims", actor: "an actor", messageCount: 2 });
    expect(
      await driver.messages.transfer({ from: queue, to: other, ids, claimId, ttlSeconds: null, as: "move" }),
    ).toHaveLength(2);
    expect(await readAll(driver, other)).toMatchObject(
      [0, 1].map(() => ({ clientId: "a client, 100%", claimCount: 0 })),
    );
    const next = await claim(harness(), queue);
    expect(next.messages.map(({ id, claimCount }) => [id, claimCount])).toEqual([
      [ids[2], 2],
      [ids[3], 1],
    ]);
    expect(next.messages[0]?.id).toBe(lapsed.messages[0]?.id);
    await asBefore(place, ids.slice(2));
    await driver.claims.delete({ queue, id: next.claimId });
    expect(await driver.messages.delete({ queue, id: ids[2] as string })).toBe("deleted");
  });

  it("words without a name in a record that somebody has changed are left out", async () => {
    const { queue, records } = await aQueue();
    const [id] = await post(queue, 1, "a client");
    const record = await read(records, id as string);
    await ask(server.port, `HSET ${records} ${id} "${record} two words"`);
    expect(await readAll(driver, queue)).toMatchObject([{ id, clientId: "a client" }]);
    await ask(server.port, `HSET ${records} ${id} "${record?.replace(" ", " word ")}"`);
    expect(await readAll(driver, queue)).toMatchObject([{ id, clientId: "a client" }]);
  });

  it("a queue is this version's from its first call on: an earlier process finds an epoch above its own", async () => {
    const place = await aQueue();
    await asBefore(place, []);
    await driver.messages.stats([place.queue]);
    const epoch = Number(await read(place.row, "epoch"));
    expect([epoch > 1e15, await read(place.row, "life")]).toEqual([true, "7"]);
    await expect(post({ ...place.queue, epoch: 6 } as never, 1)).rejects.toMatchObject({ code: "QUEUE_EPOCH_STALE" });
  });

  it("a queue that an earlier process has frozen for a move stays as it is until that ends", async () => {
    const place = await aQueue();
    await asBefore(place, []);
    await ask(server.port, `HSET ${place.row} moving 9 fence 9 frozen 1`);
    await expect(post(place.queue, 1)).rejects.toMatchObject({ code: "QUEUE_IS_MOVING" });
    expect(await read(place.row, "epoch")).toBe("7");
    await ask(server.port, `HDEL ${place.row} frozen moving`);
    expect(await post(place.queue, 1)).toHaveLength(1);
  });

  it("a field that a later version wrote survives everything that this one does to a message", async () => {
    const { queue, records } = await aQueue();
    const [id] = await post(queue, 1);
    await ask(server.port, `HSET ${records} ${id} "${await read(records, id as string)} paused=1"`);
    const held = async () => (await claim(harness(), queue)).claimId;
    const isPaused = async (of = records) => (await read(of, id as string))?.includes(" paused=1");
    await driver.claims.delete({ queue, id: await held() });
    expect(await isPaused()).toBe(true);
    const claimId = await held();
    await driver.claims.update({ queue, id: claimId, ttlSeconds: 9999, graceSeconds: 60 });
    for (const delaySeconds of [5, 5]) {
      await driver.claims.releaseMessages({ queue, claimId, ids: [id as string], delaySeconds });
      advance(harness(), 6);
    }
    expect(await isPaused()).toBe(true);
    const target = await aQueue();
    const moved = { from: queue, to: target.queue, ids: [id as string], claimId: await held(), ttlSeconds: null };
    expect(await driver.messages.transfer({ ...moved, as: "move" })).toHaveLength(1);
    expect(await isPaused(target.records)).toBe(true);
  });
});
