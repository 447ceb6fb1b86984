/**
 * prisma/schema.prisma, from which the client is made, against the tables that the migrations really make.
 * Partial indexes, functions, collations, checks and storage options are beyond Prisma's words and left out.
 */
import { readFileSync } from "node:fs";
import { PrismaPg } from "@prisma/adapter-pg";
import { bindMigrationAwareSqlAdapterFactory } from "@prisma/driver-adapter-utils";
import { SchemaEngine } from "@prisma/schema-engine-wasm";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from "../support/database.ts";

let migrated: TestDatabase;
let modelled: TestDatabase;
beforeAll(async () => {
  migrated = await createTestDatabase();
  modelled = await createEmptyDatabase();
});
afterAll(async () => {
  await migrated.drop();
  await modelled.drop();
});

/** What Prisma would run to make the schema from nothing. */
async function sqlOfModel(): Promise<string> {
  const path = "prisma/schema.prisma";
  const content = readFileSync(new URL("../../prisma/schema.prisma", import.meta.url), "utf8");
  const factory = bindMigrationAwareSqlAdapterFactory(new PrismaPg({ connectionString: modelled.url }));
  using engine = await SchemaEngine.new({ datamodels: [[path, content]] }, () => {}, factory);
  const { stdout } = await engine.diff({
    from: { tag: "empty" },
    to: { tag: "schemaDatamodel", files: [{ path, content }] },
    script: true,
    exitCode: null,
    filters: { externalTables: [], externalEnums: [] },
  });
  return stdout ?? "";
}

async function describeTables(client: pg.Client): Promise<string[]> {
  const columns = await client.query<{ line: string }>(
    `SELECT format('%s.%s %s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
                   CASE WHEN a.attnotnull THEN 'required' ELSE 'optional' END, pg_get_expr(d.adbin, d.adrelid)) AS line
     FROM pg_class c
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> '_prisma_migrations'`,
  );
  const indexes = await client.query<{ line: string }>(
    `SELECT format('%s %s (%s)', i.indrelid::regclass,
                   CASE WHEN i.indisprimary THEN 'primary key' WHEN i.indisunique THEN 'unique' ELSE 'index' END,
                   (SELECT string_agg(pg_get_indexdef(i.indexrelid, n, false), ', ' ORDER BY n)
                    FROM generate_series(1, i.indnkeyatts) AS n)) AS line
     FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
     WHERE c.relnamespace = 'public'::regnamespace AND i.indpred IS NULL AND c.relname <> '_prisma_migrations'`,
  );
  return [...columns.rows, ...indexes.rows]
    .map((row) => row.line.replace("CURRENT_TIMESTAMP", "now()").trimEnd())
    .sort();
}

test("schema.prisma and the migrations make the same tables", async () => {
  const script = await sqlOfModel();
  const [ours, theirs] = [
    new pg.Client({ connectionString: migrated.url }),
    new pg.Client({ connectionString: modelled.url }),
  ];
  await Promise.all([ours.connect(), theirs.connect()]);
  try {
    await theirs.query(script);
    const expected = await describeTables(theirs);
    expect(expected.length).toBeGreaterThan(50);
    expect(await describeTables(ours)).toEqual(expected);
  } finally {
    await Promise.all([ours.end(), theirs.end()]);
  }
});
