/** Moves messages to another queue: in the same store in one step, else by `adopt` in the store where they go. */
import { MAX_CARRIED_BYTES, type MessageController } from "../../data-driver.ts";
import { NIL, normaliseUuid, validUuids } from "../../list-pages.ts";
import { headersText } from "../../messages/message-headers.ts";
import { type TransferKind, tallyOf } from "../../messages/transfer-kind.ts";
import { adoptDigest, secondsUntil, transferDigest } from "../../messages/transfer-steps.ts";
import { keptParts, untilKept } from "../idempotency.ts";
import type { Pool } from "../pool.ts";
import { type QueueRow, STALE } from "../queue-rows.ts";
import { float8Array, int8Array, textArray, uuidArray } from "../sql/array-parameter.ts";
import { allOrNothing, CLOCK, clockAfter, LIVE_QUEUE, liveQueue, milliseconds } from "../sql/fragments.ts";
import { int8, orNull, text, uuid } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import { enterQueue, markHoldsMoved } from "./enter.ts";
import { BY_ID, IS_IT } from "./list.ts";
import {
  ALIVE,
  DUE,
  deadLetteredText,
  MESSAGE_COLUMNS,
  type MessageRow,
  readMessage,
  UNCLAIMED,
  upTo,
} from "./rows.ts";

/** A KeptDeadLettered of `m`, which comes from the queue with this name. */
const deadLettered = (queue: string) => `json_build_object('queue', ${queue}::text,
            'at', ${milliseconds("clock.now")}, 'deliveries', m.claim_count, 'clientId', m.last_holder,
            'claimId', nullif(coalesce(m.last_delivery, m.claim_id), '${NIL}'))`;

const deadLettersOf = (queue: string, as: TransferKind) => (as === "deadLetter" ? queue : null);

/** Keeps the ids of `moved` under a key. */
const keepIds = (queueId: string, moved: string) => `kept AS (
      INSERT INTO idempotency_keys (queue_id, key, request, result, created_at)
      SELECT ${queueId}, :key, :request, string_agg(m.id::text, ','), clock.now FROM ${moved} m, clock
      GROUP BY clock.now
    )`;

/** The order: the target queue's lock, then the rows, as in every statement that takes both. */
const transferText = (keptCte = "") => `
    WITH target AS MATERIALIZED (${enterQueue(":targetId", ":targetEpoch")}),
    ${clockAfter("target")},
    source AS MATERIALIZED (
      SELECT q.id, q.low_water FROM pool_queues q WHERE ${liveQueue(":sourceId", ":sourceEpoch")}
    ),
    held AS MATERIALIZED (
      SELECT m.tid, m.marker, m.lapsed, w.id
      FROM source s CROSS JOIN clock CROSS JOIN (
        SELECT w.id, coalesce(
            (SELECT o.marker FROM messages o WHERE o.queue_id = :sourceId AND o.origin_id = w.id), w.marker) AS marker
        FROM unnest(:ids::uuid[], :markers::bigint[]) AS w(id, marker) ORDER BY 2 OFFSET 0
      ) AS w CROSS JOIN LATERAL (
        SELECT m.ctid AS tid, m.marker, m.claim_expires_at <= clock.now AS lapsed FROM messages m
        WHERE m.queue_id = :sourceId AND m.marker = w.marker AND m.marker > s.low_water
          AND (m.origin_id IS NULL OR m.origin_id = w.id)
          AND CASE WHEN :claimId::uuid IS NULL THEN ${UNCLAIMED}
            ELSE m.claim_id = :claimId AND m.claim_expires_at > clock.now END
          AND ${ALIVE}
        FOR UPDATE
      ) AS m
    ),
    numbered AS MATERIALIZED (
      SELECT nextval('message_marker') AS marker, o.tid, o.id, o.lapsed
      FROM target t, (SELECT * FROM held ORDER BY marker) AS o
    ),
    moved AS (
      UPDATE messages m SET queue_id = :targetId, marker = n.marker, origin_id = n.id, created_at = clock.now,
        expires_at = CASE WHEN :ttlSeconds::bigint IS NULL THEN m.expires_at
          ELSE clock.now + make_interval(secs => :ttlSeconds) END,
        ttl_seconds = coalesce(:ttlSeconds, m.ttl_seconds), claim_id = NULL, claim_expires_at = NULL, claim_count = 0,
        available_at = CASE WHEN ${DUE} THEN NULL ELSE m.available_at END, last_holder = NULL, last_delivery = NULL,
        dead_lettered = CASE WHEN :deadLettersOf::text IS NULL THEN m.dead_lettered
          ELSE ${deadLettered(":deadLettersOf")}::text END
      FROM numbered n, clock WHERE m.ctid = n.tid
      RETURNING n.id, n.lapsed
    ),
    ${markHoldsMoved(":targetId")}${keptCte}
    SELECT (SELECT count(*)::int FROM source) AS source, (SELECT count(*)::int FROM target) AS target,
      (SELECT string_agg(id::text, ',') FROM moved) AS moved,
      (SELECT count(*) FILTER (WHERE lapsed)::int FROM moved) AS lapsed,
      ${allOrNothing("SELECT count(*) FROM moved", "SELECT count(*) FROM numbered")}`;

