/** What jobs that move queues share. */
import type { Job } from "../../jobs/job.ts";
import type { QueueMove } from "../../storage/control-driver.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import type { Transaction } from "../audit/audit-trail.ts";
import type { OperationContext } from "../context.ts";
import { readMetadata } from "../input/queue-metadata.ts";
import type { DeadLetterGroups } from "./dead-letter-groups.ts";
import { orIfMissing } from "./queue-lookup.ts";
import type { QueueMoves } from "./queue-moves.ts";

export interface MoveParts extends Pick<OperationContext, "control" | "data" | "limits"> {
  /** FORBIDDEN when the asker of the job may not do it any more. */
  requireRight(job: Job): Promise<void>;
  moves: QueueMoves;
  groups: DeadLetterGroups;
}

/** The flavor that metadata asks for; null = none. */
export function flavorOf({ limits }: Pick<MoveParts, "limits">, metadataText: string): string | null {
  return readMetadata(limits, metadataText).effective.flavor;
}

/** The queue's metadata; null when the queue is missing. */
export function metadataOf({ control }: MoveParts, queue: QueueRef): Promise<string | null> {
  return orIfMissing<string | null>(
    () => control.queues.getMetadata(queue),
    () => null,
  );
}

/** Audits each move in the transaction that changes the catalogue, with the actor who asked for the job. */
export const writeDown =
  ({ id, actor, requestId }: Job) =>
  async (tx: Transaction, { project, queue, source, target, epoch }: QueueMove) => {
    const details = JSON.stringify({ before: source, after: target, epoch, job: id });
    await tx.audit.append({
      actor,
      requestId,
      action: "moveQueue",
      project,
      target: queue,
      outcome: "done",
      detailsText: details,
      reason: null,
    });
  };
