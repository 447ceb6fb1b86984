import type { Metadata } from "next";
import { Failed } from "../../components/failed.tsx";
import { paths } from "../../components/paths.ts";
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
        capabilities
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
  }
`;

export default async function PoolsPage({ searchParams }: { searchParams: Promise<Search> }) {
  const search = await searchParams;
  const loaded = await load<{ pools: { nodes: Omit<PoolRow, "share">[]; pageInfo: PageInfo } }>(
    POOLS,
    pageVariables(search),
  );
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
              loaded.data.pools.nodes,
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
