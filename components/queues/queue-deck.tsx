import type { HistoryRange } from "../history-ranges.ts";
import { paths } from "../paths.ts";
import { Deck, type DeckMark } from "../ui/deck/deck.tsx";
import { DeckRow, DeckSection } from "../ui/deck/deck-row.tsx";
import { type DeckEvent, Events } from "../ui/deck/events.tsx";
import { instantOf, stepsOf, type TimeRange } from "../ui/deck/time-range.ts";
import { Track } from "../ui/deck/track.tsx";
import { formatRate, type Values } from "../ui/deck/values.ts";
import { formatCount } from "../ui/format.ts";
import { Glyph, type Shape } from "../ui/glyph.tsx";
import { Link } from "../ui/link.tsx";
import { DepthRows } from "./depth-rows.tsx";
import type { ConsumerRow, QueueDepthFacts, QueueEvent, QueueFrameFacts } from "./fragments.ts";

/** What was done to a queue, by the names of the mutations. Others are called by their own names. */
const ACTIONS: Record<string, { label: string; shape: Shape; line?: boolean }> = {
  createQueue: { label: "created", shape: "disc" },
  moveQueue: { label: "moved", shape: "play", line: true },
  pause: { label: "paused", shape: "bars", line: true },
  resume: { label: "resumed", shape: "play", line: true },
  undo: { label: "undone", shape: "play" },
  purgeQueue: { label: "purged", shape: "cross", line: true },
  updateQueueMetadata: { label: "settings", shape: "square" },
  patchQueueMetadata: { label: "settings", shape: "square" },
  updateQueueAttributes: { label: "settings", shape: "square" },
};

/** The last hour of a queue, and longer: what happened to it, how full it was, and who took its messages. */
export function QueueDeck({
  project,
  name,
  queue,
  stats,
  consumers,
  more,
  events,
  range,
  chosen,
}: {
  project: string;
  name: string;
  queue: QueueDepthFacts;
  /** The counts now; null when the pool does not tell them. */
  stats: QueueFrameFacts["stats"];
  consumers: readonly ConsumerRow[];
  /** There are further consumers. */
  more: boolean;
  events: readonly QueueEvent[];
  range: TimeRange;
  chosen: HistoryRange;
}) {
  const shown = [...events.map(eventOf), ...consumers.flatMap(stopOf)];
  const tracks = consumers.map((consumer) => ({ consumer, values: minutesOver(range, consumer.minutes) }));
  const most = Math.max(1, ...tracks.flatMap(({ values }) => values.map((value) => value ?? 0)));
  return (
    <Deck
      narrow
      label={chosen.title}
      range={range}
      marks={shown.flatMap(({ mark }) => (mark === null ? [] : [mark]))}
      title={chosen.title}
      fix={
        <Link href={paths.queue(project, name, "statistics", { table: true })} className="text-accent hover:underline">
          As table
        </Link>
      }
    >
      <DeckRow height="h-6" left={<span className="text-xs text-muted">events</span>}>
        <Events range={range} label="Events" events={shown.map(({ event }) => event)} />
      </DeckRow>
      <DepthRows queue={queue} range={range} stats={stats} />
      <DeckSection left="Consumers" middle="messages that each got" right="holds, gets" />
      {tracks.length === 0 ? <DeckRow left={<span className="text-muted">None yet.</span>} /> : null}
      {tracks.map(({ consumer, values }) => (
        <ConsumerTrack key={consumer.name} range={range} consumer={consumer} values={values} most={most} />
      ))}
      {more ? (
        <DeckRow
          left={
            <Link href={paths.queue(project, name, "claims")} className="text-xs text-accent hover:underline">
              All consumers
            </Link>
          }
        />
      ) : null}
    </Deck>
  );
}

function ConsumerTrack({
  range,
  consumer,
  values,
  most,
}: {
  range: TimeRange;
  consumer: ConsumerRow;
  values: Values;
  most: number;
}) {
  const { name, stoppedAt, messagesHeld, messagesPerSecond } = consumer;
  const held = messagesHeld === null ? "—" : formatCount(messagesHeld.value, messagesHeld.exact ? "exact" : "about");
  return (
    <DeckRow
      height="h-6"
      left={
        <span className="flex min-w-0 items-center gap-2">
          <Glyph shape={stoppedAt === null ? "play" : "square"} ink={stoppedAt === null ? "neutral" : "warn"} />
          <span className="truncate font-mono text-xs">{name}</span>
          {stoppedAt === null ? null : <span className="sr-only">stopped</span>}
        </span>
      }
      right={
        <span className="flex w-full justify-between gap-2 text-xs">
          <span className="text-muted">
            holds <span className="text-ink">{held}</span>
          </span>
          <span className="font-semibold">{formatRate(messagesPerSecond)}/s</span>
        </span>
      }
    >
      <Track
        range={range}
        label={`Messages that ${name} got, ${stoppedAt === null ? "up to now" : "until it stopped"}`}
        values={values}
        most={most}
        stoppedAt={stoppedAt}
      />
    </DeckRow>
  );
}

interface Shown {
  event: DeckEvent;
  mark: DeckMark | null;
}

function eventOf({ id, at, actor, action, outcome }: QueueEvent): Shown {
  const known = ACTIONS[action];
  const label = known?.label ?? action;
  const failed = outcome === "FAILED" || outcome === "REFUSED";
  return {
    event: {
      key: id,
      at,
      label: failed ? `${label}: ${outcome.toLowerCase()}` : label,
      text: `${label} by ${actor}${failed ? `: ${outcome.toLowerCase()}` : ""}`,
      shape: known?.shape ?? "disc",
    },
    mark: known?.line && !failed ? { at: Date.parse(at), tone: "neutral" } : null,
  };
}

function stopOf({ name, stoppedAt }: ConsumerRow): Shown[] {
  if (stoppedAt === null) return [];
  const event: DeckEvent = {
    key: name,
    at: stoppedAt,
    label: name,
    text: `${name} stopped`,
    shape: "square",
    ink: "warn",
  };
  return [{ event, mark: { at: Date.parse(stoppedAt), tone: "warn" } }];
}

/** Messages in each step of the range; null where nothing is known, which is before the last hour. */
function minutesOver(range: TimeRange, { from, messages }: ConsumerRow["minutes"]): Values {
  const first = Date.parse(from);
  return Array.from({ length: stepsOf(range) }, (_unused, step) => {
    const start = Math.round((instantOf(range, step) - first) / 60_000);
    const end = Math.round((instantOf(range, step + 1) - first) / 60_000);
    const known = messages.slice(Math.max(0, start), Math.max(0, end));
    return known.length === 0 ? null : known.reduce((sum, count) => sum + count, 0);
  });
}
