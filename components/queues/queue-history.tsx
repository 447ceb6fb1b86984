import { HISTORY_RANGES } from "../history-ranges.ts";
import { alignedTo } from "../ui/deck/align.ts";
import { Deck } from "../ui/deck/deck.tsx";
import { DeckRow } from "../ui/deck/deck-row.tsx";
import { SeriesChart } from "../ui/deck/series-chart.tsx";
import type { TimeRange } from "../ui/deck/time-range.ts";
import { FilterBar, FilterCheck, FilterSelect } from "../ui/filter-bar.tsx";
import { Panel } from "../ui/page.tsx";
import { EmptyState } from "../ui/states.tsx";
import { Ago } from "../ui/time.tsx";
import { DepthRows } from "./depth-rows.tsx";
import type { QueueHistoryFacts } from "./fragments.ts";
import { QueueHistoryTable } from "./queue-history-table.tsx";

/** The history of a queue, as charts or as a table. */
export function QueueHistoryPanel({
  queue,
  range,
  asTable,
}: {
  queue: QueueHistoryFacts;
  range: TimeRange;
  asTable: boolean;
}) {
  const { sample, history } = queue;
  return (
    <div className="flex flex-col gap-2">
      <FilterBar>
        <FilterSelect
          param="range"
          label="Last"
          value="hour"
          choices={Object.entries(HISTORY_RANGES).map(([value, { label }]) => ({ value, label }))}
          forget={[]}
        />
        <FilterCheck param="table" label="As a table" />
      </FilterBar>
      {sample === null || history === null ? (
        <EmptyState title="No samples yet">
          The first sample of a queue is taken within a minute of its first message. With QUEUE_SAMPLES=off none is
          taken.
        </EmptyState>
      ) : asTable ? (
        <Panel flush>
          <QueueHistoryTable history={history} />
        </Panel>
      ) : (
        <Deck
          label="History of the queue"
          range={range}
          title="Depth and rates"
          fix={
            <>
              as of <Ago at={sample.asOf} />
            </>
          }
        >
          <DepthRows queue={queue} range={range} />
          <DeckRow height="h-14" left={<span className="text-xs text-ink-2">age of the oldest ready message</span>}>
            <SeriesChart
              label="How long the oldest ready message had waited, over time"
              unit="seconds"
              series={[
                {
                  label: "oldest",
                  values: alignedTo(range, history, "OLDEST_READY_SECONDS"),
                  look: "area",
                  tone: "ink",
                },
              ]}
            />
          </DeckRow>
        </Deck>
      )}
    </div>
  );
}
