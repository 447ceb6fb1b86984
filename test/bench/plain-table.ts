import pg from "pg";
import { type Contender, payload } from "./contender.ts";

const CONNECTIONS = 16;

/** A queue without a library: one table, FOR UPDATE SKIP LOCKED, claim and delete as two statements. */
export async function plainTable(url: string): Promise<Contender> {
  const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS });
  // When a round fails, the database stops before this pool.
  pool.on("error", () => undefined);
  await pool.query(`
    CREATE TABLE IF NOT EXISTS plain_jobs (
      id bigserial PRIMARY KEY, body text NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
      locked_until timestamptz
    )`);
  return {
    name: "plain table",
    async post(count) {
      const bodies = Array.from({ length: count }, () => JSON.stringify(payload()));
      await pool.query({
        name: "plain_post",
        text: "INSERT INTO plain_jobs (body) SELECT unnest($1::text[])",
        values: [bodies],
      });
    },
    async take(count) {
      const { rows } = await pool.query<{ id: string; body: string }>({
        name: "plain_claim",
        // An array is computed once. A joined subquery may run once per row, and then it locks the whole table.
        text: `UPDATE plain_jobs SET locked_until = now() + interval '5 minutes' WHERE id = ANY (ARRAY(
            SELECT id FROM plain_jobs WHERE locked_until IS NULL OR locked_until < now()
            ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
          )) RETURNING id, body`,
        values: [count],
      });
      if (rows.length === 0) return [];
      await pool.query({
        name: "plain_delete",
        text: "DELETE FROM plain_jobs WHERE id = ANY ($1::bigint[])",
        values: [rows.map((row) => row.id)],
      });
      return rows.map((row) => JSON.parse(row.body).n);
    },
    async close() {
      await pool.end();
    },
  };
}
