import type { QueueRef, QueueStats } from "../data-driver.ts";
import type { MessageIds } from "./message-id.ts";
import { ALIVE } from "./message-rows.ts";
import type { PoolParts } from "./pool-parts.ts";
import type { PoolQueues } from "./pool-queues.ts";
import type { QueueCounts } from "./queue-counts.ts";
import { clockCte, milliseconds, type Statement, type Statements } from "./statements.ts";

/** Up to here messages are counted one by one. */
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
    SELECT w.n::int AS n, q.id::text AS "queueId", counted.*, counters.growth::float8 AS growth,
      oldest.marker AS "oldestMarker", oldest.origin AS "oldestOrigin", oldest.created AS "oldestCreated",
      newest.marker AS "newestMarker", newest.origin AS "newestOrigin", newest.created AS "newestCreated",
      ${milliseconds("clock.now")} AS now
    FROM unnest($1::text[], $2::text[], $3::bigint[], $5::bigint[], $6::bigint[])
      WITH ORDINALITY AS w(project, name, epoch, remembered, floor, n)
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
        count(*) FILTER (WHERE s.claim_expires_at > clock.now)::float8 AS claimed,
        count(*) FILTER (WHERE s.available_at > clock.now)::float8 AS delayed
      FROM (
        SELECT m.claim_expires_at, m.available_at FROM messages m
        WHERE m.queue_id = q.id AND m.marker > floor.marker AND ${ALIVE}
        ORDER BY m.marker
        LIMIT CASE WHEN counters.growth > ${EXACT_LIMIT} THEN 0 ELSE ${EXACT_LIMIT} + 1 END
      ) AS s
    ) AS counted
    ${stamp("ASC")} AS oldest ON true
    ${stamp("DESC")} AS newest ON true`,
};

/** What a long queue's counters cannot say. Live claims hold few messages beside a long queue; beyond the limit their sizes are added up. */
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
        SELECT 1 FROM messages m WHERE m.queue_id = $1 AND m.available_at > clock.now LIMIT ${EXACT_LIMIT}
      ) AS d)::float8 AS delayed
    FROM size, clock`,
};

interface StatisticsRow {
  n: number;
  queueId: string;
  total: number;
  claimed: number;
  delayed: number;
  growth: number;
  oldestMarker: string | null;
  oldestOrigin: string | null;
  oldestCreated: number | null;
  newestMarker: string | null;
  newestOrigin: string | null;
  newestCreated: number | null;
  now: number;
}

/** How full queues are: many in one statement. */
export class QueueStatistics {
  readonly #statements: Statements;
  readonly #queues: PoolQueues;
  readonly #counts: QueueCounts;
  readonly #ids: MessageIds;
  readonly #clock: { offsetMs: number };

  constructor(parts: PoolParts) {
    this.#statements = parts.statements;
    this.#queues = parts.queues;
    this.#counts = parts.counts;
    this.#ids = parts.ids;
    this.#clock = parts.clock;
  }

  async of(queues: readonly QueueRef[]): Promise<(QueueStats | null)[]> {
    if (queues.length === 0) return [];
    const remembered = queues.map((queue) => this.#queues.peek(queue));
    const rows = await this.#statements.read<StatisticsRow>(STATISTICS, [
      queues.map((queue) => queue.project),
      queues.map((queue) => queue.name),
      queues.map((queue) => queue.epoch ?? null),
      this.#clock.offsetMs / 1000,
      remembered.map((row) => row?.id ?? null),
      remembered.map((row) => row?.floor ?? null),
    ]);
    const stats: (QueueStats | null)[] = queues.map(() => null);
    await Promise.all(
      rows.map(async (row) => {
        stats[row.n - 1] = await this.#read(row);
      }),
    );
    return stats;
  }

  async #read(row: StatisticsRow): Promise<QueueStats> {
    const oldest = this.#stamp(row.oldestMarker, row.oldestOrigin, row.oldestCreated, row.now);
    const newest = this.#stamp(row.newestMarker, row.newestOrigin, row.newestCreated, row.now);
    const exact = row.growth <= EXACT_LIMIT && row.total <= EXACT_LIMIT;
    if (exact) {
      const { total, claimed, delayed } = row;
      return { total, claimed, delayed, free: total - claimed, exact, oldest, newest };
    }
    const [long] = await this.#statements.read<{ claimed: number; delayed: number }>(LONG_QUEUE, [
      row.queueId,
      this.#clock.offsetMs / 1000,
    ]);
    const counted = row.growth + this.#counts.pendingGrowth(row.queueId);
    if (counted < row.total) this.#counts.doubt(row.queueId);
    // The counters may lag behind what is plainly there, or not know yet that all has expired.
    const total = oldest === null ? 0 : Math.max(counted, row.total);
    const claimed = Math.min(long?.claimed ?? 0, total);
    return { total, claimed, free: total - claimed, delayed: long?.delayed ?? 0, exact, oldest, newest };
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
