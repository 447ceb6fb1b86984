import type { CountedQueue, QueueStats } from "../../data-driver.ts";
import type { Pool } from "../pool.ts";
import type { QueueRows } from "../queue-rows.ts";
import { clockCte, milliseconds, type Statement, type Statements } from "../sql/statements.ts";
import type { Counters } from "./counters.ts";
import type { MessageIds } from "./ids.ts";
import { ALIVE, DUE, FREE } from "./rows.ts";

/** Up to here messages are counted one by one; and of a longer queue so many are looked at. */
export const EXACT_LIMIT = 10_000;

const stamp = (direction: "ASC" | "DESC") => `
  LEFT JOIN LATERAL (
    SELECT m.marker::text AS marker, m.origin_id::text AS origin, ${milliseconds("m.created_at")} AS created
    FROM messages m WHERE m.queue_id = q.id AND m.marker > floor.marker AND ${ALIVE}
    ORDER BY m.marker ${direction} LIMIT 1
  )`;

/**
 * A queue that its counters call short is counted, up to one more than the limit; a long one is not, so that its statistics
 * cost the same whatever its length.
 */
const STATISTICS: Statement = {
  name: "queue_statistics",
  text: `
    WITH ${clockCte(4)}
    SELECT w.n::int AS n, q.id::text AS "queueId", counted.*, counters.growth::float8 AS growth, floor.marker::text AS floor,
      oldest.marker AS "oldestMarker", oldest.origin AS "oldestOrigin", oldest.created AS "oldestCreated",
      newest.marker AS "newestMarker", newest.origin AS "newestOrigin", newest.created AS "newestCreated",
      ${milliseconds("clock.now")} AS now
    FROM unnest($1::text[], $2::text[], $3::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
      WITH ORDINALITY AS w(project, name, epoch, remembered, floor, exhausted_from, n)
    JOIN pool_queues q ON q.project = w.project AND q.name = w.name AND q.state = 'live' AND (w.epoch IS NULL OR q.epoch = w.epoch)
    CROSS JOIN clock
    CROSS JOIN LATERAL (
      SELECT greatest(q.low_water, CASE WHEN q.id = w.remembered THEN w.floor ELSE 0 END) AS marker
    ) AS floor
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(c.posted - c.deleted - c.expired), 0) AS growth FROM queue_counts c WHERE c.queue_id = q.id
    ) AS counters
    CROSS JOIN LATERAL (
      SELECT count(*)::float8 AS total,
        count(*) FILTER (WHERE NOT ${FREE})::float8 AS claimed,
        count(*) FILTER (WHERE ${FREE} AND NOT ${DUE})::float8 AS delayed,
        count(*) FILTER (WHERE ${FREE} AND ${DUE} AND m.claim_count >= w.exhausted_from)::float8 AS exhausted
      FROM (
        SELECT m.claim_expires_at, m.available_at, m.claim_count FROM messages m
        WHERE m.queue_id = q.id AND m.marker > floor.marker AND ${ALIVE}
        ORDER BY m.marker
        LIMIT CASE WHEN counters.growth > ${EXACT_LIMIT} THEN 0 ELSE ${EXACT_LIMIT} + 1 END
      ) AS m
    ) AS counted
    ${stamp("ASC")} AS oldest ON true
    ${stamp("DESC")} AS newest ON true`,
};

/**
 * What a long queue's counters cannot say. Live claims hold few messages beside a long queue; beyond the limit their
 * sizes are added up. Of what is delayed as many are counted, and what is exhausted is counted among the oldest, for
 * there it gathers.
 *
 * Hazard: `+ 0` keeps the primary key from serving the delayed ones. In a plan that was made while the table was empty
 * it costs the same as the index of what is delayed, and would later walk over the whole queue.
 */
const LONG_QUEUE: Statement = {
  name: "queue_statistics_long",
  text: `
    WITH ${clockCte(2)},
    live AS MATERIALIZED (
      SELECT c.id, c.queue_id, c.markers FROM claims c, clock WHERE c.queue_id = $1 AND c.expires_at > clock.now
    ),
    size AS (SELECT coalesce(sum(cardinality(l.markers)), 0) AS held FROM live l)
    SELECT
      CASE WHEN size.held > ${EXACT_LIMIT} THEN size.held ELSE (
        SELECT count(*) FROM live l CROSS JOIN LATERAL unnest(l.markers) AS t(marker) CROSS JOIN LATERAL (
          SELECT 1 FROM messages m WHERE m.queue_id = l.queue_id AND m.marker = t.marker
            AND m.claim_id = l.id AND m.claim_expires_at > clock.now AND ${ALIVE} LIMIT 1
        ) AS m
      ) END::float8 AS claimed,
      (SELECT count(*) FROM (
        SELECT 1 FROM messages m
        WHERE m.queue_id = $1 AND m.available_at > clock.now AND m.marker + 0 > $4::bigint AND ${ALIVE} AND ${FREE} LIMIT ${EXACT_LIMIT}
      ) AS d)::float8 AS delayed,
      (SELECT count(*) FILTER (WHERE ${FREE} AND ${DUE} AND m.claim_count >= $3) FROM (
        SELECT m.claim_expires_at, m.available_at, m.claim_count FROM messages m
        WHERE m.queue_id = $1 AND m.marker > $4::bigint AND ${ALIVE}
        ORDER BY m.marker LIMIT CASE WHEN $3::bigint IS NULL THEN 0 ELSE ${EXACT_LIMIT} END
      ) AS m)::float8 AS exhausted
    FROM size, clock`,
};

