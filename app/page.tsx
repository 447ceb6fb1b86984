import { Failed } from "../components/failed.tsx";
import { textOf } from "../components/graphql.ts";
import { HEALTH_LOOK, Warnings } from "../components/health/warnings.tsx";
import { HISTORY_RANGES, type HistoryRange, rangeUntil } from "../components/history-ranges.ts";
import { BusiestQueues } from "../components/overview/busiest-queues.tsx";
import { JobRows } from "../components/overview/job-rows.tsx";
import { OverviewTables } from "../components/overview/overview-tables.tsx";
import { PoolRows, poolLine, worstFirst } from "../components/overview/pool-rows.tsx";
import { RateRows, totalsOf } from "../components/overview/rate-rows.tsx";
import { PageQuery } from "../components/page-query.tsx";
import { paths } from "../components/paths.ts";
import { CreateQueue } from "../components/queues/create-queue.tsx";
import { Badge } from "../components/ui/badge.tsx";
import { LinkButton } from "../components/ui/button.tsx";
import { Deck } from "../components/ui/deck/deck.tsx";
import { PageHeader, Panel } from "../components/ui/page.tsx";
import { SegmentLinks } from "../components/ui/segments.tsx";
import { EmptyState } from "../components/ui/states.tsx";
import { isOn, one, type Search } from "./address.ts";
import { OVERVIEW, OVERVIEW_PROBES } from "./documents.ts";
import { load, requestTime } from "./execute.ts";

/** Of more pools the worst are shown, then the first by name. */
const SHOWN_POOLS = 12;
/** The API gives at most 100 intervals, and keeps them for a day. */
const PROBE_SECONDS = { hour: 60, quarter: 300, day: 900, week: 3600 };

type RangeName = keyof typeof HISTORY_RANGES;

export default async function OverviewPage({ searchParams }: { searchParams: Promise<Search> }) {
  const search = await searchParams;
  const named = one(search, "range") ?? "";
  const rangeName: RangeName = Object.hasOwn(HISTORY_RANGES, named) ? (named as RangeName) : "hour";
  const { seconds, resolution }: HistoryRange = HISTORY_RANGES[rangeName];
  const variables = { rangeSeconds: seconds, resolution };
  const range = rangeUntil(requestTime(), HISTORY_RANGES[rangeName]);
  const since = new Date(range.from).toISOString();
  const [loaded, probes] = await Promise.all([
    load(OVERVIEW, variables, ["busiest", "longest"]),
    load(OVERVIEW_PROBES, { since, stepSeconds: PROBE_SECONDS[rangeName] }),
  ]);
  if (!loaded.ok) {
    return (
      <>
        <PageHeader title="Overview" />
        <Failed error={loaded.error} />
      </>
    );
  }
  const { health, pools, busiest, longest, jobs } = loaded.data;
  const asTable = isOn(search, "table");
  const totals = totalsOf(pools.nodes, range);
  const queues = (busiest?.nodes ?? []).filter(({ sample }) => isBusy(sample?.rates ?? null));
  const shown = worstFirst(pools.nodes, health.pools).slice(0, SHOWN_POOLS);
  const lines = shown.map((pool) =>
    poolLine(
      pool,
      health.pools.find(({ poolName }) => poolName === pool.name) ?? null,
      probes.ok ? probes.data.pools.nodes.find(({ name }) => name === pool.name) : undefined,
      range,
    ),
  );
  return (
    <>
      <PageHeader
        title="Overview"
        badges={<Badge tone={HEALTH_LOOK[health.status].tone}>{HEALTH_LOOK[health.status].label}</Badge>}
        actions={
          <>
            <PageQuery document={textOf(OVERVIEW)} variables={variables} />
            <LinkButton kind="ghost" href={paths.overview({ range: one(search, "range"), table: !asTable })}>
              {asTable ? "As charts" : "As table"}
            </LinkButton>
            <SegmentLinks
              label="Time"
              segments={Object.entries(HISTORY_RANGES).map(([name, { label }]) => ({
                label,
                href: paths.overview({ range: name === "hour" ? undefined : name, table: asTable }),
                current: name === rangeName,
              }))}
            />
          </>
        }
      />
      <div className="flex flex-col gap-4">
        {health.warnings.length === 0 ? null : (
          <Panel>
            <Warnings warnings={health.warnings} />
          </Panel>
        )}
        {busiest?.count?.value === 0 ? (
          <Panel flush>
            <EmptyState title="No queues yet" action={<CreateQueue project={null} />}>
              Create one here, or let a program create it. <code className="font-mono">npm run demo</code> adds demo
              data.
            </EmptyState>
          </Panel>
        ) : null}
        {asTable ? (
          <OverviewTables range={range} totals={totals} queues={queues} pools={lines} />
        ) : (
          <Deck label={HISTORY_RANGES[rangeName].title} range={range} title={HISTORY_RANGES[rangeName].title}>
            <RateRows totals={totals} range={range} longest={longest?.nodes[0] ?? null} />
            <BusiestQueues queues={queues} range={range} />
            <PoolRows pools={lines} more={pools.nodes.length - shown.length} />
            <JobRows jobs={jobs.nodes} />
          </Deck>
        )}
      </div>
    </>
  );
}

/** Queues of which nothing comes or goes fill the list when few are used. */
function isBusy(rates: { posted: number; deleted: number } | null): boolean {
  return rates !== null && rates.posted + rates.deleted > 0;
}
