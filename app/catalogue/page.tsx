import type { Metadata } from "next";
import { CatalogueTable, MapQueue } from "../../components/catalogue/catalogue-table.tsx";
import { ExportList } from "../../components/exports/export-list.tsx";
import { Failed } from "../../components/failed.tsx";
import { textOf } from "../../components/graphql.ts";
import { PageQuery } from "../../components/page-query.tsx";
import { paths } from "../../components/paths.ts";
import { projectLabel } from "../../components/projects/project-name.tsx";
import { FilterBar, FilterSelect, SearchBox } from "../../components/ui/filter-bar.tsx";
import { PageHeader, Panel } from "../../components/ui/page.tsx";
import { EmptyState } from "../../components/ui/states.tsx";
import { namedParam, one, pagerLinks, pageVariables, type Search } from "../address.ts";
import { load } from "../execute.ts";
import { CATALOGUE_PAGE } from "./documents.ts";

export const metadata: Metadata = { title: "Catalogue" };

export default async function CataloguePage({ searchParams }: { searchParams: Promise<Search> }) {
  const search = await searchParams;
  const project = namedParam(search, "project");
  const pool = one(search, "pool");
  const text = one(search, "search");
  const variables = {
    ...(project === undefined ? { allProjects: true } : { project }),
    pool,
    search: text,
    ...pageVariables(search),
  };
  const loaded = await load(CATALOGUE_PAGE, variables);
  const pools = loaded.ok ? loaded.data.pools.nodes : [];
  const names = pools.map(({ name }) => name);
  return (
    <>
      <PageHeader
        title="Catalogue"
        crumbs={project === undefined ? [] : [{ label: projectLabel(project), href: paths.queues(project) }]}
        description="Which pool holds which queue. Moving a queue moves its messages. Mapping it to another pool discards them."
        actions={
          <>
            <PageQuery document={textOf(CATALOGUE_PAGE)} variables={variables} />
            <ExportList list="catalogue" of="entries" variables={variables} />
            <MapQueue pools={names} />
          </>
        }
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
                  ? "Every new queue gets one."
                  : "No queue matches this search."}
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
