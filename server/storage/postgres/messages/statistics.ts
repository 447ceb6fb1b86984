/** How full queues are: many in one statement. */
import type { CountedQueue, MessageController, QueueStats } from "../../data-driver.ts";
import type { Pool } from "../pool.ts";
import { int8Array, textArray } from "../sql/array-parameter.ts";
import { CLOCK, milliseconds } from "../sql/fragments.ts";
import { int8, orNull } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import { ALIVE, DUE, UNCLAIMED } from "./rows.ts";

/** A queue of up to so many messages is counted one by one; of a longer one so many are looked at. */
export const EXACT_LIMIT = 10_000;

const endOfQueue = (direction: "ASC" | "DESC") => `
    LEFT JOIN LATERAL (
      SELECT m.marker::text AS marker, m.origin_id::text AS origin, ${milliseconds("m.created_at")} AS created
      FROM messages m WHERE m.queue_id = q.id AND m.marker > low_water.marker AND ${ALIVE}
      ORDER BY m.marker ${direction} LIMIT 1
    )`;

interface StatisticsRow {
  /** The queue's number in the call, from 1. */
  n: number;
  queueId: string;
  total: number;
  claimed: number;
  delayed: number;
  exhausted: number;
  growth: number;
  lowWater: string;
  oldestMarker: string | null;
  oldestOrigin: string | null;
  oldestCreated: number | null;
  newestMarker: string | null;
  newestOrigin: string | null;
  newestCreated: number | null;
  now: number;
}

/**
 * A queue that is short by its counters is counted, up to one more than the limit. A long one is not, so that its
 * statistics cost the same whatever its length. `knownIds` and `lowWaters`: the rows that this process remembers, and
 * markers at or below which they have no message.
 */
const STATISTICS = statement({
  name: "queue_statistics",
  parameters: {
    projects: textArray,
    names: textArray,
    epochs: int8Array,
    knownIds: int8Array,
    lowWaters: int8Array,
    exhaustedFrom: int8Array,
  },
  row: rowOf<StatisticsRow>(),
  text: `
    WITH ${CLOCK}
    SELECT w.n::int AS n, q.id::text AS "queueId", counted.*, counters.growth::float8 AS growth,
      low_water.marker::text AS "lowWater",
      oldest.marker AS "oldestMarker", oldest.origin AS "oldestOrigin", oldest.created AS "oldestCreated",
      newest.marker AS "newestMarker", newest.origin AS "newestOrigin", newest.created AS "newestCreated",
      ${milliseconds("clock.now")} AS now
    FROM unnest(:projects::text[], :names::text[], :epochs::bigint[], :knownIds::bigint[], :lowWaters::bigint[],
        :exhaustedFrom::bigint[])
      WITH ORDINALITY AS w(project, name, epoch, known_id, low_water, exhausted_from, n)
    JOIN pool_queues q ON q.project = w.project AND q.name = w.name AND q.state = 'live'
      AND (w.epoch IS NULL OR q.epoch = w.epoch)
    CROSS JOIN clock
    CROSS JOIN LATERAL (
      SELECT greatest(q.low_water, CASE WHEN q.id = w.known_id THEN w.low_water ELSE 0 END) AS marker
    ) AS low_water
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(c.posted - c.deleted - c.expired), 0) AS growth FROM queue_counts c WHERE c.queue_id = q.id
    ) AS counters
    CROSS JOIN LATERAL (
      SELECT count(*)::float8 AS total,
        count(*) FILTER (WHERE NOT ${UNCLAIMED})::float8 AS claimed,
        count(*) FILTER (WHERE ${UNCLAIMED} AND NOT ${DUE})::float8 AS delayed,
        count(*) FILTER (WHERE ${UNCLAIMED} AND ${DUE} AND m.claim_count >= w.exhausted_from)::float8 AS exhausted
      FROM (
        SELECT m.claim_expires_at, m.available_at, m.claim_count FROM messages m
        WHERE m.queue_id = q.id AND m.marker > low_water.marker AND ${ALIVE}
        ORDER BY m.marker
        LIMIT CASE WHEN counters.growth > ${EXACT_LIMIT} THEN 0 ELSE ${EXACT_LIMIT} + 1 END
      ) AS m
    ) AS counted
    ${endOfQueue("ASC")} AS oldest ON true
    ${endOfQueue("DESC")} AS newest ON true`,
});

/**
 * What a long queue's counters cannot say. `claimed`: live claims hold few messages beside a long queue, so they are
 * looked up; beyond the limit the claims' sizes are added up. `delayed`: up to the limit. `exhausted`: among the
 * oldest, where exhausted messages gather.
 *
 * Hazard: `+ 0` keeps the primary key from serving the delayed ones. In a plan that was made while the table was empty
 * it costs the same as the index of what is delayed, and would later walk over the whole queue.
 */
