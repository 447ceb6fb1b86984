import type { QueueRow } from "../queue-rows.ts";
import { CLOCK } from "../sql/fragments.ts";
import { int8, orNull } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import type { Statements } from "../sql/statements.ts";
import { ALIVE, DUE, deliverable, sizeOf, UNCLAIMED } from "./rows.ts";

const FITTING = statement({
  name: "message_fitting",
  parameters: { queueId: int8, from: int8, limit: int8, maxBytes: int8, exhaustedFrom: orNull(int8) },
  row: rowOf<{ ready: number; fitting: number }>(),
  text: `
    WITH ${CLOCK}
    SELECT count(*)::int AS ready, count(*) FILTER (WHERE s.bytes <= :maxBytes::bigint)::int AS fitting FROM (
      SELECT sum(${sizeOf("m")}) OVER (ORDER BY m.marker ROWS UNBOUNDED PRECEDING) AS bytes FROM (
        SELECT m.marker, m.body, m.headers FROM messages m, clock
        WHERE m.queue_id = :queueId AND m.marker > :from AND ${ALIVE} AND ${DUE} AND ${UNCLAIMED}
          AND ${deliverable(":exhaustedFrom::bigint")}
        ORDER BY m.marker LIMIT :limit
      ) AS m
    ) AS s`,
});

/**
 * How many messages a claim or a pop that is bounded in bytes should lock. Their statements keep to the bound by
 * themselves, but first lock all that they were asked for, and other statements skip what is locked: they would take
 * later messages, or find nothing. So in a queue where this process has seen a statement lock more than it took, it
 * first counts how many fit. That is an estimate: others take messages in between.
 */
export class ByteBounds {
  readonly #statements: Statements;
  /** Queues in which a statement locked more than it took. */
  readonly #large = new WeakSet<QueueRow>();

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /** Whether messages may have to be counted before they are locked. */
  isLarge(row: QueueRow): boolean {
    return this.#large.has(row);
  }

  /**
   * At most `wanted`, and at least one; `wanted` when all that are ready fit. `from`: messages at or below this marker
   * are not counted.
   */
  async fitting(
    row: QueueRow,
    wanted: number,
    maxBytes: number,
    { from, exhaustedFrom }: { from: string; exhaustedFrom: number | null },
  ): Promise<number> {
    if (!this.#large.has(row) || wanted <= 1) return wanted;
    const [found] = await this.#statements.read(FITTING, {
      queueId: row.id,
      from,
      limit: wanted,
      maxBytes,
      exhaustedFrom,
    });
    if (found !== undefined && found.fitting < found.ready) return Math.max(1, found.fitting);
    this.#large.delete(row);
    return wanted;
  }

  /** A statement locked `locked` messages of a queue, and took `taken` of them. */
  learn(row: QueueRow, locked: number, taken: number): void {
    if (locked > taken) this.#large.add(row);
  }
}
