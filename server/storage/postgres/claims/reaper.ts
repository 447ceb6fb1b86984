import { int8Array, uuidArray } from "../sql/array-parameter.ts";
import { statement } from "../sql/statement.ts";
import type { Statements } from "../sql/statements.ts";
import { HOLDS_NOTHING } from "./rows.ts";

const FLUSH_INTERVAL_MS = 50;
/** Claims a statement, so that a flush stays short. */
const BATCH = 500;

const DELETE_EMPTY = statement({
  name: "claim_delete_empty",
  parameters: { queueIds: int8Array, claimIds: uuidArray },
  text: `
    DELETE FROM claims c WHERE c.ctid = ANY (ARRAY(
      SELECT c.tid FROM unnest(:queueIds::bigint[]) WITH ORDINALITY AS w(queue_id, n) CROSS JOIN LATERAL (
        SELECT c.ctid AS tid FROM claims c
        WHERE c.queue_id = w.queue_id AND c.id = (:claimIds::uuid[])[w.n] AND ${HOLDS_NOTHING}
        FOR UPDATE SKIP LOCKED
      ) AS c
    ))`,
});

/**
 * Removes the rows of claims whose last message was deleted. Nobody sees such a row: a claim lives as long as it holds
 * a message. So this is done beside the deletes, for many claims at once. Rows that a crash leaves behind are removed
 * by gc when the claim would have expired.
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

  /** Messages of the claim were deleted, perhaps its last one. */
  add(queueId: string, claimId: string): void {
    this.#pending.set(claimId, queueId);
    this.#timer ??= setTimeout(() => void this.flush(), FLUSH_INTERVAL_MS).unref();
  }

  /** Never throws: gc removes what this could not. */
  flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#flushing = this.#flushing.then(() => this.#deleteEmpty());
    return this.#flushing;
  }

  async #deleteEmpty(): Promise<void> {
    const pending = [...this.#pending];
    this.#pending = new Map();
    try {
      for (let from = 0; from < pending.length; from += BATCH) {
        const batch = pending.slice(from, from + BATCH);
        await this.#statements.write(DELETE_EMPTY, {
          queueIds: batch.map(([, queueId]) => queueId),
          claimIds: batch.map(([claimId]) => claimId),
        });
      }
    } catch (error) {
      this.#onError(error);
    }
  }
}