interface StatisticsRow {
  n: number;
  queueId: string;
  total: number;
  claimed: number;
  delayed: number;
  exhausted: number;
  growth: number;
  floor: string;
  oldestMarker: string | null;
  oldestOrigin: string | null;
  oldestCreated: number | null;
  newestMarker: string | null;
  newestOrigin: string | null;
  newestCreated: number | null;
  now: number;
}

type States = Pick<QueueStats, "claimed" | "delayed" | "exhausted">;

/** What is in none of these states is ready. The total of a long queue may be lower than what was counted beside it. */
function divided(total: number, counted: States | undefined): States & Pick<QueueStats, "ready" | "total"> {
  const claimed = Math.min(counted?.claimed ?? 0, total);
  const delayed = Math.min(counted?.delayed ?? 0, total - claimed);
  const exhausted = Math.min(counted?.exhausted ?? 0, total - claimed - delayed);
  return { total, claimed, delayed, exhausted, ready: total - claimed - delayed - exhausted };
}

/** How full queues are: many in one statement. */
export class QueueStatistics {
  readonly #statements: Statements;
  readonly #queues: QueueRows;
  readonly #counts: Counters;
  readonly #ids: MessageIds;
  readonly #clock: { offsetMs: number };

  constructor(parts: Pool) {
    this.#statements = parts.statements;
    this.#queues = parts.queues;
    this.#counts = parts.counts;
    this.#ids = parts.ids;
    this.#clock = parts.clock;
  }

  async of(queues: readonly CountedQueue[]): Promise<(QueueStats | null)[]> {
    if (queues.length === 0) return [];
    const remembered = queues.map((queue) => this.#queues.peek(queue));
    const rows = await this.#statements.read<StatisticsRow>(STATISTICS, [
      queues.map((queue) => queue.project),
      queues.map((queue) => queue.name),
      queues.map((queue) => queue.epoch ?? null),
      this.#clock.offsetMs / 1000,
      remembered.map((row) => row?.id ?? null),
      remembered.map((row) => row?.floor ?? null),
      queues.map(({ exhaustedFrom }) => exhaustedFrom ?? null),
    ]);
    const stats: (QueueStats | null)[] = queues.map(() => null);
    await Promise.all(
      rows.map(async (row) => {
        stats[row.n - 1] = await this.#read(row, queues[row.n - 1]?.exhaustedFrom ?? null);
      }),
    );
    return stats;
  }

  async #read(row: StatisticsRow, exhaustedFrom: number | null): Promise<QueueStats> {
    const oldest = this.#stamp(row.oldestMarker, row.oldestOrigin, row.oldestCreated, row.now);
    const newest = this.#stamp(row.newestMarker, row.newestOrigin, row.newestCreated, row.now);
    const exact = row.growth <= EXACT_LIMIT && row.total <= EXACT_LIMIT;
    if (exact) return { ...divided(row.total, row), exact, oldest, newest };
    const [long] = await this.#statements.read<States>(LONG_QUEUE, [
      row.queueId,
      this.#clock.offsetMs / 1000,
      exhaustedFrom,
      row.floor,
    ]);
    const counted = row.growth + this.#counts.pendingGrowth(row.queueId);
    if (counted < row.total) this.#counts.doubt(row.queueId);
    // The counters may lag behind what is plainly there, or not know yet that all has expired.
    const total = oldest === null ? 0 : Math.max(counted, row.total);
    return { ...divided(total, long), exact, oldest, newest };
  }

  #stamp(marker: string | null, origin: string | null, created: number | null, now: number): QueueStats["oldest"] {
    if (marker === null || created === null) return null;
    return {
      id: origin ?? this.#ids.idOf(marker),
      ageSeconds: Math.max(0, Math.floor((now - created) / 1000)),
      createdAt: new Date(created),
    };
  }
}
