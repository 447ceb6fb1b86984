import type { DryRun, PlannedQueue } from "../../jobs/dry-run.ts";
import type { Job, LeftBehind } from "../../jobs/job.ts";
import type { JobProgress } from "../../jobs/job-work.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import type { KeptDeletes } from "../undo/recorder.ts";
import { LeftCounts } from "./left-counts.ts";

/** Nobody plans with more: ten years. */
const MAX_ESTIMATE_MS = 315_360_000_000;

/** Where a job goes on. */
export interface Position {
  /** Index of the queue in the plan. */
  queue: number;
  /** The position of `select` in it. */
  after: string | null;
  done: number;
  left: LeftBehind[];
  /** Transfers that have begun, perhaps. Those of the queue must be finished before anything else. */
  begun: BegunTransfer[];
  /** Batches so far. */
  batches: number;
}

export interface BegunTransfer {
  from: QueueRef;
  to: QueueRef;
  ids: string[];
  /** A repeat with it moves nothing twice. */
  key: string;
}

const BEGINNING: Position = { queue: 0, after: null, done: 0, left: [], begun: [], batches: 0 };

function readPosition({ positionText }: Job): Position {
  return positionText === null ? BEGINNING : { ...BEGINNING, ...(JSON.parse(positionText) as Partial<Position>) };
}

/** Where the job is. An older process did not write where transfers come from: from the queue that it was at. */
export function positionOf(job: Job, { plan }: DryRun): Position {
  const position = readPosition(job);
  const { project = "", name = "" } = plan.queues[position.queue] ?? {};
  const begun = position.begun.map((one) => ({ ...one, from: one.from ?? { project, name } }));
  return { ...position, begun };
}

/** What a job has done, and where it is. */
export class Run {
  readonly job: Job;
  readonly dryRun: DryRun;
  readonly progress: JobProgress;
  readonly left: LeftCounts;
  /** What this run has deleted of the queue, if it can be taken back. */
  kept: KeptDeletes | null = null;
  #at: Omit<Position, "left">;

  constructor(job: Job, dryRun: DryRun, progress: JobProgress) {
    const { left, ...at } = positionOf(job, dryRun);
    this.job = job;
    this.dryRun = dryRun;
    this.progress = progress;
    this.left = new LeftCounts(left);
    this.#at = at;
    this.#tell();
  }

  get next(): PlannedQueue | null {
    return this.dryRun.plan.queues[this.#at.queue] ?? null;
  }

  get after(): string | undefined {
    return this.#at.after ?? undefined;
  }

  get done(): number {
    return this.#at.done;
  }

  begunFrom(queue: QueueRef): readonly BegunTransfer[] {
    return this.#at.begun.filter(isFrom(queue));
  }

  /** Stores what is about to be done, so that whoever continues finishes it. A safe point. */
  async begin(from: QueueRef, transfers: readonly Pick<BegunTransfer, "to" | "ids">[]): Promise<void> {
    const { begun, batches } = this.#at;
    const key = (index: number) => `${this.dryRun.token}.${batches}.${index}`;
    const { project, name } = from;
    const added = transfers.map((one, index) => ({ ...one, from: { project, name }, key: key(index) }));
    this.#begin([...begun, ...added]);
    try {
      await this.store();
    } catch (error) {
      // Nothing is done, so a job that ends here has left nothing.
      this.#begin(begun);
      throw error;
    }
  }

  #begin(begun: BegunTransfer[]): void {
    this.#at = { ...this.#at, begun };
    this.#tell();
  }

  /** The end of a batch: the transfers from the queue are finished. */
  reached(after: string | undefined, done: number): void {
    const { batches, begun } = this.#at;
    const { next } = this;
    this.#at = {
      ...this.#at,
      after: after ?? this.#at.after,
      done: this.#at.done + done,
      begun: next === null ? begun : begun.filter((one) => !isFrom(next)(one)),
      batches: batches + 1,
    };
    this.#tell();
  }

  /** Transfers from a queue that was deleted meanwhile stay begun: it may come back. */
  nextQueue(): void {
    this.kept = null;
    this.#at = { ...this.#at, queue: this.#at.queue + 1, after: null };
    this.#tell();
  }

  /** Stores how far it came. A safe point. */
  store(): Promise<void> {
    return this.progress.patiently(() => this.progress.confirm());
  }

  #tell(): void {
    const { value, exact } = this.dryRun.plan.count;
    this.progress.report(this.#at.done, exact ? value : null);
    this.progress.keep({ ...this.#at, left: this.left.list() } satisfies Position);
  }
}

const isFrom =
  ({ project, name }: QueueRef) =>
  ({ from }: BegunTransfer) =>
    from.project === project && from.name === name;

export const leftOf = (job: Job): LeftBehind[] => readPosition(job).left;

/** When it ends if it goes on as since its holder took it. Null: unknown, held or ended. */
export function endOf({ state, held, progress, total, rate, ratePerSecond }: Job): Date | null {
  if (state !== "running" || held || total === null) return null;
  const perSecond = Math.min(rate ?? 0, ratePerSecond ?? Number.POSITIVE_INFINITY);
  const milliseconds = (Math.max(0, total - progress) / perSecond) * 1000;
  return perSecond > 0 && milliseconds < MAX_ESTIMATE_MS ? new Date(Date.now() + milliseconds) : null;
}
