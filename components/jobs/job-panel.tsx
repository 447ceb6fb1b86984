"use client";

import { Pause, Play } from "lucide-react";
import { LEFT_WORDS } from "../acting/words.ts";
import { ActionButton } from "../action.tsx";
import { paths } from "../paths.ts";
import { Button, LinkButton } from "../ui/button.tsx";
import { formatCount, formatDuration } from "../ui/format.ts";
import { Glyph } from "../ui/glyph.tsx";
import { Link } from "../ui/link.tsx";
import { Opener } from "../ui/opener.tsx";
import { Panel } from "../ui/page.tsx";
import { Moment, useNow } from "../ui/time.tsx";
import { visible } from "../ui/visible.tsx";
import { UndoNotice } from "../undo/undo-notice.tsx";
import { HOLD_JOB, RESUME_JOB } from "./documents.ts";
import type { JobDetail } from "./fragments.ts";
import { isUnfinished, jobCan } from "./job-can.ts";
import { CancelJob, JobState, JobTarget, outcomeOf } from "./job-parts.tsx";
import { KINDS } from "./job-states.ts";
import { useJob } from "./use-job.ts";

/** Reasons that are listed; their numbers are in the sum anyway. */
const SHOWN_REASONS = 6;
const SHOWN_UNDOS = 6;

/** How far a job came, second by second, and what can be done with it. `linked`: it stands elsewhere than on its page. */
export function JobPanel({ title, job: given, linked = false }: { title: string; job: JobDetail; linked?: boolean }) {
  const job = useJob(given);
  const { id, kind, project, targetName, dryRun, leftBecause } = job;
  const where = project ?? undefined;
  const unfinished = isUnfinished(job);
  const outcome = outcomeOf(job);
  const to = dryRun?.destinations ?? [];
  return (
    <>
      {job.undos.slice(0, SHOWN_UNDOS).map((undo) => (
        <UndoNotice key={undo.token} undo={undo} />
      ))}
      {job.undos.length <= SHOWN_UNDOS ? null : (
        <p className="mb-4 text-xs text-muted">
          {formatCount(job.undos.length - SHOWN_UNDOS)} more queues can be taken back, each on its own page.
        </p>
      )}
      <Panel
        flush
        title={title}
        actions={
          <span className="text-xs text-muted">
            {linked ? (
              <Link href={paths.job(id)} className="text-accent underline underline-offset-2">
                job {id.replace(/^Job:/, "")}
              </Link>
            ) : (
              `job ${id.replace(/^Job:/, "")}`
            )}
            {job.startedAt === null ? (
              ", not started yet"
            ) : (
              <>
                , started <Moment seconds at={job.startedAt} />
              </>
            )}{" "}
            by {visible(job.actor)}
          </span>
        }
      >
        <div className="flex flex-col gap-2 p-3">
          <div className="flex flex-wrap items-baseline gap-x-2">
            <span className="min-w-0 wrap-anywhere">
              {KINDS[kind].label} <JobTarget job={{ project, targetName }} />
              {to[0] === undefined ? null : (
                <span className="text-muted">
                  {" → "}
                  {to.length === 1 ? visible(to[0].queueName) : `${formatCount(to.length)} queues`}
                </span>
              )}
            </span>
            <span className="ml-auto flex items-baseline gap-x-2">
              <span className="text-[1.375rem] leading-[1.625rem] font-semibold tracking-tight">
                {formatCount(job.progress)}
              </span>
              <span className="text-muted">
                {job.total === null ? null : `of ${formatCount(job.total)} `}
                {KINDS[kind].unit}
              </span>
            </span>
          </div>
          <Bar job={job} />
          <div className="flex flex-wrap items-center gap-x-4 gap-y-1 text-xs">
            <JobState job={job} />
            {job.total === null ? null : <strong className="font-semibold">{percentOf(job)} %</strong>}
            {unfinished ? <Speed job={job} /> : null}
            {unfinished ? <Remaining job={job} /> : null}
            {job.finishedAt === null ? null : (
              <span className="text-muted">
                ended <Moment seconds at={job.finishedAt} />
                {job.startedAt === null ? null : ` after ${durationText(job.startedAt, job.finishedAt)}`}
              </span>
            )}
            {job.left === 0 ? null : (
              <span className="flex items-center gap-1.5 text-danger">
                <Glyph shape="cross" ink="danger" /> {formatCount(job.left)} left
              </span>
            )}
          </div>
        </div>
        {outcome === null ? null : <p className="border-t border-line px-3 py-2 text-xs">{outcome}</p>}
        {leftBecause.slice(0, SHOWN_REASONS).map((one) => (
          <div
            key={`${one.why} ${one.project} ${one.queueName}`}
            className="flex flex-wrap items-center justify-between gap-2 border-t border-line px-3 py-1.5 text-xs"
          >
            <span className="min-w-0 flex-1 basis-40 wrap-anywhere">
              {formatCount(one.messages)} left: {LEFT_WORDS[one.why]}. They are in {visible(one.queueName)}.
            </span>
            <LinkButton size="small" href={listOf(one)}>
              List them
            </LinkButton>
          </div>
        ))}
        {goneOf(job) === 0 ? null : (
          <p className="border-t border-line px-3 py-1.5 text-xs text-muted">
            {formatCount(goneOf(job))} were gone, or did not match any more, when their turn came.
          </p>
        )}
        {leftBecause.length <= SHOWN_REASONS ? null : (
          <p className="border-t border-line px-3 py-1.5 text-xs text-muted">
            and in {formatCount(leftBecause.length - SHOWN_REASONS)} more queues or for other reasons
          </p>
        )}
        {unfinished ? (
          <div className="flex flex-wrap items-center gap-2 border-t border-line px-3 py-2">
            {jobCan.changeRate(job) === null ? (
              <Opener
                trigger={
                  <Button size="small" needs="updateJob" where={where}>
                    Change rate…
                  </Button>
                }
                load={loadRateForm}
                props={{ id, rate: job.ratePerSecond }}
              />
            ) : null}
            <span className="ml-auto flex flex-wrap gap-2">
              {job.isHeld ? (
                <ActionButton
                  kind="plain"
                  document={RESUME_JOB}
                  variables={{ input: { id } }}
                  where={where}
                  done="The job goes on."
                >
                  <Play aria-hidden /> Resume
                </ActionButton>
              ) : (
                <ActionButton
                  kind="plain"
                  document={HOLD_JOB}
                  variables={{ input: { id } }}
                  where={where}
                  done="The job stops at its next safe point, until somebody resumes it."
                >
                  <Pause aria-hidden /> Hold
                </ActionButton>
              )}
              <CancelJob job={job} inWords />
            </span>
          </div>
        ) : null}
      </Panel>
    </>
  );
}

