/** The times that decks show, by their names in addresses. */
import type { TimeRange } from "./ui/deck/time-range.ts";

/** None has more than 168 steps. */
export const HISTORY_RANGES = {
  hour: { label: "1 h", title: "Last hour", seconds: 3600, stepSeconds: 60, resolution: "MINUTE" },
  quarter: { label: "6 h", title: "Last 6 hours", seconds: 21_600, stepSeconds: 600, resolution: "TEN_MINUTES" },
  day: { label: "24 h", title: "Last day", seconds: 86_400, stepSeconds: 600, resolution: "TEN_MINUTES" },
  week: { label: "7 d", title: "Last week", seconds: 604_800, stepSeconds: 3600, resolution: "HOUR" },
} as const;

export type HistoryRange = (typeof HISTORY_RANGES)[keyof typeof HISTORY_RANGES];

/** The range that ends now, in whole steps: the last one is not over yet. */
export function rangeUntil(now: number, { seconds, stepSeconds }: HistoryRange): TimeRange {
  const stepMs = stepSeconds * 1000;
  const until = Math.ceil(now / stepMs) * stepMs;
  return { from: until - seconds * 1000, until, stepMs };
}
