"use client";

import type { ReactNode } from "react";
import { ProjectPrefix } from "./project-name.tsx";
import { Badge, type Tone } from "./ui/badge.tsx";
import { column, DataTable, type PagerLinks } from "./ui/table.tsx";
import { Ago } from "./ui/time.tsx";
import { visible } from "./ui/visible.tsx";

export interface AuditRow {
  id: string;
  at: string;
  actor: string;
  action: string;
  project: string | null;
  target: string;
  outcome: "INTENDED" | "DONE" | "REFUSED" | "FAILED";
  detailsText: string;
  requestId: string;
}

const OUTCOMES: Record<AuditRow["outcome"], { label: string; tone: Tone }> = {
  DONE: { label: "done", tone: "ok" },
  INTENDED: { label: "intended", tone: "warn" },
  REFUSED: { label: "refused", tone: "warn" },
  FAILED: { label: "failed", tone: "danger" },
};

const COLUMNS = [
  column<AuditRow>("at", "When", (row) => <Ago at={row.at} />),
  column<AuditRow>("actor", "Who", (row) => row.actor, { wide: "below" }),
  column<AuditRow>("action", "What", (row) => <span className="font-mono text-[0.8125rem]">{row.action}</span>),
  column<AuditRow>(
    "target",
    "To what",
    (row) => (
      <>
        <ProjectPrefix project={row.project} />
        <span className="font-mono text-[0.8125rem]">{visible(row.target)}</span>
      </>
    ),
    { grow: true },
  ),
  column<AuditRow>("outcome", "Outcome", (row) => (
    <Badge tone={OUTCOMES[row.outcome].tone}>{OUTCOMES[row.outcome].label}</Badge>
  )),
  column<AuditRow>(
    "details",
    "Details",
    (row) => (
      <code title={row.detailsText} className="block max-w-80 truncate font-mono text-[0.8125rem] text-muted">
        {row.detailsText === "{}" ? "" : visible(row.detailsText)}
      </code>
    ),
    { wide: true },
  ),
];

/** Who did what, newest first. */
export function AuditTable({ rows, pager, empty }: { rows: AuditRow[]; pager: PagerLinks; empty: ReactNode }) {
  return (
    <DataTable label="Audit log" columns={COLUMNS} rows={rows} rowKey={(row) => row.id} pager={pager} empty={empty} />
  );
}
