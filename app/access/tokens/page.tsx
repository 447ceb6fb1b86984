import type { Metadata } from "next";
import { CreateToken, TokenTable } from "../../../components/access/token-table.tsx";
import { Failed } from "../../../components/failed.tsx";
import { textOf } from "../../../components/graphql.ts";
import { PageQuery } from "../../../components/page-query.tsx";
import { paths } from "../../../components/paths.ts";
import { FilterBar, FilterSelect } from "../../../components/ui/filter-bar.tsx";
import { Panel } from "../../../components/ui/page.tsx";
import { EmptyState } from "../../../components/ui/states.tsx";
import { chosen, one, pagerLinks, pageVariables, type Search } from "../../address.ts";
import { load } from "../../execute.ts";
import { TOKENS_PAGE } from "../documents.ts";
import { AccessFrame } from "../frame.tsx";

export const metadata: Metadata = { title: "Tokens" };

/** By their names in addresses. */
const STATES = { active: "ACTIVE", expired: "EXPIRED", revoked: "REVOKED" } as const;
const CHOICES = Object.keys(STATES).map((value) => ({
  value,
  label: value.charAt(0).toUpperCase() + value.slice(1),
}));

export default async function TokensPage({ searchParams }: { searchParams: Promise<Search> }) {
  const search = await searchParams;
  const state = chosen(search, "state", STATES);
  const variables = { state, ...pageVariables(search) };
  const loaded = await load(TOKENS_PAGE, variables);
  return (
    <AccessFrame
      tab="tokens"
      actions={
        <>
          <PageQuery document={textOf(TOKENS_PAGE)} variables={variables} />
          <CreateToken />
        </>
      }
    >
      <Panel flush>
        <FilterBar>
          <FilterSelect param="state" label="State" all="All states" choices={CHOICES} />
        </FilterBar>
        {loaded.ok ? (
          <TokenTable
            rows={loaded.data.tokens.nodes}
            pager={pagerLinks(loaded.data.tokens.pageInfo, search, (page) =>
              paths.access("tokens", { state: one(search, "state"), ...page }),
            )}
            empty={
              <EmptyState title={state === undefined ? "No tokens yet" : "No token is in this state"}>
                A program sends its token with each request. Each has its own, with no more rights than it needs.
              </EmptyState>
            }
          />
        ) : (
          <Failed error={loaded.error} />
        )}
      </Panel>
    </AccessFrame>
  );
}
