import type { Metadata } from "next";
import { named } from "@/app/address.ts";
import { load } from "@/app/execute.ts";
import { textOf } from "@/components/graphql.ts";
import { QueueFrame } from "@/components/queues/queue-frame.tsx";
import { QueueStatistics } from "@/components/queues/queue-statistics.tsx";
import { STATISTICS_PAGE } from "../documents.ts";

interface Props {
  params: Promise<{ project: string; name: string }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `${named((await params).name)}: statistics` };
}

export default async function StatisticsPage({ params }: Props) {
  const segments = await params;
  const variables = { project: named(segments.project), queue: named(segments.name) };
  const loaded = await load(STATISTICS_PAGE, variables);
  const queue = loaded.ok ? loaded.data.queue : null;
  return (
    <QueueFrame
      project={variables.project}
      name={variables.queue}
      tab="statistics"
      queue={loaded.ok ? { ok: true, data: queue } : loaded}
      graphql={{ document: textOf(STATISTICS_PAGE), variables }}
    >
      {queue ? (
        <QueueStatistics
          project={variables.project}
          name={variables.queue}
          queue={queue}
          failure={loaded.ok ? loaded.failures["queue.stats"] : undefined}
        />
      ) : null}
    </QueueFrame>
  );
}
