/** Samples in the control database, shared by all processes. Its clock stamps them. */
import type pg from "pg";
import type { ErrorCode } from "../errors.ts";
import { markerField, numberMarker, pageOf, readsBackward } from "../storage/list-pages.ts";
import { translatePostgresError } from "../storage/postgres/sql/connection.ts";
import type { HealthHistory, HealthInterval, OperationInterval } from "./health-history.ts";

const KEPT_SECONDS = 86_400;
/** As many as a hundred pools have in a day. With more pools, the oldest samples are deleted sooner. */
const MAX_SAMPLES = 300_000;
const TRIM_BATCH = 5000;

interface IntervalRow {
  pool: string;
  /** Begin of the interval: seconds since 1970, a multiple of the step. */
  begins: number;
  last_at: Date | null;
  samples: number;
  unreachable: number;
  failing: number;
  error_code: ErrorCode | null;
  percentiles: number[] | null;
}

const SUMMARY = `max(h.taken_at) AS last_at, count(h.id)::int AS samples,
  count(*) FILTER (WHERE NOT h.reachable)::int AS unreachable,
  count(*) FILTER (WHERE h.reachable AND h.took_ms IS NULL)::int AS failing,
  (array_agg(h.error_code ORDER BY h.taken_at DESC) FILTER (WHERE h.error_code IS NOT NULL))[1] AS error_code,
  percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY h.took_ms) AS percentiles`;

const SQL = {
  add: `
    INSERT INTO health_samples
      (pool, taken_at, reachable, error_code, took_ms, operations, milliseconds, error_codes)
    VALUES ($1, clock_timestamp() + make_interval(secs => $2), $3, $4, $5, $6, $7, $8)`,
  intervals: (direction: "ASC" | "DESC") => `
    SELECT p.pool, (i.bucket * $2)::float8 AS begins, i.* FROM unnest($1::text[]) WITH ORDINALITY AS p(pool, ordinal)
    CROSS JOIN LATERAL (
      SELECT b.bucket, ${SUMMARY}
      FROM health_samples h
      CROSS JOIN LATERAL (SELECT floor(extract(epoch FROM h.taken_at) / $2::int)::bigint AS bucket) b
      WHERE h.pool = p.pool AND ($3::timestamptz IS NULL OR h.taken_at >= $3)
        AND ($4::bigint IS NULL OR b.bucket * $2 < $4) AND ($5::bigint IS NULL OR b.bucket * $2 > $5)
      GROUP BY b.bucket ORDER BY b.bucket ${direction} LIMIT $6
    ) AS i ORDER BY p.ordinal, i.bucket ${direction}`,
  latest: `
    WITH present AS (
      SELECT floor(extract(epoch FROM clock_timestamp() + make_interval(secs => $4)) / $2::int)::bigint AS bucket)
    SELECT p.pool, (b.bucket * $2)::float8 AS begins, ${SUMMARY}
    FROM unnest($1::text[]) WITH ORDINALITY AS p(pool, ordinal) CROSS JOIN present
    CROSS JOIN LATERAL generate_series(present.bucket - $3::int + 1, present.bucket) AS b(bucket)
    LEFT JOIN health_samples h ON h.pool = p.pool
      AND h.taken_at >= to_timestamp(b.bucket * $2) AND h.taken_at < to_timestamp((b.bucket + 1) * $2)
    GROUP BY p.ordinal, p.pool, b.bucket ORDER BY p.ordinal, b.bucket`,
  operations: `
    SELECT i.ordinal::int AS ordinal, o.operation, count(*)::int AS samples, count(o.error_code)::int AS failed,
      (array_agg(o.error_code ORDER BY h.taken_at DESC) FILTER (WHERE o.error_code IS NOT NULL))[1] AS error_code,
      percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY o.milliseconds)
        FILTER (WHERE o.error_code IS NULL) AS percentiles
    FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) WITH ORDINALITY AS i(pool, begins, ends, ordinal)
    JOIN health_samples h ON h.pool = i.pool AND h.taken_at >= i.begins AND h.taken_at < i.ends AND h.reachable
    CROSS JOIN LATERAL unnest(h.operations, h.milliseconds, h.error_codes)
      WITH ORDINALITY AS o(operation, milliseconds, error_code, ordinal)
    GROUP BY i.ordinal, o.operation ORDER BY i.ordinal, min(o.ordinal)`,
  lastAt: "SELECT taken_at FROM health_samples ORDER BY id DESC LIMIT 1",
  forget: "DELETE FROM health_samples WHERE pool = $1",
  trim: `DELETE FROM health_samples WHERE id IN (SELECT id FROM health_samples ORDER BY id LIMIT ${TRIM_BATCH})
    AND (taken_at <= clock_timestamp() + make_interval(secs => $1::float8 - ${KEPT_SECONDS})
      OR id <= (SELECT max(id) FROM health_samples) - $2::bigint)`,
};

