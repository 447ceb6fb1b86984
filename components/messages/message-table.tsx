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
  column<MessageRow>("id", "Message", (row) => (
    <Link href={row.href} scroll={false} className="font-mono text-xs text-accent underline-offset-2 hover:underline">
      <ShortId id={row.id} />
    </Link>
  )),
  column<MessageRow>(
    "body",
    "Body",
    (row) => <span className="block truncate font-mono text-xs text-muted">{visible(row.preview)}</span>,
    { grow: "cut" },
  ),
  column<MessageRow>("size", "Size", (row) => formatBytes(row.bytes), { align: "right", wide: true }),
  column<MessageRow>("state", "State", (row) => <MessageState message={row} />),
  column<MessageRow>("deliveries", "Deliveries", (row) => row.claimCount, { align: "right", wide: true }),
  column<MessageRow>("age", "Posted", (row) => <Ago at={row.createdAt} />, { align: "right", wide: true }),
  column<MessageRow>("ttl", "Expires in", (row) => <TimeLeft until={row.expiresAt} />, { align: "right", wide: true }),
];

export function MessageTable({ rows, pager, empty }: { rows: MessageRow[]; pager: PagerLinks; empty: ReactNode }) {
  return (
    <DataTable
      editable
      label="Messages, oldest first"
      columns={COLUMNS}
      rows={rows}
      rowKey={(row) => row.id}
      pager={pager}
      summary="Oldest first. Reading messages does not consume them."
      empty={empty}
    />
  );
}
