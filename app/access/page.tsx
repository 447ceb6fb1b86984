import type { Metadata } from "next";
import { TurnAccessOn } from "../../components/access/access-off.tsx";
import { CreatePerson, PersonTable } from "../../components/access/person-table.tsx";
import { ReadOnlySwitch } from "../../components/access/read-only-switch.tsx";
import { RoleTable } from "../../components/access/role-table.tsx";
import { Failed } from "../../components/failed.tsx";
import { textOf } from "../../components/graphql.ts";
import { PageQuery } from "../../components/page-query.tsx";
import { paths } from "../../components/paths.ts";
import { Panel } from "../../components/ui/page.tsx";
import { EmptyState } from "../../components/ui/states.tsx";
import { pagerLinks, pageVariables, type Search } from "../address.ts";
import { authFacts } from "../auth-facts.ts";
import { load } from "../execute.ts";
import { viewerOfRequest } from "../viewer.ts";
import { PEOPLE_PAGE } from "./documents.ts";
import { AccessFrame } from "./frame.tsx";

export const metadata: Metadata = { title: "Access" };

export default async function AccessPage({ searchParams }: { searchParams: Promise<Search> }) {
  const search = await searchParams;
  const variables = pageVariables(search);
  const { readOnly } = await viewerOfRequest();
  const { isOff: off } = await authFacts();
  const loaded = await load(PEOPLE_PAGE, variables);
  return (
    <AccessFrame
      tab="people"
      actions={
        <>
          <PageQuery document={textOf(PEOPLE_PAGE)} variables={variables} />
          <CreatePerson />
        </>
      }
    >
      {off ? <TurnAccessOn /> : null}
      <Panel title="People" flush>
        {loaded.ok ? (
          <PersonTable
            rows={loaded.data.people.nodes}
            pager={pagerLinks(loaded.data.people.pageInfo, search, (page) => paths.access("people", page))}
            empty={
              <EmptyState title="Nobody yet">
                {off
                  ? "Who is created here can sign in once accounts are turned on."
                  : "People sign in with a password, or at your identity provider."}
              </EmptyState>
            }
          />
        ) : (
          <Failed error={loaded.error} />
        )}
      </Panel>
      <Panel title="Read-only switch">
        <ReadOnlySwitch readOnly={readOnly} />
      </Panel>
      <Panel title="What each role may do" flush>
        <RoleTable />
      </Panel>
    </AccessFrame>
  );
}
