import { type Access, requireRole } from "../access/access.ts";
import type { ByChange } from "../history/sample.ts";
import type { LastSample } from "../history/sample-history.ts";
import type { OperationContext } from "./context.ts";
import { MAX_QUEUES_WITH_METRICS } from "./lifecycle/queues-with-metrics.ts";
import { poolNames } from "./pool-facts/names.ts";

/** What all processes measure alike. */
export interface Measures {
  /** Of the store's clock, which the instants in the samples are of. */
  now: Date;
  pools: { pool: string; sample: LastSample; deadLetters: number }[];
  /** Queues with `_metrics: true` that have a sample. */
  queues: { project: string; queue: string; sample: LastSample; totals: ByChange }[];
}

export interface MetricsOperations {
  /**
   * What the last samples say of all pools, and of the queues that ask for metrics: the first 100 that were created.
   * Null when no samples are taken. Only queues of projects that the caller may see. Callers share one reading for a
   * second. Role viewer.
   */
  read(access: Access, params: Record<string, never>): Promise<Measures | null>;
}

const REMEMBER_MS = 1000;

export function createMetricsOperations({ control, samples, now }: OperationContext): MetricsOperations {
  async function measure(): Promise<Measures> {
    const [names, queues, deadLetters, at] = await Promise.all([
      poolNames(control),
      control.queues.listWithMetrics({ limit: MAX_QUEUES_WITH_METRICS }),
      samples.deadLetters(),
      samples.now(),
    ]);
    const [ofPools, ofQueues, previous] = await Promise.all([
      samples.lastOf("pool", names),
      samples.last(queues),
      samples.previous(queues),
    ]);
    return {
      now: at,
      pools: names.flatMap((pool, index) => {
        const sample = ofPools[index] ?? null;
        return sample === null ? [] : [{ pool, sample, deadLetters: deadLetters.get(pool) ?? 0 }];
      }),
      queues: queues.flatMap(({ project, name }, index) => {
        const sample = ofQueues[index] ?? null;
        const totals = previous[index]?.totals ?? null;
        return sample === null || totals === null ? [] : [{ project, queue: name, sample, totals }];
      }),
    };
  }

  let last: { at: number; reading: Promise<Measures> } | null = null;
  return {
    async read(access) {
      requireRole(access, "viewer");
      if (!samples.isOn) return null;
      if (last === null || now() - last.at >= REMEMBER_MS) last = { at: now(), reading: measure() };
      const reading = await last.reading;
      const { projects } = access;
      if (projects === "all") return reading;
      return { ...reading, queues: reading.queues.filter(({ project }) => projects.includes(project)) };
    },
  };
}
