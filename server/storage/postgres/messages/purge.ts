/** Makes all messages of a queue invisible at once. */
import type { MessageController } from "../../data-driver.ts";
import { digest, keyReused } from "../../idempotency.ts";
import type { Pool } from "../pool.ts";
import { type QueueRow, STALE } from "../queue-rows.ts";
import { isUniqueViolation } from "../sql/connection.ts";
import { clockAfter } from "../sql/fragments.ts";
import { PRIOR_CALL } from "../sql/idempotency-keys.ts";
import { int8, text } from "../sql/parameter-types.ts";
import { statement } from "../sql/statement.ts";
import { enterQueue } from "./enter.ts";

const QUEUE = { queueId: int8, epoch: int8 } as const;

const purgeText = (rememberedCte = "") => `
    WITH entered AS MATERIALIZED (${enterQueue()}),
    ${clockAfter("entered")},
    forgotten AS (DELETE FROM queue_counts c USING entered e WHERE c.queue_id = e.id)${rememberedCte}
    UPDATE pool_queues q
    SET undo_low_water = q.low_water, low_water = nextval('message_marker'), purged_at = clock.now
    FROM entered e, clock WHERE q.id = e.id
    RETURNING q.id::text`;

const PURGE = statement({ name: "queue_purge", parameters: QUEUE, text: purgeText() });

const PURGE_KEYED = statement({
  name: "queue_purge_keyed",
  parameters: { ...QUEUE, key: text, request: text },
  text: purgeText(`,
    remembered AS (
      INSERT INTO idempotency_keys (queue_id, key, request, result, created_at)
      SELECT e.id, :key, :request, '', clock.now FROM entered e, clock
    )`),
});

const REQUEST = digest(["purge"]);

export function purgeMessages({ statements, queues, counters }: Pool): MessageController["purge"] {
  async function wasDone(row: QueueRow, key: string): Promise<boolean> {
    const [prior] = await statements.read(PRIOR_CALL, { queueId: row.id, key });
    if (prior !== undefined && prior.request !== REQUEST) throw keyReused(key);
    return prior !== undefined;
  }

  return ({ queue, idempotencyKey: key }) =>
    queues.with(queue, async (row) => {
      if (key !== undefined && (await wasDone(row, key))) return;
      try {
        const target = { queueId: row.id, epoch: row.epoch };
        const rows =
          key === undefined
            ? await statements.write(PURGE, target)
            : await statements.write(PURGE_KEYED, { ...target, key, request: REQUEST });
        if (rows.length === 0) return STALE;
      } catch (error) {
        // Another call with this key may have committed in between.
        if (key === undefined || !isUniqueViolation(error) || !(await wasDone(row, key))) throw error;
      }
      counters.drop(row.id);
      return undefined;
    });
}
