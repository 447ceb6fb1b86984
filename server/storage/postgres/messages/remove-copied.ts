/** The last step of a transfer to another store: removes what that store has by now. */
import type { MessageController } from "../../data-driver.ts";
import { normaliseUuid } from "../../list-pages.ts";
import { endingOf, type TransferKind, tallyOf } from "../../messages/transfer-kind.ts";
import { deletes } from "../lives/triggers.ts";
import type { Pool } from "../pool.ts";
import { STALE } from "../queue-rows.ts";
import { allOrNothing } from "../sql/fragments.ts";
import { uuid } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import { lockNamed, NAMED, sortedByMarker } from "./named.ts";
import { ALIVE } from "./rows.ts";

/**
 * Nobody has claimed a message that still carries the id of the claim, whether that has ended or not. Purged ones are
 * `hidden` below the mark until gc frees them. `left`: ids, with commas.
 */
const removeCopied = (as: TransferKind) =>
  statement({
    name: `message_remove_copied_${as}`,
    parameters: { ...NAMED, claimId: uuid },
    row: rowOf<{ removed: number; lapsed: number; left: string | null }>(),
    text: `${deletes(endingOf(as))}
    WITH ${lockNamed(
      "found",
      `m.claim_id = :claimId IS TRUE AS ours, m.marker <= queue.low_water AS hidden,
          m.claim_expires_at <= clock.now AS lapsed`,
      `(m.marker <= queue.low_water OR ${ALIVE})`,
    )},
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
    const named = sortedByMarker(params.ids, messageIds);
    if (claimId === null || named.ids.length === 0) return [];
    return queues.with(queue, async (row) => {
      const [result] = await statements.write(REMOVE_COPIED[as], {
        queueId: row.id,
        epoch: row.epoch,
        ...named,
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
