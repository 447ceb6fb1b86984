/** Moves messages to another queue: in the same store in one step, else by `adopt` in the store where they go. */
import type { Message, MessageController } from "../../data-driver.ts";
import { normaliseUuid, validUuids } from "../../list-pages.ts";
import type { Pool } from "../pool.ts";
import { STALE } from "../queue-rows.ts";
import { float8Array, int8Array, textArray, uuidArray } from "../sql/array-parameter.ts";
import { allOrNothing, clockAfter, liveQueue } from "../sql/fragments.ts";
import { int8, orNull, uuid } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import { enterQueue, markHoldsMoved } from "./enter.ts";
import { ALIVE } from "./rows.ts";

/** The order: the target queue's lock, then the rows, as in every statement that takes both. */
const TRANSFER = statement({
  name: "message_transfer",
  parameters: {
    sourceId: int8,
    sourceEpoch: int8,
    targetId: int8,
    targetEpoch: int8,
    ids: uuidArray,
    markers: int8Array,
    claimId: uuid,
    ttlSeconds: orNull(int8),
  },
  row: rowOf<{ source: number; target: number; moved: number }>(),
  text: `
    WITH target AS MATERIALIZED (${enterQueue(":targetId", ":targetEpoch")}),
    ${clockAfter("target")},
    source AS MATERIALIZED (
      SELECT q.id, q.low_water FROM pool_queues q WHERE ${liveQueue(":sourceId", ":sourceEpoch")}
    ),
    held AS MATERIALIZED (
      SELECT m.tid, m.marker, w.id
      FROM source s CROSS JOIN clock CROSS JOIN (
        SELECT w.id, coalesce(
            (SELECT o.marker FROM messages o WHERE o.queue_id = :sourceId AND o.origin_id = w.id), w.marker) AS marker
        FROM unnest(:ids::uuid[], :markers::bigint[]) AS w(id, marker) ORDER BY 2 OFFSET 0
      ) AS w CROSS JOIN LATERAL (
        SELECT m.ctid AS tid, m.marker FROM messages m
        WHERE m.queue_id = :sourceId AND m.marker = w.marker AND m.marker > s.low_water
          AND (m.origin_id IS NULL OR m.origin_id = w.id)
          AND m.claim_id = :claimId AND m.claim_expires_at > clock.now AND ${ALIVE}
        FOR UPDATE
      ) AS m
    ),
    numbered AS MATERIALIZED (
      SELECT nextval('message_marker') AS marker, o.tid, o.id
      FROM target t, (SELECT * FROM held ORDER BY marker) AS o
    ),
    moved AS (
      UPDATE messages m SET queue_id = :targetId, marker = n.marker, origin_id = n.id, created_at = clock.now,
        expires_at = CASE WHEN :ttlSeconds::bigint IS NULL THEN m.expires_at
          ELSE clock.now + make_interval(secs => :ttlSeconds) END,
        ttl_seconds = coalesce(:ttlSeconds, m.ttl_seconds), claim_id = NULL, claim_expires_at = NULL, claim_count = 0,
        available_at = NULL
      FROM numbered n, clock WHERE m.ctid = n.tid
      RETURNING 1
    ),
    ${markHoldsMoved(":targetId")}
    SELECT (SELECT count(*)::int FROM source) AS source, (SELECT count(*)::int FROM target) AS target,
      (SELECT count(*)::int FROM moved) AS moved,
      ${allOrNothing("SELECT count(*) FROM moved", "SELECT count(*) FROM numbered")}`,
});

const ADOPT = statement({
  name: "message_adopt",
  parameters: {
    queueId: int8,
    epoch: int8,
    ids: uuidArray,
    bodies: textArray,
    remainingSeconds: float8Array,
    ttlSeconds: int8Array,
    clientIds: textArray,
  },
  row: rowOf<{ entered: number; adopted: number }>(),
  text: `
    WITH entered AS MATERIALIZED (${enterQueue()}),
    ${clockAfter("entered")},
    numbered AS MATERIALIZED (
      SELECT nextval('message_marker') AS marker, o.*
      FROM entered e, (
        SELECT * FROM unnest(
          :ids::uuid[], :bodies::text[], :remainingSeconds::float8[], :ttlSeconds::bigint[], :clientIds::text[]
        ) WITH ORDINALITY AS o(id, body, remaining, ttl, client, n) ORDER BY n
      ) AS o
    ),
    adopted AS (
      INSERT INTO messages (queue_id, marker, created_at, expires_at, ttl_seconds, client_id, body, origin_id)
      SELECT :queueId, b.marker, clock.now, clock.now + make_interval(secs => b.remaining), b.ttl, b.client, b.body,
        b.id
      FROM numbered b, clock
      ON CONFLICT (queue_id, origin_id) WHERE origin_id IS NOT NULL DO NOTHING
      RETURNING 1
    ),
    ${markHoldsMoved()}
    SELECT (SELECT count(*)::int FROM entered) AS entered, (SELECT count(*)::int FROM adopted) AS adopted`,
});

export function transferMessages(pool: Pool): MessageController["transfer"] {
  const { statements, queues, counters, arrivals, ids: messageIds } = pool;
  return async ({ from, to, ttlSeconds, ...params }) => {
    const ids = [...new Set(validUuids(params.ids))];
    const claimId = normaliseUuid(params.claimId);
    if (ids.length === 0 || claimId === null) return 0;
    return queues.with(from, (source) =>
      queues.with(to, async (target) => {
        const [result] = await statements.write(TRANSFER, {
          sourceId: source.id,
          sourceEpoch: source.epoch,
          targetId: target.id,
          targetEpoch: target.epoch,
          ids,
          markers: ids.map((id) => messageIds.markerOf(id)),
          claimId,
          ttlSeconds,
        });
        if (result === undefined || result.source === 0 || result.target === 0) return STALE;
        counters.add(source.id, "deadLettered", result.moved);
        counters.add(target.id, "posted", result.moved);
        arrivals.tell(to, result.moved);
        return result.moved;
      }),
    );
  };
}

export function adoptMessages({ statements, queues, counters, arrivals }: Pool): MessageController["adopt"] {
  return async ({ queue, messages, ttlSeconds }) => {
    await queues.with(queue, async (row) => {
      const [result] = await statements.write(ADOPT, {
        queueId: row.id,
        epoch: row.epoch,
        ids: messages.map((message) => message.id),
        bodies: messages.map((message) => message.bodyText),
        remainingSeconds: messages.map((message) => ttlSeconds ?? remainingSeconds(message)),
        ttlSeconds: messages.map((message) => ttlSeconds ?? message.ttlSeconds),
        clientIds: messages.map((message) => message.clientId),
      });
      if (result === undefined || result.entered === 0) return STALE;
      counters.add(row.id, "posted", result.adopted);
      arrivals.tell(queue, result.adopted);
      return undefined;
    });
  };
}

/** Seconds that the message has left, by its own store's clock. */
function remainingSeconds(message: Message): number {
  const now = message.createdAt.getTime() + message.ageSeconds * 1000;
  return Math.max(0, (message.expiresAt.getTime() - now) / 1000);
}
