import type { Metadata } from "next";
import { LinkForm } from "../../components/access/link-form.tsx";
import { Panel } from "../../components/ui/page.tsx";
import { authFacts } from "../auth-facts.ts";

export const metadata: Metadata = { title: "One-time link", referrer: "no-referrer" };

export default async function LinkPage() {
  const { leastPassword } = await authFacts();
  return (
    <Panel>
      <h1 className="mb-4 text-lg leading-6 font-semibold tracking-tight">Choose a password</h1>
      <LinkForm least={leastPassword} />
    </Panel>
  );
}
