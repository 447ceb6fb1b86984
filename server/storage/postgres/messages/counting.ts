/** How messages of queues are counted by their state, for statistics and for readings. */
import type { CountedQueue, MessageCounts } from "../../queue-stats.ts";
import type { QueueRows } from "../queue-rows.ts";
import { int8Array, textArray } from "../sql/array-parameter.ts";
import { milliseconds } from "../sql/fragments.ts";
import { ALIVE, DUE, UNCLAIMED } from "./rows.ts";
import { TOTALS_OF_QUEUE } from "./totals.ts";

export type States = Pick<MessageCounts, "claimed" | "delayed" | "exhausted">;

/** One element for each queue. */
export const COUNTED = {
  projects: textArray,
  names: textArray,
  epochs: int8Array,
  knownIds: int8Array,
  lowWaters: int8Array,
  exhaustedFrom: int8Array,
} as const;

/**
 * `knownIds` and `lowWaters`: the rows that this process remembers, and markers at or below which they have nothing.
 */
export function countedParameters(queues: Pick<QueueRows, "peek">, counted: readonly CountedQueue[]) {
  const known = counted.map((queue) => queues.peek(queue));
  return {
    projects: counted.map((queue) => queue.project),
    names: counted.map((queue) => queue.name),
    epochs: counted.map((queue) => queue.epoch ?? null),
    knownIds: known.map((row) => row?.id ?? null),
    lowWaters: known.map((row) => row?.lowWater ?? null),
    exhaustedFrom: counted.map(({ exhaustedFrom }) => exhaustedFrom ?? null),
  };
}

export interface CountedRow extends States {
  /** The queue's number in the call, from 1. */
  n: number;
  queueId: string;
  total: number;
  growth: number;
  lowWater: string;
  totals: string | null;
  now: number;
}

/** The columns of CountedRow, beside `countedQueues`. */
export const COUNTED_COLUMNS = `
    w.n::int AS n, q.id::text AS "queueId", counted.*, counters.growth::float8 AS growth,
    low_water.marker::text AS "lowWater", ${TOTALS_OF_QUEUE} AS totals, ${milliseconds("clock.now")} AS now`;

/**
 * A FROM clause, beside `clock`. A queue that is short by its counters is counted, up to one more than `limit`. A long
 * one is not, so that it costs the same whatever its length. `more`: further columns of `counted`.
 */
export const countedQueues = (limit: number, more = "") => `
    unnest(:projects::text[], :names::text[], :epochs::bigint[], :knownIds::bigint[], :lowWaters::bigint[],
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
        count(*) FILTER (WHERE ${UNCLAIMED} AND ${DUE} AND m.claim_count >= w.exhausted_from)::float8 AS exhausted${more}
      FROM (
        SELECT m.claim_expires_at, m.available_at, m.claim_count, m.created_at, m.expires_at FROM messages m
        WHERE m.queue_id = q.id AND m.marker > low_water.marker AND ${ALIVE}
        ORDER BY m.marker
        LIMIT CASE WHEN counters.growth > ${limit} THEN 0 ELSE ${limit} + 1 END
      ) AS m
    ) AS counted`;

/** One element for each queue. */
export const LONG = { queueIds: int8Array, afters: int8Array, exhaustedFrom: int8Array } as const;

/** The columns of States, beside `longQueues`. */
export const LONG_COLUMNS = `
    w.n::int AS n, held.claimed::float8 AS claimed, waiting.delayed::float8 AS delayed,
    worn.exhausted::float8 AS exhausted`;

/**
 * A FROM clause, beside `clock`: what the counters of long queues cannot say. `claimed`: live claims hold few messages
 * beside a long queue, so they are looked up; beyond `limit` the claims' sizes are added up. `delayed`: up to the
 * limit. `exhausted`: among the oldest, where exhausted messages gather.
 *
 * Hazard: `+ 0` keeps the primary key from serving the delayed ones. In a plan that was made while the table was empty
 * it costs the same as the index of what is delayed, and would later walk over the whole queue.
 */
export const longQueues = (limit: number) => `
    unnest(:queueIds::bigint[], :afters::bigint[], :exhaustedFrom::bigint[])
      WITH ORDINALITY AS w(queue_id, low_water, exhausted_from, n)
    CROSS JOIN clock
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(cardinality(c.markers)), 0) AS messages, min(c.expires_at) AS lapses
      FROM claims c WHERE c.queue_id = w.queue_id AND c.expires_at > clock.now
    ) AS claims
    CROSS JOIN LATERAL (
      SELECT CASE WHEN claims.messages > ${limit} THEN claims.messages ELSE (
        SELECT count(*) FROM claims c CROSS JOIN LATERAL unnest(c.markers) AS t(marker) CROSS JOIN LATERAL (
          SELECT 1 FROM messages m WHERE m.queue_id = c.queue_id AND m.marker = t.marker
            AND m.marker > w.low_water AND m.claim_id = c.id AND m.claim_expires_at > clock.now AND ${ALIVE} LIMIT 1
        ) AS m
        WHERE c.queue_id = w.queue_id AND c.expires_at > clock.now
      ) END AS claimed
    ) AS held
    CROSS JOIN LATERAL (
      SELECT count(*) AS delayed, min(d.available_at) AS ready_at FROM (
        SELECT m.available_at FROM messages m
        WHERE m.queue_id = w.queue_id AND m.available_at > clock.now AND m.marker + 0 > w.low_water
          AND ${ALIVE} AND ${UNCLAIMED} ORDER BY m.available_at LIMIT ${limit}
      ) AS d
    ) AS waiting
    CROSS JOIN LATERAL (
      SELECT count(*) FILTER (WHERE ${UNCLAIMED} AND ${DUE} AND m.claim_count >= w.exhausted_from) AS exhausted FROM (
        SELECT m.claim_expires_at, m.available_at, m.claim_count FROM messages m
        WHERE m.queue_id = w.queue_id AND m.marker > w.low_water AND ${ALIVE}
        ORDER BY m.marker LIMIT CASE WHEN w.exhausted_from IS NULL THEN 0 ELSE ${limit} END
      ) AS m
    ) AS worn`;

/** Whether more than `limit` messages are in the queue, so that they were not counted, or not all. */
export const isLong = ({ growth, total }: CountedRow, limit: number) => growth > limit || total > limit;

/** For the long ones among `counted`. */
export const longParameters = (rows: readonly CountedRow[], counted: readonly CountedQueue[]) => ({
  queueIds: rows.map(({ queueId }) => queueId),
  afters: rows.map(({ lowWater }) => lowWater),
  exhaustedFrom: rows.map(({ n }) => counted[n - 1]?.exhaustedFrom ?? null),
});

/**
 * What is in none of the counted states is ready. The total of a long queue may be lower than what was counted beside
 * it.
 */
export function byState(total: number, counted: States | undefined): States & Pick<MessageCounts, "ready" | "total"> {
  const claimed = Math.min(counted?.claimed ?? 0, total);
  const delayed = Math.min(counted?.delayed ?? 0, total - claimed);
  const exhausted = Math.min(counted?.exhausted ?? 0, total - claimed - delayed);
  return { total, claimed, delayed, exhausted, ready: total - claimed - delayed - exhausted };
}
