import type { Metadata } from "next";
import { AuditTable } from "../../components/audit/audit-table.tsx";
import { OUTCOMES } from "../../components/audit/outcomes.ts";
import { ExportList } from "../../components/exports/export-list.tsx";
import { Failed } from "../../components/failed.tsx";
import { textOf } from "../../components/graphql.ts";
import { PageQuery } from "../../components/page-query.tsx";
import { paths } from "../../components/paths.ts";
import { projectLabel } from "../../components/projects/project-name.tsx";
import { FilterBar, FilterSelect, SearchBox } from "../../components/ui/filter-bar.tsx";
import { FilterTime } from "../../components/ui/filter-time.tsx";
import { PageHeader, Panel } from "../../components/ui/page.tsx";
import { EmptyState } from "../../components/ui/states.tsx";
import { namedParam, one, pagerLinks, pageVariables, type Search } from "../address.ts";
import { load } from "../execute.ts";
import { AUDIT_PAGE } from "./documents.ts";

export const metadata: Metadata = { title: "Audit" };

/** The address has them in lower case. */
const STATES = ["DONE", "INTENDED", "REFUSED", "FAILED"] as const;

export default async function AuditPage({ searchParams }: { searchParams: Promise<Search> }) {
  const search = await searchParams;
  const outcome = STATES.find((name) => name.toLowerCase() === one(search, "outcome"));
  const filter = {
    project: namedParam(search, "project"),
    actor: one(search, "actor"),
    action: one(search, "action"),
    target: one(search, "target"),
    outcome,
    requestId: one(search, "request"),
    from: moment(search, "from"),
    to: moment(search, "to"),
  };
  const isFiltered = Object.values(filter).some((condition) => condition !== undefined);
  const variables = { ...filter, ...pageVariables(search) };
  const loaded = await load(AUDIT_PAGE, variables);
  const { requestId, ...rest } = filter;
  const link = (page: { after?: string; before?: string }) =>
    paths.audit({ ...rest, outcome: outcome?.toLowerCase(), request: requestId, ...page });
  return (
    <>
      <PageHeader
        title="Audit"
        crumbs={
          filter.project === undefined
            ? []
            : [{ label: projectLabel(filter.project), href: paths.queues(filter.project) }]
        }
        description="Administrative changes, what people do on these pages, and refusals. Newest first."
        actions={
          <>
            <PageQuery document={textOf(AUDIT_PAGE)} variables={variables} />
            <ExportList list="audit" of="entries" variables={filter} />
          </>
        }
      />
      <Panel flush>
        <FilterBar>
          <SearchBox short param="actor" label="Filter by actor" placeholder="Actor (exact)" />
          <SearchBox short param="action" label="Filter by action" placeholder="Action (exact)" />
          <SearchBox short param="target" label="Filter by target" placeholder="Target (exact)" />
          <SearchBox short param="request" label="Filter by request" placeholder="Request id" />
          <FilterSelect
            param="outcome"
            label="Outcome"
            all="Any"
            choices={STATES.map((name) => ({ value: name.toLowerCase(), label: OUTCOMES[name].label }))}
          />
          <FilterTime param="from" label="From" />
          <FilterTime param="to" label="Until" />
        </FilterBar>
        {loaded.ok ? (
          <AuditTable
            rows={loaded.data.auditEntries.nodes}
            pager={pagerLinks(loaded.data.auditEntries.pageInfo, search, link)}
            empty={
              <EmptyState title={isFiltered ? "No entry matches" : "No entries yet"}>
                {isFiltered ? "Names must be exact." : null}
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

/** A time in ISO 8601; what is none counts as left out. */
function moment(search: Search, name: string): string | undefined {
  const at = Date.parse(one(search, name) ?? "");
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}
