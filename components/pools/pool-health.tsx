"use client";

import { operationLabel } from "./pools/operations.ts";
import { Badge } from "./ui/badge.tsx";
import { formatCount, formatMilliseconds } from "./ui/format.ts";
import { EmptyState } from "./ui/states.tsx";
import { column, DataTable } from "./ui/table.tsx";
import { Ago } from "./ui/time.tsx";

interface Operation {
  operation: string;
  succeeded: boolean;
  seconds: number;
  error: string | null;
}

export interface PoolHealth {
  pool: string;
  storageReachable: boolean;
  writesRefused: string | null;
  freeBytes: number | null;
  checkedAt: string;
  operations: Operation[];
}

/** How a pool is, in the same words wherever pools are shown. */
export function PoolState({ pool }: { pool: PoolHealth }) {
  if (!pool.storageReachable) return <Badge tone="danger">cannot be reached</Badge>;
  if (pool.writesRefused !== null) return <Badge tone="danger">takes no writes</Badge>;
  const failed = pool.operations.filter((operation) => !operation.succeeded).length;
  if (failed === 0) return <Badge tone="ok">works</Badge>;
  return <Badge tone="warn">{failed === 1 ? "1 operation fails" : `${failed} operations fail`}</Badge>;
}

const COLUMNS = [
  column<Operation>("operation", "Operation", (row) => operationLabel(row.operation), {
    grow: true,
  }),
  column<Operation>("state", "State", (row) =>
    row.succeeded ? <Badge tone="ok">works</Badge> : <Badge tone="danger">failed</Badge>,
  ),
  column<Operation>("time", "Took", (row) => formatMilliseconds(row.seconds), { align: "right" }),
];

const WITH_ERRORS = [
  ...COLUMNS,
  column<Operation>("error", "What is wrong", (row) => <span className="whitespace-normal">{row.error}</span>),
];

/** What a pool did when it was last tried, and when that was. */
export function OperationTable({ pool }: { pool: PoolHealth }) {
  const failing = pool.operations.some((operation) => operation.error !== null);
  return (
    <>
      <DataTable
        label={`Operations of pool ${pool.pool}`}
        columns={failing ? WITH_ERRORS : COLUMNS}
        rows={pool.operations}
        rowKey={(row) => row.operation}
        empty={
          <EmptyState title="Nothing could be tried">
            {pool.storageReachable
              ? "The next check does."
              : "Its storage does not answer. Check its server and its address."}
          </EmptyState>
        }
      />
      <p className="border-t border-line px-4 py-2 text-[0.8125rem] text-muted">
        {pool.storageReachable
          ? "Each operation was really done on a hidden queue, "
          : "It did not answer when it was tried, "}
        <Ago at={pool.checkedAt} />.{pool.writesRefused === null ? null : ` ${pool.writesRefused}`}
        {pool.freeBytes === null ? null : ` ${formatCount(pool.freeBytes)} bytes are free.`}
      </p>
    </>
  );
}
