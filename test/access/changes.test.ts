/** What processes hear of changed rights, and what they remember of them. */
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { type AccessChange, AccessChanges } from "../../server/access/changes.ts";
import { Remembered } from "../../server/access/remembered.ts";
import { openConnection } from "../../server/storage/postgres/sql/connection.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;
let writer: pg.Client;
beforeAll(async () => {
  database = await createTestDatabase();
  writer = new pg.Client({ connectionString: database.url });
  await writer.connect();
});
afterAll(async () => {
  await writer.end();
  await database.drop();
});

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

async function listen() {
  const heard: (AccessChange | null)[] = [];
  const connections: pg.Client[] = [];
  const changes = new AccessChanges(
    async (name) => {
      const connection = await openConnection(database.url, name);
      connections.push(connection);
      return connection;
    },
    { failed: () => undefined, recovered: () => undefined },
  );
  ends.push(() => changes.close());
  changes.watch((change) => heard.push(change));
  await changes.listening(5000);
  return { changes, heard, connections };
}

let names = 0;
async function createToken(): Promise<string> {
  names += 1;
  const { rows } = await writer.query(
    `INSERT INTO tokens (name, prefix, hash, scopes, created_by)
     VALUES ($1::text, 'isi_AbCd', sha256($1::text::bytea), '{read}', 'ada') RETURNING id`,
    [`token-${names}`],
  );
  return rows[0].id;
}
const revoke = (id: string) =>
  writer.query("UPDATE tokens SET revoked_at = now(), revoked_by = 'ada' WHERE id = $1", [id]);

describe("changes", () => {
  test("are heard with the row that changed or is gone, and not for a new token or its last use", async () => {
    const { heard } = await listen();
    const id = await createToken();
    await writer.query("UPDATE tokens SET last_used_at = now() WHERE id = $1", [id]);
    await revoke(id);
    await writer.query("DELETE FROM tokens WHERE id = $1", [id]);
    const change = { table: "tokens", key: id };
    await vi.waitFor(() => expect(heard).toEqual([null, change, change]));
  });

  test("may all have happened while the connection was broken, which is told when it is back", async () => {
    const { changes, heard, connections } = await listen();
    expect(heard).toEqual([null]);
    await writer.query("SELECT pg_terminate_backend($1)", [
      (connections[0] as unknown as { processID: number }).processID,
    ]);
    await vi.waitFor(() => expect(changes.isListening).toBe(false));
    await vi.waitFor(() => expect(heard).toEqual([null, null]), 5000);
    expect(changes.isListening).toBe(true);
    const id = await createToken();
    await revoke(id);
    await vi.waitFor(() => expect(heard.at(-1)).toEqual({ table: "tokens", key: id }));
  });

  test("need a connection that answers: one that swallows everything is given up", async () => {
    const { changes, connections } = await listen();
    const [connection] = connections as [pg.Client];
    connection.query = (() => new Promise(() => undefined)) as never;
    await vi.waitFor(() => expect(changes.isListening).toBe(false), 4000);
  });
});

describe("what is remembered", () => {
  interface Row {
    id: string;
    readings: number;
  }
  async function remember() {
    const { changes, connections } = await listen();
    const clock = { now: 0 };
    let readings = 0;
    let gate: Promise<void> = Promise.resolve();
    const rowsOf = vi.fn(({ id }: Row) => [{ table: "tokens", key: id }]);
    const remembered = new Remembered<Row>({
      changes,
      read: async (id) => {
        readings += 1;
        const row = { id, readings };
        await gate;
        return id === "none" ? null : row;
      },
      rowsOf,
      maximum: 100,
      now: () => clock.now,
    });
    const slowly = () => {
      let open = () => {};
      gate = new Promise((resolve) => {
        open = resolve;
      });
      return open;
    };
    return { remembered, changes, connections, clock, slowly, rowsOf };
  }

  test("is forgotten when its own row changes, and kept when another does", async () => {
    const { remembered } = await remember();
    const [one, other] = [await createToken(), await createToken()];
    expect(remembered.get(one)).toBeUndefined();
    await Promise.all([remembered.load(one), remembered.load(other)]);
    await revoke(one);
    await vi.waitFor(() => expect(remembered.get(one)).toBeUndefined());
    expect(remembered.get(other)).toMatchObject({ id: other });
    expect(await remembered.load("none")).toBeNull();
    expect(remembered.get("none")).toBeUndefined();
  });

  test("is not searched when a row changes: the work is the same, however much is remembered", async () => {
    const { remembered, rowsOf } = await remember();
    const id = await createToken();
    // More than the maximum: what was pushed out is found no more, and harms nothing.
    await Promise.all(Array.from({ length: 150 }, (_, index) => remembered.load(`other-${index}`)));
    await remembered.load(id);
    rowsOf.mockClear();
    await revoke(id);
    await vi.waitFor(() => expect(remembered.get(id)).toBeUndefined());
    expect(rowsOf.mock.calls.length).toBeLessThan(3);
    expect(remembered.get("other-149")).toMatchObject({ id: "other-149" });
  });

  test("is read once for all who ask meanwhile, and not kept when a change came in between", async () => {
    const { remembered, slowly } = await remember();
    const [id, other] = [await createToken(), await createToken()];
    const open = slowly();
    const [first, joined] = [remembered.load(id), remembered.load(id)];
    const heard = vi.fn();
    void remembered.load(other).then(heard);
    await revoke(other);
    // Whoever asks after the change gets an answer of their own.
    await vi.waitFor(() => expect(remembered.load(id)).not.toBe(first));
    open();
    expect(await first).toEqual(await joined);
    expect((await remembered.load(id))?.readings).toBeGreaterThan(1);
  });

  test("counts for a second only while nobody tells of changes", async () => {
    const { remembered, changes, connections, clock } = await remember();
    const id = await createToken();
    await remembered.load(id);
    clock.now = 60_000;
    expect(remembered.get(id)).toMatchObject({ id });
    await connections[0]?.end();
    await vi.waitFor(() => expect(changes.isListening).toBe(false));
    expect(remembered.get(id)).toBeUndefined();
    await remembered.load(id);
    clock.now += 999;
    if (!changes.isListening) expect(remembered.get(id)).toMatchObject({ id });
    clock.now += 1;
    if (!changes.isListening) expect(remembered.get(id)).toBeUndefined();
  });
});
