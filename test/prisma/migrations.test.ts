import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { migrate } from "../../prisma/migrate.ts";
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createEmptyDatabase();
});
afterAll(() => database.drop());

async function query<T extends pg.QueryResultRow>(url: string, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}

function inSchema(url: string, schema: string): string {
  const result = new URL(url);
  result.searchParams.set("schema", schema);
  return result.toString();
}

async function tablesOf(url: string, schema: string): Promise<string[]> {
  const rows = await query<{ name: string }>(
    url,
    `SELECT tablename::text AS name FROM pg_tables WHERE schemaname = '${schema}'`,
  );
  return rows.map((row) => row.name);
}

describe("migrate", () => {
  test("applies everything once, whoever starts at the same time", async () => {
    const results = await Promise.all([1, 2, 3].map(() => migrate({ url: database.url, only: "all" })));
    const applied = results.flat();
    expect(applied).toContain("20261122080000_control");
    expect(applied).toContain("20261122080100_pool");
    expect(new Set(applied).size).toBe(applied.length);
    expect(await migrate({ url: database.url, only: "all" })).toEqual([]);
  });

  test("gives a pool only a pool's tables, in a schema that it makes", async () => {
    const url = inSchema(database.url, "far_pool");
    expect(await migrate({ url, only: "pool" })).toContain("20261122080100_pool");
    const tables = await tablesOf(database.url, "far_pool");
    expect(tables).toContain("messages");
    expect(tables).not.toContain("pools");
    expect(await migrate({ url, only: "pool" })).toEqual([]);
  });

  test("finds dead letter queues, flavors and pools of queues that were there before", async () => {
    const own = await createTestDatabase();
    try {
      await query(
        own.url,
        `DROP TABLE queue_facets;
         DROP FUNCTION queues_facets, catalogue_entries_facets, rebuild_queue_facets, queue_flavor CASCADE;
         ALTER TABLE queues DROP COLUMN dead_letter_queue;
         DELETE FROM _prisma_migrations
         WHERE migration_name LIKE '%dead_letter_users' OR migration_name LIKE '%queue_facets'`,
      );
      await query(
        own.url,
        String.raw`INSERT INTO queues (project, name, metadata) VALUES
          ('p', '1', '{"_dead_letter_queue": "dead"}'), ('p', '2', '{"\u005fdead_letter_queue": "d\u0065ad", "a": 1e999999}'),
          ('p', '3', '{"_dead_letter_queue": 3}'), ('p', '4', '{"dead": "\u0000", "_flavor": "fast"}'), ('p', '5', '{}'), ('p', 'dead', '{}');
          INSERT INTO catalogue_entries (project, queue, pool, epoch)
          VALUES ('p', '5', 'one', 1), ('p', 'gone', 'two', 2)`,
      );
      expect(await migrate({ url: own.url, only: "all" })).toEqual([
        expect.stringContaining("dead_letter_users"),
        expect.stringContaining("queue_facets"),
      ]);
      const rows = await query<{ dead: string | null }>(
        own.url,
        "SELECT dead_letter_queue AS dead FROM queues ORDER BY name",
      );
      expect(rows.map(({ dead }) => dead)).toEqual(["dead", "dead", null, null, null, null]);
      const facets = await query(
        own.url,
        `SELECT name, created_at IS NOT NULL AS exists, pool, flavor, is_dead_letter_queue AS dead FROM queue_facets
         WHERE name NOT IN ('1', '2', '3') ORDER BY name`,
      );
      expect(facets).toEqual([
        { name: "4", exists: true, pool: "", flavor: "fast", dead: false },
        { name: "5", exists: true, pool: "one", flavor: "", dead: false },
        { name: "dead", exists: true, pool: "", flavor: "", dead: true },
        { name: "gone", exists: false, pool: "two", flavor: "", dead: false },
      ]);
    } finally {
      await own.drop();
    }
  });

  test("leaves nothing behind when a migration fails", async () => {
    const own = await createEmptyDatabase();
    try {
      // In the way of the second migration.
      await query(own.url, "CREATE TABLE messages (id integer)");
      await expect(migrate({ url: own.url, only: "all" })).rejects.toThrow("The database is as it was before");
      expect(await tablesOf(own.url, "public")).toEqual(["messages"]);
      await query(own.url, "DROP TABLE messages");
      expect(await migrate({ url: own.url, only: "all" })).toContain("20261122080100_pool");
    } finally {
      await own.drop();
    }
  });

  test.each([
    ["a changed migration", "UPDATE _prisma_migrations SET checksum = 'x'", "was changed after it was applied"],
    ["a failed migration", "UPDATE _prisma_migrations SET finished_at = NULL", "failed half-way"],
    [
      "a database of a newer Isimud",
      "UPDATE _prisma_migrations SET migration_name = '29990101000000_later' WHERE migration_name LIKE '%_pool'",
      "newer Isimud",
    ],
  ])("names %s", async (_, sql, message) => {
    const own = await createTestDatabase();
    try {
      await query(own.url, sql);
      await expect(migrate({ url: own.url, only: "all" })).rejects.toThrow(message);
    } finally {
      await own.drop();
    }
  });

  test("does not mind a migration that was rolled back by prisma migrate resolve", async () => {
    const own = await createTestDatabase();
    try {
      await query(
        own.url,
        "INSERT INTO _prisma_migrations (id, checksum, migration_name, rolled_back_at) VALUES ('x', 'x', '20261122080100_pool', now())",
      );
      expect(await migrate({ url: own.url, only: "all" })).toEqual([]);
    } finally {
      await own.drop();
    }
  });

  test("refuses a database that is not UTF8", async () => {
    const own = await createEmptyDatabase("ENCODING 'SQL_ASCII' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0");
    try {
      await expect(migrate({ url: own.url, only: "all" })).rejects.toThrow("its encoding is SQL_ASCII");
      expect(await tablesOf(own.url, "public")).toEqual([]);
    } finally {
      await own.drop();
    }
  });
});

test("a rehearsal gives up soon where others hold a lock", async () => {
  const database = await createEmptyDatabase();
  const other = new pg.Client({ connectionString: database.url });
  await other.connect();
  await migrate({ url: database.url, only: "pool" });
  await other.query("BEGIN; LOCK TABLE _prisma_migrations");
  const rehearsal = migrate({ url: database.url, only: "pool", rehearsal: true });
  await expect(rehearsal).rejects.toMatchObject({ code: "55P03" });
  await other.end();
  await database.drop();
});

test("a rehearsal waits for another process's migrations longer than for locks of the tables", async () => {
  const database = await createEmptyDatabase();
  const holder = new pg.Client({ connectionString: database.url });
  const connections = new pg.Pool({ connectionString: database.url, max: 1, options: "-c lock_timeout=50" });
  try {
    await holder.connect();
    await holder.query("BEGIN");
    await holder.query(`SELECT pg_advisory_xact_lock(${0x15_19_0d}, hashtext('public'))`);
    const rehearsal = migrate({ connections, schema: "public", only: "pool", rehearsal: true });
    rehearsal.catch(() => undefined);
    // Four times as long as the session's time-out.
    await holder.query("SELECT pg_sleep(0.2)");
    await holder.query("COMMIT");
    expect(await rehearsal).not.toEqual([]);
  } finally {
    await holder.end();
    await connections.end();
    await database.drop();
  }
});
