import type { ReactNode } from "react";
import { MESSAGE_STATES } from "../messages/message-state.tsx";
import { alignedTo } from "../ui/deck/align.ts";
import { DeckRow, KeyNumber } from "../ui/deck/deck-row.tsx";
import { LineSample, SeriesChart } from "../ui/deck/series-chart.tsx";
import type { TimeRange } from "../ui/deck/time-range.ts";
import { formatValue, type Values } from "../ui/deck/values.ts";
import { formatCount } from "../ui/format.ts";
import { Glyph } from "../ui/glyph.tsx";
import { Age } from "../ui/time.tsx";
import type { QueueDepthFacts, QueueFrameFacts } from "./fragments.ts";

/** How full a queue was, and how fast it filled and drained: two rows of a deck. */
export function DepthRows({
  queue: { sample, history },
  range,
  stats = null,
}: {
  queue: QueueDepthFacts;
  range: TimeRange;
  /** The counts now, so that no two on a page differ. Null: those of the sample are shown. */
  stats?: QueueFrameFacts["stats"];
}) {
  if (sample === null || history === null) return null;
  const counts = stats ?? sample;
  const [posted, delivered, deleted] = ["POSTED_RATE", "DELIVERED_RATE", "DELETED_RATE"].map((metric) =>
    alignedTo(range, history, metric),
  ) as [Values, Values, Values];
  const { rates } = sample;
  const net = rates && rates.posted - rates.deleted - rates.expired - rates.deadLettered - rates.moved;
  return (
    <>
      <DeckRow
        height="h-20"
        left={
          <div className="flex min-w-0 flex-1 flex-col justify-center gap-0.5 py-2">
            <KeyNumber value={formatCount(counts.ready, counts.exact ? "exact" : "about")}>
              <Glyph {...MESSAGE_STATES.ready} />
              ready
            </KeyNumber>
            <div className="flex flex-wrap gap-x-3 text-xs text-ink-2">
              {(["claimed", "delayed", "exhausted"] as const).map((state) => (
                <span key={state} title={`${state} messages`} className="inline-flex items-center gap-1">
                  <Glyph {...MESSAGE_STATES[state]} />
                  {formatCount(counts[state])}
                  <span className="sr-only"> {state}</span>
                </span>
              ))}
            </div>
          </div>
        }
        right={
          <Now label="oldest ready">
            {counts.ready === 0 ? (
              "none"
            ) : sample.oldestReadyAt === null ? (
              "—"
            ) : (
              <Age since={sample.oldestReadyAt} coarse />
            )}
          </Now>
        }
      >
        <SeriesChart
          label="Ready messages over time"
          unit="messages"
          series={[{ label: "ready", values: alignedTo(range, history, "READY"), look: "area", tone: "ready" }]}
        />
      </DeckRow>
      <DeckRow
        height="h-20"
        left={
          <div className="flex min-w-0 flex-1 flex-wrap gap-x-4 gap-y-1 py-2">
            {(
              [
                ["posted", "solid"],
                ["delivered", "dashed"],
                ["deleted", "dotted"],
              ] as const
            ).map(([name, look]) => (
              <KeyNumber key={name} value={formatValue(rates?.[name] ?? null, "per second")}>
                <LineSample look={look} />
                {name}
              </KeyNumber>
            ))}
          </div>
        }
        right={
          <Now label="net">{net === null ? "—" : `${net > 0.05 ? "+" : ""}${formatValue(net, "per second")}`}</Now>
        }
      >
        <SeriesChart
          label="Messages posted, delivered and deleted a second, over time"
          unit="per second"
          excess={[posted, deleted]}
          series={[
            { label: "posted", values: posted, look: "solid", tone: "ready" },
            { label: "delivered", values: delivered, look: "dashed", tone: "claimed" },
            { label: "deleted", values: deleted, look: "dotted", tone: "ink" },
          ]}
        />
      </DeckRow>
    </>
  );
}

function Now({ label, children }: { label: string; children: ReactNode }) {
  return (
    <span className="flex flex-col items-end">
      <span className="text-xs text-muted">{label}</span>
      <span className="font-semibold">{children}</span>
    </span>
  );
}
