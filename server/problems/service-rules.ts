/** Problems that records of the control database tell, without any rule. */
import type { Job } from "../jobs/job.ts";
import type { Collection } from "../storage/control-driver.ts";
import { type FoundProblem, ofPool } from "./problem.ts";

/** A pool whose storage was found without what it had held. */
export function lossProblem({ pool, at }: { pool: string; at: Date }): FoundProblem {
  return { ...ofPool(pool), kind: "poolEmptyAgain", severity: "critical", since: at, numbers: {} };
}

/** Pools in which the last collection failed. Of the pools in `names`: another may be gone since. */
export function gcProblems(last: Collection | null, names: readonly string[]): FoundProblem[] {
  return (last?.failed ?? [])
    .filter(({ pool }) => names.includes(pool))
    .map(({ pool, error }) => gcProblem(pool, (last as Collection).at, error));
}

/** `error` null: none of all pools has ended since. */
export function gcProblem(pool: string, since: Date, error: string | null): FoundProblem {
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
