import type { Metadata } from "next";
import { ExportList } from "../../components/exports/export-list.tsx";
import { Failed } from "../../components/failed.tsx";
import { textOf } from "../../components/graphql.ts";
import { PageQuery } from "../../components/page-query.tsx";
import { paths } from "../../components/paths.ts";
import { PauseButton } from "../../components/pauses/pause-button.tsx";
import { ProjectTable } from "../../components/projects/project-table.tsx";
import { CreateQueue } from "../../components/queues/create-queue.tsx";
import { FilterBar, SearchBox } from "../../components/ui/filter-bar.tsx";
import { PageHeader, Panel } from "../../components/ui/page.tsx";
import { EmptyState } from "../../components/ui/states.tsx";
import { one, pagerLinks, pageVariables, type Search } from "../address.ts";
import { load } from "../execute.ts";
import { PROJECTS_PAGE } from "./documents.ts";

export const metadata: Metadata = { title: "Projects" };

export default async function ProjectsPage({ searchParams }: { searchParams: Promise<Search> }) {
  const search = await searchParams;
  const part = one(search, "search");
  const variables = { search: part, ...pageVariables(search) };
  const loaded = await load(PROJECTS_PAGE, variables, ["pauses"]);
  const pauses = loaded.ok ? (loaded.data.pauses ?? []) : [];
  return (
    <>
      <PageHeader
        title="Projects"
        description="A project exists as soon as it has a queue."
        actions={
          <>
            <PageQuery document={textOf(PROJECTS_PAGE)} variables={variables} />
            <ExportList list="projects" of="projects" variables={variables} />
            {pauses.some(({ scope }) => scope === "EVERYTHING") ? null : <PauseButton target={{}} />}
            <CreateQueue project={null} />
          </>
        }
      />
      <Panel flush>
        <FilterBar>
          <SearchBox param="search" label="Find projects whose names contain" placeholder="Name contains …" />
        </FilterBar>
        {loaded.ok ? (
          <ProjectTable
            rows={loaded.data.projects.nodes.map((project) => ({
              ...project,
              pause: pauses.find(({ scope, project: name }) => scope === "PROJECT" && name === project.name) ?? null,
            }))}
            pager={pagerLinks(loaded.data.projects.pageInfo, search, (page) =>
              paths.projects({ search: part, ...page }),
            )}
            empty={
              part === undefined ? (
                <EmptyState title="No projects yet" action={<CreateQueue project={null} />}>
                  Create a queue, and its project exists.
                </EmptyState>
              ) : (
                <EmptyState title={`No project contains “${part}”`} />
              )
            }
          />
        ) : (
          <Failed error={loaded.error} />
        )}
      </Panel>
    </>
  );
}
