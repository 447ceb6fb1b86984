import { paths } from "../paths.ts";
import { projectLabel } from "../projects/project-name.tsx";
import { Deck } from "../ui/deck/deck.tsx";
import { DeckRow, DeckSection, KeyNumber } from "../ui/deck/deck-row.tsx";
import { LineSample, SeriesChart } from "../ui/deck/series-chart.tsx";
import { formatValue, type Values } from "../ui/deck/values.ts";
import { formatCount } from "../ui/format.ts";
import { NameLink } from "../ui/name-link.tsx";
import { Age } from "../ui/time.tsx";
import type { BusyQueue, PoolRates } from "./fragments.ts";

const RATES = [
  { metric: "POSTED_RATE", label: "posted", look: "solid", tone: "ready" },
  { metric: "DELIVERED_RATE", label: "delivered", look: "dashed", tone: "claimed" },
  { metric: "DELETED_RATE", label: "deleted", look: "dotted", tone: "ink" },
] as const;

/** What all pools did in the last hour, and the queues that did most of it. Null before the first samples. */
export function BusiestQueues({ pools, queues }: { pools: readonly PoolRates[]; queues: readonly BusyQueue[] }) {
  const histories = pools.flatMap(({ history }) => history ?? []);
  const first = histories[0];
  if (first === undefined) return null;
  const range = {
    from: Date.parse(first.from),
    until: Date.parse(first.until),
    stepMs: first.resolutionSeconds * 1000,
  };
  const series = RATES.map(({ metric, ...look }) => ({
    ...look,
    values: sumOf(histories.map((history) => history.series.find((one) => one.metric === metric)?.values ?? [])),
  }));
  const now = series.map(({ values }) => values.findLast((value) => value !== null) ?? null);
  const net = now[0] != null && now[2] != null ? now[0] - now[2] : null;
  const busy = queues.filter(({ sample }) => sample !== null);
  return (
    <Deck label="The last hour" range={range} title="Messages per second" fix="all projects">
      <DeckRow
        height="h-20"
        left={
          <div className="flex flex-wrap gap-x-6 gap-y-1 py-2">
            {series.map(({ label, look }, index) => (
              <KeyNumber key={label} value={formatValue(now[index] ?? null, "per second")}>
                <LineSample look={look} />
                {label}
              </KeyNumber>
            ))}
          </div>
        }
        right={
          <span className="flex flex-col items-end">
            <span className="font-semibold">
              {net === null ? "—" : `${net > 0.05 ? "+" : ""}${formatValue(net, "per second")}`}
            </span>
            <span className="text-xs text-muted">net</span>
          </span>
        }
      >
        <SeriesChart
          label="Messages posted, delivered and deleted a second in all pools, over the last hour"
          unit="per second"
          series={series}
          excess={[series[0]?.values ?? [], series[2]?.values ?? []]}
        />
      </DeckRow>
      <DeckSection left="Busiest queues" middle="ready messages, each row on its own scale" right="oldest ready" />
      {busy.map(({ project, name, sample, history }) => (
        <DeckRow
          key={JSON.stringify([project, name])}
          left={
            <span className="flex min-w-0 flex-1 items-baseline gap-2">
              <NameLink href={paths.queue(project, name)}>{name}</NameLink>
              <span className="truncate text-xs text-muted">{projectLabel(project)}</span>
              <span className="ml-auto font-semibold">
                {sample ? formatCount(sample.ready, sample.exact ? "exact" : "about") : "—"}
              </span>
            </span>
          }
          right={
            sample?.oldestReadyAt ? <Age since={sample.oldestReadyAt} /> : <span className="text-muted">none</span>
          }
        >
          <SeriesChart
            label={`Ready messages of ${name} over the last hour`}
            unit="messages"
            series={[{ label: "ready", values: history?.series[0]?.values ?? [], look: "area", tone: "ready" }]}
          />
        </DeckRow>
      ))}
    </Deck>
  );
}

/** Adds up what is known at each step; null where nothing is known. */
function sumOf(all: readonly Values[]): Values {
  const steps = Math.max(0, ...all.map((values) => values.length));
  return Array.from({ length: steps }, (_unused, step) => {
    const known = all.map((values) => values[step] ?? null).filter((value) => value !== null);
    return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
  });
}
