import type { Metadata } from "next";
import { TurnAccessOn } from "../../components/access/access-off.tsx";
import { RoleTable } from "../../components/access/role-table.tsx";
import { PageHeader, Panel } from "../../components/ui/page.tsx";
import { viewerOfRequest } from "../viewer.ts";

export const metadata: Metadata = { title: "Access" };

export default async function AccessPage() {
  const { viewer } = await viewerOfRequest();
  return (
    <>
      <PageHeader title="Access" description="Who may do what: people, the tokens of programs, and roles." />
      <div className="flex flex-col gap-4">
        {viewer?.kind === "LOCAL" ? <TurnAccessOn /> : null}
        <Panel title="What each role may do" flush>
          <RoleTable />
        </Panel>
      </div>
    </>
  );
}
