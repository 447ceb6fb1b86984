/**
 * What is wrong with a queue, by two samples and by what was remembered of those before. Only numbers and clocks that
 * the caller gives: no store, and no time of its own.
 *
 * Each rule ends later than it begins, so that a problem does not come and go with each sample.
 */
import type { ByChange, Depths } from "../history/sample.ts";
import type { FoundProblem, ProblemNumbers } from "./problem.ts";

/** From which values on something is a problem. 0: never. */
export interface Thresholds {
  stuckSeconds: number;
  growingPercent: number;
  lapsingPercent: number;
  deadLettersArriving: number;
}

/** What is kept of a queue between two samples, as JSON. Instants are milliseconds since 1970. */
export interface RuleState {
  /** When the queue must be looked at again even if nothing happens. */
  lookAt?: number;
  /** When messages were last given out, at the latest. Left out: never, as far as is known. */
  givenAt?: number;
  /** Since when messages are ready without a break. Left out: none are, or it is not known. */
  readySince?: number;
  /** Minutes of growth without a break: from when on, and the depth then. */
  rising?: { since: number; from: number };
  /** The last ten minutes, the newest last. */
  recent?: { until: number; claimed: number[]; lapsed: number[]; deadLettered: number[] };
  /** Dead letters a minute, on average over about a day. */
  usualDeadLetters?: number;
  /** Since when there are these problems. */
  stuck?: number;
  growing?: { since: number; from: number; peak: number; peakAt: number };
  claimsLapsing?: number;
  deadLettersArriving?: number;
}

/** What happened in the minute that ends at `end`. */
export interface Observation {
  end: number;
  /** When the queue was read. */
  takenAt: number;
  depths: Depths;
  /** The last sample. Null: none, or of another life. */
  before: Depths | null;
  /** How it was at the end of the minute before. Null: unknown. */
  minuteBefore: Depths | null;
  /** Since the last sample of a minute. Null: unknown. */
  counts: ByChange | null;
  rates: ByChange | null;
  /** The end of the last minute in which all queues of the pool were sampled. Null: none. */
  lastMinute: number | null;
  /** The queue was sampled in that minute. Else nothing had changed in it. */
  followsOn: boolean;
}

export type SampledKind = "stuck" | "growing" | "claimsLapsing" | "deadLettersArriving";
export const SAMPLED_KINDS = [
  "stuck",
  "growing",
  "claimsLapsing",
  "deadLettersArriving",
] as const satisfies readonly SampledKind[];

type Finding<Kind extends SampledKind> = Pick<
  Extract<FoundProblem, { kind: Kind }>,
  "kind" | "severity" | "since" | "numbers"
>;
export type SampledFinding = { [Kind in SampledKind]: Finding<Kind> }[SampledKind];

export interface Judgement {
  state: RuleState;
  found: SampledFinding[];
}

const MINUTE_MS = 60_000;
/** Minutes of growth that make a problem. */
const GROWING_MINUTES = 6;
/** Fewer messages are no growth worth a word. */
const LEAST_GROWTH = 10;
/** Minutes without a new peak that end it. */
const CALM_MINUTES = 3;
/** Minutes that count for lapses and dead letters. */
const WINDOW_MINUTES = 10;
/** Fewer lapses in the window are none worth a word. */
const LEAST_LAPSES = 5;
/** So many times the usual dead letters begin a problem. */
const UNUSUAL = 3;
/** So many times the usual ones end it, or this share of the threshold. */
const USUAL = 1.5;
const FEW = 0.2;
/** What is usual is an average of about a day. */
const USUAL_MINUTES = 1440;

/** The kinds of problems that a state knows of. */
export function problemsOf(state: RuleState): SampledKind[] {
  return SAMPLED_KINDS.filter((kind) => state[kind] !== undefined);
}

