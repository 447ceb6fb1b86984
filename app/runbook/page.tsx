import type { Metadata } from "next";
import { Failed } from "../../components/failed.tsx";
import { textOf } from "../../components/graphql.ts";
import { PageQuery } from "../../components/page-query.tsx";
import { RunbookContents, RunbookSections } from "../../components/problems/runbook.tsx";
import { PageHeader } from "../../components/ui/page.tsx";
import { load } from "../execute.ts";
import { RUNBOOK_PAGE } from "./documents.ts";

export const metadata: Metadata = { title: "Runbook" };

export default async function RunbookPage() {
  const loaded = await load(RUNBOOK_PAGE, {}, ["problemSummary"]);
  if (!loaded.ok) {
    return (
      <>
        <PageHeader title="Runbook" />
        <Failed error={loaded.error} />
      </>
    );
  }
  const runbook = loaded.data.runbook ?? [];
  const groups = loaded.data.problemSummary ?? [];
  return (
    <>
      <PageHeader
        title="Runbook"
        description="When each kind of problem is found, when it ends, and what to do."
        actions={<PageQuery document={textOf(RUNBOOK_PAGE)} />}
      />
      <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-[14rem_minmax(0,48rem)]">
        <RunbookContents sections={runbook} groups={groups} />
        <div className="flex flex-col gap-4">
          <RunbookSections sections={runbook} groups={groups} />
        </div>
      </div>
    </>
  );
}