const TRANSFER_PARAMETERS = {
  sourceId: int8,
  sourceEpoch: int8,
  targetId: int8,
  targetEpoch: int8,
  ids: uuidArray,
  markers: int8Array,
  claimId: orNull(uuid),
  ttlSeconds: orNull(int8),
  deadLettersOf: orNull(text),
} as const;

interface TransferRow {
  source: number;
  target: number;
  /** Ids, with commas. */
  moved: string | null;
  lapsed: number;
}

const TRANSFER = statement({
  name: "message_transfer",
  parameters: TRANSFER_PARAMETERS,
  row: rowOf<TransferRow>(),
  text: transferText(),
});

/** Keeps the ids of what it moves. */
const TRANSFER_KEYED = statement({
  name: "message_transfer_keyed",
  parameters: { ...TRANSFER_PARAMETERS, key: text, request: text },
  row: rowOf<TransferRow>(),
  text: transferText(`,
    ${keepIds(":sourceId", "moved")}`),
});

const COPY = statement({
  name: "message_copy",
  parameters: {
    queueId: int8,
    epoch: int8,
    ids: uuidArray,
    markers: int8Array,
    claimId: uuid,
    deadLettersOf: orNull(text),
    maxBytes: int8,
  },
  row: rowOf<(MessageRow & { provenance: string | null }) | { marker: null }>(),
  text: `
    WITH ${CLOCK}
    SELECT found.* FROM pool_queues q CROSS JOIN clock
    LEFT JOIN LATERAL (
      SELECT ${MESSAGE_COLUMNS}, CASE WHEN :deadLettersOf::text IS NULL THEN m.dead_lettered
        ELSE ${deadLettered(":deadLettersOf")}::text END AS provenance
      FROM ${upTo(`
        SELECT m.* FROM unnest(:ids::uuid[], :markers::bigint[]) WITH ORDINALITY AS w(id, marker, n)
        CROSS JOIN LATERAL (${BY_ID}) AS m
        WHERE ${IS_IT} AND m.claim_id = :claimId AND m.claim_expires_at > clock.now ORDER BY w.n`)} AS m
    ) AS found ON true
    WHERE ${LIVE_QUEUE}`,
});

/**
 * The setting is for the trigger that writes lives down. It ends with the statement. Of a message that is there already
 * the copy counts as appended. Unless the message is held back, or only waits for gc: then it is `busy`.
 */
