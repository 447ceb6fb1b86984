import { classes } from "../classes.ts";
import { formatDuration } from "../format.ts";
import { Glyph } from "../glyph.tsx";
import { Age, Moment } from "../time.tsx";
import { positionOf, type TimeRange } from "./time-range.ts";

export type SpanTone = "danger" | "warn" | "neutral" | "progress";

const BAR: Record<SpanTone, string> = {
  danger: "bg-danger",
  warn: "bg-warn",
  neutral: "fill-neutral-dots",
  progress: "bg-accent-fill",
};
const MARK = {
  danger: <Glyph shape="octagon" ink="danger" />,
  warn: <Glyph shape="triangle" ink="warn" />,
  neutral: <Glyph shape="bars" />,
  progress: null,
} satisfies Record<SpanTone, unknown>;
/** Right of it the label has no room, and ends at the end of the bar. */
const LATE = 0.7;

/** Since when something is so: a bar from then to now, or to `until`, with the moment and how long it lasts. */
export function Span({
  range,
  since,
  until = null,
  tone,
}: {
  range: TimeRange;
  since: string;
  until?: string | null;
  tone: SpanTone;
}) {
  const [from, to] = [Date.parse(since), until === null ? range.until : Date.parse(until)];
  const [left, right] = [positionOf(range, from), positionOf(range, to)];
  const before = from < range.from;
  return (
    <div className="absolute inset-x-0 top-1/2 h-10 -translate-y-1/2">
      <span
        className={classes(
          "absolute top-0.5 text-xs leading-[1.125rem] whitespace-nowrap text-muted",
          left > LATE ? "right-1.5" : "pl-2",
        )}
        style={left > LATE ? undefined : { left: `${left * 100}%` }}
      >
        <span className="sr-only">since </span>
        <span className="font-semibold text-ink">
          <Moment at={since} />
        </span>{" "}
        {until === null ? <Age since={since} coarse /> : formatDuration((to - from) / 1000)}
      </span>
      <i
        aria-hidden
        className={classes("absolute top-[1.5rem] h-1", BAR[tone])}
        style={{ left: `${left * 100}%`, width: `max(2px, ${(right - left) * 100}%)` }}
      />
      <span
        aria-hidden
        className="absolute top-[1.25rem] flex -translate-x-1/2 leading-3"
        style={{ left: `max(0.5rem, ${left * 100}%)` }}
      >
        {before ? <span className="text-sm leading-3 font-bold text-ink">‹</span> : MARK[tone]}
      </span>
    </div>
  );
}
