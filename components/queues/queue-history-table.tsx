"use client";

import { formatValue } from "../ui/deck/values.ts";
import { column, DataTable } from "../ui/table.tsx";
import { Instant } from "../ui/time.tsx";
import type { QueueHistoryFacts } from "./fragments.ts";

type Metric = NonNullable<QueueHistoryFacts["history"]>["series"][number]["metric"];

interface HistoryRow {
  at: string;
  values: Record<string, number | null>;
}

const METRICS: [Metric, string, "messages" | "per second" | "seconds"][] = [
  ["READY", "Ready", "messages"],
  ["CLAIMED", "Claimed", "messages"],
  ["DELAYED", "Delayed", "messages"],
  ["EXHAUSTED", "Exhausted", "messages"],
  ["POSTED_RATE", "Posted", "per second"],
  ["DELIVERED_RATE", "Delivered", "per second"],
  ["DELETED_RATE", "Deleted", "per second"],
  ["OLDEST_READY_SECONDS", "Oldest ready", "seconds"],
];

/** The numbers of the charts, newest first. */
export function QueueHistoryTable({ history }: { history: NonNullable<QueueHistoryFacts["history"]> }) {
  const step = history.resolutionSeconds * 1000;
  const from = Date.parse(history.from);
  const rows: HistoryRow[] = Array.from({ length: history.series[0]?.values.length ?? 0 }, (_unused, index) => ({
    at: new Date(from + index * step).toISOString(),
    values: Object.fromEntries(history.series.map(({ metric, values }) => [metric, values[index] ?? null])),
  }));
  return (
    <DataTable
      label="History of the queue"
      columns={[
        column<HistoryRow>("time", "From", (row) => <Instant at={row.at} />, { grow: true }),
        ...METRICS.map(([metric, label, unit]) =>
          column<HistoryRow>(metric, label, (row) => formatValue(row.values[metric] ?? null, unit), { align: "right" }),
        ),
      ]}
      rows={rows.toReversed()}
      rowKey={(row) => row.at}
    />
  );
}
