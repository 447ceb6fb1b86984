import type { Metadata } from "next";
import { type CatalogueRow, CatalogueTable, MapQueue } from "../../components/catalogue/catalogue-table.tsx";
import type { PoolChoice } from "../../components/catalogue/entry-can.ts";
import { Failed } from "../../components/failed.tsx";
import { paths } from "../../components/paths.ts";
import { projectLabel } from "../../components/project-name.tsx";
import { FilterBar, FilterSelect, SearchBox } from "../../components/ui/filter-bar.tsx";
import { PageHeader, Panel } from "../../components/ui/page.tsx";
import { EmptyState } from "../../components/ui/states.tsx";
import { namedParam, one, type PageInfo, pagerLinks, pageVariables, type Search } from "../address.ts";
import { load } from "../execute.ts";

export const metadata: Metadata = { title: "Catalogue" };

const CATALOGUE = /* GraphQL */ `
  query Catalogue(
    $project: String
    $allProjects: Boolean
    $pool: String
    $search: String
    $first: SafeInt
    $after: String
    $last: SafeInt
    $before: String
  ) {
    catalogue(
      project: $project
      allProjects: $allProjects
      pool: $pool
      search: $search
      first: $first
      after: $after
      last: $last
      before: $before
    ) {
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
    pools(first: 100) {
      nodes {
        name
        flavor
      }
    }
  }
`;

interface Answer {
  catalogue: { nodes: CatalogueRow[]; pageInfo: PageInfo };
  pools: { nodes: PoolChoice[] };
}

export default async function CataloguePage({ searchParams }: { searchParams: Promise<Search> }) {
  const search = await searchParams;
  const project = namedParam(search, "project");
  const pool = one(search, "pool");
  const text = one(search, "search");
  const loaded = await load<Answer>(CATALOGUE, {
    ...(project === undefined ? { allProjects: true } : { project }),
    pool,
    search: text,
    ...pageVariables(search),
  });
  const pools = loaded.ok ? loaded.data.pools.nodes : [];
  const names = pools.map(({ name }) => name);
  return (
    <>
      <PageHeader
        title="Catalogue"
        crumbs={project === undefined ? [] : [{ label: projectLabel(project), href: paths.queues(project) }]}
        description="Which pool holds which queue. Moving a queue takes its messages along; changing its entry by hand ends them."
        actions={<MapQueue pools={names} />}
      />
      <Panel flush>
        <FilterBar>
          <SearchBox param="search" label="Find queues by name" placeholder="Queue name" />
          <FilterSelect
            param="pool"
            label="Pool"
            all="All pools"
            choices={names.map((name) => ({ value: name, label: name }))}
          />
        </FilterBar>
        {loaded.ok ? (
          <CatalogueTable
            rows={loaded.data.catalogue.nodes}
            pools={pools}
            pager={pagerLinks(loaded.data.catalogue.pageInfo, search, (page) =>
              paths.catalogue({ project, pool, search: text, ...page }),
            )}
            empty={
              <EmptyState title="No entries">
                {text === undefined && pool === undefined
                  ? "A queue gets one when it is made."
                  : "No queue fits this search."}
              </EmptyState>
            }
          />
        ) : (
          <Failed error={loaded.error} />
        )}
      </Panel>
    </>
  );
}