const LONG_QUEUE = statement({
  name: "queue_statistics_long",
  parameters: { queueId: int8, lowWater: int8, exhaustedFrom: orNull(int8) },
  row: rowOf<States>(),
  text: `
    WITH ${CLOCK},
    live AS MATERIALIZED (
      SELECT c.id, c.queue_id, c.markers FROM claims c, clock WHERE c.queue_id = :queueId AND c.expires_at > clock.now
    ),
    size AS (SELECT coalesce(sum(cardinality(l.markers)), 0) AS held FROM live l)
    SELECT
      CASE WHEN size.held > ${EXACT_LIMIT} THEN size.held ELSE (
        SELECT count(*) FROM live l CROSS JOIN LATERAL unnest(l.markers) AS t(marker) CROSS JOIN LATERAL (
          SELECT 1 FROM messages m WHERE m.queue_id = l.queue_id AND m.marker = t.marker
            AND m.marker > :lowWater::bigint AND m.claim_id = l.id AND m.claim_expires_at > clock.now AND ${ALIVE} LIMIT 1
        ) AS m
      ) END::float8 AS claimed,
      (SELECT count(*) FROM (
        SELECT 1 FROM messages m
        WHERE m.queue_id = :queueId AND m.available_at > clock.now AND m.marker + 0 > :lowWater::bigint
          AND ${ALIVE} AND ${UNCLAIMED} LIMIT ${EXACT_LIMIT}
      ) AS d)::float8 AS delayed,
      (SELECT count(*) FILTER (WHERE ${UNCLAIMED} AND ${DUE} AND m.claim_count >= :exhaustedFrom) FROM (
        SELECT m.claim_expires_at, m.available_at, m.claim_count FROM messages m
        WHERE m.queue_id = :queueId AND m.marker > :lowWater::bigint AND ${ALIVE}
        ORDER BY m.marker LIMIT CASE WHEN :exhaustedFrom::bigint IS NULL THEN 0 ELSE ${EXACT_LIMIT} END
      ) AS m)::float8 AS exhausted
    FROM size, clock`,
});

type States = Pick<QueueStats, "claimed" | "delayed" | "exhausted">;

/**
 * What is in none of the counted states is ready. The total of a long queue may be lower than what was counted beside
 * it.
 */
function byState(total: number, counted: States | undefined): States & Pick<QueueStats, "ready" | "total"> {
  const claimed = Math.min(counted?.claimed ?? 0, total);
  const delayed = Math.min(counted?.delayed ?? 0, total - claimed);
  const exhausted = Math.min(counted?.exhausted ?? 0, total - claimed - delayed);
  return { total, claimed, delayed, exhausted, ready: total - claimed - delayed - exhausted };
}

export function queueStatistics({ statements, queues, counters, ids }: Pool): MessageController["stats"] {
  async function read(row: StatisticsRow, exhaustedFrom: number | null): Promise<QueueStats> {
    const oldest = stampOf(row.oldestMarker, row.oldestOrigin, row.oldestCreated, row.now);
    const newest = stampOf(row.newestMarker, row.newestOrigin, row.newestCreated, row.now);
    const exact = row.growth <= EXACT_LIMIT && row.total <= EXACT_LIMIT;
    if (exact) return { ...byState(row.total, row), exact, oldest, newest };
    const { queueId, lowWater } = row;
    const [long] = await statements.read(LONG_QUEUE, { queueId, lowWater, exhaustedFrom });
    const counted = row.growth + counters.pendingGrowth(queueId);
    if (counted < row.total) counters.doubt(queueId);
    // The counters may lag behind what is plainly there, or not know yet that all has expired.
    const total = oldest === null ? 0 : Math.max(counted, row.total);
    return { ...byState(total, long), exact, oldest, newest };
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
    const known = counted.map((queue) => queues.peek(queue));
    const rows = await statements.read(STATISTICS, {
      projects: counted.map((queue) => queue.project),
      names: counted.map((queue) => queue.name),
      epochs: counted.map((queue) => queue.epoch ?? null),
      knownIds: known.map((row) => row?.id ?? null),
      lowWaters: known.map((row) => row?.lowWater ?? null),
      exhaustedFrom: counted.map(({ exhaustedFrom }) => exhaustedFrom ?? null),
    });
    const stats: (QueueStats | null)[] = counted.map(() => null);
    await Promise.all(
      rows.map(async (row) => {
        stats[row.n - 1] = await read(row, counted[row.n - 1]?.exhaustedFrom ?? null);
      }),
    );
    return stats;
  };
}
