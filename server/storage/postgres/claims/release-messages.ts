/** Releases single messages of a claim: they are ready at once, or later. */
import type { ClaimController } from "../../data-driver.ts";
import { othersHold } from "../../errors/delete-errors.ts";
import { NIL, normaliseUuid } from "../../list-pages.ts";
import { lockNamed, NAMED, sortedByMarker } from "../messages/named.ts";
import { ALIVE } from "../messages/rows.ts";
import type { Pool } from "../pool.ts";
import { STALE } from "../queue-rows.ts";
import { allOrNothing } from "../sql/fragments.ts";
import { int8, uuid } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";

/**
 * Each message is judged as it is once locked, which makes the claim's id a fencing token. `others`: ids of those that
 * another claim holds.
 */
const RELEASE_MESSAGES = statement({
  name: "claim_release_messages",
  parameters: { ...NAMED, claimId: uuid, delaySeconds: int8 },
  row: rowOf<{ released: number; others: string | null }>(),
  text: `
    WITH ${lockNamed(
      "held",
      "m.claim_id = :claimId AS mine",
      `m.marker > queue.low_water AND m.claim_expires_at > clock.now AND ${ALIVE}`,
    )},
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
    const named = sortedByMarker(ids, messageIds);
    return queues.with(queue, async (row) => {
      const [result] = await statements.write(RELEASE_MESSAGES, {
        queueId: row.id,
        epoch: row.epoch,
        ...named,
        // No claim has this id.
        claimId: claim ?? NIL,
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