export function judge(before: RuleState, seen: Observation, limits: Thresholds): Judgement {
  const found: SampledFinding[] = [];
  const looks: number[] = [];
  const state: RuleState = {
    givenAt: before.givenAt,
    readySince: readySince(before, seen),
    recent: recentOf(before, seen),
    usualDeadLetters: usualOf(before, seen),
  };
  judgeStuck(before, seen, limits, { state, found, looks });
  judgeGrowing(before, seen, limits, { state, found, looks });
  judgeLapsing(before, seen, limits, { state, found, looks });
  judgeDeadLetters(before, seen, limits, { state, found, looks });
  if (looks.length > 0) state.lookAt = Math.min(...looks);
  return { state, found };
}

interface Results {
  state: RuleState;
  found: SampledFinding[];
  looks: number[];
}

/** A delayed message is older than it is ready, so its age does not say since when it waits. */
function readySince(before: RuleState, { depths, before: last, lastMinute }: Observation): number | undefined {
  if (depths.ready === 0) return undefined;
  if (last !== null && last.ready > 0) return before.readySince;
  // Nothing had changed until the last minute, else there would be a sample.
  return Math.max(depths.oldestReadyAt?.getTime() ?? 0, lastMinute ?? 0);
}

function judgeStuck(
  before: RuleState,
  seen: Observation,
  { stuckSeconds }: Thresholds,
  { state, found, looks }: Results,
) {
  const { depths, takenAt } = seen;
  const oldest = depths.oldestReadyAt?.getTime();
  if (stuckSeconds === 0 || depths.ready === 0 || oldest === undefined) return;
  const since = Math.max(oldest, state.givenAt ?? 0, state.readySince ?? 0);
  const isNew = before.stuck === undefined;
  // One message that is given out ends it: somebody is there again.
  const isGiven = before.stuck !== undefined && (state.givenAt ?? 0) > before.stuck;
  if ((isNew || isGiven) && takenAt - since < stuckSeconds * 1000) {
    looks.push(since + stuckSeconds * 1000);
    return;
  }
  state.stuck = isNew || isGiven ? since : before.stuck;
  const numbers: ProblemNumbers["stuck"] = {
    ready: depths.ready,
    claimed: depths.claimed,
    oldestReadyAt: oldest,
    givenAt: state.givenAt ?? null,
  };
  found.push({ kind: "stuck", severity: "critical", since: new Date(state.stuck ?? since), numbers });
}

const depthOf = ({ ready, claimed, delayed, exhausted }: Depths) => ready + claimed + delayed + exhausted;

