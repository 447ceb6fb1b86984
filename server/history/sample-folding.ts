/** Sums up the samples of each resolution to those of the next one. */
import { endBefore, MINUTE, RESOLUTIONS, type Sample } from "./sample.ts";
import { endsOf, foldSamples } from "./sample-series.ts";
import { addBlocks, BLOCKS, type BlockRow, entriesOf, GROUP_SHARD_NUMBERS, type RunSql } from "./sample-sql.ts";

/** Shards that one statement reads: some hundred kilobytes. */
const SHARDS_AT_ONCE = 16;
/** Intervals of each resolution that are folded at once. The next call goes on. */
const MAX_INTERVALS = 6;
/** A pool may be late with its samples. */
const GRACE_MS = 60_000;

const SQL = {
  until: "SELECT minute_until AS until FROM sampled_groups WHERE kind = 'resolution' AND name = $1",
  proceed: `
    INSERT INTO sampled_groups (kind, name, minute_until) VALUES ('resolution', $1, $2)
    ON CONFLICT (kind, name) DO UPDATE SET minute_until = greatest(sampled_groups.minute_until, excluded.minute_until)`,
};

/** Safe to repeat, and to run in many processes at once. */
export async function foldResolutions(run: RunSql, now: Date): Promise<void> {
  for (const [index, { seconds }] of RESOLUTIONS.entries()) {
    const fine = RESOLUTIONS[index - 1];
    // Not every queue has samples at the finest one.
    if (fine === undefined || fine.seconds < MINUTE) continue;
    const step = seconds * 1000;
    const last = endBefore(now.getTime() - GRACE_MS, seconds);
    const [row] = await run<{ until: Date }>(SQL.until, [String(seconds)]);
    const kept = endBefore(now.getTime() - fine.keptSeconds * 1000, seconds);
    const done = Math.max(row?.until.getTime() ?? last - step, kept);
    const ends = endsOf({ from: done, until: last, resolutionSeconds: seconds }).slice(0, MAX_INTERVALS);
    for (const end of ends) {
      await foldInterval(run, { fineSeconds: fine.seconds, seconds, end });
      await run(SQL.proceed, [String(seconds), new Date(end)], { wrote: true });
    }
  }
}

async function foldInterval(
  run: RunSql,
  { fineSeconds, seconds, end }: { fineSeconds: number; seconds: number; end: number },
): Promise<void> {
  const from = end - seconds * 1000;
  const ends = endsOf({ from, until: end, resolutionSeconds: fineSeconds });
  const range = [new Date(from), new Date(end)];
  const rounds = await run<{ until: Date }>(BLOCKS.ends, [fineSeconds, GROUP_SHARD_NUMBERS, ...range]);
  if (rounds.length === 0) return;
  const sampled = new Set(rounds.map(({ until }) => until.getTime()));
  const wasSampled = ends.map((one) => sampled.has(one));
  for (let first = 0; first < BLOCKS.shards.length; first += SHARDS_AT_ONCE) {
    const shards = BLOCKS.shards.slice(first, first + SHARDS_AT_ONCE);
    const rows = await run<BlockRow>(BLOCKS.read, [fineSeconds, shards, ...range]);
    const entries = [...Map.groupBy(rows, ({ shard }) => shard)].flatMap(([shard, blocks]) =>
      [...byNumber(blocks)].flatMap(([number, samples]) => {
        const parts = ends.map((one) => samples.get(one));
        const sample = foldSamples(parts, wasSampled);
        return sample === null ? [] : [{ shard, number, sample }];
      }),
    );
    await addBlocks(run, { resolutionSeconds: seconds, until: new Date(end), part: 0, entries, once: true });
  }
}

function byNumber(blocks: readonly BlockRow[]): Map<number, Map<number, Sample>> {
  const found = new Map<number, Map<number, Sample>>();
  for (const block of blocks) {
    for (const { number, sample } of entriesOf(block)) {
      const samples = found.get(number) ?? new Map<number, Sample>();
      samples.set(block.until.getTime(), sample);
      found.set(number, samples);
    }
  }
  return found;
}
