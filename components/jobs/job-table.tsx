"use client";

import { CircleStop } from "lucide-react";
import type { ReactNode } from "react";
import { ActionButton } from "../action.tsx";
import { paths } from "../paths.ts";
import { ProjectPrefix } from "../project-name.tsx";
import { Badge, type Tone } from "../ui/badge.tsx";
import { NameLink } from "../ui/name-link.tsx";
import { Progress } from "../ui/progress.tsx";
import { RefreshWhile } from "../ui/refresh-while.tsx";
import { column, DataTable, type PagerLinks } from "../ui/table.tsx";
import { Ago } from "../ui/time.tsx";
import { visible } from "../ui/visible.tsx";
import { CANCEL_JOB } from "./documents.ts";
import { isUnfinished, jobCan } from "./job-can.ts";

export interface JobRow {
  id: string;
  kind: "MOVE_QUEUE" | "DRAIN_POOL";
  project: string | null;
  target: string;
  state: "WAITING" | "RUNNING" | "DONE" | "FAILED" | "CANCELLED";
  progress: number;
  total: number | null;
  rate: number | null;
  waitingFor: string | null;
  error: { code: string; message: string } | null;
  /** JSON text of an object; null until it is done. */
  resultText: string | null;
  cancelRequested: boolean;
  actor: string;
  createdAt: string;
}

const KINDS: Record<JobRow["kind"], { label: string; unit: string }> = {
  MOVE_QUEUE: { label: "move a queue", unit: "messages" },
  DRAIN_POOL: { label: "drain a pool", unit: "queues" },
};

const STATES: Record<JobRow["state"], { label: string; tone: Tone }> = {
  WAITING: { label: "waiting", tone: "neutral" },
  RUNNING: { label: "running", tone: "accent" },
  DONE: { label: "done", tone: "ok" },
  FAILED: { label: "failed", tone: "danger" },
  CANCELLED: { label: "cancelled", tone: "warn" },
};

function JobState({ job }: { job: JobRow }) {
  return (
    <span className="flex flex-wrap items-center gap-2">
      <Badge tone={STATES[job.state].tone}>{STATES[job.state].label}</Badge>
      {job.cancelRequested && isUnfinished(job) ? <Badge tone="warn">stopping</Badge> : null}
      {job.waitingFor !== null && isUnfinished(job) ? (
        <span className="text-warn wrap-anywhere whitespace-normal">waiting for {visible(job.waitingFor)}</span>
      ) : null}
    </span>
  );
}

interface Company {
  included?: string[];
  excluded?: { queue: string; why: string }[];
}

const SHOWN = 5;

/** Why it failed; who went along with a queue, and who belongs to it and lives elsewhere. Null: nothing to say. */
function outcomeOf(job: JobRow): ReactNode {
  const { included = [], excluded = [] }: Company = JSON.parse(job.resultText ?? "{}");
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

function JobProgress({ job }: { job: JobRow }) {
  const { unit } = KINDS[job.kind];
  return (
    <span className="flex flex-wrap items-center gap-x-3">
      <Progress label={`Progress of job ${job.id}`} value={job.progress} total={job.total} />
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
      label={`Cancel job ${job.id}`}
      disabledReason={jobCan.cancel(job)}
    >
      <CircleStop aria-hidden />
    </ActionButton>
  );
}

/** A pool's drain that is under way or was the last, with what can be done about it. */
export function DrainStatus({ job }: { job: JobRow }) {
  return (
    <div className="flex flex-wrap items-center justify-between gap-3">
      <RefreshWhile active={isUnfinished(job)} />
      <JobState job={job} />
      {outcomeOf(job)}
      <JobProgress job={job} />
      <span className="flex items-center gap-2 text-muted">
        asked for by {job.actor} <Ago at={job.createdAt} />
        <CancelJob job={job} />
      </span>
    </div>
  );
}

const COLUMNS = [
  column<JobRow>("kind", "What", (row) => KINDS[row.kind].label, { wide: "below" }),
  column<JobRow>(
    "target",
    "Of what",
    (row) => (
      <>
        <ProjectPrefix project={row.project} />
        <NameLink href={row.project === null ? paths.pool(row.target) : paths.queue(row.project, row.target)}>
          {row.target}
        </NameLink>
      </>
    ),
    { grow: true },
  ),
  column<JobRow>("state", "State", (row) => <JobState job={row} />),
  column<JobRow>("outcome", "Outcome", outcomeOf, { wide: "below", grow: true }),
  column<JobRow>("progress", "Progress", (row) => <JobProgress job={row} />, { wide: "below" }),
  column<JobRow>("created", "Asked for", (row) => <Ago at={row.createdAt} />, { wide: true }),
  column<JobRow>("actor", "Who", (row) => row.actor, { wide: true }),
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
