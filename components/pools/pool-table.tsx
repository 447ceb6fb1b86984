"use client";

import type { ReactNode } from "react";
import { paths } from "../paths.ts";
import { Badge } from "../ui/badge.tsx";
import { formatCount } from "../ui/format.ts";
import { NameLink } from "../ui/name-link.tsx";

import { column, DataTable, type PagerLinks } from "../ui/table.tsx";
import { EditPool } from "./edit-pool.tsx";
import type { PoolRow } from "./fragments.ts";
import { LastHour } from "./last-hour.tsx";
import { DeletePool } from "./pool-actions.tsx";
import { PoolState } from "./pool-health.tsx";
import { uriText } from "./uri-text.ts";

const COLUMNS = [
  column<PoolRow>("name", "Pool", (row) => (
    <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
      <NameLink href={paths.pool(row.name)}>{row.name}</NameLink>
      {row.builtIn ? <Badge>Built-in</Badge> : null}
    </span>
  )),
  column<PoolRow>("state", "State", (row) =>
    row.health === null ? <span className="text-muted">not checked yet</span> : <PoolState pool={row.health} />,
  ),
  column<PoolRow>(
    "queues",
    "Queues",
    (row) => formatCount(row.queueCount.value, row.queueCount.exact ? "exact" : "at-least"),
    { align: "right" },
  ),
  column<PoolRow>(
    "uri",
    "URI",
    (row) => (
      <span title={row.uri ?? undefined} className="block truncate font-mono text-xs text-muted">
        {uriText(row)}
      </span>
    ),
    { grow: "cut", wide: "only wide" },
  ),
  column<PoolRow>("flavor", "Flavor", (row) => row.flavorName ?? <span className="text-muted">none</span>, {
    wide: "below",
  }),
  column<PoolRow>("weight", "Weight", (row) => row.weight ?? <span className="text-muted">fallback</span>, {
    align: "right",
    wide: "below",
  }),
  column<PoolRow>("share", "New queues", (row) => `${(100 * row.share).toFixed(0)} %`, {
    align: "right",
    wide: "only wide",
  }),
  column<PoolRow>("hour", "Last hour", (row) => <LastHour pool={row.name} intervals={row.healthLastHour} />, {
    wide: true,
  }),
  column<PoolRow>(
    "actions",
    "",
    (row) => (
      <span className="flex justify-end gap-1 max-sm:gap-0">
        <EditPool pool={row} />
        <DeletePool pool={row} />
      </span>
    ),
    { align: "right" },
  ),
];

export function PoolTable({ rows, pager, empty }: { rows: PoolRow[]; pager: PagerLinks; empty: ReactNode }) {
  return (
    <DataTable
      editable
      label="Pools"
      columns={COLUMNS}
      rows={rows}
      rowKey={(row) => row.name}
      pager={pager}
      empty={empty}
    />
  );
}
