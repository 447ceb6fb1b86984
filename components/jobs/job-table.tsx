"use client";

import type { ReactNode } from "react";
import { paths } from "../paths.ts";
import { Link } from "../ui/link.tsx";
import { useFollow } from "../ui/refresh.tsx";
import { column, DataTable, type PagerLinks } from "../ui/table.tsx";
import { Ago } from "../ui/time.tsx";
import type { JobRow } from "./fragments.ts";
import { isUnfinished } from "./job-can.ts";
import { CancelJob, JobProgress, JobState, JobTarget, outcomeOf } from "./job-parts.tsx";
import { KINDS } from "./job-states.ts";

const COLUMNS = [
  column<JobRow>(
    "kind",
    "Kind",
    (row) => (
      <Link href={paths.job(row.id)} className="text-accent underline-offset-2 hover:underline">
        {KINDS[row.kind].label}
      </Link>
    ),
    { wide: "below" },
  ),
  column<JobRow>("target", "Target", (row) => <JobTarget job={row} />),
  column<JobRow>("state", "State", (row) => <JobState job={row} />),
  column<JobRow>("outcome", "Outcome", outcomeOf, { wide: "below", grow: true }),
  column<JobRow>("progress", "Progress", (row) => <JobProgress job={row} />, { wide: "below" }),
  column<JobRow>("created", "Created", (row) => <Ago at={row.createdAt} coarse />, { wide: true }),
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
  useFollow(rows.some(isUnfinished));
  return (
    <DataTable
      editable
      label="Jobs"
      columns={COLUMNS}
      rows={rows}
      rowKey={(row) => row.id}
      pager={pager}
      empty={empty}
    />
  );
}
