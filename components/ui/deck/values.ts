import { formatCount, formatDuration } from "../format.ts";

/** What a value counts. */
export type Unit = "messages" | "per second" | "seconds";

const RATE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1, signDisplay: "negative" });

/** A value with its unit; a dash for one that is unknown. */
export function formatValue(value: number | null, unit: Unit): string {
  if (value === null) return "—";
  if (unit === "seconds") return formatDuration(value);
  return unit === "messages" ? formatCount(Math.round(value)) : `${RATE.format(value)}/s`;
}

/** A rate under a header that says its unit. */
export const formatRate = (value: number | null) => (value === null ? "—" : RATE.format(value));

/** Values over steps of equal length; null leaves a gap. */
export type Values = readonly (number | null)[];
