/** Frees what purges, deletions and ends of queues left behind, once they cannot be taken back. */
import type { GcResult } from "../driver-health.ts";
import { BATCH, type Budget, eachStep, freeKeys, ONCE_NOW, untilDone } from "./gc-steps.ts";
import { deletes } from "./lives/triggers.ts";
import { float8, int8, orNull, text } from "./sql/parameter-types.ts";
import { rowOf, statement } from "./sql/statement.ts";
import type { Statements } from "./sql/statements.ts";

const KEYS_OF_ENDED_QUEUE = statement({
  name: "gc_keys_of_ended_queue",
  parameters: { queueId: int8 },
  row: rowOf<{ freed: number }>(),
  text: freeKeys("k.queue_id = :queueId"),
});

/** Messages up to `upTo` are unreachable. `ended`: detached or moved away, so that the queue's row goes too. */
interface Unreachable {
  ended: boolean;
  upTo: string;
  purgedAt: string | null;
}

const UNREACHABLE = `
  q.state IN ('detached', 'moved') AS ended, q.purged_at::text AS "purgedAt",
  CASE WHEN q.state IN ('detached', 'moved') THEN 9223372036854775807 ELSE q.low_water END::text AS "upTo"`;

const IS_DUE = `coalesce(q.detached_at, q.purged_at) <= ${ONCE_NOW} - make_interval(secs => :undoSeconds::float8)`;

/**
 * Queues whose purge or end is past its undo window. For a queue purged twice within it: messages older than the first
 * purge. Only the last purge can be undone, and a queue that is purged more often than that would never be freed.
 */
const TO_COLLECT = statement({
  name: "gc_queues_to_collect",
  parameters: { undoSeconds: float8 },
  row: rowOf<{ id: string; due: boolean; before: string }>(),
  text: `
    SELECT d.id::text, d.due, coalesce(d.undo_low_water, 0)::text AS before
    FROM (
      SELECT q.*, ${IS_DUE} AS due FROM pool_queues q WHERE q.state <> 'live' OR q.purged_at IS NOT NULL
    ) AS d
    WHERE d.due OR (d.state = 'live' AND d.undo_low_water > 0)
    ORDER BY d.due DESC, d.id LIMIT 100`,
});

/**
 * Ends the undo window of a queue that is due, and says what may be freed. No row: it is due no more, because what was
 * removed was brought back just now.
 */
const END_UNDO = statement({
  name: "gc_end_undo",
  parameters: { queueId: int8, undoSeconds: float8 },
  row: rowOf<Unreachable>(),
  text: `
    UPDATE pool_queues q SET undo_token = NULL
    WHERE q.id = :queueId AND (q.state <> 'live' OR q.purged_at IS NOT NULL) AND ${IS_DUE}
    RETURNING ${UNREACHABLE}`,
});

/** Longer than any call takes, so that none brings back a part of what was deleted. */
const UNDO_GRACE = 60;

/** What a job deletes under one token is kept until the last of it is old. */
const OLD_DELETED_MESSAGES = statement({
  name: "gc_deleted_messages",
  parameters: { undoSeconds: float8 },
  row: rowOf<{ freed: number }>(),
  text: `
    WITH bound AS MATERIALIZED (
      SELECT ${ONCE_NOW} - make_interval(secs => :undoSeconds::float8 + ${UNDO_GRACE}) AS at
    ),
    kept AS MATERIALIZED (
      SELECT DISTINCT d.queue_id, d.token FROM deleted_messages d WHERE d.deleted_at > (SELECT b.at FROM bound b)
    ),
    old AS MATERIALIZED (
      SELECT d.ctid AS tid FROM deleted_messages d
      WHERE d.deleted_at <= (SELECT b.at FROM bound b)
        AND NOT EXISTS (SELECT 1 FROM kept k WHERE k.queue_id = d.queue_id AND k.token = d.token)
      ORDER BY d.deleted_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
    ),
    freed AS (DELETE FROM deleted_messages d WHERE d.ctid = ANY (ARRAY(SELECT o.tid FROM old o)) RETURNING 1)
    SELECT count(*)::int AS freed FROM freed`,
});

const UNREACHABLE_MESSAGES = statement({
  name: "gc_unreachable_messages",
  parameters: { queueId: int8, upTo: int8 },
  row: rowOf<{ freed: number }>(),
  text: `${deletes("unreachable")}
    WITH unreachable AS MATERIALIZED (
      SELECT ctid AS tid FROM messages WHERE queue_id = :queueId AND marker <= :upTo
      ORDER BY marker LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
    ),
    freed AS (DELETE FROM messages m WHERE m.ctid = ANY (ARRAY(SELECT u.tid FROM unreachable u)) RETURNING 1)
    SELECT count(*)::int AS freed FROM freed`,
});

/**
 * Only once it holds nothing: a post that was under way when the queue ended may have come late. Its keys were deleted
 * before in batches, but for those of such late calls.
 */
const REMOVE_QUEUE = statement({
  name: "gc_remove_queue",
  parameters: { queueId: int8 },
  row: rowOf<{ freed: number }>(),
  text: `
    WITH removed AS (
      DELETE FROM pool_queues q
      WHERE q.id = :queueId AND q.state IN ('detached', 'moved')
        AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.queue_id = q.id)
      RETURNING q.id
    ),
    claims_deleted AS (DELETE FROM claims c USING removed r WHERE c.queue_id = r.id),
    counts_deleted AS (DELETE FROM queue_counts c USING removed r WHERE c.queue_id = r.id),
    totals_deleted AS (DELETE FROM queue_totals t USING removed r WHERE t.queue_id = r.id),
    keys_deleted AS (DELETE FROM idempotency_keys k USING removed r WHERE k.queue_id = r.id)
    SELECT count(*)::int AS freed FROM removed`,
});

const PURGE_DONE = statement({
  name: "gc_purge_done",
  parameters: { queueId: int8, purgedAt: orNull(text) },
  text: `
    UPDATE pool_queues SET purged_at = NULL, undo_low_water = NULL
    WHERE id = :queueId AND purged_at = :purgedAt::timestamptz`,
});

/** Adds to the result. */
export async function collectRemoved(
  statements: Statements,
  { undoSeconds, budget, result }: { undoSeconds: number; budget: Budget; result: GcResult },
): Promise<void> {
  const free = async (queueId: string, upTo: string) => {
    result.messages += await untilDone(budget, () => statements.write(UNREACHABLE_MESSAGES, { queueId, upTo }));
  };
  const queues = await statements.read(TO_COLLECT, { undoSeconds });
  const ofQueues = queues.map(({ id: queueId, due, before }) => async () => {
    if (budget.statements <= 0) return;
    if (!due) return free(queueId, before);
    const [unreachable] = await statements.write(END_UNDO, { queueId, undoSeconds });
    if (unreachable === undefined) return;
    const { ended, upTo, purgedAt } = unreachable;
    await free(queueId, upTo);
    if (ended) await untilDone(budget, () => statements.write(KEYS_OF_ENDED_QUEUE, { queueId }), 1);
    if (budget.statements <= 0) return;
    if (ended) {
      const [removed] = await statements.write(REMOVE_QUEUE, { queueId });
      result.queues += removed?.freed ?? 0;
    } else {
      await statements.write(PURGE_DONE, { queueId, purgedAt });
    }
  });
  // One that fails keeps no other from its turn.
  await eachStep([
    ...ofQueues,
    async () => void (await untilDone(budget, () => statements.write(OLD_DELETED_MESSAGES, { undoSeconds }))),
  ]);
}
