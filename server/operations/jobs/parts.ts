/** What the operations on jobs share. */
import { setTimeout as pause } from "node:timers/promises";
import { type Access, mayUse, requirePermission } from "../../access/access.ts";
import { DomainError, isUnavailable } from "../../errors.ts";
import type { Job, JobOnce, JobSubject } from "../../jobs/job.ts";
import type { OperationContext } from "../context.ts";
import { checkToken } from "../input/names.ts";

/** How long a caller waits for a short job, and how often it looks whether the job has ended. */
const WAIT_MS = 2000;
const LOOK_EVERY_MS = 30;
/** Adds a job in the name of the caller, and tells those who wait for one. */
export type AddJob = (
  access: Access,
  subject: JobSubject,
  input: object,
  once?: JobOnce,
) => Promise<{ job: Job; created: boolean }>;

/** The job, or JOB_DOES_NOT_EXIST. Permission read. */
export async function visibleJob({ jobs }: OperationContext, access: Access, id: string): Promise<Job> {
  requirePermission(access, "read");
  const job = maySee(access, await jobs.get(id));
  if (job === null) throw jobDoesNotExist(id);
  return job;
}

export function maySee(access: Access, job: Job | null): Job | null {
  if (job === null || access.rights.read === "all") return job;
  const { projects } = job;
  return projects.length > 0 && projects.every((project) => mayUse(access, "read", project)) ? job : null;
}

/** Waits until the job has ended, for WAIT_MS at most. Returns it as it was seen last. */
export async function waitForEnd(jobs: OperationContext["jobs"], job: Job): Promise<Job> {
  const deadline = performance.now() + WAIT_MS;
  let latest = job;
  while (latest.finishedAt === null && performance.now() < deadline) {
    await pause(LOOK_EVERY_MS);
    try {
      latest = (await jobs.get(job.id)) ?? latest;
    } catch (error) {
      // The job has been added. An error would say that it may not have been.
      if (!isUnavailable(error)) throw error;
      break;
    }
  }
  return latest;
}

/** `request`: what a repeat must ask for too, beside the target. */
export function onceOf(params: { idempotencyKey?: string | null }, request: string): JobOnce | undefined {
  const key = checkToken("idempotencyKey", params.idempotencyKey);
  return key === null ? undefined : { key, request };
}

export function jobDoesNotExist(id: string): DomainError {
  return new DomainError("JOB_DOES_NOT_EXIST", "There is no such job, or you may not see it.", {
    details: { jobId: id },
  });
}
