"use client";

import type { ReactNode } from "react";
import { paths } from "../paths.ts";
import { ProjectLink } from "../projects/project-name.tsx";
import { Glyph } from "../ui/glyph.tsx";
import { NameLink } from "../ui/name-link.tsx";
import { column, DataTable, type PagerLinks } from "../ui/table.tsx";
import { Age, Moment } from "../ui/time.tsx";
import type { ProblemRow } from "./fragments.ts";
import { SEVERITIES } from "./looks.ts";
import { ProblemFix } from "./problem-fix.tsx";
import { RunbookLink } from "./runbook-link.tsx";
import { SnoozeProblem } from "./snooze-problem.tsx";

const COLUMNS = [
  column<ProblemRow>(
    "subject",
    "Queue or pool",
    ({ project, queueName, poolName }) => {
      if (project !== null && queueName !== null) {
        return <NameLink href={paths.queue(project, queueName)}>{queueName}</NameLink>;
      }
      return poolName === null ? "—" : <NameLink href={paths.pool(poolName)}>{poolName}</NameLink>;
    },
    {},
  ),
  column<ProblemRow>(
    "project",
    "Project",
    ({ project }) => (project === null ? <span data-nothing>—</span> : <ProjectLink project={project} />),
    { wide: "below" },
  ),
  column<ProblemRow>(
    "problem",
    "Problem",
    ({ severity, text, evidence, runbook }) => (
      <span className="flex gap-2 py-1 whitespace-normal">
        <span className="mt-0.5">
          <Glyph shape={SEVERITIES[severity].shape} ink={SEVERITIES[severity].ink} />
          <span className="sr-only">{SEVERITIES[severity].word}: </span>
        </span>
        <span>
          {text}
          <span className="block text-xs text-muted">
            {evidence} <RunbookLink path={runbook} />
          </span>
        </span>
      </span>
    ),
    { grow: true, wide: "below" },
  ),
  column<ProblemRow>(
    "since",
    "Since",
    ({ since, sinceFound }) => (
      <>
        {sinceFound ? <span className="text-muted">first seen </span> : null}
        <Moment at={since} /> <span className="text-muted">({<Age since={since} coarse />})</span>
      </>
    ),
    { wide: "below" },
  ),
  column<ProblemRow>(
    "actions",
    "",
    (row) => (
      <span className="flex items-center gap-1 py-1 md:justify-end">
        <ProblemFix fixable={{ ...row, deadLetterQueue: row.queue?.attributes.deadLetterQueue ?? null }} />
        <SnoozeProblem problem={row} />
      </span>
    ),
    // Beside the sentence there is no room for them on a telephone.
    { align: "right", wide: "below" },
  ),
];

/** Problems, the worst first. */
export function ProblemTable({ rows, pager, empty }: { rows: ProblemRow[]; pager: PagerLinks; empty: ReactNode }) {
  return (
    <DataTable label="Problems" columns={COLUMNS} rows={rows} rowKey={({ id }) => id} pager={pager} empty={empty} />
  );
}
