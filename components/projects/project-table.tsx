"use client";

import type { ReactNode } from "react";
import { paths } from "../paths.ts";
import type { PauseFacts } from "../pauses/fragments.ts";
import { PauseInRow } from "../pauses/pause-in-row.tsx";
import { ResumeButton } from "../pauses/resume-button.tsx";
import { formatCount } from "../ui/format.ts";
import { Glyph } from "../ui/glyph.tsx";
import { Link } from "../ui/link.tsx";
import { column, DataTable, type PagerLinks } from "../ui/table.tsx";
import { Ago } from "../ui/time.tsx";
import { BodyRule } from "./body-rule.tsx";
import type { ProjectRow } from "./fragments.ts";
import { projectLabel } from "./project-name.tsx";

/** With its own pause; null: there is none. */
type PausableProject = ProjectRow & { pause: PauseFacts | null };

const COLUMNS = [
  column<PausableProject>(
    "name",
    "Project",
    (row) => (
      <Link href={paths.queues(row.name)} className="text-accent underline-offset-2 hover:underline">
        {projectLabel(row.name)}
      </Link>
    ),
    { grow: true },
  ),
  column<PausableProject>(
    "queues",
    "Queues",
    (row) => formatCount(row.queueCount.value, row.queueCount.exact ? "exact" : "at-least"),
    { align: "right" },
  ),
  column<PausableProject>("bodies", "Bodies read by", (row) => <BodyRule project={row} />, { wide: true }),
  column<PausableProject>("pause", "Paused", ({ pause }) =>
    pause === null ? (
      <span data-nothing className="text-muted">
        no
      </span>
    ) : (
      <span title={`${pause.actor}: ${pause.reason}`} className="inline-flex items-center gap-1.5">
        <Glyph shape="bars" ink="neutral" />
        <Ago at={pause.at} />
      </span>
    ),
  ),
  column<PausableProject>(
    "links",
    "",
    (row) => (
      <span className="flex items-center gap-3 max-md:min-h-9">
        <Link href={paths.flavors({ project: row.name })} className="text-muted underline-offset-2 hover:underline">
          Flavors
        </Link>
        <Link href={paths.catalogue({ project: row.name })} className="text-muted underline-offset-2 hover:underline">
          Catalogue
        </Link>
        {row.pause === null ? (
          <PauseInRow target={{ project: row.name }} />
        ) : (
          <ResumeButton target={{ project: row.name }} kind="ghost" />
        )}
      </span>
    ),
    { wide: "below" },
  ),
];

export function ProjectTable({ rows, pager, empty }: { rows: PausableProject[]; pager: PagerLinks; empty: ReactNode }) {
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
