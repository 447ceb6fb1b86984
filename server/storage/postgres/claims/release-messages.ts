/** Releases single messages of a claim: they are ready at once, or later. */
import type { ClaimController } from "../../data-driver.ts";
import { othersHold } from "../../errors/delete-errors.ts";
import { NIL, normaliseUuid, validUuids } from "../../list-pages.ts";
import { byNumber } from "../messages/markers.ts";
import { ALIVE } from "../messages/rows.ts";
import type { Pool } from "../pool.ts";
import { STALE } from "../queue-rows.ts";
import { int8Array, uuidArray } from "../sql/array-parameter.ts";
import { allOrNothing, CLOCK, LIVE_QUEUE } from "../sql/fragments.ts";
import { int8, uuid } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";

/**
 * The messages come sorted by marker and are locked in that order, so that no two statements deadlock. Each is judged
 * as it is once locked, which makes the claim's id a fencing token, and is then found by its `ctid`. `others`: ids of
 * those that another claim holds. Only a queue that took in messages from elsewhere looks an id up before it takes the
 * id for a sealed marker.
 */
const RELEASE_MESSAGES = statement({
  name: "claim_release_messages",
  parameters: {
    queueId: int8,
    epoch: int8,
    claimId: uuid,
    ids: uuidArray,
    markers: int8Array,
    delaySeconds: int8,
  },
  row: rowOf<{ released: number; others: string | null }>(),
  text: `
    WITH ${CLOCK},
    queue AS MATERIALIZED (SELECT q.id, q.low_water, q.holds_moved FROM pool_queues q WHERE ${LIVE_QUEUE}),
    held AS MATERIALIZED (
      SELECT w.id, m.tid, m.claim_id = :claimId AS mine FROM clock CROSS JOIN queue CROSS JOIN (
        SELECT i.id, (:markers::bigint[])[i.n] AS marker
        FROM unnest(:ids::uuid[]) WITH ORDINALITY AS i(id, n) OFFSET 0
      ) AS w CROSS JOIN LATERAL (
        SELECT m.ctid AS tid, m.claim_id FROM messages m
        WHERE m.queue_id = queue.id AND m.marker = CASE
            WHEN queue.holds_moved
            THEN coalesce(
              (SELECT o.marker FROM messages o WHERE o.queue_id = queue.id AND o.origin_id = w.id), w.marker)
            ELSE w.marker END
          AND m.marker > queue.low_water AND (m.origin_id IS NULL OR m.origin_id = w.id)
          AND m.claim_expires_at > clock.now AND ${ALIVE}
        FOR UPDATE
      ) AS m
    ),
    released AS (
      UPDATE messages m SET claim_id = NULL, claim_expires_at = NULL,
        available_at = CASE WHEN :delaySeconds::bigint > 0
          THEN (SELECT c.now FROM clock c) + :delaySeconds::bigint * interval '1 second' ELSE m.available_at END
      WHERE m.ctid = ANY (ARRAY(SELECT h.tid FROM held h WHERE (SELECT bool_and(a.mine) FROM held a)))
      RETURNING 1
    )
    SELECT (SELECT count(*)::int FROM released) AS released,
      (SELECT string_agg(h.id::text, ',') FROM held h WHERE NOT h.mine) AS others,
      ${allOrNothing(
        "SELECT count(*) FROM released",
        "SELECT count(*) FROM held h WHERE (SELECT bool_and(a.mine) FROM held a)",
      )}
    FROM queue`,
});

export function releaseMessages(pool: Pool): ClaimController["releaseMessages"] {
  const { statements, queues, counters, scanHints, arrivals, reaper, ids: messageIds } = pool;
  return async ({ queue, claimId, ids, delaySeconds }) => {
    const claim = normaliseUuid(claimId);
    const wanted = [...new Set(validUuids(ids))]
      .map((id) => ({ id, marker: messageIds.markerOf(id) }))
      .sort((a, b) => byNumber(a.marker ?? "0", b.marker ?? "0") || (a.id < b.id ? -1 : 1));
    return queues.with(queue, async (row) => {
      const [result] = await statements.write(RELEASE_MESSAGES, {
        queueId: row.id,
        epoch: row.epoch,
        // No claim has this id.
        claimId: claim ?? NIL,
        ids: wanted.map(({ id }) => id),
        markers: wanted.map(({ marker }) => marker),
        delaySeconds,
      });
      if (result === undefined) return STALE;
      if (result.others !== null) throw othersHold(result.others.split(","));
      if (result.released === 0) return 0;
      counters.add(row.id, "released", result.released);
      if (claim !== null) reaper.add(row.id, claim);
      if (delaySeconds === 0) {
        scanHints.reset(row);
        arrivals.tell(queue, result.released);
      }
      return result.released;
    });
  };
}
