import type { Metadata } from "next";
import { redirect } from "next/navigation";
import { safeNext } from "../../components/access/next-address.ts";
import { SignInForm } from "../../components/access/sign-in-form.tsx";
import { one, type Search } from "../address.ts";
import { authFacts } from "../auth-facts.ts";
import { Entry } from "../entry.tsx";
import { viewerOfRequest } from "../viewer.ts";

export const metadata: Metadata = { title: "Sign in" };

export default async function SignInPage({ searchParams }: { searchParams: Promise<Search> }) {
  const search = await searchParams;
  const next = one(search, "next");
  const { provider } = await authFacts();
  // Whoever is signed in already, or need not sign in, goes on.
  if ((await viewerOfRequest()).viewer !== null) redirect(safeNext(next));
  return (
    <Entry title="Sign in">
      <SignInForm provider={provider} next={next} problem={one(search, "error") ?? null} />
    </Entry>
  );
}
