/** What people do to jobs that run: cancel, hold, resume, and change their rate. */

import { type Access, chooseProject, type Permission, requireEverywhere } from "../../access/access.ts";
import { NEEDS, needOfNone } from "../../access/needs.ts";
import { DomainError } from "../../errors.ts";
import { type Job, RATED_JOB_KINDS } from "../../jobs/job.ts";
import { intended, permitted, settleIntention, type Trace } from "../audit/audit-trail.ts";
import type { OperationContext } from "../context.ts";
import type { MoveWork } from "../lifecycle/move-jobs.ts";
import { jobDoesNotExist, visibleJob } from "./parts.ts";
import { checkRate } from "./starts.ts";

/** Of jobs that the caller may see. */
export interface JobControl {
  /**
   * Changes the rate of a job, also while it runs: at once in this process, else within two seconds. Null: no limit. One
   * that has ended stays as it is. NOT_SUPPORTED for a job that keeps to no rate. JOB_DOES_NOT_EXIST and roles as for
   * `cancel`; BAD_INPUT.
   */
  update(access: Access, params: { id: string; ratePerSecond: number | null }): Promise<Job>;
  /**
   * Holds a job: it stops at its next safe point, within two seconds, and goes on from there once it is resumed. One
   * that is held can be cancelled. One that has ended stays as it is. JOB_DOES_NOT_EXIST and roles as for `cancel`.
   */
  hold(access: Access, params: { id: string }): Promise<Job>;
  resume(access: Access, params: { id: string }): Promise<Job>;
  /**
   * Cancels a job. One that runs stops at its next safe point: queues that have moved stay where they are, what was done
   * to messages stays done, and a drained pool gets its weight back. One that has ended stays as it is.
   * JOB_DOES_NOT_EXIST, also when the caller may not see it. Needs the permission operate; for a drain, administer in
   * all projects.
   */
  cancel(access: Access, params: { id: string }): Promise<Job>;
}

export function createJobControl(
  context: OperationContext,
  { work, woken }: { work: MoveWork; woken: () => void },
): JobControl {
  const { jobs } = context;

  /** Changes the job by `change`, as the audit entry says with `details`. */
  async function change(
    access: Access,
    action: "cancelJob" | "updateJob" | "holdJob" | "resumeJob",
    id: string,
    parts: {
      check?: (job: Job) => void;
      change: () => Promise<Job | null>;
      details: (before: Job, after: Job) => Record<string, unknown>;
      and?: (before: Job, after: Job) => Promise<void>;
    },
  ): Promise<Job> {
    const job = await visibleJob(context, access, id);
    const trace: Trace = { access, action, project: job.project, target: `${job.kind} ${job.target}`.trim() };
    const need = job.kind === "drainPool" ? needOfNone(action) : NEEDS[action];
    await permitted(context, trace, (permission) => chooseSubject(access, permission, job), need);
    parts.check?.(job);
    const act = async () => {
      const changed = await parts.change();
      if (changed === null) throw jobDoesNotExist(id);
      await parts.and?.(job, changed);
      woken();
      return changed;
    };
    // What has ended does not change any more.
    if (job.finishedAt !== null) return act();
    return intended(context, trace, { job: id }, act, (changed) => parts.details(job, changed));
  }

  /** In all projects that the job acts in. Of a pool, and of a job from before these were recorded: in all there are. */
  function chooseSubject(access: Access, permission: Permission, { projects }: Job): void {
    if (projects.length === 0) requireEverywhere(access, permission);
    for (const project of projects) chooseProject(access, permission, project);
  }

  return {
    async cancel(access, { id }) {
      const cancelled = await change(access, "cancelJob", id, {
        change: () => jobs.cancel(id),
        details: () => ({}),
        async and(job, { startedAt }) {
          // A running drain gives the weight back itself when it stops.
          if (job.kind !== "drainPool" || startedAt !== null) return;
          await context.control.transaction((tx) => work.giveWeightBack(tx, job));
        },
      });
      // Nobody has begun it, so nobody else tells how it ended.
      if (cancelled.startedAt === null)
        await settleIntention(context, cancelled.auditEntry, "done", { cancelled: true });
      return cancelled;
    },

    update: (access, { id, ratePerSecond }) =>
      change(access, "updateJob", id, {
        check({ kind }) {
          if (!RATED_JOB_KINDS.includes(kind)) {
            throw new DomainError("NOT_SUPPORTED", "A job of this kind keeps to no rate.", { details: { kind } });
          }
          checkRate(ratePerSecond, kind);
        },
        change: () => jobs.update(id, { ratePerSecond }),
        details: (before, after) => ({
          before: { ratePerSecond: before.ratePerSecond },
          after: { ratePerSecond: after.ratePerSecond },
        }),
      }),

    hold: (access, { id }) =>
      change(access, "holdJob", id, { change: () => jobs.update(id, { held: true }), details: () => ({}) }),

    resume: (access, { id }) =>
      change(access, "resumeJob", id, { change: () => jobs.update(id, { held: false }), details: () => ({}) }),
  };
}
