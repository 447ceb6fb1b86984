"use client";

import type { ReactNode } from "react";
import { paths } from "../paths.ts";
import { formatCount } from "../ui/format.ts";
import { Link } from "../ui/link.tsx";
import { column, DataTable, type PagerLinks } from "../ui/table.tsx";
import type { ProjectRow } from "./fragments.ts";
import { projectLabel } from "./project-name.tsx";

const COLUMNS = [
  column<ProjectRow>(
    "name",
    "Project",
    (row) => (
      <Link href={paths.queues(row.name)} className="text-accent underline-offset-2 hover:underline">
        {projectLabel(row.name)}
      </Link>
    ),
    { grow: true },
  ),
  column<ProjectRow>(
    "queues",
    "Queues",
    (row) => formatCount(row.queueCount.value, row.queueCount.exact ? "exact" : "at-least"),
    { align: "right" },
  ),
  column<ProjectRow>(
    "links",
    "",
    (row) => (
      <span className="flex gap-3">
        <Link href={paths.flavors({ project: row.name })} className="text-muted underline-offset-2 hover:underline">
          Flavors
        </Link>
        <Link href={paths.catalogue({ project: row.name })} className="text-muted underline-offset-2 hover:underline">
          Catalogue
        </Link>
      </span>
    ),
    { wide: true },
  ),
];

export function ProjectTable({ rows, pager, empty }: { rows: ProjectRow[]; pager: PagerLinks; empty: ReactNode }) {
  return (
    <DataTable
      editable
      label="Projects"
      columns={COLUMNS}
      rows={rows}
      rowKey={(row) => row.name}
      pager={pager}
      empty={empty}
    />
  );
}
