/** Takes messages away for good. */
import { carriedBytes, type MessageController } from "../../data-driver.ts";
import type { Pool } from "../pool.ts";
import { STALE } from "../queue-rows.ts";
import { allThatFit, CLOCK, LIVE_QUEUE } from "../sql/fragments.ts";
import { int8, orNull } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import { ALIVE, DUE, deliverable, type MaybeMessageRow, MESSAGE_COLUMNS, readMessages, UNCLAIMED } from "./rows.ts";

const POP = statement({
  name: "message_pop",
  parameters: {
    queueId: int8,
    epoch: int8,
    lowWater: int8,
    limit: int8,
    maxBytes: int8,
    exhaustedFrom: orNull(int8),
  },
  /** `locked`: see allThatFit. */
  row: rowOf<MaybeMessageRow & { locked: number }>(),
  text: `
    WITH ${CLOCK},
    queue AS MATERIALIZED (
      SELECT q.id, greatest(q.low_water, :lowWater::bigint) AS low_water FROM pool_queues q WHERE ${LIVE_QUEUE}
    ),
    picked AS MATERIALIZED (
      SELECT p.tid, sum(p.size) OVER r <= :maxBytes::bigint OR row_number() OVER r = 1 AS fits FROM (
        SELECT m.ctid AS tid, m.marker, octet_length(m.body) AS size FROM messages m, clock
        WHERE m.queue_id = :queueId AND m.marker > (SELECT low_water FROM queue) AND ${ALIVE} AND ${DUE}
          AND ${UNCLAIMED} AND ${deliverable(":exhaustedFrom::bigint")}
        ORDER BY m.marker LIMIT :limit FOR UPDATE OF m SKIP LOCKED
      ) AS p WINDOW r AS (ORDER BY p.marker ROWS UNBOUNDED PRECEDING)
    ),
    popped AS (
      DELETE FROM messages m USING clock WHERE m.ctid = ANY (ARRAY(SELECT p.tid FROM picked p WHERE p.fits))
      RETURNING m.marker AS position, ${MESSAGE_COLUMNS}
    )
    SELECT p.*, ${allThatFit("popped", "picked")}
    FROM queue q LEFT JOIN popped p ON true ORDER BY p.position`,
});

export function popMessages(pool: Pool): MessageController["pop"] {
  const { statements, queues, counters, ids, lowWater, exhaustedFronts, byteBounds } = pool;
  return ({ queue, limit, exhaustedFrom = null, ...params }) => {
    const maxBytes = carriedBytes(params.maxBytes);
    return queues.with(queue, async (row) => {
      const from = exhaustedFronts.startOf(row, exhaustedFrom);
      const rows = await statements.write(POP, {
        queueId: row.id,
        epoch: row.epoch,
        lowWater: from,
        limit: await byteBounds.fitting(row, limit, maxBytes, { from, exhaustedFrom }),
        maxBytes,
        exhaustedFrom,
      });
      const [first] = rows;
      if (first === undefined) return STALE;
      const popped = readMessages(rows, ids);
      byteBounds.learn(row, first.locked, popped.length);
      counters.add(row.id, "deleted", popped.length);
      lowWater.refresh(row, popped.length);
      exhaustedFronts.refresh(row, exhaustedFrom);
      return popped;
    });
  };
}
