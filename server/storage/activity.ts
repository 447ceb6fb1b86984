/** Which queues are used, and how each is now: what a sampler asks of a data driver, for many queues at a time. */
import type { QueueRef } from "./queue-ref.ts";
import type { CountedQueue, MessageCounts } from "./queue-stats.ts";
import type { QueueTotals } from "./queue-totals.ts";

export interface QueueReading {
  queue: QueueRef & { epoch: number };
  totals: QueueTotals;
  /** As in QueueStats, but only up to 1,000 messages are counted one by one. */
  stats: MessageCounts;
  /** When the oldest ready message was posted. Null when none is ready, or none among the 10,000 oldest messages. */
  oldestReadyAt: Date | null;
  /**
   * When a number changes by itself next: a claim or a delay ends, a message expires. Null: never. Of the messages of a
   * queue that is not exact, only the oldest is asked when it expires.
   */
  changesAt: Date | null;
  /** The store's clock. */
  takenAt: Date;
}

export interface ChangedQueue {
  queue: QueueRef;
  /** How busy the queue was in the last seconds: to be compared with the other queues of the same pool. */
  weight: number;
}

export interface ActivityReads {
  /**
   * The queues that were used since `mark`, each once, at most `limit`. Null: all that hold messages or were used
   * within a day, perhaps more. Ask again with the `mark` of the answer, at once when there are `more`. Each process
   * tells of its calls within about a second, so a queue may come once more than it was used, and comes that much
   * later. Claims and delays that end, and messages that expire, are no use: see `changesAt`.
   *
   * A mark is good for a day. Only the store that gave it understands it.
   */
  changed(params: {
    mark: string | null;
    limit: number;
  }): Promise<{ queues: ChangedQueue[]; mark: string; more: boolean }>;
  /** In the order given, at most 1,000. Null for a queue that is not here. The cost of a long queue is bounded. */
  read(queues: readonly CountedQueue[]): Promise<(QueueReading | null)[]>;
}
