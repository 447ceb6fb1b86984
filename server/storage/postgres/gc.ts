/** Frees what nobody can see any more. */
import type { GcResult } from "../driver-health.ts";
import { KEY_SECONDS, POP_KEY_SECONDS } from "../idempotency.ts";
import { NIL } from "../list-pages.ts";
import { collectRemoved } from "./gc-removed.ts";
import { BATCH, type Budget, eachStep, freeKeys, ONCE_NOW, untilDone } from "./gc-steps.ts";
import { IS_POP } from "./idempotency.ts";
import { collectLives, LIFE_BATCH } from "./lives/collect.ts";
import { deletes } from "./lives/triggers.ts";
import { OLDEST_MINUTE } from "./messages/kept-pops.ts";
import { SlowRecount } from "./messages/slow-recount.ts";
import type { Pool } from "./pool.ts";
import { translatePostgresError } from "./sql/connection.ts";
import { CLOCK } from "./sql/fragments.ts";
import { int8, uuid } from "./sql/parameter-types.ts";
import { rowOf, statement } from "./sql/statement.ts";

/** Statements a collection: the rest is left to the next one. */
const MAX_STATEMENTS = 2000;
/** The class of gc's advisory lock ("gc" in ASCII); the other number is the schema, so each pool has one leader. */
const GC_LOCK = `${0x6763}, quote_ident(current_schema())::regnamespace::oid::int`;

/**
 * Deletes a batch of expired rows. A row for each queue: how many were freed, how many of these expired in it, and how
 * many of those lapsed. A purge has counted what it removed.
 */
const EXPIRED_MESSAGES = statement({
  name: "gc_messages",
  parameters: {},
  row: rowOf<{ queueId: string; freed: number; expired: number; lapsed: number }>(),
  text: `${deletes("expired")}
    WITH expired AS MATERIALIZED (
      SELECT ctid AS tid FROM messages WHERE expires_at <= ${ONCE_NOW} ORDER BY expires_at LIMIT ${BATCH}
      FOR UPDATE SKIP LOCKED
    ),
    freed AS (
      DELETE FROM messages m WHERE m.ctid = ANY (ARRAY(SELECT e.tid FROM expired e))
      RETURNING m.queue_id, m.marker, m.claim_expires_at IS NOT NULL AS lapsed
    )
    SELECT f.queue_id::text AS "queueId", count(*)::int AS freed, count(q.id)::int AS expired,
      count(q.id) FILTER (WHERE f.lapsed)::int AS lapsed
    FROM freed f LEFT JOIN pool_queues q ON q.id = f.queue_id AND q.state = 'live' AND f.marker > q.low_water
    GROUP BY f.queue_id`,
});

/** Markers of expired claims that one statement looks up. A claim more may come on top. */
const HELD_BATCH = 5 * BATCH;

/**
 * Claims have no index by expiry, which each claim would pay for: gc walks them by their key. Most are deleted before,
 * with the last message that they held.
 *
 * The messages that an expired claim still holds lapsed. A message that lapsed keeps the time at which its claim
 * expired until it is counted, so that only one counts it: gc, or whoever next claims, pops or deletes it.
 * `lapsed`: queue:messages, with commas.
 */
