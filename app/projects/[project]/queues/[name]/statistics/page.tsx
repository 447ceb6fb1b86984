import type { Metadata } from "next";
import { chosen, isOn, named, type Search } from "@/app/address.ts";
import { load, requestTime } from "@/app/execute.ts";
import { textOf } from "@/components/graphql.ts";
import { HISTORY_RANGES, type HistoryRange, rangeUntil } from "@/components/history-ranges.ts";
import { QueueFrame } from "@/components/queues/queue-frame.tsx";
import { QueueHistoryPanel } from "@/components/queues/queue-history.tsx";
import { QueueStatistics } from "@/components/queues/queue-statistics.tsx";
import { STATISTICS_PAGE } from "../documents.ts";

interface Props {
  params: Promise<{ project: string; name: string }>;
  searchParams: Promise<Search>;
}

export async function generateMetadata({ params }: Pick<Props, "params">): Promise<Metadata> {
  return { title: `${named((await params).name)}: statistics` };
}

export default async function StatisticsPage({ params, searchParams }: Props) {
  const segments = await params;
  const search = await searchParams;
  const range = chosen<HistoryRange>(search, "range", HISTORY_RANGES) ?? HISTORY_RANGES.hour;
  const variables = {
    project: named(segments.project),
    queue: named(segments.name),
    rangeSeconds: range.seconds,
    resolution: range.resolution,
  };
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
        <div className="flex flex-col gap-4">
          <QueueHistoryPanel queue={queue} range={rangeUntil(requestTime(), range)} asTable={isOn(search, "table")} />
          <QueueStatistics
            project={variables.project}
            name={variables.queue}
            queue={queue}
            failure={loaded.ok ? loaded.failures["queue.stats"] : undefined}
          />
        </div>
      ) : null}
    </QueueFrame>
  );
}
