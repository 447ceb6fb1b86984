import { type Access, requirePermission } from "../access/access.ts";
import type { ByChange } from "../history/sample.ts";
import type { LastSample } from "../history/sample-history.ts";
import type { ProblemGroup } from "../problems/problem.ts";
import type { Where } from "../storage/where.ts";
import type { OperationContext } from "./context.ts";
import { MAX_QUEUES_WITH_METRICS } from "./lifecycle/queues-with-metrics.ts";
import { poolNames } from "./pool-facts/names.ts";

/** What all processes measure alike. */
export interface Measures {
  /** Of the kinds that there are. */
  problems: Pick<ProblemGroup, "kind" | "count">[];
  /** Null: no samples are taken. */
  samples: SampledMeasures | null;
}

export interface SampledMeasures {
  /** Of the store's clock, which the instants in the samples are of. */
  now: Date;
  pools: { pool: string; sample: LastSample; deadLetters: number }[];
  /** Queues with `_metrics: true` that have a sample. */
  queues: { project: string; queue: string; sample: LastSample; totals: ByChange }[];
}

export interface MetricsOperations {
  /**
   * The problems, and what the last samples say of all pools, and of the queues that ask for metrics: the first 100
   * that were created. Of a caller's projects only. Callers who see all share one reading for a second. Permission
   * read.
   */
  read(access: Access, params: Record<string, never>): Promise<Measures>;
}

const REMEMBER_MS = 1000;

export function createMetricsOperations({ control, samples, problems, now }: OperationContext): MetricsOperations {
  async function readSamples(projects: Where): Promise<SampledMeasures> {
    const [names, asking, deadLetters, at] = await Promise.all([
      poolNames(control),
      control.queues.listWithMetrics({ limit: MAX_QUEUES_WITH_METRICS }),
      samples.deadLetters(),
      samples.now(),
    ]);
    const queues = asking.filter(({ project }) => projects === "all" || projects.includes(project));
    const [ofPools, ofQueues, previous] = await Promise.all([
      samples.lastOf("pool", names),
      samples.last(queues),
      samples.previous(queues),
    ]);
    return {
      now: at,
      // They add up the queues of all projects.
      pools: (projects === "all" ? names : []).flatMap((pool, index) => {
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

  async function measure(projects: Where): Promise<Measures> {
    const [groups, sampled] = await Promise.all([
      problems.summary({ projects }),
      samples.isOn ? readSamples(projects) : null,
    ]);
    return { problems: groups, samples: sampled };
  }

  let last: { at: number; reading: Promise<Measures> } | null = null;
  return {
    async read(access) {
      requirePermission(access, "read");
      if (access.rights.read !== "all") return measure(access.rights.read);
      if (last === null || now() - last.at >= REMEMBER_MS) last = { at: now(), reading: measure(access.rights.read) };
      return last.reading;
    },
  };
}
