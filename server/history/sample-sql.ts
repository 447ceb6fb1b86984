/** What the statements about samples share: how they run, and where a sample lies. */

import { type ByChange, byChange, CHANGES, type Depths, RESOLUTIONS, STATES } from "./sample.ts";
import { decodeBlock, type Entry, encodeBlock } from "./sample-block.ts";

/** Runs a statement. `wrote`: its outcome is unknown when the connection breaks. */
export type RunSql = <Row extends object = object>(
  text: string,
  values: unknown[],
  options?: { wrote?: boolean },
) => Promise<Row[]>;

const QUEUE_SHARDS = 256;
const GROUP_SHARDS = 32;

/** Where the samples of a queue lie, and which number they have there. */
export function queuePlace(id: number): { shard: number; number: number } {
  return { shard: id % QUEUE_SHARDS, number: Math.floor(id / QUEUE_SHARDS) };
}

/** The same for a pool or a project. */
export function groupPlace(id: number): { shard: number; number: number } {
  return { shard: QUEUE_SHARDS + (id % GROUP_SHARDS), number: Math.floor(id / GROUP_SHARDS) };
}

const numbers = (from: number, count: number) => Array.from({ length: count }, (_, index) => from + index);
export const GROUP_SHARD_NUMBERS: readonly number[] = numbers(QUEUE_SHARDS, GROUP_SHARDS);

export interface BlockRow {
  shard: number;
  until: Date;
  samples: Buffer;
}

export const BLOCKS = {
  resolutions: RESOLUTIONS,
  shards: numbers(0, QUEUE_SHARDS + GROUP_SHARDS),
  // A round that was not whole is continued.
  add: `
    INSERT INTO sample_blocks AS b (resolution, shard, until, part, samples)
    SELECT $1, u.shard, $2, $3, u.samples FROM unnest($4::smallint[], $5::bytea[]) AS u(shard, samples)
    ON CONFLICT (resolution, shard, until, part) DO UPDATE SET samples = b.samples || excluded.samples`,
  // Another process was faster.
  addOnce: `
    INSERT INTO sample_blocks (resolution, shard, until, part, samples)
    SELECT $1, u.shard, $2, $3, u.samples FROM unnest($4::smallint[], $5::bytea[]) AS u(shard, samples)
    ON CONFLICT DO NOTHING`,
  // The order tells which of two is newer when a queue is in two pools' blocks.
  read: `
    SELECT shard, until, samples FROM sample_blocks
    WHERE resolution = $1 AND shard = ANY($2::smallint[]) AND until > $3 AND until <= $4
    ORDER BY shard, until, part`,
  ends: `
    SELECT DISTINCT until FROM sample_blocks
    WHERE resolution = $1 AND shard = ANY($2::smallint[]) AND until > $3 AND until <= $4`,
  // With the shards the statement follows the primary key, which begins with them.
  trim: `
    DELETE FROM sample_blocks WHERE ctid = ANY(ARRAY(
      SELECT ctid FROM sample_blocks WHERE resolution = $1 AND shard = ANY($2::smallint[]) AND until <= $3 LIMIT $4))
    RETURNING 1`,
} as const;

/** Writes one block for each shard. `once`: unless there is one. */
export async function addBlocks(
  run: RunSql,
  params: {
    resolutionSeconds: number;
    until: Date;
    part: number;
    entries: readonly (Entry & { shard: number })[];
    once?: boolean;
  },
): Promise<void> {
  const { resolutionSeconds, until, part, entries, once = false } = params;
  if (entries.length === 0) return;
  const byShard = Map.groupBy(entries, ({ shard }) => shard);
  const blocks = [...byShard.values()].map((shardEntries) => encodeBlock(shardEntries, until));
  await run(once ? BLOCKS.addOnce : BLOCKS.add, [resolutionSeconds, until, part, [...byShard.keys()], blocks], {
    wrote: true,
  });
}

export function entriesOf(row: BlockRow, wanted?: { has(number: number): boolean }): Entry[] {
  return decodeBlock(row.samples, row.until, wanted);
}

/** PostgreSQL's bigint and numeric come as text. */
type DatabaseNumber = string | number;

export interface DepthColumns {
  ready: DatabaseNumber;
  claimed: DatabaseNumber;
  delayed: DatabaseNumber;
  exhausted: DatabaseNumber;
  oldest_ready_at: Date | null;
}

export function depthsOf(row: DepthColumns): Depths {
  const { ready, claimed, delayed, exhausted, oldest_ready_at: oldestReadyAt } = row;
  return {
    ready: Number(ready),
    claimed: Number(claimed),
    delayed: Number(delayed),
    exhausted: Number(exhausted),
    oldestReadyAt,
  };
}

/** From an array column. */
export function changesOf(values: readonly DatabaseNumber[] | null): ByChange | null {
  return values && byChange((_, index) => Number(values[index] ?? 0));
}

export function listOf(changes: ByChange): number[] {
  return CHANGES.map((change) => changes[change]);
}

/** Totals that the column `minute` has had from the beginning. Later ones are behind everything else. */
const FIRST_TOTALS = 8;

/** The column `minute`: totals, states, seconds since 1970 of the oldest ready message or -1, and later totals. */
export function minuteList({ totals, depths }: { totals: ByChange; depths: Depths }): number[] {
  const { oldestReadyAt } = depths;
  const oldest = oldestReadyAt === null ? -1 : Math.floor(oldestReadyAt.getTime() / 1000);
  const list = listOf(totals);
  return [...list.slice(0, FIRST_TOTALS), ...STATES.map((state) => depths[state]), oldest, ...list.slice(FIRST_TOTALS)];
}

export function minuteOf(values: readonly DatabaseNumber[] | null): { totals: ByChange; depths: Depths } | null {
  if (values === null) return null;
  const [ready = 0, claimed = 0, delayed = 0, exhausted = 0, oldest = -1, ...later] = values
    .slice(FIRST_TOTALS)
    .map(Number);
  const first = values.slice(0, FIRST_TOTALS).map(Number);
  const totals = byChange((_, index) => [...first, ...later][index] ?? 0);
  const oldestReadyAt = oldest < 0 ? null : new Date(oldest * 1000);
  return { totals, depths: { ready, claimed, delayed, exhausted, oldestReadyAt } };
}
