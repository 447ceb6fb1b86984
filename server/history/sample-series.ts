/** From single samples to a history without gaps, and to samples of longer intervals. */
import {
  type ByChange,
  byChange,
  CHANGES,
  type Change,
  type Depths,
  FINEST,
  type Sample,
  STATES,
  type State,
} from "./sample.ts";

/** What a history shows. */
export type Metric = State | "total" | "oldestReadySeconds" | `${Change}Rate`;

/** One interval of a history. */
export interface Interval {
  /** At its end. Null: unknown. */
  readonly depths: Depths | null;
  /** Messages a second, on average. Null: unknown. */
  readonly rates: ByChange | null;
}

export interface Span {
  /** Milliseconds since 1970, multiples of the resolution. */
  readonly from: number;
  readonly until: number;
  readonly resolutionSeconds: number;
}

const NO_RATES = byChange(() => 0);

/** The ends of the intervals of a span, ascending. */
export function endsOf({ from, until, resolutionSeconds }: Span): number[] {
  const step = resolutionSeconds * 1000;
  return Array.from({ length: Math.max(0, (until - from) / step) }, (_, index) => from + (index + 1) * step);
}

/**
 * The intervals of `span`, oldest first. `samples` are by the end of their interval; `rounds` has the ends at which all
 * that had changed was sampled. So without a sample nothing changed then, or nothing is known.
 *
 * `unchanged`: how it is now if nothing changed since before the span; else null.
 */
export function fillIntervals(
  span: Span,
  samples: ReadonlyMap<number, Sample>,
  rounds: { has(end: number): boolean },
  unchanged: Depths | null,
): Interval[] {
  const ends = endsOf(span);
  const firstEnd = ends.find((end) => samples.has(end));
  let depths = firstEnd === undefined ? unchanged : (samples.get(firstEnd)?.before ?? null);
  const intervals: { depths: Depths | null; rates: ByChange | null }[] = [];
  for (const [index, end] of ends.entries()) {
    const sample = samples.get(end);
    if (sample === undefined) {
      // Only the most used queues are sampled at the finest resolution: others may have changed in a round that is not
      // whole. At the others, what a round missed is in the next one.
      if (!rounds.has(end) && span.resolutionSeconds === FINEST) depths = null;
      const known = rounds.has(end) && depths !== null;
      intervals.push(known ? { depths, rates: NO_RATES } : { depths: null, rates: null });
      continue;
    }
    depths = sample;
    const rates = ratesOf(sample, span.resolutionSeconds);
    // Intervals without a sample of their own that this one covers have the same rates, on average.
    for (let covered = Math.max(0, index - sample.intervals + 1); covered < index; covered += 1) {
      const before = intervals[covered];
      if (before !== undefined && before.rates === null && !samples.has(ends[covered] as number)) before.rates = rates;
    }
    intervals.push({ depths, rates });
  }
  return intervals;
}

export function ratesOf({ counts, intervals }: Pick<Sample, "counts" | "intervals">, seconds: number): ByChange | null {
  return counts && byChange((change) => counts[change] / (intervals * seconds));
}

/** The value of a metric in an interval that ends at `end`. Null: unknown. */
export function metricOf(metric: Metric, { depths, rates }: Interval, end: number): number | null {
  if (metric === "total") return depths && totalOf(depths);
  if (metric === "oldestReadySeconds") {
    // Nobody waits: that is known.
    const oldest = depths?.oldestReadyAt?.getTime() ?? end;
    return depths && Math.max(0, Math.floor((end - oldest) / 1000));
  }
  if (isState(metric)) return depths?.[metric] ?? null;
  return rates?.[metric.slice(0, -"Rate".length) as Change] ?? null;
}

export function totalOf(depths: Readonly<Record<State, number>>): number {
  return STATES.reduce((sum, state) => sum + depths[state], 0);
}

function isState(metric: Metric): metric is State {
  return (STATES as readonly string[]).includes(metric);
}

/**
 * One sample of a longer interval, from those of its parts, oldest first: undefined where a part has none. `rounds`
 * says which parts were sampled at all. Depths are those at the end. What happened in parts of which nothing is known
 * is taken to be the average of the others. Null when no part has a sample.
 */
export function foldSamples(parts: readonly (Sample | undefined)[], rounds: readonly boolean[]): Sample | null {
  const samples = parts.filter((part) => part !== undefined);
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined) return null;
  const known = parts.map((part, index) => (part === undefined ? rounds[index] === true : part.counts !== null));
  const sums = CHANGES.map(() => 0);
  for (const [index, part] of parts.entries()) {
    if (part === undefined || part.counts === null) continue;
    const inside = Math.min(part.intervals, index + 1);
    known.fill(true, index - inside + 1, index);
    const { counts, intervals } = part;
    CHANGES.forEach((change, at) => {
      sums[at] = (sums[at] ?? 0) + (counts[change] * inside) / intervals;
    });
  }
  const knownParts = known.filter(Boolean).length;
  const counts =
    knownParts === 0 ? null : byChange((_, at) => Math.round(((sums[at] ?? 0) * parts.length) / knownParts));
  const { ready, claimed, delayed, exhausted, oldestReadyAt } = last;
  return { ready, claimed, delayed, exhausted, oldestReadyAt, counts, intervals: 1, before: first.before };
}
