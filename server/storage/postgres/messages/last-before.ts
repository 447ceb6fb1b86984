/** Finds where in a queue a time is. */
import { LIVE_QUEUE } from "../sql/fragments.ts";
import { int8, text } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";

/**
 * The highest marker at or below which all messages were created before `:time`, by halving: times grow with markers.
 * Each probe looks at the first message behind the middle. If that one is older, all up to it are. No row: the queue is
 * deleted or has another epoch.
 */
export const LAST_BEFORE = statement({
  name: "message_last_before",
  parameters: { queueId: int8, epoch: int8, lowWater: int8, time: text },
  row: rowOf<{ marker: string }>(),
  text: `
    WITH RECURSIVE queue AS MATERIALIZED (
      SELECT q.id, greatest(q.low_water, :lowWater::bigint) AS low, (
        SELECT m.marker FROM messages m WHERE m.queue_id = q.id ORDER BY m.marker DESC LIMIT 1
      ) AS newest FROM pool_queues q WHERE ${LIVE_QUEUE}
    ),
    probe AS (
      SELECT q.id, q.low, greatest(q.newest, q.low) AS high FROM queue q
      UNION ALL
      SELECT p.id, CASE WHEN m.created_at < :time::timestamptz THEN m.marker ELSE p.low END,
        CASE WHEN m.created_at < :time::timestamptz THEN p.high ELSE p.low + (p.high - p.low) / 2 END
      FROM probe p LEFT JOIN LATERAL (
        SELECT m.marker, m.created_at FROM messages m
        WHERE m.queue_id = p.id AND m.marker > p.low + (p.high - p.low) / 2 ORDER BY m.marker LIMIT 1
      ) AS m ON true
      WHERE p.low < p.high
    )
    SELECT p.low::text AS marker FROM probe p WHERE p.low >= p.high`,
});

/** The years that both `Date` and PostgreSQL write with four digits. */
const [FIRST_INSTANT, LAST_INSTANT] = [Date.parse("0001-01-01T00:00:00Z"), Date.parse("9999-12-31T23:59:59.999Z")];

/** As PostgreSQL reads it. No message is from another year, so an instant outside of them is the nearest one inside. */
export function timestamp(instant: Date): string {
  return new Date(Math.min(Math.max(instant.getTime(), FIRST_INSTANT), LAST_INSTANT)).toISOString();
}
