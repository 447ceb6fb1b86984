/** The work of jobs that move queues. Each may be interrupted at any point, and starts again from the present state. */
import { requireEverywhere } from "../../access/access.ts";
import { NEEDS } from "../../access/needs.ts";
import type { Job } from "../../jobs/job.ts";
import type { JobWork } from "../../jobs/job-work.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import type { Transaction } from "../audit/audit-trail.ts";
import type { OperationContext } from "../context.ts";
import { requirePresentRight } from "../jobs/rights.ts";
import { createDeadLetterGroups, type DeadLetterGroups } from "./dead-letter-groups.ts";
import { drainPool, giveWeightBack, requireElsewhere } from "./drain-pool.ts";
import { flavorOf } from "./move-parts.ts";
import { moveQueue, requireMovable } from "./move-queue.ts";
import type { QueueMoves } from "./queue-moves.ts";

export interface MoveWork {
  readonly kinds: Record<"moveQueue" | "drainPool", JobWork>;
  readonly groups: DeadLetterGroups;
  /** The flavor that metadata asks for; null = none. */
  flavorOf(metadataText: string): string | null;
  /**
   * Returns the queue's pool. NOT_SUPPORTED when one of the two pools cannot move queues, POOL_URI_IN_USE for one
   * store.
   */
  requireMovable(queue: QueueRef, pool: string): Promise<string>;
  /**
   * NO_POOL_FOUND when one of the pool's first hundred queues has no other pool to go to. Pools that cannot be reached
   * now count as well.
   */
  requireElsewhere(pool: string): Promise<void>;
  /** Restores the pool's weight after a drain that was given up, unless somebody has set it since. */
  giveWeightBack(tx: Transaction, job: Job): Promise<void>;
}

export function createMoveWork(
  context: Pick<OperationContext, "control" | "data" | "limits" | "presentAccess">,
  moves: QueueMoves,
): MoveWork {
  const { control, data, limits } = context;
  const groups = createDeadLetterGroups(context);
  const requireRight = async (job: Job) => {
    const isMove = job.kind === "moveQueue";
    const access = await requirePresentRight(context, job, isMove ? [{ project: job.project ?? "" }] : []);
    if (!isMove) requireEverywhere(access, NEEDS.drainPool.permission);
  };
  const parts = { control, data, limits, moves, groups, requireRight };
  return {
    kinds: {
      moveQueue: (job, progress) => moveQueue(parts, job, progress),
      drainPool: (job, progress) => drainPool(parts, job, progress),
    },
    groups,
    flavorOf: (metadataText) => flavorOf(parts, metadataText),
    requireMovable: (queue, pool) => requireMovable(parts, queue, pool),
    requireElsewhere: (pool) => requireElsewhere(parts, pool),
    giveWeightBack,
  };
}
