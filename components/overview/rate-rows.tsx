import { paths } from "../paths.ts";
import { alignedTo, combined, growingSince } from "../ui/deck/align.ts";
import { DeckRow, DeckSection, KeyNumber } from "../ui/deck/deck-row.tsx";
import { LineSample, SeriesChart } from "../ui/deck/series-chart.tsx";
import { instantOf, type TimeRange } from "../ui/deck/time-range.ts";
import { formatValue, type Values } from "../ui/deck/values.ts";
import { NameLink } from "../ui/name-link.tsx";
import { Age, Moment } from "../ui/time.tsx";
import type { OverviewPool } from "./fragments.ts";

const RATES = [
  { metric: "POSTED_RATE", label: "posted", look: "solid", tone: "ready" },
  { metric: "DELIVERED_RATE", label: "delivered", look: "dashed", tone: "claimed" },
  { metric: "DELETED_RATE", label: "deleted", look: "dotted", tone: "ink" },
] as const;

/** What all pools together did over the time. */
export interface Totals {
  rates: readonly { label: string; values: Values }[];
  oldestSeconds: Values;
}

export function totalsOf(pools: readonly OverviewPool[], range: TimeRange): Totals {
  const all = (metric: string) => pools.map(({ history }) => alignedTo(range, history, metric));
  return {
    rates: RATES.map(({ metric, label }) => ({ label, values: combined(all(metric), (a, b) => a + b) })),
    oldestSeconds: combined(all("OLDEST_READY_SECONDS"), Math.max),
  };
}

interface LongestQueue {
  project: string;
  name: string;
  sample: { oldestReadyAt: string | null } | null;
}

/** Messages a second, and how long the oldest ready message has waited. `longest`: the queue that has it. */
export function RateRows({
  totals,
  range,
  longest,
}: {
  totals: Totals;
  range: TimeRange;
  longest: LongestQueue | null;
}) {
  const series = RATES.map((look, index) => ({ ...look, values: totals.rates[index]?.values ?? [] }));
  const now = series.map(({ values }) => values.findLast((value) => value !== null) ?? null);
  const [posted, , deleted] = series.map(({ values }) => values);
  const net = now[0] != null && now[2] != null ? now[0] - now[2] : null;
  const growing = growingSince(posted ?? [], deleted ?? []);
  const oldestReadyAt = longest?.sample?.oldestReadyAt ?? null;
  return (
    <>
      <DeckSection left="Messages per second" right="all projects" />
      <DeckRow
        height="h-20"
        left={
          <div className="flex flex-wrap gap-x-4 gap-y-1 py-2 lg:gap-x-8">
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
            <span className="text-right text-xs text-muted">
              {growing === null ? (
                "posted less deleted"
              ) : (
                <>
                  backlog grows since <Moment at={new Date(instantOf(range, growing)).toISOString()} />
                </>
              )}
            </span>
          </span>
        }
      >
        <SeriesChart
          label="Messages posted, delivered and deleted a second, in all pools"
          unit="per second"
          series={series}
          excess={[posted ?? [], deleted ?? []]}
        />
      </DeckRow>
      <DeckRow
        height="h-14"
        left={
          <div className="py-2">
            <div className="text-[1.375rem] leading-[1.625rem] font-semibold">
              {oldestReadyAt === null ? "none" : <Age since={oldestReadyAt} />}
            </div>
            <div className="text-xs text-ink-2">oldest ready message</div>
          </div>
        }
        right={
          longest === null || oldestReadyAt === null ? null : (
            <span className="min-w-0 truncate">
              <NameLink href={paths.queue(longest.project, longest.name)}>{longest.name}</NameLink>
            </span>
          )
        }
      >
        <SeriesChart
          label="How long the oldest ready message of all queues had waited"
          unit="seconds"
          series={[{ label: "oldest", values: totals.oldestSeconds, look: "area", tone: "ink" }]}
        />
      </DeckRow>
    </>
  );
}
