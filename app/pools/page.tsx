import type { Metadata } from "next";
import { ExportList } from "../../components/exports/export-list.tsx";
import { Failed } from "../../components/failed.tsx";
import { textOf } from "../../components/graphql.ts";
import { PageQuery } from "../../components/page-query.tsx";
import { paths } from "../../components/paths.ts";
import { CreatePool } from "../../components/pools/edit-pool.tsx";
import { PoolTable } from "../../components/pools/pool-table.tsx";
import { WeightTrial } from "../../components/pools/weight-trial.tsx";
import { PageHeader, Panel } from "../../components/ui/page.tsx";
import { EmptyState } from "../../components/ui/states.tsx";
import { pagerLinks, pageVariables, type Search } from "../address.ts";
import { load } from "../execute.ts";
import { POOLS_PAGE } from "./documents.ts";

export const metadata: Metadata = { title: "Pools" };

export default async function PoolsPage({ searchParams }: { searchParams: Promise<Search> }) {
  const search = await searchParams;
  const variables = pageVariables(search);
  const loaded = await load(POOLS_PAGE, variables);
  const checked = new Map(loaded.ok ? loaded.data.health.pools.map((health) => [health.poolName, health]) : []);
  const registered = loaded.ok ? loaded.data.pools.nodes.filter(({ builtIn }) => !builtIn) : [];
  const flavors = [...new Set(registered.map(({ flavorName }) => flavorName))];
  return (
    <>
      <PageHeader
        title="Pools"
        description="Where messages are stored. A new queue is placed by weight in a pool of its flavor."
        actions={
          <>
            <PageQuery document={textOf(POOLS_PAGE)} variables={variables} />
            <ExportList list="pools" of="pools" />
            <WeightTrial flavors={flavors} />
            <CreatePool />
          </>
        }
      />
      <Panel flush>
        {loaded.ok ? (
          <PoolTable
            rows={loaded.data.pools.nodes.map((pool) => ({ ...pool, health: checked.get(pool.name) ?? null }))}
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
