"use client";

import type { ReactNode } from "react";
import { ActionButton, ConfirmedAction } from "../action.tsx";
import { Button } from "../ui/button.tsx";
import { formatCount } from "../ui/format.ts";
import { Link } from "../ui/link.tsx";
import { ShortId } from "../ui/short-id.tsx";
import { column, DataTable, type PagerLinks } from "../ui/table.tsx";
import { Ago, LeaseBar } from "../ui/time.tsx";
import { RELEASE_CLAIM, RENEW_CLAIM } from "./documents.ts";
import type { ClaimRow } from "./fragments.ts";

/** The client that made the claim; else its actor. */
function holderOf(row: ClaimRow): string {
  return row.clientId ?? row.actor ?? "unknown";
}

const COLUMNS = [
  column<ClaimRow>("id", "Claim", (row) => (
    <Link href={row.href} scroll={false} className="font-mono text-xs text-accent underline-offset-2 hover:underline">
      <ShortId id={row.id} />
    </Link>
  )),
  column<ClaimRow>("left", "Time left", (row) => <LeaseBar from={row.renewedAt} until={row.expiresAt} />),
  column<ClaimRow>("messages", "Messages", (row) => row.messageCount, { align: "right", wide: "below" }),
  column<ClaimRow>("holder", "Holder", holderOf, { wide: "below", grow: true }),
  column<ClaimRow>("terms", "Lifetime + grace", (row) => `${row.ttlSeconds} s + ${row.graceSeconds} s`, {
    align: "right",
    wide: true,
  }),
  column<ClaimRow>("created", "Created", (row) => <Ago at={row.createdAt} />, { align: "right", wide: true }),
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
              queue: row.queueName,
              claimId: row.id,
              ttlSeconds: row.ttlSeconds,
              graceSeconds: row.graceSeconds,
            },
          }}
          done={`The claim lasts ${row.ttlSeconds} s from now.`}
        >
          Renew
        </ActionButton>
        <ConfirmedAction
          document={RELEASE_CLAIM}
          variables={{ input: { project: row.project, queue: row.queueName, claimId: row.id } }}
          done="The claim is released. Its messages are ready again."
          trigger={
            <Button kind="ghost" size="small">
              Release
            </Button>
          }
          title="Release this claim?"
          consequence={releaseConsequence(row)}
          confirmLabel="Release claim"
        />
      </span>
    ),
    { align: "right" },
  ),
];

export function ClaimTable({ rows, pager, empty }: { rows: ClaimRow[]; pager: PagerLinks; empty: ReactNode }) {
  return (
    <DataTable
      editable
      label="Claims"
      columns={COLUMNS}
      rows={rows}
      rowKey={(row) => row.id}
      pager={pager}
      empty={empty}
    />
  );
}

function releaseConsequence(claim: ClaimRow): string {
  const messages = claim.messageCount === 1 ? "1 message" : `${formatCount(claim.messageCount)} messages`;
  const what = `${holderOf(claim)} holds ${messages}. Other clients can claim`;
  return `${what} ${claim.messageCount === 1 ? "it" : "them"} at once. This holder can no longer renew the claim.`;
}
