/** Compares a queue's reading with its last sample. */
import type { Observation, RuleState } from "../problems/queue-rules.ts";
import type { QueueReading } from "../storage/activity.ts";
import { type ByChange, byChange, CHANGES, type Depths, endBefore, FINEST, MINUTE, type Sample } from "./sample.ts";
import type { NextSample, PreviousSample, SampledPool } from "./sample-history.ts";
import { ratesOf } from "./sample-series.ts";

/** With more missing intervals nothing is said of the rates: an average of hours is none. */
const MAX_INTERVALS = 10;

interface Round {
  pool: SampledPool;
  /** The end of the interval, in milliseconds since 1970. */
  end: number;
}

/** The sample of an interval, and what becomes the queue's last sample. */
interface Compared {
  sample: Sample;
  next: NextSample;
}

/** The same of a minute, and what the rules about problems see. */
interface ComparedMinute extends Compared {
  seen: Observation;
}

/** Of a minute: compared with the queue's last sample of a minute. */
export function compareMinute({ pool, end }: Round, previous: PreviousSample, reading: QueueReading): ComparedMinute {
  const { minute, minuteUntil } = previous;
  // What was not used until the pool's last whole minute has changed since then only.
  const since = Math.max(minuteUntil?.getTime() ?? 0, pool.minute.until?.getTime() ?? 0);
  const intervals = (end - since) / (MINUTE * 1000);
  const isSame = isSameLife(pool, previous, reading);
  const before = isSame ? minute : null;
  const depths = depthsOf(reading);
  const sample: Sample = {
    ...depths,
    ...counted(before === null ? null : difference(before.totals, reading.totals), intervals),
    before: minuteUntil !== null && end - minuteUntil.getTime() > MINUTE * 1000 ? (before?.depths ?? null) : null,
  };
  const rates = ratesOf(sample, MINUTE);
  const lastMinute = pool.minute.until?.getTime() ?? null;
  return {
    sample,
    next: {
      previous,
      pool: pool.pool,
      reading,
      rates,
      minuteUntil: new Date(end),
      minute: { totals: reading.totals, depths },
      rules: withGiven(previous, reading),
    },
    seen: {
      end,
      takenAt: reading.takenAt.getTime(),
      depths,
      before: isSame && previous.takenAt !== null ? previous.depths : null,
      minuteBefore: before?.depths ?? null,
      counts: sample.counts,
      rates,
      lastMinute,
      followsOn: minuteUntil !== null && minuteUntil.getTime() === lastMinute,
    },
  };
}

/** Of ten seconds: compared with the queue's last sample of either kind. */
export function compareFinest({ pool, end }: Round, previous: PreviousSample, reading: QueueReading): Compared {
  const isSame = isSameLife(pool, previous, reading);
  const step = FINEST * 1000;
  const elapsed = previous.takenAt === null ? 0 : reading.takenAt.getTime() - previous.takenAt.getTime();
  const sinceMinute = pool.minute.until === null ? elapsed : end - pool.minute.until.getTime() + step;
  const intervals = Math.max(1, Math.round(Math.min(elapsed, sinceMinute) / step));
  const totals = isSame ? previous.totals : null;
  const isNext = previous.takenAt !== null && endBefore(previous.takenAt.getTime(), FINEST) >= end - step;
  const sample: Sample = {
    ...depthsOf(reading),
    ...counted(totals === null ? null : difference(totals, reading.totals), intervals),
    before: isSame && !isNext && previous.takenAt !== null ? previous.depths : null,
  };
  return {
    sample,
    next: {
      previous,
      pool: pool.pool,
      reading,
      rates: ratesOf(sample, FINEST),
      minuteUntil: isSame ? previous.minuteUntil : null,
      minute: isSame ? previous.minute : null,
      rules: withGiven(previous, reading),
    },
  };
}

function counted(counts: ByChange | null, intervals: number): Pick<Sample, "counts" | "intervals"> {
  const isKnown = counts !== null && intervals >= 1 && intervals <= MAX_INTERVALS;
  return isKnown ? { counts, intervals } : { counts: null, intervals: 1 };
}

/** In another pool and in another life, a queue's totals begin anew. */
function isSameLife(pool: SampledPool, previous: PreviousSample, { queue }: QueueReading): boolean {
  return previous.pool === pool.pool && previous.epoch === queue.epoch;
}

/** With the instant of this reading when messages were given out since the last one. */
function withGiven(previous: PreviousSample, reading: QueueReading): RuleState {
  const isGiven = reading.totals.delivered > (previous.totals?.delivered ?? 0);
  return isGiven ? { ...previous.rules, givenAt: reading.takenAt.getTime() } : previous.rules;
}

/** Null when a total is lower than before: the store has lost what it had. */
function difference(before: ByChange, now: ByChange): ByChange | null {
  if (CHANGES.some((change) => now[change] < before[change])) return null;
  return byChange((change) => now[change] - before[change]);
}

function depthsOf({ stats, oldestReadyAt }: QueueReading): Depths {
  const { ready, claimed, delayed, exhausted } = stats;
  return { ready, claimed, delayed, exhausted, oldestReadyAt };
}
