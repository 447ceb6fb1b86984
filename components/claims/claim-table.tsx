"use client";

import type { ReactNode } from "react";
import { ActionButton, ConfirmedAction } from "../action.tsx";
import { paths } from "../paths.ts";
import { ProjectPrefix } from "../projects/project-name.tsx";
import { Button, LinkButton } from "../ui/button.tsx";
import { formatDuration } from "../ui/format.ts";
import { Glyph } from "../ui/glyph.tsx";
import { Link } from "../ui/link.tsx";
import { NameLink } from "../ui/name-link.tsx";
import { ShortId } from "../ui/short-id.tsx";
import { column, DataTable, type PagerLinks } from "../ui/table.tsx";
import { Ago, LeaseBar } from "../ui/time.tsx";
import { visible } from "../ui/visible.tsx";
import { RELEASE_CLAIM, RENEW_CLAIM } from "./documents.ts";
import type { ClaimRow } from "./fragments.ts";
import { counted, holderLabel } from "./holder.ts";
import { ReleaseClaims } from "./release-claims.tsx";

function Holder({ row }: { row: ClaimRow }) {
  const name = holderLabel(row);
  return (
    <span className="inline-flex items-center gap-1.5">
      {row.holderHref === undefined ? visible(name) : <NameLink href={row.holderHref}>{name}</NameLink>}
      {row.stoppedAt ? (
        <span title="It has stopped claiming.">
          <Glyph shape="triangle" ink="warn" />
          <span className="sr-only">has stopped</span>
        </span>
      ) : null}
    </span>
  );
}

const COLUMNS = [
  column<ClaimRow>("id", "Claim", (row) => (
    <Link href={row.href} scroll={false} className="font-mono text-xs text-accent underline-offset-2 hover:underline">
      <ShortId id={row.id} />
    </Link>
  )),
  column<ClaimRow>("left", "Time left", (row) => <LeaseBar from={row.renewedAt} until={row.expiresAt} />),
  column<ClaimRow>("messages", "Messages", (row) => row.messageCount, { align: "right", wide: "below" }),
  column<ClaimRow>("holder", "Holder", (row) => <Holder row={row} />, { wide: "below", grow: true }),
  column<ClaimRow>(
    "terms",
    "Lifetime + grace",
    (row) => `${formatDuration(row.ttlSeconds)} + ${formatDuration(row.graceSeconds)}`,
    {
      align: "right",
      wide: true,
    },
  ),
  column<ClaimRow>("created", "Created", (row) => <Ago at={row.createdAt} />, { align: "right", wide: true }),
  column<ClaimRow>(
    "actions",
    "",
    (row) => (
      <span className="flex justify-end gap-1 max-sm:flex-col max-sm:items-end">
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

const QUEUE = column<ClaimRow>(
  "queue",
  "Queue",
  ({ project, queueName }) => (
    <>
      <ProjectPrefix project={project} />
      <NameLink href={paths.queue(project, queueName, "claims")}>{queueName}</NameLink>
    </>
  ),
  { wide: "below" },
);
const COLUMNS_OF_QUEUES = [...COLUMNS.slice(0, 2), QUEUE, ...COLUMNS.slice(2)];

/** `ofQueues`: the claims are of many queues. `all`: where those of other pages are released too. */
export function ClaimTable({
  rows,
  pager,
  empty,
  ofQueues = false,
  all,
}: {
  rows: ClaimRow[];
  pager: PagerLinks;
  empty: ReactNode;
  ofQueues?: boolean;
  all?: string;
}) {
  return (
    <DataTable
      editable
      label="Claims"
      columns={ofQueues ? COLUMNS_OF_QUEUES : COLUMNS}
      rows={rows}
      rowKey={(row) => row.id}
      pager={pager}
      empty={empty}
      selection={{
        name: ({ id }) => `claim ${id}`,
        actions: (chosen) => (
          <>
            <ReleaseClaims kind="plain" holder={holdersOf(chosen)} claims={chosen} />
            {all === undefined ? null : (
              <LinkButton href={all} needs="startJob">
                Release all of the queue…
              </LinkButton>
            )}
          </>
        ),
      }}
    />
  );
}

/** "worker-1", or how many they are. */
function holdersOf(claims: readonly ClaimRow[]): string {
  const names = new Set(claims.map(holderLabel));
  const [first = "unknown"] = names;
  return names.size === 1 ? first : counted(names.size, "holder");
}

function releaseConsequence(claim: ClaimRow): string {
  const what = `${holderLabel(claim)} holds ${counted(claim.messageCount, "message")}. Other clients can claim`;
  return `${what} ${claim.messageCount === 1 ? "it" : "them"} at once. This holder can no longer renew the claim.`;
}