const EXPIRED_CLAIMS = statement({
  name: "gc_claims",
  parameters: { afterQueueId: int8, afterId: uuid },
  /** The last claim that was looked at. No row: there are no more. */
  row: rowOf<{ freed: number; lapsed: string | null; queueId: string; id: string }>(),
  text: `
    WITH chunk AS MATERIALIZED (
      SELECT k.* FROM (
        SELECT c.*, sum(c.size) OVER (ORDER BY c.queue_id, c.id ROWS UNBOUNDED PRECEDING) - c.size AS before FROM (
          SELECT queue_id, id, expires_at, CASE WHEN expires_at <= ${ONCE_NOW} THEN cardinality(markers) ELSE 0 END AS size
          FROM claims WHERE (queue_id, id) > (:afterQueueId::bigint, :afterId::uuid)
          ORDER BY queue_id, id LIMIT ${5 * BATCH}
        ) AS c
      ) AS k WHERE k.before < ${HELD_BATCH}
    ),
    expired AS MATERIALIZED (
      SELECT c.* FROM chunk k CROSS JOIN LATERAL (
        SELECT c.ctid AS tid, c.queue_id, c.id, c.markers FROM claims c
        WHERE c.queue_id = k.queue_id AND c.id = k.id AND c.expires_at <= ${ONCE_NOW} FOR UPDATE SKIP LOCKED
      ) AS c
      WHERE k.expires_at <= ${ONCE_NOW}
    ),
    held AS MATERIALIZED (
      SELECT m.tid FROM expired e
      JOIN pool_queues q ON q.id = e.queue_id AND q.state = 'live'
      CROSS JOIN LATERAL unnest(e.markers) AS t(marker) CROSS JOIN LATERAL (
        SELECT m.ctid AS tid FROM messages m
        WHERE m.queue_id = e.queue_id AND m.marker = t.marker AND m.marker > q.low_water AND m.claim_id = e.id
          AND m.claim_expires_at <= ${ONCE_NOW}
        FOR UPDATE SKIP LOCKED
      ) AS m
    ),
    lapsed AS (
      UPDATE messages m SET claim_expires_at = NULL WHERE m.ctid = ANY (ARRAY(SELECT h.tid FROM held h))
      RETURNING m.queue_id
    ),
    freed AS (DELETE FROM claims c WHERE c.ctid = ANY (ARRAY(SELECT e.tid FROM expired e)) RETURNING 1)
    SELECT (SELECT count(*)::int FROM freed) AS freed, (
        SELECT string_agg(l.queue_id || ':' || l.messages, ',')
        FROM (SELECT queue_id, count(*) AS messages FROM lapsed GROUP BY queue_id) AS l
      ) AS lapsed, last.queue_id::text AS "queueId", last.id::text AS id
    FROM (SELECT queue_id, id FROM chunk ORDER BY queue_id DESC, id DESC LIMIT 1) AS last`,
});

const EXPIRED_SUBSCRIPTIONS = statement({
  name: "gc_subscriptions",
  parameters: {},
  row: rowOf<{ freed: number }>(),
  text: `
    WITH expired AS MATERIALIZED (
      SELECT ctid AS tid FROM subscriptions WHERE expires_at <= ${ONCE_NOW} LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
    ),
    freed AS (DELETE FROM subscriptions s WHERE s.ctid = ANY (ARRAY(SELECT e.tid FROM expired e)) RETURNING 1)
    SELECT count(*)::int AS freed FROM freed`,
});

const OLD_IDEMPOTENCY_KEYS = statement({
  name: "gc_idempotency_keys",
  parameters: {},
  row: rowOf<{ freed: number }>(),
  text: `
    WITH old AS MATERIALIZED (
      SELECT k.ctid AS tid FROM idempotency_keys k
      WHERE NOT ${IS_POP} AND k.created_at <= ${ONCE_NOW} - interval '${KEY_SECONDS} seconds'
      LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
    ),
    freed AS (DELETE FROM idempotency_keys k WHERE k.ctid = ANY (ARRAY(SELECT o.tid FROM old o)) RETURNING 1)
    SELECT count(*)::int AS freed FROM freed`,
});

const OLD_POP_KEYS = statement({
  name: "gc_pop_keys",
  parameters: {},
  row: rowOf<{ freed: number }>(),
  text: freeKeys(`${IS_POP} AND k.created_at <= ${ONCE_NOW} - interval '${POP_KEY_SECONDS} seconds'`),
});

const OLD_KEPT_POP_BYTES = statement({
  name: "gc_kept_pop_bytes",
  parameters: {},
  row: rowOf<{ freed: number }>(),
  text: `
    WITH ${CLOCK},
    old AS MATERIALIZED (
      SELECT b.ctid AS tid FROM kept_pop_bytes b
      WHERE b.minute < (SELECT ${OLDEST_MINUTE} FROM clock) LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
    ),
    freed AS (DELETE FROM kept_pop_bytes b WHERE b.ctid = ANY (ARRAY(SELECT o.tid FROM old o)) RETURNING 1)
    SELECT count(*)::int AS freed FROM freed`,
});

