import { hasCode } from "../../errors.ts";
import type { GcResult } from "../data-driver.ts";
import type { Counters } from "./messages/counters.ts";
import { EXACT_LIMIT } from "./messages/statistics.ts";
import { translatePostgresError } from "./sql/connection.ts";
import type { Statement, Statements } from "./sql/statements.ts";

/** Rows a statement: small, because one huge DELETE holds locks long and can fill the disk with its log. */
const BATCH = 1000;
/** Statements a collection: the rest is left to the next one. */
const MAX_STATEMENTS = 2000;
/** Doubted queues that one collection counts again. */
const RECOUNTS = 10;
const IDEMPOTENCY_SECONDS = 86_400;
/** The class of gc's advisory lock ("gc" in ASCII); the other number is the schema, so each pool has one leader. */
const GC_LOCK_CLASS = 0x6763;

// A query of its own, read once: an index can be searched for its result, but not for that of a volatile function.
const NOW = "(SELECT clock_timestamp() + make_interval(secs => $1::float8))";

/** Deletes a batch of expired rows, and counts the messages by queue. */
const EXPIRED_MESSAGES: Statement = {
  name: "gc_messages",
  text: `
    WITH dead AS MATERIALIZED (
      SELECT ctid AS place FROM messages WHERE expires_at <= ${NOW} ORDER BY expires_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
    ),
    freed AS (
      DELETE FROM messages m WHERE m.ctid = ANY (ARRAY(SELECT d.place FROM dead d)) RETURNING m.queue_id
    ),
    counted AS (
      INSERT INTO queue_counts (queue_id, expired)
      SELECT f.queue_id, count(*) FROM freed f
      JOIN pool_queues q ON q.id = f.queue_id AND q.state = 'live' AND q.purged_at IS NULL GROUP BY f.queue_id
    )
    SELECT count(*)::int AS freed FROM freed`,
};

/**
 * Claims have no index by expiry, which each claim would pay for: gc walks them by their key. Most are gone already,
 * with the last message they held.
 */
const EXPIRED_CLAIMS: Statement = {
  name: "gc_claims",
  text: `
    WITH chunk AS MATERIALIZED (
      SELECT queue_id, id, expires_at FROM claims WHERE (queue_id, id) > ($2::bigint, $3::uuid) ORDER BY queue_id, id LIMIT ${5 * BATCH}
    ),
    dead AS MATERIALIZED (
      SELECT c.place FROM chunk k CROSS JOIN LATERAL (
        SELECT c.ctid AS place FROM claims c WHERE c.queue_id = k.queue_id AND c.id = k.id AND c.expires_at <= ${NOW} FOR UPDATE SKIP LOCKED
      ) AS c
      WHERE k.expires_at <= ${NOW}
    ),
    freed AS (DELETE FROM claims c WHERE c.ctid = ANY (ARRAY(SELECT d.place FROM dead d)) RETURNING 1)
    SELECT (SELECT count(*)::int FROM freed) AS freed, last.queue_id::text AS queue, last.id::text AS id
    FROM (SELECT queue_id, id FROM chunk ORDER BY queue_id DESC, id DESC LIMIT 1) AS last`,
};

const EXPIRED_SUBSCRIPTIONS: Statement = {
  name: "gc_subscriptions",
  text: `
    WITH dead AS MATERIALIZED (SELECT ctid AS place FROM subscriptions WHERE expires_at <= ${NOW} LIMIT ${BATCH} FOR UPDATE SKIP LOCKED),
    freed AS (DELETE FROM subscriptions s WHERE s.ctid = ANY (ARRAY(SELECT d.place FROM dead d)) RETURNING 1)
    SELECT count(*)::int AS freed FROM freed`,
};

const OLD_IDEMPOTENCY_KEYS: Statement = {
  name: "gc_idempotency_keys",
  text: `
    WITH dead AS MATERIALIZED (
      SELECT ctid AS place FROM idempotency_keys WHERE created_at <= ${NOW} - interval '${IDEMPOTENCY_SECONDS} seconds'
      LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
    ),
    freed AS (DELETE FROM idempotency_keys k WHERE k.ctid = ANY (ARRAY(SELECT d.place FROM dead d)) RETURNING 1)
    SELECT count(*)::int AS freed FROM freed`,
};

/**
 * Queues whose purge or end can no longer be undone, and what of a queue that was purged again meanwhile is from before both: only the last
 * purge could be undone, and a queue that is purged more often than that would never be freed.
 */
