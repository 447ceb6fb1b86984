/** Finds messages by what they are, a slice at a time. */
import { carriedBytes, type MessageController } from "../../data-driver.ts";
import { numberMarker, validUuids } from "../../list-pages.ts";
import { messageBytes } from "../../messages/message-headers.ts";
import { leaveTime, type Selection, type SelectParams, selectByIds } from "../../messages/message-select.ts";
import type { Pool } from "../pool.ts";
import { type QueueRow, STALE } from "../queue-rows.ts";
import { bool, int8, orNull, text } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import { LAST_BEFORE, timestamp } from "./last-before.ts";
import { readText } from "./list.ts";
import { ALIVE, DUE, deliverable, MESSAGE_COLUMNS, type MessageRow, readMessage, sizeOf, UNCLAIMED } from "./rows.ts";

/** Messages that a statement looks at: at first, and at most. */
const ROWS = { first: 500, most: 20_000 };
/** How long a statement should take. The next one looks at more messages when one took less, and at fewer otherwise. */
const STATEMENT_MS = 100;
/** The most bytes of bodies that a statement looks into; at least one body. */
const READ_BYTES = 16 * 1_048_576;

interface SliceRow extends MessageRow {
  hit: boolean;
  /** Up to this row: messages that were looked at, and bytes of bodies that were read. */
  examined: number;
  read: number;
  /** Nothing follows. */
  ended: boolean;
}

/**
 * The messages that fit among the next `:rows` ones, and the last that it looked at. It takes rows in order, so a limit
 * ends it where it is reached. What follows depends on the sizes of bodies and not on their text, so PostgreSQL reads a
 * large body only to look into it, or to return it.
 *
 * Hazard: without OFFSET 0 it would look into each body once for each use of `hit`.
 */
const sliceStatement = (order: SelectParams["order"]) => {
  const sort = order === "oldestFirst" ? "ASC" : "DESC";
  return statement({
    name: order === "oldestFirst" ? "message_select_forward" : "message_select_backward",
    parameters: {
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
      postedFrom: orNull(text),
      postedBefore: orNull(text),
      contains: orNull(text),
      rows: int8,
      readBytes: int8,
      limit: int8,
      maxBytes: int8,
    },
    row: rowOf<SliceRow | { marker: null }>(),
    text: readText(`
      SELECT ${MESSAGE_COLUMNS}, m.hit, m.examined::float8 AS examined, m.read::float8 AS read,
        m.last AND NOT m.followed AND m.position < :rows::bigint AS ended
      FROM (
        SELECT c.*, count(*) FILTER (WHERE c.alive) OVER w AS examined, count(*) FILTER (WHERE c.hit) OVER w AS hits,
          coalesce(sum(${sizeOf("c")}) FILTER (WHERE c.hit) OVER w, 0) AS carried, lead(false, 1, true) OVER w AS last
        FROM (
          SELECT b.*, b.fits AND (:contains::text IS NULL OR strpos(b.body, :contains) > 0) AS hit FROM (
            SELECT o.*, row_number() OVER r AS position, lead(true, 1, false) OVER r AS followed, CASE
                WHEN :contains::text IS NULL THEN 0 ELSE coalesce(sum(octet_length(o.body)) FILTER (WHERE o.fits) OVER r, 0)
              END AS read
            FROM (
              SELECT m.*, ${ALIVE} AS alive, ${ALIVE} AND CASE
                  WHEN NOT ${UNCLAIMED} THEN :claimed::bool WHEN NOT ${DUE} THEN :delayed::bool
                  WHEN NOT ${deliverable(":exhaustedFrom::bigint")} THEN :exhausted::bool ELSE :ready::bool
                END
                AND (:clientId::text IS NULL OR m.client_id IS NOT DISTINCT FROM :clientId)
                AND m.claim_count >= :minClaimCount::bigint
                AND (:postedFrom::timestamptz IS NULL OR m.created_at >= :postedFrom::timestamptz)
                AND (:postedBefore::timestamptz IS NULL OR m.created_at < :postedBefore::timestamptz) AS fits
              FROM messages m
              WHERE m.queue_id = q.id AND m.marker > greatest(q.low_water, :above::bigint) AND m.marker <= :upTo::bigint
              ORDER BY m.marker ${sort} LIMIT :rows::bigint
            ) AS o WINDOW r AS (ROWS UNBOUNDED PRECEDING)
          ) AS b WHERE b.read <= :readBytes::bigint OR b.position = 1 OFFSET 0
        ) AS c WINDOW w AS (ROWS UNBOUNDED PRECEDING)
      ) AS m
      WHERE (m.hit OR m.last) AND m.hits <= :limit::bigint AND (m.carried <= :maxBytes::bigint OR m.hits <= 1)
      ORDER BY m.position`),
  });
};

