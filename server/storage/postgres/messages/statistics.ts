/** How full queues are: many in one statement. */
import type { MessageController } from "../../data-driver.ts";
import type { CountedQueue, QueueStats } from "../../queue-stats.ts";
import type { Pool } from "../pool.ts";
import { CLOCK, milliseconds } from "../sql/fragments.ts";
import { rowOf, statement } from "../sql/statement.ts";
import {
  byState,
  COUNTED,
  COUNTED_COLUMNS,
  type CountedRow,
  countedParameters,
  countedQueues,
  isLong,
  LONG,
  LONG_COLUMNS,
  longParameters,
  longQueues,
  type States,
} from "./counting.ts";
import { ALIVE } from "./rows.ts";
import { readTotals } from "./totals.ts";

/** A queue of up to so many messages is counted one by one; of a longer one so many are looked at. */
export const EXACT_LIMIT = 10_000;

const endOfQueue = (direction: "ASC" | "DESC") => `
    LEFT JOIN LATERAL (
      SELECT m.marker::text AS marker, m.origin_id::text AS origin, ${milliseconds("m.created_at")} AS created
      FROM messages m WHERE m.queue_id = q.id AND m.marker > low_water.marker AND ${ALIVE}
      ORDER BY m.marker ${direction} LIMIT 1
    )`;

interface StatisticsRow extends CountedRow {
  oldestMarker: string | null;
  oldestOrigin: string | null;
  oldestCreated: number | null;
  newestMarker: string | null;
  newestOrigin: string | null;
  newestCreated: number | null;
}

const STATISTICS = statement({
  name: "queue_statistics",
  parameters: COUNTED,
  row: rowOf<StatisticsRow>(),
  text: `
    WITH ${CLOCK}
    SELECT ${COUNTED_COLUMNS},
      oldest.marker AS "oldestMarker", oldest.origin AS "oldestOrigin", oldest.created AS "oldestCreated",
      newest.marker AS "newestMarker", newest.origin AS "newestOrigin", newest.created AS "newestCreated"
    FROM ${countedQueues(EXACT_LIMIT)}
    ${endOfQueue("ASC")} AS oldest ON true
    ${endOfQueue("DESC")} AS newest ON true`,
});

const LONG_QUEUES = statement({
  name: "queue_statistics_long",
  parameters: LONG,
  row: rowOf<States & { n: number }>(),
  text: `WITH ${CLOCK} SELECT ${LONG_COLUMNS} FROM ${longQueues(EXACT_LIMIT)}`,
});

export function queueStatistics({ statements, queues, counters, ids }: Pool): MessageController["stats"] {
  /** `long`: the states of a queue that was too long to be counted. */
  function read(row: StatisticsRow, long: States | undefined): QueueStats {
    const oldest = stampOf(row.oldestMarker, row.oldestOrigin, row.oldestCreated, row.now);
    const newest = stampOf(row.newestMarker, row.newestOrigin, row.newestCreated, row.now);
    const ends = { oldest, newest, totals: readTotals(row.totals) };
    if (long === undefined) return { ...byState(row.total, row), exact: true, ...ends };
    const counted = row.growth + counters.pendingGrowth(row.queueId);
    if (counted < row.total) counters.doubt(row.queueId);
    // The counters may lag behind what is plainly there, or not know yet that all has expired.
    const total = oldest === null ? 0 : Math.max(counted, row.total);
    return { ...byState(total, long), exact: false, ...ends };
  }

  function stampOf(
    marker: string | null,
    origin: string | null,
    created: number | null,
    now: number,
  ): QueueStats["oldest"] {
    if (marker === null || created === null) return null;
    return {
      id: origin ?? ids.idOf(marker),
      ageSeconds: Math.max(0, Math.floor((now - created) / 1000)),
      createdAt: new Date(created),
    };
  }

  return async (counted: readonly CountedQueue[]) => {
    if (counted.length === 0) return [];
    const rows = await statements.read(STATISTICS, countedParameters(queues, counted));
    const long = rows.filter((row) => isLong(row, EXACT_LIMIT));
    const states = long.length === 0 ? [] : await statements.read(LONG_QUEUES, longParameters(long, counted));
    const statesOf = new Map(states.map((found) => [long[found.n - 1], found]));
    const stats: (QueueStats | null)[] = counted.map(() => null);
    for (const row of rows) stats[row.n - 1] = read(row, statesOf.get(row));
    return stats;
  };
}
