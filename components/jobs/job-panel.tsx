"use client";

import { formatCount, formatDuration } from "../ui/format.ts";
import { Panel } from "../ui/page.tsx";
import { Moment, useNow } from "../ui/time.tsx";
import { visible } from "../ui/visible.tsx";
import type { JobDetail } from "./fragments.ts";
import { isUnfinished } from "./job-can.ts";
import { CancelJob, JobState, outcomeOf } from "./job-parts.tsx";
import { KINDS } from "./job-states.ts";
import { useJob } from "./use-job.ts";

/** How far a job came, second by second, and what can be done with it. */
export function JobPanel({ title, job: given }: { title: string; job: JobDetail }) {
  const job = useJob(given);
  const unfinished = isUnfinished(job);
  const outcome = outcomeOf(job);
  return (
    <Panel
      flush
      title={title}
      actions={
        <span className="text-xs text-muted">
          {job.startedAt === null ? (
            "not started yet"
          ) : (
            <>
              started <Moment seconds at={job.startedAt} />
            </>
          )}{" "}
          by {visible(job.actor)}
        </span>
      }
    >
      <div className="flex flex-col gap-2 p-3">
        <div className="flex flex-wrap items-baseline gap-x-2">
          <JobState job={job} />
          <span className="ml-auto text-[1.375rem] leading-[1.625rem] font-semibold tracking-tight">
            {formatCount(job.progress)}
          </span>
          <span className="text-muted">
            {job.total === null ? null : `of ${formatCount(job.total)} `}
            {KINDS[job.kind].unit}
          </span>
        </div>
        <Bar job={job} />
        <p className="flex flex-wrap gap-x-4 text-xs">
          {job.total === null ? null : <strong className="font-semibold">{percentOf(job)} %</strong>}
          {unfinished && job.rate !== null ? <span>{job.rate.toFixed(1)}/s</span> : null}
          {unfinished ? <Remaining job={job} /> : null}
          {job.finishedAt === null ? null : (
            <span className="text-muted">
              ended <Moment seconds at={job.finishedAt} />
              {job.startedAt === null ? null : ` after ${formatDuration(secondsOf(job.startedAt, job.finishedAt))}`}
            </span>
          )}
        </p>
      </div>
      {outcome === null ? null : <p className="border-t border-line px-3 py-2 text-xs">{outcome}</p>}
      {unfinished ? (
        <div className="flex flex-wrap items-center justify-end gap-2 border-t border-line px-3 py-2">
          <CancelJob job={job} inWords />
        </div>
      ) : null}
    </Panel>
  );
}

const secondsOf = (from: string, until: string) => (Date.parse(until) - Date.parse(from)) / 1000;

/** Rounded down: 100 is for what is done. */
const percentOf = ({ progress, total }: JobDetail) => (total ? Math.floor((100 * progress) / total) : 100);

function Bar({ job }: { job: JobDetail }) {
  const { progress, total } = job;
  return (
    <div
      role="progressbar"
      aria-label={`Progress: ${formatCount(progress)} ${KINDS[job.kind].unit}`}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={total === null ? undefined : percentOf(job)}
      className="flex h-2.5 overflow-hidden rounded-[2px] bg-raised"
    >
      <span className="bg-accent-fill" style={{ width: `${total === null ? 0 : percentOf(job)}%` }} />
    </div>
  );
}

/** How long it takes at the present rate. */
function Remaining({ job: { progress, total, rate } }: { job: JobDetail }) {
  const now = useNow();
  if (total === null || !rate) return null;
  const seconds = Math.max(0, total - progress) / rate;
  return (
    <span>
      <strong className="font-semibold">{formatDuration(seconds)}</strong>{" "}
      <span className="text-muted">
        left, ends <Moment seconds at={new Date(now + seconds * 1000).toISOString()} />
      </span>
    </span>
  );
}
