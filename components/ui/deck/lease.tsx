"use client";

import { classes } from "../classes.ts";
import { formatDuration } from "../format.ts";
import { useNow } from "../time.tsx";
import { useTimeStyle } from "../time-style.ts";
import { useRange } from "./deck.tsx";
import { clockText, momentText, positionOf } from "./time-range.ts";

const share = (position: number) => `${position * 100}%`;
/** Milliseconds before its end in which a lease is about to end. */
const ENDING_MS = 60_000;

/**
 * A lease: solid while it holds, hatched in its grace, a chevron where it was renewed last. One that ends beyond the
 * deck runs out at the right, with its end in words.
 */
export function Lease({
  since,
  renewed,
  until,
  graceSeconds,
}: {
  since: string;
  /** When it was made or last renewed. */
  renewed: string;
  until: string;
  graceSeconds: number;
}) {
  const range = useRange();
  const { zone } = useTimeStyle();
  const now = useNow();
  const [from, end, renewal] = [Date.parse(since), Date.parse(until), Date.parse(renewed)];
  const [left, right] = [positionOf(range, from), positionOf(range, end)];
  const grace = positionOf(range, end + graceSeconds * 1000);
  const isLong = end > range.until;
  const ending = end - now < ENDING_MS;
  return (
    <>
      <span className="sr-only">
        held since {momentText(from, now, zone)}, until {momentText(end, now, zone)}, then{" "}
        {formatDuration(graceSeconds)} of grace
      </span>
      <i
        aria-hidden
        className={classes(
          "absolute inset-y-1.5 bg-claimed",
          from < range.from ? "rounded-r-[2px]" : "rounded-[2px]",
          ending && "outline outline-warn",
        )}
        style={{ left: share(left), width: `max(3px, ${share(right - left)})` }}
      />
      {grace > right ? (
        <i
          aria-hidden
          className="absolute inset-y-1.5 rounded-r-[2px] border border-claimed fill-grace-hatch"
          style={{ left: share(right), width: share(grace - right) }}
        />
      ) : null}
      {renewal > from && renewal > range.from ? (
        <svg
          aria-hidden="true"
          viewBox="0 0 8 5"
          className="absolute top-1/2 h-1.5 w-2 -translate-x-1/2 -translate-y-1/2"
          style={{ left: share(positionOf(range, renewal)) }}
        >
          <path d="M1 4l3-3 3 3" fill="none" strokeWidth={1.6} className="stroke-canvas" />
        </svg>
      ) : null}
      {isLong ? (
        <span aria-hidden className="absolute inset-y-0 right-0 flex items-center bg-sunken pl-1.5 text-xs text-ink-2">
          until {momentText(end, now, zone)} ›
        </span>
      ) : null}
    </>
  );
}

/** Over all rows of a deck: a line that moves with the time, and a band for what ends within a minute. */
export function NowLine() {
  const range = useRange();
  const now = useNow();
  const left = positionOf(range, now);
  const width = positionOf(range, now + ENDING_MS) - left;
  return (
    <>
      <div aria-hidden className="deck-row pointer-events-none absolute inset-0 -z-1">
        <div className="deck-plot col-start-2 max-md:col-start-1">
          <i
            className="absolute inset-y-0 border-r border-dashed border-warn bg-warn/10"
            style={{ left: share(left), width: share(width) }}
          />
        </div>
      </div>
      <div aria-hidden className="deck-row pointer-events-none absolute inset-0 z-1">
        <div className="deck-plot col-start-2 max-md:col-start-1">
          <i className="absolute inset-y-0 w-0.5 -translate-x-1/2 bg-ink" style={{ left: share(left) }} />
        </div>
      </div>
    </>
  );
}

/** On the ruler: what time it is. */
export function NowFlag() {
  const range = useRange();
  const now = useNow();
  const { zone } = useTimeStyle();
  return (
    <span
      aria-hidden
      className="absolute top-1 -translate-x-1/2 rounded-sm bg-ink px-1.5 text-xs leading-5 font-semibold whitespace-nowrap text-canvas"
      style={{ left: share(positionOf(range, now)) }}
    >
      now {clockText(now, zone)}
    </span>
  );
}
