import type { QueueRow } from "../queue-rows.ts";
import { clockCte, type Statement, type Statements } from "../sql/statements.ts";
import { ALIVE, DUE, deliverable, FREE } from "./rows.ts";

const FITTING: Statement = {
  name: "message_fitting",
  text: `
    WITH ${clockCte(5)}
    SELECT count(*)::int AS "there", count(*) FILTER (WHERE s.bytes <= $4::bigint)::int AS fitting FROM (
      SELECT sum(octet_length(m.body)) OVER (ROWS UNBOUNDED PRECEDING) AS bytes FROM (
        SELECT m.body FROM messages m, clock
        WHERE m.queue_id = $1 AND m.marker > $2 AND ${ALIVE} AND ${DUE} AND ${FREE} AND ${deliverable("$6::bigint")}
        ORDER BY m.marker LIMIT $3
      ) AS m
    ) AS s`,
};

/**
 * How many messages to lock for a claim or a pop that is bounded in bytes. Their statements keep to the bound by
 * themselves, but lock all that they were asked for first, and others pass over what is locked: they would take later
 * messages, or find nothing. So in a queue of which this process has met a statement that did not take all it locked,
 * it looks before how many fit. What others take meanwhile makes that an estimate.
 */
export class ByteBounds {
  readonly #statements: Statements;
  readonly #clock: { offsetMs: number };
  /** Queues in which large bodies were met. */
  readonly #large = new WeakSet<QueueRow>();

  constructor(statements: Statements, clock: { offsetMs: number }) {
    this.#statements = statements;
    this.#clock = clock;
  }

  /** Whether messages may have to be counted before they are locked. */
  isLarge(row: QueueRow): boolean {
    return this.#large.has(row);
  }

  /**
   * At most `wanted`, and at least one. Gives `wanted` when all that are there fit. `from`: a marker below which none
   * is looked for.
   */
  async fitting(
    row: QueueRow,
    wanted: number,
    maxBytes: number,
    { from, exhaustedFrom }: { from: string; exhaustedFrom: number | null },
  ): Promise<number> {
    if (!this.#large.has(row) || wanted <= 1) return wanted;
    const values = [row.id, from, wanted, maxBytes, this.#clock.offsetMs / 1000, exhaustedFrom];
    const [found] = await this.#statements.read<{ there: number; fitting: number }>(FITTING, values);
    if (found !== undefined && found.fitting < found.there) return Math.max(1, found.fitting);
    this.#large.delete(row);
    return wanted;
  }

  /** A statement locked so many of a queue's messages, and took so many. */
  learn(row: QueueRow, locked: number, taken: number): void {
    if (locked > taken) this.#large.add(row);
  }
}
