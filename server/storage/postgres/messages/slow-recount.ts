/** Counts long queues again, a few slices a collection of gc. */
import { hasCode } from "../../../errors.ts";
import { int8 } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import type { Statements } from "../sql/statements.ts";
import type { Counters } from "./counters.ts";
import { EXACT_LIMIT } from "./statistics.ts";

/** Messages of one statement: about 20 ms. */
const SLICE = 100_000;
/** Milliseconds of a collection. */
const BUDGET_MS = 500;

/** The next long queue by id. Counters drift when a process dies with counts that it had not written. */
const LONG_QUEUE_AFTER = statement({
  name: "recount_long_queue",
  parameters: { after: int8 },
  row: rowOf<{ id: string }>(),
  text: `
    SELECT c.queue_id::text AS id FROM queue_counts c
    WHERE c.queue_id > :after GROUP BY c.queue_id HAVING sum(c.posted - c.deleted - c.expired) > ${EXACT_LIMIT}
    ORDER BY c.queue_id LIMIT 1`,
});

/** A row of pool_queues that is as it was when the count `r` began. */
const SAME = "q.id = r.queue_id AND q.epoch = r.epoch AND q.low_water = r.low_water AND q.state = 'live'";

const DISCARD_STALE = statement({
  name: "recount_discard_stale",
  parameters: {},
  text: `DELETE FROM queue_recounts r WHERE NOT EXISTS (SELECT FROM pool_queues q WHERE ${SAME})`,
});

const BEGIN = statement({
  name: "recount_begin",
  parameters: { queueId: int8 },
  text: `
    INSERT INTO queue_recounts (queue_id, epoch, low_water, known, up_to, counted_to)
    SELECT q.id, q.epoch, q.low_water,
      (SELECT coalesce(sum(posted - deleted - expired), 0) FROM queue_counts c WHERE c.queue_id = q.id),
      coalesce((SELECT m.marker FROM messages m WHERE m.queue_id = q.id ORDER BY m.marker DESC LIMIT 1), q.low_water),
      q.low_water
    FROM pool_queues q WHERE q.id = :queueId AND q.state = 'live'
    ON CONFLICT DO NOTHING`,
});

/** Adds the next slice to the count that was begun. No row: there is none. */
const COUNT_SLICE = statement({
  name: "recount_slice",
  parameters: {},
  row: rowOf<{ queueId: string; isLast: boolean }>(),
  text: `
    WITH begun AS MATERIALIZED (SELECT * FROM queue_recounts ORDER BY queue_id LIMIT 1),
    slice AS MATERIALIZED (
      SELECT count(*) AS found, max(m.marker) AS last FROM (
        SELECT m.marker FROM messages m, begun b
        WHERE m.queue_id = b.queue_id AND m.marker > b.counted_to AND m.marker <= b.up_to
        ORDER BY m.marker LIMIT ${SLICE}
      ) AS m
    )
    UPDATE queue_recounts r SET found = r.found + s.found, counted_to = coalesce(s.last, r.up_to)
    FROM begun b, slice s WHERE r.queue_id = b.queue_id AND r.counted_to = b.counted_to
    RETURNING r.queue_id::text AS "queueId", s.found < ${SLICE} AS "isLast"`,
});

/** What came and went since the count began is in the counters, so only what they were wrong by then is added. */
const CORRECT = statement({
  name: "recount_correct",
  parameters: { queueId: int8 },
  text: `
    WITH done AS (DELETE FROM queue_recounts WHERE queue_id = :queueId RETURNING *)
    INSERT INTO queue_counts (queue_id, posted, expired)
    SELECT r.queue_id, greatest(r.found - r.known, 0), greatest(r.known - r.found, 0)
    FROM done r, pool_queues q WHERE ${SAME} AND r.found <> r.known`,
});

/**
 * One count at a time, of a doubted queue if there is one, else of the next long one in turn. It goes on where the last
 * collection left it, in whatever process, so that a queue of any length is counted, and none holds up a collection. A
 * purge or an undo in between discards the count. Off by what is deleted ahead of the count while it runs.
 *
 * For the leader of gc. Two that count at once do no harm: a slice and a correction count once.
 */
export class SlowRecount {
  readonly #statements: Statements;
  readonly #counters: Counters;
  /** The long queue that was counted last. */
  #last = "0";

  constructor(statements: Statements, counters: Counters) {
    this.#statements = statements;
    this.#counters = counters;
  }

  /** Counts for BUDGET_MS, and at most one queue that nobody doubts. What takes too long is left to later collections. */
  async goOn(): Promise<void> {
    const end = performance.now() + BUDGET_MS;
    try {
      await this.#statements.write(DISCARD_STALE, {});
      do {
        const [slice] = await this.#statements.write(COUNT_SLICE, {});
        if (slice?.isLast === false) continue;
        if (slice !== undefined) await this.#statements.write(CORRECT, { queueId: slice.queueId });
        const queueId = this.#counters.takeDoubted() ?? (slice === undefined ? await this.#nextLong() : null);
        if (queueId === null) return;
        await this.#begin(queueId);
      } while (performance.now() < end);
    } catch (error) {
      if (!hasCode(error, "DEADLINE_EXCEEDED")) throw error;
    }
  }

  async #begin(queueId: string): Promise<void> {
    // What this process has gathered so far is in what the counters say.
    await this.#counters.flush();
    try {
      await this.#statements.write(BEGIN, { queueId });
    } catch (error) {
      this.#counters.doubt(queueId);
      throw error;
    }
  }

  async #nextLong(): Promise<string | null> {
    const [queue] = await this.#statements.read(LONG_QUEUE_AFTER, { after: this.#last });
    this.#last = queue?.id ?? "0";
    return queue?.id ?? null;
  }
}
