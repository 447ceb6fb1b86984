import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DataDriver } from "../../../server/storage/data-driver.ts";
import { MAX_QUEUE_EVENTS } from "../../../server/storage/messages/message-life.ts";
import { openPostgresDataDriver } from "../../../server/storage/postgres/data-driver.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database.ts";

let database: TestDatabase;
let driver: DataDriver;
let client: pg.Client;
beforeAll(async () => {
  database = await createTestDatabase();
  driver = await openPostgresDataDriver({ uri: database.url, connections: 4, undoSeconds: 0 });
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await driver.close();
  await database.drop();
});

const rows = async (query: string) => (await client.query<Record<string, unknown>>(query)).rows;
const triggers = async () =>
  (await rows("SELECT tgname::text AS name FROM pg_trigger WHERE tgname LIKE 'message_life%' ORDER BY 1")).map(
    ({ name }) => name,
  );
const ALL = ["message_life_delete", "message_life_insert", "message_life_update"];
const aQueue = async (name: string) => {
  const queue = { project: "p", name };
  await driver.attachQueue({ ...queue, epoch: 1 });
  return queue;
};
const post = async (queue: { project: string; name: string }, count = 1) => {
  const message = { bodyText: "1", ttlSeconds: 3600, delaySeconds: 0 };
  return (await driver.messages.post({ queue, messages: Array(count).fill(message), clientId: null })).ids;
};
const kinds = async (queue: { project: string; name: string }, id: string) =>
  (await driver.lives.read({ queue, ids: [id] }))?.lives[0]?.events.map(({ kind }) => kind);

test("the triggers exist while some queue keeps lives, also for processes of earlier versions", async () => {
  const [one, other] = [await aQueue("one"), await aQueue("other")];
  expect(await triggers()).toEqual([]);
  await driver.lives.keep({ queue: one, seconds: 60 });
  await driver.lives.keep({ queue: other, seconds: 60 });
  expect(await triggers()).toEqual(ALL);
  const [id, kept] = (await post(one, 2)) as [string, string];
  // As such a process deletes.
  await client.query("DELETE FROM messages WHERE marker = (SELECT min(marker) FROM messages)");
  expect([await kinds(one, id), await kinds(one, kept)]).toEqual([["posted", "deleted"], ["posted"]]);
  await driver.lives.keep({ queue: one, seconds: 0 });
  expect(await triggers()).toEqual(ALL);
  await driver.lives.keep({ queue: other, seconds: 0 });
  expect(await triggers()).toEqual([]);
  await driver.gc();
  expect(await rows("SELECT 1 FROM message_events UNION ALL SELECT 1 FROM message_life_queues")).toEqual([]);
});

test("a queue that is deleted ends its triggers, and gc frees its events", async () => {
  const queue = await aQueue("deleted");
  await driver.lives.keep({ queue, seconds: 60 });
  await post(queue, 3);
  await driver.detachQueue(queue);
  await driver.gc();
  expect(await triggers()).toEqual([]);
  await driver.gc();
  expect(await rows("SELECT 1 FROM message_events UNION ALL SELECT 1 FROM message_life_queues")).toEqual([]);
});

test("of too many events the oldest go", async () => {
  const queue = await aQueue("full");
  await driver.lives.keep({ queue, seconds: 60 });
  const ids = await post(queue, 5);
  await driver.gc();
  expect(await rows("SELECT events::int FROM message_life_queues")).toEqual([{ events: 5 }]);
  await client.query(`UPDATE message_life_queues SET events = ${MAX_QUEUE_EVENTS + 1}`);
  await post(queue);
  await driver.gc();
  const left = await Promise.all(ids.map((id) => kinds(queue, id)));
  expect(left).toEqual([[], [], ["posted"], ["posted"], ["posted"]]);
});
