/**
 * How far back samples go when they would take more room than they may. A resolution that takes more than its share
 * loses its oldest samples, so recent times keep theirs, and each length of time is still told at some resolution.
 */
import { RESOLUTIONS, type ResolutionSeconds } from "./sample.ts";
import type { RunSql } from "./sample-sql.ts";

/** What a block takes beside its samples: its row and the entry of the index. And large ones are stored in pieces. */
const BLOCK_BYTES = 110;
const PIECES = 1.04;
/** How often the samples are measured. Of millions of blocks that takes about a second. */
const MEASURED_MS = 3_600_000;

const SQL = {
  cuts: "SELECT name, taken_at, mark_until FROM sampled_groups WHERE kind = 'kept'",
  /** With what was deleted, whose room is used again. */
  allocated: "SELECT pg_total_relation_size('sample_blocks'::regclass)::float8 AS bytes",
  sizes: `
    SELECT resolution::int AS seconds, sum(pg_column_size(samples) * ${PIECES} + ${BLOCK_BYTES})::float8 AS bytes,
      min(until) AS oldest
    FROM sample_blocks GROUP BY resolution`,
  keep: `
    INSERT INTO sampled_groups AS g (kind, name, taken_at, mark_until)
    SELECT 'kept', name, $3, until FROM unnest($1::text[], $2::timestamptz[]) AS n(name, until)
    ON CONFLICT (kind, name) DO UPDATE SET taken_at = excluded.taken_at,
      mark_until = greatest(g.mark_until, excluded.mark_until)`,
};

/** Since when there are samples, of the resolutions that lost some. */
export type Cuts = ReadonlyMap<ResolutionSeconds, Date>;

interface CutRow {
  name: string;
  /** When all were measured last. */
  taken_at: Date;
  mark_until: Date | null;
}

export async function readCuts(run: RunSql): Promise<Cuts> {
  return toCuts(await run<CutRow>(SQL.cuts, []));
}

function toCuts(rows: readonly CutRow[]): Cuts {
  return new Map(
    RESOLUTIONS.flatMap(({ seconds }) => {
      const since = rows.find(({ name }) => name === String(seconds))?.mark_until ?? null;
      return since === null ? [] : [[seconds, since] as const];
    }),
  );
}

interface Size {
  readonly seconds: number;
  readonly bytes: number;
  readonly oldest: Date;
}

/**
 * Measures now and then what the samples take, and says up to where they have to go. Any process may do it, and all of
 * them follow. `maxBytes` null: there is no bound.
 */
export async function cutsOf(run: RunSql, at: Date, maxBytes: number | null): Promise<Cuts> {
  const rows = await run<CutRow>(SQL.cuts, []);
  const known = toCuts(rows);
  const measuredAt = Math.max(0, ...rows.map(({ taken_at: time }) => time.getTime()));
  if (maxBytes === null || at.getTime() - measuredAt < MEASURED_MS) return known;
  const [allocated] = await run<{ bytes: number }>(SQL.allocated, []);
  const sizes = (allocated?.bytes ?? 0) > maxBytes ? await run<Size>(SQL.sizes, []) : [];
  const cuts = findCuts(sizes, at, maxBytes);
  const names = RESOLUTIONS.map(({ seconds }) => String(seconds));
  const untils = RESOLUTIONS.map(({ seconds }) => cuts.get(seconds) ?? null);
  await run(SQL.keep, [names, untils, at], { wrote: true });
  return new Map([...known, ...cuts]);
}

/**
 * Where each resolution has to be cut so that all together take `maxBytes`: those that take most lose most. As if each
 * took the same at all times; what that misses is found when they are measured next.
 */
function findCuts(sizes: readonly Size[], at: Date, maxBytes: number): Cuts {
  const share = shareOf(
    sizes.map(({ bytes }) => bytes),
    maxBytes,
  );
  return new Map(
    RESOLUTIONS.flatMap(({ seconds, leastSeconds }) => {
      const size = sizes.find((one) => one.seconds === seconds);
      if (size === undefined || size.bytes <= share) return [];
      const keptMs = ((at.getTime() - size.oldest.getTime()) * share) / size.bytes;
      const until = at.getTime() - Math.max(keptMs, leastSeconds * 1000);
      return until <= size.oldest.getTime() ? [] : [[seconds, new Date(until)] as const];
    }),
  );
}

/** What each may take at most, if none gets less than it needs while another gets more than that. */
function shareOf(all: readonly number[], maxBytes: number): number {
  let left = maxBytes;
  const sorted = all.toSorted((a, b) => a - b);
  for (const [index, bytes] of sorted.entries()) {
    const share = left / (sorted.length - index);
    if (bytes > share) return share;
    left -= bytes;
  }
  return Number.POSITIVE_INFINITY;
}
