"use client";

import { CircleStop } from "lucide-react";
import type { ReactNode } from "react";
import { ActionButton } from "../action.tsx";
import { paths } from "../paths.ts";
import { ProjectPrefix } from "../projects/project-name.tsx";
import { Badge } from "../ui/badge.tsx";
import { NameLink } from "../ui/name-link.tsx";
import { Progress } from "../ui/progress.tsx";
import { RefreshWhile } from "../ui/refresh-while.tsx";
import { column, DataTable, type PagerLinks } from "../ui/table.tsx";
import { Ago } from "../ui/time.tsx";
import { visible } from "../ui/visible.tsx";
import { CANCEL_JOB } from "./documents.ts";
import type { JobRow } from "./fragments.ts";
import { isUnfinished, jobCan } from "./job-can.ts";
import { JOB_STATES } from "./job-states.ts";

const KINDS: Record<JobRow["kind"], { label: string; unit: string }> = {
  MOVE_QUEUE: { label: "Move queue", unit: "messages" },
  DRAIN_POOL: { label: "Drain pool", unit: "queues" },
};

function JobState({ job }: { job: JobRow }) {
  return (
    <span className="flex flex-wrap items-center gap-2">
      <Badge tone={JOB_STATES[job.state].tone}>{JOB_STATES[job.state].label}</Badge>
      {job.cancelRequested && isUnfinished(job) ? <Badge tone="warn">Stopping</Badge> : null}
      {job.waitingFor !== null && isUnfinished(job) ? (
        <span className="text-warn wrap-anywhere whitespace-normal">waiting for {visible(job.waitingFor)}</span>
      ) : null}
    </span>
  );
}

/** The part of a result that names queues. */
interface Result {
  included?: string[];
  excluded?: { queue: string; why: string }[];
}

/** Queues that are named; of the others only their number. */
const SHOWN = 5;

/** Why it failed, which queues moved with its queue, and which did not. Null when it has nothing to say. */
function outcomeOf(job: JobRow): ReactNode {
  const { included = [], excluded = [] }: Result = JSON.parse(job.resultText ?? "{}");
  if (job.error === null && included.length === 0 && excluded.length === 0) return null;
  return (
    <span className="text-muted wrap-anywhere">
      {job.error ? <span className="text-danger">{visible(job.error.message)} </span> : null}
      {included.length === 0 ? null : `With ${namesOf(included)}. `}
      {excluded.length === 0 ? null : (
        <span className="text-warn">
          Left out:{" "}
          {excluded
            .slice(0, SHOWN)
            .map(({ queue, why }) => `${queue} (${why})`)
            .join(" ")}
          {excluded.length > SHOWN ? ` and ${excluded.length - SHOWN} more` : ""}
        </span>
      )}
    </span>
  );
}

function namesOf(queues: string[]): string {
  const more = queues.length > SHOWN ? ` and ${queues.length - SHOWN} more` : "";
  return `${queues.slice(0, SHOWN).join(", ")}${more}`;
}

/** What it does, to what, in lower case. */
const actionOf = (job: JobRow) => `${KINDS[job.kind].label.toLowerCase()} ${job.targetName}`;

function JobProgress({ job }: { job: JobRow }) {
  const { unit } = KINDS[job.kind];
  return (
    <span className="flex flex-wrap items-center gap-x-3">
      <Progress label={`Progress of job: ${actionOf(job)}`} value={job.progress} total={job.total} />
      <span className="text-muted">
        {unit}
        {job.rate !== null && isUnfinished(job) ? `, ${job.rate.toFixed(1)} a second` : ""}
      </span>
    </span>
  );
}

function CancelJob({ job }: { job: JobRow }) {
  return (
    <ActionButton
      document={CANCEL_JOB}
      variables={{ input: { id: job.id } }}
      done="The job stops at its next safe point."
      label={`Cancel job: ${actionOf(job)}`}
      disabledReason={jobCan.cancel(job)}
    >
      <CircleStop aria-hidden />
    </ActionButton>
  );
}

/** The running drain of a pool, else its last one. */
export function DrainStatus({ job }: { job: JobRow }) {
  return (
    <div className="flex flex-wrap items-center justify-between gap-3">
      <RefreshWhile active={isUnfinished(job)} />
      <JobState job={job} />
      {outcomeOf(job)}
      <JobProgress job={job} />
      <span className="flex items-center gap-2 text-muted">
        started by {job.actor} <Ago at={job.createdAt} />
        <CancelJob job={job} />
      </span>
    </div>
  );
}

const COLUMNS = [
  column<JobRow>("kind", "Kind", (row) => KINDS[row.kind].label, { wide: "below" }),
  column<JobRow>(
    "target",
    "Target",
    (row) => (
      <>
        <ProjectPrefix project={row.project} />
        <NameLink href={row.project === null ? paths.pool(row.targetName) : paths.queue(row.project, row.targetName)}>
          {row.targetName}
        </NameLink>
      </>
    ),
    { grow: true },
  ),
  column<JobRow>("state", "State", (row) => <JobState job={row} />),
  column<JobRow>("outcome", "Outcome", outcomeOf, { wide: "below", grow: true }),
  column<JobRow>("progress", "Progress", (row) => <JobProgress job={row} />, { wide: "below" }),
  column<JobRow>("created", "Created", (row) => <Ago at={row.createdAt} />, { wide: true }),
  column<JobRow>("actor", "Actor", (row) => row.actor, { wide: true }),
  column<JobRow>(
    "actions",
    "",
    (row) => (
      <span className="flex justify-end">
        <CancelJob job={row} />
      </span>
    ),
    { align: "right" },
  ),
];

/** Long actions, newest first. */
export function JobTable({ rows, pager, empty }: { rows: JobRow[]; pager: PagerLinks; empty: ReactNode }) {
  return (
    <>
      <RefreshWhile active={rows.some(isUnfinished)} />
      <DataTable label="Jobs" columns={COLUMNS} rows={rows} rowKey={(row) => row.id} pager={pager} empty={empty} />
    </>
  );
}