const SLICES = { oldestFirst: sliceStatement("oldestFirst"), newestFirst: sliceStatement("newestFirst") };

const HIGHEST = (2n ** 63n - 1n).toString();

/** The markers that are left to look at: above the one, up to the other. */
interface Range {
  above: string;
  upTo: string;
}

function narrowed({ above, upTo }: Range, within: Partial<Range>): Range {
  const higher = (a: string, b = "0") => (BigInt(b) > BigInt(a) ? b : a);
  const lower = (a: string, b = HIGHEST) => (BigInt(b) < BigInt(a) ? b : a);
  return { above: higher(above, within.above), upTo: lower(upTo, within.upTo) };
}

/** The range behind a marker, in the order of reading. */
function behind(marker: string, order: SelectParams["order"]): Partial<Range> {
  return order === "oldestFirst" ? { above: marker } : { upTo: (BigInt(marker) - 1n).toString() };
}

export function selectMessages(
  { statements, queues, ids }: Pool,
  bulkGet: MessageController["bulkGet"],
): MessageController["select"] {
  /** What the filter and the position leave. */
  async function rangeOf({ filter, after, order }: SelectParams, row: QueueRow): Promise<Range | typeof STALE> {
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

  function termsOf({ filter, exhaustedFrom = null }: SelectParams) {
    const { states, clientId = null, minClaimCount = 0, bodyContains = null, postedFrom, postedBefore } = filter;
    const has = (state: NonNullable<typeof states>[number]) => states === undefined || states.includes(state);
    return {
      ready: has("ready"),
      claimed: has("claimed"),
      delayed: has("delayed"),
      exhausted: has("exhausted"),
      exhaustedFrom,
      clientId,
      minClaimCount,
      contains: bodyContains,
      postedFrom: postedFrom === undefined ? null : timestamp(postedFrom),
      postedBefore: postedBefore === undefined ? null : timestamp(postedBefore),
    };
  }

  async function select(params: SelectParams, row: QueueRow): Promise<Selection | typeof STALE> {
    const { order, limit, budget, after } = params;
    const end = performance.now() + budget.milliseconds;
    const maxBytes = carriedBytes(params.maxBytes);
    const terms = termsOf(params);
    const selection: Selection = { messages: [], position: after, examined: 0, reachedAt: null, done: false };
    let range = await rangeOf(params, row);
    let rows = ROWS.first;
    let [read, carried] = [0, 0];
    while (range !== STALE) {
      const began = performance.now();
      const asked = {
        ...range,
        rows: Math.min(rows, budget.messages - selection.examined),
        readBytes: Math.min(READ_BYTES, budget.bytes - read),
        limit: limit - selection.messages.length,
        maxBytes: maxBytes - carried,
      };
      const { id: queueId, epoch, lowWater } = row;
      const found = await statements.read(SLICES[order], { queueId, epoch, lowWater, ...terms, ...asked });
      if (found.length === 0) return STALE;
      const slice = found.filter((one) => one.marker !== null);
      const last = slice.at(-1);
      selection.done = last === undefined || last.ended;
      if (last === undefined) return selection;
      const messages = slice.filter(({ hit }) => hit).map((one) => readMessage(one, ids));
      const bytes = messages.reduce((sum, message) => sum + messageBytes(message), 0);
      // A statement returns at least one message, which may be too large for the rest.
      if (carried > 0 && carried + bytes > maxBytes) return selection;
      selection.messages.push(...messages);
      selection.position = last.marker;
      selection.examined += last.examined;
      selection.reachedAt = new Date(last.created);
      [read, carried] = [read + last.read, carried + bytes];
      const isFull = selection.messages.length >= limit || carried >= maxBytes;
      const isSpent = selection.examined >= budget.messages || read >= budget.bytes || performance.now() >= end;
      if (selection.done || isFull || isSpent) return selection;
      range = narrowed(range, behind(last.marker, order));
      rows = Math.min(ROWS.most, performance.now() - began < STATEMENT_MS ? rows * 4 : Math.max(ROWS.first, rows / 4));
      await leaveTime(began);
    }
    return STALE;
  }

  return (params) => {
    const { queue, filter } = params;
    if (filter.ids !== undefined) {
      return selectByIds(params, [...new Set(validUuids(filter.ids))], (some, maxBytes) =>
        bulkGet({ queue, ids: some, maxBytes }),
      );
    }
    return queues.with(queue, (row) => select(params, row));
  };
}
