/** The health of pools over time, and the store that keeps it. */
import type { ErrorCode } from "../errors.ts";
import type { Page, PageRequest } from "../storage/list-pages.ts";

/** The result of one check of a pool. */
export interface HealthSample {
  pool: string;
  reachable: boolean;
  /** Why it was not reachable; else null. */
  errorCode: ErrorCode | null;
  /** In the order in which they were done. Empty when the pool could not be opened. */
  operations: { operation: string; milliseconds: number; errorCode: ErrorCode | null }[];
}

/** The samples of a pool from `from` until before `until`, summed up. */
export interface HealthInterval {
  pool: string;
  from: Date;
  until: Date;
  /** When the newest sample was taken. Null without samples. */
  lastAt: Date | null;
  samples: number;
  /** Samples at which the storage did not answer. */
  unreachable: number;
  /** Samples at which the storage answered, but an operation failed. */
  failing: number;
  /** The latest reason why it was not reachable. Null when it was always reachable. */
  errorCode: ErrorCode | null;
  /**
   * Of the time that all operations of a sample took together. Only samples in which all succeeded; null without any.
   */
  p50Ms: number | null;
  p95Ms: number | null;
}

export interface OperationInterval {
  operation: string;
  samples: number;
  failed: number;
  /** The latest reason why it failed. Null when it never did. */
  errorCode: ErrorCode | null;
  /** Of the times of those that succeeded; null without any. */
  p50Ms: number | null;
  p95Ms: number | null;
}

/**
 * Keeps samples for a day, or for a shorter time when there are very many pools. Does not check that a pool exists.
 * Safe to use from many processes at once.
 */
export interface HealthHistory {
  /** Seconds between two rounds of samples. 0: none are taken. */
  readonly everySeconds: number;
  /** Seconds for which a sample is kept, at most. */
  readonly keptSeconds: number;
  /** Adds a sample with the store's own time. */
  add(sample: HealthSample): Promise<void>;
  /**
   * The intervals of `stepSeconds` of each pool that have samples, newest first. The marker is the interval's begin in
   * seconds since 1970, so it stays valid when the step changes. In the order asked, with one statement for all.
   */
  intervals(params: {
    pools: readonly string[];
    stepSeconds: number;
    since?: Date;
    page: PageRequest;
  }): Promise<Page<HealthInterval>[]>;
  /**
   * The last `steps` intervals of each pool, up to the present one, oldest first, also those without samples. In the
   * order asked, with one statement for all pools.
   */
  latest(params: { pools: readonly string[]; stepSeconds: number; steps: number }): Promise<HealthInterval[][]>;
  /**
   * The operations in each interval, over the samples at which the storage answered. In the order asked, with one
   * statement for all intervals.
   */
  operations(intervals: readonly Pick<HealthInterval, "pool" | "from" | "until">[]): Promise<OperationInterval[][]>;
  /** When the newest sample of any pool was taken. Null without samples. */
  lastAt(): Promise<Date | null>;
  /** Deletes the samples of a deleted pool. A check that runs meanwhile may add one more afterwards. */
  forget(pool: string): Promise<void>;
  /** Deletes a batch of samples that are too old, or too many. Returns how many it deleted. */
  trim(): Promise<number>;
}