const TO_COLLECT: Statement = {
  name: "gc_queues_to_collect",
  text: `
    SELECT q.id::text, q.state IN ('detached', 'moved') AS gone, q.due,
      CASE WHEN NOT q.due THEN q.undo_low_water WHEN q.state IN ('detached', 'moved') THEN 9223372036854775807 ELSE q.low_water END::text AS "upTo",
      q.purged_at::text AS "purgedAt"
    FROM (
      SELECT *, coalesce(detached_at, purged_at) <= ${NOW} - make_interval(secs => $2::float8) AS due
      FROM pool_queues WHERE state <> 'live' OR purged_at IS NOT NULL
    ) AS q
    WHERE q.due OR (q.state = 'live' AND q.undo_low_water > 0)
    ORDER BY q.due DESC, q.id LIMIT 100`,
};

const UNREACHABLE_MESSAGES: Statement = {
  name: "gc_unreachable_messages",
  text: `
    WITH dead AS MATERIALIZED (
      SELECT ctid AS place FROM messages WHERE queue_id = $1 AND marker <= $2 ORDER BY marker LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
    ),
    freed AS (DELETE FROM messages m WHERE m.ctid = ANY (ARRAY(SELECT d.place FROM dead d)) RETURNING 1)
    SELECT count(*)::int AS freed FROM freed`,
};

/** Only once it holds nothing: a post that was under way when the queue ended may have come late. */
const REMOVE_QUEUE: Statement = {
  name: "gc_remove_queue",
  text: `
    WITH removed AS (
      DELETE FROM pool_queues q WHERE q.id = $1 AND q.state IN ('detached', 'moved') AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.queue_id = q.id)
      RETURNING q.id
    ),
    claims_gone AS (DELETE FROM claims c USING removed r WHERE c.queue_id = r.id),
    counts_gone AS (DELETE FROM queue_counts c USING removed r WHERE c.queue_id = r.id),
    keys_gone AS (DELETE FROM idempotency_keys k USING removed r WHERE k.queue_id = r.id)
    SELECT count(*)::int AS freed FROM removed`,
};

const PURGE_DONE: Statement = {
  name: "gc_purge_done",
  text: `UPDATE pool_queues SET purged_at = NULL, undo_low_water = NULL WHERE id = $1 AND purged_at = $2::timestamptz`,
};

const FOLD_COUNTS: Statement = {
  name: "gc_fold_counts",
  text: `
    WITH crowded AS MATERIALIZED (SELECT queue_id FROM queue_counts GROUP BY queue_id HAVING count(*) > 1 LIMIT ${BATCH}),
    taken AS (DELETE FROM queue_counts c USING crowded f WHERE c.queue_id = f.queue_id RETURNING c.*)
    INSERT INTO queue_counts (queue_id, posted, claimed, deleted, expired)
    SELECT queue_id, sum(posted), sum(claimed), sum(deleted), sum(expired) FROM taken GROUP BY queue_id`,
};

/** The long queue whose counters were mended longest ago: counters drift when a process dies with counts that it had not written. */
const LONG_QUEUE_AFTER: Statement = {
  name: "gc_long_queue",
  text: `
    SELECT c.queue_id::text AS id, sum(c.posted - c.deleted - c.expired)::float8 AS growth FROM queue_counts c
    WHERE c.queue_id > $1 GROUP BY c.queue_id HAVING sum(c.posted - c.deleted - c.expired) > ${EXACT_LIMIT}
    ORDER BY c.queue_id LIMIT 1`,
};

const RECOUNT: Statement = {
  name: "gc_recount",
  text: `
    WITH real AS MATERIALIZED (
      SELECT count(*) AS total FROM messages m, pool_queues q WHERE q.id = $1 AND m.queue_id = q.id AND m.marker > q.low_water
    ),
    known AS MATERIALIZED (SELECT coalesce(sum(posted - deleted - expired), 0) AS total FROM queue_counts WHERE queue_id = $1)
    INSERT INTO queue_counts (queue_id, posted, expired)
    SELECT $1, greatest(real.total - known.total, 0), greatest(known.total - real.total, 0) FROM real, known
    WHERE real.total <> known.total`,
};

/** Frees what nobody can see any more. One leader per pool at a time; killed at any point it leaves nothing half done, since each batch stands alone. */
export class GarbageCollector {
  readonly #statements: Statements;
  readonly #clock: { offsetMs: number };
  readonly #undoSeconds: number;
  readonly #counts: Counters;
  #recounted = "0";

