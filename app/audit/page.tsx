import type { Metadata } from "next";
import { AuditTable } from "../../components/audit/audit-table.tsx";
import { Failed } from "../../components/failed.tsx";
import { textOf } from "../../components/graphql.ts";
import { PageQuery } from "../../components/page-query.tsx";
import { paths } from "../../components/paths.ts";
import { FilterBar, SearchBox } from "../../components/ui/filter-bar.tsx";
import { PageHeader, Panel } from "../../components/ui/page.tsx";
import { EmptyState } from "../../components/ui/states.tsx";
import { one, pagerLinks, pageVariables, type Search } from "../address.ts";
import { load } from "../execute.ts";
import { AUDIT_PAGE } from "./documents.ts";

export const metadata: Metadata = { title: "Audit" };

export default async function AuditPage({ searchParams }: { searchParams: Promise<Search> }) {
  const search = await searchParams;
  const actor = one(search, "actor");
  const target = one(search, "target");
  const variables = { actor, target, ...pageVariables(search) };
  const loaded = await load(AUDIT_PAGE, variables);
  return (
    <>
      <PageHeader
        title="Audit"
        description="Changes to queues, pools, flavors and the catalogue, and refused attempts. Newest first."
        actions={<PageQuery document={textOf(AUDIT_PAGE)} variables={variables} />}
      />
      <Panel flush>
        <FilterBar>
          <SearchBox param="actor" label="Filter by actor" placeholder="Actor (exact)" />
          <SearchBox param="target" label="Filter by target" placeholder="Target (exact)" />
        </FilterBar>
        {loaded.ok ? (
          <AuditTable
            rows={loaded.data.auditEntries.nodes}
            pager={pagerLinks(loaded.data.auditEntries.pageInfo, search, (page) =>
              paths.audit({ actor, target, ...page }),
            )}
            empty={
              <EmptyState title={actor === undefined && target === undefined ? "No entries yet" : "No entry matches"}>
                {actor === undefined && target === undefined ? null : "Both names must be exact."}
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
