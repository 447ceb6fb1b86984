/** Brings back what was purged, and deleted queues. */
import { isMoving, staleEpoch } from "../../errors/storage-errors.ts";
import { undoIsOver } from "../../errors/undo-errors.ts";
import type { QueueUndo } from "../../undo/queue-undo.ts";
import { countPurged } from "../messages/count-purged.ts";
import type { Pool } from "../pool.ts";
import { isUniqueViolation, translatePostgresError } from "../sql/connection.ts";
import { int8, text, uuid } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import { inTransaction, type Transaction } from "../sql/transaction.ts";
import { RESTORE_DELETED } from "./deleted-messages.ts";

type Params = Parameters<QueueUndo["restore"]>[0];

/** What came back: messages with markers above `after`, up to `upTo`, or as many as were counted. */
type Restored = { id: string } & ({ after: string; upTo: string } | { messages: number | null });

interface LiveRow {
  id: string;
  epoch: string;
  state: "live" | "moving";
  lowWater: string;
}

/** The lock of the row keeps purges, moves and gc out until the end of the transaction. */
const LOCK_LIVE = statement({
  name: "undo_lock_live",
  parameters: { project: text, name: text },
  row: rowOf<LiveRow>(),
  text: `
    SELECT id::text, epoch::text, state, low_water::text AS "lowWater" FROM pool_queues
    WHERE project = :project AND name = :name AND state IN ('live', 'moving') FOR UPDATE`,
});

/** An attempt to move the queue away, which has not frozen it, is over: it knows the former epoch. */
const RENEW = statement({
  name: "undo_renew",
  parameters: { id: int8, newEpoch: int8 },
  text: `
    WITH forgotten AS (DELETE FROM queue_move_changes c WHERE c.queue_id = :id)
    UPDATE pool_queues SET epoch = :newEpoch, move_epoch = NULL WHERE id = :id`,
});

/** What an earlier purge removed stays for gc. */
const LOWER = statement({
  name: "undo_purge",
  parameters: { id: int8, token: uuid },
  row: rowOf<{ after: string }>(),
  text: `
    UPDATE pool_queues SET low_water = undo_low_water, undo_token = NULL, undo_low_water = nullif(undo_low_water, 0),
      purged_at = CASE WHEN undo_low_water > 0 THEN purged_at END
    WHERE id = :id AND undo_token = :token AND undo_low_water IS NOT NULL
    RETURNING low_water::text AS after`,
});

const REVIVE = statement({
  name: "undo_detach",
  parameters: { project: text, name: text, epoch: int8, token: uuid },
  row: rowOf<{ id: string; after: string }>(),
  text: `
    UPDATE pool_queues SET state = 'live', detached_at = NULL, undo_token = NULL
    WHERE project = :project AND name = :name AND epoch = :epoch AND state = 'detached' AND undo_token = :token
    RETURNING id::text, low_water::text AS after`,
});

/** Ends the claims of these messages. A claim that holds nothing any more is none, and gc removes it. */
const END_CLAIMS = statement({
  name: "undo_end_claims",
  parameters: { id: int8, after: int8, upTo: int8 },
  text: `
    UPDATE messages m SET claim_id = NULL, claim_expires_at = NULL
    FROM claims c CROSS JOIN LATERAL unnest(c.markers) AS t(marker)
    WHERE c.queue_id = :id AND t.marker > :after AND t.marker <= :upTo
      AND m.queue_id = c.queue_id AND m.marker = t.marker AND m.claim_id = c.id`,
});

/** The highest of all. */
const LAST_MARKER = "9223372036854775807";

export function postgresUndo(pool: Pool): QueueUndo {
  const { statements, queues, counters, arrivals } = pool;

  async function tell(queue: Params["queue"], restored: Restored): Promise<{ messages: number | null }> {
    const counted =
      "messages" in restored
        ? restored.messages
        : await countPurged(statements, restored.id, restored).then(
            ({ alive, complete }) => (complete ? alive : null),
            // They are back, whatever is known of them.
            () => null,
          );
    await counters.recount(restored.id).catch(() => counters.doubt(restored.id));
    arrivals.tell(queue, counted ?? 1);
    return { messages: counted };
  }

  return {
    async restore(params) {
      const { queue } = params;
      let restored: Restored | null;
      try {
        restored = await inTransaction(statements, (transaction) => restoreIn(transaction, params));
      } catch (error) {
        // The queue was attached again just now.
        if (isUniqueViolation(error)) throw undoIsOver(queue, "gone");
        throw translatePostgresError(error, { wrote: true });
      }
      queues.forget(queue);
      return restored === null ? { messages: null } : tell(queue, restored);
    },
  };
}

/** Null: an earlier call has done it. */
async function restoreIn(transaction: Transaction, params: Params): Promise<Restored | null> {
  const { queue, newEpoch, what } = params;
  const { project, name } = queue;
  const [live] = await transaction.run(LOCK_LIVE, { project, name });
  if (live?.epoch === String(newEpoch)) return null;
  if (live?.state === "moving") throw isMoving(queue);
  if (live !== undefined && live.epoch !== String(queue.epoch)) {
    throw what === "queue" ? undoIsOver(queue, "gone") : staleEpoch(queue);
  }
  const restored = live === undefined ? await revive(transaction, params) : await bringBack(transaction, params, live);
  await transaction.run(RENEW, { id: restored.id, newEpoch });
  return restored;
}

/** A deleted queue whose pool did not hear of it has nothing to bring back. */
async function bringBack(transaction: Transaction, params: Params, { id, lowWater }: LiveRow): Promise<Restored> {
  const { queue, token, what } = params;
  if (what === "queue") return { id, after: lowWater, upTo: LAST_MARKER };
  if (what === "messages") {
    const [{ found, restored } = { found: 0, restored: 0 }] = await transaction.run(RESTORE_DELETED, { id, token });
    if (found === 0) throw undoIsOver(queue, "gone");
    return { id, messages: restored };
  }
  const [lowered] = await transaction.run(LOWER, { id, token });
  if (lowered === undefined) throw undoIsOver(queue, "gone");
  const range = { after: lowered.after, upTo: lowWater };
  await transaction.run(END_CLAIMS, { id, ...range });
  return { id, ...range };
}

async function revive(transaction: Transaction, { queue, token, what }: Params): Promise<Restored> {
  const { project, name, epoch } = queue;
  const [revived] = what === "queue" ? await transaction.run(REVIVE, { project, name, epoch, token }) : [];
  if (revived === undefined) throw undoIsOver(queue, "gone");
  const range = { ...revived, upTo: LAST_MARKER };
  await transaction.run(END_CLAIMS, range);
  return range;
}