const adoptText = (keptCte = "") => `
    WITH entered AS MATERIALIZED (
      ${enterQueue(":queueId", ":epoch", ", q.low_water, set_config('isimud.other_queue', :from, true) AS told")}
    ),
    ${clockAfter("entered")},
    given AS MATERIALIZED (
      SELECT o.*, m.marker IS NOT NULL AS there,
        m.marker IS NOT NULL AND (m.last_delivery IS NOT NULL OR m.marker <= e.low_water OR NOT ${ALIVE}) AS busy
      FROM entered e CROSS JOIN clock CROSS JOIN unnest(
        :ids::uuid[], :markers::bigint[], :bodies::text[], :remainingSeconds::float8[], :delaySeconds::float8[],
        :ttlSeconds::bigint[], :clientIds::text[], :headers::text[], :deadLettered::text[]
      ) WITH ORDINALITY AS o(id, own, body, remaining, delay, ttl, client, headers, dead_lettered, n)
      LEFT JOIN LATERAL (
        SELECT m.marker, m.last_delivery, m.expires_at FROM messages m
        WHERE m.queue_id = :queueId AND (m.origin_id IS NULL OR m.origin_id = o.id) AND m.marker =
          coalesce((SELECT s.marker FROM messages s WHERE s.queue_id = :queueId AND s.origin_id = o.id), o.own)
      ) AS m ON m.marker IS NOT NULL
    ),
    numbered AS MATERIALIZED (
      SELECT nextval('message_marker') AS marker, o.*
      FROM (SELECT * FROM given g WHERE NOT g.there ORDER BY g.n) AS o
    ),
    adopted AS (
      INSERT INTO messages (queue_id, marker, created_at, expires_at, available_at, ttl_seconds, client_id, body, headers,
        dead_lettered, origin_id)
      SELECT :queueId, b.marker, clock.now, clock.now + make_interval(secs => b.remaining),
        CASE WHEN b.delay > 0 THEN clock.now + make_interval(secs => b.delay) END, b.ttl, b.client, b.body,
        b.headers, b.dead_lettered, b.id
      FROM numbered b, clock
      ON CONFLICT (queue_id, origin_id) WHERE origin_id IS NOT NULL DO NOTHING
      RETURNING 1
    ),
    ${markHoldsMoved()}${keptCte}
    SELECT (SELECT count(*)::int FROM entered) AS entered, (SELECT count(*)::int FROM adopted) AS adopted,
      (SELECT string_agg(g.id::text, ',') FROM given g WHERE g.busy) AS busy`;

const ADOPT_PARAMETERS = {
  queueId: int8,
  epoch: int8,
  ids: uuidArray,
  markers: int8Array,
  bodies: textArray,
  remainingSeconds: float8Array,
  delaySeconds: float8Array,
  ttlSeconds: int8Array,
  clientIds: textArray,
  headers: textArray,
  deadLettered: textArray,
  from: text,
} as const;

/** `busy`: ids, with commas. */
type AdoptRow = { entered: number; adopted: number; busy: string | null };

const ADOPT = statement({
  name: "message_adopt",
  parameters: ADOPT_PARAMETERS,
  row: rowOf<AdoptRow>(),
  text: adoptText(),
});

/** Keeps the ids that it is given, also of messages that are there already, but for those that are busy. */
const ADOPT_KEYED = statement({
  name: "message_adopt_keyed",
  parameters: { ...ADOPT_PARAMETERS, key: text, request: text },
  row: rowOf<AdoptRow>(),
  text: adoptText(`,
    ${keepIds("(SELECT e.id FROM entered e)", "(SELECT g.id FROM given g WHERE NOT g.busy)")}`),
});

