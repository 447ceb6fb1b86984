/**
 * How many bytes of answers the pops of a queue keep (the table `kept_pop_bytes`). They are counted by the minute: what
 * a minute has counted ends with the keys of its pops, so nothing is ever subtracted.
 */
import { POP_KEY_SECONDS } from "../../idempotency.ts";
import { int4, int8 } from "../sql/parameter-types.ts";

/** Pops that run side by side add to different rows. */
const SLOTS = 8;

export const randomSlot = () => Math.floor(Math.random() * SLOTS);

const minuteOf = (time: string) => `floor(date_part('epoch', ${time}) / 60)::bigint`;

/** The first minute whose answers may still be kept. */
export const OLDEST_MINUTE = `${minuteOf("clock.now")} - ${POP_KEY_SECONDS / 60}`;

/** For KEPT and COUNTED. */
export const KEPT_PARAMETERS = { keptPopsBytes: int8, slot: int4 } as const;

/** A CTE for the row `queue`: the bytes that are kept for it, and whether there is `room` for one more answer. */
export const KEPT = `kept AS MATERIALIZED (
      SELECT coalesce(sum(b.bytes), 0)::float8 AS bytes, coalesce(sum(b.bytes), 0) < :keptPopsBytes::bigint AS room
      FROM queue q JOIN kept_pop_bytes b ON b.queue_id = q.id, clock WHERE b.minute >= ${OLDEST_MINUTE}
    )`;

/** A CTE that counts keys of pops in the slot `slot`: `keys` is a CTE with their queue_id, created_at and bytes. */
export const counted = (keys: string, slot: string) => `counted AS (
      INSERT INTO kept_pop_bytes AS b (queue_id, minute, slot, bytes)
      SELECT k.queue_id, ${minuteOf("k.created_at")}, ${slot}, sum(k.bytes) FROM ${keys} k GROUP BY 1, 2
      ON CONFLICT (queue_id, minute, slot) DO UPDATE SET bytes = b.bytes + excluded.bytes
    )`;
