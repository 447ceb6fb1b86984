/** Reads samples. */

import type { ByChange, Depths, Sample } from "./sample.ts";
import { readCuts } from "./sample-budget.ts";
import type { LastRounds, LastSample, SampleReads, Subject } from "./sample-history.ts";
import { fillIntervals, totalOf } from "./sample-series.ts";
import {
  BLOCKS,
  type BlockRow,
  changesOf,
  type DepthColumns,
  depthsOf,
  entriesOf,
  groupPlace,
  queuePlace,
  type RunSql,
} from "./sample-sql.ts";

/** About as many blocks as one statement reads, so that they do not hold the event loop. */
const BLOCKS_AT_ONCE = 4000;
/** Queues that are counted. */
const COUNTED = 10_000;

interface LastRow extends DepthColumns {
  as_of: Date | null;
  exact: boolean;
  rates: number[] | null;
}

interface SubjectRow extends LastRow {
  id: number;
  kind: Subject["kind"];
  /** Of the pool whose rounds tell when the subject was sampled. */
  pool_id: number | null;
}

const SQL = {
  last: `
    SELECT s.ready, s.claimed, s.delayed, s.exhausted, s.exact, s.rates,
      nullif(s.oldest_ready_at, 'infinity') AS oldest_ready_at, greatest(s.taken_at, p.taken_at) AS as_of
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked(project, name, ordinal)
    LEFT JOIN queue_samples s ON s.project = asked.project AND s.name = asked.name AND s.taken_at IS NOT NULL
    LEFT JOIN sampled_groups p ON p.kind = 'pool' AND p.name = s.pool
    ORDER BY asked.ordinal`,
  lastOf: `
    SELECT g.ready, g.claimed, g.delayed, g.exhausted, g.exact, g.rates, g.oldest_ready_at, g.taken_at AS as_of
    FROM unnest($2::text[]) WITH ORDINALITY AS asked(name, ordinal)
    LEFT JOIN sampled_groups g ON g.kind = $1 AND g.name = asked.name
    ORDER BY asked.ordinal`,
  subjects: `
    SELECT asked.kind, coalesce(s.id, g.id) AS id, p.id AS pool_id,
      s.taken_at AS as_of, s.ready, s.claimed, s.delayed, s.exhausted,
      nullif(s.oldest_ready_at, 'infinity') AS oldest_ready_at
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS asked(kind, project, name, ordinal)
    LEFT JOIN queue_samples s
      ON asked.kind = 'queue' AND s.project = asked.project AND s.name = asked.name AND s.taken_at IS NOT NULL
    LEFT JOIN sampled_groups g ON asked.kind <> 'queue' AND g.kind = asked.kind AND g.name = asked.name
    LEFT JOIN sampled_groups p ON p.kind = 'pool' AND p.name = s.pool
    ORDER BY asked.ordinal`,
  deadLetters: `
    SELECT s.pool, sum(s.total) AS messages FROM queue_facets f
    JOIN queue_samples s ON s.project = f.project AND s.name = f.name
    WHERE f.is_dead_letter_queue AND f.created_at IS NOT NULL AND s.total > 0 AND s.pool IS NOT NULL GROUP BY s.pool`,
  // Consumers are recorded every ten seconds, so what a queue has given since its sample is known sooner.
  claimed: `
    WITH found AS (
      SELECT s.project, s.name, s.claimed FROM queue_samples s
      WHERE s.claimed > 0 AND ($1::text[] IS NULL OR s.project = ANY ($1)) AND ($2::text IS NULL OR s.name = $2)
      ORDER BY s.claimed DESC LIMIT ${COUNTED + 1}),
    since AS (
      SELECT DISTINCT s.project, s.name, 0::bigint AS claimed FROM queue_consumers c
      JOIN queue_samples s ON s.id = c.queue_id
      WHERE c.last_minute >= floor(extract(epoch FROM $4::timestamptz) / 60)::int - 2 AND s.claimed = 0
        AND c.last_claim_at > coalesce(s.taken_at, '-infinity')
        AND ($1::text[] IS NULL OR s.project = ANY ($1)) AND ($2::text IS NULL OR s.name = $2)
      LIMIT ${COUNTED + 1}),
    both_found AS (SELECT * FROM found UNION ALL SELECT * FROM since)
    SELECT project, name, count(*) OVER ()::int AS total FROM both_found ORDER BY claimed DESC, project, name LIMIT $3`,
  rounds: "SELECT name AS pool, taken_at AS at FROM sampled_groups WHERE kind = 'pool' ORDER BY name",
};

