/** How a process finds that a store has lost its last writes, as far as one server can show it. */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Timeline } from "../../../server/storage/postgres/timeline.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";

const STEP = 2n ** 40n;

describe("a store's timeline", () => {
  let database: TestDatabase;
  let client: pg.Client;
  beforeAll(async () => {
    database = await createTestDatabase();
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  const number = async (text: string) => BigInt((await client.query({ text, rowMode: "array" })).rows[0]?.[0]);
  const draw = () => number("SELECT nextval('message_marker')");
  const putBack = (marker: bigint) => client.query("SELECT setval('message_marker', $1)", [marker.toString()]);
  const recorded = async () => (await client.query("SELECT timeline FROM pool_identity")).rows[0]?.timeline as string;

  function aProcess() {
    const heard: Error[] = [];
    const timeline = new Timeline((error) => heard.push(error));
    let forgotten = 0;
    timeline.forget = () => {
      forgotten += 1;
    };
    return {
      check: (on: Pick<pg.Client, "query"> = client) => timeline.check(on as pg.Client),
      heard,
      forgotten: () => forgotten,
    };
  }

  /** A connection whose rows are changed by `change`. */
  const answering = (change: (row: object) => object) =>
    ({
      query: async (query: string | pg.QueryConfig) => {
        const { rows } = await client.query(query);
        return { rows: rows.map(change) };
      },
    }) as unknown as pg.Client;

  it("is recorded at the first check, which changes no marker", async () => {
    const before = await draw();
    const one = aProcess();
    await one.check();
    await one.check();
    expect(await recorded()).toMatch(/^\d+\/00000001$/);
    expect(await draw()).toBe(before + 1024n);
    expect([one.heard, one.forgotten()]).toEqual([[], 0]);
  });

  it("a new timeline raises the markers once, and every process forgets what it has cached", async () => {
    const [one, two] = [aProcess(), aProcess()];
    await Promise.all([one.check(), two.check()]);
    await client.query("UPDATE pool_identity SET timeline = 'another server/00000007'");
    const before = await draw();
    const now = BigInt(Date.now()) * 1000n;
    await one.check();
    const lifted = await draw();
    expect(lifted > now && lifted > before + STEP).toBe(true);
    await two.check();
    expect(await draw()).toBe(lifted + 1024n);
    expect([one, two].map(({ heard, forgotten }) => [heard.length, forgotten()])).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect(String(one.heard[0])).toContain("Another server has taken over");
  });

  it("lowers no sequence that another process raises at the same time, or that is ahead of the clock", async () => {
    const ahead = BigInt(Date.now()) * 1000n * 2n;
    await client.query("SELECT setval('catalogue_epoch', $1)", [ahead.toString()]);
    await client.query("UPDATE pool_identity SET timeline = 'another server/00000007'");
    const high = (await draw()) * 4n;
    const sent: string[] = [];
    const meeting = {
      query: async (query: string | pg.QueryConfig) => {
        const text = typeof query === "string" ? query : query.text;
        sent.push(text);
        if (text.includes("setval('message_marker'")) await putBack(high);
        return client.query(query);
      },
    } as unknown as pg.Client;
    await aProcess().check(meeting);
    expect((await draw()) > high).toBe(true);
    expect(await number("SELECT nextval('catalogue_epoch')")).toBe(ahead + 1_000_001n);
    // Without it the commit could wait for a standby that does not exist yet.
    expect(sent).toContain("SET LOCAL synchronous_commit = local");
  });

  it("raises the markers by one step for each timeline that the store has missed", async () => {
    const [cluster] = (await recorded()).split("/");
    const before = await draw();
    await aProcess().check(answering((row) => ("timeline" in row ? { ...row, timeline: `${cluster}/0000000B` } : row)));
    expect((await draw()) > before + 10n * STEP).toBe(true);
    await client.query("UPDATE pool_identity SET timeline = NULL");
  });

  it("is not needed by a process that ran before to notice that a disk was restored", async () => {
    const one = aProcess();
    await one.check();
    const high = await draw();
    await one.check();
    await putBack(high - STEP / 2n);
    await one.check();
    expect((await draw()) > high).toBe(true);
    expect(one.forgotten()).toBe(1);
  });

  it("may be unreadable on a server, which is used all the same", async () => {
    const one = aProcess();
    const refusing = {
      query: (query: string | pg.QueryConfig) =>
        typeof query === "string" && query.includes("pg_control_system")
          ? Promise.reject(Object.assign(new Error("permission denied"), { code: "42501" }))
          : client.query(query),
    } as unknown as pg.Client;
    await one.check(refusing);
    await putBack((await draw()) + 10n);
    await one.check(refusing);
    expect(one.heard).toEqual([]);
  });

  it("a connection to a standby is refused", async () => {
    const standby = answering((row) => ({ ...row, standby: true, timeline: null }));
    await expect(aProcess().check(standby)).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
  });
});
