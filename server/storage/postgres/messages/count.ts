/** Counts messages by what they are, a slice at a time. */

import type { MessageController } from "../../data-driver.ts";
import { validUuids } from "../../list-pages.ts";
import {
  addCounted,
  type CountParams,
  countByIds,
  leaveTime,
  type MessageCount,
  type MessagePlace,
  nothingCounted,
} from "../../messages/message-select.ts";
import type { Pool } from "../pool.ts";
import { type QueueRow, STALE } from "../queue-rows.ts";
import { milliseconds } from "../sql/fragments.ts";
import { rowOf, statement } from "../sql/statement.ts";
import { readText } from "./list.ts";
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

interface CountRow {
  matching: number;
  claimed: number;
  /** The last message that it looked at. */
  marker: string;
  created: number;
  examined: number;
  read: number;
  ended: boolean;
  oldest: string | null;
  oldestCreated: number | null;
  newest: string | null;
  newestCreated: number | null;
}

/** The first or the last of the messages that fit. */
const endOf = (sort: "ASC" | "DESC", name: string) => `LEFT JOIN LATERAL (
        SELECT h.marker::text AS "${name}", ${milliseconds("h.created_at")} AS "${name}Created" FROM looked h WHERE h.hit
        ORDER BY h.position ${sort} LIMIT 1
      ) AS ${name} ON true`;

const COUNT = statement({
  name: "message_count",
  parameters: SLICE,
  row: rowOf<CountRow | { marker: null }>(),
  text: readText(`
      WITH looked AS MATERIALIZED (
        SELECT c.marker, c.created_at, c.hit, c.held, c.alive, c.read, c.position, c.followed FROM (${lookedAt("ASC")}
        ) AS c
      )
      SELECT l.marker::text AS marker, ${milliseconds("l.created_at")} AS created, l.read::float8 AS read,
        NOT l.followed AND l.position < :rows::bigint AS ended, counted.*, oldest.*, newest.*
      FROM (SELECT l.* FROM looked l ORDER BY l.position DESC LIMIT 1) AS l
      CROSS JOIN (
        SELECT count(*) FILTER (WHERE c.hit)::int AS matching, count(*) FILTER (WHERE c.hit AND c.held)::int AS claimed,
          count(*) FILTER (WHERE c.alive)::int AS examined FROM looked c
      ) AS counted
      ${endOf("ASC", "oldest")} ${endOf("DESC", "newest")}`),
});

export function countMessages(pool: Pool, bulkGet: BulkGet): MessageController["count"] {
  const { statements, queues } = pool;

  async function count(params: CountParams, row: QueueRow): Promise<MessageCount | typeof STALE> {
    const { budget, after } = params;
    const end = performance.now() + budget.milliseconds;
    const terms = termsOf(params);
    const count = nothingCounted(after);
    let range = await rangeOf(pool, { ...params, order: "oldestFirst" }, row);
    let rows = ROWS.first;
    let read = 0;
    while (range !== STALE) {
      const began = performance.now();
      const { id: queueId, epoch, lowWater } = row;
      const [found] = await statements.read(COUNT, {
        ...{ queueId, epoch, lowWater, ...terms, ...range },
        rows: Math.min(rows, budget.messages - count.examined),
        readBytes: Math.min(READ_BYTES, budget.bytes - read),
      });
      if (found === undefined) return STALE;
      count.done = found.marker === null || found.ended;
      if (found.marker === null) return count;
      addCounted(count, {
        ...found,
        position: found.marker,
        reachedAt: new Date(found.created),
        oldest: placeOf(found.oldest, found.oldestCreated),
        newest: placeOf(found.newest, found.newestCreated),
      });
      read += found.read;
      const isSpent = count.examined >= budget.messages || read >= budget.bytes || performance.now() >= end;
      if (count.done || isSpent) return count;
      range = narrowed(range, behind(found.marker, "oldestFirst"));
      rows = rowsAfter(rows, began);
      await leaveTime(began);
    }
    return STALE;
  }

  return (params) => {
    const { queue, filter } = params;
    if (filter.ids !== undefined) {
      return countByIds(params, [...new Set(validUuids(filter.ids))], readerOf(bulkGet, queue));
    }
    return queues.with(queue, (row) => count(params, row));
  };
}

const placeOf = (marker: string | null, created: number | null): MessagePlace | null =>
  marker === null || created === null ? null : { marker, createdAt: new Date(created) };