const loadRateForm = () => import("./rate-form.tsx");

type Left = JobDetail["leftBecause"][number];

/** The messages that were left, or some more: those in the state that kept them. */
function listOf({ why, project, queueName }: Left): string {
  return paths.queue(project, queueName, "messages", { state: why === "CLAIMED" && "claimed", order: "oldest" });
}

/** Rounded down: 100 is for what is done. */
/** Messages that the dry run counted and that the job, when it was done, had neither acted upon nor left. */
const goneOf = ({ state, dryRun, progress, total, left }: JobDetail) =>
  state === "DONE" && dryRun !== null && total !== null ? Math.max(0, total - progress - left) : 0;

const percentOf = ({ progress, total, left }: JobDetail) =>
  total ? Math.min(100, Math.floor((100 * (progress + left)) / total)) : 100;

function durationText(from: string, until: string): string {
  const seconds = (Date.parse(until) - Date.parse(from)) / 1000;
  return seconds < 1 ? "less than 1 s" : formatDuration(seconds);
}

/** What is done, and what was left. */
function Bar({ job }: { job: JobDetail }) {
  const { progress, total, left } = job;
  const share = (count: number) => (total ? `${Math.min(100, (100 * count) / total)}%` : total === 0 ? "100%" : "0%");
  return (
    <div
      role="progressbar"
      aria-label={`Progress: ${formatCount(progress)} ${KINDS[job.kind].unit}`}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={total === null ? undefined : percentOf(job)}
      className="flex h-2.5 overflow-hidden rounded-[2px] bg-raised"
    >
      <span className="bg-accent-fill" style={{ width: share(progress) }} />
      {left === 0 ? null : <span className="bg-danger" style={{ width: share(left) }} />}
    </div>
  );
}

function Speed({ job: { rate, ratePerSecond, isHeld } }: { job: JobDetail }) {
  if (isHeld || (rate === null && ratePerSecond === null)) return null;
  return (
    <span>
      {rate === null ? null : <strong className="font-semibold">{rate.toFixed(1)}/s</strong>}
      {ratePerSecond === null ? null : <span className="text-muted"> of {ratePerSecond}/s</span>}
    </span>
  );
}

/** How long it takes if it goes on as so far. */
function Remaining({ job: { endsAt } }: { job: JobDetail }) {
  const now = useNow();
  if (endsAt === null) return null;
  return (
    <span>
      <strong className="font-semibold">{formatDuration(Math.max(0, Date.parse(endsAt) - now) / 1000)}</strong>{" "}
      <span className="text-muted">
        left, ends <Moment seconds at={endsAt} />
      </span>
    </span>
  );
}
