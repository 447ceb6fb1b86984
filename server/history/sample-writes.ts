/** Writes samples, and reads what the next ones are compared with. */
import type { RuleState } from "../problems/queue-rules.ts";
import type { QueueRef } from "../storage/queue-ref.ts";
import { byChange, CHANGES, MINUTE } from "./sample.ts";
import type { GroupKind, PreviousSample, SampleWrites } from "./sample-history.ts";
import {
  addBlocks,
  changesOf,
  type DepthColumns,
  depthsOf,
  groupPlace,
  listOf,
  minuteList,
  minuteOf,
  queuePlace,
  type RunSql,
} from "./sample-sql.ts";

interface PreviousRow extends DepthColumns {
  id: number;
  taken_at: Date | null;
  pool: string | null;
  epoch: string | null;
  totals: string[] | null;
  minute_until: Date | null;
  minute: string[] | null;
  rules: string | null;
}

interface PoolRow {
  pool: string;
  id: number;
  mark: string | null;
  mark_until: Date | null;
  minute_mark: string | null;
  minute_until: Date | null;
}

interface GroupRow extends DepthColumns {
  kind: GroupKind;
  name: string;
  id: number;
  rates: number[] | null;
}

const eachRate = (write: (index: number) => string) => CHANGES.map((_, index) => write(index + 1)).join(", ");

/** Rows that one statement changes: more would take too long, because each has many index entries. */
const IDLE_BATCH = 1000;
/** Batches of one round. The next round changes the rest. */
const IDLE_BATCHES = 50;

