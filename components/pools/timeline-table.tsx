"use client";

import { formatUtc } from "../ui/format.ts";
import { column, DataTable } from "../ui/table.tsx";
import type { HealthInterval } from "./fragments.ts";
import { clock, milliseconds, stateOf, stateText } from "./health-states.ts";

const COLUMNS = [
  column<HealthInterval>("time", "UTC", (row) => (
    <time dateTime={row.from} title={formatUtc(row.from)}>{`${clock(row.from)} to ${clock(row.until)}`}</time>
  )),
  column<HealthInterval>(
    "state",
    "State",
    (row) => <span className={stateOf(row) === "ok" ? undefined : "text-danger"}>{stateText(row)}</span>,
    { grow: true },
  ),
  column<HealthInterval>("samples", "Samples", (row) => row.samples, { align: "right", wide: true }),
  column<HealthInterval>("p50", "p50", (row) => (row.p50Ms === null ? "" : milliseconds(row.p50Ms)), {
    align: "right",
  }),
  column<HealthInterval>("p95", "p95", (row) => (row.p95Ms === null ? "" : milliseconds(row.p95Ms)), {
    align: "right",
  }),
];

/** The numbers of a timeline, newest first. */
export function TimelineTable({ label, rows }: { label: string; rows: HealthInterval[] }) {
  return <DataTable label={label} columns={COLUMNS} rows={rows} rowKey={(row) => row.from} />;
}
