/** Pieces of SQL that many statements share. */

/** A condition on `pool_queues q`: it is the row that the caller knows, and takes part in calls. */
export const LIVE_QUEUE = liveQueue(":queueId", ":epoch");

/** LIVE_QUEUE for an id and an epoch that are written otherwise. */
export function liveQueue(id: string, epoch: string): string {
  return `q.id = ${id} AND q.epoch = ${epoch} AND q.state = 'live'`;
}

/**
 * The rows of the queues `:queueIds` with the epochs `:epochs`, as `w (id, n)` and `q`, in the order given. `join`:
 * LEFT keeps a row, with nulls for `q`, for a queue that is deleted or has another epoch; CROSS leaves it out.
 */
export function liveQueues(columns: string, join: "LEFT" | "CROSS"): string {
  return `unnest(:queueIds::bigint[]) WITH ORDINALITY AS w(id, n) ${join} JOIN LATERAL (
        SELECT ${columns} FROM pool_queues q WHERE ${liveQueue("w.id", "(:epochs::bigint[])[w.n]")} LIMIT 1
      ) AS q${join === "LEFT" ? " ON true" : ""}`;
}

/** The pool's time. Each use reads the clock anew: a statement that needs one time throughout uses CLOCK. */
export const NOW = "clock_timestamp() + make_interval(secs => :clockOffset::float8)";

/** The first of a statement's CTEs: `clock.now` is the one time of the statement. */
export const CLOCK = `clock AS MATERIALIZED (SELECT ${NOW} AS now)`;

/** CLOCK, read once the CTE `done` is complete: so a time is never older than the lock under which it was read. */
export function clockAfter(done: string): string {
  return `clock AS MATERIALIZED (SELECT ${NOW} AS now FROM (SELECT count(*) FROM ${done}) AS done)`;
}

/**
 * A point in time as whole milliseconds since 1970. JavaScript reads a number faster than a timestamp, and PostgreSQL
 * prints a whole one faster.
 */
export function milliseconds(expression: string): string {
  return `floor(date_part('epoch', ${expression}) * 1000)`;
}

/**
 * A column that makes the statement fail, and change nothing, unless two counts are equal: of the rows that it locked,
 * and of those that it then changed.
 *
 * Hazard: a row is locked in its latest version, but looked up by `ctid` in the statement's snapshot. A row that
 * somebody changed between the snapshot and the lock is not found by its `ctid`; the next try sees it. It is rare, and
 * a search by key for each row would cost everybody.
 */
export function allOrNothing(changed: string, locked: string): string {
  return `1 / CASE WHEN (${changed}) = (${locked}) THEN 1 ELSE 0 END AS whole`;
}

/**
 * allOrNothing for a statement that changes only those of its locked rows that `fits` says are within its bound in
 * bytes. The column `locked` is the number of rows that it locked: with more than it returns, it left some out.
 */
export function allThatFit(changed: string, locked: string): string {
  return `(SELECT count(*)::int / CASE WHEN count(*) FILTER (WHERE l.fits) = (SELECT count(*) FROM ${changed})
      THEN 1 ELSE 0 END FROM ${locked} l) AS locked`;
}
