/**
 * Moves queues between pools, across the control plane and both pools. Before anything else each attempt gets a record
 * with a lease in the control database (see MoveLedger). So after a crash at any point, the process that finds the
 * record knows whether to undo the attempt or to finish it.
 */
import { randomUUID } from "node:crypto";
import { DomainError } from "../../errors.ts";
import type { QueueMove } from "../../storage/control-driver.ts";
import { DEFAULT_POOL } from "../../storage/data-driver.ts";
import { type MoveReport, moveQueue } from "../../storage/moves/queue-move.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import type { Transaction } from "../audit/audit-trail.ts";
import type { OperationContext } from "../context.ts";
import { LEASE_SECONDS, MoveLease } from "./move-lease.ts";
import { MoveRecovery, queueChanged } from "./move-recovery.ts";
import { orIfMissing } from "./queue-lookup.ts";

const BEGIN_ATTEMPTS = 3;

export interface QueueMoves {
  /**
   * Moves the queue with everything that belongs to it, while clients use it. Returns null when the target already
   * holds it.
   *
   * `commit` adds to the transaction that maps the queue to the target. `checkpoint` is called between batches with the
   * number of messages carried; it throws to give the move up.
   *
   * QUEUE_NOT_MAPPED, POOL_DOES_NOT_EXIST, NOT_SUPPORTED, POOL_URI_IN_USE when the pools are the same store,
   * QUEUE_IS_MOVING when another process moves the queue, QUEUE_EPOCH_STALE when the queue changed meanwhile, and the
   * errors of both pools. After an error the queue is used in the source as before.
   */
  move(params: {
    queue: QueueRef;
    target: string;
    commit?: (tx: Transaction, move: QueueMove) => Promise<void>;
    checkpoint?: (messages: number) => void | Promise<void>;
  }): Promise<MoveReport | null>;
  /**
   * Ends attempts whose movers stopped renewing their leases: undoes or finishes them. Safe at any time, in many
   * processes at once. Returns how many it ended.
   */
  recover(): Promise<number>;
}

type Context = Pick<OperationContext, "control" | "data" | "warn">;

/** `holder` identifies this process in the records of its moves. */
export function createQueueMoves(context: Context, holder: string = randomUUID()): QueueMoves {
  const { control, data } = context;
  const recovery = new MoveRecovery(context, holder);
  /** Epochs of this process's running attempts. A record of this process with another epoch is left over. */
  const running = new Set<number>();

  /** Writes the record of a new attempt. Null when the target already holds the queue. */
  async function begin(queue: QueueRef, target: string): Promise<QueueMove | null> {
    for (let attempt = 1; ; attempt += 1) {
      const move = await control.moveLedger.begin({ queue, target, holder, leaseSeconds: LEASE_SECONDS });
      if (move !== null) return move;
      const entry = await control.catalogue.get(queue);
      const found = await control.moveLedger.find(queue);
      if (found === null && entry.pool === target) return null;
      // The record of a mover that died is ended here; that of a live one stays.
      const ended = found !== null && !running.has(found.epoch) && (await recovery.end(found, found.holder === holder));
      if (attempt === BEGIN_ATTEMPTS || (found !== null && !ended)) throw isMoving(queue);
    }
  }

  async function copyAndSwitch(
    move: QueueMove,
    lease: MoveLease,
    { commit = async () => undefined, checkpoint = () => undefined }: Parameters<QueueMoves["move"]>[0],
  ): Promise<MoveReport> {
    const { project, queue: name, sourceEpoch, epoch } = move;
    const queue = { project, name };
    const [source, target] = await Promise.all([data.pool(move.source), data.pool(move.target)]);
    const exists = await control.queues.exists(queue);
    return moveQueue({
      source: { pool: move.source, driver: source },
      target: { pool: move.target, driver: target },
      project,
      name,
      sourceEpoch,
      epoch,
      exists,
      beforeFreeze: () => lease.shorten(),
      afterFailedFreeze: () => lease.lengthen(),
      commit: () => mapToTarget(control, move, exists, commit),
      checkpoint: async (messages) => {
        await checkpoint(messages);
        lease.check();
      },
    });
  }

  return {
    async move(params) {
      const { queue, target } = params;
      await data.pool(target);
      await requireTwoStores(context, queue, target);
      const move = await begin({ project: queue.project, name: queue.name }, target);
      if (move === null) return null;
      running.add(move.epoch);
      const lease = new MoveLease(context, move);
      try {
        const report = await copyAndSwitch(move, lease, params);
        await data.forgetQueue(queue);
        await recovery
          .settle({ ...move, phase: "switched" })
          .catch((error: unknown) =>
            context.warn(`A queue has moved, but its copy in the pool ${move.source} could not be deleted yet`, error),
          );
        return report;
      } catch (error) {
        // What cannot be cleaned up now is found by a recovery once the lease has lapsed.
        await recovery
          .cleanUp(move)
          .catch((failure: unknown) => context.warn("A move that failed could not be undone yet", failure));
        throw error;
      } finally {
        lease.stopRenewing();
        running.delete(move.epoch);
      }
    },

    recover: () => recovery.endLapsed(),
  };
}

/** Two pools can be one store. A queue that arrived there would end the life that it is copied from. */
async function requireTwoStores({ control, data }: Context, queue: QueueRef, target: string): Promise<void> {
  const { pool } = await control.catalogue.get(queue);
  if (pool === target) return;
  const [from, to] = await Promise.all([data.pool(pool), data.pool(target)]);
  if (from.identity === to.identity) throw isSameStore(pool, target);
}

/** Maps the queue to the target, in one transaction with what `commit` adds. QUEUE_EPOCH_STALE. */
async function mapToTarget(
  control: Context["control"],
  move: QueueMove,
  exists: boolean,
  commit: (tx: Transaction, move: QueueMove) => Promise<void>,
): Promise<void> {
  const queue = { project: move.project, name: move.queue };
  await control.transaction(async (tx) => {
    // Locks the queue's record, so that nobody deletes or maps it meanwhile.
    if ((await lockedExists(tx, queue)) !== exists || !(await tx.moveLedger.switch(move))) throw queueChanged(queue);
    // The catalogue entry now keeps the pool from being deleted, so this check holds until the commit.
    if (move.target !== DEFAULT_POOL) await tx.pools.get(move.target);
    await commit(tx, move);
  });
}

/** Locks the queue's record for the length of the transaction. */
function lockedExists(tx: Transaction, queue: QueueRef): Promise<boolean> {
  return orIfMissing(
    () => tx.queues.getMetadata(queue).then(() => true),
    () => false,
  );
}

export function isSameStore(pool: string, target: string): DomainError {
  return new DomainError(
    "POOL_URI_IN_USE",
    `The pools ${pool} and ${target} are the same server and namespace, so nothing can move between them. ` +
      "Take a third pool.",
    { details: { pool, target } },
  );
}

function isMoving(queue: QueueRef): DomainError {
  return new DomainError("QUEUE_IS_MOVING", `Queue ${queue.name} is being moved to another pool already.`, {
    details: { project: queue.project, queue: queue.name },
  });
}