export function sampleReads(run: RunSql, now: () => Promise<Date>): SampleReads {
  return {
    async last(queues) {
      const values = [queues.map(({ project }) => project), queues.map(({ name }) => name)];
      return (await run<LastRow>(SQL.last, values)).map(lastSample);
    },

    async lastOf(kind, names) {
      return (await run<LastRow>(SQL.lastOf, [kind, names])).map(lastSample);
    },

    async histories(subjects, span) {
      const rows = await run<SubjectRow>(SQL.subjects, [
        subjects.map(({ kind }) => kind),
        subjects.map((subject) => (subject.kind === "queue" ? subject.project : "")),
        subjects.map(({ name }) => name),
      ]);
      const found = await readBlocks(run, rows.filter(isKnown), span);
      return rows.map((row) => {
        if (!isKnown(row)) return null;
        const samples = found.get(keyOf(placeOf(row))) ?? new Map<number, Sample>();
        // A pool and a project have a sample in each round.
        const rounds = row.pool_id === null ? samples : (found.get(keyOf(groupPlace(row.pool_id))) ?? new Map());
        const isOlder = row.kind === "queue" && row.as_of !== null && row.as_of.getTime() <= span.from;
        return fillIntervals(span, samples, rounds, isOlder ? depthsOf(row) : null);
      });
    },

    async deadLetters() {
      const rows = await run<{ pool: string; messages: string }>(SQL.deadLetters, []);
      return new Map(rows.map(({ pool, messages }) => [pool, Number(messages)]));
    },

    async claimedQueues({ projects, queue, limit }) {
      const values = [projects === "all" ? null : projects, queue ?? null, limit, await now()];
      const rows = await run<{ project: string; name: string; total: number }>(SQL.claimed, values);
      const total = rows[0]?.total ?? 0;
      const queues = rows.map(({ project: of, name }) => ({ project: of, name }));
      return { queues, total: Math.min(total, COUNTED), exact: total <= COUNTED };
    },

    cuts: () => readCuts(run),

    async lastRounds() {
      return lastRoundsOf(await run<{ pool: string; at: Date | null }>(SQL.rounds, []));
    },
  };
}

/** Three rounds: a pool that missed so many does not answer. */
const BEHIND_MS = 3 * 60_000;

/** One pool that does not answer must not hide when all others were sampled. */
export function lastRoundsOf(pools: readonly { pool: string; at: Date | null }[]): LastRounds {
  const newest = Math.max(...pools.map(({ at }) => at?.getTime() ?? 0));
  const isBehind = ({ at }: { at: Date | null }) => at === null || newest - at.getTime() > BEHIND_MS;
  const times = pools.filter((pool) => !isBehind(pool)).map(({ at }) => (at as Date).getTime());
  return { at: times.length === 0 ? null : new Date(Math.min(...times)), behind: pools.filter(isBehind) };
}

/** The samples of these subjects and of their pools, by place and end of the interval. */
async function readBlocks(
  run: RunSql,
  subjects: readonly SubjectRow[],
  { from, until, resolutionSeconds }: Parameters<SampleReads["histories"]>[1],
): Promise<Map<string, Map<number, Sample>>> {
  const pools = subjects.flatMap(({ pool_id: id }) => (id === null ? [] : [groupPlace(id)]));
  const places = [...subjects.map(placeOf), ...pools];
  const wanted = new Map<number, Set<number>>();
  for (const { shard, number } of places) wanted.set(shard, (wanted.get(shard) ?? new Set()).add(number));
  if (wanted.size === 0 || until <= from) return new Map();
  const found = new Map<string, Map<number, Sample>>();
  const atOnce = Math.max(1, Math.floor(BLOCKS_AT_ONCE / ((until - from) / (resolutionSeconds * 1000))));
  const shards = [...wanted.keys()];
  for (let first = 0; first < shards.length; first += atOnce) {
    const some = shards.slice(first, first + atOnce);
    for (const row of await run<BlockRow>(BLOCKS.read, [resolutionSeconds, some, new Date(from), new Date(until)])) {
      for (const { number, sample } of entriesOf(row, wanted.get(row.shard))) {
        const key = keyOf({ shard: row.shard, number });
        const samples = found.get(key) ?? new Map<number, Sample>();
        samples.set(row.until.getTime(), sample);
        found.set(key, samples);
      }
    }
  }
  return found;
}

const isKnown = ({ id }: SubjectRow) => id !== null;
const placeOf = ({ kind, id }: SubjectRow) => (kind === "queue" ? queuePlace(id) : groupPlace(id));
const keyOf = ({ shard, number }: { shard: number; number: number }) => `${shard}.${number}`;

function lastSample(row: LastRow): LastSample | null {
  if (row.as_of === null) return null;
  const depths: Depths = depthsOf(row);
  const rates: ByChange | null = changesOf(row.rates);
  return { ...depths, asOf: row.as_of, total: totalOf(depths), exact: row.exact, rates };
}
