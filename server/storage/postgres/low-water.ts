import { byNumber } from "./messages/markers.ts";
import { PerQueue, type QueueRow } from "./queue-rows.ts";
import type { Statement, Statements } from "./sql/statements.ts";

/** Between two looks at a queue's floor, unless enough was removed meanwhile: what scans walk over costs more than a look by then. */
const REFRESH_MS = 100;
const ENOUGH_GONE = 128;

const OLDEST: Statement = {
  name: "queue_floor",
  text: `
    SELECT (m.marker - 1)::text AS floor FROM pool_queues q
    JOIN LATERAL (
      SELECT o.marker FROM messages o WHERE o.queue_id = q.id AND o.marker > greatest(q.low_water, $2::bigint) ORDER BY o.marker LIMIT 1
    ) AS m ON true
    WHERE q.id = $1`,
};

/**
 * A queue's floor: a marker below which no message is left. Scans begin there, so that they do not walk over what was deleted but
 * cannot be vacuumed yet, because some session still holds an old snapshot.
 *
 * Once true it stays true, in every process: a marker is drawn under the queue's lock, which lasts until commit, so nothing ever
 * appears below a message that somebody has seen. So an empty queue's floor is the newest message that was seen in it.
 * Hazard: whoever lets purged messages come back must give the queue a new row.
 */
export class LowWater {
  readonly #statements: Statements;
  readonly #looks = new PerQueue(() => ({
    readAt: 0,
    underWay: false,
    /** Messages that this process removed since the last look. */
    gone: 0,
    /** The newest marker that this process has met in the queue. */
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

  /** Looks for the floor in the background when the last look was some time ago or when, with the `gone` messages just removed, much has changed. */
  refresh(row: QueueRow, gone: number): void {
    const look = this.#looks.of(row);
    look.gone += gone;
    const now = performance.now();
    if (look.underWay || (look.gone < ENOUGH_GONE && now - look.readAt < REFRESH_MS)) return;
    look.underWay = true;
    look.readAt = now;
    look.gone = 0;
    // Read before the look: what is visible by then, is or was in the queue when it looks.
    const { seen } = look;
    this.#statements
      .read<{ floor: string }>(OLDEST, [row.id, row.floor])
      .then(
        ([oldest]) => {
          const floor = oldest?.floor ?? seen;
          if (BigInt(floor) > BigInt(row.floor)) row.floor = floor;
        },
        // The floor stays where it was, which is only slower.
        () => undefined,
      )
      .finally(() => {
        look.underWay = false;
      });
  }
}
