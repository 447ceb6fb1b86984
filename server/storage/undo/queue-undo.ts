import type { QueueRef } from "../queue-ref.ts";

/**
 * What a pool can bring back. Purges, deletions of queues and deletes of messages that get an `undoToken` are kept for
 * the pool's undo window; gc frees them later.
 */
export interface QueueUndo {
  /**
   * Brings back what was removed under the token, and begins a new life of the queue here with `newEpoch`: all in one
   * step for other callers, whose calls with the former epoch are QUEUE_EPOCH_STALE from then on. The exception is a
   * Redis pool, to which many messages were posted since: there the messages come back in steps, oldest first, and a
   * repeat continues after a crash.
   *
   * Messages come back with their ids, markers and times, held by no claim. Those that have expired since do not.
   * What was posted since stays, with its claims. The queue's idempotency keys stay, or come back with a deleted queue.
   *
   * `queue.epoch` is the life that ends: for a deleted queue that in which it was deleted. Returns how many messages
   * came back, null when that is not known. A repeat with the same `newEpoch` changes nothing and returns null there.
   *
   * UNDO_IS_OVER when nothing is kept under the token: the window is over, or the queue was purged again, has moved, or
   * lives here again. QUEUE_IS_MOVING, QUEUE_EPOCH_STALE.
   */
  restore(params: {
    queue: QueueRef & { epoch: number };
    token: string;
    what: Undoable;
    newEpoch: number;
  }): Promise<{ messages: number | null }>;
}

/** What was done: all or the beginning was purged, the queue was deleted, or some messages were. */
export type Undoable = "purge" | "queue" | "messages";
