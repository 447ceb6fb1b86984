import type { Metadata } from "next";
import { ExportList } from "../../components/exports/export-list.tsx";
import { Failed } from "../../components/failed.tsx";
import { textOf } from "../../components/graphql.ts";
import { JOB_STATES } from "../../components/jobs/job-states.ts";
import { JobTable } from "../../components/jobs/job-table.tsx";
import { PageQuery } from "../../components/page-query.tsx";
import { paths } from "../../components/paths.ts";
import { FilterBar, FilterSelect } from "../../components/ui/filter-bar.tsx";
import { PageHeader, Panel } from "../../components/ui/page.tsx";
import { EmptyState } from "../../components/ui/states.tsx";
import { one, pagerLinks, pageVariables, type Search } from "../address.ts";
import { load } from "../execute.ts";
import { JOBS_PAGE } from "./documents.ts";

export const metadata: Metadata = { title: "Jobs" };

/** The address has them in lower case. */
const STATES = ["WAITING", "RUNNING", "DONE", "FAILED", "CANCELLED"] as const;

export default async function JobsPage({ searchParams }: { searchParams: Promise<Search> }) {
  const search = await searchParams;
  const state = STATES.find((name) => name.toLowerCase() === one(search, "state"));
  const variables = { state, ...pageVariables(search) };
  const loaded = await load(JOBS_PAGE, variables);
  return (
    <>
      <PageHeader
        title="Jobs"
        description="Long actions: moves, drains, and what is done to many messages. If a process stops, another one goes on. Newest first."
        actions={
          <>
            <PageQuery document={textOf(JOBS_PAGE)} variables={variables} />
            <ExportList list="jobs" of="jobs" variables={variables} />
          </>
        }
      />
      <Panel flush>
        <FilterBar>
          <FilterSelect
            param="state"
            label="State"
            all="All states"
            choices={STATES.map((name) => ({ value: name.toLowerCase(), label: JOB_STATES[name].label }))}
          />
        </FilterBar>
        {loaded.ok ? (
          <JobTable
            rows={loaded.data.jobs.nodes}
            pager={pagerLinks(loaded.data.jobs.pageInfo, search, (page) =>
              paths.jobs({ state: state?.toLowerCase(), ...page }),
            )}
            empty={
              <EmptyState title={state === undefined ? "No jobs yet" : `No job is ${state.toLowerCase()}`}>
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
