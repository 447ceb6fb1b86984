"use client";

import Link from "next/link";
import type { ReactNode } from "react";
import { ActionButton } from "../action.tsx";
import { ShortId } from "../ui/short-id.tsx";
import { column, DataTable, type PagerLinks } from "../ui/table.tsx";
import { Ago, LeaseBar } from "../ui/time.tsx";
import { RELEASE_CLAIM, RENEW_CLAIM } from "./documents.ts";

export interface ClaimRow {
  id: string;
  project: string;
  queue: string;
  href: string;
  ttlSeconds: number;
  graceSeconds: number;
  createdAt: string;
  renewedAt: string;
  expiresAt: string;
  clientId: string | null;
  actor: string | null;
  messageCount: number;
}

const COLUMNS = [
  column<ClaimRow>("id", "Claim", (row) => (
    <Link
      href={row.href}
      scroll={false}
      className="font-mono text-[0.8125rem] text-accent underline-offset-2 hover:underline"
    >
      <ShortId id={row.id} />
    </Link>
  )),
  column<ClaimRow>("left", "Time left", (row) => <LeaseBar from={row.renewedAt} until={row.expiresAt} />),
  column<ClaimRow>("messages", "Messages", (row) => row.messageCount, { align: "right", wide: true }),
  column<ClaimRow>("holder", "Holder", (row) => row.clientId ?? row.actor ?? "unknown", { wide: true, grow: true }),
  column<ClaimRow>("terms", "Claim + grace", (row) => `${row.ttlSeconds} s + ${row.graceSeconds} s`, {
    align: "right",
    wide: true,
  }),
  column<ClaimRow>("created", "Made", (row) => <Ago at={row.createdAt} />, { align: "right", wide: true }),
  column<ClaimRow>(
    "actions",
    "",
    (row) => (
      <span className="flex justify-end gap-1">
        <ActionButton
          document={RENEW_CLAIM}
          variables={{
            input: {
              project: row.project,
              queue: row.queue,
              id: row.id,
              ttlSeconds: row.ttlSeconds,
              graceSeconds: row.graceSeconds,
            },
          }}
          done={`The claim lasts ${row.ttlSeconds} s from now.`}
        >
          Renew
        </ActionButton>
        <ActionButton
          document={RELEASE_CLAIM}
          variables={{ input: { project: row.project, queue: row.queue, id: row.id } }}
          done="The claim is released. Its messages are free again."
        >
          Release
        </ActionButton>
      </span>
    ),
    { align: "right" },
  ),
];

export function ClaimTable({ rows, pager, empty }: { rows: ClaimRow[]; pager: PagerLinks; empty: ReactNode }) {
  return (
    <DataTable label="Claims" columns={COLUMNS} rows={rows} rowKey={(row) => row.id} pager={pager} empty={empty} />
  );
}
