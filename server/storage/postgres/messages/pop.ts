/** Takes messages away for good. */
import { carriedBytes, type Message, type MessageController } from "../../data-driver.ts";
import { keepsTooMuch, MAX_KEPT_BYTES, POPPED, popDigest, readPopped } from "../../idempotency.ts";
import { callOnce, TURN } from "../idempotency.ts";
import { deletes } from "../lives/triggers.ts";
import type { Pool } from "../pool.ts";
import { type QueueRow, STALE } from "../queue-rows.ts";
import { allThatFit, CLOCK, LIVE_QUEUE } from "../sql/fragments.ts";
import { int8, orNull, text } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import { sealedIn } from "./ids.ts";
import { counted, KEPT, KEPT_PARAMETERS, randomSlot } from "./kept-pops.ts";
import {
  ALIVE,
  DUE,
  deliverable,
  type MaybeMessageRow,
  MESSAGE_COLUMNS,
  readMessages,
  sizeOf,
  UNCLAIMED,
} from "./rows.ts";

const PARAMETERS = {
  queueId: int8,
  epoch: int8,
  lowWater: int8,
  limit: int8,
  maxBytes: int8,
  exhaustedFrom: orNull(int8),
} as const;

/** `locked`: see allThatFit. */
type PoppedRow = MaybeMessageRow & { locked: number };

/** `more`: what a pop with a key has besides. */
const popText = (
  more = { queueColumn: "", keptCte: "", condition: "", rememberedCtes: "", column: "" },
) => `${deletes("popped")}
    WITH ${CLOCK},
    queue AS MATERIALIZED (
      SELECT q.id, greatest(q.low_water, :lowWater::bigint) AS low_water${more.queueColumn}
      FROM pool_queues q WHERE ${LIVE_QUEUE}
    )${more.keptCte},
    picked AS MATERIALIZED (
      SELECT p.tid, sum(p.size) OVER r <= :maxBytes::bigint OR row_number() OVER r = 1 AS fits FROM (
        SELECT m.ctid AS tid, m.marker, ${sizeOf("m")} AS size FROM messages m, clock
        WHERE m.queue_id = :queueId AND m.marker > (SELECT low_water FROM queue) AND ${ALIVE} AND ${DUE}
          AND ${UNCLAIMED} AND ${deliverable(":exhaustedFrom::bigint")}${more.condition}
        ORDER BY m.marker LIMIT :limit FOR UPDATE OF m SKIP LOCKED
      ) AS p WINDOW r AS (ROWS UNBOUNDED PRECEDING)
    ),
    popped AS (
      DELETE FROM messages m USING clock WHERE m.ctid = ANY (ARRAY(SELECT p.tid FROM picked p WHERE p.fits))
      RETURNING ${MESSAGE_COLUMNS}
    )${more.rememberedCtes}
    SELECT p.*, ${allThatFit("popped", "picked")}${more.column}
    FROM queue q LEFT JOIN popped p ON true ORDER BY p.marker`;

const POP = statement({ name: "message_pop", parameters: PARAMETERS, row: rowOf<PoppedRow>(), text: popText() });

/** Keeps the messages as KeptMessage, unless there are none. `full`: so many bytes are kept that it took none. */
const POP_KEYED = statement({
  name: "message_pop_keyed",
  parameters: { ...PARAMETERS, ...KEPT_PARAMETERS, key: text, request: text, idSuffix: text },
  row: rowOf<PoppedRow & { full: number | null }>(),
  text: popText({
    queueColumn: `, ${TURN}`,
    keptCte: `,
    ${KEPT}`,
    condition: " AND (SELECT k.room FROM kept k)",
    column: ", (SELECT k.bytes FROM kept k WHERE NOT k.room) AS full",
    rememberedCtes: `,
    remembered AS (
      INSERT INTO idempotency_keys (queue_id, key, request, result, created_at)
      SELECT q.id, :key, :request, '${POPPED}' || json_agg(json_build_array(
          coalesce(p.origin::text, ${sealedIn("p.marker", ":idSuffix")}), p.marker::text, p.created, p.expires, p.ttl,
          greatest(0, floor((p.now - p.created) / 1000)), p.client, p.count, p.claim, p.body,
          p.headers, p."deadLettered"::json
        ) ORDER BY p.marker), clock.now
      FROM queue q, popped p, clock GROUP BY q.id, clock.now
      RETURNING queue_id, created_at, octet_length(result) AS bytes
    ),
    ${counted("remembered", ":slot::int")}`,
  }),
});

type PopParams = Parameters<MessageController["pop"]>[0];

export function popMessages(pool: Pool): MessageController["pop"] {
  const { statements, queues, counters, ids, lowWater, exhaustedFronts, byteBounds, keptPopsBytes } = pool;

  /** `once`: what to remember of the call. */
  async function take(
    row: QueueRow,
    { queue, limit, exhaustedFrom = null }: PopParams,
    maxBytes: number,
    once?: { key: string; request: string },
  ): Promise<Message[] | typeof STALE> {
    const from = exhaustedFronts.startOf(row, exhaustedFrom);
    const parameters = {
      queueId: row.id,
      epoch: row.epoch,
      lowWater: from,
      limit: await byteBounds.fitting(row, limit, maxBytes, { from, exhaustedFrom }),
      maxBytes,
      exhaustedFrom,
    };
    const keeping = { keptPopsBytes, slot: randomSlot(), idSuffix: ids.suffix };
    const rows: (PoppedRow & { full?: number | null })[] =
      once === undefined
        ? await statements.write(POP, parameters)
        : await statements.write(POP_KEYED, { ...parameters, ...once, ...keeping });
    const [first] = rows;
    if (first === undefined) return STALE;
    if (typeof first.full === "number") throw keepsTooMuch(queue, first.full, keptPopsBytes);
    const popped = readMessages(rows, ids);
    byteBounds.learn(row, first.locked, popped.length);
    counters.add(row.id, "popped", popped.length);
    counters.add(row.id, "lapsed", rows.filter((one) => one.marker !== null && one.claimExpires !== null).length);
    lowWater.refresh(row, popped.length);
    exhaustedFronts.refresh(row, exhaustedFrom);
    return popped;
  }

  return (params) => {
    const { queue, limit, idempotencyKey: key } = params;
    const maxBytes = carriedBytes(params.maxBytes);
    return queues.with(queue, (row) => {
      if (key === undefined) return take(row, params, maxBytes);
      const once = { key, request: popDigest(limit) };
      return callOnce<Message[]>(
        statements,
        { row, ...once },
        {
          repeat: (result) => readPopped(result, maxBytes),
          call: () => take(row, params, Math.min(maxBytes, MAX_KEPT_BYTES), once),
          isNothing: (popped) => popped.length === 0,
        },
      );
    });
  };
}
