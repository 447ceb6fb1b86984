import type { Metadata } from "next";
import { Failed } from "../../components/failed.tsx";
import { textOf } from "../../components/graphql.ts";
import { CollectGarbage } from "../../components/health/collect-garbage.tsx";
import { HEALTH_LOOK, Warnings } from "../../components/health/warnings.tsx";
import { PageQuery } from "../../components/page-query.tsx";
import { paths } from "../../components/paths.ts";
import { OperationTable, PoolState } from "../../components/pools/pool-health.tsx";
import { Timeline } from "../../components/pools/timeline.tsx";
import { countProblems, countText, HEALTH_KINDS } from "../../components/problems/looks.ts";
import { ProblemTable } from "../../components/problems/problem-table.tsx";
import { Badge } from "../../components/ui/badge.tsx";
import { LinkButton } from "../../components/ui/button.tsx";
import { formatCount, formatMilliseconds } from "../../components/ui/format.ts";
import { Link } from "../../components/ui/link.tsx";
import { Facts, PageHeader, Panel } from "../../components/ui/page.tsx";
import { EmptyState } from "../../components/ui/states.tsx";
import { Ago } from "../../components/ui/time.tsx";
import { isOn, pagerLinks, pageVariables, type Search } from "../address.ts";
import { load } from "../execute.ts";
import { HEALTH_PAGE } from "./documents.ts";

export const metadata: Metadata = { title: "Health" };

export default async function HealthPage({ searchParams }: { searchParams: Promise<Search> }) {
  const search = await searchParams;
  const silent = isOn(search, "silent");
  const variables = {
    filter: { kinds: HEALTH_KINDS, ...(silent ? { includeSnoozed: true } : {}) },
    ...pageVariables(search),
  };
  const loaded = await load(HEALTH_PAGE, variables, ["problems", "problemSummary"]);
  if (!loaded.ok) {
    return (
      <>
        <PageHeader title="Health" />
        <Failed error={loaded.error} />
      </>
    );
  }
  const { health, healthSampling, limits, problems } = loaded.data;
  const ofQueues = countProblems(loaded.data.problemSummary ?? [], "queues");
  const look = HEALTH_LOOK[health.status];
  return (
    <>
      <PageHeader
        title="Health"
        badges={<Badge tone={look.tone}>{look.label}</Badge>}
        description="Each pool is checked with real operations, at most once in ten seconds."
        actions={
          <>
            <PageQuery document={textOf(HEALTH_PAGE)} variables={variables} />
            <LinkButton kind="ghost" href={paths.health({ silent: !silent })}>
              {silent ? "Without silent problems" : "With silent problems"}
            </LinkButton>
          </>
        }
      />
      <div className="flex flex-col gap-4">
        <Panel
          title="Problems of pools and jobs"
          flush
          actions={
            ofQueues === null ? null : (
              <Link
                href={paths.queues(null, { problems: "all" })}
                className="text-xs text-accent underline underline-offset-2"
              >
                Problems of queues: {countText(ofQueues)}
              </Link>
            )
          }
        >
          {problems === null ? (
            <div className="flex flex-col gap-3 p-3">
              {loaded.failures.problems && <Failed error={loaded.failures.problems} />}
              <Warnings warnings={health.warnings} />
            </div>
          ) : (
            <ProblemTable
              rows={problems.nodes}
              pager={pagerLinks(problems.pageInfo, search, (page) => paths.health({ silent, ...page }))}
              empty={
                <EmptyState title="No problems">
                  {silent ? "Pools and jobs have none." : "Pools and jobs have none, or only silent ones."}
                </EmptyState>
              }
            />
          )}
        </Panel>
        <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-2">
          <Panel title="Control database">
            <Facts
              items={[
                {
                  label: "State",
                  value: health.control.reachable ? (
                    <Badge tone="ok">Healthy</Badge>
                  ) : (
                    <Badge tone="danger">Unreachable</Badge>
                  ),
                },
                { label: "Response time", value: formatMilliseconds(health.control.durationSeconds) },
              ]}
            />
          </Panel>
          <Panel title="Garbage collection" actions={<CollectGarbage />}>
            {health.gc === null ? (
              <p className="text-muted">Not run yet.</p>
            ) : (
              <Facts
                items={[
                  { label: "Last run", value: <Ago at={health.gc.at} /> },
                  { label: "Duration", value: formatMilliseconds(health.gc.durationSeconds) },
                  {
                    label: "Freed",
                    value: Object.entries(health.gc.collected)
                      .map(([what, count]) => `${formatCount(count)} ${what}`)
                      .join(", "),
                  },
                ]}
              />
            )}
          </Panel>
          {health.pools.map((pool) => (
            <Panel
              key={pool.poolName}
              title={`Pool ${pool.poolName}`}
              flush
              actions={
                <>
                  <PoolState pool={pool} />
                  <Link href={paths.pool(pool.poolName)} className="text-xs text-accent hover:underline">
                    Open
                  </Link>
                </>
              }
            >
              <OperationTable pool={pool} />
              <h3 className="border-t border-line px-4 pt-3 font-medium">Last hour, all operations</h3>
              <Timeline
                pool={pool.poolName}
                what="All operations"
                intervals={pool.healthLastHour}
                sampling={healthSampling}
              />
            </Panel>
          ))}
          <Panel title="Limits">
            <Facts
              items={Object.entries(limits).map(([name, value]) => ({
                label: limitLabel(name),
                value: formatCount(value),
              }))}
            />
          </Panel>
        </div>
      </div>
    </>
  );
}

/** maxMessageTtlSeconds -> "Max message ttl seconds" */
function limitLabel(name: string): string {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}
