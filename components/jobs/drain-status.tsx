"use client";

import { paths } from "../paths.ts";
import { Link } from "../ui/link.tsx";
import { useFollow } from "../ui/refresh.tsx";
import { Ago } from "../ui/time.tsx";
import type { JobRow } from "./fragments.ts";
import { isUnfinished } from "./job-can.ts";
import { CancelJob, JobProgress, JobState, outcomeOf } from "./job-parts.tsx";

/** The running drain of a pool, else its last one. */
export function DrainStatus({ job }: { job: JobRow }) {
  useFollow(isUnfinished(job));
  return (
    <div className="flex flex-wrap items-center justify-between gap-3">
      <JobState job={job} />
      {outcomeOf(job)}
      <JobProgress job={job} />
      <span className="flex items-center gap-2 text-muted">
        <Link href={paths.job(job.id)} className="underline-offset-2 hover:underline">
          started by {job.actor} <Ago at={job.createdAt} />
        </Link>
        <CancelJob job={job} />
      </span>
    </div>
  );
}
