"use client";

import { Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { ActionButton, ConfirmedAction } from "../action.tsx";
import { Badge } from "../ui/badge.tsx";
import { Button } from "../ui/button.tsx";
import { column, DataTable, type PagerLinks } from "../ui/table.tsx";
import { Ago, TimeLeft } from "../ui/time.tsx";
import { CONFIRM_SUBSCRIPTION, DELETE_SUBSCRIPTION } from "./documents.ts";
import type { SubscriptionRow } from "./fragments.ts";

const COLUMNS = [
  column<SubscriptionRow>(
    "subscriber",
    "Subscriber",
    (row) => <span className="font-mono text-xs">{row.subscriber}</span>,
    { grow: true },
  ),
  column<SubscriptionRow>("state", "State", (row) =>
    row.confirmed ? <Badge tone="ok">Confirmed</Badge> : <Badge>Not confirmed</Badge>,
  ),
  column<SubscriptionRow>(
    "options",
    "Options",
    (row) => <code className="block max-w-44 truncate font-mono text-xs text-muted">{row.optionsText}</code>,
    { wide: true },
  ),
  column<SubscriptionRow>("created", "Created", (row) => <Ago at={row.createdAt} />, { align: "right", wide: true }),
  column<SubscriptionRow>("expires", "Expires in", (row) => <TimeLeft until={row.expiresAt} />, {
    align: "right",
    wide: true,
  }),
  column<SubscriptionRow>(
    "actions",
    "",
    (row) => {
      const address = { project: row.project, queue: row.queueName, id: row.id };
      return (
        <span className="flex justify-end gap-1">
          <ActionButton
            document={CONFIRM_SUBSCRIPTION}
            variables={{ input: { ...address, confirmed: !row.confirmed } }}
            done={row.confirmed ? "The subscription is no longer confirmed." : "The subscription is confirmed."}
          >
            {row.confirmed ? "Unconfirm" : "Confirm"}
          </ActionButton>
          <ConfirmedAction
            document={DELETE_SUBSCRIPTION}
            variables={{ input: address }}
            done="The subscription is deleted."
            trigger={
              <Button kind="ghost" size="small" label={`Delete the subscription of ${row.subscriber}`}>
                <Trash2 aria-hidden />
              </Button>
            }
            title="Delete this subscription?"
            consequence={`${row.subscriber} is no longer a subscriber of ${row.queueName}.`}
            confirmLabel="Delete subscription"
          />
        </span>
      );
    },
    { align: "right" },
  ),
];

export function SubscriptionTable({
  rows,
  pager,
  empty,
}: {
  rows: SubscriptionRow[];
  pager: PagerLinks;
  empty: ReactNode;
}) {
  return (
    <DataTable
      editable
      label="Subscriptions"
      columns={COLUMNS}
      rows={rows}
      rowKey={(row) => row.id}
      pager={pager}
      empty={empty}
    />
  );
}
