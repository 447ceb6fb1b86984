import { JOB_STATES, KINDS } from "../jobs/job-states.ts";
import { paths } from "../paths.ts";
import { Badge } from "../ui/badge.tsx";
import { DeckRow, DeckSection } from "../ui/deck/deck-row.tsx";
import { Span } from "../ui/deck/span.tsx";
import type { TimeRange } from "../ui/deck/time-range.ts";
import { formatCount } from "../ui/format.ts";
import { Link } from "../ui/link.tsx";
import { NameLink } from "../ui/name-link.tsx";
import type { OverviewJob } from "./fragments.ts";

/** The newest long actions: when they ran, and how far they came. */
export function JobRows({ jobs, range }: { jobs: readonly OverviewJob[]; range: TimeRange }) {
  return (
    <>
      <DeckSection
        left="Jobs"
        right={
          <Link href={paths.jobs()} className="text-accent hover:underline">
            All jobs
          </Link>
        }
      />
      {jobs.length === 0 ? <DeckRow left={<span className="text-muted">None yet.</span>} /> : null}
      {jobs.map((job) => (
        <JobRow key={job.id} job={job} range={range} />
      ))}
    </>
  );
}

function JobRow({ job, range }: { job: OverviewJob; range: TimeRange }) {
  const { unit, label } = KINDS[job.kind];
  const total = job.total === null ? "" : ` of ${formatCount(job.total)}`;
  return (
    <DeckRow
      height="h-10"
      left={
        <span className="flex min-w-0 flex-1 flex-col py-1">
          <span className="flex min-w-0 items-baseline gap-2">
            <Badge tone={JOB_STATES[job.state].tone}>{JOB_STATES[job.state].label}</Badge>
            <span className="truncate">
              <Link href={paths.job(job.id)} className="underline-offset-2 hover:underline">
                {label}
              </Link>{" "}
              <NameLink
                href={job.project === null ? paths.pool(job.targetName) : paths.queue(job.project, job.targetName)}
              >
                {job.targetName}
              </NameLink>
            </span>
          </span>
          <span className="truncate pl-4.5 text-xs text-muted">{job.error?.message ?? `by ${job.actor}`}</span>
        </span>
      }
      right={
        <span className="text-right text-xs text-muted">
          {formatCount(job.progress)}
          {total} {unit}
        </span>
      }
    >
      <Span
        range={range}
        since={job.startedAt ?? job.createdAt}
        until={job.finishedAt}
        tone={job.state === "FAILED" ? "danger" : job.state === "CANCELLED" ? "neutral" : "progress"}
      />
    </DeckRow>
  );
}
