/** The queues of a batch: how one statement finds the rows of many, and how its rows become results. */
import type { BatchResult } from "../batch-result.ts";
import { isMoving, queueDoesNotExist, staleEpoch } from "../errors/storage-errors.ts";
import type { QueueRef } from "../queue-ref.ts";
import type { QueueRow, QueueRows } from "./queue-rows.ts";
import { int8Array, textArray } from "./sql/array-parameter.ts";

/** `knownIds` and `lowWaters`: the rows that this process remembers, and what it knows to be empty in them. */
export const ASKED = {
  projects: textArray,
  names: textArray,
  epochs: int8Array,
  knownIds: int8Array,
  lowWaters: int8Array,
} as const;

/**
 * The FROM clause of a batch, beside `clock`: the requests `a`, numbered from 1 by `n`, each with the row `f` of its
 * queue, and with `q`: the id and the low-water mark if the queue can be read here. Otherwise `q.id` is null, so that a
 * search for its messages finds none. `more`: arrays with one more column of `a` each.
 */
export const askedQueues = (more: Readonly<Record<string, string>> = {}) => `
    unnest(:projects::text[], :names::text[], :epochs::bigint[], :knownIds::bigint[], :lowWaters::bigint[]
        ${Object.values(more)
          .map((array) => `, ${array}`)
          .join("")})
      WITH ORDINALITY AS a(project, name, epoch, known_id, low_water${Object.keys(more)
        .map((column) => `, ${column}`)
        .join("")}, n)
    CROSS JOIN clock
    LEFT JOIN LATERAL (
      SELECT o.id, o.epoch, o.low_water, CASE WHEN o.epoch <> a.epoch THEN 'stale' ELSE o.state END AS state
      FROM pool_queues o WHERE o.project = a.project AND o.name = a.name AND o.state IN ('live', 'moving') LIMIT 1
    ) AS f ON true
    CROSS JOIN LATERAL (
      SELECT CASE WHEN f.state = 'live' THEN f.id END AS id,
        greatest(f.low_water, CASE WHEN f.id = a.known_id THEN a.low_water END) AS low_water
    ) AS q`;

/** The columns for `resultsOf`. */
export const ASKED_COLUMNS = `
    a.n::int AS n, f.state AS "queueState", f.id::text AS "queueId", f.epoch::text AS "queueEpoch"`;

export interface AskedRow {
  /** The number of the request, from 1. */
  n: number;
  queueState: "live" | "moving" | "stale" | null;
  queueId: string | null;
  queueEpoch: string | null;
}

/** The parameters for these queues. `lowWaterOf`: the marker at or below which a remembered queue has nothing. */
export function asked(
  rows: Pick<QueueRows, "peek">,
  queues: readonly QueueRef[],
  lowWaterOf: (row: QueueRow, index: number) => string = ({ lowWater }) => lowWater,
) {
  const known = queues.map((queue) => rows.peek(queue));
  return {
    projects: queues.map(({ project }) => project),
    names: queues.map(({ name }) => name),
    epochs: queues.map(({ epoch }) => epoch ?? null),
    knownIds: known.map((row) => row?.id ?? null),
    lowWaters: known.map((row, index) => (row === undefined ? null : lowWaterOf(row, index))),
  };
}

/**
 * The results of a batch, from its rows in the order of the requests. `read` gets the rows of one request, at least
 * one. A request without a row was left out: null. Remembers the rows of the queues that it meets.
 */
export function resultsOf<Row extends AskedRow, T>(
  known: Pick<QueueRows, "remember">,
  queues: readonly QueueRef[],
  rows: readonly Row[],
  read: (rows: readonly [Row, ...Row[]], index: number) => BatchResult<T>,
): (BatchResult<T> | null)[] {
  const results: (BatchResult<T> | null)[] = queues.map(() => null);
  let from = 0;
  for (let to = 1; to <= rows.length; to += 1) {
    const first = rows[from] as Row;
    if (rows[to]?.n === first.n) continue;
    const index = first.n - 1;
    const queue = queues[index] as QueueRef;
    const { queueId: id, queueEpoch: epoch } = first;
    if (id === null || epoch === null) results[index] = queueDoesNotExist(queue);
    else if (first.queueState === "stale") results[index] = staleEpoch(queue);
    else if (first.queueState === "moving") results[index] = isMoving(queue);
    else {
      known.remember(queue, id, epoch);
      results[index] = read(rows.slice(from, to) as [Row, ...Row[]], index);
    }
    from = to;
  }
  return results;
}