export function transferMessages(pool: Pool): MessageController["transfer"] {
  const { statements, queues, counters, arrivals, lowWater, ids: messageIds } = pool;
  return async ({ from, to, ttlSeconds, as, idempotencyKey: key, ...params }) => {
    const ids = [...new Set(validUuids(params.ids))];
    const claimId = params.claimId === null ? null : normaliseUuid(params.claimId);
    if (ids.length === 0 || (claimId === null && params.claimId !== null)) return [];
    const request = transferDigest(from.name, to.name);

    async function transfer(source: QueueRow, target: QueueRow): Promise<string[] | typeof STALE> {
      const kept = key === undefined ? null : await keptParts(statements, { row: source, key, request });
      const rest = ids.filter((id) => !kept?.ids.includes(id));
      const parameters = {
        sourceId: source.id,
        sourceEpoch: source.epoch,
        targetId: target.id,
        targetEpoch: target.epoch,
        ids: rest,
        markers: rest.map((id) => messageIds.markerOf(id)),
        claimId,
        ttlSeconds,
        deadLettersOf: deadLettersOf(from.name, as),
      };
      const [result] =
        kept === null
          ? await statements.write(TRANSFER, parameters)
          : await statements.write(TRANSFER_KEYED, { ...parameters, key: kept.nextKey, request });
      if (result === undefined || result.source === 0 || result.target === 0) return STALE;
      const moved = result.moved?.split(",") ?? [];
      counters.add(source.id, tallyOf(as), moved.length);
      counters.add(source.id, "lapsed", result.lapsed);
      counters.add(target.id, "posted", moved.length);
      lowWater.refresh(source, moved.length);
      arrivals.tell(to, moved.length);
      return [...(kept?.ids ?? []), ...moved];
    }

    return queues.with(from, (source) => queues.with(to, (target) => untilKept(() => transfer(source, target))));
  };
}

export function copyMessages({ statements, queues, ids: messageIds }: Pool): MessageController["copy"] {
  return async ({ queue, as, ...params }) => {
    const ids = [...new Set(validUuids(params.ids))];
    const claimId = normaliseUuid(params.claimId);
    if (ids.length === 0 || claimId === null) return [];
    const markers = ids.map((id) => messageIds.markerOf(id));
    const rows = await queues.with(queue, async (row) => {
      const found = await statements.read(COPY, {
        queueId: row.id,
        epoch: row.epoch,
        ids,
        markers,
        claimId,
        deadLettersOf: deadLettersOf(queue.name, as),
        maxBytes: MAX_CARRIED_BYTES,
      });
      return found.length === 0 ? STALE : found;
    });
    return rows.flatMap((row) =>
      row.marker === null ? [] : readMessage({ ...row, deadLettered: row.provenance }, messageIds),
    );
  };
}

export function adoptMessages(pool: Pool): MessageController["adopt"] {
  const { statements, queues, counters, arrivals, ids: messageIds } = pool;
  return async ({ queue, messages, ttlSeconds, from, idempotencyKey: key }) => {
    const request = adoptDigest(from);

    async function adopt(row: QueueRow): Promise<string[] | typeof STALE> {
      const kept = key === undefined ? null : await keptParts(statements, { row, key, request });
      const fresh = kept === null ? messages : messages.filter(({ id }) => !kept.ids.includes(id));
      if (fresh.length === 0) return kept?.ids ?? [];
      const parameters = {
        queueId: row.id,
        epoch: row.epoch,
        ids: fresh.map((message) => message.id),
        markers: fresh.map((message) => messageIds.markerOf(message.id)),
        bodies: fresh.map((message) => message.bodyText),
        remainingSeconds: fresh.map((message) => ttlSeconds ?? secondsUntil(message, message.expiresAt)),
        delaySeconds: fresh.map((message) => secondsUntil(message, message.delayedUntil)),
        ttlSeconds: fresh.map((message) => ttlSeconds ?? message.ttlSeconds),
        clientIds: fresh.map((message) => message.clientId),
        headers: fresh.map((message) => headersText(message.headers)),
        deadLettered: fresh.map(({ deadLettered }) => deadLetteredText(deadLettered)),
        from,
      };
      const [result] =
        kept === null
          ? await statements.write(ADOPT, parameters)
          : await statements.write(ADOPT_KEYED, { ...parameters, key: kept.nextKey, request });
      if (result === undefined || result.entered === 0) return STALE;
      counters.add(row.id, "posted", result.adopted);
      arrivals.tell(queue, result.adopted);
      const busy = new Set(result.busy?.split(","));
      return [...(kept?.ids ?? []), ...fresh.map(({ id }) => id).filter((id) => !busy.has(id))];
    }

    return queues.with(queue, (row) => untilKept(() => adopt(row)));
  };
}
