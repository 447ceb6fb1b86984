/** Brings what was measured at other steps to the steps of a deck. Runs on the server. */
import { instantOf, stepsOf, type TimeRange } from "./time-range.ts";
import type { Values } from "./values.ts";

/** A history as the API has it. */
interface History {
  from: string;
  resolutionSeconds: number;
  series: readonly { metric: string; values: Values }[];
}

/** Digits that no chart shows are not sent. */
const rounded = (value: number | null) => (value === null ? null : Math.round(value * 100) / 100);

/** The values of a metric at the steps of the range: null where the history has none, and in the step that runs. */
export function alignedTo(range: TimeRange, history: History | null, metric: string): Values {
  const values = history?.series.find((one) => one.metric === metric)?.values ?? [];
  const from = history === null ? 0 : Date.parse(history.from);
  return overSteps(range, (at) => {
    const index = Math.floor((at - from) / ((history?.resolutionSeconds ?? 1) * 1000));
    return rounded(values[index] ?? null);
  });
}

/** For each step of the range what `at` gives for its middle. */
export function overSteps<Value>(range: TimeRange, at: (instant: number) => Value): Value[] {
  return Array.from({ length: stepsOf(range) }, (_unused, step) => at(instantOf(range, step) + range.stepMs / 2));
}

/** Adds up, or with `Math.max` takes the highest of, what is known at each step; null where nothing is known. */
export function combined(all: readonly Values[], combine: (a: number, b: number) => number): Values {
  const steps = Math.max(0, ...all.map((values) => values.length));
  return Array.from({ length: steps }, (_unused, step) => {
    const known = all.map((values) => values[step] ?? null).filter((value) => value !== null);
    return known.length === 0 ? null : known.reduce((a, b) => combine(a, b));
  });
}

/** Steps in a row that make a trend, and by how much more must be posted. */
const TREND_STEPS = 3;
const TREND_SHARE = 0.05;

/** The step since when more is posted than leaves, up to the last known one; null when it is not so now. */
export function growingSince(posted: Values, leaving: Values): number | null {
  const last = posted.findLastIndex((value) => value !== null);
  let first = last + 1;
  while (first > 0) {
    const [come, go] = [posted[first - 1] ?? null, leaving[first - 1] ?? null];
    if (come === null || go === null || come <= go * (1 + TREND_SHARE)) break;
    first -= 1;
  }
  return last - first + 1 >= TREND_STEPS ? first : null;
}
