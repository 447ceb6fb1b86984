/** Statements that commit before the log is on disk (`writeEarly` in statements.ts): what a crash of the server may take back, and what not. */
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { migrate } from "../../prisma/migrate.ts";
import type { DataDriver } from "../../server/storage/data-driver.ts";
import { openPostgresDataDriver } from "../../server/storage/postgres/data-driver.ts";
import { type OwnPostgres, startOwnPostgres } from "../support/own-postgres.ts";

const TIMES = { ttlSeconds: 3600, graceSeconds: 60 };
const aMessage = (bodyText: string) => ({ bodyText, ttlSeconds: 3600, delaySeconds: 0 });
/** More than one statement takes, so that some commit early. */
const MANY = 600;

describe("what is committed early", () => {
  let server: OwnPostgres;
  let driver: DataDriver;
  let client: pg.Client;
  let queue: { project: string; name: string };
  let queues = 0;
  beforeAll(async () => {
    // Nobody else brings the log to the disk meanwhile.
    server = await startOwnPostgres({ wal_writer_delay: "10s" });
    await migrate({ url: server.url, only: "all" });
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    driver = await openPostgresDataDriver({ uri: server.url });
    client = new pg.Client({ connectionString: server.url });
    client.on("error", () => undefined);
    await client.connect();
    queue = { project: "p", name: `q${queues++}` };
    await driver.attachQueue({ ...queue, epoch: 1 });
  });
  afterEach(async () => {
    await driver.close();
    await client.end().catch(() => undefined);
  });

  async function crash(): Promise<void> {
    await server.kill();
    await driver.close();
    await server.restart();
    driver = await openPostgresDataDriver({ uri: server.url });
  }

  const postMany = () =>
    Promise.all(
      Array.from({ length: MANY }, (_, number) =>
        driver.messages.post({ queue, messages: [aMessage(`${number}`)], clientId: null }),
      ),
    );

  /** As a post of another process does, of which this one knows nothing. */
  async function postEarly(body: string): Promise<string> {
    const { rows } = await client.query(
      `INSERT INTO messages (queue_id, marker, created_at, expires_at, ttl_seconds, body)
       SELECT q.id, nextval('message_marker'), now(), now() + interval '1 hour', 3600, $2
       FROM pool_queues q, (SELECT set_config('synchronous_commit', 'off', true)) AS early WHERE q.name = $1 RETURNING marker`,
      [queue.name, body],
    );
    return rows[0].marker;
  }

  const behind = async () =>
    (await client.query("SELECT pg_current_wal_flush_lsn() < pg_current_wal_insert_lsn() AS behind")).rows[0].behind;
  const page = { limit: 100 };

  it("is lost in a crash when nobody has heard of it", async () => {
    await postEarly('"unheard"');
    expect(await behind()).toBe(true);
    await crash();
    expect((await driver.messages.list({ queue, page })).items).toEqual([]);
  });

  it("outlives a crash once somebody has read it, whichever way", async () => {
    const reads: Record<string, () => Promise<unknown>> = {
      listed: () => driver.messages.list({ queue, page }),
      first: () => driver.messages.first({ queue, sort: -1 }),
    };
    for (const [bodyText, read] of Object.entries(reads)) {
      await postEarly(bodyText);
      await read();
      await crash();
      await client.end().catch(() => undefined);
      client = new pg.Client({ connectionString: server.url });
      client.on("error", () => undefined);
      await client.connect();
      expect((await driver.messages.list({ queue, page })).items.at(-1)).toMatchObject({ bodyText });
    }
  });

  it("is on disk before any of many posters is told", async () => {
    const posted = await postMany();
    await crash();
    const kept = await driver.messages.bulkGet({ queue, ids: posted.flatMap(({ ids }) => ids) });
    expect(kept).toHaveLength(MANY);
  });

  it("is on disk before any of many claimers is told", async () => {
    await postMany();
    const claims = await Promise.all(
      Array.from({ length: MANY }, () => driver.claims.create({ queue, limit: 1, ...TIMES, clientId: null })),
    );
    await crash();
    for (const { claimId, messages } of claims) {
      const { messages: held } = await driver.claims.get({ queue, id: claimId });
      expect(held.map(({ id }) => id)).toEqual(messages.map(({ id }) => id));
    }
  });

  it("whose server dies before the log is on disk has an unknown outcome", async () => {
    await postMany();
    const outcomes = Promise.allSettled(Array.from({ length: 20 }, postMany));
    await server.kill();
    const failed = (await outcomes).flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason.code] : []));
    expect(failed.length).toBeGreaterThan(0);
    expect(["OUTCOME_UNKNOWN", "STORAGE_UNAVAILABLE"]).toEqual(expect.arrayContaining([...new Set(failed)]));
    await server.restart();
  });
});
