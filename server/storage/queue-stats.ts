/** How many messages a queue holds, and what has happened to them. */
import type { QueueRef } from "./queue-ref.ts";
import type { QueueTotals } from "./queue-totals.ts";

/** How many messages are in which state (see MessageState): ready + claimed + delayed + exhausted = total. */
export interface MessageCounts {
  ready: number;
  claimed: number;
  delayed: number;
  exhausted: number;
  total: number;
  /**
   * False when the queue has more messages than are counted one by one. Then the numbers come from counters.
   * `exhausted` is a lower bound then, counted among the oldest messages; the others count as ready.
   */
  exact: boolean;
}

/** Up to 10,000 messages are counted one by one. */
export interface QueueStats extends MessageCounts {
  oldest: MessageStamp | null;
  newest: MessageStamp | null;
  totals: QueueTotals;
}

/** A queue whose messages are counted. */
export interface CountedQueue extends QueueRef {
  /** See MessageState. */
  readonly exhaustedFrom?: number | null;
}

export interface MessageStamp {
  id: string;
  ageSeconds: number;
  createdAt: Date;
}
