"use client";

import { CircleStop } from "lucide-react";
import type { ReactNode } from "react";
import { ActionButton } from "../action.tsx";
import { paths } from "../paths.ts";
import { ProjectLink, ProjectPrefix } from "../projects/project-name.tsx";
import { Badge } from "../ui/badge.tsx";
import { NameLink } from "../ui/name-link.tsx";
import { Progress } from "../ui/progress.tsx";
import { visible } from "../ui/visible.tsx";
import { CANCEL_JOB } from "./documents.ts";
import type { JobRow } from "./fragments.ts";
import { isUnfinished, jobCan } from "./job-can.ts";
import { JOB_STATES, KINDS } from "./job-states.ts";

export function JobState({ job }: { job: JobRow }) {
  return (
    <span className="flex flex-wrap items-center gap-2">
      <Badge tone={JOB_STATES[job.state].tone}>{JOB_STATES[job.state].label}</Badge>
      {job.cancelRequested && isUnfinished(job) ? <Badge tone="stopped">Stopping</Badge> : null}
      {job.isHeld && isUnfinished(job) ? <Badge tone="stopped">Held</Badge> : null}
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
export function outcomeOf(job: JobRow): ReactNode {
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
const actionOf = (job: Pick<JobRow, "kind" | "targetName">) =>
  `${KINDS[job.kind].label.toLowerCase()} ${job.targetName || "of several queues"}`;

export function JobProgress({ job }: { job: JobRow }) {
  const { unit } = KINDS[job.kind];
  return (
    <span className="flex flex-wrap items-center gap-x-3 md:flex-nowrap">
      <Progress label={`Progress of job: ${actionOf(job)}`} value={job.progress} total={job.total} />
      <span className="text-muted">
        {unit}
        {job.rate !== null && isUnfinished(job) ? `, ${job.rate.toFixed(1)} a second` : ""}
      </span>
    </span>
  );
}

/** The queue or the pool that a job works on. Several queues have no name together. */
export function JobTarget({ job: { project, targetName } }: { job: Pick<JobRow, "project" | "targetName"> }) {
  if (targetName === "") {
    return project === null ? (
      "queues of several projects"
    ) : (
      <>
        queues of <ProjectLink project={project} />
      </>
    );
  }
  return (
    <>
      <ProjectPrefix project={project} />
      <NameLink href={project === null ? paths.pool(targetName) : paths.queue(project, targetName)}>
        {targetName}
      </NameLink>
    </>
  );
}

/** `inWords`: with its name, where there is room for it. */
export function CancelJob({ job, inWords = false }: { job: JobRow; inWords?: boolean }) {
  return (
    <ActionButton
      kind={inWords ? "danger" : "ghost"}
      document={CANCEL_JOB}
      variables={{ input: { id: job.id } }}
      where={job.project ?? undefined}
      done="The job stops at its next safe point."
      label={inWords ? undefined : `Cancel job: ${actionOf(job)}`}
      disabledReason={jobCan.cancel(job)}
    >
      {inWords ? "Cancel job" : <CircleStop aria-hidden />}
    </ActionButton>
  );
}
