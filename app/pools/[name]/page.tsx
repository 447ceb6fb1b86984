import type { Metadata } from "next";
import { type CatalogueRow, CatalogueTable } from "../../../components/catalogue/catalogue-table.tsx";
import type { PoolChoice } from "../../../components/catalogue/entry-can.ts";
import { Failed } from "../../../components/failed.tsx";
import { OperationTable, type PoolHealth, PoolState } from "../../../components/health.tsx";
import { JOB_FIELDS } from "../../../components/jobs/documents.ts";
import { isUnfinished } from "../../../components/jobs/job-can.ts";
import { DrainStatus, type JobRow } from "../../../components/jobs/job-table.tsx";
import { paths } from "../../../components/paths.ts";
import { POOL_HEALTH_FIELDS } from "../../../components/pools/documents.ts";
import type { PoolFacts } from "../../../components/pools/pool-facts.ts";
import { EditPool } from "../../../components/pools/pool-form.tsx";
import { Capabilities, DeletePool, DrainPool } from "../../../components/pools/pool-table.tsx";
import { Badge } from "../../../components/ui/badge.tsx";
import { LinkButton } from "../../../components/ui/button.tsx";
import { formatCount } from "../../../components/ui/format.ts";
import { JsonViewer } from "../../../components/ui/json-viewer.tsx";
import { Facts, PageHeader, Panel } from "../../../components/ui/page.tsx";

import { EmptyState, NotFoundState } from "../../../components/ui/states.tsx";
import { Utc } from "../../../components/ui/time.tsx";
import { named, one, type PageInfo, pagerLinks, pageVariables, type Search } from "../../address.ts";
import { load } from "../../execute.ts";
import { PoolHistory } from "../../pool-history.tsx";

const POOL = /* GraphQL */ `
  query Pool($name: String!, $first: SafeInt, $after: String, $last: SafeInt, $before: String) {
    pool(name: $name) {
      name
      builtIn
      uri
      weight
      flavor
      optionsText
      capabilities
      createdAt
      updatedAt
      queueCount {
        value
        exact
      }
      catalogue(first: $first, after: $after, last: $last, before: $before) {
        nodes {
          project
          queue
          pool
          epoch
          flavor
        }
        pageInfo {
          hasNextPage
          hasPreviousPage
          startCursor
          endCursor
        }
      }
    }
    pools(first: 100) {
      nodes {
        name
        flavor
      }
    }
    jobs(kind: DRAIN_POOL, target: $name, first: 1) {
      nodes {${JOB_FIELDS}
      }
    }
    health {
      pools {${POOL_HEALTH_FIELDS}
      }
    }
  }
`;

const PLACEMENT = /* GraphQL */ `
  query Placement($flavor: String) {
    poolPlacement(flavor: $flavor) {
      pool
      share
      shareNow
    }
  }
`;

interface Share {
  pool: string;
  share: number;
  shareNow: number;
}

const percent = (share: number) => `${(100 * share).toFixed(0)} %`;

interface Answer {
  pool:
    | (PoolFacts & {
        capabilities: string[] | null;
        createdAt: string | null;
        updatedAt: string | null;
        catalogue: { nodes: CatalogueRow[]; pageInfo: PageInfo };
      })
    | null;
  pools: { nodes: PoolChoice[] };
  jobs: { nodes: JobRow[] };
  health: { pools: PoolHealth[] };
}

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
  const loaded = await load<Answer>(POOL, { name, ...pageVariables(search) });
  const crumbs = [{ label: "Pools", href: paths.pools() }];
  if (!loaded.ok) {
    return (
      <>
        <PageHeader title={name} mono crumbs={crumbs} />
        <Failed error={loaded.error} />
      </>
    );
  }
  const { pool, health } = loaded.data;
  if (pool === null) {
    return (
      <>
        <PageHeader title={name} mono crumbs={crumbs} />
        <NotFoundState
          title="There is no pool of this name"
          action={<LinkButton href={paths.pools()}>All pools</LinkButton>}
        />
      </>
    );
  }
  const state = health.pools.find((candidate) => candidate.pool === name);
  const [drain] = loaded.data.jobs.nodes;
  const placement = pool.builtIn ? null : await load<{ poolPlacement: Share[] }>(PLACEMENT, { flavor: pool.flavor });
  const share = placement?.ok ? placement.data.poolPlacement.find((other) => other.pool === name) : undefined;
  return (
    <>
      <PageHeader
        title={name}
        mono
        crumbs={crumbs}
        badges={
          <>
            {pool.builtIn ? <Badge>built in</Badge> : null}
            {state ? <PoolState pool={state} /> : null}
          </>
        }
        actions={
          <>
            <DrainPool pool={pool} isDraining={drain !== undefined && isUnfinished(drain)} />
            <EditPool pool={pool} />
            <DeletePool pool={pool} afterwards={paths.pools()} />
          </>
        }
      />
      <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-2">
        <Panel title="About">
          <Facts
            items={[
              {
                label: "Address",
                value: <span className="font-mono text-[0.8125rem]">{pool.uri ?? "the control database"}</span>,
              },
              { label: "Weight", value: pool.weight ?? "takes a queue only when no registered pool does" },
              { label: "Flavor", value: pool.flavor ?? "none" },
              { label: "Can", value: <Capabilities names={pool.capabilities} /> },
              {
                label: "Queues",
                value: formatCount(pool.queueCount.value, pool.queueCount.exact ? "exact" : "at-least"),
              },
              ...(share
                ? [
                    {
                      label: "Skew",
                      value: `${percent(share.shareNow)} of the queues of its flavor live here; by weight it would be ${percent(share.share)}`,
                    },
                  ]
                : []),
              ...(pool.createdAt ? [{ label: "Registered", value: <Utc at={pool.createdAt} /> }] : []),
              ...(pool.updatedAt ? [{ label: "Changed", value: <Utc at={pool.updatedAt} /> }] : []),
            ]}
          />
          {pool.optionsText === "{}" ? null : (
            <div className="mt-4">
              <JsonViewer text={pool.optionsText} label="Options" />
            </div>
          )}
        </Panel>
        <Panel title="Health" flush>
          {state ? (
            <OperationTable pool={state} />
          ) : (
            <EmptyState title="Not checked yet">The next health check includes it.</EmptyState>
          )}
        </Panel>
        {drain === undefined ? null : (
          <div className="lg:col-span-2">
            <Panel title={isUnfinished(drain) ? "Being drained" : "Last drain"}>
              <DrainStatus job={drain} />
            </Panel>
          </div>
        )}
        <div className="lg:col-span-2">
          <PoolHistory pool={name} search={search} />
        </div>
        <div className="lg:col-span-2">
          <Panel title="Queues here" flush>
            <CatalogueTable
              rows={pool.catalogue.nodes}
              pools={loaded.data.pools.nodes}
              pager={pagerLinks(pool.catalogue.pageInfo, search, (page) =>
                paths.pool(name, { range: one(search, "range"), operation: one(search, "operation"), ...page }),
              )}
              empty={<EmptyState title="No queue lives here">New ones come by weight and flavor.</EmptyState>}
            />
          </Panel>
        </div>
      </div>
    </>
  );
}
