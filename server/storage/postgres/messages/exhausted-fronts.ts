import { PerQueue, type QueueRow } from "../queue-rows.ts";
import type { Statement, Statements } from "../sql/statements.ts";
import { byNumber } from "./markers.ts";

/** Between two looks at one queue. */
const LOOK_MS = 1000;
/**
 * How long looks begin at the front, and not at the floor. A server that took over without the last claims has lower
 * counts than this process saw.
 */
const BUILT_UPON_MS = 60_000;

const FRONT: Statement = {
  name: "exhausted_front",
  text: `
    SELECT coalesce(
      (SELECT m.marker - 1 FROM messages m WHERE m.queue_id = $1 AND m.marker > $2 AND m.claim_count < $3 ORDER BY m.marker LIMIT 1),
      (SELECT m.marker FROM messages m WHERE m.queue_id = $1 AND m.marker > $2 ORDER BY m.marker DESC LIMIT 1)
    )::text AS marker`,
};

/** Every message of the queue at or below `marker` was claimed `from` times or more. */
interface ExhaustedFront {
  readonly from: number;
  readonly marker: string;
  readonly until: number;
}

interface Look {
  front: ExhaustedFront | null;
  readAt: number;
  underWay: boolean;
}

/**
 * Exhausted messages gather at the front of their queue, and no claim, list or pop is to walk over them each time. Once
 * true, a front stays true: counts only grow, and nothing new appears below a message that somebody has seen (see
 * LowWater).
 *
 * Price: a message at the front that was claimed less often, and that a claim holds for long or a delay keeps back,
 * ends the front there; what is exhausted behind it is walked over.
 */
export class ExhaustedFronts {
  readonly #statements: Statements;
  readonly #looks = new PerQueue<Look>(() => ({ front: null, readAt: 0, underWay: false }));

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /** The marker behind which messages may be ready: the queue's floor at least. */
  startOf(row: QueueRow, exhaustedFrom: number | null | undefined): string {
    if (exhaustedFrom === null || exhaustedFrom === undefined) return row.floor;
    const front = frontOf(this.#looks.of(row), exhaustedFrom);
    return front !== null && byNumber(front.marker, row.floor) > 0 ? front.marker : row.floor;
  }

  /**
   * Looks in the background how far the front reaches, if the last look was some time ago. For a null count there is
   * nothing to look for.
   */
  refresh(row: QueueRow, exhaustedFrom: number | null | undefined): void {
    if (exhaustedFrom === null || exhaustedFrom === undefined) return;
    const now = performance.now();
    const look = this.#looks.of(row);
    if (look.underWay || now - look.readAt < LOOK_MS) return;
    look.underWay = true;
    look.readAt = now;
    const front = frontOf(look, exhaustedFrom);
    const isFresh = front !== null && now < front.until;
    // The old front holds until this look, from the floor on, has found the new one: it walks over all of them.
    const start = isFresh ? this.startOf(row, exhaustedFrom) : row.floor;
    const until = isFresh ? front.until : now + BUILT_UPON_MS;
    this.#statements
      .read<{ marker: string | null }>(FRONT, [row.id, start, exhaustedFrom])
      .then(
        ([found]) => {
          look.front = { from: exhaustedFrom, marker: found?.marker ?? start, until };
        },
        // Whoever walks goes on walking, which is only slower.
        () => undefined,
      )
      .finally(() => {
        look.underWay = false;
      });
  }
}

/** What was claimed more often than is asked for is exhausted too. */
function frontOf({ front }: Look, exhaustedFrom: number): ExhaustedFront | null {
  return front !== null && front.from >= exhaustedFrom ? front : null;
}
