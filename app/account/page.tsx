import type { Metadata } from "next";
import { EditName } from "../../components/access/edit-name.tsx";
import { EndOtherSessions } from "../../components/access/end-other-sessions.tsx";
import { PasswordForm } from "../../components/access/password-form.tsx";
import { SessionTable } from "../../components/access/session-table.tsx";
import { SignOut } from "../../components/access/sign-out.tsx";
import { grantsText } from "../../components/access/words.ts";
import { Failed } from "../../components/failed.tsx";
import { textOf } from "../../components/graphql.ts";
import { PageQuery } from "../../components/page-query.tsx";
import { paths } from "../../components/paths.ts";
import { LinkButton } from "../../components/ui/button.tsx";
import { Facts, PageHeader, Panel } from "../../components/ui/page.tsx";
import { EmptyState } from "../../components/ui/states.tsx";
import { authFacts } from "../auth-facts.ts";
import { load } from "../execute.ts";
import { ACCOUNT_PAGE } from "./documents.ts";

export const metadata: Metadata = { title: "Account" };

export default async function AccountPage() {
  const [loaded, { leastPassword }] = [await load(ACCOUNT_PAGE, {}), await authFacts()];
  const person = loaded.ok ? loaded.data.viewer.person : null;
  const query = <PageQuery document={textOf(ACCOUNT_PAGE)} />;
  return (
    <>
      <PageHeader
        title="Account"
        description="Your name, your password, and where you are signed in."
        actions={
          <>
            {query}
            {person === null ? null : <SignOut />}
          </>
        }
      />
      {!loaded.ok ? (
        <Failed error={loaded.error} />
      ) : person === null ? (
        <Panel>
          <EmptyState
            title="Nobody signs in here"
            action={<LinkButton href={paths.access()}>Turn access control on</LinkButton>}
          >
            Access control is off, so there are no accounts.
          </EmptyState>
        </Panel>
      ) : (
        <div className="flex flex-col gap-4">
          <Panel title="You" actions={<EditName id={person.id} name={person.name} />}>
            <Facts
              items={[
                { label: "Name", value: person.name },
                { label: "E-mail address", value: person.email },
                { label: "Roles", value: grantsText(person.grants) },
              ]}
            />
          </Panel>
          <Panel title="Sessions" flush actions={<EndOtherSessions personId={person.id} sessions={person.sessions} />}>
            <SessionTable rows={person.sessions} />
          </Panel>
          {person.signInMethods.includes("PASSWORD") ? (
            <Panel title="Password">
              <PasswordForm email={person.email} least={leastPassword} />
            </Panel>
          ) : null}
        </div>
      )}
    </>
  );
}
