/** Pools that only know how their queues are used, for tests of samples. Tests say what happens, and when. */

import type { Engine } from "../../server/bootstrap.ts";
import { type ByChange, CHANGES } from "../../server/history/sample.ts";
import { createOperations } from "../../server/operations/create-operations.ts";
import type { ActivityReads, QueueReading } from "../../server/storage/activity.ts";
import type { DataDriver } from "../../server/storage/data-driver.ts";
import { type QueueRef, queueKey } from "../../server/storage/queue-ref.ts";
import { over } from "../operations/a-service.ts";

type Totals = { -readonly [Change in keyof ByChange]: number };
type States = Pick<QueueReading["stats"], "ready" | "claimed" | "delayed" | "exhausted">;

export interface FakeQueue {
  epoch: number;
  totals: Totals;
  states: States;
  oldestReadyAt: Date | null;
  changesAt: Date | null;
}

export class FakePool implements ActivityReads {
  readonly queues = new Map<string, FakeQueue>();
  /** Queues that were read, by name. */
  readonly reads: string[] = [];
  /** Thrown, or waited for, instead of an answer. */
  failure: Error | Promise<never> | null = null;
  readonly #log: { queue: QueueRef; weight: number }[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  queue(ref: QueueRef): FakeQueue {
    const key = queueKey(ref);
    const queue = this.queues.get(key) ?? {
      epoch: 1,
      totals: Object.fromEntries(CHANGES.map((change) => [change, 0])) as Totals,
      states: { ready: 0, claimed: 0, delayed: 0, exhausted: 0 },
      oldestReadyAt: null,
      changesAt: null,
    };
    this.queues.set(key, queue);
    return queue;
  }

  /** Messages are posted, and so many of them deleted. */
  use(ref: QueueRef, { posted = 0, deleted = 0 }: { posted?: number; deleted?: number }): void {
    const queue = this.queue(ref);
    queue.totals.posted += posted;
    queue.totals.deleted += deleted;
    queue.states.ready += posted - deleted;
    queue.oldestReadyAt = queue.states.ready === 0 ? null : (queue.oldestReadyAt ?? new Date(this.#now()));
    this.#log.push({ queue: ref, weight: posted + deleted });
  }

  /** What the pool had is lost, and the queue's life goes on. */
  lose(ref: QueueRef): void {
    const { epoch } = this.queue(ref);
    this.queues.delete(queueKey(ref));
    this.queue(ref).epoch = epoch;
    this.#log.push({ queue: ref, weight: 1 });
  }

  async changed({ mark, limit }: { mark: string | null; limit: number }) {
    if (this.failure !== null) throw await this.failure;
    const from = mark === null ? 0 : Number(mark);
    const entries = this.#log.slice(from, from + limit);
    const found = new Map<string, { queue: QueueRef; weight: number }>();
    for (const { queue, weight } of entries) {
      const known = found.get(queueKey(queue))?.weight ?? 0;
      found.set(queueKey(queue), { queue, weight: known + weight });
    }
    const end = from + entries.length;
    return { queues: [...found.values()], mark: String(end), more: end < this.#log.length };
  }

  async read(refs: readonly QueueRef[]): Promise<(QueueReading | null)[]> {
    if (this.failure !== null) throw await this.failure;
    this.reads.push(...refs.map(({ name }) => name));
    return refs.map((ref) => {
      const queue = this.queues.get(queueKey(ref));
      if (queue === undefined) return null;
      const { epoch, totals, states, oldestReadyAt, changesAt } = queue;
      const total = states.ready + states.claimed + states.delayed + states.exhausted;
      return {
        queue: { project: ref.project, name: ref.name, epoch },
        totals: { ...totals },
        stats: { ...states, total, exact: true },
        oldestReadyAt,
        changesAt,
        takenAt: new Date(this.#now()),
      };
    });
  }
}

type Parts = Pick<
  Engine,
  | "control"
  | "data"
  | "stores"
  | "jobs"
  | "dryRuns"
  | "presentAccess"
  | "accounts"
  | "history"
  | "samples"
  | "consumers"
  | "problems"
  | "config"
>;

/** Rounds of samples of these pools. `warned` gets what is logged. */
export function samplingOf(engine: Parts, pools: ReadonlyMap<string, FakePool>, warned: string[] = []) {
  const { control, data, stores, jobs, history, samples, consumers, problems, config: limits } = engine;
  const { dryRuns, presentAccess, accounts } = engine;
  const { queueSampling } = createOperations({
    ...{ dryRuns, presentAccess, accounts, control, stores, jobs, history, samples, consumers, problems, limits },
    data: over(data, {
      pool: async (name) => {
        const activity = pools.get(name);
        if (activity === undefined) return data.pool(name);
        return over<DataDriver>(await data.pool("default"), { activity });
      },
    }),
    now: () => performance.now(),
    warn: (message, error) => warned.push(`${message}: ${(error as Error).message}`),
  });
  return (signal = new AbortController().signal) => queueSampling.sample(signal);
}
