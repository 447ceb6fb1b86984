"use client";

import { Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { InState, MESSAGE_STATES } from "../../components/messages/message-state.tsx";
import { Badge, type Tone } from "../../components/ui/badge.tsx";
import { Button, type ButtonKind } from "../../components/ui/button.tsx";
import { EnvironmentBadge } from "../../components/ui/environment-badge.tsx";
import { Glyph, type Ink, type Shape } from "../../components/ui/glyph.tsx";
import { JsonViewer } from "../../components/ui/json-viewer.tsx";
import { Kbd } from "../../components/ui/kbd.tsx";
import { LineChart } from "../../components/ui/line-chart.tsx";
import { Facts, Panel } from "../../components/ui/page.tsx";
import { Progress } from "../../components/ui/progress.tsx";
import { ShareBar, StatTile, StatTiles } from "../../components/ui/stat.tsx";
import { StateStrip } from "../../components/ui/state-strip.tsx";
import { EmptyState, ErrorState, NotFoundState, PageSkeleton } from "../../components/ui/states.tsx";
import { column, DataTable } from "../../components/ui/table.tsx";
import { Age, Ago, Instant, LeaseBar, TimeLeft } from "../../components/ui/time.tsx";
import { toastDone, toastFailed } from "../../components/ui/toast.ts";
import { DeckSample } from "./deck-sample.tsx";

const SHAPES: Shape[] = [
  ...(["octagon", "triangle", "bars", "disc", "half disc"] as const),
  ...(["clock", "cross", "square", "play", "check"] as const),
];
const INKS: Ink[] = ["danger", "warn", "ok", "ready", "claimed", "delayed", "neutral"];
const TONES: Tone[] = ["neutral", "running", "ok", "warn", "danger", "stopped"];
const KINDS: ButtonKind[] = ["primary", "plain", "ghost", "danger"];
const STATES = Object.keys(MESSAGE_STATES) as (keyof typeof MESSAGE_STATES)[];
const COLORS = ["red", "amber", "green", "blue", "violet", "gray"];

interface Row {
  name: string;
  count: number;
}

const COLUMNS = [
  column<Row>("name", "Name", (row) => row.name, { grow: true }),
  column<Row>("count", "Count", (row) => row.count, { align: "right" }),
  column<Row>("wide", "Hidden on narrow screens", () => "…", { wide: true }),
  column<Row>("below", "Below on narrow screens", () => "…", { wide: "below" }),
  column<Row>("actions", "", (row) => (
    <Button kind="ghost" size="small" label={`Delete ${row.name}`}>
      <Trash2 aria-hidden />
    </Button>
  )),
];
const ROWS: Row[] = [
  { name: "orders", count: 84_120 },
  { name: `a-name-that-is-too-long-for-one-line-${"x".repeat(80)}`, count: 0 },
];
const WAVE = Array.from({ length: 60 }, (_, step) => (step === 20 ? null : 40 + 30 * Math.sin(step / 6)));

/** `now`: the server's clock, in milliseconds, so that server and browser render the same. */
export function Gallery({ now }: { now: number }) {
  const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString();
  return (
    <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-2">
      <Panel title="Glyphs">
        {SHAPES.map((shape) => (
          <Line key={shape} name={shape}>
            {INKS.map((ink) => (
              <Glyph key={ink} shape={shape} ink={ink} />
            ))}
          </Line>
        ))}
      </Panel>
      <Panel title="States">
        <Line name="badges">
          {TONES.map((tone) => (
            <Badge key={tone} tone={tone}>
              {tone}
            </Badge>
          ))}
        </Line>
        <Line name="messages">
          {STATES.map((state) => (
            <InState key={state} state={state}>
              {state}
            </InState>
          ))}
        </Line>
        <Line name="environments">
          {COLORS.map((color) => (
            <EnvironmentBadge key={color} environment={{ name: color.toUpperCase(), color }} />
          ))}
        </Line>
        <Line name="keys">
          <Kbd>Ctrl K</Kbd>
        </Line>
      </Panel>
      <Panel title="Buttons">
        {KINDS.map((kind) => (
          <Line key={kind} name={kind}>
            <Button kind={kind}>Normal</Button>
            <Button kind={kind} size="small">
              Small
            </Button>
            <Button kind={kind} disabledReason="This is the reason.">
              Disabled
            </Button>
            <Button kind={kind} pending>
              Pending
            </Button>
            <Button kind={kind} label="Delete">
              <Trash2 aria-hidden />
            </Button>
          </Line>
        ))}
        <Line name="toasts">
          <Button onClick={() => toastDone("It is done.")}>Done</Button>
          <Button onClick={() => toastFailed("It failed.", "Try again.")}>Failed</Button>
        </Line>
      </Panel>
      <Panel title="Times">
        <Facts
          items={[
            { label: "Ago", value: <Ago at={ago(4000)} /> },
            { label: "Age", value: <Age since={ago(93_784)} /> },
            { label: "Time left", value: <TimeLeft until={ago(-75)} /> },
            { label: "Over", value: <TimeLeft until={ago(75)} /> },
            { label: "Lease", value: <LeaseBar from={ago(60)} until={ago(-240)} /> },
            { label: "Lease, soon over", value: <LeaseBar from={ago(290)} until={ago(-10)} /> },
            { label: "Instant", value: <Instant at={ago(0)} /> },
          ]}
        />
      </Panel>
      <Panel title="Numbers">
        <StatTiles>
          <StatTile label="Neutral" value="84,120" note="a note" />
          <StatTile label="Warning" value="1 h 09 min" tone="warn" />
          <StatTile label="Danger" value="412" tone="danger" href="/gallery" />
        </StatTiles>
        <div className="mt-3 flex flex-col gap-3">
          <ShareBar
            label="Messages by state"
            shares={STATES.map((state, index) => ({ label: state, value: 40 - index * 9, look: state }))}
          />
          <Progress label="Known total" value={297} total={412} />
          <Progress label="Unknown total" value={297} total={null} />
        </div>
      </Panel>
      <Panel title="Charts">
        <LineChart
          label="A wave"
          above={
            <StateStrip
              label="States"
              steps={(["ok", "warn", "danger", "none", "ok", "ok"] as const).map((state, index) => ({
                key: `${index}`,
                state,
                title: state,
              }))}
            />
          }
          lines={[
            { label: "plain", look: "plain", values: WAVE },
            { label: "dashed", look: "dashed", values: WAVE.map((value) => value && value / 2) },
          ]}
          from="11:00"
          until="12:00"
          format={(value) => `${value} ms`}
        />
      </Panel>
      <div className="lg:col-span-2">
        <DeckSample now={now} />
      </div>
      <Panel title="Table" flush>
        <DataTable label="Sample" columns={COLUMNS} rows={ROWS} rowKey={(row) => row.name} summary="2 rows" editable />
      </Panel>
      <Panel title="Table without rows" flush>
        <DataTable
          label="Empty sample"
          columns={COLUMNS}
          rows={[]}
          rowKey={(row) => row.name}
          empty={<EmptyState title="No rows yet">What to do next.</EmptyState>}
        />
      </Panel>
      <Panel title="JSON">
        <JsonViewer text='{"exact": 12345678901234567890.10, "list": [1, true, null, "text"]}' />
      </Panel>
      <Panel title="In place of data">
        <ErrorState title="It failed" code="STORAGE_UNAVAILABLE">
          What to do.
        </ErrorState>
        <NotFoundState title="Not found">It may have been deleted.</NotFoundState>
        <PageSkeleton rows={2} />
      </Panel>
    </div>
  );
}

function Line({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="flex min-h-9 flex-wrap items-center gap-3">
      <span className="w-24 text-xs text-muted">{name}</span>
      {children}
    </div>
  );
}
