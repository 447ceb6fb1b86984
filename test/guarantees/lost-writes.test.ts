/**
 * A standby takes over without the last writes. These are lost, but none of their ids, markers and other numbers is
 * given out again.
 */
import pg from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Engine, openEngine } from "../../server/bootstrap.ts";
import { readConfig } from "../../server/config.ts";
import type { MessageRecord } from "../../server/operations/messages/record.ts";
import { admin, codeOf } from "../operations/a-service.ts";
import { type OwnPostgres, startOwnPostgres } from "../support/own-postgres.ts";

/** The sequences whose numbers leave the database: clients or caches keep them. */
const SEQUENCES = [
  "message_marker",
  "pool_queues_id_seq",
  "catalogue_epoch",
  "catalogue_entries_position_seq",
  "key_lock_fence",
  "jobs_id_seq",
  "audit_entries_id_seq",
];

describe("a failover that loses writes", () => {
  let server: OwnPostgres;
  const engines: Engine[] = [];
  beforeAll(async () => {
    server = await startOwnPostgres();
    const config = readConfig({
      NODE_ENV: "test",
      DATABASE_URL: server.url,
      SECRET_KEY: "a secret of the tests",
      DATABASE_CONNECTIONS: "3",
    });
    const log = pino({ level: "silent" });
    for (const _ of ["one process", "another"]) engines.push(await openEngine(config, { log }));
  });
  afterAll(async () => {
    for (const engine of engines) await engine.close();
    await server.stop();
  });

  const of = (queue: string) => ({ project: "p", queue });
  const post = async (engine: Engine, queue: string, count: number) => {
    const messages = Array.from({ length: count }, () => ({ bodyText: "1" }));
    return (await engine.operations.messages.post(admin, { ...of(queue), messages })).ids;
  };
  const read = async (engine: Engine, queue: string, after?: string) => {
    const page = { first: 100, ...(after === undefined ? {} : { after }) };
    return (await engine.operations.messages.list(admin, { ...of(queue), page })).items;
  };
  const idsOf = (messages: readonly MessageRecord[]) => messages.map(({ id }) => id);
  const create = (engine: Engine, name: string) =>
    engine.operations.queues.create(admin, { project: "p", queue: name });

  async function query<Row extends pg.QueryResultRow>(text: string): Promise<Row[]> {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    return (await client.query<Row>(text).finally(() => client.end())).rows;
  }
  async function drawn(): Promise<bigint[]> {
    const values = SEQUENCES.map((name) => `pg_sequence_last_value('${name}')`);
    const [row] = await query<{ drawn: (string | null)[] }>(`SELECT ARRAY[${values}]::text[] AS drawn`);
    return (row?.drawn ?? []).map((value) => BigInt(value ?? 0));
  }

  /**
   * Waits until the engine is back: its pools notice only at their next statements that their connections are broken.
   */
  const untilBack = (engine: Engine) =>
    expect
      .poll(() => engine.operations.queues.list(admin, { project: "p", page: {} }).then(() => "back", String))
      .toBe("back");

  it("reuses no id or number, and every process sees the queues as they are now", async () => {
    const [one, two] = engines as [Engine, Engine];
    await create(one, "q");
    const kept = await post(one, "q", 3);
    await server.copy();
    await Promise.all(engines.map(untilBack));

    // All writes from here on are lost. Both processes then cache that nothing is left before the queue's end.
    const lost = [...(await post(one, "q", 5)), ...(await post(two, "q", 5))];
    await create(one, "lost");
    const lostToo = await post(one, "lost", 2);
    for (const engine of engines) {
      await engine.operations.messages.bulkDelete(admin, { ...of("q"), ids: [...kept, ...lost.slice(0, 2)] });
      await engine.operations.messages.pop(admin, { ...of("q"), limit: 1 });
    }
    const lastMarker = (await read(two, "q")).at(-1)?.marker as string;
    const before = await drawn();
    await server.failOver();
    await Promise.all(engines.map(untilBack));

    await create(two, "found");
    const found = await post(two, "found", 1);
    const fresh = [...(await post(two, "q", 2)), ...(await post(one, "q", 2))];
    for (const engine of engines) {
      expect(idsOf(await read(engine, "q", lastMarker))).toEqual(fresh);
      expect(idsOf(await read(engine, "q"))).toEqual([...kept, ...fresh]);
    }
    const given = [...kept, ...lost, ...lostToo, ...found, ...fresh];
    expect(new Set(given).size).toBe(given.length);
    for (const id of lost) {
      expect(await codeOf(one.operations.messages.get(admin, { ...of("q"), id }))).toBe("MESSAGE_DOES_NOT_EXIST");
    }
    // The first process still caches the row of the lost queue.
    expect(await codeOf(post(one, "lost", 1))).toBe("QUEUE_DOES_NOT_EXIST");
    expect(idsOf(await read(one, "found"))).toEqual(found);
    // Since then nothing else has drawn from these two sequences.
    await query("SELECT nextval('jobs_id_seq'), nextval('key_lock_fence')");
    const after = await drawn();
    expect(SEQUENCES.filter((_, at) => (after[at] as bigint) <= (before[at] as bigint))).toEqual([]);
  });
});
