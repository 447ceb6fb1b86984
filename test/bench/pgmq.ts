import { readFile } from "node:fs/promises";
import pg from "pg";
import { type Contender, payload } from "./contender.ts";

const QUEUE = "bench";
const CONNECTIONS = 16;
const VISIBILITY_TIMEOUT_SECONDS = 300;

/**
 * pgmq by its own functions: send, send_batch, read, delete. `sqlFile` is its `pgmq-extension/sql/pgmq.sql`, which is
 * not part of this project.
 */
export async function pgmq(url: string, sqlFile: string): Promise<Contender> {
  const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS });
  // When a round fails, the database stops before this pool.
  pool.on("error", () => undefined);
  await pool.query(await readFile(sqlFile, "utf8"));
  await pool.query("SELECT pgmq.create($1)", [QUEUE]);
  return {
    name: "pgmq",
    async post(count) {
      if (count === 1) {
        await pool.query({
          name: "pgmq_send",
          text: "SELECT pgmq.send($1::text, $2::jsonb)",
          values: [QUEUE, JSON.stringify(payload())],
        });
      } else {
        await pool.query({
          name: "pgmq_send_batch",
          text: "SELECT pgmq.send_batch($1::text, $2::jsonb[])",
          values: [QUEUE, Array.from({ length: count }, () => JSON.stringify(payload()))],
        });
      }
    },
    async take(count) {
      const { rows } = await pool.query<{ msg_id: string; message: { n: number } }>({
        name: "pgmq_read",
        text: "SELECT msg_id, message FROM pgmq.read($1::text, $2::integer, $3::integer)",
        values: [QUEUE, VISIBILITY_TIMEOUT_SECONDS, count],
      });
      if (rows.length === 0) return [];
      await pool.query({
        name: "pgmq_delete",
        text: "SELECT pgmq.delete($1::text, $2::bigint[])",
        values: [QUEUE, rows.map(({ msg_id }) => msg_id)],
      });
      return rows.map(({ message }) => message.n);
    },
    close: () => pool.end(),
  };
}
