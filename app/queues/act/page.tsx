import type { Metadata } from "next";
import { one, type Search } from "@/app/address.ts";
import { readScope } from "@/components/acting/choices.ts";
import { Act, ActAgain } from "./act.tsx";

export const metadata: Metadata = { title: "Act on queues" };

export default async function ActOnQueuesPage({ searchParams }: { searchParams: Promise<Search> }) {
  const search = await searchParams;
  const again = one(search, "again");
  if (again !== undefined) return <ActAgain job={again} />;
  return <Act scope={readScope((name) => one(search, name) ?? null)} search={search} />;
}
