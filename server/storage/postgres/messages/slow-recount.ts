/** Counts long queues again, a few slices a collection of gc. */
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

const BEGIN = statement({
  name: "recount_begin",
  parameters: { queueId: int8 },
  row: rowOf<{ epoch: string; lowWater: string; known: string; upTo: string | null }>(),
  text: `
    SELECT q.epoch::text, q.low_water::text AS "lowWater",
      (SELECT coalesce(sum(posted - deleted - expired), 0)::text FROM queue_counts c WHERE c.queue_id = q.id) AS known,
      (SELECT m.marker::text FROM messages m WHERE m.queue_id = q.id ORDER BY m.marker DESC LIMIT 1) AS "upTo"
    FROM pool_queues q WHERE q.id = :queueId AND q.state = 'live'`,
});

const COUNT_SLICE = statement({
  name: "recount_slice",
  parameters: { queueId: int8, after: int8, upTo: int8 },
  row: rowOf<{ found: number; last: string | null }>(),
  text: `
    SELECT count(*)::int AS found, max(m.marker)::text AS last FROM (
      SELECT marker FROM messages
      WHERE queue_id = :queueId AND marker > :after AND marker <= :upTo ORDER BY marker LIMIT ${SLICE}
    ) AS m`,
});

/** What came and went since the count began is in the counters, so only what they were wrong by then is added. */
const CORRECT = statement({
  name: "recount_correct",
  parameters: { queueId: int8, epoch: int8, lowWater: int8, grown: int8, shrunk: int8 },
  text: `
    INSERT INTO queue_counts (queue_id, posted, expired)
    SELECT q.id, :grown, :shrunk FROM pool_queues q
    WHERE q.id = :queueId AND q.epoch = :epoch AND q.low_water = :lowWater AND q.state = 'live'`,
});

interface Count {
  queueId: string;
  epoch: string;
  lowWater: string;
  /** What the counters said when it began. */
  known: number;
  upTo: string;
  after: string;
  found: number;
}

/**
 * One count at a time, of a doubted queue if there is one, else of the next long one in turn. It goes on where the last
 * collection left it, so that a queue of any length is counted, and none holds up a collection. A purge or an undo in
 * between discards the count. Off by what is deleted ahead of the count while it runs.
 */
export class SlowRecount {
  readonly #statements: Statements;
  readonly #counters: Counters;
  #count: Count | null = null;
  /** The long queue that was counted last. */
  #last = "0";

  constructor(statements: Statements, counters: Counters) {
    this.#statements = statements;
    this.#counters = counters;
  }

  /** Counts for BUDGET_MS, and at most one queue that nobody doubts. */
  async goOn(): Promise<void> {
    const end = performance.now() + BUDGET_MS;
    do {
      this.#count ??= await this.#begin();
      if (this.#count === null) return;
      await this.#slice(this.#count);
    } while (performance.now() < end && (this.#count !== null || this.#counters.isDoubting));
  }

  async #begin(): Promise<Count | null> {
    const queueId = this.#counters.takeDoubted() ?? (await this.#nextLong());
    if (queueId === null) return null;
    // What this process has gathered so far is in what the counters say.
    await this.#counters.flush();
    const [begun] = await this.#statements.read(BEGIN, { queueId });
    if (begun === undefined) return null;
    const { epoch, lowWater, known, upTo } = begun;
    return { queueId, epoch, lowWater, known: Number(known), upTo: upTo ?? lowWater, after: lowWater, found: 0 };
  }

  async #nextLong(): Promise<string | null> {
    const [queue] = await this.#statements.read(LONG_QUEUE_AFTER, { after: this.#last });
    this.#last = queue?.id ?? "0";
    return queue?.id ?? null;
  }

  async #slice(count: Count): Promise<void> {
    // A slice that fails is counted from the start another time.
    this.#count = null;
    const { queueId, epoch, lowWater, after, upTo, known } = count;
    const [slice = { found: 0, last: null }] = await this.#statements.read(COUNT_SLICE, { queueId, after, upTo });
    const found = count.found + slice.found;
    if (slice.found === SLICE && slice.last !== null) {
      this.#count = { ...count, found, after: slice.last };
      return;
    }
    const wrong = found - known;
    const [grown, shrunk] = [Math.max(wrong, 0), Math.max(-wrong, 0)];
    if (wrong !== 0) await this.#statements.write(CORRECT, { queueId, epoch, lowWater, grown, shrunk });
  }
}
