import type { Metadata } from "next";
import { Failed } from "../../components/failed.tsx";
import { JOB_FIELDS } from "../../components/jobs/documents.ts";
import { type JobRow, JobTable } from "../../components/jobs/job-table.tsx";
import { paths } from "../../components/paths.ts";
import { FilterBar, FilterSelect } from "../../components/ui/filter-bar.tsx";
import { PageHeader, Panel } from "../../components/ui/page.tsx";
import { EmptyState } from "../../components/ui/states.tsx";
import { one, type PageInfo, pagerLinks, pageVariables, type Search } from "../address.ts";
import { load } from "../execute.ts";

export const metadata: Metadata = { title: "Jobs" };

const JOBS = /* GraphQL */ `
  query Jobs($state: JobState, $first: SafeInt, $after: String, $last: SafeInt, $before: String) {
    jobs(state: $state, first: $first, after: $after, last: $last, before: $before) {
      nodes {${JOB_FIELDS}
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

const STATES = ["waiting", "running", "done", "failed", "cancelled"];

export default async function JobsPage({ searchParams }: { searchParams: Promise<Search> }) {
  const search = await searchParams;
  const state = STATES.find((name) => name === one(search, "state"));
  const loaded = await load<{ jobs: { nodes: JobRow[]; pageInfo: PageInfo } }>(JOBS, {
    state: state?.toUpperCase(),
    ...pageVariables(search),
  });
  return (
    <>
      <PageHeader
        title="Jobs"
        description="Moves of queues and drains of pools. They go on when the process that does them ends. Newest first."
      />
      <Panel flush>
        <FilterBar>
          <FilterSelect
            param="state"
            label="State"
            all="All states"
            choices={STATES.map((name) => ({ value: name, label: name }))}
          />
        </FilterBar>
        {loaded.ok ? (
          <JobTable
            rows={loaded.data.jobs.nodes}
            pager={pagerLinks(loaded.data.jobs.pageInfo, search, (page) => paths.jobs({ state, ...page }))}
            empty={
              <EmptyState title={state === undefined ? "No jobs yet" : `No job is ${state}`}>
                Move a queue from the catalogue, or drain a pool from its page.
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
