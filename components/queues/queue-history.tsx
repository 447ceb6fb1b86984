import type { ReactNode } from "react";
import { HISTORY_RANGES } from "../history-ranges.ts";
import { MESSAGE_STATES } from "../messages/message-state.tsx";
import { Deck } from "../ui/deck/deck.tsx";
import { DeckRow, KeyNumber } from "../ui/deck/deck-row.tsx";
import { LineSample, SeriesChart } from "../ui/deck/series-chart.tsx";
import { formatValue, type Values } from "../ui/deck/values.ts";
import { FilterBar, FilterCheck, FilterSelect } from "../ui/filter-bar.tsx";
import { formatCount } from "../ui/format.ts";
import { Glyph } from "../ui/glyph.tsx";
import { Panel } from "../ui/page.tsx";
import { EmptyState } from "../ui/states.tsx";
import { Ago } from "../ui/time.tsx";
import type { QueueHistoryFacts } from "./fragments.ts";
import { QueueHistoryTable } from "./queue-history-table.tsx";

type Metric = NonNullable<QueueHistoryFacts["history"]>["series"][number]["metric"];

/** The history of a queue, as charts or as a table. */
export function QueueHistoryPanel({ queue, asTable }: { queue: QueueHistoryFacts; asTable: boolean }) {
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
        <QueueHistory sample={sample} history={history} />
      )}
    </div>
  );
}

/** How full a queue was and how fast it filled and drained, in rows over one time. */
function QueueHistory({
  sample,
  history,
}: {
  sample: NonNullable<QueueHistoryFacts["sample"]>;
  history: NonNullable<QueueHistoryFacts["history"]>;
}) {
  const values = (metric: Metric): Values => history.series.find((one) => one.metric === metric)?.values ?? [];
  const range = {
    from: Date.parse(history.from),
    until: Date.parse(history.until),
    stepMs: history.resolutionSeconds * 1000,
  };
  const [posted, delivered, deleted] = [values("POSTED_RATE"), values("DELIVERED_RATE"), values("DELETED_RATE")];
  const rates = sample.rates;
  const net = rates && rates.posted - rates.deleted - rates.expired - rates.deadLettered;
  return (
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
      <DeckRow
        height="h-20"
        left={
          <Numbers
            items={[{ value: formatCount(sample.ready, sample.exact ? "exact" : "about"), label: "ready" }]}
            below={(["claimed", "delayed", "exhausted"] as const).map((state) => (
              <span key={state} title={`${state} messages`} className="inline-flex items-center gap-1">
                <Glyph {...MESSAGE_STATES[state]} />
                {formatCount(sample[state])}
                <span className="sr-only"> {state}</span>
              </span>
            ))}
          />
        }
        right={
          <span className="flex flex-col items-end">
            <span className="text-muted">oldest ready</span>
            <span className="font-semibold">
              {sample.oldestReadyAt === null ? "none" : <Ago at={sample.oldestReadyAt} />}
            </span>
          </span>
        }
      >
        <SeriesChart
          label="Ready messages over time"
          unit="messages"
          series={[{ label: "ready", values: values("READY"), look: "area", tone: "ready" }]}
        />
      </DeckRow>
      <DeckRow
        height="h-20"
        left={
          <Numbers
            items={[
              { value: formatValue(rates?.posted ?? null, "per second"), label: "posted", line: "solid" },
              { value: formatValue(rates?.delivered ?? null, "per second"), label: "delivered", line: "dashed" },
              { value: formatValue(rates?.deleted ?? null, "per second"), label: "deleted", line: "dotted" },
            ]}
          />
        }
        right={
          <span className="flex flex-col items-end">
            <span className="font-semibold">
              {net === null ? "—" : `${net > 0.05 ? "+" : ""}${formatValue(net, "per second")}`}
            </span>
            <span className="text-muted">net</span>
          </span>
        }
      >
        <SeriesChart
          label="Messages posted, delivered and deleted a second, over time"
          unit="per second"
          excess={[posted, deleted]}
          series={[
            { label: "posted", values: posted, look: "solid", tone: "ready" },
            { label: "delivered", values: delivered, look: "dashed", tone: "claimed" },
            { label: "deleted", values: deleted, look: "dotted", tone: "ink" },
          ]}
        />
      </DeckRow>
      <DeckRow height="h-14" left={<Numbers items={[]} below={["age of the oldest ready message"]} />} right={null}>
        <SeriesChart
          label="How long the oldest ready message had waited, over time"
          unit="seconds"
          series={[{ label: "oldest", values: values("OLDEST_READY_SECONDS"), look: "area", tone: "ink" }]}
        />
      </DeckRow>
    </Deck>
  );
}

function Numbers({
  items,
  below = [],
}: {
  items: { value: string; label: string; line?: "solid" | "dashed" | "dotted" }[];
  below?: ReactNode[];
}) {
  return (
    <div className="flex min-w-0 flex-1 flex-col justify-center gap-0.5 py-2">
      <div className="flex flex-wrap gap-x-6 gap-y-1">
        {items.map(({ value, label, line }) => (
          <KeyNumber key={label} value={value}>
            {line === undefined ? <Glyph {...MESSAGE_STATES.ready} /> : <LineSample look={line} />}
            {label}
          </KeyNumber>
        ))}
      </div>
      {below.length > 0 ? <div className="flex flex-wrap gap-x-3 text-xs text-ink-2">{below}</div> : null}
    </div>
  );
}
