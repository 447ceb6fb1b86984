import { classes } from "../classes.ts";
import { Glyph, type Ink, type Shape } from "../glyph.tsx";
import { Moment } from "../time.tsx";
import { positionOf, type TimeRange } from "./time-range.ts";

export interface DeckEvent {
  key: string;
  /** ISO 8601. */
  at: string;
  /** One or two words. */
  label: string;
  /** All of it. */
  text: string;
  shape: Shape;
  ink?: Ink;
}

/** The room that a label needs, as a share of the plot. */
const LABEL_SHARE = 0.2;

/** What happened, at its time. A label that has no room before the next event is left out; its title has it all. */
export function Events({ range, label, events }: { range: TimeRange; label: string; events: readonly DeckEvent[] }) {
  const inside = events
    .map((event) => ({ ...event, time: Date.parse(event.at) }))
    .filter(({ time }) => time >= range.from && time <= range.until)
    .sort((a, b) => a.time - b.time);
  return (
    <ol aria-label={label}>
      {inside.map(({ key, time, at, label: short, text, shape, ink }, index) => {
        const position = positionOf(range, time);
        const beside = (other: { time: number } | undefined, end: number) =>
          Math.abs((other === undefined ? end : positionOf(range, other.time)) - position);
        // At the end of the plot a label stands left of its moment.
        const late = position > 1 - LABEL_SHARE;
        const room = late ? beside(inside[index - 1], 0) : beside(inside[index + 1], 1);
        return (
          <li
            key={key}
            title={text}
            className={classes(
              "absolute inset-y-0 flex items-center gap-1 px-1 text-xs whitespace-nowrap text-ink-2",
              late && "flex-row-reverse",
            )}
            style={late ? { right: `${(1 - position) * 100}%` } : { left: `${position * 100}%` }}
          >
            <Glyph shape={shape} ink={ink ?? "neutral"} />
            <span className={room >= LABEL_SHARE ? undefined : "sr-only"}>
              <span className="sr-only">
                <Moment at={at} />{" "}
              </span>
              {short}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
