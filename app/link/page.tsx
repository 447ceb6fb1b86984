import type { Metadata } from "next";
import { LinkForm } from "../../components/access/link-form.tsx";
import { authFacts } from "../auth-facts.ts";
import { Entry } from "../entry.tsx";

export const metadata: Metadata = { title: "One-time link", referrer: "no-referrer" };

export default async function LinkPage() {
  const { leastPassword } = await authFacts();
  return (
    <Entry title="Choose a password">
      <LinkForm least={leastPassword} />
    </Entry>
  );
}
