/** The statement that acquires messages for claims. */
import { NIL } from "../../list-pages.ts";
import { TURN } from "../idempotency.ts";
import { ALIVE, DUE, deliverable, POSTED_COLUMNS, type PostedRow, sizeOf, UNCLAIMED } from "../messages/rows.ts";
import { int4Array, int8Array, textArray, uuidArray } from "../sql/array-parameter.ts";
import { allThatFit, CLOCK, LIVE_QUEUE, liveQueues, milliseconds } from "../sql/fragments.ts";
import { int4, int8, orNull, text } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";

const secondsOf = (count: string) => `(${count}) * interval '1 second'`;

/** How the statement gets what belongs to a queue or a request. */
interface Variant {
  queue: string;
  /**
   * Whether a picked row, the n-th of its queue, is among those whose bodies the statement carries; `r` is the window
   * of all rows so far.
   */
  fits: string;
  /** Of the request that the row `by` names. */
  ttl: (by: string) => string;
  grace: (by: string) => string;
  /** From this count on a message is a dead letter. */
  deadLettersFrom: (by: string) => string;
}

/** Any requests for any queues. */
const GENERAL: Variant = {
  queue: `
      SELECT w.n, (:limits::int[])[w.n] AS "limit", (:offsets::int[])[w.n] AS "offset",
        (:exhaustedFrom::bigint[])[w.n] AS exhausted_from, q.id,
        greatest(q.low_water, (:starts::bigint[])[w.n]) AS start
      FROM ${liveQueues("q.id, q.low_water", "CROSS")}`,
  fits: "sum(p.size) OVER r <= :maxBytes::bigint OR row_number() OVER r = 1",
  ttl: (by) => `(:ttlSeconds::bigint[])[${by}.request]`,
  grace: (by) => `(:graceSeconds::bigint[])[${by}.request]`,
  deadLettersFrom: (by) => `(:deadLettersFrom::bigint[])[${by}.request]`,
};

function uniformQueue(turnColumn = ""): string {
  return `
      SELECT 1 AS n, :limit::int AS "limit", 0 AS "offset", :exhaustedFrom::bigint AS exhausted_from, q.id,
        greatest(q.low_water, :start::bigint) AS start${turnColumn}
      FROM pool_queues q WHERE ${LIVE_QUEUE}`;
}

/**
 * For one queue whose requests ask for the same, as most that come together do. Measured, it saves the server a tenth.
 */
const UNIFORM: Variant = {
  queue: uniformQueue(),
  fits: "p.bytes <= :maxBytes::bigint OR p.n = 1",
  ttl: () => ":ttlSeconds::bigint",
  grace: () => ":graceSeconds::bigint",
  deadLettersFrom: () => ":deadLettersFrom::bigint",
};

/**
 * Who got the message last, for `deadLettered`. A claim that only holds a dead letter back leaves the holder as it is,
 * and keeps the claim that it replaces.
 */
const deliveredBy = (deadLettersFrom: string) => `
        last_holder = CASE WHEN p.claim_count >= ${deadLettersFrom} THEN m.last_holder
          ELSE (:clientIds::text[])[p.request] END,
        last_delivery = CASE WHEN p.claim_count >= ${deadLettersFrom}
          THEN coalesce(m.last_delivery, m.claim_id, '${NIL}') END`;

/**
 * One pick per queue for all its requests: within a statement its own locks do not exclude it, so two picks of one
 * queue would take the same rows. Each picked row goes to a request by its position, in order of arrival: `recipients`
 * names the request that gets the first, second ... row of a queue. SKIP LOCKED keeps statements apart. A row that
 * changed since the snapshot is judged again as it is once locked, and is then found by its `ctid`. Queues that are
 * deleted or have another epoch are missing in `live`. What would pass the statement's bound in bytes stays as it is.
 */
