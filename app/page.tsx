import type { ReactNode } from "react";
import { AlsoAsked } from "../components/also-asked.tsx";
import { Failed } from "../components/failed.tsx";
import { textOf } from "../components/graphql.ts";
import { HISTORY_RANGES, type HistoryRange, rangeUntil } from "../components/history-ranges.ts";
import { BusiestQueues } from "../components/overview/busiest-queues.tsx";
import { JobRows } from "../components/overview/job-rows.tsx";
import { OverviewTables } from "../components/overview/overview-tables.tsx";
import { PoolRows, poolLine, worstFirst } from "../components/overview/pool-rows.tsx";
import { RateRows, totalsOf } from "../components/overview/rate-rows.tsx";
import { PageQuery } from "../components/page-query.tsx";
import { paths } from "../components/paths.ts";
import { FixAll } from "../components/problems/fix-all.tsx";
import { isFixable } from "../components/problems/fixable.ts";
import type { ProblemGroup } from "../components/problems/fragments.ts";
import { countProblems, countText } from "../components/problems/looks.ts";
import { ProblemDeckRows, problemLines } from "../components/problems/problem-deck-rows.tsx";
import { CreateQueue } from "../components/queues/create-queue.tsx";
import { LinkButton } from "../components/ui/button.tsx";
import { Deck } from "../components/ui/deck/deck.tsx";
import { DeckRow } from "../components/ui/deck/deck-row.tsx";
import { Glyph } from "../components/ui/glyph.tsx";
import { PageHeader, Panel } from "../components/ui/page.tsx";
import { SegmentLinks } from "../components/ui/segments.tsx";
import { EmptyState } from "../components/ui/states.tsx";
import { Moment } from "../components/ui/time.tsx";
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
  const ofProbes = { since, stepSeconds: PROBE_SECONDS[rangeName] };
  const [loaded, probes] = await Promise.all([
    load(OVERVIEW, variables, ["busiest", "longest", "problemSummary"]),
    load(OVERVIEW_PROBES, ofProbes),
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
  const groups = loaded.data.problemSummary ?? [];
  const problems = problemLines(groups);
  const told = problems.flatMap((line) => ("problem" in line ? [line.problem] : []));
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
        title={loaded.data.problemSummary === null ? "Overview" : titleOf(groups)}
        description={fixableText(problems)}
        actions={
          <>
            <PageQuery document={textOf(OVERVIEW)} variables={variables} />
            <AlsoAsked name="Health of the pools" document={textOf(OVERVIEW_PROBES)} variables={ofProbes} />
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
            <FixAll problems={told} all={problems.length} />
          </>
        }
      />
      <div className="flex flex-col gap-4">
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
          <Deck
            label={HISTORY_RANGES[rangeName].title}
            range={range}
            title={
              <span>
                Problems <span className="font-normal text-muted">worst first</span>
              </span>
            }
            fix="fix"
          >
            {problems.length === 0 ? (
              <DeckRow
                left={
                  <span className="flex items-center gap-2">
                    <Glyph shape="check" ink="ok" />
                    {loaded.failures.problemSummary ? "Problems cannot be read now." : "None. Everything works."}
                  </span>
                }
              />
            ) : (
              <ProblemDeckRows lines={problems} range={range} />
            )}
            <RateRows totals={totals} range={range} longest={longest?.nodes[0] ?? null} />
            <BusiestQueues queues={queues} range={range} />
            <PoolRows pools={lines} more={pools.nodes.length - shown.length} />
            <JobRows jobs={jobs.nodes} range={range} />
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

/** How many of the problems that are told one by one can be fixed by a click. */
function fixableText(lines: ReturnType<typeof problemLines>): string | undefined {
  if (lines.length === 0) return undefined;
  const fixable = lines.filter((line) => "problem" in line && isFixable(line.problem)).length;
  const others = lines.length - fixable;
  if (fixable === 0) return `${others === 1 ? "It needs" : "They need"} a person.`;
  if (others === 0) return `${fixable === 1 ? "It" : "All"} can be fixed from here.`;
  return `${fixable} can be fixed from here; ${others} ${others === 1 ? "needs" : "need"} a person.`;
}

/** What is wrong, and since when. */
function titleOf(groups: readonly ProblemGroup[]): ReactNode {
  const all = countProblems(groups);
  const oldest = groups.reduce<string | null>(
    (least, { since }) => (least === null || since < least ? since : least),
    null,
  );
  if (all === null || oldest === null) return "No problems";
  return (
    <>
      {all.count === 1 ? "1 problem" : `${countText(all)} problems, the oldest`} since <Moment at={oldest} />
    </>
  );
}
