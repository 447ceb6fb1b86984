"use client";

import { Eye, Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { ConfirmedAction } from "../action.tsx";
import { paths } from "../paths.ts";
import { Badge } from "../ui/badge.tsx";
import { Button } from "../ui/button.tsx";
import { formatCount } from "../ui/format.ts";
import { NameLink } from "../ui/name-link.tsx";
import { Opener } from "../ui/opener.tsx";
import { column, DataTable, type PagerLinks } from "../ui/table.tsx";
import { TimeLeft } from "../ui/time.tsx";
import { DELETE_KEY } from "./documents.ts";
import type { KeyRow, LockRow, StoreRow } from "./fragments.ts";

const STORES = [
  column<StoreRow>(
    "name",
    "Store",
    (row) => (
      <span className="flex items-center gap-2">
        <NameLink href={paths.keys({ store: row.name })}>{row.name}</NameLink>
        {row.internal ? <Badge>Internal</Badge> : null}
      </span>
    ),
    { grow: true },
  ),
  column<StoreRow>("backing", "Backend", (row) => row.backingStore),
  column<StoreRow>(
    "count",
    "Keys",
    ({ count }) =>
      count ? formatCount(count.value, count.exact ? "exact" : "at-least") : <Badge tone="danger">Unreachable</Badge>,
    { align: "right" },
  ),
];

export function StoreTable({ rows, pager, empty }: { rows: StoreRow[]; pager: PagerLinks; empty: ReactNode }) {
  return (
    <DataTable label="Stores" columns={STORES} rows={rows} rowKey={(row) => row.name} pager={pager} empty={empty} />
  );
}

function ShowValue({ row }: { row: KeyRow }) {
  const trigger = (
    <Button
      kind="ghost"
      size="small"
      label={`Show the value of ${row.key}`}
      disabledReason={row.internal ? "This is an internal store. Its values are never shown." : null}
    >
      <Eye aria-hidden />
    </Button>
  );
  return row.internal ? (
    trigger
  ) : (
    <Opener trigger={trigger} load={loadValue} props={{ store: row.store, name: row.key }} />
  );
}

const loadValue = () => import("./key-value-dialog.tsx");

function DeleteKey({ row }: { row: KeyRow }) {
  const trigger = (
    <Button
      kind="ghost"
      size="small"
      label={`Delete ${row.key}`}
      disabledReason={row.internal ? "This is an internal store." : null}
    >
      <Trash2 aria-hidden />
    </Button>
  );
  if (row.internal) return trigger;
  return (
    <ConfirmedAction
      document={DELETE_KEY}
      variables={{ input: { store: row.store, key: row.key } }}
      done="The key is deleted."
      trigger={trigger}
      title={`Delete ${row.key}?`}
      consequence="Every program that uses this store loses its value."
      confirmLabel="Delete key"
    />
  );
}

const KEYS = [
  column<KeyRow>("key", "Key", (row) => <span className="font-mono text-xs">{row.key}</span>, { grow: true }),
  column<KeyRow>(
    "expires",
    "Expires in",
    (row) => (row.expiresAt === null ? <span className="text-muted">never</span> : <TimeLeft until={row.expiresAt} />),
    { align: "right" },
  ),
  column<KeyRow>(
    "actions",
    "",
    (row) => (
      <span className="flex justify-end gap-1">
        <ShowValue row={row} />
        <DeleteKey row={row} />
      </span>
    ),
    { align: "right" },
  ),
];

export function KeyTable({ rows, pager, empty }: { rows: KeyRow[]; pager: PagerLinks; empty: ReactNode }) {
  return <DataTable label="Keys" columns={KEYS} rows={rows} rowKey={(row) => row.key} pager={pager} empty={empty} />;
}

const LOCKS = [
  column<LockRow>("key", "Key", (row) => <span className="font-mono text-xs">{row.key}</span>, { grow: true }),
  column<LockRow>("store", "Store", (row) => <span className="font-mono text-xs">{row.storeName}</span>),
  column<LockRow>("holder", "Holder", (row) => <span className="font-mono text-xs">{row.holder.slice(0, 12)}</span>, {
    wide: true,
  }),
  column<LockRow>("fence", "Fence", (row) => row.fence, { align: "right", wide: true }),
  column<LockRow>("left", "Time left", (row) => <TimeLeft until={row.expiresAt} />, { align: "right" }),
];

export function LockTable({ rows, empty }: { rows: LockRow[]; empty: ReactNode }) {
  return (
    <DataTable
      label="Locks"
      columns={LOCKS}
      rows={rows}
      rowKey={(row) => JSON.stringify([row.storeName, row.key])}
      empty={empty}
    />
  );
}
