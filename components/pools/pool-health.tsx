"use client";

import { Badge } from "../ui/badge.tsx";
import { formatCount, formatMilliseconds } from "../ui/format.ts";
import { EmptyState } from "../ui/states.tsx";
import { column, DataTable } from "../ui/table.tsx";
import { Ago } from "../ui/time.tsx";
import type { PoolHealth, PoolStateFacts } from "./fragments.ts";
import { operationLabel } from "./operations.ts";

type Operation = PoolHealth["operations"][number];

/** The state of a pool, in the same words on every page. */
export function PoolState({ pool }: { pool: PoolStateFacts }) {
  if (!pool.storageReachable) return <Badge tone="danger">Unreachable</Badge>;
  if (pool.writesRefused !== null) return <Badge tone="danger">Read-only</Badge>;
  const failed = pool.operations.filter((operation) => !operation.succeeded).length;
  if (failed === 0) return <Badge tone="ok">Healthy</Badge>;
  return (
    <Badge tone="warn">{`Degraded: ${failed === 1 ? "1 operation failed" : `${failed} operations failed`}`}</Badge>
  );
}

const COLUMNS = [
  column<Operation>("operation", "Operation", (row) => operationLabel(row.operation), {
    grow: true,
  }),
  column<Operation>("state", "State", (row) =>
    row.succeeded ? <Badge tone="ok">Succeeded</Badge> : <Badge tone="danger">Failed</Badge>,
  ),
  column<Operation>("time", "Time", (row) => formatMilliseconds(row.durationSeconds), { align: "right" }),
];

const WITH_ERRORS = [
  ...COLUMNS,
  column<Operation>("error", "Error", (row) => <span className="whitespace-normal">{row.error}</span>),
];

/** The last check of a pool: each operation, and when it was. */
export function OperationTable({ pool }: { pool: PoolHealth }) {
  const failing = pool.operations.some((operation) => operation.error !== null);
  return (
    <>
      <DataTable
        label={`Operations of pool ${pool.poolName}`}
        columns={failing ? WITH_ERRORS : COLUMNS}
        rows={pool.operations}
        rowKey={(row) => row.operation}
        empty={
          <EmptyState title="No operation was tried">
            {pool.storageReachable
              ? "The next check tries them."
              : "The storage is unreachable. Check its server and its URI."}
          </EmptyState>
        }
      />
      <p className="border-t border-line px-4 py-2 text-xs text-muted">
        {pool.storageReachable
          ? "Checked with real operations on a hidden queue, "
          : "It did not answer the last check, "}
        <Ago at={pool.checkedAt} />.{pool.writesRefused === null ? null : ` ${pool.writesRefused}`}
        {pool.freeBytes === null ? null : ` ${formatCount(pool.freeBytes)} bytes are free.`}
      </p>
    </>
  );
}
