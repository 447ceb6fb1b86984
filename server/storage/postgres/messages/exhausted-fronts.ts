import { PerQueue, type QueueRow } from "../queue-rows.ts";
import { int8 } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import type { Statements } from "../sql/statements.ts";
import { byNumber } from "./markers.ts";

/** Between two looks at one queue. */
const LOOK_MS = 1000;
/**
 * For so long a look starts from the last front; then one starts from the low-water mark. A server that took over
 * without the last claims has lower counts than this process saw.
 */
const TRUSTED_MS = 60_000;

const FRONT = statement({
  name: "exhausted_front",
  parameters: { queueId: int8, after: int8, exhaustedFrom: int8 },
  row: rowOf<{ marker: string | null }>(),
  text: `
    SELECT coalesce(
      (SELECT m.marker - 1 FROM messages m
       WHERE m.queue_id = :queueId AND m.marker > :after AND m.claim_count < :exhaustedFrom ORDER BY m.marker LIMIT 1),
      (SELECT m.marker FROM messages m WHERE m.queue_id = :queueId AND m.marker > :after ORDER BY m.marker DESC LIMIT 1)
    )::text AS marker`,
});

/** Every message of the queue at or below `marker` was claimed `from` times or more. */
interface ExhaustedFront {
  readonly from: number;
  readonly marker: string;
  /** The next look starts from this front until then, as performance.now() counts. */
  readonly until: number;
}

interface Look {
  front: ExhaustedFront | null;
  lookedAt: number;
  isLooking: boolean;
}

/**
 * Exhausted messages gather at the front of their queue. Claims, lists and pops start behind them instead of walking
 * over them each time. A front stays true once it is: counts only grow, and nothing new appears below a message that
 * somebody has seen (see LowWater).
 *
 * Price: the front ends at the first message that was claimed less often, even if a claim or a delay holds that one for
 * long; exhausted messages behind it are walked over.
 */
export class ExhaustedFronts {
  readonly #statements: Statements;
  readonly #looks = new PerQueue<Look>(() => ({ front: null, lookedAt: 0, isLooking: false }));

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /** The marker behind which messages may be ready: at least the queue's low-water mark. */
  startOf(row: QueueRow, exhaustedFrom: number | null | undefined): string {
    if (exhaustedFrom === null || exhaustedFrom === undefined) return row.lowWater;
    const front = frontOf(this.#looks.of(row), exhaustedFrom);
    return front !== null && byNumber(front.marker, row.lowWater) > 0 ? front.marker : row.lowWater;
  }

  /**
   * Looks in the background how far the front reaches, at most once per LOOK_MS. Does nothing without a count.
   */
  refresh(row: QueueRow, exhaustedFrom: number | null | undefined): void {
    if (exhaustedFrom === null || exhaustedFrom === undefined) return;
    const now = performance.now();
    const look = this.#looks.of(row);
    if (look.isLooking || now - look.lookedAt < LOOK_MS) return;
    look.isLooking = true;
    look.lookedAt = now;
    const front = frontOf(look, exhaustedFrom);
    const isFresh = front !== null && now < front.until;
    // A look from the low-water mark walks over all exhausted messages. The old front holds until it is done.
    const start = isFresh ? this.startOf(row, exhaustedFrom) : row.lowWater;
    const until = isFresh ? front.until : now + TRUSTED_MS;
    this.#statements
      .read(FRONT, { queueId: row.id, after: start, exhaustedFrom })
      .then(
        ([found]) => {
          look.front = { from: exhaustedFrom, marker: found?.marker ?? start, until };
        },
        // Without a front, calls walk over exhausted messages, which is only slower.
        () => undefined,
      )
      .finally(() => {
        look.isLooking = false;
      });
  }
}

/** A front for a higher count serves too: what was claimed more often than asked is exhausted. */
function frontOf({ front }: Look, exhaustedFrom: number): ExhaustedFront | null {
  return front !== null && front.from >= exhaustedFrom ? front : null;
}
