/** The last step of a transfer to another store: removes what that store has by now. */
import type { MessageController } from "../../data-driver.ts";
import { normaliseUuid, validUuids } from "../../list-pages.ts";
import { endingOf, type TransferKind, tallyOf } from "../../messages/transfer-kind.ts";
import { deletes } from "../lives/triggers.ts";
import type { Pool } from "../pool.ts";
import { STALE } from "../queue-rows.ts";
import { int8Array, uuidArray } from "../sql/array-parameter.ts";
import { allOrNothing, CLOCK, LIVE_QUEUE } from "../sql/fragments.ts";
import { int8, uuid } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import { byNumber } from "./markers.ts";
import { ALIVE } from "./rows.ts";

/**
 * The messages come sorted by marker and are locked in that order, as in every delete. Each is judged as it is once
 * locked, and is then found by its `ctid`: nobody has claimed a message that still carries the id of the claim, whether
 * that has ended or not. Purged ones are `hidden` below the mark until gc frees them. No row: the queue is deleted or
 * has another epoch. `left`: ids, with commas.
 */
const removeCopied = (as: TransferKind) =>
  statement({
    name: `message_remove_copied_${as}`,
    parameters: { queueId: int8, epoch: int8, ids: uuidArray, markers: int8Array, claimId: uuid },
    row: rowOf<{ removed: number; lapsed: number; left: string | null }>(),
    text: `${deletes(endingOf(as))}
    WITH ${CLOCK},
    queue AS MATERIALIZED (SELECT q.id, q.low_water, q.holds_moved FROM pool_queues q WHERE ${LIVE_QUEUE}),
    found AS MATERIALIZED (
      SELECT w.id, m.tid, m.ours, m.hidden, m.lapsed FROM clock CROSS JOIN queue CROSS JOIN (
        SELECT i.id, (:markers::bigint[])[i.n] AS marker
        FROM unnest(:ids::uuid[]) WITH ORDINALITY AS i(id, n) OFFSET 0
      ) AS w CROSS JOIN LATERAL (
        SELECT m.ctid AS tid, m.claim_id = :claimId IS TRUE AS ours, m.marker <= queue.low_water AS hidden,
          m.claim_expires_at <= clock.now AS lapsed
        FROM messages m
        WHERE m.queue_id = queue.id AND m.marker = CASE
            WHEN queue.holds_moved
            THEN coalesce(
              (SELECT o.marker FROM messages o WHERE o.queue_id = queue.id AND o.origin_id = w.id), w.marker)
            ELSE w.marker END
          AND (m.marker <= queue.low_water OR ${ALIVE}) AND (m.origin_id IS NULL OR m.origin_id = w.id)
        FOR UPDATE
      ) AS m
    ),
    removed AS (
      DELETE FROM messages m WHERE m.ctid = ANY (ARRAY(SELECT f.tid FROM found f WHERE f.ours)) RETURNING 1
    ),
    forgotten AS (
      DELETE FROM deleted_messages d USING queue
      WHERE (SELECT count(*) FROM found) < cardinality(:ids::uuid[]) AND d.queue_id = queue.id
        AND d.message ->> 'claim_id' = :claimId::text AND CASE WHEN d.message ->> 'origin_id' IS NULL
          THEN d.marker = ANY (:markers::bigint[]) ELSE (d.message ->> 'origin_id')::uuid = ANY (:ids::uuid[]) END
    )
    SELECT (SELECT count(*)::int FROM found f WHERE f.ours AND NOT f.hidden) AS removed,
      (SELECT count(*)::int FROM found f WHERE f.ours AND NOT f.hidden AND f.lapsed) AS lapsed,
      (SELECT string_agg(f.id::text, ',') FROM found f WHERE NOT f.ours AND NOT f.hidden) AS left,
      ${allOrNothing("SELECT count(*) FROM removed", "SELECT count(*) FROM found f WHERE f.ours")}
    FROM queue`,
  });

const REMOVE_COPIED = {
  deadLetter: removeCopied("deadLetter"),
  redrive: removeCopied("redrive"),
  move: removeCopied("move"),
};

export function removeCopiedMessages(pool: Pool): MessageController["removeCopied"] {
  const { statements, queues, counters, lowWater, reaper, ids: messageIds } = pool;
  return async ({ queue, as, ...params }) => {
    const claimId = normaliseUuid(params.claimId);
    const wanted = [...new Set(validUuids(params.ids))]
      .map((id) => ({ id, marker: messageIds.markerOf(id) }))
      .sort((a, b) => byNumber(a.marker ?? "0", b.marker ?? "0") || (a.id < b.id ? -1 : 1));
    if (claimId === null || wanted.length === 0) return [];
    return queues.with(queue, async (row) => {
      const [result] = await statements.write(REMOVE_COPIED[as], {
        queueId: row.id,
        epoch: row.epoch,
        ids: wanted.map(({ id }) => id),
        markers: wanted.map(({ marker }) => marker),
        claimId,
      });
      if (result === undefined) return STALE;
      const { removed, lapsed, left } = result;
      counters.add(row.id, tallyOf(as), removed);
      counters.add(row.id, "lapsed", lapsed);
      lowWater.refresh(row, removed);
      if (removed > 0) reaper.add(row.id, claimId);
      return left?.split(",") ?? [];
    });
  };
}
