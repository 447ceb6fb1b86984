/** Changes of a queue's metadata, and what follows from them. */
import { DomainError } from "../../errors.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import { audited, type Trace } from "../audit/audit-trail.ts";
import type { OperationContext } from "../context.ts";
import { type QueueMetadata, readMetadata } from "../input/queue-metadata.ts";
import { refuseUnknownAttributes, unknownAttributes } from "../input/unknown-attributes.ts";
import type { JobOperations } from "../jobs/jobs.ts";
import type { QueueLookup } from "./queue-lookup.ts";
import { type QueueRecord, queueRecord } from "./queue-record.ts";
import { requireRoomForMetrics } from "./queues-with-metrics.ts";

/**
 * `strict`: BAD_INPUT for a key that begins with an underscore and is no reserved attribute, unless it is stored
 * already with this value.
 */
export interface MetadataRules {
  strict?: boolean;
}

export interface MetadataChanges {
  /**
   * Stores what `change` makes of the metadata, in one step: changes by several callers at once are all kept. Metadata
   * that stays as it is writes nothing. Another `_flavor` also adds a job that moves the queue to a pool of it. A crash
   * before the job is added leaves the new metadata; a repeat adds the job, unless `_flavor` was removed.
   * Another `_history_seconds` is told to the queue's pool, or nothing is stored: STORAGE_UNAVAILABLE, NOT_SUPPORTED.
   * QUEUE_DOES_NOT_EXIST, FLAVOR_DOES_NOT_EXIST, NO_POOL_FOUND, TOO_LARGE for one `_metrics` too many.
   */
  apply(
    queue: QueueRef,
    trace: Trace,
    rules: MetadataRules,
    change: (before: QueueMetadata) => QueueMetadata,
  ): Promise<QueueRecord>;
}

const THRESHOLDS = ["stuckSeconds", "growingPercent", "lapsingPercent", "deadLettersArriving"] as const;

export function createMetadataChanges(
  context: OperationContext,
  { lookup, jobs }: { lookup: QueueLookup; jobs: Pick<JobOperations, "followFlavor"> },
): MetadataChanges {
  const { control, data, samples, limits, warn } = context;

  /** Before a queue's flavor changes: FLAVOR_DOES_NOT_EXIST, or NO_POOL_FOUND when none of its pools takes queues. */
  async function requirePoolOf(queue: QueueRef, flavor: string | null): Promise<void> {
    if (flavor !== null && !(await control.flavors.exists({ project: queue.project, name: flavor }))) {
      throw new DomainError("FLAVOR_DOES_NOT_EXIST", `There is no flavor ${flavor} in this project. Create it first.`, {
        details: { field: "_flavor", flavor },
      });
    }
    await data.choosePool(flavor);
  }

  return {
    async apply(queue, trace, { strict }, change) {
      let thresholdsChanged = false;
      let flavor: { before: string | null; after: string | null } = { before: null, after: null };
      const record = await audited(context, trace, async (tx) => {
        const before = readMetadata(limits, await tx.queues.getMetadata(queue));
        const after = change(before);
        if (strict === true) refuseUnknownAttributes(unknownAttributes(after.text), before.text);
        flavor = { before: before.effective.flavor, after: after.effective.flavor };
        thresholdsChanged = THRESHOLDS.some((field) => before.effective[field] !== after.effective[field]);
        if (flavor.before !== flavor.after) await requirePoolOf(queue, flavor.after);
        if (after.effective.metrics && !before.effective.metrics) await requireRoomForMetrics(tx.queues);
        const changed = after.text !== before.text;
        if (changed) await tx.queues.setMetadata(queue, after.text);
        // Before the commit: a pool that refuses it, or cannot be reached, leaves the metadata as it was.
        const seconds = after.effective.historySeconds;
        if (seconds !== before.effective.historySeconds) await data.lives.keep({ queue, seconds });
        const result = queueRecord(limits, await tx.queues.get(queue), after);
        // Only the reserved attributes are audited: users' own keys may hold anything.
        return { result, details: { before: before.stored, after: after.stored }, changed };
      });
      await lookup.forget(queue);
      if (thresholdsChanged) {
        // Of a queue that is not used, nothing else says that it must be looked at.
        await samples
          .lookAgain(queue)
          .catch((error: unknown) => warn("A queue with new thresholds could not be marked", error));
      }
      const { before, after } = flavor;
      if (before !== after) await jobs.followFlavor(trace.access, queue, after);
      // Completes a change of flavor that was interrupted before the job was added.
      else if (after !== null) {
        await jobs.followFlavor(trace.access, queue, after).catch((error: unknown) => {
          warn("A queue in a pool of another flavor could not be moved", error);
        });
      }
      return record;
    },
  };
}
