/** What samples over time are, and what keeps them. So far of the pools' health. */
import type { ErrorCode } from "../errors.ts";
import type { Page, PageRequest } from "../storage/list-pages.ts";

/** How a pool was when it was tried. */
export interface HealthSample {
  pool: string;
  reachable: boolean;
  /** Why it was not reachable. */
  errorCode: ErrorCode | null;
  /** In the order in which they were tried; none when the pool could not be opened. */
  operations: { operation: string; milliseconds: number; errorCode: ErrorCode | null }[];
}

/** What the samples of a stretch of time say together. */
export interface HealthInterval {
  pool: string;
  from: Date;
  until: Date;
  /** Of the newest sample; null without any. */
  lastAt: Date | null;
  samples: number;
  /** Samples at which the storage did not answer. */
  unreachable: number;
  /** Samples at which it answered, but an operation failed. */
  failing: number;
  /** The last reason why it was not reachable. */
  errorCode: ErrorCode | null;
  /** Of the time that all operations of a sample took together, over samples in which all succeeded; null without any. */
  p50Ms: number | null;
  p95Ms: number | null;
}

export interface OperationInterval {
  operation: string;
  samples: number;
  failed: number;
  /** The last reason why it failed. */
  errorCode: ErrorCode | null;
  /** Of those that succeeded; null without any. */
  p50Ms: number | null;
  p95Ms: number | null;
}

/** Samples are kept for a day, or less long when there are very many pools. Does not check that a pool exists. */
export interface HealthHistory {
  /** Seconds between two rounds of samples; 0: none are taken. */
  readonly everySeconds: number;
  /** Seconds for which a sample is kept, at most. */
  readonly keptSeconds: number;
  /** Stamped with the store's own time. */
  add(sample: HealthSample): Promise<void>;
  /** Stretches of `stepSeconds` that have samples, newest first. Marker = seconds since 1970 of where one begins, so it outlives a change of the step. */
  intervals(params: {
    pool: string;
    stepSeconds: number;
    since?: Date;
    page: PageRequest;
  }): Promise<Page<HealthInterval>>;
  /** The last `steps` stretches of each pool, the present one too, oldest first, those without samples as well; one statement for all. In the order asked. */
  latest(params: { pools: readonly string[]; stepSeconds: number; steps: number }): Promise<HealthInterval[][]>;
  /** Each operation within each stretch, of the samples at which the storage answered, in the order asked; one statement for all. */
  operations(intervals: readonly Pick<HealthInterval, "pool" | "from" | "until">[]): Promise<OperationInterval[][]>;
  /** When the newest sample of all was taken; null without any. */
  lastAt(): Promise<Date | null>;
  /** Of a pool that is no more. One that is being taken meanwhile may come after. */
  forget(pool: string): Promise<void>;
  /** Frees a batch of what is too old or too much, and says how many. */
  trim(): Promise<number>;
}
