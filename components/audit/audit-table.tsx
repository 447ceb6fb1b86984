"use client";

import { Fragment, type ReactNode } from "react";
import { ProjectPrefix } from "../projects/project-name.tsx";
import { Badge, type Tone } from "../ui/badge.tsx";
import { column, DataTable, type PagerLinks } from "../ui/table.tsx";
import { Ago } from "../ui/time.tsx";
import { visible } from "../ui/visible.tsx";
import type { AuditRow } from "./fragments.ts";

const OUTCOMES: Record<AuditRow["outcome"], { label: string; tone: Tone }> = {
  DONE: { label: "Done", tone: "ok" },
  INTENDED: { label: "Intended", tone: "running" },
  REFUSED: { label: "Refused", tone: "stopped" },
  FAILED: { label: "Failed", tone: "danger" },
};

const COLUMNS = [
  column<AuditRow>("at", "Time", (row) => <Ago at={row.at} />),
  column<AuditRow>("actor", "Actor", (row) => row.actor, { wide: "below" }),
  column<AuditRow>("action", "Action", (row) => (
    <span className="block font-mono text-xs md:min-w-max">
      {/* Narrow screens break the name between its words. */}
      {row.action.split(/(?=[A-Z])/).map((word) => (
        <Fragment key={word}>
          {word}
          <wbr />
        </Fragment>
      ))}
    </span>
  )),
  column<AuditRow>(
    "target",
    "Target",
    (row) => (
      <>
        <ProjectPrefix project={row.project} />
        <span className="font-mono text-xs">{visible(row.target)}</span>
      </>
    ),
    { grow: true },
  ),
  column<AuditRow>(
    "outcome",
    "Outcome",
    (row) => (
      <span data-nothing={row.outcome === "DONE" || undefined}>
        <Badge tone={OUTCOMES[row.outcome].tone}>{OUTCOMES[row.outcome].label}</Badge>
      </span>
    ),
    { wide: "below" },
  ),
  column<AuditRow>(
    "details",
    "Details",
    (row) => (
      <code title={row.detailsText} className="block max-w-80 truncate font-mono text-xs text-muted">
        {row.detailsText === "{}" ? "" : visible(row.detailsText)}
      </code>
    ),
    { wide: true },
  ),
];

/** Entries of the audit, newest first. */
export function AuditTable({ rows, pager, empty }: { rows: AuditRow[]; pager: PagerLinks; empty: ReactNode }) {
  return (
    <DataTable
      editable
      label="Audit log"
      columns={COLUMNS}
      rows={rows}
      rowKey={(row) => row.id}
      pager={pager}
      empty={empty}
    />
  );
}
