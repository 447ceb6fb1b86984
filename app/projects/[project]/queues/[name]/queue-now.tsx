import { chosen, type Search } from "@/app/address.ts";
import { load, requestTime } from "@/app/execute.ts";
import { AlsoAsked } from "@/components/also-asked.tsx";
import { textOf } from "@/components/graphql.ts";
import { HISTORY_RANGES, type HistoryRange, rangeUntil } from "@/components/history-ranges.ts";
import { ExplainQueue } from "@/components/queues/explain-queue.tsx";
import type { QueueFrameFacts } from "@/components/queues/fragments.ts";
import { QueueDeck } from "@/components/queues/queue-deck.tsx";
import { SegmentLinks } from "@/components/ui/segments.tsx";
import { QUEUE_NOW } from "./documents.ts";

/** What stands above a queue's messages: why they wait, and the last hour or longer. */
export async function loadQueueNow(project: string, queue: string, search: Search) {
  const range = chosen<HistoryRange>(search, "range", HISTORY_RANGES) ?? HISTORY_RANGES.hour;
  const { seconds: rangeSeconds, resolution } = range;
  const variables = { project, queue, rangeSeconds, resolution };
  const loaded = await load(QUEUE_NOW, variables, ["queue", "auditEntries"]);
  return { project, queue, variables, range, data: loaded.ok ? loaded.data : null };
}

/** Nothing of what cannot be read: the page says why by itself. */
export function QueueNow({
  project,
  queue: name,
  variables,
  range,
  data,
  stats,
  first,
}: Awaited<ReturnType<typeof loadQueueNow>> & {
  /** The counts that stand above every tab. */
  stats: QueueFrameFacts["stats"];
  /** The first thing to do on the page is to fix why messages wait. */
  first: boolean;
}) {
  const queue = data?.queue ?? null;
  if (queue === null) return null;
  const pool = queue.catalogueEntry?.poolName ?? null;
  return (
    <div className="mb-3 flex flex-col gap-3">
      <AlsoAsked name="Why messages wait, and the time" document={textOf(QUEUE_NOW)} variables={variables} />
      {queue.explanation === null ? null : (
        <ExplainQueue project={project} name={name} pool={pool} explanation={queue.explanation} first={first} />
      )}
      {queue.sample === null ? null : (
        <QueueDeck
          project={project}
          name={name}
          queue={queue}
          stats={stats}
          consumers={queue.consumers?.nodes ?? []}
          more={queue.consumers?.pageInfo.hasNextPage ?? false}
          events={data?.auditEntries?.nodes ?? []}
          range={rangeUntil(requestTime(), range)}
          chosen={range}
        />
      )}
    </div>
  );
}

/** Chooses the time of the deck. The list and the open message stay. */
export function QueueRange({ range, hrefOf }: { range: HistoryRange; hrefOf: (range: string) => string }) {
  return (
    <SegmentLinks
      label="Time"
      segments={Object.entries(HISTORY_RANGES).map(([key, choice]) => ({
        label: choice.label,
        href: hrefOf(key === "hour" ? "" : key),
        current: choice === range,
      }))}
    />
  );
}
