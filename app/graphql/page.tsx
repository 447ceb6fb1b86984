import type { Metadata } from "next";
import { Explorer } from "../../components/explorer.tsx";
import { PageHeader } from "../../components/ui/page.tsx";

export const metadata: Metadata = { title: "GraphQL" };

export default function GraphqlPage() {
  return (
    <>
      <PageHeader title="GraphQL" description="Ask the API what the dashboard asks it, and more." />
      <Explorer />
    </>
  );
}
