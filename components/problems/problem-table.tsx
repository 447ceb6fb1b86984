"use client";

import type { ReactNode } from "react";
import { ProjectLink } from "../projects/project-name.tsx";
import { Glyph } from "../ui/glyph.tsx";
import { NameLink } from "../ui/name-link.tsx";
import { column, DataTable, type PagerLinks } from "../ui/table.tsx";
import { Age, Moment } from "../ui/time.tsx";
import type { ProblemRow } from "./fragments.ts";
import { problemPath, SEVERITIES } from "./looks.ts";
import { ProblemFix } from "./problem-fix.tsx";
import { RunbookLink } from "./runbook-link.tsx";
import { Silence } from "./silence.tsx";
import { SnoozeProblem } from "./snooze-problem.tsx";

/** The sentence is what matters, so it has the text's size everywhere. */
function Told(problem: ProblemRow) {
  const { severity, text, evidence, runbook } = problem;
  return (
    <span className="flex gap-2 py-1 text-[0.8125rem] leading-5 whitespace-normal text-ink">
      <span>
        <Glyph shape={SEVERITIES[severity].shape} ink={SEVERITIES[severity].ink} />
        <span className="sr-only">{SEVERITIES[severity].word}: </span>
      </span>
      <span>
        {text}
        <span className="block text-xs text-muted">
          {evidence} <RunbookLink path={runbook} />
        </span>
        <Silence problem={problem} />
      </span>
    </span>
  );
}

const COLUMNS = [
  column<ProblemRow>(
    "subject",
    "About",
    (row) => {
      const { queueName, poolName, job } = row;
      const name = queueName ?? poolName ?? (job && (job.targetName || "several queues"));
      return (
        <>
          {name === null ? "—" : <NameLink href={problemPath(row)}>{name}</NameLink>}
          <span className="block md:hidden">
            <Told {...row} />
          </span>
        </>
      );
    },
    {},
  ),
  column<ProblemRow>(
    "project",
    "Project",
    ({ project }) => (project === null ? <span data-nothing>—</span> : <ProjectLink project={project} />),
    { wide: "below" },
  ),
  // On a telephone it is in the first column, which has the whole width.
  column<ProblemRow>("problem", "Problem", (row) => <Told {...row} />, { grow: true, wide: true }),
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
    { align: "right", wide: "below" },
  ),
];

/** Problems, the worst first. */
export function ProblemTable({ rows, pager, empty }: { rows: ProblemRow[]; pager: PagerLinks; empty: ReactNode }) {
  return (
    <DataTable label="Problems" columns={COLUMNS} rows={rows} rowKey={({ id }) => id} pager={pager} empty={empty} />
  );
}
