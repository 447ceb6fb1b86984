import type { Metadata } from "next";
import { AuditLink } from "../../../components/audit/audit-link.tsx";
import { CatalogueTable } from "../../../components/catalogue/catalogue-table.tsx";
import { Failed } from "../../../components/failed.tsx";
import { textOf } from "../../../components/graphql.ts";
import { DrainStatus } from "../../../components/jobs/drain-status.tsx";
import { isUnfinished } from "../../../components/jobs/job-can.ts";
import { PageQuery } from "../../../components/page-query.tsx";
import { paths } from "../../../components/paths.ts";
import { EditPool } from "../../../components/pools/edit-pool.tsx";
import { OPERATIONS } from "../../../components/pools/operations.ts";
import { PoolAbout } from "../../../components/pools/pool-about.tsx";
import { DeletePool, DrainPool } from "../../../components/pools/pool-actions.tsx";
import { OperationTable, PoolState } from "../../../components/pools/pool-health.tsx";
import { HISTORY_RANGES, PoolHistory, startOf } from "../../../components/pools/pool-history.tsx";
import { ProblemItems } from "../../../components/problems/problem-deck-rows.tsx";
import { Badge } from "../../../components/ui/badge.tsx";
import { LinkButton } from "../../../components/ui/button.tsx";
import { PageHeader, Panel } from "../../../components/ui/page.tsx";
import { EmptyState, NotFoundState } from "../../../components/ui/states.tsx";
import { chosen, named, one, pagerLinks, pageVariables, type Search } from "../../address.ts";
import { load, requestTime } from "../../execute.ts";
import { POOL_PAGE } from "./documents.ts";

interface Props {
  params: Promise<{ name: string }>;
  searchParams: Promise<Search>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `Pool ${named((await params).name)}` };
}

export default async function PoolPage({ params, searchParams }: Props) {
  const name = named((await params).name);
  const search = await searchParams;
  const range = chosen(search, "range", HISTORY_RANGES) ?? HISTORY_RANGES.hour;
  const operation = OPERATIONS.find((operation) => operation === one(search, "operation"));
  const since = startOf(range, requestTime());
  const variables = {
    name,
    ...pageVariables(search),
    since: new Date(since).toISOString(),
    stepSeconds: range.stepSeconds,
    byOperation: operation !== undefined,
  };
  const loaded = await load(POOL_PAGE, variables);
  const crumbs = [{ label: "Pools", href: paths.pools() }];
  if (!loaded.ok) {
    return (
      <>
        <PageHeader title={name} mono crumbs={crumbs} />
        <Failed error={loaded.error} />
      </>
    );
  }
  const { pool, pools, jobs, health, healthSampling } = loaded.data;
  const { "pool.healthHistory": historyFailure, "pool.catalogue": queuesFailure } = loaded.failures;
  if (pool === null) {
    return (
      <>
        <PageHeader title={name} mono crumbs={crumbs} />
        <NotFoundState title="Pool not found" action={<LinkButton href={paths.pools()}>All pools</LinkButton>} />
      </>
    );
  }
  const state = health.pools.find((candidate) => candidate.poolName === name);
  const [drain] = jobs.nodes;
  return (
    <>
      <PageHeader
        title={name}
        mono
        crumbs={crumbs}
        badges={
          <>
            {pool.builtIn ? <Badge>Built-in</Badge> : null}
            {state ? <PoolState pool={state} /> : null}
          </>
        }
        actions={
          <>
            <PageQuery document={textOf(POOL_PAGE)} variables={variables} />
            <AuditLink query={{ target: name }} />
            <DrainPool pool={pool} isDraining={drain !== undefined && isUnfinished(drain)} />
            <EditPool pool={pool} />
            <DeletePool pool={pool} afterwards={paths.pools()} />
          </>
        }
      />
      <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-2">
        {pool.problems.length === 0 ? null : (
          <div className="lg:col-span-2">
            <Panel title="Problems" flush>
              <ProblemItems problems={pool.problems} />
            </Panel>
          </div>
        )}
        <PoolAbout pool={pool} />
        <Panel title="Health" flush>
          {state ? (
            <OperationTable pool={state} />
          ) : (
            <EmptyState title="Not checked yet">The next health check includes this pool.</EmptyState>
          )}
        </Panel>
        {drain === undefined ? null : (
          <div className="lg:col-span-2">
            <Panel title={isUnfinished(drain) ? "Drain in progress" : "Last drain"}>
              <DrainStatus job={drain} />
            </Panel>
          </div>
        )}
        <div className="lg:col-span-2">
          {pool.healthHistory === null ? (
            <Panel title="Health over time">{historyFailure && <Failed error={historyFailure} />}</Panel>
          ) : (
            <PoolHistory
              pool={name}
              nodes={pool.healthHistory.nodes}
              sampling={healthSampling}
              {...{ range, since, operation }}
            />
          )}
        </div>
        <div className="lg:col-span-2">
          <Panel title="Queues" flush>
            {pool.catalogue === null ? (
              queuesFailure && <Failed error={queuesFailure} />
            ) : (
              <CatalogueTable
                rows={pool.catalogue.nodes}
                pools={pools.nodes}
                pager={pagerLinks(pool.catalogue.pageInfo, search, (page) =>
                  paths.pool(name, { range: one(search, "range"), operation: one(search, "operation"), ...page }),
                )}
                empty={<EmptyState title="No queues">New queues are placed by flavor and weight.</EmptyState>}
              />
            )}
          </Panel>
        </div>
      </div>
    </>
  );
}
