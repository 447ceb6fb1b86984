/** Problems that records of the control database tell. */
import type { ProblemSettings } from "../config.ts";
import type { Job } from "../jobs/job.ts";
import type { Collection } from "../storage/control-driver.ts";
import { DEFAULT_POOL } from "../storage/data-driver.ts";
import { type FoundProblem, ofPool } from "./problem.ts";

/** A pool whose storage was found without what it had held. */
export function lossProblem({ pool, at }: { pool: string; at: Date }): FoundProblem {
  return { ...ofPool(pool), kind: "poolEmptyAgain", severity: "critical", since: at, numbers: {} };
}

/** Garbage that was not collected for so many intervals of it, and for GC_LATE_SECONDS, is a problem. */
const GC_INTERVALS = 3;

/** No collection of all pools has ended for too long, or the last one failed in some of the pools `names`. */
export function judgeCollections(params: {
  /** Null: there was none yet. */
  last: Collection | null;
  names: readonly string[];
  now: Date;
  limits: Pick<ProblemSettings, "GC_LATE_SECONDS"> & { GC_INTERVAL: number };
}): FoundProblem[] {
  const { last, names, now, limits } = params;
  if (last === null) return [];
  const seconds = (now.getTime() - last.at.getTime()) / 1000;
  const { GC_LATE_SECONDS: most, GC_INTERVAL } = limits;
  const isLate = most > 0 && seconds > Math.max(most, GC_INTERVALS * GC_INTERVAL);
  return isLate ? [gcProblem(DEFAULT_POOL, last.at, null)] : gcProblems(last, names);
}

/** Pools in which the last collection failed. Of the pools in `names`: another may be gone since. */
export function gcProblems(last: Collection | null, names: readonly string[]): FoundProblem[] {
  return (last?.failed ?? [])
    .filter(({ pool }) => names.includes(pool))
    .map(({ pool, error }) => gcProblem(pool, (last as Collection).at, error));
}

/** `error` null: none of all pools has ended since. */
function gcProblem(pool: string, since: Date, error: string | null): FoundProblem {
  return { ...ofPool(pool), kind: "gcBehind", severity: "warning", since, numbers: { error } };
}

export function jobProblem({ id, kind, project, target, finishedAt, createdAt, error }: Job): FoundProblem {
  const subject = project === null ? ofPool(target) : { project, queue: target, pool: "" };
  return {
    ...subject,
    job: id,
    kind: "jobFailed",
    severity: "warning",
    since: finishedAt ?? createdAt,
    numbers: { kind, target, error: error?.message ?? "It says nothing more." },
  };
}
