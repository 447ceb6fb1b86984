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
  /** Transfers of this batch that have begun, perhaps. They must be finished before anything else. */
  begun: BegunTransfer[];
  /** Batches so far. */
  batches: number;
}

export interface BegunTransfer {
  to: QueueRef;
  ids: string[];
  /** A repeat with it moves nothing twice. */
  key: string;
}

const BEGINNING: Position = { queue: 0, after: null, done: 0, left: [], begun: [], batches: 0 };

function readPosition({ positionText }: Job): Position {
  return positionText === null ? BEGINNING : { ...BEGINNING, ...(JSON.parse(positionText) as Partial<Position>) };
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
    const { left, ...at } = readPosition(job);
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

  get begun(): readonly BegunTransfer[] {
    return this.#at.begun;
  }

  /** Stores what is about to be done, so that whoever continues finishes it. A safe point. */
  async begin(transfers: readonly Omit<BegunTransfer, "key">[]): Promise<readonly BegunTransfer[]> {
    const { token } = this.dryRun;
    const begun = transfers.map((one, index) => ({ ...one, key: `${token}.${this.#at.batches}.${index}` }));
    this.#at = { ...this.#at, begun };
    this.#tell();
    await this.store();
    return begun;
  }

  /** The end of a batch. */
  reached(after: string | undefined, done: number): void {
    const { batches } = this.#at;
    this.#at = {
      ...this.#at,
      after: after ?? this.#at.after,
      done: this.#at.done + done,
      begun: [],
      batches: batches + 1,
    };
    this.#tell();
  }

  nextQueue(): void {
    this.kept = null;
    this.#at = { ...this.#at, queue: this.#at.queue + 1, after: null, begun: [] };
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

export const leftOf = (job: Job): LeftBehind[] => readPosition(job).left;

/** When it ends if it goes on as since its holder took it. Null: unknown, held or ended. */
export function endOf({ state, held, progress, total, rate, ratePerSecond }: Job): Date | null {
  if (state !== "running" || held || total === null) return null;
  const perSecond = Math.min(rate ?? 0, ratePerSecond ?? Number.POSITIVE_INFINITY);
  const milliseconds = (Math.max(0, total - progress) / perSecond) * 1000;
  return perSecond > 0 && milliseconds < MAX_ESTIMATE_MS ? new Date(Date.now() + milliseconds) : null;
}
