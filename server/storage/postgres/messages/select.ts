/** Finds messages by what they are, a slice at a time. */
import { carriedBytes, type MessageController } from "../../data-driver.ts";
import { validUuids } from "../../list-pages.ts";
import { messageBytes } from "../../messages/message-headers.ts";
import { leaveTime, type Selection, type SelectParams, selectByIds } from "../../messages/message-select.ts";
import type { Pool } from "../pool.ts";
import { type QueueRow, STALE } from "../queue-rows.ts";
import { int8 } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import { readText } from "./list.ts";
import { MESSAGE_COLUMNS, type MessageRow, readMessage, sizeOf } from "./rows.ts";
import {
  type BulkGet,
  behind,
  lookedAt,
  narrowed,
  READ_BYTES,
  ROWS,
  rangeOf,
  readerOf,
  rowsAfter,
  SLICE,
  termsOf,
} from "./slices.ts";

interface SliceRow extends MessageRow {
  hit: boolean;
  /** Up to this row: messages that were looked at, and bytes of bodies that were read. */
  examined: number;
  read: number;
  /** Nothing follows. */
  ended: boolean;
}

/**
 * The messages that fit, and the last that it looked at. It takes rows in order, so a limit ends it where it is
 * reached.
 */
const sliceStatement = (order: SelectParams["order"]) =>
  statement({
    name: order === "oldestFirst" ? "message_select_forward" : "message_select_backward",
    parameters: { ...SLICE, limit: int8, maxBytes: int8 },
    row: rowOf<SliceRow | { marker: null }>(),
    text: readText(`
      SELECT ${MESSAGE_COLUMNS}, m.hit, m.examined::float8 AS examined, m.read::float8 AS read,
        m.last AND NOT m.followed AND m.position < :rows::bigint AS ended
      FROM (
        SELECT c.*, count(*) FILTER (WHERE c.alive) OVER w AS examined, count(*) FILTER (WHERE c.hit) OVER w AS hits,
          coalesce(sum(${sizeOf("c")}) FILTER (WHERE c.hit) OVER w, 0) AS carried, lead(false, 1, true) OVER w AS last
        FROM (${lookedAt(order === "oldestFirst" ? "ASC" : "DESC")}
        ) AS c WINDOW w AS (ROWS UNBOUNDED PRECEDING)
      ) AS m
      WHERE (m.hit OR m.last) AND m.hits <= :limit::bigint AND (m.carried <= :maxBytes::bigint OR m.hits <= 1)
      ORDER BY m.position`),
  });

const SLICES = { oldestFirst: sliceStatement("oldestFirst"), newestFirst: sliceStatement("newestFirst") };

export function selectMessages(pool: Pool, bulkGet: BulkGet): MessageController["select"] {
  const { statements, queues, ids } = pool;
  async function select(params: SelectParams, row: QueueRow): Promise<Selection | typeof STALE> {
    const { order, limit, budget, after } = params;
    const end = performance.now() + budget.milliseconds;
    const maxBytes = carriedBytes(params.maxBytes);
    const terms = termsOf(params);
    const selection: Selection = { messages: [], position: after, examined: 0, reachedAt: null, done: false };
    let range = await rangeOf(pool, params, row);
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
      rows = rowsAfter(rows, began);
      await leaveTime(began);
    }
    return STALE;
  }

  return (params) => {
    const { queue, filter } = params;
    if (filter.ids !== undefined) {
      return selectByIds(params, [...new Set(validUuids(filter.ids))], readerOf(bulkGet, queue));
    }
    return queues.with(queue, (row) => select(params, row));
  };
}
