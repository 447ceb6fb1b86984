"use client";

import { lazy, type ReactNode, useMemo } from "react";
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

/** Of dead letters: where they came from, since when they are here, and who had them last. */
const DEAD_LETTER_COLUMNS = [
  column<MessageRow>("body", "Body", (row) => <Body row={row} />, { grow: "cut" }),
  column<MessageRow>("from", "From", ({ deadLettered }) => deadLettered?.queueName ?? NOTHING, { wide: true }),
  column<MessageRow>(
    "since",
    "Dead since",
    ({ deadLettered }) => (deadLettered ? <Ago at={deadLettered.at} /> : NOTHING),
    {
      align: "right",
      wide: true,
    },
  ),
  column<MessageRow>("deliveriesThere", "After deliveries", ({ deadLettered }) => deadLettered?.deliveries ?? NOTHING, {
    align: "right",
    wide: true,
  }),
  column<MessageRow>("holder", "Last holder", ({ deadLettered }) => <LastHolder from={deadLettered} />, { wide: true }),
  column<MessageRow>("state", "State", (row) => <MessageState message={row} />, { wide: true }),
  column<MessageRow>("ttl", "Expires in", (row) => <TimeLeft until={row.expiresAt} />, { align: "right", wide: true }),
];
const NOTHING = <span className="text-muted">—</span>;

/** Unknown when it gave no client id. */
function LastHolder({ from }: { from: MessageRow["deadLettered"] }) {
  if (from === null) return NOTHING;
  return (
    <span title={from.claimId === null ? undefined : `claim ${from.claimId}`} className="font-mono text-xs">
      {from.clientId === null ? <span className="text-muted">unknown</span> : visible(from.clientId)}
    </span>
  );
}

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
        {row.deadLettered === null ? (
          <Ago at={row.createdAt} />
        ) : (
          <span className="min-w-0 truncate">
            from {visible(row.deadLettered.queueName)}, <Ago at={row.deadLettered.at} />
          </span>
        )}
        <span className="ml-auto whitespace-nowrap">{formatBytes(row.bytes)}</span>
      </span>
    </>
  );
}

/** Beside an open message, which shows the rest, there is room for these. */
const BESIDE = COLUMNS.filter(({ id }) => id !== "ttl" && id !== "id");
const DEAD_LETTERS_BESIDE = DEAD_LETTER_COLUMNS.filter(({ id }) => id !== "ttl" && id !== "state");

const columnsOf = (deadLetters: boolean, beside: boolean) =>
  deadLetters ? (beside ? DEAD_LETTERS_BESIDE : DEAD_LETTER_COLUMNS) : beside ? BESIDE : COLUMNS;

/** Within the bar of what is selected, which waits for it. */
const ActOnSelected = lazy(() => import("./act-on-selected.tsx"));

export function MessageTable({
  project,
  queue,
  label,
  rows,
  open,
  pager,
  summary,
  empty,
}: {
  project: string;
  queue: string;
  label: string;
  rows: MessageRow[];
  /** The id of the open message. */
  open: string | null;
  pager?: PagerLinks;
  summary?: ReactNode;
  empty: ReactNode;
}) {
  // One that was redriven keeps where it died: here.
  const told = useMemo(
    () => rows.map((row) => (row.deadLettered?.queueName === queue ? { ...row, deadLettered: null } : row)),
    [rows, queue],
  );
  const isDead = told.some(({ deadLettered }) => deadLettered !== null);
  return (
    <DataTable
      editable
      label={label}
      columns={columnsOf(isDead, open !== null)}
      rows={told}
      rowKey={(row) => row.id}
      current={open}
      pager={pager}
      summary={summary}
      empty={empty}
      selection={{
        name: ({ id }) => `message ${id}`,
        actions: (chosen) => <ActOnSelected project={project} queue={queue} rows={chosen} />,
      }}
    />
  );
}
