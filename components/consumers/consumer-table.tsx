"use client";

import type { ReactNode } from "react";
import { Sparkline } from "../ui/deck/sparkline.tsx";
import { formatRate } from "../ui/deck/values.ts";
import { formatCount } from "../ui/format.ts";
import { Glyph } from "../ui/glyph.tsx";
import { column, DataTable } from "../ui/table.tsx";
import { Ago, TimeLeft, useNow } from "../ui/time.tsx";
import { visible } from "../ui/visible.tsx";
import type { ConsumerRow } from "./fragments.ts";

function Held({ row: { messagesHeld, heldUntil } }: { row: ConsumerRow }) {
  if (messagesHeld === null) return <span className="text-muted">?</span>;
  if (messagesHeld.value === 0) return <span className="text-muted">0</span>;
  return (
    <>
      {formatCount(messagesHeld.value, messagesHeld.exact ? "exact" : "at-least")}
      {heldUntil === null ? null : (
        <span className="text-xs text-muted">
          {" "}
          for <TimeLeft until={heldUntil} />
        </span>
      )}
    </>
  );
}

/** When it last called, and got something or nothing. */
function Last({ at }: { at: string | null }) {
  return at === null ? <span className="text-muted">—</span> : <Ago at={at} />;
}

/** Milliseconds: one that called since then is at work. */
const AT_WORK_MS = 120_000;

/** With a sign: it is at work, or it has stopped, or it called longer ago. */
function Name({ row: { name, stoppedAt, lastSeenAt } }: { row: ConsumerRow }) {
  const isAtWork = useNow() - Date.parse(lastSeenAt) < AT_WORK_MS;
  return (
    <span className="inline-flex items-center gap-1.5 align-middle">
      {stoppedAt !== null ? (
        <Glyph shape="square" ink="warn" />
      ) : isAtWork ? (
        <Glyph shape="play" />
      ) : (
        <i className="size-3 shrink-0" />
      )}
      <span className="font-mono text-xs">{visible(name)}</span>
      {stoppedAt === null ? null : (
        <span className="text-xs">
          stopped <Ago at={stoppedAt} />
        </span>
      )}
    </span>
  );
}

const COLUMNS = [
  column<ConsumerRow>("name", "Consumer", (row) => <Name row={row} />, { grow: true }),
  column<ConsumerRow>("lastClaim", "Last got messages", (row) => <Last at={row.lastClaimAt} />, {
    align: "right",
    wide: "below",
  }),
  column<ConsumerRow>("lastEmpty", "Last got none", (row) => <Last at={row.lastEmptyClaimAt} />, {
    align: "right",
    wide: true,
  }),
  column<ConsumerRow>("lastRenewal", "Last renewed", (row) => <Last at={row.lastRenewalAt} />, {
    align: "right",
    wide: true,
  }),
  column<ConsumerRow>("held", "Holds", (row) => <Held row={row} />, { align: "right", wide: "below" }),
  column<ConsumerRow>("rate", "Per second", (row) => formatRate(row.messagesPerSecond), { align: "right" }),
  column<ConsumerRow>(
    "minutes",
    "Last hour",
    ({ name, minutes: { messages } }) => (
      <Sparkline
        label={`Messages that ${name} got in each of the last 60 minutes, at most ${formatCount(Math.max(...messages))}`}
        values={messages}
      />
    ),
    { wide: true },
  ),
];

/** Who claims from a queue and pops from it; those that have stopped come first. */
export function ConsumerTable({ rows, empty }: { rows: ConsumerRow[]; empty: ReactNode }) {
  return (
    <DataTable
      label="Consumers"
      columns={COLUMNS}
      rows={rows}
      rowKey={(row) => row.name}
      summary={rows.length === 1 ? "1 consumer" : `${formatCount(rows.length)} consumers`}
      empty={empty}
    />
  );
}
