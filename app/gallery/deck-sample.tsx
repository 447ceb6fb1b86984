import type { StepState } from "../../components/ui/deck/bar-path.ts";
import { Deck } from "../../components/ui/deck/deck.tsx";
import { DeckRow, DeckSection } from "../../components/ui/deck/deck-row.tsx";
import { type DeckEvent, Events } from "../../components/ui/deck/events.tsx";
import { LineSample, SeriesChart } from "../../components/ui/deck/series-chart.tsx";
import { Span } from "../../components/ui/deck/span.tsx";
import { StepMarks } from "../../components/ui/deck/step-marks.tsx";
import { Track } from "../../components/ui/deck/track.tsx";

const STEPS = Array.from({ length: 60 }, (_, step) => step);
const POSTED = STEPS.map((step) => 180 + 9 * Math.sin(step / 3));
const DELETED = STEPS.map((step) => (step < 48 ? 182 : 74) + 6 * Math.cos(step / 2));
const PROBES: StepState[] = STEPS.map((step) =>
  step > 40 ? "danger" : step > 34 ? "warn" : step === 12 ? "none" : "ok",
);

/** A deck with a row of each kind. */
export function DeckSample({ now }: { now: number }) {
  const until = Math.floor(now / 60_000) * 60_000;
  const at = (minutes: number) => new Date(until - minutes * 60_000).toISOString();
  const range = { from: until - 3_600_000, until, stepMs: 60_000 };
  const events: DeckEvent[] = [
    { key: "1", at: at(45), label: "paused", text: "paused by oncall", shape: "bars" },
    { key: "2", at: at(30), label: "moved", text: "moved from eu-2 to eu-1", shape: "play" },
    { key: "3", at: at(29), label: "no room", text: "a label without room", shape: "play" },
    { key: "4", at: at(12), label: "worker-2", text: "worker-2 stopped", shape: "square", ink: "warn" },
  ];
  return (
    <Deck
      label="Sample deck"
      range={range}
      title="A deck"
      fix="right"
      marks={[
        { at: Date.parse(at(45)), until: Date.parse(at(39)), tone: "neutral" },
        { at: Date.parse(at(30)), tone: "neutral" },
        { at: Date.parse(at(12)), tone: "warn" },
      ]}
    >
      <DeckRow height="h-6" left="events">
        <Events range={range} label="Events" events={events} />
      </DeckRow>
      {(
        [
          ["it cannot work", at(23), null, "danger"],
          ["it gets worse, since before the range", at(69), null, "warn"],
          ["since a moment ago", at(3), null, "warn"],
          ["a person decided it", at(46), at(20), "neutral"],
          ["a job", at(30), at(9), "progress"],
        ] as const
      ).map(([name, since, until, tone]) => (
        <DeckRow key={name} height="h-10" left={name} right="a fix">
          <Span range={range} since={since} until={until} tone={tone} />
        </DeckRow>
      ))}
      <DeckSection left="A section" middle="what the plots below show" right="now" />
      <DeckRow height="h-20" left={<LineSample look="solid" />} right="numbers">
        <SeriesChart
          label="Posted and deleted"
          unit="per second"
          excess={[POSTED, DELETED]}
          limit={{ value: 250, label: "limit 250" }}
          series={[
            { label: "posted", values: POSTED, look: "solid", tone: "ready" },
            { label: "deleted", values: DELETED, look: "dotted", tone: "ink" },
          ]}
        />
      </DeckRow>
      <DeckRow left="probes" right="down 19 of 60 min">
        <StepMarks label="Probes: unreachable in 19 of 60 minutes" states={PROBES} />
      </DeckRow>
      <DeckRow left="worker-1" right="72.0/s">
        <Track range={range} label="worker-1, messages a minute" values={POSTED} most={190} />
      </DeckRow>
      <DeckRow left="worker-2" right="0/s">
        <Track
          range={range}
          label="worker-2, messages a minute"
          values={POSTED.map((value, step) => (step < 48 ? value : 0))}
          most={190}
          stoppedAt={at(12)}
        />
      </DeckRow>
    </Deck>
  );
}
