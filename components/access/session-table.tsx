"use client";

import { ActionButton } from "../action.tsx";
import { Badge } from "../ui/badge.tsx";
import { EmptyState } from "../ui/states.tsx";
import { column, DataTable } from "../ui/table.tsx";
import { Ago, TimeLeft } from "../ui/time.tsx";
import { END_SESSION } from "./documents.ts";
import type { SessionRow } from "./fragments.ts";

const COLUMNS = [
  column<SessionRow>(
    "browser",
    "Browser",
    (row) => (
      <span className="flex flex-wrap items-center gap-x-2">
        {browserOf(row.userAgent)}
        {row.isCurrent ? <Badge tone="ok">This one</Badge> : null}
      </span>
    ),
    { grow: true },
  ),
  column<SessionRow>(
    "address",
    "Address",
    ({ address }) => <code className="font-mono text-xs">{address ?? "—"}</code>,
    {
      wide: "below",
    },
  ),
  column<SessionRow>("created", "Signed in", (row) => <Ago at={row.createdAt} />, { align: "right", wide: true }),
  column<SessionRow>("seen", "Last seen", (row) => <Ago at={row.lastSeenAt} />, { align: "right" }),
  column<SessionRow>("ends", "Ends in", (row) => <TimeLeft until={row.expiresAt} />, { align: "right", wide: true }),
  column<SessionRow>(
    "actions",
    "",
    (row) =>
      row.isCurrent ? null : (
        <ActionButton document={END_SESSION} variables={{ input: { id: row.id } }} done="The session is over.">
          End
        </ActionButton>
      ),
    { align: "right" },
  ),
];

/** Where somebody is signed in. */
export function SessionTable({ rows }: { rows: readonly SessionRow[] }) {
  return (
    <DataTable
      label="Sessions"
      columns={COLUMNS}
      rows={[...rows]}
      rowKey={({ id }) => id}
      empty={<EmptyState title="No sessions" />}
    />
  );
}

const BROWSERS = ["Firefox", "Edg", "OPR", "Chrome", "Safari"];
const SYSTEMS = ["Windows", "Android", "iPhone", "iPad", "Mac OS X", "Linux"];
const WORDS: Readonly<Record<string, string>> = { Edg: "Edge", OPR: "Opera", "Mac OS X": "macOS" };

/** "Firefox on Linux"; what browsers say of themselves is only a hint. */
function browserOf(userAgent: string | null): string {
  if (userAgent === null) return "Unknown";
  const find = (names: readonly string[]) => {
    const name = names.find((one) => userAgent.includes(one));
    return name === undefined ? undefined : (WORDS[name] ?? name);
  };
  const [browser, system] = [find(BROWSERS), find(SYSTEMS)];
  if (browser === undefined) return userAgent.slice(0, 60);
  return system === undefined ? browser : `${browser} on ${system}`;
}
