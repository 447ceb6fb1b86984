import type { Metadata } from "next";
import { named, type Search } from "@/app/address.ts";
import { Act } from "@/app/queues/act/act.tsx";

interface Props {
  params: Promise<{ project: string; name: string }>;
  searchParams: Promise<Search>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `${named((await params).name)}: act` };
}

export default async function ActOnQueuePage({ params, searchParams }: Props) {
  const { project, name } = await params;
  return <Act scope={{ kind: "queue", project: named(project), name: named(name) }} search={await searchParams} />;
}
