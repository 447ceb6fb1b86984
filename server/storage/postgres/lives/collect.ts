/** Frees events whose time is over, and what queues have kept that keep no lives any more. */
import { MAX_QUEUE_EVENTS } from "../../messages/message-life.ts";
import { CLOCK } from "../sql/fragments.ts";
import { withLockTimeout } from "../sql/lock-timeout.ts";
import { bool, int8 } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import type { Statements } from "../sql/statements.ts";
import { withTriggers } from "./triggers.ts";

/** Events a statement. */
export const LIFE_BATCH = 1000;
/** Events that one statement counts. */
const COUNT_BATCH = 100_000;

/** `ended`: the queue is deleted or has moved away. `keeps`: it is still among those that keep lives. */
const QUEUES = statement({
  name: "gc_life_queues",
  parameters: {},
  row: rowOf<{ queueId: string; ended: boolean; keeps: boolean }>(),
  text: `
    SELECT l.queue_id::text AS "queueId", (q.state IN ('live', 'moving')) IS NOT TRUE AS ended, l.seconds > 0 AS keeps
    FROM message_life_queues l LEFT JOIN LATERAL (
      SELECT q.state FROM pool_queues q WHERE q.id = l.queue_id LIMIT 1
    ) AS q ON true ORDER BY l.queue_id`,
});

const END = statement({
  name: "gc_life_end",
  parameters: { queueId: int8 },
  text: "UPDATE message_life_queues SET seconds = 0 WHERE queue_id = :queueId",
});

/**
 * Frees a batch of the queue's oldest events: those that are over, that an earlier time of keeping lives has left, or
 * that are too many. `all`: the queue keeps none any more. Events are counted once, when they are new.
 */
const FREE = statement({
  name: "gc_life_events",
  parameters: { queueId: int8, all: bool },
  row: rowOf<{ freed: number }>(),
  text: `
    WITH ${CLOCK},
    queue AS MATERIALIZED (SELECT l.* FROM message_life_queues l WHERE l.queue_id = :queueId),
    fresh AS MATERIALIZED (
      SELECT count(*) AS events, max(e.id) AS last FROM (
        SELECT e.id FROM message_events e
        WHERE e.queue_id = :queueId AND e.id > (SELECT l.counted_to FROM queue l) ORDER BY e.id LIMIT ${COUNT_BATCH}
      ) AS e
    ),
    oldest AS MATERIALIZED (
      SELECT e.tid, e.at, row_number() OVER (ORDER BY e.id) AS n FROM (
        SELECT e.ctid AS tid, e.at, e.id FROM message_events e WHERE e.queue_id = :queueId
        ORDER BY e.id LIMIT ${LIFE_BATCH}
      ) AS e
    ),
    freed AS (
      DELETE FROM message_events e WHERE e.ctid = ANY (ARRAY(
        SELECT o.tid FROM oldest o, queue l, fresh f, clock
        WHERE :all OR o.at < l.since OR o.at < clock.now - make_interval(secs => l.seconds)
          OR o.n <= l.events + f.events - ${MAX_QUEUE_EVENTS}
      )) RETURNING 1
    ),
    counted AS (
      UPDATE message_life_queues l SET counted_to = coalesce(f.last, l.counted_to),
        events = greatest(0, l.events + f.events - (SELECT count(*) FROM freed))
      FROM fresh f WHERE l.queue_id = :queueId
        AND (f.events > 0 OR EXISTS (SELECT 1 FROM freed))
    )
    SELECT count(*)::int AS freed FROM freed`,
});

const FORGET = statement({
  name: "gc_life_forget",
  parameters: { queueId: int8 },
  text: `
    DELETE FROM message_life_queues l WHERE l.queue_id = :queueId AND l.seconds = 0
      AND NOT EXISTS (SELECT 1 FROM message_events e WHERE e.queue_id = l.queue_id)`,
});

/** `untilDone` repeats a statement that frees LIFE_BATCH events at most, as often as the collection may. */
export async function collectLives(
  statements: Statements,
  untilDone: (freeBatch: () => Promise<{ freed: number }[]>) => Promise<number>,
): Promise<void> {
  const queues = await statements.read(QUEUES, {});
  const gone = queues.filter(({ ended, keeps }) => ended && keeps);
  if (gone.length > 0) {
    await withLockTimeout(statements, (transaction) =>
      withTriggers(transaction, async () => {
        for (const { queueId } of gone) await transaction.run(END, { queueId });
      }),
    );
  }
  for (const { queueId, ended, keeps } of queues) {
    const all = ended || !keeps;
    await untilDone(() => statements.write(FREE, { queueId, all }));
    if (all) await statements.write(FORGET, { queueId });
  }
}
