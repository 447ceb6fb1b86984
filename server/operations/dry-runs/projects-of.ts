import { type Access, mayUse } from "../../access/access.ts";
import type { DryRun } from "../../jobs/dry-run.ts";

/** The dry run, if the caller may read all that it is about: its plan names the queues that messages go to, too. */
export function visibleDryRun<T extends DryRun>(access: Access, dryRun: T | null): T | null {
  return projectsOf(dryRun).every((project) => mayUse(access, "read", project)) ? dryRun : null;
}

/** All that the job acts in. */
export function projectsOf(dryRun: DryRun | null): string[] {
  if (dryRun === null) return [];
  const { project, plan } = dryRun;
  return [
    ...new Set([
      ...(project === null ? [] : [project]),
      ...plan.queues.map((queue) => queue.project),
      ...(plan.action.kind === "moveMessages" ? [plan.action.to.project] : []),
    ]),
  ];
}
