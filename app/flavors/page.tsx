import type { Metadata } from "next";
import { Failed } from "../../components/failed.tsx";
import { CreateFlavor, type FlavorRow, FlavorTable } from "../../components/flavors/flavor-table.tsx";
import { paths, segment } from "../../components/paths.ts";
import { projectLabel } from "../../components/project-name.tsx";
import { FilterBar, FilterSelect } from "../../components/ui/filter-bar.tsx";
import { PageHeader, Panel } from "../../components/ui/page.tsx";
import { EmptyState } from "../../components/ui/states.tsx";
import { namedParam, type PageInfo, pagerLinks, pageVariables, type Search } from "../address.ts";
import { load } from "../execute.ts";

export const metadata: Metadata = { title: "Flavors" };

const PLACES = /* GraphQL */ `
  query FlavorPlaces {
    projects(first: 100) {
      nodes {
        name
      }
    }
    pools(first: 100) {
      nodes {
        name
        flavor
        builtIn
      }
    }
  }
`;

const FLAVORS = /* GraphQL */ `
  query Flavors($project: String, $first: SafeInt, $after: String, $last: SafeInt, $before: String) {
    flavors(project: $project, first: $first, after: $after, last: $last, before: $before) {
      nodes {
        project
        name
        pools
        capabilities
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

interface Places {
  projects: { nodes: { name: string }[] };
  pools: { nodes: { name: string; flavor: string | null; builtIn: boolean }[] };
}

export default async function FlavorsPage({ searchParams }: { searchParams: Promise<Search> }) {
  const search = await searchParams;
  const places = await load<Places>(PLACES);
  if (!places.ok) {
    return (
      <>
        <PageHeader title="Flavors" />
        <Failed error={places.error} />
      </>
    );
  }
  const known = places.data.projects.nodes.map(({ name }) => name);
  const project = namedParam(search, "project") ?? known[0] ?? "";
  const choices = places.data.pools.nodes.filter((pool) => !pool.builtIn);
  const loaded = await load<{ flavors: { nodes: Omit<FlavorRow, "choices">[]; pageInfo: PageInfo } }>(FLAVORS, {
    project,
    ...pageVariables(search),
  });
  const projects = known.includes(project) ? known : [...known, project];
  const create = <CreateFlavor project={project} choices={choices} />;
  return (
    <>
      <PageHeader
        title="Flavors"
        description="A flavor is a name for some pools. A queue that names one is placed among them."
        actions={create}
      />
      <Panel flush>
        <FilterBar>
          <FilterSelect
            param="project"
            label="Project"
            value={segment(project)}
            choices={projects.map((name) => ({ value: segment(name), label: projectLabel(name) }))}
          />
        </FilterBar>
        {loaded.ok ? (
          <FlavorTable
            rows={loaded.data.flavors.nodes.map((row) => ({ ...row, choices }))}
            pager={pagerLinks(loaded.data.flavors.pageInfo, search, (page) => paths.flavors({ project, ...page }))}
            empty={
              <EmptyState title={`${projectLabel(project)} has no flavors`} action={create}>
                Without one, a queue lives in any pool that has no flavor.
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
