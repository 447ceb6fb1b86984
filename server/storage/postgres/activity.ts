/** Which queues are used, and readings of many. See ActivityReads. */
import type { ActivityReads, QueueReading } from "../activity.ts";
import { isProbeQueue } from "../driver-probe.ts";
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
} from "./messages/counting.ts";
import { ALIVE, DUE, deliverable, UNCLAIMED } from "./messages/rows.ts";
import { CHANGES_LOCK, readTotals, weightAt } from "./messages/totals.ts";
import type { Pool } from "./pool.ts";
import { CLOCK, milliseconds, NOW } from "./sql/fragments.ts";
import { withLockTimeout } from "./sql/lock-timeout.ts";
import { int8 } from "./sql/parameter-types.ts";
import { rowOf, statement } from "./sql/statement.ts";

/** A queue of up to so many messages is counted one by one: a statement reads up to 1,000 queues. */
const COUNT_LIMIT = 1000;
/** So many of the oldest messages are looked at for the first that is ready. */
const LOOK_LIMIT = 10_000;

/** When something ends by itself next, and since when the oldest ready message is there; null: never, none. */
interface Instants {
  oldestReady: number | null;
  changes: number | null;
}

const READY = `${UNCLAIMED} AND ${DUE} AND ${deliverable("w.exhausted_from")}`;
const ahead = (column: string) => `min(${column}) FILTER (WHERE ${column} > clock.now)`;

const READ = statement({
  name: "activity_read",
  parameters: COUNTED,
  row: rowOf<CountedRow & Instants & { epoch: number }>(),
  text: `
    WITH ${CLOCK}
    SELECT ${COUNTED_COLUMNS}, q.epoch::float8 AS epoch
    FROM ${countedQueues(
      COUNT_LIMIT,
      `,
        ${milliseconds(`min(m.created_at) FILTER (WHERE ${READY})`)} AS "oldestReady",
        ${milliseconds(
          `least(${ahead("m.claim_expires_at")}, ${ahead("m.available_at")}, ${ahead("m.expires_at")})`,
        )} AS changes`,
    )}`,
});

/** `least` leaves nulls out. */
const READ_LONG = statement({
  name: "activity_read_long",
  parameters: LONG,
  row: rowOf<States & Instants & { n: number; isEmpty: boolean }>(),
  text: `
    WITH ${CLOCK}
    SELECT ${LONG_COLUMNS}, ${milliseconds("front.created_at")} AS "oldestReady",
      ${milliseconds("least(claims.lapses, waiting.ready_at, oldest.expires_at)")} AS changes,
      oldest.expires_at IS NULL AS "isEmpty"
    FROM ${longQueues(COUNT_LIMIT)}
    LEFT JOIN LATERAL (
      SELECT m.created_at FROM (
        SELECT m.* FROM messages m WHERE m.queue_id = w.queue_id AND m.marker > w.low_water AND ${ALIVE}
        ORDER BY m.marker LIMIT ${LOOK_LIMIT}
      ) AS m WHERE ${READY} ORDER BY m.marker LIMIT 1
    ) AS front ON true
    LEFT JOIN LATERAL (
      SELECT m.expires_at FROM messages m WHERE m.queue_id = w.queue_id AND m.marker > w.low_water AND ${ALIVE}
      ORDER BY m.marker LIMIT 1
    ) AS oldest ON true`,
});

interface Changed {
  /** Null: the queue does not live here any more. */
  project: string | null;
  name: string | null;
  position: string;
  weight: number;
}

const CHANGED = statement({
  name: "activity_changed",
  parameters: { after: int8, limit: int8 },
  row: rowOf<Changed>(),
  text: `
    SELECT q.project, q.name, t.change::text AS position, ${weightAt(NOW)} AS weight
    FROM (SELECT * FROM queue_totals t WHERE t.change > :after ORDER BY t.change LIMIT :limit) AS t
    LEFT JOIN LATERAL (
      SELECT q.project, q.name FROM pool_queues q WHERE q.id = t.queue_id AND q.state = 'live' LIMIT 1
    ) AS q ON true
    ORDER BY t.change`,
});