const SQL = {
  beginPools: `
    INSERT INTO sampled_groups (kind, name) SELECT 'pool', name FROM unnest($1::text[]) AS name
    ON CONFLICT DO NOTHING`,
  pools: `
    SELECT name AS pool, id, mark, mark_until, minute_mark, minute_until FROM sampled_groups WHERE kind = 'pool' AND name = ANY($1::text[])`,
  due: `
    SELECT s.project, s.name FROM queue_samples s
    JOIN catalogue_entries c ON c.project = s.project AND c.queue = s.name AND c.pool = $1
    WHERE s.changes_at <= $2 ORDER BY s.changes_at LIMIT $3`,
  previous: `
    SELECT s.id, s.taken_at, s.pool, s.epoch, s.totals, s.minute_until, s.minute, s.rules,
      s.ready, s.claimed, s.delayed, s.exhausted, nullif(s.oldest_ready_at, 'infinity') AS oldest_ready_at
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked(project, name, ordinal)
    LEFT JOIN queue_samples s ON s.project = asked.project AND s.name = asked.name
    ORDER BY asked.ordinal`,
  replace: `
    UPDATE queue_samples s SET taken_at = n.taken_at, pool = n.pool, epoch = n.epoch,
      ready = n.ready, claimed = n.claimed, delayed = n.delayed, exhausted = n.exhausted, total = n.total,
      exact = n.exact, oldest_ready_at = coalesce(n.oldest_ready_at, 'infinity'), changes_at = n.changes_at,
      rates = n.rates, rate = n.rate, totals = n.totals, minute_until = n.minute_until, minute = n.minute, rules = n.rules
    FROM json_to_recordset($1::json) AS n(
      id int, previous timestamptz, taken_at timestamptz, pool text, epoch bigint, ready bigint, claimed bigint,
      delayed bigint, exhausted bigint, total bigint, exact boolean, oldest_ready_at timestamptz,
      changes_at timestamptz, rates float8[], rate float8, totals bigint[], minute_until timestamptz, minute bigint[],
      rules text)
    WHERE s.id = n.id AND s.taken_at IS NOT DISTINCT FROM n.previous
    RETURNING s.id`,
  lookAgain: `
    UPDATE queue_samples SET changes_at = least(changes_at, $3)
    WHERE project = $1 AND name = $2 AND taken_at IS NOT NULL`,
  settle: `
    UPDATE queue_samples s SET changes_at = NULL FROM unnest($1::text[], $2::text[]) AS asked(project, name)
    WHERE s.project = asked.project AND s.name = asked.name AND s.changes_at IS NOT NULL`,
  proceed: {
    finest: `
      UPDATE sampled_groups SET mark = $3, mark_until = $4
      WHERE kind = 'pool' AND name = $1 AND mark_until IS NOT DISTINCT FROM $2`,
    minute: `
      UPDATE sampled_groups SET minute_mark = $3, minute_until = $4
      WHERE kind = 'pool' AND name = $1 AND minute_until IS NOT DISTINCT FROM $2`,
  },
  idle: `
    UPDATE queue_samples SET rate = 0, rates = array_fill(0::float8, ARRAY[${CHANGES.length}])
    WHERE ctid = ANY(ARRAY(
      SELECT ctid FROM queue_samples
      WHERE (rate > 0 OR rate = -1) AND pool = ANY($1::text[]) AND (minute_until IS NULL OR minute_until < $2)
      LIMIT ${IDLE_BATCH}))
    RETURNING 1`,
  sumUp: `
    WITH parts AS (
      SELECT project, pool, sum(ready) AS ready, sum(claimed) AS claimed, sum(delayed) AS delayed,
        sum(exhausted) AS exhausted, bool_and(exact) AS exact, min(oldest_ready_at) AS oldest_ready_at,
        count(rates) AS known, ${eachRate((index) => `sum(rates[${index}]) AS rate_${index}`)}
      FROM queue_samples WHERE taken_at IS NOT NULL GROUP BY project, pool),
    sums AS (
      SELECT CASE WHEN grouping(s.pool) = 0 THEN 'pool' ELSE 'project' END AS kind, coalesce(s.pool, s.project) AS name,
        min(CASE WHEN w.name IS NULL THEN p.taken_at ELSE $2 END) AS taken_at,
        sum(s.ready) AS ready, sum(s.claimed) AS claimed, sum(s.delayed) AS delayed, sum(s.exhausted) AS exhausted,
        bool_and(s.exact) AS exact, nullif(min(s.oldest_ready_at), 'infinity') AS oldest_ready_at,
        -- What is done in pools that could not be sampled now is unknown.
        CASE WHEN sum(s.known) FILTER (WHERE w.name IS NOT NULL) > 0 THEN ARRAY[
          ${eachRate((index) => `coalesce(sum(s.rate_${index}) FILTER (WHERE w.name IS NOT NULL), 0)`)}] END AS rates
      FROM parts s
      LEFT JOIN sampled_groups p ON p.kind = 'pool' AND p.name = s.pool
      LEFT JOIN unnest($1::text[]) AS w(name) ON w.name = s.pool
      GROUP BY GROUPING SETS ((s.pool), (s.project))
      -- Of a deleted pool nothing is left but the last samples of queues that have left it.
      HAVING grouping(s.pool) = 1 OR bool_or(p.name IS NOT NULL))
    INSERT INTO sampled_groups AS g
      (kind, name, taken_at, ready, claimed, delayed, exhausted, exact, oldest_ready_at, rates)
    SELECT kind, name, taken_at, ready, claimed, delayed, exhausted, exact, oldest_ready_at, rates FROM sums
    ON CONFLICT (kind, name) DO UPDATE SET taken_at = excluded.taken_at,
      ready = excluded.ready, claimed = excluded.claimed, delayed = excluded.delayed, exhausted = excluded.exhausted,
      exact = excluded.exact, oldest_ready_at = excluded.oldest_ready_at, rates = excluded.rates
    RETURNING kind, name, id, ready, claimed, delayed, exhausted, oldest_ready_at, rates`,
  empty: `
    UPDATE sampled_groups SET taken_at = $2, ready = 0, claimed = 0, delayed = 0, exhausted = 0,
      exact = true, oldest_ready_at = NULL, rates = array_fill(0::float8, ARRAY[${CHANGES.length}])
    WHERE kind = 'pool' AND name = ANY($1::text[])
    RETURNING kind, name, id, ready, claimed, delayed, exhausted, oldest_ready_at, rates`,
  endProjects: "DELETE FROM sampled_groups WHERE kind = 'project' AND name <> ALL($1::text[])",
};

const names = (queues: readonly QueueRef[]) => [queues.map(({ project }) => project), queues.map(({ name }) => name)];

