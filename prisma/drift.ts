/**
 * How the tables of a database differ from what the migrations make. It makes them once more beside the real ones, in a
 * schema of a transaction that is rolled back, and compares: so it sees all that PostgreSQL knows of them, and leaves
 * nothing.
 */
import type pg from "pg";
import { apply, type Migration, ours, withClient } from "./migrate.ts";

/** A second trial at the same time waits until the first one is rolled back. */
const TRIAL = "isimud_trial";

/** Characters of two texts that are shown. */
const MAX_SHOWN = 200;

/** Roles that may not create a schema, and servers that take no writes. */
const NOT_ALLOWED: ReadonlySet<unknown> = new Set(["42501", "25006"]);

/**
 * What is missing or different, as texts for people, by name; null when this role may not create a schema, so that
 * nothing is known. What was added to the tables is left out, unless it is a column. `except`: migrations that the
 * database does not have yet. Only short locks on catalogues; takes about a second.
 */
export async function findDrift(params: {
  url: string;
  only: "all" | "pool";
  except: readonly Migration[];
}): Promise<string[] | null> {
  const missing = new Set(params.except.map(({ name }) => name));
  return withClient(params, async (client, schema) => {
    const real = await describe(client, schema);
    try {
      await client.query("BEGIN");
      await client.query("SET LOCAL statement_timeout = 0");
      await client.query(`CREATE SCHEMA ${TRIAL}`);
      await client.query(`SET LOCAL search_path = ${TRIAL}`);
      for (const migration of ours(params.only)) if (!missing.has(migration.name)) await apply(client, migration);
      return differences(await describe(client, TRIAL), real);
    } catch (error) {
      const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
      if (NOT_ALLOWED.has(code) || NOT_ALLOWED.has(cause?.code)) return null;
      throw error;
    } finally {
      await client.query("ROLLBACK");
    }
  });
}

/** By the name of each part: what it is. */
type Description = Map<string, string>;

function differences(expected: Description, real: Description): string[] {
  const tables = new Set([...expected.keys()].filter((name) => name.startsWith("table ")));
  const lacking = [...expected].flatMap(([name, text]) => {
    const found = real.get(name);
    if (found === text) return [];
    if (found === undefined) return [`${name} is missing`];
    const isShort = found.length + text.length < MAX_SHOWN;
    return [isShort ? `${name} is ${found}, and should be ${text}` : `${name} is not as it should be`];
  });
  const added = [...real.keys()].filter((name) => {
    const [, table] = /^column (\w+)\./.exec(name) ?? [];
    return !expected.has(name) && table !== undefined && tables.has(`table ${table}`);
  });
  return [...lacking, ...added.map((name) => `${name} was added`)].sort();
}

/**
 * Names of this schema are written without it, since they may stand in any. Texts in quotes keep theirs: they name other
 * things, such as settings. So do bodies of functions, which are stored as the migrations wrote them.
 */
async function describe(client: pg.PoolClient, schema: string): Promise<Description> {
  const { rows } = await client.query<{ name: string; text: string; body: string | null }>(PARTS, [schema]);
  const itsName = new RegExp(
    `(?<![\\w"'])(?:"${schema}"|${schema})\\.|\\bsearch_path=(?:"${schema}"|${schema}\\b)`,
    "g",
  );
  const plain = (text: string) => text.replace(itsName, "");
  return new Map(
    rows.map(({ name, text, body }) => [name, `${plain(text)} ${body ?? ""}`.replace(/\s+/g, " ").trim()]),
  );
}

const PARTS = `
  WITH here AS (SELECT oid FROM pg_namespace WHERE nspname = $1)
  SELECT 'table ' || c.relname AS name, 'a table' AS text, NULL AS body
  FROM pg_class c WHERE c.relnamespace IN (SELECT oid FROM here) AND c.relkind IN ('r', 'p')
    AND c.relname <> '_prisma_migrations'
  UNION ALL
  SELECT format('column %s.%s', c.relname, a.attname),
         concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END,
                   'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), nullif(a.attidentity, ''), nullif(a.attgenerated, '')),
         NULL
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  WHERE c.relnamespace IN (SELECT oid FROM here) AND c.relkind IN ('r', 'p') AND c.relname <> '_prisma_migrations'
  UNION ALL
  SELECT 'index ' || c.relname, pg_get_indexdef(c.oid), NULL
  FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
  WHERE c.relnamespace IN (SELECT oid FROM here) AND i.indisvalid
    AND i.indrelid <> coalesce(to_regclass(format('%I._prisma_migrations', $1)), 0)
  UNION ALL
  SELECT format('constraint %s of %s', k.conname, c.relname), pg_get_constraintdef(k.oid), NULL
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
  -- NOT NULL is told with the columns; from PostgreSQL 18 on it is a constraint too.
  WHERE k.connamespace IN (SELECT oid FROM here) AND c.relname <> '_prisma_migrations' AND k.contype <> 'n'
  UNION ALL
  SELECT format('trigger %s of %s', t.tgname, c.relname), pg_get_triggerdef(t.oid), NULL
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
  WHERE c.relnamespace IN (SELECT oid FROM here) AND NOT t.tgisinternal
  UNION ALL
  SELECT format('function %s(%s)', p.proname, pg_get_function_identity_arguments(p.oid)),
         concat_ws(' ', pg_get_function_result(p.oid), p.provolatile, array_to_string(p.proconfig, ' ')),
         p.prosrc
  FROM pg_proc p WHERE p.pronamespace IN (SELECT oid FROM here)
  UNION ALL
  SELECT 'sequence ' || c.relname, format('of %s from %s', format_type(s.seqtypid, NULL), s.seqstart), NULL
  FROM pg_class c JOIN pg_sequence s ON s.seqrelid = c.oid
  WHERE c.relnamespace IN (SELECT oid FROM here)`;
