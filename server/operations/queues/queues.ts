import type { OperationContext } from "../context.ts";
import type { JobOperations } from "../jobs/jobs.ts";
import type { DeadLetters } from "../lifecycle/dead-letters.ts";
import type { QueueLifecycle } from "../lifecycle/queue-lifecycle.ts";
import type { QueueLookup } from "../lifecycle/queue-lookup.ts";
import type { Ticker } from "../live/ticker.ts";
import type { UndoRecorder } from "../undo/recorder.ts";
import { createQueuePurge, type QueuePurge } from "./purge.ts";
import { createQueueReads, type QueueReads } from "./read.ts";
import { createQueueStatistics, type QueueStatistics } from "./statistics.ts";
import { createQueueWrites, type QueueWrites } from "./write.ts";

/** Reading needs the permission read, changing operate. */
export interface QueueOperations extends QueueReads, QueueWrites, QueuePurge, QueueStatistics {}

export function createQueueOperations(
  context: OperationContext,
  parts: {
    lookup: QueueLookup;
    lifecycle: QueueLifecycle;
    recorder: UndoRecorder;
    ticker: Ticker;
    jobs: Pick<JobOperations, "followFlavor">;
    deadLetters: Pick<DeadLetters, "counted">;
  },
): QueueOperations {
  return {
    ...createQueueReads(context, parts),
    ...createQueueWrites(context, parts),
    ...createQueuePurge(context, parts),
    ...createQueueStatistics(context, parts),
  };
}
