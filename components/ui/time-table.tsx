"use client";

import { column, DataTable } from "./table.tsx";
import { Instant } from "./time.tsx";

/** What a column shows in each step, oldest first. */
export interface TimeColumn {
  id: string;
  label: string;
  cells: readonly string[];
}

interface TimeRow {
  at: string;
  step: number;
}

/** The numbers of charts, newest first. `from`: when each step began, oldest first. */
export function TimeTable({ label, from, columns }: { label: string; from: readonly string[]; columns: TimeColumn[] }) {
  return (
    <DataTable
      label={label}
      columns={[
        column<TimeRow>("time", "From", ({ at }) => <Instant at={at} />),
        ...columns.map(({ id, label: header, cells }) =>
          column<TimeRow>(id, header, ({ step }) => cells[step] ?? "—", { align: "right" }),
        ),
      ]}
      rows={from.map((at, step) => ({ at, step })).toReversed()}
      rowKey={({ at }) => at}
    />
  );
}