/** The caller closes `connections`. `clock` moves the store's time forward, for tests. */
export function createHealthHistory(params: {
  connections: pg.Pool;
  clock: { offsetMs: number };
  everySeconds: number;
  maxSamples?: number;
}): HealthHistory {
  const { connections, clock, everySeconds, maxSamples = MAX_SAMPLES } = params;
  const ahead = () => clock.offsetMs / 1000;

  async function run<Row extends object>(text: string, values: unknown[], wrote = false) {
    try {
      return await connections.query<Row>(text, values);
    } catch (error) {
      throw translatePostgresError(error, { wrote });
    }
  }

  return {
    everySeconds,
    keptSeconds: KEPT_SECONDS,

    async add({ pool, reachable, errorCode, operations }) {
      const allWell = reachable && operations.every((one) => one.errorCode === null);
      const tookMs = allWell ? operations.reduce((sum, one) => sum + one.milliseconds, 0) : null;
      const lists = [
        operations.map((one) => one.operation),
        operations.map((one) => one.milliseconds),
        operations.map((one) => one.errorCode),
      ];
      await run(SQL.add, [pool, ahead(), reachable, errorCode, tookMs, ...lists], true);
    },

    async intervals({ pools, stepSeconds, since, page }) {
      const { after, before, limit } = page;
      const markers = [after, before].map((marker) =>
        marker === undefined ? null : numberMarker(marker, markerField(page)),
      );
      const direction = readsBackward(page) ? "ASC" : "DESC";
      const values = [[...new Set(pools)], stepSeconds, since ?? null, ...markers, limit + 1];
      const { rows } = await run<IntervalRow>(SQL.intervals(direction), values);
      const byPool = Map.groupBy(rows, ({ pool }) => pool);
      return pools.map((pool) =>
        pageOf(
          (byPool.get(pool) ?? []).map((row) => toInterval(row, stepSeconds)),
          page,
          markerOf,
        ),
      );
    },

    async latest({ pools, stepSeconds, steps }) {
      const { rows } = await run<IntervalRow>(SQL.latest, [pools, stepSeconds, steps, ahead()]);
      return pools.map((_, index) =>
        rows.slice(index * steps, (index + 1) * steps).map((row) => toInterval(row, stepSeconds)),
      );
    },

    async operations(intervals) {
      const found: OperationInterval[][] = intervals.map(() => []);
      const { rows } = await run<Omit<IntervalRow, "pool"> & { ordinal: number; operation: string; failed: number }>(
        SQL.operations,
        [intervals.map((one) => one.pool), intervals.map((one) => one.from), intervals.map((one) => one.until)],
      );
      for (const { ordinal, operation, samples, failed, error_code: errorCode, percentiles } of rows) {
        found[ordinal - 1]?.push({ operation, samples, failed, errorCode, ...toPercentiles(percentiles) });
      }
      return found;
    },

    async lastAt() {
      const { rows } = await run<{ taken_at: Date }>(SQL.lastAt, []);
      return rows[0]?.taken_at ?? null;
    },

    async forget(pool) {
      await run(SQL.forget, [pool], true);
    },

    async trim() {
      return (await run(SQL.trim, [ahead(), maxSamples], true)).rowCount ?? 0;
    },
  };
}

function toInterval(row: IntervalRow, stepSeconds: number): HealthInterval {
  return {
    pool: row.pool,
    from: new Date(row.begins * 1000),
    until: new Date((row.begins + stepSeconds) * 1000),
    lastAt: row.last_at,
    samples: row.samples,
    unreachable: row.unreachable,
    failing: row.failing,
    errorCode: row.error_code,
    ...toPercentiles(row.percentiles),
  };
}

/** Rounds to microseconds. */
function toPercentiles(percentiles: number[] | null): { p50Ms: number | null; p95Ms: number | null } {
  const [p50Ms = null, p95Ms = null] = (percentiles ?? []).map((value) => Math.round(value * 1000) / 1000);
  return { p50Ms, p95Ms };
}

/** A position in every list of intervals, whatever its step. */
function markerOf({ from }: Pick<HealthInterval, "from">): string {
  return String(from.getTime() / 1000);
}
