/** The table of totals: a row for each queue that was ever used, with the number of its last change. */
import {
  type QueueTotals,
  readTally,
  TALLIED,
  type Tallied,
  type Tally,
  totalsOf,
  WEIGHT_SECONDS,
} from "../../queue-totals.ts";
import { int8Array } from "../sql/array-parameter.ts";
import { NOW } from "../sql/fragments.ts";

/** For each queue how much to add, in the order of the queues. */
export const TALLIES = Object.fromEntries(TALLIED.map((kind) => [kind, int8Array])) as Record<
  Tallied,
  typeof int8Array
>;

/** Tallies as TALLIES: column by column. */
export const talliesOf = (tallies: readonly Tally[]) =>
  Object.fromEntries(TALLIED.map((kind) => [kind, tallies.map((tally) => tally[kind])])) as Record<Tallied, number[]>;

const columnOf = (kind: Tallied) => (kind === "deadLettered" ? "dead_lettered" : kind);
const COLUMNS = TALLIED.map(columnOf);

/**
 * A queue's weight, as it is at the time `now`. A long time makes it nothing, without an exponent that PostgreSQL
 * refuses.
 */
export const weightAt = (now: string, table = "t") =>
  `${table}.weight * exp(-least(greatest(extract(epoch FROM ${now} - ${table}.changed_at)::float8, 0) / ${WEIGHT_SECONDS}, 99))`;

/**
 * Numbers of changes are drawn under this lock, shared, until commit. Whoever holds it alone sees every change up to
 * the highest number that there is.
 */
export const CHANGES_LOCK = ":lockSpace::bigint";

/**
 * A statement that adds TALLIES to the totals of the queues in `queueIds`, an ascending array. A queue whose row is
 * gone is left out. `ctes`: what else it does. `weight`: by how much each becomes busier.
 */
export const addTotals = ({ ctes, queueIds, weight }: { ctes: string; queueIds: string; weight: string }) => `
    WITH entered AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(${CHANGES_LOCK}) AS locked, ${NOW} AS now),
    ${ctes}
    INSERT INTO queue_totals AS t (queue_id, ${COLUMNS.join(", ")}, change, changed_at, weight)
    SELECT w.queue_id, ${COLUMNS.map((column) => `w.${column}`).join(", ")}, nextval('queue_totals_change'), e.now, ${weight}
    FROM entered e CROSS JOIN unnest(${queueIds}, ${TALLIED.map((kind) => `:${kind}::bigint[]`).join(", ")})
      AS w(queue_id, ${COLUMNS.join(", ")})
    WHERE EXISTS (SELECT 1 FROM pool_queues q WHERE q.id = w.queue_id)
    ON CONFLICT (queue_id) DO UPDATE SET
      ${COLUMNS.map((column) => `${column} = t.${column} + excluded.${column}`).join(", ")},
      change = excluded.change, changed_at = excluded.changed_at,
      weight = excluded.weight + ${weightAt("excluded.changed_at")}`;

/** Everything that is added makes a queue busier. */
export const ALL_TALLIES = COLUMNS.map((column) => `w.${column}`).join(" + ");

/** The totals of the queue `q`, as text for `readTotals`. */
export const TOTALS_OF_QUEUE = `(
      SELECT concat_ws(',', ${COLUMNS.map((column) => `t.${column}`).join(", ")})
      FROM queue_totals t WHERE t.queue_id = q.id
    )`;

export const tallyOf = (text: string | null) => readTally(text?.split(",") ?? []);

export const readTotals = (text: string | null): QueueTotals => totalsOf(tallyOf(text));
