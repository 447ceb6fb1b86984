import type { Metadata } from "next";
import { named, type Search } from "@/app/address.ts";
import { QueueList } from "@/app/queues/queue-list.tsx";
import { projectLabel } from "@/components/projects/project-name.tsx";

interface Props {
  params: Promise<{ project: string }>;
  searchParams: Promise<Search>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `Queues of ${projectLabel(named((await params).project))}` };
}

export default async function ProjectQueuesPage({ params, searchParams }: Props) {
  return <QueueList project={named((await params).project)} search={await searchParams} />;
}
