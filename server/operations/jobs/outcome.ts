import { DomainError } from "../../errors.ts";
import type { JobKind } from "../../jobs/job.ts";
import { JobStopped, type JobWork } from "../../jobs/job-work.ts";
import { settleIntention } from "../audit/audit-trail.ts";
import type { OperationContext } from "../context.ts";

/** The same work, which also writes how it ended into the audit entry of its start. */
export function withOutcome<Kind extends JobKind>(
  context: OperationContext,
  works: Record<Kind, JobWork>,
): Record<Kind, JobWork> {
  const told =
    (work: JobWork): JobWork =>
    async (job, progress) => {
      try {
        const result = await work(job, progress);
        await settleIntention(context, job.auditEntry, "done", { job: job.id, result });
        return result;
      } catch (error) {
        if (!(error instanceof JobStopped)) {
          const code = error instanceof DomainError ? error.code : "INTERNAL";
          await settleIntention(context, job.auditEntry, "failed", { job: job.id, code });
        } else if (error.why === "cancelled") {
          await settleIntention(context, job.auditEntry, "done", { job: job.id, cancelled: true });
        }
        throw error;
      }
    };
  const entries = Object.entries<JobWork>(works).map(([kind, work]) => [kind, told(work)]);
  return Object.fromEntries(entries) as Record<Kind, JobWork>;
}
