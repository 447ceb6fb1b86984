/** Metrics of the whole installation, which every process tells alike. */
import { CHANGES, STATES } from "../history/sample.ts";
import type { LastSample } from "../history/sample-history.ts";
import type { Measures, SampledMeasures } from "../operations/metrics.ts";
import { PROBLEM_KINDS } from "../problems/problem.ts";
import type { Snapshot } from "./snapshot.ts";

type Labels = Record<string, string>;
interface Value {
  labels: Labels;
  value: number;
}

/** As in queues' reserved attributes, words are joined by underscores. */
const snake = (word: string) => word.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** `measures` null: they could not be read. */
export function measuredMetrics(measures: Measures | null): Snapshot {
  const counts = new Map(measures?.problems.map(({ kind, count }) => [kind, count]));
  const problems = PROBLEM_KINDS.map((kind) => ({ labels: { kind: snake(kind) }, value: counts.get(kind) ?? 0 }));
  return [
    gauge("isimud_problems", "What is wrong now, by kind, without what is snoozed.", measures === null ? [] : problems),
    ...sampledMetrics(measures?.samples ?? null),
  ];
}

function sampledMetrics(samples: SampledMeasures | null): Snapshot {
  const { now, pools, queues } = samples ?? { now: new Date(0), pools: [], queues: [] };
  const ofPools = (values: (pool: SampledMeasures["pools"][number], labels: Labels) => Value[]) =>
    pools.flatMap((one) => values(one, { pool: one.pool }));
  const ofQueues = (values: (queue: SampledMeasures["queues"][number], labels: Labels) => Value[]) =>
    queues.flatMap((one) => values(one, { project: one.project, queue: one.queue }));
  const depths = (sample: LastSample, labels: Labels) =>
    STATES.map((state) => ({ labels: { ...labels, state }, value: sample[state] }));
  const age = ({ oldestReadyAt }: LastSample) =>
    oldestReadyAt === null ? 0 : Math.max(0, (now.getTime() - oldestReadyAt.getTime()) / 1000);
  const asOf = ({ asOf: at }: LastSample) => at.getTime() / 1000;
  return [
    gauge("isimud_samples_up", "1: the metrics of pools and queues below are there. 0: no samples, or no answer.", [
      { labels: {}, value: samples === null ? 0 : 1 },
    ]),
    gauge(
      "isimud_pool_depth",
      "Messages of all queues of the pool, by state.",
      ofPools(({ sample }, labels) => depths(sample, labels)),
    ),
    gauge(
      "isimud_pool_oldest_ready_age_seconds",
      "Age of the oldest message in the pool that is ready; 0 without one.",
      ofPools(({ sample }, labels) => [{ labels, value: age(sample) }]),
    ),
    gauge(
      "isimud_pool_dead_letters",
      "Messages in queues of the pool that others use as their dead letter queue.",
      ofPools(({ deadLetters: value }, labels) => [{ labels, value }]),
    ),
    gauge(
      "isimud_pool_messages_per_second",
      "What happened to messages of the pool in the last minute, a second.",
      ofPools(({ sample: { rates } }, labels) =>
        rates === null
          ? []
          : CHANGES.map((change) => ({ labels: { ...labels, action: snake(change) }, value: rates[change] })),
      ),
    ),
    gauge(
      "isimud_pool_sampled_timestamp_seconds",
      "When the pool was sampled last.",
      ofPools(({ sample }, labels) => [{ labels, value: asOf(sample) }]),
    ),
    gauge(
      "isimud_queue_depth",
      "Messages of the queue, by state.",
      ofQueues(({ sample }, labels) => depths(sample, labels)),
    ),
    gauge(
      "isimud_queue_oldest_ready_age_seconds",
      "Age of the oldest message of the queue that is ready; 0 without one.",
      ofQueues(({ sample }, labels) => [{ labels, value: age(sample) }]),
    ),
    {
      ...gauge(
        "isimud_queue_messages_total",
        "What happened to the queue's messages since it was created.",
        ofQueues(({ totals }, labels) =>
          CHANGES.map((change) => ({ labels: { ...labels, action: snake(change) }, value: totals[change] })),
        ),
      ),
      type: "counter",
    },
    gauge(
      "isimud_queue_sampled_timestamp_seconds",
      "Until when the numbers of the queue are known to be right.",
      ofQueues(({ sample }, labels) => [{ labels, value: asOf(sample) }]),
    ),
  ];
}

function gauge(name: string, help: string, values: Value[]): Snapshot[number] {
  return { name, help, type: "gauge", aggregator: "first", values };
}
