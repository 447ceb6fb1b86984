/** How select and count look at a queue: the messages of a slice, and which of them fit a filter. */
import type { MessageController } from "../../data-driver.ts";
import { numberMarker } from "../../list-pages.ts";
import type { SelectParams, selectByIds } from "../../messages/message-select.ts";
import type { QueueRef } from "../../queue-ref.ts";
import type { Pool } from "../pool.ts";
import { type QueueRow, STALE } from "../queue-rows.ts";
import { bool, int8, orNull, text } from "../sql/parameter-types.ts";
import { LAST_BEFORE, timestamp } from "./last-before.ts";
import { ALIVE, DUE, deliverable, UNCLAIMED } from "./rows.ts";

/** Messages that a statement looks at: at first, and at most. */
export const ROWS = { first: 500, most: 20_000 };
/** How long a statement should take. The next one looks at more messages when one took less, and at fewer otherwise. */
const STATEMENT_MS = 100;
/** The most bytes of bodies that a statement looks into; at least one body. */
export const READ_BYTES = 16 * 1_048_576;

/** What a statement that looks at a slice gets. */
export const SLICE = {
  queueId: int8,
  epoch: int8,
  lowWater: int8,
  above: int8,
  upTo: int8,
  ready: bool,
  claimed: bool,
  delayed: bool,
  exhausted: bool,
  exhaustedFrom: orNull(int8),
  clientId: orNull(text),
  minClaimCount: int8,
  holder: orNull(text),
  claimEndsBefore: orNull(text),
  postedFrom: orNull(text),
  postedBefore: orNull(text),
  contains: orNull(text),
  rows: int8,
  readBytes: int8,
} as const;

/**
 * The next `:rows` messages of the queue `q` that are looked at, in order. Of each: `hit` (it fits), `alive`, `held` by
 * a live claim, its `position`, whether others follow (`followed`), and how many bytes of bodies were `read` up to it.
 * What follows depends on the sizes of bodies and not on their text, so PostgreSQL reads a large body only to look into
 * it, or to return it.
 *
 * Hazard: without OFFSET 0 it would look into each body once for each use of `hit`.
 */
export const lookedAt = (sort: "ASC" | "DESC") => `
          SELECT b.*, b.fits AND (:contains::text IS NULL OR strpos(b.body, :contains) > 0) AS hit FROM (
            SELECT o.*, row_number() OVER r AS position, lead(true, 1, false) OVER r AS followed, CASE
                WHEN :contains::text IS NULL THEN 0 ELSE coalesce(sum(octet_length(o.body)) FILTER (WHERE o.fits) OVER r, 0)
              END AS read
            FROM (
              SELECT m.*, ${ALIVE} AS alive, NOT ${UNCLAIMED} AS held, ${ALIVE} AND CASE
                  WHEN NOT ${UNCLAIMED} THEN :claimed::bool WHEN NOT ${DUE} THEN :delayed::bool
                  WHEN NOT ${deliverable(":exhaustedFrom::bigint")} THEN :exhausted::bool ELSE :ready::bool
                END
                AND (:clientId::text IS NULL OR m.client_id IS NOT DISTINCT FROM :clientId)
                AND m.claim_count >= :minClaimCount::bigint
                AND (:claimEndsBefore::timestamptz IS NULL
                  OR (NOT ${UNCLAIMED} AND m.claim_expires_at < :claimEndsBefore::timestamptz))
                AND (:holder::text IS NULL OR (NOT ${UNCLAIMED} AND EXISTS (
                  SELECT 1 FROM claims k WHERE k.queue_id = m.queue_id AND k.id = m.claim_id
                    AND coalesce(k.client_id, k.actor) = :holder)))
                AND (:postedFrom::timestamptz IS NULL OR m.created_at >= :postedFrom::timestamptz)
                AND (:postedBefore::timestamptz IS NULL OR m.created_at < :postedBefore::timestamptz) AS fits
              FROM messages m
              WHERE m.queue_id = q.id AND m.marker > greatest(q.low_water, :above::bigint) AND m.marker <= :upTo::bigint
              ORDER BY m.marker ${sort} LIMIT :rows::bigint
            ) AS o WINDOW r AS (ROWS UNBOUNDED PRECEDING)
          ) AS b WHERE b.read <= :readBytes::bigint OR b.position = 1 OFFSET 0`;

const HIGHEST = (2n ** 63n - 1n).toString();

/** The markers that are left to look at: above the one, up to the other. */
export interface Range {
  above: string;
  upTo: string;
}

export function narrowed({ above, upTo }: Range, within: Partial<Range>): Range {
  const higher = (a: string, b = "0") => (BigInt(b) > BigInt(a) ? b : a);
  const lower = (a: string, b = HIGHEST) => (BigInt(b) < BigInt(a) ? b : a);
  return { above: higher(above, within.above), upTo: lower(upTo, within.upTo) };
}

/** The range behind a marker, in the order of reading. */
export function behind(marker: string, order: SelectParams["order"]): Partial<Range> {
  return order === "oldestFirst" ? { above: marker } : { upTo: (BigInt(marker) - 1n).toString() };
}

/** What the filter and the position leave. */
export async function rangeOf(
  { statements }: Pool,
  { filter, after, order }: Pick<SelectParams, "filter" | "after" | "order">,
  row: QueueRow,
): Promise<Range | typeof STALE> {
  const { postedFrom, postedBefore, aboveMarker, upToMarker } = filter;
  let range: Range = { above: "0", upTo: HIGHEST };
  if (after !== undefined) range = narrowed(range, behind(numberMarker(after), order));
  range = narrowed(range, { above: aboveMarker ?? "0", upTo: upToMarker ?? HIGHEST });
  const queue = { queueId: row.id, epoch: row.epoch, lowWater: row.lowWater };
  for (const [time, bound] of [[postedFrom, "above"] as const, [postedBefore, "upTo"] as const]) {
    if (time === undefined) continue;
    const [last] = await statements.read(LAST_BEFORE, { ...queue, time: timestamp(time) });
    if (last === undefined) return STALE;
    range = narrowed(range, { [bound]: last.marker });
  }
  return range;
}

export function termsOf({ filter, exhaustedFrom = null }: Pick<SelectParams, "filter" | "exhaustedFrom">) {
  const { states, clientId = null, minClaimCount = 0, holder = null, bodyContains = null } = filter;
  const { claimEndsBefore, postedFrom, postedBefore } = filter;
  const orNone = (time: Date | undefined) => (time === undefined ? null : timestamp(time));
  const has = (state: NonNullable<typeof states>[number]) => states === undefined || states.includes(state);
  return {
    ready: has("ready"),
    claimed: has("claimed"),
    delayed: has("delayed"),
    exhausted: has("exhausted"),
    exhaustedFrom,
    clientId,
    minClaimCount,
    holder,
    claimEndsBefore: orNone(claimEndsBefore),
    contains: bodyContains,
    postedFrom: orNone(postedFrom),
    postedBefore: orNone(postedBefore),
  };
}

/** How many messages the next statement looks at, after one that looked at `rows` and began at `began`. */
export const rowsAfter = (rows: number, began: number) =>
  Math.min(ROWS.most, performance.now() - began < STATEMENT_MS ? rows * 4 : Math.max(ROWS.first, rows / 4));

export type BulkGet = MessageController["bulkGet"];

/** Reads messages for `selectByIds`. */
export const readerOf =
  (bulkGet: BulkGet, queue: QueueRef): Parameters<typeof selectByIds>[2] =>
  (ids, maxBytes) =>
    bulkGet({ queue, ids, maxBytes });