const ALL = statement({
  name: "activity_all",
  parameters: { after: int8, limit: int8 },
  row: rowOf<Changed>(),
  text: `
    SELECT q.project, q.name, q.id::text AS position, coalesce(t.weight, 0) AS weight
    FROM (SELECT * FROM pool_queues q WHERE q.state = 'live' AND q.id > :after ORDER BY q.id LIMIT :limit) AS q
    LEFT JOIN LATERAL (
      SELECT ${weightAt(NOW)} AS weight FROM queue_totals t WHERE t.queue_id = q.id LIMIT 1
    ) AS t ON true
    ORDER BY q.id`,
});

const WAIT_FOR_CHANGES = statement({
  name: "activity_wait",
  parameters: {},
  text: `SELECT pg_advisory_xact_lock(${CHANGES_LOCK})`,
});

/** The highest number that was ever drawn. `known`: whether the store has drawn the number of a mark. */
const LAST_CHANGE = statement({
  name: "activity_last_change",
  parameters: { mark: int8 },
  row: rowOf<{ change: string; known: boolean }>(),
  text: "SELECT last_value::text AS change, :mark::bigint <= last_value AS known FROM queue_totals_change",
});

/** A mark: the change that was read last. With `all`, the queue's row that was read last: these are listed first. */
const MARK = /^(\d{1,18})(?:\+(\d{1,18}))?$/;

export function postgresActivity({ statements, queues, counters }: Pool): ActivityReads {
  return {
    async changed({ mark, limit }) {
      const [, asked, listed] = MARK.exec(mark ?? "") ?? [];
      const { change, rows, listsAll } = await withLockTimeout(statements, async (transaction) => {
        await transaction.run(WAIT_FOR_CHANGES, {});
        const [last] = await transaction.run(LAST_CHANGE, { mark: asked ?? "0" });
        // A mark of another store, or one that was lost: begins anew.
        const isKnown = asked !== undefined && last?.known === true;
        const change = isKnown ? asked : (last?.change ?? "0");
        const all = isKnown ? listed : "0";
        const rows =
          all === undefined
            ? await transaction.run(CHANGED, { after: change, limit })
            : await transaction.run(ALL, { after: all, limit });
        return { change, rows, listsAll: all !== undefined };
      });
      const more = rows.length === limit;
      const position = rows.at(-1)?.position;
      return {
        queues: rows.flatMap(({ project, name, weight }) =>
          project === null || name === null || isProbeQueue({ project, name })
            ? []
            : [{ queue: { project, name }, weight }],
        ),
        mark: listsAll ? (more ? `${change}+${position}` : change) : (position ?? change),
        more,
      };
    },

    async read(counted) {
      if (counted.length === 0) return [];
      const rows = await statements.read(READ, countedParameters(queues, counted));
      const long = rows.filter((row) => isLong(row, COUNT_LIMIT));
      const found = long.length === 0 ? [] : await statements.read(READ_LONG, longParameters(long, counted));
      const longOf = new Map(found.map((one) => [long[one.n - 1], one]));
      const readings: (QueueReading | null)[] = counted.map(() => null);
      for (const row of rows) {
        const { project, name } = counted[row.n - 1] as QueueReading["queue"];
        const one = longOf.get(row);
        const { oldestReady, changes } = one ?? row;
        const growth = row.growth + counters.pendingGrowth(row.queueId);
        const total = one === undefined ? row.total : one.isEmpty ? 0 : Math.max(growth, row.total);
        readings[row.n - 1] = {
          queue: { project, name, epoch: row.epoch },
          totals: readTotals(row.totals),
          stats: { ...byState(total, one ?? row), exact: one === undefined },
          oldestReadyAt: dateOf(oldestReady),
          changesAt: dateOf(changes),
          takenAt: new Date(row.now),
        };
      }
      return readings;
    },
  };
}

const dateOf = (instant: number | null) => (instant === null ? null : new Date(instant));
