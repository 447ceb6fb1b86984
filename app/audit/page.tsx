import type { Metadata } from "next";
import { type AuditRow, AuditTable } from "../../components/audit-table.tsx";
import { Failed } from "../../components/failed.tsx";
import { paths } from "../../components/paths.ts";
import { FilterBar, SearchBox } from "../../components/ui/filter-bar.tsx";
import { PageHeader, Panel } from "../../components/ui/page.tsx";
import { EmptyState } from "../../components/ui/states.tsx";
import { one, type PageInfo, pagerLinks, pageVariables, type Search } from "../address.ts";
import { load } from "../execute.ts";

export const metadata: Metadata = { title: "Audit" };

const AUDIT = /* GraphQL */ `
  query Audit($actor: String, $first: SafeInt, $after: String, $last: SafeInt, $before: String) {
    auditEntries(actor: $actor, first: $first, after: $after, last: $last, before: $before) {
      nodes {
        id
        at
        actor
        action
        project
        target
        outcome
        detailsText
        requestId
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

export default async function AuditPage({ searchParams }: { searchParams: Promise<Search> }) {
  const search = await searchParams;
  const actor = one(search, "actor");
  const loaded = await load<{ auditEntries: { nodes: AuditRow[]; pageInfo: PageInfo } }>(AUDIT, {
    actor,
    ...pageVariables(search),
  });
  return (
    <>
      <PageHeader
        title="Audit"
        description="Every change to queues, pools, flavors and the catalogue, refusals too. Newest first."
      />
      <Panel flush>
        <FilterBar>
          <SearchBox param="actor" label="Who, exactly" placeholder="Who, exactly as written" />
        </FilterBar>
        {loaded.ok ? (
          <AuditTable
            rows={loaded.data.auditEntries.nodes}
            pager={pagerLinks(loaded.data.auditEntries.pageInfo, search, (page) => paths.audit({ actor, ...page }))}
            empty={<EmptyState title={actor === undefined ? "Nothing was changed yet" : `Nothing by “${actor}”`} />}
          />
        ) : (
          <Failed error={loaded.error} />
        )}
      </Panel>
    </>
  );
}
