"use client";

import { ProjectPrefix } from "../projects/project-name.tsx";
import { Badge } from "../ui/badge.tsx";
import { EmptyState } from "../ui/states.tsx";
import { column, DataTable } from "../ui/table.tsx";
import { visible } from "../ui/visible.tsx";
import type { SettingsChange } from "./documents.ts";

const KINDS: Record<SettingsChange["kind"], string> = { POOL: "Pool", FLAVOR: "Flavor", QUEUE: "Queue" };
const NO_PAGES = { first: null, previous: null, next: null };

function What({ row: { action, done, error } }: { row: SettingsChange }) {
  if (error !== null) return <Badge tone="danger">Failed</Badge>;
  const [past, future] = action === "CREATE" ? ["Created", "Create"] : ["Changed", "Change"];
  return <Badge tone={done ? "ok" : "running"}>{done ? past : future}</Badge>;
}

const text = (value: string | null) =>
  value === null || value === "{}" ? null : (
    <code title={value} className="block max-w-80 truncate font-mono text-xs">
      {visible(value)}
    </code>
  );

const COLUMNS = [
  column<SettingsChange>("action", "What", (row) => <What row={row} />),
  column<SettingsChange>("kind", "Kind", (row) => KINDS[row.kind]),
  column<SettingsChange>(
    "name",
    "Name",
    (row) => (
      <>
        <ProjectPrefix project={row.project} />
        <span className="font-mono text-xs">{visible(row.name)}</span>
        {row.error === null ? null : <span className="block text-xs text-danger">{visible(row.error.message)}</span>}
      </>
    ),
    { grow: true },
  ),
  column<SettingsChange>("before", "Before", (row) => text(row.beforeText), { wide: "below" }),
  column<SettingsChange>("after", "After", (row) => text(row.afterText), { wide: "below" }),
];

/** What an import did, or would do, object by object. */
export function ChangeTable({ rows }: { rows: SettingsChange[] }) {
  return (
    <DataTable
      label="Changes"
      columns={COLUMNS}
      rows={rows}
      rowKey={({ kind, project, name }) => JSON.stringify([kind, project, name])}
      pager={NO_PAGES}
      empty={<EmptyState title="Nothing to do">Everything is as the file says.</EmptyState>}
    />
  );
}
