/** The statement that acquires messages for claims. */
import { NIL } from "../../list-pages.ts";
import { TURN } from "../idempotency.ts";
import { ALIVE, DUE, deliverable, POSTED_COLUMNS, type PostedRow, sizeOf, UNCLAIMED } from "../messages/rows.ts";
import { int4Array, int8Array, textArray, uuidArray } from "../sql/array-parameter.ts";
import { allThatFit, CLOCK, LIVE_QUEUE, liveQueues, milliseconds, NOW } from "../sql/fragments.ts";
import { int4, int8, orNull, text } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";

const secondsOf = (count: string) => `(${count}) * interval '1 second'`;

/** How the statement gets what belongs to a queue or a request. */
interface Variant {
  /** The CTE `queue`: the queues that are as the caller knew them, each with the statement's one time. */
  queue: string;
  /** One row for all of them: see AcquiredRow. */
  live: string;
  /**
   * Whether a picked row, the n-th of its queue, is among those whose bodies the statement carries; `r` is the window
   * of all rows so far.
   */
  fits: string;
  /** What the request asked for. */
  ttl: (request: string) => string;
  grace: (request: string) => string;
  /** From this count on a message is a dead letter. */
  deadLettersFrom: (request: string) => string;
}

/** Any requests for any queues. */
const GENERAL: Variant = {
  queue: `${CLOCK},
    queue AS MATERIALIZED (
      SELECT clock.now, w.n, (:limits::int[])[w.n] AS "limit", (:offsets::int[])[w.n] AS "offset",
        (:exhaustedFrom::bigint[])[w.n] AS exhausted_from, q.id,
        greatest(q.low_water, (:starts::bigint[])[w.n]) AS start
      FROM clock CROSS JOIN ${liveQueues("q.id, q.low_water", "CROSS")}
    )`,
  live: "SELECT string_agg(q.n::text, ',') AS live, min(q.now) AS now FROM queue q",
  fits: "sum(p.size) OVER r <= :maxBytes::bigint OR row_number() OVER r = 1",
  ttl: (request) => `(:ttlSeconds::bigint[])[${request}]`,
  grace: (request) => `(:graceSeconds::bigint[])[${request}]`,
  deadLettersFrom: (request) => `(:deadLettersFrom::bigint[])[${request}]`,
};

/**
 * For one queue whose requests ask for the same, as most that come together do. Measured, it saves the server a tenth.
 */
const uniform = (turnColumn = ""): Variant => ({
  queue: `queue AS MATERIALIZED (
      SELECT ${NOW} AS now, 1 AS n, :limit::int AS "limit", 0 AS "offset", :exhaustedFrom::bigint AS exhausted_from,
        q.id, greatest(q.low_water, :start::bigint) AS start${turnColumn}
      FROM pool_queues q WHERE ${LIVE_QUEUE}
    )`,
  live: "SELECT '1' AS live, q.now FROM queue q",
  fits: "p.bytes <= :maxBytes::bigint OR p.n = 1",
  ttl: () => ":ttlSeconds::bigint",
  grace: () => ":graceSeconds::bigint",
  deadLettersFrom: () => ":deadLettersFrom::bigint",
});

/** The number of the request that a row goes to which is picked as the n-th of its queue. */
const RECIPIENT = "(:recipients::int[])[w.offset + p.n]";

/**
 * One pick per queue for all its requests: within a statement its own locks do not exclude it, so two picks of one
 * queue would take the same rows. Each picked row goes to a request by its position, in order of arrival: `recipients`
 * names the request that gets the first, second ... row of a queue. SKIP LOCKED keeps statements apart. A row that
 * changed since the snapshot is judged again as it is once locked, and is then found by its `ctid`. Queues that are
 * deleted or have another epoch are missing in `live`. What would pass the statement's bound in bytes stays as it is.
 *
 * `last_holder` and `last_delivery` are who got the message last, for `deadLettered`. A claim that only holds a dead
 * letter back leaves the holder as it is, and keeps the claim that it replaces.
 *
 * For a claim of one message PostgreSQL spends most of its time on getting the plan ready, by the number of its nodes
 * and expressions. So what is used twice is a column of `picked`.
 */
