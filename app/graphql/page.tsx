import type { Metadata } from "next";
import { headers } from "next/headers";
import { Explorer } from "../../components/explorer.tsx";
import { PageHeader } from "../../components/ui/page.tsx";

export const metadata: Metadata = { title: "GraphQL" };

export default async function GraphqlPage() {
  const policy = (await headers()).get("content-security-policy");
  const nonce = policy?.match(/'nonce-([^']+)'/)?.[1];
  return (
    <>
      <PageHeader title="GraphQL" description="Ask the API what the dashboard asks it, and more." />
      <Explorer nonce={nonce} />
    </>
  );
}
