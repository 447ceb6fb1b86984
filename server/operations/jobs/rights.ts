import { type Access, chooseProject } from "../../access/access.ts";
import { DomainError } from "../../errors.ts";
import type { Job } from "../../jobs/job.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import type { OperationContext } from "../context.ts";

/**
 * What the asker of a job may do now. FORBIDDEN when the permission operate, or the right to one of these queues'
 * projects, is gone since the job was asked for.
 */
export async function requirePresentRight(
  { presentAccess }: Pick<OperationContext, "presentAccess">,
  job: Job,
  queues: readonly Pick<QueueRef, "project">[],
): Promise<Access> {
  const access = await presentAccess(job);
  if (access === null) {
    throw new DomainError("FORBIDDEN", `${job.actor}, who asked for this job, has no rights any more.`);
  }
  for (const { project } of queues) chooseProject(access, "operate", project);
  return access;
}