const acquireText = ({ queue, live, fits, ttl, grace, deadLettersFrom }: Variant, { isKeyed = false } = {}) => `
    WITH ${queue},
    picked AS MATERIALIZED (
      SELECT w.now, w.now + ${secondsOf(ttl(RECIPIENT))} AS claim_expires, p.tid, p.queue_id, p.marker, p.lapsed,
        ${RECIPIENT} AS request, p.claim_count >= ${deadLettersFrom(RECIPIENT)} AS dead, ${fits} AS fits
      FROM queue w CROSS JOIN LATERAL (SELECT w.now) AS clock CROSS JOIN LATERAL (
        SELECT p.*, row_number() OVER r AS n, sum(p.size) OVER r AS bytes FROM (
          SELECT m.ctid AS tid, m.queue_id, m.marker, m.claim_count, m.claim_expires_at IS NOT NULL AS lapsed,
            ${sizeOf("m")} AS size
          FROM messages m
          WHERE m.queue_id = w.id AND m.marker > w.start AND ${ALIVE} AND ${DUE} AND ${UNCLAIMED}
            AND ${deliverable("w.exhausted_from")}
          ORDER BY m.marker LIMIT w.limit
          FOR UPDATE SKIP LOCKED
        ) AS p WINDOW r AS (ROWS UNBOUNDED PRECEDING)
      ) AS p WINDOW r AS (ORDER BY w.n, p.n ROWS UNBOUNDED PRECEDING)
    ),
    acquired AS (
      UPDATE messages m SET claim_id = (:claimIds::uuid[])[p.request], claim_expires_at = p.claim_expires,
        last_holder = CASE WHEN p.dead THEN m.last_holder ELSE (:clientIds::text[])[p.request] END,
        last_delivery = CASE WHEN p.dead THEN coalesce(m.last_delivery, m.claim_id, '${NIL}') END,
        claim_count = CASE WHEN p.dead THEN m.claim_count ELSE m.claim_count + 1 END,
        ttl_seconds = CASE WHEN m.expires_at < p.claim_expires
          THEN ${ttl("p.request")} + ${grace("p.request")} ELSE m.ttl_seconds END,
        expires_at = CASE WHEN m.expires_at < p.claim_expires
          THEN p.claim_expires + ${secondsOf(grace("p.request"))} ELSE m.expires_at END
      FROM picked p WHERE m.ctid = p.tid AND p.fits
      RETURNING p.request, p.dead, p.lapsed, ${POSTED_COLUMNS}
    ),
    created AS (
      INSERT INTO claims (
        id, queue_id, client_id, actor, created_at, renewed_at, expires_at, ttl_seconds, grace_seconds, markers)
      SELECT (:claimIds::uuid[])[d.request], d.queue_id, (:clientIds::text[])[d.request], (:actors::text[])[d.request],
        d.now, d.now, d.claim_expires, ${ttl("d.request")}, ${grace("d.request")}, d.markers
      FROM (
        SELECT p.request, p.queue_id, p.now, p.claim_expires, array_agg(p.marker) AS markers FROM picked p
        WHERE p.fits AND NOT p.dead GROUP BY p.request, p.queue_id, p.now, p.claim_expires
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
    SELECT q.live, ${milliseconds("q.now")} AS now, a.*, ${allThatFit("acquired", "picked")}
    FROM (${live}) AS q LEFT JOIN acquired a ON true`;

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
  text: acquireText(uniform()),
});

export const ACQUIRE_KEYED = statement({
  name: "claim_acquire_keyed",
  parameters: { ...UNIFORM_PARAMETERS, key: text, request: text },
  row: rowOf<AcquiredRow>(),
  text: acquireText(uniform(`, ${TURN}`), { isKeyed: true }),
});
