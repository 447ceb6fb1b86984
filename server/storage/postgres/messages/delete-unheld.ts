/** Deletes those of some messages that no live claim holds, and names the others. */
import { int8Array, uuidArray } from "../sql/array-parameter.ts";
import { allOrNothing, CLOCK, LIVE_QUEUE } from "../sql/fragments.ts";
import { int8, uuid } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import { type Deletion, FOR_GOOD, KEPT } from "../undo/deleted-messages.ts";
import { ALIVE } from "./rows.ts";

/**
 * The messages come sorted by marker and are locked in that order, as in every delete. Each is judged as it is once
 * locked, and is then found by its `ctid`. No row: the queue is deleted or has another epoch. `left`: ids, with commas.
 */
const deleteUnheldText = ({ returning, after }: Deletion) => `
    WITH ${CLOCK},
    queue AS MATERIALIZED (SELECT q.id, q.low_water, q.holds_moved FROM pool_queues q WHERE ${LIVE_QUEUE}),
    named AS MATERIALIZED (
      SELECT w.id, m.tid, m.held, m.lapsed FROM clock CROSS JOIN queue CROSS JOIN (
        SELECT i.id, (:markers::bigint[])[i.n] AS marker
        FROM unnest(:ids::uuid[]) WITH ORDINALITY AS i(id, n) OFFSET 0
      ) AS w CROSS JOIN LATERAL (
        SELECT m.ctid AS tid, m.claim_expires_at > clock.now IS TRUE AS held, m.claim_expires_at <= clock.now AS lapsed
        FROM messages m
        WHERE m.queue_id = queue.id AND m.marker = CASE
            WHEN queue.holds_moved
            THEN coalesce(
              (SELECT o.marker FROM messages o WHERE o.queue_id = queue.id AND o.origin_id = w.id), w.marker)
            ELSE w.marker END
          AND m.marker > queue.low_water AND ${ALIVE} AND (m.origin_id IS NULL OR m.origin_id = w.id)
        FOR UPDATE
      ) AS m
    ),
    deleted AS (
      DELETE FROM messages m WHERE m.ctid = ANY (ARRAY(SELECT n.tid FROM named n WHERE NOT n.held)) RETURNING ${returning}
    )${after}
    SELECT (SELECT count(*)::int FROM deleted) AS deleted,
      (SELECT count(*)::int FROM named n WHERE n.lapsed) AS lapsed,
      (SELECT string_agg(n.id::text, ',') FROM named n WHERE n.held) AS left,
      ${allOrNothing("SELECT count(*) FROM deleted", "SELECT count(*) FROM named n WHERE NOT n.held")}
    FROM queue`;

const UNHELD = { queueId: int8, epoch: int8, ids: uuidArray, markers: int8Array } as const;
type UnheldRow = { deleted: number; lapsed: number; left: string | null };

export const DELETE_UNHELD = statement({
  name: "message_delete_unheld",
  parameters: UNHELD,
  row: rowOf<UnheldRow>(),
  text: deleteUnheldText(FOR_GOOD),
});

export const DELETE_UNHELD_KEPT = statement({
  name: "message_delete_unheld_kept",
  parameters: { ...UNHELD, undoToken: uuid },
  row: rowOf<UnheldRow>(),
  text: deleteUnheldText(KEPT),
});
