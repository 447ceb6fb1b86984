"use client";

import { PackageOpen, Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { ConfirmedAction } from "../action.tsx";
import { DRAIN_POOL } from "../jobs/documents.ts";
import { requireNotFailed } from "../jobs/job-can.ts";
import { paths } from "../paths.ts";
import { Badge } from "../ui/badge.tsx";
import { Button } from "../ui/button.tsx";
import { formatCount } from "../ui/format.ts";
import { NameLink } from "../ui/name-link.tsx";

import { column, DataTable, type PagerLinks } from "../ui/table.tsx";
import { DELETE_POOL } from "./documents.ts";
import type { PoolFacts, PoolRow } from "./fragments.ts";
import { poolCan } from "./pool-can.ts";
import { EditPool } from "./pool-form.tsx";
import { PoolState } from "./pool-health.tsx";
import { LastHour } from "./timeline.tsx";

export function Capabilities({ names }: { names: readonly string[] | null }) {
  if (names === null) return <Badge tone="danger">Unreachable</Badge>;
  return (
    <span className="flex flex-wrap gap-1">
      {names.map((name) => (
        <Badge key={name}>{name}</Badge>
      ))}
    </span>
  );
}

export function DeletePool({ pool, afterwards }: { pool: PoolFacts; afterwards?: string }) {
  const reason = poolCan.delete(pool);
  const trigger = (
    <Button kind="ghost" size="small" label={`Delete ${pool.name}`} disabledReason={reason}>
      <Trash2 aria-hidden />
    </Button>
  );
  if (reason !== null) return trigger;
  return (
    <ConfirmedAction
      document={DELETE_POOL}
      variables={{ input: { pool: pool.name } }}
      done={`Pool ${pool.name} is no longer registered.`}
      goTo={afterwards}
      trigger={trigger}
      title={`Delete pool ${pool.name}?`}
      consequence="It holds no queues. Its server keeps what is stored there; only Isimud forgets the pool."
      confirmLabel="Delete pool"
      typeName={pool.name}
    />
  );
}

export function DrainPool({ pool, isDraining }: { pool: PoolFacts; isDraining: boolean }) {
  const reason = poolCan.drain(pool, isDraining);
  const trigger = (
    <Button size="small" disabledReason={reason}>
      <PackageOpen aria-hidden />
      Drain
    </Button>
  );
  if (reason !== null) return trigger;
  return (
    <ConfirmedAction
      document={DRAIN_POOL}
      variables={{ input: { pool: pool.name } }}
      done={({ drainPool: { job } }) => {
        requireNotFailed(job);
        return job.state === "DONE" ? `Pool ${pool.name} is empty.` : `Pool ${pool.name} is being drained.`;
      }}
      trigger={trigger}
      title={`Drain pool ${pool.name}?`}
      consequence="Its queues move to the other pools of their flavors, by weight, while clients use them. Its weight becomes 0, so it gets no new queues. If you cancel the drain, the queues that have moved stay where they are."
      confirmLabel="Drain pool"
    />
  );
}

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
      <span title={row.uri ?? undefined} className="block truncate font-mono text-[0.8125rem] text-muted">
        {row.uri ?? "control database"}
      </span>
    ),
    { grow: "cut", wide: true },
  ),
  column<PoolRow>("flavor", "Flavor", (row) => row.flavorName ?? <span className="text-muted">none</span>, {
    wide: "below",
  }),
  column<PoolRow>("weight", "Weight", (row) => row.weight ?? <span className="text-muted">fallback</span>, {
    align: "right",
    wide: "below",
  }),
  column<PoolRow>("share", "New queues", (row) => `${(100 * row.share).toFixed(0)} %`, { align: "right", wide: true }),
  column<PoolRow>("hour", "Last hour", (row) => <LastHour pool={row.name} intervals={row.healthLastHour} />, {
    wide: true,
  }),
  column<PoolRow>(
    "actions",
    "",
    (row) => (
      <span className="flex justify-end gap-1">
        <EditPool pool={row} />
        <DeletePool pool={row} />
      </span>
    ),
    { align: "right" },
  ),
];

export function PoolTable({ rows, pager, empty }: { rows: PoolRow[]; pager: PagerLinks; empty: ReactNode }) {
  return (
    <DataTable label="Pools" columns={COLUMNS} rows={rows} rowKey={(row) => row.name} pager={pager} empty={empty} />
  );
}
