import type { Metadata } from "next";
import type { Search } from "../address.ts";
import { QueueList } from "./queue-list.tsx";

export const metadata: Metadata = { title: "Queues" };

export default async function QueuesPage({ searchParams }: { searchParams: Promise<Search> }) {
  return <QueueList project={null} search={await searchParams} />;
}
