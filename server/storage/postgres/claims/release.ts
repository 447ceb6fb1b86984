/** Releases a claim: its messages are ready at once. */
import type { ClaimController } from "../../data-driver.ts";
import { normaliseUuid } from "../../list-pages.ts";
import { ALIVE } from "../messages/rows.ts";
import type { Pool } from "../pool.ts";
import { STALE } from "../queue-rows.ts";
import { allOrNothing, CLOCK, LIVE_QUEUE } from "../sql/fragments.ts";
import { int8, orNull, uuid } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";

/** Messages are locked in the order of their markers, then the claim's row: so does every statement that locks both. */
const RELEASE = statement({
  name: "claim_release",
  parameters: { queueId: int8, epoch: int8, id: orNull(uuid) },
  row: rowOf<{ released: number }>(),
  text: `
    WITH ${CLOCK},
    queue AS MATERIALIZED (SELECT q.id, q.low_water FROM pool_queues q WHERE ${LIVE_QUEUE}),
    held AS MATERIALIZED (
      SELECT m.tid FROM clock CROSS JOIN (
        SELECT c.queue_id, c.id, t.marker, q.low_water FROM queue q CROSS JOIN LATERAL (
          SELECT c.queue_id, c.id, c.markers FROM claims c WHERE c.queue_id = q.id AND c.id = :id LIMIT 1
        ) AS c CROSS JOIN LATERAL unnest(c.markers) AS t(marker)
        ORDER BY t.marker OFFSET 0
      ) AS c CROSS JOIN LATERAL (
        SELECT m.ctid AS tid FROM messages m
        WHERE m.queue_id = c.queue_id AND m.marker = c.marker AND m.marker > c.low_water
          AND m.claim_id = c.id AND m.claim_expires_at > clock.now AND ${ALIVE}
        FOR UPDATE
      ) AS m
    ),
    released AS (
      UPDATE messages m SET claim_id = NULL, claim_expires_at = NULL
      WHERE m.ctid = ANY (ARRAY(SELECT h.tid FROM held h))
      RETURNING 1
    ),
    tally AS MATERIALIZED (SELECT count(*)::int AS messages FROM released),
    deleted AS (
      DELETE FROM claims c
      WHERE c.queue_id = :queueId AND c.id = :id AND EXISTS (SELECT 1 FROM queue)
        AND (SELECT t.messages FROM tally t) >= 0
    )
    SELECT tally.messages AS released, ${allOrNothing("SELECT t.messages FROM tally t", "SELECT count(*) FROM held")}
    FROM queue, tally`,
});

export function releaseClaim({ statements, queues, counters, scanHints, arrivals }: Pool): ClaimController["delete"] {
  return async ({ queue, id }) => {
    await queues.with(queue, async (row) => {
      const [result] = await statements.write(RELEASE, { queueId: row.id, epoch: row.epoch, id: normaliseUuid(id) });
      if (result === undefined) return STALE;
      counters.add(row.id, "released", result.released);
      scanHints.reset(row);
      arrivals.tell(queue, result.released);
      return undefined;
    });
  };
}
