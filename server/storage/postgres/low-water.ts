import { byNumber } from "./messages/markers.ts";
import { PerQueue, type QueueRow } from "./queue-rows.ts";
import { int8 } from "./sql/parameter-types.ts";
import { rowOf, statement } from "./sql/statement.ts";
import type { Statements } from "./sql/statements.ts";

/** Between two looks at a queue, unless MANY_REMOVED were meanwhile: then scans walk over more than a look costs. */
const LOOK_MS = 100;
const MANY_REMOVED = 128;

const OLDEST = statement({
  name: "low_water_look",
  parameters: { queueId: int8, after: int8 },
  row: rowOf<{ before: string }>(),
  text: `
    SELECT (m.marker - 1)::text AS before FROM pool_queues q
    JOIN LATERAL (
      SELECT o.marker FROM messages o WHERE o.queue_id = q.id AND o.marker > greatest(q.low_water, :after::bigint)
      ORDER BY o.marker LIMIT 1
    ) AS m ON true
    WHERE q.id = :queueId`,
});

/**
 * Finds each queue's low-water mark: the marker at or below which no message is left. Scans begin there, so that they
 * do not walk over what was deleted but cannot be vacuumed yet, because some session still holds an old snapshot.
 *
 * A mark stays true once it is, in every process: a marker is drawn under the queue's lock, which lasts until commit,
 * so nothing ever appears below a message that somebody has seen. So an empty queue's mark is the newest message that
 * was seen in it.
 * Hazard: code that brings purged messages back must give the queue a new row.
 */
export class LowWater {
  readonly #statements: Statements;
  readonly #looks = new PerQueue(() => ({
    lookedAt: 0,
    isLooking: false,
    /** Messages that this process removed since the last look. */
    removed: 0,
    /** The newest marker that this process has seen in the queue. */
    seen: "0",
  }));

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /** A message of the queue has this marker. */
  saw(row: QueueRow, marker: string): void {
    const look = this.#looks.of(row);
    if (byNumber(marker, look.seen) > 0) look.seen = marker;
  }

  /**
   * `removed` messages were just removed. Looks for the mark in the background, and sets `row.lowWater`, when the last
   * look is LOOK_MS ago or MANY_REMOVED were removed since.
   */
  refresh(row: QueueRow, removed: number): void {
    const look = this.#looks.of(row);
    look.removed += removed;
    const now = performance.now();
    if (look.isLooking || (look.removed < MANY_REMOVED && now - look.lookedAt < LOOK_MS)) return;
    look.isLooking = true;
    look.lookedAt = now;
    look.removed = 0;
    // Read before the look: what is visible by then, is or was in the queue when it looks.
    const { seen } = look;
    this.#statements
      .read(OLDEST, { queueId: row.id, after: row.lowWater })
      .then(
        ([oldest]) => {
          const found = oldest?.before ?? seen;
          if (BigInt(found) > BigInt(row.lowWater)) row.lowWater = found;
        },
        // The mark stays where it was, which is only slower.
        () => undefined,
      )
      .finally(() => {
        look.isLooking = false;
      });
  }
}
