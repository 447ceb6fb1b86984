import { hasCode } from "../../../errors.ts";
import { int8Array } from "../sql/array-parameter.ts";
import { int8 } from "../sql/parameter-types.ts";
import { statement } from "../sql/statement.ts";
import type { Statements } from "../sql/statements.ts";

type Kind = "posted" | "claimed" | "deleted" | "expired";
type Counts = Record<Kind, number>;

const FLUSH_INTERVAL_MS = 1000;
const DOUBTED_QUEUES = 1000;

const APPEND = statement({
  name: "queue_counts_append",
  parameters: {
    queueIds: int8Array,
    posted: int8Array,
    claimed: int8Array,
    deleted: int8Array,
    expired: int8Array,
  },
  text: `
    INSERT INTO queue_counts (queue_id, posted, claimed, deleted, expired)
    SELECT * FROM unnest(
      :queueIds::bigint[], :posted::bigint[], :claimed::bigint[], :deleted::bigint[], :expired::bigint[])`,
});

const RECOUNT = statement({
  name: "queue_counts_recount",
  parameters: { queueId: int8 },
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
    WHERE real.total <> known.total`,
});

/**
 * How many messages were posted, claimed, deleted and expired in each queue.
 *
 * Gathered in the process and appended to a table about once a second, so that no statement of the data plane updates a
 * counter; gc folds the rows. A crash loses at most that second's counts, which a recount by gc corrects.
 */
export class Counters {
  readonly #statements: Statements;
  readonly #onError: (error: unknown) => void;
  #pending = new Map<string, Counts>();
  #timer: NodeJS.Timeout | null = null;
  #flushing: Promise<void> = Promise.resolve();
  #closed = false;
  readonly #doubted = new Set<string>();

  constructor(statements: Statements, onError: (error: unknown) => void) {
    this.#statements = statements;
    this.#onError = onError;
  }

  add(queueId: string, kind: Kind, count: number): void {
    if (count === 0 || this.#closed) return;
    let counts = this.#pending.get(queueId);
    if (counts === undefined) {
      counts = { posted: 0, claimed: 0, deleted: 0, expired: 0 };
      this.#pending.set(queueId, counts);
    }
    counts[kind] += count;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void this.flush();
    }, FLUSH_INTERVAL_MS).unref();
  }

  /** By how much the number of messages in a queue has grown since the last flush. */
  pendingGrowth(queueId: string): number {
    const counts = this.#pending.get(queueId);
    return counts === undefined ? 0 : counts.posted - counts.deleted - counts.expired;
  }

  /** A queue has more messages than were counted, because a crash lost counts, say: gc counts it again. */
  doubt(queueId: string): void {
    if (this.#doubted.size < DOUBTED_QUEUES) this.#doubted.add(queueId);
  }

  /** Counts a queue's messages, and corrects its counts. A queue too long to be counted in time keeps those it has. */
  async recount(queueId: string): Promise<void> {
    await this.flush();
    await this.#statements.write(RECOUNT, { queueId }).catch((error: unknown) => {
      if (!hasCode(error, "DEADLINE_EXCEEDED")) throw error;
    });
  }

  /** Returns some of the doubted queues, and forgets them. */
  takeDoubted(limit: number): string[] {
    const taken = [...this.#doubted].slice(0, limit);
    for (const queueId of taken) this.#doubted.delete(queueId);
    return taken;
  }

  /** Forgets what is gathered for a queue: after a purge it means nothing. */
  drop(queueId: string): void {
    this.#pending.delete(queueId);
  }

  /** Appends what is gathered. Never throws: a failed flush is reported, and its counts wait for the next one. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#append());
    return this.#flushing;
  }

  async #append(): Promise<void> {
    if (this.#pending.size === 0) return;
    const gathered = this.#pending;
    this.#pending = new Map();
    const rows = [...gathered];
    try {
      await this.#statements.write(APPEND, {
        queueIds: rows.map(([queueId]) => queueId),
        posted: rows.map(([, counts]) => counts.posted),
        claimed: rows.map(([, counts]) => counts.claimed),
        deleted: rows.map(([, counts]) => counts.deleted),
        expired: rows.map(([, counts]) => counts.expired),
      });
    } catch (error) {
      this.#onError(error);
      for (const [queueId, counts] of rows) {
        for (const kind of Object.keys(counts) as Kind[]) this.add(queueId, kind, counts[kind]);
      }
    }
  }

  /** Flushes once more and stops counting. Counts that cannot be written now are lost, as in a crash. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    await this.flush();
  }
}
