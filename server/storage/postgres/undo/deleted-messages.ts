/**
 * Deleted messages that can be brought back: whole rows, held by no claim. Those that were held back keep the claim's id,
 * by which a transfer of them finds them: see messages/remove-copied.ts.
 */
import { RESTORES } from "../lives/triggers.ts";
import { CLOCK, NOW } from "../sql/fragments.ts";
import { int8, uuid } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";

/** What a statement that deletes messages does with them. Its CTE `deleted` returns `returning`; `after` follows it. */
export interface Deletion {
  readonly returning: string;
  readonly after: string;
}

export const FOR_GOOD: Deletion = { returning: "1", after: "" };

/** The statement has the parameter `:undoToken`. */
export const KEPT: Deletion = {
  returning: "m.*",
  after: `,
    kept AS (
      INSERT INTO deleted_messages (token, queue_id, marker, deleted_at, message)
      SELECT :undoToken, d.queue_id, d.marker, ${NOW}, to_jsonb(d) - 'claim_expires_at'
        - CASE WHEN d.last_delivery IS NULL THEN 'claim_id' ELSE '' END FROM deleted d
    )`,
};

/**
 * Brings them back, but for those that have expired. `found`: how many were kept. A message that came back another way,
 * by a transfer, stays as it is.
 */
export const RESTORE_DELETED = statement({
  name: "undo_deleted_messages",
  parameters: { id: int8, token: uuid },
  row: rowOf<{ found: number; restored: number }>(),
  text: `${RESTORES}
    WITH ${CLOCK},
    kept AS (DELETE FROM deleted_messages d WHERE d.queue_id = :id AND d.token = :token RETURNING d.message),
    restored AS (
      INSERT INTO messages
      SELECT m.* FROM clock CROSS JOIN kept k CROSS JOIN LATERAL jsonb_populate_record(NULL::messages, k.message) AS m
      JOIN pool_queues q ON q.id = m.queue_id
      WHERE m.marker > q.low_water AND m.expires_at > clock.now
      ON CONFLICT DO NOTHING RETURNING 1
    )
    SELECT (SELECT count(*) FROM kept)::int AS found, (SELECT count(*) FROM restored)::int AS restored`,
});
