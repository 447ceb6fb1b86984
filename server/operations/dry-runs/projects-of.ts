import type { DryRun } from "../../jobs/dry-run.ts";

/** All that the job acts in. */
export function projectsOf(dryRun: DryRun | null): string[] {
  if (dryRun === null) return [];
  const { project, plan } = dryRun;
  return [
    ...(project === null ? [] : [project]),
    ...plan.queues.map((queue) => queue.project),
    ...(plan.action.kind === "moveMessages" ? [plan.action.to.project] : []),
  ];
}