export function sampleWrites(run: RunSql, now: () => Promise<Date>): Omit<SampleWrites, "fold"> {
  const write = (text: string, values: unknown[]) => run(text, values, { wrote: true });
  return {
    now,

    async pools(pools) {
      let rows = await run<PoolRow>(SQL.pools, [pools]);
      if (rows.length < pools.length) {
        await write(SQL.beginPools, [pools]);
        rows = await run<PoolRow>(SQL.pools, [pools]);
      }
      const byName = new Map(rows.map((row) => [row.pool, row]));
      return pools.flatMap((pool) => {
        const row = byName.get(pool);
        if (row === undefined) return [];
        const { id, mark, mark_until, minute_mark, minute_until } = row;
        return [{ pool, id, finest: { mark, until: mark_until }, minute: { mark: minute_mark, until: minute_until } }];
      });
    },

    async due({ pool, limit }) {
      return run<{ project: string; name: string }>(SQL.due, [pool, await now(), limit]);
    },

    async previous(queues) {
      const rows = await run<PreviousRow>(SQL.previous, names(queues));
      return rows.map((row): PreviousSample | null => {
        if (row.id === null) return null;
        return {
          id: row.id,
          takenAt: row.taken_at,
          pool: row.pool,
          epoch: row.epoch === null ? null : Number(row.epoch),
          totals: changesOf(row.totals),
          depths: depthsOf(row),
          minuteUntil: row.minute_until,
          minute: minuteOf(row.minute),
          rules: row.rules === null ? {} : JSON.parse(row.rules),
        };
      });
    },

    async replace(samples) {
      const rows = samples.map(({ previous, pool, reading, rates, minuteUntil, minute, rules }) => ({
        id: previous.id,
        previous: previous.takenAt,
        taken_at: reading.takenAt,
        pool,
        epoch: reading.queue.epoch,
        ...reading.stats,
        oldest_ready_at: reading.oldestReadyAt,
        changes_at: earlier(reading.changesAt, rules.lookAt),
        rates: rates && listOf(rates),
        rate: rates === null ? -1 : rates.posted + rates.delivered,
        totals: listOf(reading.totals),
        minute_until: minuteUntil,
        minute: minute && minuteList(minute),
        rules: rulesText(rules),
      }));
      const stored = await run<{ id: number }>(SQL.replace, [JSON.stringify(rows)], { wrote: true });
      return new Set(stored.map(({ id }) => id));
    },

    async lookAgain({ project, name }) {
      await write(SQL.lookAgain, [project, name, await now()]);
    },

    async settle(queues) {
      if (queues.length > 0) await write(SQL.settle, names(queues));
    },

    async add({ pool, resolutionSeconds, until, samples, whole }) {
      const entries = samples.map(({ id, sample }) => ({ ...queuePlace(id), sample }));
      // Of whole minutes, the sums of the pool tell.
      if (whole && resolutionSeconds < MINUTE) entries.push({ ...groupPlace(pool.id), sample: NOTHING });
      await addBlocks(run, { resolutionSeconds, until, part: pool.id, entries });
    },

    async proceed(pool, pace, { mark, until }) {
      await write(SQL.proceed[pace], [pool.pool, pool[pace].until, mark, until]);
    },

    async sumUp({ pools, at, until }) {
      const whole = pools.map(({ pool }) => pool);
      for (let batch = 0; batch < IDLE_BATCHES; batch += 1) {
        if ((await write(SQL.idle, [whole, until])).length < IDLE_BATCH) break;
      }
      const sums = await run<GroupRow>(SQL.sumUp, [whole, at], { wrote: true });
      const byKind = Map.groupBy(sums, ({ kind }) => kind);
      const filled = new Set(byKind.get("pool")?.map(({ name }) => name));
      const empty = await run<GroupRow>(SQL.empty, [whole.filter((pool) => !filled.has(pool)), at], { wrote: true });
      await write(SQL.endProjects, [(byKind.get("project") ?? []).map(({ name }) => name)]);
      const blocks = { resolutionSeconds: MINUTE, until };
      for (const group of [...sums, ...empty]) {
        const pool = pools.find(({ pool }) => pool === group.name);
        if (group.kind === "pool" && pool !== undefined) {
          await addBlocks(run, { ...blocks, part: pool.id, entries: [groupEntry(group)] });
        }
      }
      await addBlocks(run, { ...blocks, part: 0, entries: (byKind.get("project") ?? []).map(groupEntry) });
    },
  };
}

function earlier(changesAt: Date | null, lookAt: number | undefined): Date | null {
  if (lookAt === undefined) return changesAt;
  return changesAt !== null && changesAt.getTime() < lookAt ? changesAt : new Date(lookAt);
}

/** Null for a queue of which there is nothing to remember. */
function rulesText(rules: RuleState): string | null {
  const text = JSON.stringify(rules);
  return text === "{}" ? null : text;
}

const NOTHING = {
  ready: 0,
  claimed: 0,
  delayed: 0,
  exhausted: 0,
  oldestReadyAt: null,
  counts: null,
  intervals: 1,
  before: null,
};

function groupEntry(row: GroupRow) {
  const rates = changesOf(row.rates);
  const counts = rates && byChange((change) => Math.round(rates[change] * MINUTE));
  return { ...groupPlace(row.id), sample: { ...depthsOf(row), counts, intervals: 1, before: null } };
}
