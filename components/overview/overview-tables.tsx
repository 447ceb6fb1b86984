import { alignedTo } from "../ui/deck/align.ts";
import type { StepState } from "../ui/deck/bar-path.ts";
import { instantOf, stepsOf, type TimeRange } from "../ui/deck/time-range.ts";
import { formatValue } from "../ui/deck/values.ts";
import { Panel } from "../ui/page.tsx";
import { TimeTable } from "../ui/time-table.tsx";
import type { BusyQueue } from "./fragments.ts";
import type { PoolLine } from "./pool-rows.tsx";
import type { Totals } from "./rate-rows.tsx";

const STATE_WORDS: Record<StepState, string> = {
  ok: "answered",
  warn: "an operation failed",
  danger: "unreachable",
  none: "—",
};

/** The numbers of the overview's charts. */
export function OverviewTables({
  range,
  totals,
  queues,
  pools,
}: {
  range: TimeRange;
  totals: Totals;
  queues: readonly BusyQueue[];
  pools: readonly PoolLine[];
}) {
  const from = Array.from({ length: stepsOf(range) }, (_unused, step) =>
    new Date(instantOf(range, step)).toISOString(),
  );
  return (
    <>
      <Panel title="Messages per second, and the oldest ready message" flush>
        <TimeTable
          label="Messages per second, and the oldest ready message"
          from={from}
          columns={[
            ...totals.rates.map(({ label, values }) => ({
              id: label,
              label,
              cells: values.map((value) => formatValue(value, "per second")),
            })),
            {
              id: "oldest",
              label: "oldest ready",
              cells: totals.oldestSeconds.map((value) => formatValue(value, "seconds")),
            },
          ]}
        />
      </Panel>
      <Panel title="Ready messages of the busiest queues" flush>
        <TimeTable
          label="Ready messages of the busiest queues"
          from={from}
          columns={queues.map(({ project, name, history }) => ({
            id: JSON.stringify([project, name]),
            label: name,
            cells: alignedTo(range, history, "READY").map((value) => formatValue(value, "messages")),
          }))}
        />
      </Panel>
      <Panel title="Probes of the pools" flush>
        <TimeTable
          label="Probes of the pools"
          from={from}
          columns={pools.map(({ name, states }) => ({
            id: name,
            label: name,
            cells: states.map((state) => STATE_WORDS[state]),
          }))}
        />
      </Panel>
    </>
  );
}
