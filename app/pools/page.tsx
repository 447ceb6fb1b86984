import type { Metadata } from "next";
import { Failed } from "../../components/failed.tsx";
import type { PoolHealth } from "../../components/health.tsx";
import { paths } from "../../components/paths.ts";
import { POOL_HEALTH_FIELDS } from "../../components/pools/documents.ts";
import { CreatePool } from "../../components/pools/pool-form.tsx";
import { type PoolRow, PoolTable } from "../../components/pools/pool-table.tsx";
import { WeightTrial } from "../../components/pools/weight-trial.tsx";
import { PageHeader, Panel } from "../../components/ui/page.tsx";
import { EmptyState } from "../../components/ui/states.tsx";
import { type PageInfo, pagerLinks, pageVariables, type Search } from "../address.ts";
import { load } from "../execute.ts";
import { withShares } from "../pool-shares.ts";

export const metadata: Metadata = { title: "Pools" };

const POOLS = /* GraphQL */ `
  query Pools($first: SafeInt, $after: String, $last: SafeInt, $before: String) {
    pools(first: $first, after: $after, last: $last, before: $before) {
      nodes {
        name
        builtIn
        uri
        weight
        flavor
        optionsText
        queueCount {
          value
          exact
        }
        healthLastHour {
          from
          until
          samples
          unreachable
          failing
          errorCode
        }
      }
      pageInfo {
        hasNextPage
        hasPreviousPage
        startCursor
        endCursor
      }
    }
    health {
      pools {${POOL_HEALTH_FIELDS}
      }
    }
  }
`;

interface Answer {
  pools: { nodes: Omit<PoolRow, "share" | "health">[]; pageInfo: PageInfo };
  health: { pools: PoolHealth[] };
}

export default async function PoolsPage({ searchParams }: { searchParams: Promise<Search> }) {
  const search = await searchParams;
  const loaded = await load<Answer>(POOLS, pageVariables(search));
  const checked = new Map(loaded.ok ? loaded.data.health.pools.map((health) => [health.pool, health]) : []);
  const registered = loaded.ok ? loaded.data.pools.nodes.filter(({ builtIn }) => !builtIn) : [];
  const flavors = [...new Set(registered.map(({ flavor }) => flavor))];
  return (
    <>
      <PageHeader
        title="Pools"
        description="Where messages are stored. A new queue is placed by weight among the pools of its flavor."
        actions={
          <>
            <WeightTrial flavors={flavors} />
            <CreatePool />
          </>
        }
      />
      <Panel flush>
        {loaded.ok ? (
          <PoolTable
            rows={withShares(
              loaded.data.pools.nodes.map((pool) => ({ ...pool, health: checked.get(pool.name) ?? null })),
              !loaded.data.pools.pageInfo.hasNextPage && !loaded.data.pools.pageInfo.hasPreviousPage,
            )}
            pager={pagerLinks(loaded.data.pools.pageInfo, search, paths.pools)}
            empty={<EmptyState title="No pools on this page" />}
          />
        ) : (
          <Failed error={loaded.error} />
        )}
      </Panel>
    </>
  );
}
