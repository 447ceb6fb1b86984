/** The statement that takes messages for claims. */
import { ALIVE, DUE, deliverable, FREE, POSTED_COLUMNS, type PostedRow } from "../messages/rows.ts";
import { allThatFit, clockCte, milliseconds, type Statement } from "../sql/statements.ts";

const secondsOf = (count: string) => `(${count}) * interval '1 second'`;

/** How a statement spells its parameters: for each queue and request, or once for all. */
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
  most: (by: string) => string;
}

const GENERAL: Variant = {
  queue: `
      SELECT w.n, ($3::int[])[w.n] AS take, ($15::int[])[w.n] AS "offset", ($5::bigint[])[w.n] AS exhausted_from, q.id,
        greatest(q.low_water, ($4::bigint[])[w.n]) AS floor
      FROM unnest($1::bigint[]) WITH ORDINALITY AS w(id, n) CROSS JOIN LATERAL (
        SELECT q.id, q.low_water FROM pool_queues q WHERE q.id = w.id AND q.epoch = ($2::bigint[])[w.n] AND q.state = 'live' LIMIT 1
      ) AS q`,
  fits: "sum(p.size) OVER r <= $14::bigint OR row_number() OVER r = 1",
  ttl: (by) => `($8::bigint[])[${by}.request]`,
  grace: (by) => `($9::bigint[])[${by}.request]`,
  most: (by) => `($10::bigint[])[${by}.request]`,
};

/**
 * For one queue whose requests ask for the same, as most that come together do. Measured, it saves the server a tenth.
 */
const UNIFORM: Variant = {
  queue: `
      SELECT 1 AS n, $3::int AS take, 0 AS "offset", $5::bigint AS exhausted_from, q.id, greatest(q.low_water, $4::bigint) AS floor
      FROM pool_queues q WHERE q.id = $1 AND q.epoch = $2 AND q.state = 'live'`,
  fits: "p.bytes <= $14::bigint OR p.n = 1",
  ttl: () => "$8::bigint",
  grace: () => "$9::bigint",
  most: () => "$10::bigint",
};

/**
 * One pick per queue for all its requests: within a statement its own locks do not exclude it, so two picks of one
 * queue would take the same rows. What was picked is dealt out by place, in order of arrival: `owners` names the
 * request that gets the first, second ... row of a queue. SKIP LOCKED keeps statements apart, and a row that changed
 * since the snapshot is judged again as it is once locked, and is then found by its place. Queues that are gone or have
 * another epoch are missing in `fresh`. What would pass the statement's bound in bytes is left as it is.
 */
const takeStatement = (name: string, { queue, fits, ttl, grace, most }: Variant, keyed = false): Statement => ({
  name,
  text: `
    WITH ${clockCte(13)},
    queue AS MATERIALIZED (${queue}
    ),
    picked AS MATERIALIZED (
      SELECT p.place, p.queue_id, p.marker, p.claim_count, ($6::int[])[w.offset + p.n] AS request, ${fits} AS fits
      FROM queue w CROSS JOIN clock CROSS JOIN LATERAL (
        SELECT p.*, row_number() OVER r AS n, sum(p.size) OVER r AS bytes FROM (
          SELECT m.ctid AS place, m.queue_id, m.marker, m.claim_count, octet_length(m.body) AS size FROM messages m
          WHERE m.queue_id = w.id AND m.marker > w.floor AND ${ALIVE} AND ${DUE} AND ${FREE}
            AND ${deliverable("w.exhausted_from")}
          ORDER BY m.marker LIMIT w.take
          FOR UPDATE SKIP LOCKED
        ) AS p WINDOW r AS (ROWS UNBOUNDED PRECEDING)
      ) AS p WINDOW r AS (ROWS UNBOUNDED PRECEDING)
    ),
    taken AS (
      UPDATE messages m SET claim_id = ($7::uuid[])[p.request],
        claim_expires_at = clock.now + ${secondsOf(ttl("p"))},
        claim_count = CASE WHEN p.claim_count >= ${most("p")} THEN m.claim_count ELSE m.claim_count + 1 END,
        ttl_seconds = CASE WHEN m.expires_at < clock.now + ${secondsOf(ttl("p"))} THEN ${ttl("p")} + ${grace("p")} ELSE m.ttl_seconds END,
        expires_at = CASE WHEN m.expires_at < clock.now + ${secondsOf(ttl("p"))}
          THEN clock.now + ${secondsOf(`${ttl("p")} + ${grace("p")}`)} ELSE m.expires_at END
      FROM picked p, clock WHERE m.ctid = p.place AND p.fits
      RETURNING p.request, p.claim_count >= ${most("p")} AS dead, ${POSTED_COLUMNS}
    ),
    made AS (
      INSERT INTO claims (id, queue_id, client_id, actor, created_at, renewed_at, expires_at, ttl_seconds, grace_seconds, markers)
      SELECT ($7::uuid[])[d.request], d.queue_id, ($11::text[])[d.request], ($12::text[])[d.request], clock.now, clock.now,
        clock.now + ${secondsOf(ttl("d"))}, ${ttl("d")}, ${grace("d")}, d.markers
      FROM clock, (
        SELECT p.request, p.queue_id, array_agg(p.marker) AS markers FROM picked p
        WHERE p.fits AND p.claim_count < ${most("p")} GROUP BY p.request, p.queue_id
      ) AS d${keyed ? " RETURNING id, queue_id, created_at" : ""}
    )${
      keyed
        ? `,
    remembered AS (
      INSERT INTO idempotency_keys (queue_id, key, request, result, created_at)
      SELECT c.queue_id, $15, $16, c.id::text, c.created_at FROM made c
    )`
        : ""
    }
    SELECT (SELECT string_agg(q.n::text, ',') FROM queue q) AS fresh, ${milliseconds("clock.now")} AS now, t.*,
      ${allThatFit("taken", "picked")}
    FROM clock LEFT JOIN taken t ON true`,
});

export const TAKE = takeStatement("claim_take", GENERAL);
export const TAKE_UNIFORM = takeStatement("claim_take_alike", UNIFORM);
export const TAKE_KEYED = takeStatement("claim_take_keyed", UNIFORM, true);

/**
 * `fresh`: places of the queues that are as the caller knew them, joined by commas; null when there is none. `locked`:
 * see allThatFit.
 */
export type TakenRow = { fresh: string | null; now: number; locked: number } & (
  | (PostedRow & { request: number; dead: boolean })
  | { marker: null }
);
