/** Holds messages for a transfer to another store, and lets them go. */
import type { MessageController } from "../../data-driver.ts";
import { NIL, normaliseUuid } from "../../list-pages.ts";
import type { Pool } from "../pool.ts";
import { STALE } from "../queue-rows.ts";
import { allOrNothing } from "../sql/fragments.ts";
import { int8, uuid } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import { lockNamed, NAMED, sortedByMarker } from "./named.ts";
import { ALIVE, UNCLAIMED } from "./rows.ts";

const PARAMETERS = { ...NAMED, holdId: uuid } as const;

/**
 * A hold is what a claim does with a dead letter: `last_delivery` keeps the claim that it replaces. It has no row among
 * the claims. `condition`: which messages of `queue`; `changes`: what becomes of them.
 */
const holdText = (condition: string, changes: string) => `
    WITH ${lockNamed(
      "found",
      "m.claim_expires_at <= clock.now AND m.claim_id <> :holdId AS lapsed",
      `${ALIVE} AND ${condition}`,
    )},
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
    const named = sortedByMarker(ids, messageIds);
    if (hold === null || named.ids.length === 0) return [];
    return queues.with(queue, async (row) => {
      const parameters = { queueId: row.id, epoch: row.epoch, ...named, holdId: hold };
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
