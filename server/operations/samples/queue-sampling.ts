/**
 * Takes the samples of queues, for all processes: every 10 seconds of those that are used most, and every minute of all
 * that were used, and of those whose numbers have changed by themselves.
 */
import { DomainError } from "../../errors.ts";
import { FailureLog } from "../../failure-log.ts";
import { endBefore, FINEST, MINUTE, type ResolutionSeconds, type Sample } from "../../history/sample.ts";
import { compareFinest, compareMinute } from "../../history/sample-difference.ts";
import type { NextSample, PreviousSample, Progress, SampledPool } from "../../history/sample-history.ts";
import { judgeClock } from "../../problems/pool-rules.ts";
import { ofQueue } from "../../problems/problem.ts";
import { judge, problemsOf, SAMPLED_KINDS, type SampledFinding, type Thresholds } from "../../problems/queue-rules.ts";
import type { ActivityReads, QueueReading } from "../../storage/activity.ts";
import { withDeadline } from "../../storage/deadlines/deadline.ts";
import type { Pause } from "../../storage/pause.ts";
import { type QueueRef, queueKey } from "../../storage/queue-ref.ts";
import type { OperationContext } from "../context.ts";
import type { ReservedAttributes } from "../input/queue-attributes.ts";
import type { DeadLetters } from "../lifecycle/dead-letters.ts";
import type { QueueLookup } from "../lifecycle/queue-lookup.ts";
import type { PauseBook } from "../pauses/pause-book.ts";
import { poolNames } from "../pool-facts/names.ts";

export interface QueueSampling {
  /**
   * For the schedule: needs no role. Takes the samples that are due. A pool that fails or is slow is left out and
   * logged, and does not stop the others. When `signal` aborts, it ends soon and keeps what it has.
   */
  sample(signal: AbortSignal): Promise<void>;
}

/** Queues that are sampled every 10 seconds. */
const MOST_USED = 1000;
/** Queues that one call of a driver or one statement is about. */
const SLICE = 250;
const CHANGED_PAGE = 1000;
/** Queues whose numbers have changed by themselves, in one round. The next round takes the rest. */
const DUE = 20_000;
/** How long one pool may take: short, so that the next round is in time. */
const FINEST_MS = 5000;
/** Of a first round, which reads all queues, the rest is read in the next one. */
const MINUTE_MS = 40_000;
/** With an older mark all queues are read again. Drivers understand theirs for a day. */
const MARK_MS = 12 * 3_600_000;

interface Stop {
  isAborted: () => boolean;
  aborted: Promise<null>;
}

/** A driver's marks, and how they are stored: with the store's identity, because no other store understands them. */
interface Marks {
  read(progress: Progress): string | null;
  write(mark: string | null): string | null;
}

/** What the rules found of a queue. */
interface Judged {
  last: PreviousSample;
  reading: QueueReading;
  found: SampledFinding[];
}

interface PoolRound {
  pool: SampledPool;
  activity: ActivityReads;
  marks: Marks;
  end: number;
  /** The time of the control database. */
  time: () => number;
  /** By how much the pool's clock differs from it, at least: of each part of the round, in milliseconds. */
  skews: number[];
  /** True when the round must end. */
  isOver: () => boolean;
}

