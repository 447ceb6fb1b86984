/** The data plane over all pools, as operations see it. */
import type { BatchResult } from "./batch-result.ts";
import type { DataDriver, FoundStore, StoreFacts } from "./data-driver.ts";
import type { QueueRef } from "./queue-ref.ts";
import type { CountedQueue, QueueStats } from "./queue-stats.ts";

/**
 * A data driver over all pools: it sends each call to the pool that the catalogue names. Callers of the data plane use
 * it like any driver. QUEUE_NOT_MAPPED for a queue that exists and has no catalogue entry. `stats` returns null for
 * such a queue, and for the queues of a pool that fails; when every pool fails, `stats` fails too.
 */
export interface PooledDataDriver extends DataDriver {
  /** Like `messages.stats`, with its error for each queue whose pool fails. */
  tryStats(queues: readonly CountedQueue[]): Promise<BatchResult<QueueStats | null>[]>;
  /**
   * Chooses the pool for a new queue, at random in proportion to the weights: among the pools of the flavor, or among
   * those without a flavor when it is null. A pool with weight 0 is never chosen. NO_POOL_FOUND.
   *
   * A queue without a flavor goes to the built-in pool "default" when no registered pool takes queues. Pools seen
   * failing within the last minute, even in part, are chosen only if every weighted pool is failing. Choosing never
   * probes. `random` returns numbers as Math.random does.
   */
  choosePool(flavor: string | null, random?: () => number): Promise<string>;
  /**
   * Tells `choosePool` what a call straight to a pool's driver showed: whether the storage answers and takes writes.
   */
  noteReachable(name: string, reachable: boolean): void;
  /** The driver of one pool, opened at the first use. POOL_DOES_NOT_EXIST, STORAGE_UNAVAILABLE. */
  pool(name: string): Promise<DataDriver>;
  /** BAD_INPUT when the URI cannot be that of a pool. Makes no connection. */
  checkUri(uri: string): void;
  /**
   * Connects to a URI, with a short time-out, and returns what the store is and can do. Checks that a pool can be
   * created there, and writes nothing. BAD_INPUT, POOL_NOT_REACHABLE.
   */
  inspect(uri: string): Promise<FoundStore>;
  /** Like `inspect`, and creates the store's tables and identity if they are missing. May be repeated. */
  prepare(uri: string): Promise<StoreFacts>;
  /** Looks up many queues in the catalogue with one statement, so that calls of the next second need none. */
  locateQueues(queues: readonly QueueRef[]): Promise<void>;
  /** Drops the queue's location from this process's cache. Other processes notice a change within a second. */
  forgetQueue(queue: QueueRef): Promise<void>;
  /** Closes the pool's driver once its calls in flight have ended. The next use opens a new one. */
  forgetPool(name: string): Promise<void>;
}