  constructor(statements: Statements, clock: { offsetMs: number }, undoSeconds: number, counts: Counters) {
    this.#counts = counts;
    this.#statements = statements;
    this.#clock = clock;
    this.#undoSeconds = undoSeconds;
  }

  async collect(): Promise<GcResult> {
    const leader = await this.#statements.connections.connect().catch((error: unknown) => {
      throw translatePostgresError(error);
    });
    let broken = false;
    try {
      const lock = await leader.query<{ won: boolean }>(
        `SELECT pg_try_advisory_lock(${GC_LOCK_CLASS}, quote_ident(current_schema())::regnamespace::oid::int) AS won`,
      );
      if (lock.rows[0]?.won !== true) return { messages: 0, claims: 0, subscriptions: 0, queues: 0 };
      const result = await this.#collect();
      await leader.query(
        `SELECT pg_advisory_unlock(${GC_LOCK_CLASS}, quote_ident(current_schema())::regnamespace::oid::int)`,
      );
      return result;
    } catch (error) {
      // The lock ends with its connection. To ask for that would be to wait again for a server that does not answer.
      broken = true;
      throw translatePostgresError(error);
    } finally {
      leader.release(broken);
    }
  }

  async #collect(): Promise<GcResult> {
    const offset = this.#clock.offsetMs / 1000;
    const budget = { statements: MAX_STATEMENTS };
    const result: GcResult = {
      messages: await this.#untilDone(EXPIRED_MESSAGES, [offset], budget),
      claims: await this.#expiredClaims(offset, budget),
      subscriptions: await this.#untilDone(EXPIRED_SUBSCRIPTIONS, [offset], budget),
      queues: 0,
    };
    await this.#untilDone(OLD_IDEMPOTENCY_KEYS, [offset], budget);

    const ended = await this.#statements.read<{
      id: string;
      gone: boolean;
      due: boolean;
      upTo: string;
      purgedAt: string | null;
    }>(TO_COLLECT, [offset, this.#undoSeconds]);
    for (const queue of ended) {
      result.messages += await this.#untilDone(UNREACHABLE_MESSAGES, [queue.id, queue.upTo], budget);
      if (budget.statements <= 0) break;
      if (!queue.due) continue;
      if (queue.gone) {
        const [removed] = await this.#statements.write<{ freed: number }>(REMOVE_QUEUE, [queue.id]);
        result.queues += removed?.freed ?? 0;
      } else {
        await this.#statements.write(PURGE_DONE, [queue.id, queue.purgedAt]);
      }
    }

    await this.#statements.write(FOLD_COUNTS, []);
    for (const queueId of this.#counts.takeDoubted(RECOUNTS)) await this.#recount(queueId);
    await this.#recountOne();
    return result;
  }

  /** One long queue a collection, in turn. */
  async #recountOne(): Promise<void> {
    const [queue] = await this.#statements.read<{ id: string }>(LONG_QUEUE_AFTER, [this.#recounted]);
    this.#recounted = queue?.id ?? "0";
    if (queue !== undefined) await this.#recount(queue.id);
  }

  async #recount(queueId: string): Promise<void> {
    await this.#statements.write(RECOUNT, [queueId]).catch((error: unknown) => {
      // A queue too long to be counted in time keeps the counters it has.
      if (!hasCode(error, "DEADLINE_EXCEEDED")) throw error;
    });
  }

  async #expiredClaims(offset: number, budget: { statements: number }): Promise<number> {
    let freed = 0;
    let after = ["0", "00000000-0000-0000-0000-000000000000"];
    while (budget.statements > 0) {
      budget.statements -= 1;
      const [chunk] = await this.#statements.write<{ freed: number; queue: string; id: string }>(EXPIRED_CLAIMS, [
        offset,
        ...after,
      ]);
      if (chunk === undefined) break;
      freed += chunk.freed;
      after = [chunk.queue, chunk.id];
    }
    return freed;
  }

  async #untilDone(statement: Statement, values: readonly unknown[], budget: { statements: number }): Promise<number> {
    let freed = 0;
    while (budget.statements > 0) {
      budget.statements -= 1;
      const [batch] = await this.#statements.write<{ freed: number }>(statement, values);
      freed += batch?.freed ?? 0;
      if ((batch?.freed ?? 0) < BATCH) break;
    }
    return freed;
  }
}
