"use client";

import type { ReactNode } from "react";
import { formatBytes } from "../ui/format.ts";
import { Link } from "../ui/link.tsx";
import { ShortId } from "../ui/short-id.tsx";
import { column, DataTable, type PagerLinks } from "../ui/table.tsx";
import { Ago, TimeLeft } from "../ui/time.tsx";
import { visible } from "../ui/visible.tsx";
import type { MessageRow } from "./fragments.ts";
import { MessageState } from "./message-state.tsx";

const COLUMNS = [
  column<MessageRow>("body", "Body", (row) => <Body row={row} />, { grow: "cut" }),
  column<MessageRow>("state", "State", (row) => <MessageState message={row} />, { wide: true }),
  column<MessageRow>("deliveries", "Deliveries", (row) => row.claimCount, { align: "right", wide: true }),
  column<MessageRow>("age", "Posted", (row) => <Ago at={row.createdAt} />, { align: "right", wide: true }),
  column<MessageRow>("ttl", "Expires in", (row) => <TimeLeft until={row.expiresAt} />, { align: "right", wide: true }),
  column<MessageRow>("size", "Size", (row) => formatBytes(row.bytes), { align: "right", wide: true }),
  column<MessageRow>(
    "id",
    "Id",
    (row) => (
      <span className="font-mono text-xs text-muted">
        <ShortId id={row.id} />
      </span>
    ),
    { wide: true },
  ),
];

/** The beginning of a body, which opens the message. On narrow screens a second line says the rest. */
function Body({ row: { preview, match, ...row } }: { row: MessageRow }) {
  return (
    <>
      <Link
        href={row.href}
        scroll={false}
        className="block truncate font-mono text-xs text-ink-2 underline-offset-2 hover:text-ink hover:underline"
      >
        {match === null ? (
          visible(preview)
        ) : (
          <>
            {visible(preview.slice(0, match[0]))}
            <mark className="rounded-[2px] bg-warn-soft font-semibold text-warn">
              {visible(preview.slice(...match))}
            </mark>
            {visible(preview.slice(match[1]))}
          </>
        )}
      </Link>
      <span className="mt-0.5 flex items-center gap-x-3 text-xs text-muted md:hidden">
        <MessageState message={row} />
        <Ago at={row.createdAt} />
        <span className="ml-auto whitespace-nowrap">{formatBytes(row.bytes)}</span>
      </span>
    </>
  );
}

/** Beside an open message, which shows the rest, there is room for these. */
const BESIDE = COLUMNS.filter(({ id }) => id !== "ttl" && id !== "id");

export function MessageTable({
  label,
  rows,
  open,
  pager,
  summary,
  empty,
}: {
  label: string;
  rows: MessageRow[];
  /** The id of the open message. */
  open: string | null;
  pager?: PagerLinks;
  summary?: ReactNode;
  empty: ReactNode;
}) {
  return (
    <DataTable
      editable
      label={label}
      columns={open === null ? COLUMNS : BESIDE}
      rows={rows}
      rowKey={(row) => row.id}
      current={open}
      pager={pager}
      summary={summary}
      empty={empty}
    />
  );
}
