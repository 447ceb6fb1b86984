/** The store of samples: the last one of each queue, pool and project, and their history. */
import type { RuleState } from "../problems/queue-rules.ts";
import type { QueueReading } from "../storage/activity.ts";
import type { QueueRef } from "../storage/queue-ref.ts";
import type { Where } from "../storage/where.ts";
import type { ByChange, Depths, ResolutionSeconds, Sample } from "./sample.ts";
import type { Interval, Span } from "./sample-series.ts";

/** The last sample of a queue, or of all queues of a pool or a project. */
export interface LastSample extends Depths {
  /** Until when the numbers are known to be right. The parts of a sum may be newer. */
  readonly asOf: Date;
  readonly total: number;
  /** False when the statistics of a queue were not: see QueueStats. */
  readonly exact: boolean;
  /** Messages a second. Null: unknown, as at the first sample. */
  readonly rates: ByChange | null;
}

/** What a history is about. */
export type Subject =
  | { readonly kind: "queue"; readonly project: string; readonly name: string }
  | { readonly kind: GroupKind; readonly name: string };
export type GroupKind = "project" | "pool";

export interface SampleReads {
  /** In the order asked; null for a queue without a sample. One statement for all. */
  last(queues: readonly QueueRef[]): Promise<(LastSample | null)[]>;
  /** The sums of pools or of projects. In the order asked; null without a sample. One statement for all. */
  lastOf(kind: GroupKind, names: readonly string[]): Promise<(LastSample | null)[]>;
  /**
   * The intervals of each subject, oldest first. In the order asked; null for a subject without a sample. A statement
   * for all, and one for each 4,000 blocks of samples. The span's ends are multiples of its resolution.
   */
  histories(subjects: readonly Subject[], span: Span): Promise<(Interval[] | null)[]>;
  /** Since when there are samples, of the resolutions that lost some because all together took too much. */
  cuts(): Promise<ReadonlyMap<ResolutionSeconds, Date>>;
  /** Messages in queues that others use as their dead letter queue, by pool. */
  deadLetters(): Promise<ReadonlyMap<string, number>>;
  /**
   * Queues that held claimed messages at their last samples, or from which somebody has claimed since; those that held
   * most first. `total` counts all, up to 10,000; not `exact` beyond.
   */
  claimedQueues(params: {
    projects: Where;
    queue?: string | undefined;
    limit: number;
  }): Promise<{ queues: QueueRef[]; total: number; exact: boolean }>;
  lastRounds(): Promise<LastRounds>;
}

/** When the queues of the pools were last sampled. */
export interface LastRounds {
  /** In the pool where that is longest ago, but for those that are behind. Null: no pool was sampled yet. */
  readonly at: Date | null;
  /** Pools that were never sampled, or more than BEHIND_MS before another one. By name. */
  readonly behind: readonly { readonly pool: string; readonly at: Date | null }[];
}

/** How far a pool was read. */
export interface Progress {
  /** Of its ActivityReads. Null: none yet. */
  readonly mark: string | null;
  /** The end of the last interval that was sampled. */
  readonly until: Date | null;
}

export interface SampledPool {
  readonly pool: string;
  readonly id: number;
  /** Every ten seconds. */
  readonly finest: Progress;
  /** Every minute. Only whole minutes count; the mark may be further. */
  readonly minute: Progress;
}

/** What a queue's next sample is compared with. */
export interface PreviousSample {
  readonly id: number;
  readonly takenAt: Date | null;
  readonly pool: string | null;
  readonly epoch: number | null;
  readonly totals: ByChange | null;
  readonly depths: Depths;
  /** The end of its last minute with a sample, and how it was then. */
  readonly minuteUntil: Date | null;
  readonly minute: { readonly totals: ByChange; readonly depths: Depths } | null;
  /** What the rules about problems remember. */
  readonly rules: RuleState;
}

/** A sample that becomes a queue's last one. */
export interface NextSample {
  readonly previous: PreviousSample;
  readonly pool: string;
  readonly reading: QueueReading;
  readonly rates: ByChange | null;
  readonly minuteUntil: Date | null;
  readonly minute: PreviousSample["minute"];
  /** The sampler also looks again at their `lookAt`. */
  readonly rules: RuleState;
}

/** For the sampler. Safe to use from many processes at once: no sample is taken twice. */
export interface SampleWrites {
  /** The store's clock. */
  now(): Promise<Date>;
  /** How far each pool was read, in the order asked. */
  pools(names: readonly string[]): Promise<SampledPool[]>;
  /** Queues that the catalogue has in this pool, and whose numbers changed by themselves since their last sample. */
  due(params: { pool: string; limit: number }): Promise<QueueRef[]>;
  /** In the order asked; null for a queue that does not exist. */
  previous(queues: readonly QueueRef[]): Promise<(PreviousSample | null)[]>;
  /** Returns the ids of those stored: not of queues that another process has sampled meanwhile. */
  replace(samples: readonly NextSample[]): Promise<ReadonlySet<number>>;
  /** Looks at a queue with the next minute, whether it was used or not. */
  lookAgain(queue: QueueRef): Promise<void>;
  /** Does not look at these again until they are used. */
  settle(queues: readonly QueueRef[]): Promise<void>;
  /** Adds to the history of queues; `id` is that of `PreviousSample`. A round that is not whole is continued. */
  add(params: {
    pool: SampledPool;
    resolutionSeconds: ResolutionSeconds;
    until: Date;
    samples: readonly { id: number; sample: Sample }[];
    /** All queues of the pool that changed in the interval are among `samples`. */
    whole: boolean;
  }): Promise<void>;
  /** Remembers how far a pool was read, unless another round has got further since `pool` was read. */
  proceed(pool: SampledPool, pace: "finest" | "minute", progress: Progress): Promise<void>;
  /**
   * Sums up the last samples of pools and projects, and adds the sums to their history. `pools` were sampled whole.
   * The rates of their queues that were not used in the minute that ends at `until` become 0.
   */
  sumUp(params: { pools: readonly SampledPool[]; at: Date; until: Date }): Promise<void>;
  /** Sums up what is complete at each resolution to samples of the next one. */
  fold(): Promise<void>;
}

export interface SampleStore extends SampleReads, SampleWrites {
  /** False: no samples are taken. */
  readonly isOn: boolean;
  /**
   * Deletes a batch of samples that are too old, or older than there is room for. Returns how many blocks of samples it
   * deleted.
   */
  trim(): Promise<number>;
  /** Forgets the sums of a deleted pool: another pool may get its name. */
  forgetPool(pool: string): Promise<void>;
}
