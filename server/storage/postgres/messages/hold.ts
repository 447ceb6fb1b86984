/** Holds messages for a transfer to another store, and lets them go. */
import type { MessageController } from "../../data-driver.ts";
import { NIL, normaliseUuid, validUuids } from "../../list-pages.ts";
import type { Pool } from "../pool.ts";
import { STALE } from "../queue-rows.ts";
import { int8Array, uuidArray } from "../sql/array-parameter.ts";
import { allOrNothing, CLOCK, LIVE_QUEUE } from "../sql/fragments.ts";
import { int8, uuid } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import { byNumber } from "./markers.ts";
import { ALIVE, UNCLAIMED } from "./rows.ts";

const PARAMETERS = { queueId: int8, epoch: int8, ids: uuidArray, markers: int8Array, holdId: uuid } as const;

/**
 * The messages come sorted by marker and are locked in that order, as in every delete, and are then found by their
 * `ctid`. A hold is what a claim does with a dead letter: `last_delivery` keeps the claim that it replaces. It has no
 * row among the claims. `condition`: which messages of `queue`; `changes`: what becomes of them.
 */
const holdText = (condition: string, changes: string) => `
    WITH ${CLOCK},
    queue AS MATERIALIZED (SELECT q.id, q.low_water, q.holds_moved FROM pool_queues q WHERE ${LIVE_QUEUE}),
    found AS MATERIALIZED (
      SELECT w.id, m.tid, m.lapsed FROM clock CROSS JOIN queue CROSS JOIN (
        SELECT i.id, (:markers::bigint[])[i.n] AS marker
        FROM unnest(:ids::uuid[]) WITH ORDINALITY AS i(id, n) OFFSET 0
      ) AS w CROSS JOIN LATERAL (
        SELECT m.ctid AS tid, m.claim_expires_at <= clock.now AND m.claim_id <> :holdId AS lapsed FROM messages m
        WHERE m.queue_id = queue.id AND m.marker = CASE
            WHEN queue.holds_moved
            THEN coalesce(
              (SELECT o.marker FROM messages o WHERE o.queue_id = queue.id AND o.origin_id = w.id), w.marker)
            ELSE w.marker END
          AND ${ALIVE} AND (m.origin_id IS NULL OR m.origin_id = w.id)
          AND ${condition}
        FOR UPDATE
      ) AS m
    ),
    changed AS (
      UPDATE messages m SET ${changes}
      FROM clock WHERE m.ctid = ANY (ARRAY(SELECT f.tid FROM found f)) RETURNING 1
    )
    SELECT (SELECT string_agg(f.id::text, ',') FROM found f) AS ids,
      (SELECT count(*)::int FROM found f WHERE f.lapsed) AS lapsed,
      ${allOrNothing("SELECT count(*) FROM changed", "SELECT count(*) FROM found")}
    FROM queue`;

const HOLD = statement({
  name: "message_hold",
  parameters: { ...PARAMETERS, seconds: int8 },
  row: rowOf<{ ids: string | null; lapsed: number }>(),
  text: holdText(
    `m.marker > queue.low_water AND (${UNCLAIMED} OR m.claim_id = :holdId)`,
    `claim_id = :holdId, claim_expires_at = clock.now + :seconds::bigint * interval '1 second',
        last_delivery = CASE WHEN m.claim_id = :holdId THEN m.last_delivery
          ELSE coalesce(m.last_delivery, m.claim_id, '${NIL}') END`,
  ),
});

/** Purged ones, too: the purge may be taken back. */
const LET_GO = statement({
  name: "message_let_go",
  parameters: PARAMETERS,
  row: rowOf<{ ids: string | null; lapsed: number }>(),
  text: holdText(
    "m.claim_id = :holdId AND m.claim_expires_at > clock.now",
    `claim_id = nullif(m.last_delivery, '${NIL}'), claim_expires_at = NULL, last_delivery = NULL`,
  ),
});

export function holdMessages(pool: Pool): MessageController["hold"] {
  const { statements, queues, counters, scanHints, arrivals, ids: messageIds } = pool;
  return async ({ queue, ids, holdId, seconds }) => {
    const hold = normaliseUuid(holdId);
    const wanted = [...new Set(validUuids(ids))]
      .map((id) => ({ id, marker: messageIds.markerOf(id) }))
      .sort((a, b) => byNumber(a.marker ?? "0", b.marker ?? "0") || (a.id < b.id ? -1 : 1));
    if (hold === null || wanted.length === 0) return [];
    return queues.with(queue, async (row) => {
      const parameters = {
        queueId: row.id,
        epoch: row.epoch,
        ids: wanted.map(({ id }) => id),
        markers: wanted.map(({ marker }) => marker),
        holdId: hold,
      };
      const [result] =
        seconds > 0
          ? await statements.write(HOLD, { ...parameters, seconds })
          : await statements.write(LET_GO, parameters);
      if (result === undefined) return STALE;
      const found = result.ids?.split(",") ?? [];
      counters.add(row.id, "lapsed", result.lapsed);
      if (seconds === 0 && found.length > 0) {
        scanHints.reset(row);
        arrivals.tell(queue, found.length);
      }
      return found;
    });
  };
}
