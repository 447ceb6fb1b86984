import type { StripStep } from "../ui/state-strip.tsx";
import type { HealthStep } from "./fragments.ts";

export function stateOf({ samples, unreachable, failing }: HealthStep): StripStep["state"] {
  if (samples === 0) return "none";
  return unreachable > 0 ? "danger" : failing > 0 ? "warn" : "ok";
}

export function stateText(interval: HealthStep): string {
  const { samples, unreachable, failing, errorCode } = interval;
  const of = samples === 1 ? "" : ` in ${unreachable > 0 ? unreachable : failing} of ${samples}`;
  const code = errorCode === null ? "" : ` (${errorCode})`;
  const texts = {
    none: "no samples",
    ok: "healthy",
    warn: `degraded: operations failed${of}${code}`,
    danger: `unreachable${of}${code}`,
  };
  return texts[stateOf(interval)];
}

/** Share of the samples in which every operation succeeded; null without samples. */
export function healthyShare(intervals: HealthStep[]): number | null {
  const samples = intervals.reduce((sum, one) => sum + one.samples, 0);
  const bad = intervals.reduce((sum, one) => sum + one.unreachable + one.failing, 0);
  return samples === 0 ? null : (samples - bad) / samples;
}

/** 1 -> "100 %", and nothing less: the percentage is rounded down. */
export function percent(share: number): string {
  if (share === 0) return "0 %";
  return share === 1 ? "100 %" : `${(Math.floor(1000 * share) / 10).toFixed(1)} %`;
}

/** "08:05" in UTC. */
export const clock = (iso: string) => iso.slice(11, 16);
export const milliseconds = (value: number) =>
  value >= 1000 ? `${(value / 1000).toFixed(2)} s` : `${value.toFixed(1)} ms`;

export function stripOf(intervals: HealthStep[]): StripStep[] {
  return intervals.map((one) => ({
    key: one.from,
    state: stateOf(one),
    title: `${clock(one.from)} to ${clock(one.until)} UTC: ${stateText(one)}`,
  }));
}
