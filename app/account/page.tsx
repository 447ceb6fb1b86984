import type { Metadata } from "next";
import { paths } from "../../components/paths.ts";
import { LinkButton } from "../../components/ui/button.tsx";
import { PageHeader, Panel } from "../../components/ui/page.tsx";
import { EmptyState } from "../../components/ui/states.tsx";

export const metadata: Metadata = { title: "Account" };

export default async function AccountPage() {
  return (
    <>
      <PageHeader title="Account" description="Your name, your password, and where you are signed in." />
      <Panel>
        <EmptyState
          title="Nobody signs in here"
          action={<LinkButton href={paths.access()}>Turn access control on</LinkButton>}
        >
          Access control is off, so there are no accounts.
        </EmptyState>
      </Panel>
    </>
  );
}
