/** Samples in the control database, shared by all processes. Its clock says when an interval ends. */
import type pg from "pg";
import { translatePostgresError } from "../storage/postgres/sql/connection.ts";
import { cutsOf } from "./sample-budget.ts";
import { foldResolutions } from "./sample-folding.ts";
import type { SampleStore } from "./sample-history.ts";
import { sampleReads } from "./sample-reads.ts";
import { BLOCKS, type RunSql } from "./sample-sql.ts";
import { sampleWrites } from "./sample-writes.ts";

/** Blocks of one resolution that a trim deletes. Gc trims more often than so many grow old. */
const TRIM_BATCH = 5000;

/**
 * The caller closes `connections`. `clock` moves the store's time forward, for tests. `maxBytes`: what the history may
 * take; null for any size.
 */
export function createSampleStore(params: {
  connections: pg.Pool;
  clock: { offsetMs: number };
  isOn: boolean;
  maxBytes: number | null;
}): SampleStore {
  const { connections, clock, isOn, maxBytes } = params;

  const run: RunSql = async (text, values, { wrote = false } = {}) => {
    try {
      return (await connections.query(text, values)).rows;
    } catch (error) {
      throw translatePostgresError(error, { wrote });
    }
  };
  const now = async () => {
    const [row] = await run<{ now: Date }>("SELECT clock_timestamp() + make_interval(secs => $1) AS now", [
      clock.offsetMs / 1000,
    ]);
    return row?.now ?? new Date();
  };

  return {
    isOn,
    ...sampleReads(run, now),
    ...sampleWrites(run, now),
    fold: async () => foldResolutions(run, await now()),

    async trim() {
      const at = await now();
      const cuts = await cutsOf(run, at, maxBytes);
      let deleted = 0;
      for (const { seconds, keptSeconds } of BLOCKS.resolutions) {
        const until = new Date(Math.max(at.getTime() - keptSeconds * 1000, cuts.get(seconds)?.getTime() ?? 0));
        const rows = await run(BLOCKS.trim, [seconds, BLOCKS.shards, until, TRIM_BATCH], { wrote: true });
        deleted += rows.length;
      }
      return deleted;
    },

    async forgetPool(pool) {
      await run("DELETE FROM sampled_groups WHERE kind = 'pool' AND name = $1", [pool], { wrote: true });
    },
  };
}
