/** Claims of a queue whose front is held by others: what they leave out for a while, and what they never do. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { DataDriver, QueueRef } from "../../server/storage/data-driver.ts";
import { openPostgresDataDriver } from "../../server/storage/postgres/data-driver.ts";
import { Statements } from "../../server/storage/postgres/statements.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const IN_FRONT = 2500;

describe("claims behind many held messages", () => {
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

  /** 2,500 messages (0 to 2499) that claims hold, the first ten by one of their own, and behind them `free` more. The next claim knows. */
  async function aQueue(free: number) {
    queues += 1;
    const queue = { project: "p", name: `q${queues}` };
    await driver.attachQueue({ ...queue, epoch: 1 });
    const bodies = Array.from({ length: IN_FRONT + free + 1 }, (_, index) => String(index));
    const messages = bodies.map((bodyText) => ({ bodyText, ttlSeconds: 3600, delaySeconds: 0 }));
    await driver.messages.post({ queue, messages, clientId: null });
    const first = await claim(queue, 10);
    for (let held = 10; held < IN_FRONT; ) held += (await claim(queue, Math.min(100, IN_FRONT - held))).bodies.length;
    // It looks at a queue at most once a second.
    vi.spyOn(performance, "now").mockImplementation(later(2000));
    const read = vi.spyOn(Statements.prototype, "read");
    expect((await claim(queue)).bodies).toEqual([IN_FRONT]);
    // It has looked beside the claim, in a statement of its own.
    const look = read.mock.calls.findIndex(([{ name }]) => name === "claim_in_front");
    expect(await read.mock.results[look]?.value).toEqual([{ messages: 2000 }]);
    return { queue, first };
  }

  const realNow = performance.now.bind(performance);
  const later = (milliseconds: number) => () => realNow() + milliseconds;

  it("leave out what another process releases in front, for a while and no longer", async () => {
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

  it("find what another process released, at once, when there is nothing else", async () => {
    const { queue, first } = await aQueue(1);
    expect((await claim(queue)).bodies).toEqual([IN_FRONT + 1]);
    await other.claims.delete({ queue, id: first.claimId });
    const all = await Promise.all(Array.from({ length: 12 }, () => claim(queue)));
    expect(all.flatMap(({ bodies }) => bodies).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("take what has lapsed once the database's clock has moved", async () => {
    const { queue } = await aQueue(10);
    clock.offsetMs = 601_000;
    expect((await claim(queue, 3)).bodies).toEqual([0, 1, 2]);
  });
});