function judgeGrowing(before: RuleState, seen: Observation, limits: Thresholds, { state, found, looks }: Results) {
  const { growingPercent } = limits;
  if (growingPercent === 0) return;
  const { end, depths, minuteBefore, lastMinute, followsOn, rates } = seen;
  const depth = depthOf(depths);
  const rose = minuteBefore !== null && depth > depthOf(minuteBefore);
  const rising = followsOn ? before.rising : undefined;
  if (rose) state.rising = rising ?? { since: lastMinute ?? end - MINUTE_MS, from: depthOf(minuteBefore) };
  const known = before.growing;
  const growth = (from: number, percent: number) => Math.max(LEAST_GROWTH, (from * percent) / 100);
  if (known !== undefined) {
    const isPeak = depth > known.peak;
    const growing = { ...known, ...(isPeak ? { peak: depth, peakAt: end } : {}) };
    const isCalm = end - growing.peakAt >= CALM_MINUTES * MINUTE_MS;
    const isUndone = depth < known.from + growth(known.from, growingPercent / 2);
    if (!isCalm && !isUndone) state.growing = growing;
  } else if (state.rising !== undefined) {
    const { since, from } = state.rising;
    const isLong = end - since >= GROWING_MINUTES * MINUTE_MS;
    if (isLong && depth >= from + growth(from, growingPercent)) {
      state.growing = { since, from, peak: depth, peakAt: end };
    }
  }
  if (state.growing === undefined) return;
  looks.push(end + MINUTE_MS);
  const numbers: ProblemNumbers["growing"] = {
    depth,
    from: state.growing.from,
    postedRate: rates?.posted ?? null,
    deliveredRate: rates?.delivered ?? null,
  };
  found.push({ kind: "growing", severity: "warning", since: new Date(state.growing.since), numbers });
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

function recentOf({ recent }: RuleState, { end, counts }: Observation): RuleState["recent"] {
  const passed = recent === undefined ? 1 : Math.round((end - recent.until) / MINUTE_MS);
  const next = (numbers: readonly number[] | undefined, number: number) => {
    const gap = Array.from({ length: Math.min(WINDOW_MINUTES, Math.max(1, passed)) - 1 }, () => 0);
    return [...(numbers ?? []), ...gap, number].slice(-WINDOW_MINUTES);
  };
  const claimed = next(recent?.claimed, counts?.claimed ?? 0);
  const lapsed = next(recent?.lapsed, counts?.lapsed ?? 0);
  const deadLettered = next(recent?.deadLettered, counts?.deadLettered ?? 0);
  if (sum(claimed) + sum(lapsed) + sum(deadLettered) === 0) return undefined;
  return { until: end, claimed, lapsed, deadLettered };
}

/** Since the minute of the window in which the first of these came. */
function firstOf(numbers: readonly number[], end: number): number {
  const first = numbers.findIndex((number) => number > 0);
  return end - (numbers.length - Math.max(0, first)) * MINUTE_MS;
}

function judgeLapsing(before: RuleState, { end }: Observation, limits: Thresholds, { state, found, looks }: Results) {
  const { lapsingPercent } = limits;
  if (lapsingPercent === 0 || state.recent === undefined) return;
  const lapsed = sum(state.recent.lapsed);
  const claimed = Math.max(sum(state.recent.claimed), lapsed);
  const percent = claimed === 0 ? 0 : (100 * lapsed) / claimed;
  const isNew = before.claimsLapsing === undefined;
  if (isNew ? lapsed < LEAST_LAPSES || percent <= lapsingPercent : percent <= lapsingPercent / 2) return;
  state.claimsLapsing = before.claimsLapsing ?? firstOf(state.recent.lapsed, end);
  looks.push(end + MINUTE_MS);
  found.push({
    kind: "claimsLapsing",
    severity: "warning",
    since: new Date(state.claimsLapsing),
    numbers: { lapsed, claimed },
  });
}

function usualOf({ usualDeadLetters = 0, recent }: RuleState, { end, counts }: Observation): number | undefined {
  const minutes = recent === undefined ? 1 : Math.max(1, Math.round((end - recent.until) / MINUTE_MS));
  const kept = Math.exp(-minutes / USUAL_MINUTES);
  const usual = usualDeadLetters * kept + (counts?.deadLettered ?? 0) / USUAL_MINUTES;
  return usual < 1e-4 ? undefined : Math.round(usual * 1e6) / 1e6;
}

function judgeDeadLetters(before: RuleState, { end }: Observation, limits: Thresholds, results: Results) {
  const { deadLettersArriving: threshold } = limits;
  const { state, found, looks } = results;
  if (threshold === 0 || state.recent === undefined) return;
  const deadLetters = sum(state.recent.deadLettered);
  const usual = (before.usualDeadLetters ?? 0) * WINDOW_MINUTES;
  const isNew = before.deadLettersArriving === undefined;
  const least = isNew ? Math.max(threshold, usual * UNUSUAL) : Math.max(1, threshold * FEW, usual * USUAL);
  if (deadLetters < least) return;
  state.deadLettersArriving = before.deadLettersArriving ?? firstOf(state.recent.deadLettered, end);
  looks.push(end + MINUTE_MS);
  found.push({
    kind: "deadLettersArriving",
    severity: "warning",
    since: new Date(state.deadLettersArriving),
    numbers: { deadLetters, usual: Math.round(usual * 10) / 10 },
  });
}