export function createQueueSampling(
  context: OperationContext,
  parts: { lookup: Pick<QueueLookup, "find">; deadLetters: Pick<DeadLetters, "counted">; pauses: PauseBook },
): QueueSampling {
  const { control, data, samples, problems, limits, now, warn, info = () => undefined } = context;
  const failures = new FailureLog({ warn, info });

  /** Runs `work` for each pool at once; a pool that fails or takes longer than `milliseconds` gives null. */
  async function inEach<T>(
    pools: readonly SampledPool[],
    { milliseconds, end, time, stop }: { milliseconds: number; end: number; time: () => number; stop: Stop },
    work: (round: PoolRound) => Promise<T>,
  ): Promise<(T | null)[]> {
    const ends = now() + milliseconds;
    const isOver = () => stop.isAborted() || now() >= ends;
    return Promise.all(
      pools.map(async (pool) => {
        const name = `Sampling the queues of the pool ${pool.pool}`;
        try {
          const working = data
            .pool(pool.pool)
            .then(({ activity, identity }) =>
              work({ pool, activity, marks: marksOf(identity, end), end, time, skews: [], isOver }),
            );
          // A little later than `isOver`, so that a slow pool that does answer keeps what it has.
          const found = await withDeadline(Promise.race([working, stop.aborted]), milliseconds + 1000, () => {
            throw new DomainError("DEADLINE_EXCEEDED", "It takes too long.");
          });
          failures.succeeded(name);
          return found;
        } catch (error) {
          failures.failed(name, error);
          return null;
        }
      }),
    );
  }

  /** Samples these queues in slices. `whole` is false when it had to end before. */
  async function sampleQueues(
    { pool, activity, end, time, skews, isOver }: PoolRound,
    queues: readonly QueueRef[],
    resolutionSeconds: ResolutionSeconds,
  ): Promise<{ taken: { id: number; sample: Sample }[]; whole: boolean }> {
    const taken: { id: number; sample: Sample }[] = [];
    for (let from = 0; from < queues.length; from += SLICE) {
      if (isOver()) return { taken, whole: false };
      const slice = queues.slice(from, from + SLICE).map(({ project, name }) => ({ project, name }));
      const attributes = await parts.lookup.find(slice);
      const existing = slice.filter((_, index) => attributes[index] !== null);
      const found = attributes.filter((one) => one !== null);
      const counted = await parts.deadLetters.counted(existing, found);
      const asked = time();
      const read = activity.read(counted).then((readings) => ({ readings, answered: time() }));
      const [{ readings, answered }, previous] = await Promise.all([read, samples.previous(existing)]);
      const takenAt = readings.find((reading) => reading !== null)?.takenAt.getTime();
      if (takenAt !== undefined) skews.push(skewOf(takenAt, asked, answered));
      const next = new Map<number, { sample: Sample; next: NextSample }>();
      const judged: Judged[] = [];
      const paused = await parts.pauses.ofEach(existing);
      for (const [index, reading] of readings.entries()) {
        const last = previous[index] ?? null;
        if (reading === null || last === null) continue;
        if (resolutionSeconds === FINEST) {
          next.set(last.id, compareFinest({ pool, end }, last, reading));
          continue;
        }
        // Another process was faster.
        if ((last.minuteUntil?.getTime() ?? 0) >= end) continue;
        const { sample, next: minute, seen } = compareMinute({ pool, end }, last, reading);
        const judgement = judge(
          minute.rules,
          seen,
          thresholdsOf(found[index] as ReservedAttributes, paused[index] ?? null),
        );
        judged.push({ last, reading, found: judgement.found });
        next.set(last.id, { sample, next: { ...minute, rules: judgement.state } });
      }
      // Before the samples, which know of them: after a crash between the two, the next round finds the same.
      await putProblems(judged);
      const stored = await samples.replace([...next.values()].map((one) => one.next));
      for (const [id, { sample }] of next) if (stored.has(id)) taken.push({ id, sample });
      // What is not here any more does not change here.
      await samples.settle(existing.filter((_, index) => (readings[index] ?? null) === null));
    }
    return { taken, whole: true };
  }

  /** Writes only where there is or was a problem. */
  async function putProblems(judged: readonly Judged[]): Promise<void> {
    const concerned = judged.filter(({ last, found }) => found.length > 0 || problemsOf(last.rules).length > 0);
    if (concerned.length === 0) return;
    await problems.put({
      kinds: SAMPLED_KINDS,
      queues: concerned.map(({ reading }) => reading.queue),
      found: concerned.flatMap(({ reading, found }) => found.map((one) => ({ ...ofQueue(reading.queue), ...one }))),
    });
  }

  /** Without a reading nothing is known of the pool's clock, and what was known stays. */
  async function noteClock({ pool: { pool }, skews, time }: PoolRound): Promise<void> {
    const least = skews.reduce<number | null>(
      (least, skew) => (least === null || Math.abs(skew) < Math.abs(least) ? skew : least),
      null,
    );
    if (least === null) return;
    const [before = []] = await problems.ofPools([pool]);
    const found = judgeClock({ pool, seconds: least / 1000, before, now: new Date(time()), limits });
    const isKnown = before.some(({ kind }) => kind === "clockSkew");
    if (isKnown || found.length > 0) await problems.put({ kinds: ["clockSkew"], found, pool });
  }

  /** The queues that were used since the last round. Not whole without a mark: then all come, used or not. */
  async function readUsed({ pool, activity, marks, isOver }: PoolRound) {
    const weights = new Map<string, { queue: QueueRef; weight: number }>();
    let mark = marks.read(pool.finest);
    const isFirst = mark === null;
    let more = true;
    while (more && !isOver()) {
      const page = await activity.changed({ mark, limit: CHANGED_PAGE });
      for (const { queue, weight } of page.queues) {
        const known = weights.get(queueKey(queue));
        weights.set(queueKey(queue), { queue, weight: weight + (known?.weight ?? 0) });
      }
      mark = page.mark;
      more = page.more;
    }
    return { pool: pool.pool, mark, queues: isFirst ? [] : [...weights.values()], isWhole: !isFirst && !more };
  }

  async function sampleFinest(
    pools: readonly SampledPool[],
    end: number,
    time: () => number,
    stop: Stop,
  ): Promise<void> {
    const round = { milliseconds: FINEST_MS, end, time, stop };
    const found = (await inEach(pools, round, readUsed)).filter((one) => one !== null);
    const used = new Map(found.map((one) => [one.pool, one]));
    const all = found.flatMap(({ pool, queues }) => queues.map(({ queue, weight }) => ({ pool, queue, weight })));
    const mostUsed = all.sort((a, b) => b.weight - a.weight).slice(0, MOST_USED);
    const byPool = Map.groupBy(mostUsed, ({ pool }) => pool);
    const readPools = pools.filter(({ pool }) => used.has(pool));
    await inEach(readPools, round, async (poolRound) => {
      const { pool } = poolRound;
      const chosen = (byPool.get(pool.pool) ?? []).map(({ queue }) => queue);
      const { taken, whole } = await sampleQueues(poolRound, chosen, FINEST);
      const of = used.get(pool.pool);
      const isWhole = whole && of?.isWhole === true && of.queues.length === chosen.length;
      const until = new Date(end);
      await samples.add({ pool, resolutionSeconds: FINEST, until, samples: taken, whole: isWhole });
      await samples.proceed(pool, "finest", { mark: poolRound.marks.write(of?.mark ?? null), until });
    });
  }

  async function sampleMinute(round: PoolRound): Promise<SampledPool | null> {
    const { pool, activity, marks, end, isOver } = round;
    const until = new Date(end);
    const taken: { id: number; sample: Sample }[] = [];
    const seen = new Set<string>();
    let mark = marks.read(pool.minute);
    // Without a mark that is good, the last whole minute says nothing of what comes.
    const before = mark === null ? null : pool.minute.until;
    let isWhole = true;
    const take = async (queues: readonly QueueRef[]) => {
      const unseen = queues.filter((queue) => !seen.has(queueKey(queue)));
      for (const queue of unseen) seen.add(queueKey(queue));
      const found = await sampleQueues(round, unseen, MINUTE);
      taken.push(...found.taken);
      isWhole &&= found.whole;
    };
    try {
      for (let more = true; more && isWhole; ) {
        if (isOver()) {
          isWhole = false;
          break;
        }
        const page = await activity.changed({ mark, limit: CHANGED_PAGE });
        await take(page.queues.map(({ queue }) => queue));
        if (isWhole) mark = page.mark;
        more = page.more;
      }
      if (isWhole) await take(await samples.due({ pool: pool.pool, limit: DUE }));
    } catch (error) {
      // What was taken is kept, and the next round goes on from there.
      isWhole = false;
      throw error;
    } finally {
      await samples.add({ pool, resolutionSeconds: MINUTE, until, samples: taken, whole: isWhole });
      await samples.proceed(pool, "minute", { mark: marks.write(mark), until: isWhole ? until : before });
    }
    await noteClock(round);
    return isWhole ? pool : null;
  }

  async function sampleAll(stop: Stop): Promise<void> {
    const names = await poolNames(control);
    const at = await samples.now();
    const began = now();
    const time = () => at.getTime() + now() - began;
    const end = endBefore(at.getTime(), FINEST);
    const finest = (await samples.pools(names)).filter(({ finest }) => isDue(finest, end));
    await sampleFinest(finest, end, time, stop);
    const minuteEnd = endBefore(at.getTime(), MINUTE);
    const pools = (await samples.pools(names)).filter(({ minute }) => isDue(minute, minuteEnd));
    if (pools.length === 0 || stop.isAborted()) return;
    const found = await inEach(pools, { milliseconds: MINUTE_MS, end: minuteEnd, time, stop }, sampleMinute);
    const whole = found.filter((pool) => pool !== null);
    if (stop.isAborted()) return;
    if (whole.length > 0) await samples.sumUp({ pools: whole, at, until: new Date(minuteEnd) });
    await samples.fold();
  }

  return {
    async sample(signal) {
      if (signal.aborted) return;
      const { promise: aborted, resolve } = Promise.withResolvers<null>();
      const abort = () => resolve(null);
      // The signal lives as long as the process, so a listener that stays on it leaks.
      signal.addEventListener("abort", abort);
      try {
        await sampleAll({ isAborted: () => signal.aborted, aborted });
      } finally {
        signal.removeEventListener("abort", abort);
      }
    },
  };
}

/** Of an instant that a store told between two instants of another clock. 0: the clocks may agree. */
function skewOf(told: number, asked: number, answered: number): number {
  return told > answered ? told - answered : Math.min(0, told - asked);
}

function marksOf(identity: string, end: number): Marks {
  const prefix = `${identity} `;
  return {
    read({ mark, until }) {
      const isKnown = mark?.startsWith(prefix) === true && end - (until?.getTime() ?? end) < MARK_MS;
      return isKnown ? mark.slice(prefix.length) : null;
    },
    write: (mark) => mark && `${prefix}${mark}`,
  };
}

const isDue = ({ until }: Progress, end: number) => (until?.getTime() ?? 0) < end;

/** A paused queue gives out nothing because somebody wants it so: that is no problem. */
const thresholdsOf = (attributes: ReservedAttributes, pause: Pause | null): Thresholds =>
  pause === null ? attributes : { ...attributes, stuckSeconds: 0, growingPercent: 0 };
