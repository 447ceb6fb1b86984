/**
 * Claims on a queue whose first messages are held by other claims: which messages they may pass over for a while, and
 * which never.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { DataDriver } from "../../server/storage/data-driver.ts";
import { openPostgresDataDriver } from "../../server/storage/postgres/data-driver.ts";
import { Statements } from "../../server/storage/postgres/sql/statements.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const IN_FRONT = 2500;

describe("claims behind many claimed messages", () => {
  let database: TestDatabase;
  let driver: DataDriver;
  let other: DataDriver;
  let queues = 0;
  const clock = { offsetMs: 0 };
  beforeAll(async () => {
    database = await createTestDatabase();
    driver = await openPostgresDataDriver({ uri: database.url, clock });
    other = await openPostgresDataDriver({ uri: database.url, clock });
  });
  afterAll(async () => {
    await driver.close();
    await other.close();
    await database.drop();
  });
  afterEach(() => {
    vi.restoreAllMocks();
    clock.offsetMs = 0;
  });

  const claim = async (queue: QueueRef, limit = 1, ttlSeconds = 600, from = driver) => {
    const { claimId, messages } = await from.claims.create({
      queue,
      limit,
      ttlSeconds,
      graceSeconds: 60,
      clientId: null,
    });
    return { claimId, bodies: messages.map(({ bodyText }) => Number(bodyText)) };
  };

  /**
   * Creates a queue. Claims hold its messages 0 to 2499, one of them the first ten. Message 2500 is claimed too, so
   * that the driver has noticed the held ones. Then `free` more follow.
   */
  async function aQueue(free: number) {
    queues += 1;
    const queue = { project: "p", name: `q${queues}` };
    await driver.attachQueue({ ...queue, epoch: 1 });
    const bodies = Array.from({ length: IN_FRONT + free + 1 }, (_, index) => String(index));
    const messages = bodies.map((bodyText) => ({ bodyText, ttlSeconds: 3600, delaySeconds: 0 }));
    await driver.messages.post({ queue, messages, clientId: null });
    const first = await claim(queue, 10);
    for (let held = 10; held < IN_FRONT; ) held += (await claim(queue, Math.min(100, IN_FRONT - held))).bodies.length;
    // The driver counts held messages at most once a second per queue.
    vi.spyOn(performance, "now").mockImplementation(later(2000));
    const read = vi.spyOn(Statements.prototype, "read");
    expect((await claim(queue)).bodies).toEqual([IN_FRONT]);
    // The driver counted them beside the claim, in a separate statement.
    const look = read.mock.calls.findIndex(([{ name }]) => name === "claim_in_front");
    expect(await read.mock.results[look]?.value).toEqual([{ messages: 2000 }]);
    return { queue, first };
  }

  const realNow = performance.now.bind(performance);
  const later = (milliseconds: number) => () => realNow() + milliseconds;

  it("skip for a few seconds what another process releases in front", async () => {
    const { queue, first } = await aQueue(10);
    await other.claims.delete({ queue, id: first.claimId });
    expect((await claim(queue)).bodies).toEqual([IN_FRONT + 1]);
    vi.spyOn(performance, "now").mockImplementation(later(13_000));
    expect((await claim(queue)).bodies).toEqual([0]);
  });

  it("take at once what this process releases", async () => {
    const { queue, first } = await aQueue(10);
    await driver.claims.delete({ queue, id: first.claimId });
    expect((await claim(queue, 11)).bodies).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, IN_FRONT + 1]);
  });

  it("claims that find nothing else get at once what another process released in front", async () => {
    const { queue, first } = await aQueue(1);
    expect((await claim(queue)).bodies).toEqual([IN_FRONT + 1]);
    await other.claims.delete({ queue, id: first.claimId });
    const all = await Promise.all(Array.from({ length: 12 }, () => claim(queue)));
    expect(all.flatMap(({ bodies }) => bodies).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("claims, pops and lists start behind an exhausted front, unless the caller's maximum does not exhaust those messages", async () => {
    queues += 1;
    const queue = { project: "p", name: `q${queues}` };
    await driver.attachQueue({ ...queue, epoch: 1 });
    const messages = Array.from({ length: 20 }, () => ({ bodyText: "1", ttlSeconds: 3600, delaySeconds: 0 }));
    await driver.messages.post({ queue, messages, clientId: null });
    await claim(queue, 20);
    clock.offsetMs = 700_000;
    const terms = { queue, limit: 1, ttlSeconds: 60, graceSeconds: 60, clientId: null };
    const read = vi.spyOn(Statements.prototype, "read");
    const write = vi.spyOn(Statements.prototype, "write");
    const lastWrite = (statement: string) => write.mock.calls.findLast(([{ name }]) => name === statement)?.[1];
    expect((await driver.claims.create({ ...terms, exhaustedFrom: 1 })).messages).toEqual([]);
    const look = read.mock.calls.findIndex(([{ name }]) => name === "exhausted_front");
    const { marker } = await driver.messages.first({ queue, sort: -1 });
    expect(await read.mock.results[look]?.value).toEqual([{ marker }]);

    expect((await driver.claims.create({ ...terms, exhaustedFrom: 1 })).messages).toEqual([]);
    expect(lastWrite("claim_acquire_uniform")).toMatchObject({ start: marker });
    expect(await driver.messages.pop({ queue, limit: 1, exhaustedFrom: 1 })).toEqual([]);
    expect(lastWrite("message_pop")).toMatchObject({ lowWater: marker });
    const startOfList = async (options: object) => {
      await driver.messages.list({ queue, page: { limit: 1 }, ...options });
      return read.mock.calls.findLast(([{ name }]) => name === "message_list_forward")?.[1];
    };
    expect(await startOfList({ exhaustedFrom: 0 })).toMatchObject({ lowWater: marker });
    expect(await startOfList({ exhaustedFrom: 2 })).not.toBe(marker);
    expect(await startOfList({ exhaustedFrom: 1, includeClaimed: true })).not.toBe(marker);
    expect((await driver.claims.create({ ...terms, exhaustedFrom: 2 })).messages).toHaveLength(1);
  });

  it("take messages whose claim expired as soon as the database's clock has moved", async () => {
    const { queue } = await aQueue(10);
    clock.offsetMs = 601_000;
    expect((await claim(queue, 3)).bodies).toEqual([0, 1, 2]);
  });
});