/** Makes one row of the counts that were appended for a queue. */
const FOLD_COUNTS = statement({
  name: "gc_fold_counts",
  parameters: {},
  text: `
    WITH crowded AS MATERIALIZED (
      SELECT queue_id FROM queue_counts GROUP BY queue_id HAVING count(*) > 1 LIMIT ${BATCH}
    ),
    folded AS (DELETE FROM queue_counts c USING crowded f WHERE c.queue_id = f.queue_id RETURNING c.*)
    INSERT INTO queue_counts (queue_id, posted, deleted, expired)
    SELECT queue_id, sum(posted), sum(deleted), sum(expired) FROM folded GROUP BY queue_id`,
});

/**
 * Collects in small batches, each of which stands alone: killed at any point it leaves nothing half done. One leader
 * per pool at a time; the others collect nothing.
 */
export class GarbageCollector {
  readonly #pool: Pool;
  readonly #undoSeconds: number;
  readonly #recount: SlowRecount;

  constructor(pool: Pool, undoSeconds: number) {
    this.#pool = pool;
    this.#undoSeconds = undoSeconds;
    this.#recount = new SlowRecount(pool.statements, pool.counters);
  }

  async collect(): Promise<GcResult> {
    const leader = await this.#pool.statements.connections.connect().catch((error: unknown) => {
      throw translatePostgresError(error);
    });
    let broken = false;
    try {
      const lock = await leader.query<{ won: boolean }>(`SELECT pg_try_advisory_lock(${GC_LOCK}) AS won`);
      if (lock.rows[0]?.won !== true) return { messages: 0, claims: 0, subscriptions: 0, queues: 0 };
      const result = await this.#collect();
      await leader.query(`SELECT pg_advisory_unlock(${GC_LOCK})`);
      return result;
    } catch (error) {
      // The lock ends with its connection. To release it would be to wait again for a server that does not answer.
      broken = true;
      throw translatePostgresError(error);
    } finally {
      leader.release(broken);
    }
  }

  async #collect(): Promise<GcResult> {
    const { statements } = this.#pool;
    const budget = { statements: MAX_STATEMENTS };
    const result: GcResult = { messages: 0, claims: 0, subscriptions: 0, queues: 0 };
    await eachStep([
      async () => {
        result.messages += await untilDone(budget, () => this.#expiredMessages());
      },
      async () => {
        result.claims += await this.#expiredClaims(budget);
      },
      async () => {
        result.subscriptions += await untilDone(budget, () => statements.write(EXPIRED_SUBSCRIPTIONS, {}));
      },
      () => untilDone(budget, () => statements.write(OLD_POP_KEYS, {}), 1),
      () => untilDone(budget, () => statements.write(OLD_KEPT_POP_BYTES, {})),
      () => untilDone(budget, () => statements.write(OLD_IDEMPOTENCY_KEYS, {})),
      () => collectRemoved(statements, { undoSeconds: this.#undoSeconds, budget, result }),
      () => collectLives(statements, (freeBatch) => untilDone(budget, freeBatch, LIFE_BATCH)),
      () => statements.write(FOLD_COUNTS, {}),
      () => this.#recount.goOn(),
    ]);
    return result;
  }

  async #expiredMessages(): Promise<{ freed: number }[]> {
    const { statements, counters } = this.#pool;
    let total = 0;
    for (const { queueId, freed, expired, lapsed } of await statements.write(EXPIRED_MESSAGES, {})) {
      total += freed;
      counters.add(queueId, "expired", expired);
      counters.add(queueId, "lapsed", lapsed);
    }
    return [{ freed: total }];
  }

  async #expiredClaims(budget: Budget): Promise<number> {
    const { counters } = this.#pool;
    let freed = 0;
    let after = { afterQueueId: "0", afterId: NIL };
    while (budget.statements > 0) {
      budget.statements -= 1;
      const [chunk] = await this.#pool.statements.write(EXPIRED_CLAIMS, after);
      if (chunk === undefined) break;
      freed += chunk.freed;
      for (const counted of chunk.lapsed?.split(",") ?? []) {
        const [queueId, messages] = counted.split(":") as [string, string];
        counters.add(queueId, "lapsed", Number(messages));
      }
      after = { afterQueueId: chunk.queueId, afterId: chunk.id };
    }
    return freed;
  }
}
