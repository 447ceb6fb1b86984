import type { Metadata } from "next";
import { ExportList } from "../../components/exports/export-list.tsx";
import { Failed } from "../../components/failed.tsx";
import { CreateFlavor, FlavorTable } from "../../components/flavors/flavor-table.tsx";
import { textOf } from "../../components/graphql.ts";
import { PageQuery } from "../../components/page-query.tsx";
import { paths, segment } from "../../components/paths.ts";
import { projectLabel } from "../../components/projects/project-name.tsx";
import { FilterBar, FilterSelect } from "../../components/ui/filter-bar.tsx";
import { PageHeader, Panel } from "../../components/ui/page.tsx";
import { EmptyState } from "../../components/ui/states.tsx";
import { namedParam, pagerLinks, pageVariables, type Search } from "../address.ts";
import { load } from "../execute.ts";
import { FLAVORS_PAGE } from "./documents.ts";

export const metadata: Metadata = { title: "Flavors" };

export default async function FlavorsPage({ searchParams }: { searchParams: Promise<Search> }) {
  const search = await searchParams;
  const project = namedParam(search, "project");
  const scope = project === undefined ? { allProjects: true } : { project };
  const variables = { ...scope, ...pageVariables(search) };
  const loaded = await load(FLAVORS_PAGE, variables);
  if (!loaded.ok) {
    return (
      <>
        <PageHeader title="Flavors" />
        <Failed error={loaded.error} />
      </>
    );
  }
  const { flavors, pools, projects: named } = loaded.data;
  const known = named.nodes.map(({ name }) => name);
  const choices = pools.nodes.filter(({ builtIn }) => !builtIn);
  const projects = project === undefined || known.includes(project) ? known : [...known, project];
  const create = <CreateFlavor project={project ?? known[0] ?? ""} choices={choices} />;
  return (
    <>
      <PageHeader
        title="Flavors"
        description="A flavor names some pools. A queue that asks for it is placed in one of them."
        actions={
          <>
            <PageQuery document={textOf(FLAVORS_PAGE)} variables={variables} />
            <ExportList list="flavors" of="flavors" variables={variables} />
            {create}
          </>
        }
      />
      <Panel flush>
        <FilterBar>
          <FilterSelect
            param="project"
            label="Project"
            all="All projects"
            choices={projects.map((name) => ({ value: segment(name), label: projectLabel(name) }))}
          />
        </FilterBar>
        <FlavorTable
          rows={flavors.nodes.map((row) => ({ ...row, choices }))}
          pager={pagerLinks(flavors.pageInfo, search, (page) => paths.flavors({ project, ...page }))}
          empty={
            <EmptyState
              title={project === undefined ? "No flavors" : `${projectLabel(project)} has no flavors`}
              action={create}
            >
              A queue without a flavor is placed in a pool without a flavor.
            </EmptyState>
          }
        />
      </Panel>
    </>
  );
}
