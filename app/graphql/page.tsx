import type { Metadata } from "next";
import { Explorer } from "../../components/explorer.tsx";
import { PageHeader } from "../../components/ui/page.tsx";
import { load } from "../execute.ts";
import { EXPLORER_PAGE } from "./documents.ts";

export const metadata: Metadata = { title: "GraphQL" };

export default async function GraphqlPage() {
  const loaded = await load(EXPLORER_PAGE, {});
  return (
    <>
      <PageHeader title="GraphQL" description="Ask the API what the dashboard asks it, and more." />
      {loaded.ok && loaded.data.limits.trustedDocumentsOnly ? (
        <p role="status" className="mb-3 rounded border border-line-strong bg-raised px-3 py-2">
          <span className="font-semibold">Only trusted documents run here</span>: those of the pages, and those that{" "}
          <code className="font-mono text-xs">npm run documents -- add FILE</code> registered. Others are refused, and
          so is the schema that the explorer asks for. <code className="font-mono text-xs">TRUSTED_DOCUMENTS=off</code>{" "}
          changes that.
        </p>
      ) : null}
      <Explorer />
    </>
  );
}