const acquireText = ({ queue, fits, ttl, grace, deadLettersFrom }: Variant, { isKeyed = false } = {}) => `
    WITH ${CLOCK},
    queue AS MATERIALIZED (${queue}
    ),
    picked AS MATERIALIZED (
      SELECT p.tid, p.queue_id, p.marker, p.claim_count, p.claim_expires_at,
        (:recipients::int[])[w.offset + p.n] AS request, ${fits} AS fits
      FROM queue w CROSS JOIN clock CROSS JOIN LATERAL (
        SELECT p.*, row_number() OVER r AS n, sum(p.size) OVER r AS bytes FROM (
          SELECT m.ctid AS tid, m.queue_id, m.marker, m.claim_count, m.claim_expires_at, ${sizeOf("m")} AS size
          FROM messages m
          WHERE m.queue_id = w.id AND m.marker > w.start AND ${ALIVE} AND ${DUE} AND ${UNCLAIMED}
            AND ${deliverable("w.exhausted_from")}
          ORDER BY m.marker LIMIT w.limit
          FOR UPDATE SKIP LOCKED
        ) AS p WINDOW r AS (ORDER BY p.marker ROWS UNBOUNDED PRECEDING)
      ) AS p WINDOW r AS (ORDER BY w.n, p.n ROWS UNBOUNDED PRECEDING)
    ),
    acquired AS (
      UPDATE messages m SET claim_id = (:claimIds::uuid[])[p.request],
        claim_expires_at = clock.now + ${secondsOf(ttl("p"))},
        ${deliveredBy(deadLettersFrom("p"))},
        claim_count = CASE WHEN p.claim_count >= ${deadLettersFrom("p")} THEN m.claim_count ELSE m.claim_count + 1 END,
        ttl_seconds = CASE WHEN m.expires_at < clock.now + ${secondsOf(ttl("p"))}
          THEN ${ttl("p")} + ${grace("p")} ELSE m.ttl_seconds END,
        expires_at = CASE WHEN m.expires_at < clock.now + ${secondsOf(ttl("p"))}
          THEN clock.now + ${secondsOf(`${ttl("p")} + ${grace("p")}`)} ELSE m.expires_at END
      FROM picked p, clock WHERE m.ctid = p.tid AND p.fits
      RETURNING p.request, p.claim_count >= ${deadLettersFrom("p")} AS dead, p.claim_expires_at IS NOT NULL AS lapsed,
        ${POSTED_COLUMNS}
    ),
    created AS (
      INSERT INTO claims (
        id, queue_id, client_id, actor, created_at, renewed_at, expires_at, ttl_seconds, grace_seconds, markers)
      SELECT (:claimIds::uuid[])[d.request], d.queue_id, (:clientIds::text[])[d.request], (:actors::text[])[d.request],
        clock.now, clock.now, clock.now + ${secondsOf(ttl("d"))}, ${ttl("d")}, ${grace("d")}, d.markers
      FROM clock, (
        SELECT p.request, p.queue_id, array_agg(p.marker) AS markers FROM picked p
        WHERE p.fits AND p.claim_count < ${deadLettersFrom("p")} GROUP BY p.request, p.queue_id
      ) AS d${isKeyed ? " RETURNING id, queue_id, created_at" : ""}
    )${
      isKeyed
        ? `,
    remembered AS (
      INSERT INTO idempotency_keys (queue_id, key, request, result, created_at)
      SELECT c.queue_id, :key, :request, c.id::text, c.created_at FROM created c
    )`
        : ""
    }
    SELECT (SELECT string_agg(q.n::text, ',') FROM queue q) AS live, ${milliseconds("clock.now")} AS now, a.*,
      ${allThatFit("acquired", "picked")}
    FROM clock LEFT JOIN acquired a ON true`;

/**
 * `live`: numbers of the queues that are as the caller knew them, from 1, with commas; null when there is none.
 * `locked`: see allThatFit. `request`: its number, from 1. `lapsed`: the claim that held the message before expired.
 */
export type AcquiredRow = { live: string | null; now: number; locked: number } & (
  | (PostedRow & { request: number; dead: boolean; lapsed: boolean })
  | { marker: null }
);

/** `recipients`: one element for each row that may be picked; the arrays: one for each request. */
const REQUESTS = {
  recipients: int4Array,
  claimIds: uuidArray,
  clientIds: textArray,
  actors: textArray,
  maxBytes: int8,
} as const;

const UNIFORM_PARAMETERS = {
  ...REQUESTS,
  queueId: int8,
  epoch: int8,
  limit: int4,
  start: int8,
  exhaustedFrom: orNull(int8),
  ttlSeconds: int8,
  graceSeconds: int8,
  deadLettersFrom: int8,
} as const;

export const ACQUIRE = statement({
  name: "claim_acquire",
  parameters: {
    ...REQUESTS,
    queueIds: int8Array,
    epochs: int8Array,
    limits: int4Array,
    offsets: int4Array,
    starts: int8Array,
    exhaustedFrom: int8Array,
    ttlSeconds: int8Array,
    graceSeconds: int8Array,
    deadLettersFrom: int8Array,
  },
  row: rowOf<AcquiredRow>(),
  text: acquireText(GENERAL),
});

export const ACQUIRE_UNIFORM = statement({
  name: "claim_acquire_uniform",
  parameters: UNIFORM_PARAMETERS,
  row: rowOf<AcquiredRow>(),
  text: acquireText(UNIFORM),
});

export const ACQUIRE_KEYED = statement({
  name: "claim_acquire_keyed",
  parameters: { ...UNIFORM_PARAMETERS, key: text, request: text },
  row: rowOf<AcquiredRow>(),
  text: acquireText({ ...UNIFORM, queue: uniformQueue(`, ${TURN}`) }, { isKeyed: true }),
});
