import type { Metadata } from "next";
import { Failed } from "../../components/failed.tsx";
import { paths } from "../../components/paths.ts";
import { type ProjectRow, ProjectTable } from "../../components/projects.tsx";
import { CreateQueue } from "../../components/queues/create-queue.tsx";
import { FilterBar, SearchBox } from "../../components/ui/filter-bar.tsx";
import { PageHeader, Panel } from "../../components/ui/page.tsx";
import { EmptyState } from "../../components/ui/states.tsx";
import { one, type PageInfo, pagerLinks, pageVariables, type Search } from "../address.ts";
import { load } from "../execute.ts";

export const metadata: Metadata = { title: "Projects" };

const PROJECTS = /* GraphQL */ `
  query Projects($search: String, $first: SafeInt, $after: String, $last: SafeInt, $before: String) {
    projects(search: $search, first: $first, after: $after, last: $last, before: $before) {
      nodes {
        name
        queueCount {
          value
          exact
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

export default async function ProjectsPage({ searchParams }: { searchParams: Promise<Search> }) {
  const search = await searchParams;
  const part = one(search, "search");
  const loaded = await load<{ projects: { nodes: ProjectRow[]; pageInfo: PageInfo } }>(PROJECTS, {
    search: part,
    ...pageVariables(search),
  });
  return (
    <>
      <PageHeader
        title="Projects"
        description="A project is there as soon as it has a queue."
        actions={<CreateQueue project={null} />}
      />
      <Panel flush>
        <FilterBar>
          <SearchBox param="search" label="Find projects whose names contain" placeholder="Name contains …" />
        </FilterBar>
        {loaded.ok ? (
          <ProjectTable
            rows={loaded.data.projects.nodes}
            pager={pagerLinks(loaded.data.projects.pageInfo, search, (page) =>
              paths.projects({ search: part, ...page }),
            )}
            empty={
              part === undefined ? (
                <EmptyState title="No projects yet" action={<CreateQueue project={null} />}>
                  Make a queue, and its project is there.
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
