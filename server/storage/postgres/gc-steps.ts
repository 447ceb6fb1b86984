/** How garbage collection goes on: in batches, by a budget, past what fails. */
import { hasCode } from "../../errors.ts";
import { NOW } from "./sql/fragments.ts";

/** Rows a statement: small, because one huge DELETE holds locks long and can fill the disk with its log. */
export const BATCH = 1000;

/** Bytes of kept answers a statement, and one answer more: a key of a pop may hold megabytes. */
const ANSWER_BYTES = 16 * 1024 * 1024;

/** A query of its own, read once: an index can be searched for its result, but not for that of a volatile function. */
export const ONCE_NOW = `(SELECT ${NOW})`;

/** Deletes the first of `keys`, up to ANSWER_BYTES. Its size is known of an answer without reading it. */
export const freeKeys = (keys: string) => `
    WITH old AS MATERIALIZED (
      SELECT k.ctid AS tid, pg_column_size(k.result) AS bytes FROM idempotency_keys k
      WHERE ${keys} LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
    ),
    sized AS (SELECT tid, sum(bytes) OVER (ROWS UNBOUNDED PRECEDING) - bytes AS before FROM old),
    freed AS (
      DELETE FROM idempotency_keys k
      WHERE k.ctid = ANY (ARRAY(SELECT s.tid FROM sized s WHERE s.before < ${ANSWER_BYTES})) RETURNING 1
    )
    SELECT count(*)::int AS freed FROM freed`;

/** How many statements a collection may still run. */
export interface Budget {
  statements: number;
}

/**
 * Runs all steps, one after the other, and throws the first error at the end: what one cannot free must not keep the
 * rest. A storage that cannot be reached ends it at once.
 */
export async function eachStep(steps: readonly (() => Promise<unknown>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
      if (hasCode(error, "STORAGE_UNAVAILABLE")) break;
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** Repeats a statement until a batch is not full. Returns how many rows it freed. */
export async function untilDone(
  budget: Budget,
  deleteBatch: () => Promise<{ freed: number }[]>,
  batchSize = BATCH,
): Promise<number> {
  let freed = 0;
  while (budget.statements > 0) {
    budget.statements -= 1;
    const [batch] = await deleteBatch();
    freed += batch?.freed ?? 0;
    if ((batch?.freed ?? 0) < batchSize) break;
  }
  return freed;
}
