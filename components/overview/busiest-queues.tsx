import { paths } from "../paths.ts";
import { projectLabel } from "../projects/project-name.tsx";
import { alignedTo } from "../ui/deck/align.ts";
import { DeckRow, DeckSection } from "../ui/deck/deck-row.tsx";
import { SeriesChart } from "../ui/deck/series-chart.tsx";
import type { TimeRange } from "../ui/deck/time-range.ts";
import { formatRate } from "../ui/deck/values.ts";
import { formatCount } from "../ui/format.ts";
import { Link } from "../ui/link.tsx";
import { NameLink } from "../ui/name-link.tsx";
import { Age } from "../ui/time.tsx";
import type { BusyQueue } from "./fragments.ts";

const COLUMNS =
  "grid min-w-0 flex-1 grid-cols-[minmax(0,1fr)_4.5rem] items-baseline gap-x-2 lg:grid-cols-[minmax(0,1fr)_4rem_4rem_4.5rem]";

/** The queues with the most messages a second, at their last samples. */
export function BusiestQueues({ queues, range }: { queues: readonly BusyQueue[]; range: TimeRange }) {
  return (
    <>
      <DeckSection
        left={
          <span className={COLUMNS}>
            <span>Busiest queues</span>
            <span className="text-right text-xs font-normal text-muted max-lg:hidden">in /s</span>
            <span className="text-right text-xs font-normal text-muted max-lg:hidden">out /s</span>
            <span className="text-right text-xs font-normal text-muted">ready</span>
          </span>
        }
        middle="ready messages, each row on its own scale"
        right="oldest ready"
      />
      {queues.length === 0 ? <DeckRow left={<span className="text-muted">None is used now.</span>} /> : null}
      {queues.map((queue) => (
        <QueueRow key={JSON.stringify([queue.project, queue.name])} queue={queue} range={range} />
      ))}
      <DeckRow
        left={
          <Link href={paths.queues(null, { sort: "-rate" })} className="text-xs text-accent hover:underline">
            All queues by rate
          </Link>
        }
      />
    </>
  );
}

function QueueRow({ queue: { project, name, sample, history }, range }: { queue: BusyQueue; range: TimeRange }) {
  return (
    <DeckRow
      left={
        <span className={COLUMNS}>
          <span className="flex min-w-0 items-baseline gap-2">
            <span className="truncate">
              <NameLink href={paths.queue(project, name)}>{name}</NameLink>
            </span>
            <span className="min-w-8 flex-1 truncate text-xs text-muted">{projectLabel(project)}</span>
          </span>
          <span className="text-right max-lg:hidden">{formatRate(sample?.rates?.posted ?? null)}</span>
          <span className="text-right max-lg:hidden">{formatRate(sample?.rates?.deleted ?? null)}</span>
          <span className="text-right font-semibold">
            {sample ? formatCount(sample.ready, sample.exact ? "exact" : "about") : "—"}
          </span>
        </span>
      }
      right={
        sample?.oldestReadyAt ? <Age since={sample.oldestReadyAt} coarse /> : <span className="text-muted">none</span>
      }
    >
      <SeriesChart
        label={`Ready messages of ${name}`}
        unit="messages"
        scale={false}
        series={[{ label: "ready", values: alignedTo(range, history, "READY"), look: "area", tone: "ready" }]}
      />
    </DeckRow>
  );
}
