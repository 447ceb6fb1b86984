import { int8Array, uuidArray } from "../sql/array-parameter.ts";
import type { Statement, Statements } from "../sql/statements.ts";

const FLUSH_INTERVAL_MS = 50;
/** Claims a statement, so that a flush stays short. */
const BATCH = 500;

const END: Statement = {
  name: "claim_end",
  text: `
    DELETE FROM claims c WHERE c.ctid = ANY (ARRAY(
      SELECT c.place FROM unnest($1::bigint[]) WITH ORDINALITY AS w(queue_id, n) CROSS JOIN LATERAL (
        SELECT c.ctid AS place FROM claims c
        WHERE c.queue_id = w.queue_id AND c.id = ($2::uuid[])[w.n] AND NOT EXISTS (
          SELECT 1 FROM unnest(c.markers) AS t(marker) CROSS JOIN LATERAL (
            SELECT 1 FROM messages m WHERE m.queue_id = c.queue_id AND m.marker = t.marker AND m.claim_id = c.id LIMIT 1
          ) AS m
        )
        FOR UPDATE SKIP LOCKED
      ) AS c
    ))`,
};

/**
 * Removes the rows of claims whose last message was deleted. Nobody sees such a row: a claim lives as long as it holds a message. So this
 * is done beside the deletes, many at once; what a crash leaves behind, gc removes when the claim would have expired.
 */
export class ClaimReaper {
  readonly #statements: Statements;
  readonly #onError: (error: unknown) => void;
  /** By claim id: its queue. */
  #pending = new Map<string, string>();
  #timer: NodeJS.Timeout | null = null;
  #flushing: Promise<void> = Promise.resolve();

  constructor(statements: Statements, onError: (error: unknown) => void) {
    this.#statements = statements;
    this.#onError = onError;
  }

  /** Messages of the claim were deleted, and perhaps it has none left. */
  add(queueId: string, claimId: string): void {
    this.#pending.set(claimId, queueId);
    this.#timer ??= setTimeout(() => void this.flush(), FLUSH_INTERVAL_MS).unref();
  }

  /** Never throws: rows that could not be removed are left to gc. */
  flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#flushing = this.#flushing.then(() => this.#end());
    return this.#flushing;
  }

  async #end(): Promise<void> {
    const pending = [...this.#pending];
    this.#pending = new Map();
    try {
      for (let from = 0; from < pending.length; from += BATCH) {
        const batch = pending.slice(from, from + BATCH);
        await this.#statements.write(END, [
          int8Array(batch.map(([, queueId]) => queueId)),
          uuidArray(batch.map(([claimId]) => claimId)),
        ]);
      }
    } catch (error) {
      this.#onError(error);
    }
  }
}
