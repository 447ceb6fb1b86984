import { hasCode } from "../../../errors.ts";
import { emptyTally, TALLIED, type Tallied, type Tally } from "../../queue-totals.ts";
import { int8Array } from "../sql/array-parameter.ts";
import { int8 } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import type { Statements } from "../sql/statements.ts";
import { byNumber } from "./markers.ts";
import { ALL_TALLIES, addTotals, TALLIES, talliesOf } from "./totals.ts";

const FLUSH_INTERVAL_MS = 1000;
/** Queues a statement, so that it stays short. */
const FLUSH_ROWS = 5000;
const DOUBTED_QUEUES = 1000;

/** By how much a queue grows with each message that is counted. */
const GROWTH: Readonly<Record<Tallied, number>> = {
  ...emptyTally(),
  posted: 1,
  popped: -1,
  deleted: -1,
  expired: -1,
  deadLettered: -1,
  moved: -1,
};

const FLUSH = statement({
  name: "queue_counters_flush",
  parameters: { queueIds: int8Array, growths: int8Array, ...TALLIES },
  text: addTotals({
    ctes: `grown AS (
      INSERT INTO queue_counts (queue_id, posted, deleted)
      SELECT g.queue_id, greatest(g.growth, 0), greatest(-g.growth, 0)
      FROM unnest(:queueIds::bigint[], :growths::bigint[]) AS g(queue_id, growth) WHERE g.growth <> 0
    )`,
    queueIds: ":queueIds::bigint[]",
    weight: ALL_TALLIES,
  }),
});

const RECOUNT = statement({
  name: "queue_counts_recount",
  parameters: { queueId: int8 },
  row: rowOf<{ shrunk: number }>(),
  text: `
    WITH real AS MATERIALIZED (
      SELECT count(*) AS total FROM messages m, pool_queues q
      WHERE q.id = :queueId AND m.queue_id = q.id AND m.marker > q.low_water
    ),
    known AS MATERIALIZED (
      SELECT coalesce(sum(posted - deleted - expired), 0) AS total FROM queue_counts WHERE queue_id = :queueId
    )
    INSERT INTO queue_counts (queue_id, posted, expired)
    SELECT :queueId, greatest(real.total - known.total, 0), greatest(known.total - real.total, 0) FROM real, known
    WHERE real.total <> known.total
    RETURNING (expired - posted)::float8 AS shrunk`,
});

interface Gathered {
  tally: Tally;
  /** Of the queue, in messages. A purge forgets it, and the tally stays. */
  growth: number;
}

/**
 * What happens to the messages of each queue: for its totals, which only grow, and for the number of messages that a
 * long queue has.
 *
 * Gathered in the process and written about once a second, so that no statement of the data plane updates a counter. A
 * crash loses at most that second's. A recount by gc corrects the number of messages; the totals it leaves alone.
 */
export class Counters {
  readonly #statements: Statements;
  readonly #onError: (error: unknown) => void;
  #pending = new Map<string, Gathered>();
  #timer: NodeJS.Timeout | null = null;
  #flushing: Promise<void> = Promise.resolve();
  #closed = false;
  readonly #doubted = new Set<string>();

  constructor(statements: Statements, onError: (error: unknown) => void) {
    this.#statements = statements;
    this.#onError = onError;
  }

  /** Messages came or went, or changed hands. */
  add(queueId: string, kind: Tallied, count: number): void {
    const gathered = this.#gathered(queueId, count);
    if (gathered === undefined) return;
    gathered.tally[kind] += count;
    gathered.growth += GROWTH[kind] * count;
  }

  /** For the totals alone: messages that the number of messages no longer has. */
  tally(queueId: string, kind: Tallied, count: number): void {
    const gathered = this.#gathered(queueId, count);
    if (gathered !== undefined) gathered.tally[kind] += count;
  }

  #gathered(queueId: string, count: number): Gathered | undefined {
    if (count === 0 || this.#closed) return undefined;
    let gathered = this.#pending.get(queueId);
    if (gathered === undefined) {
      gathered = { tally: emptyTally(), growth: 0 };
      this.#pending.set(queueId, gathered);
    }
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void this.flush();
    }, FLUSH_INTERVAL_MS).unref();
    return gathered;
  }

  /** By how much the number of messages in a queue has grown since the last flush. */
  pendingGrowth(queueId: string): number {
    return this.#pending.get(queueId)?.growth ?? 0;
  }

  /** A queue has more messages than were counted, because a crash lost counts, say: gc counts it again. */
  doubt(queueId: string): void {
    if (this.#doubted.size < DOUBTED_QUEUES) this.#doubted.add(queueId);
  }

  /**
   * Counts a queue's messages, and corrects their number. One too long to be counted in one statement is doubted.
   * Returns by how much the number fell, 0 when it did not.
   */
  async recount(queueId: string): Promise<number> {
    await this.flush();
    try {
      const [corrected] = await this.#statements.write(RECOUNT, { queueId });
      return Math.max(0, corrected?.shrunk ?? 0);
    } catch (error) {
      if (!hasCode(error, "DEADLINE_EXCEEDED")) throw error;
      this.doubt(queueId);
      return 0;
    }
  }

  get isDoubting(): boolean {
    return this.#doubted.size > 0;
  }

  /** Returns one of the doubted queues, and forgets it. Null without one. */
  takeDoubted(): string | null {
    const [taken = null] = this.#doubted;
    if (taken !== null) this.#doubted.delete(taken);
    return taken;
  }

  /** Resolves when no counts are on their way to the pool: those that are written meanwhile a purge would miss. */
  settled(): Promise<void> {
    return this.#flushing;
  }

  /** All messages of the queue were purged: the growth that was gathered means nothing. Returns it. */
  forgetGrowth(queueId: string): number {
    const gathered = this.#pending.get(queueId);
    if (gathered === undefined) return 0;
    const { growth } = gathered;
    gathered.growth = 0;
    return growth;
  }

  /** Writes what is gathered. Never throws: a failed flush is reported, and its counts wait for the next one. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#write());
    return this.#flushing;
  }

  async #write(): Promise<void> {
    const gathered = this.#pending;
    this.#pending = new Map();
    // Every flush locks the rows in this order.
    const rows = [...gathered].sort(([one], [other]) => byNumber(one, other));
    for (let from = 0; from < rows.length; from += FLUSH_ROWS) {
      const some = rows.slice(from, from + FLUSH_ROWS);
      try {
        await this.#statements.write(FLUSH, {
          queueIds: some.map(([queueId]) => queueId),
          growths: some.map(([, { growth }]) => growth),
          ...talliesOf(some.map(([, { tally }]) => tally)),
        });
      } catch (error) {
        this.#onError(error);
        for (const [queueId, { tally, growth }] of some) this.#takeBack(queueId, tally, growth);
      }
    }
  }

  #takeBack(queueId: string, tally: Tally, growth: number): void {
    for (const kind of TALLIED) this.tally(queueId, kind, tally[kind]);
    const again = this.#pending.get(queueId);
    if (again !== undefined) again.growth += growth;
  }

  /** Flushes once more and stops counting. Counts that cannot be written now are lost, as in a crash. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    await this.flush();
  }
}
