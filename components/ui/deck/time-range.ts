/** The time that a deck shows, in milliseconds since 1970. Each sample covers `stepMs`. */
export interface TimeRange {
  from: number;
  until: number;
  stepMs: number;
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const MOST_TICKS = 7;
const TICK_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440, 2880, 10_080, 20_160].map(
  (m) => m * MINUTE,
);

/** Where an instant lies in the range, from 0 to 1. What lies outside is moved to the nearer end. */
export const positionOf = ({ from, until }: TimeRange, at: number) =>
  Math.min(1, Math.max(0, (at - from) / Math.max(1, until - from)));

/** The samples' count. */
export const stepsOf = ({ from, until, stepMs }: TimeRange) => Math.max(1, Math.round((until - from) / stepMs));

/** When the sample with this number begins. */
export const instantOf = ({ from, stepMs }: TimeRange, step: number) => from + step * stepMs;

/** Round instants inside the range, at most seven. None at the very ends, where a label would be cut. */
export function ticksOf(range: TimeRange): number[] {
  const length = range.until - range.from;
  const every = TICK_STEPS.find((step) => length / step <= MOST_TICKS) ?? Math.ceil(length / MOST_TICKS / DAY) * DAY;
  const ticks: number[] = [];
  for (let at = Math.ceil(range.from / every) * every; at < range.until; at += every) {
    const position = positionOf(range, at);
    if (position > 0.03 && position < 0.97) ticks.push(at);
  }
  return ticks;
}

/** "11:50"; with the day where the range is longer than a day. */
export function tickText(range: TimeRange, at: number, zone: "utc" | "local"): string {
  const text = zonedText(at, zone);
  const day = text.slice(5, 10);
  const clock = text.slice(11, 16);
  const length = range.until - range.from;
  if (length <= DAY) return clock;
  return length <= 3 * DAY ? `${day} ${clock}` : day;
}

/** "11:38", or "11:38:07" with seconds; with the day where that is not the day of `until`. */
export function momentText(at: number, until: number, zone: "utc" | "local", seconds = false): string {
  const [moment, now] = [zonedText(at, zone), zonedText(until, zone)];
  const clock = moment.slice(11, seconds ? 19 : 16);
  return moment.slice(0, 10) === now.slice(0, 10) ? clock : `${moment.slice(5, 10)} ${clock}`;
}

/** "11:38:05" */
export function clockText(at: number, zone: "utc" | "local"): string {
  return zonedText(at, zone).slice(11, 19);
}

function zonedText(at: number, zone: "utc" | "local"): string {
  const minutes = zone === "utc" ? 0 : -new Date(at).getTimezoneOffset();
  return new Date(at + minutes * MINUTE).toISOString();
}
