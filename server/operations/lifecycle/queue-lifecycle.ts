/**
 * Creates and deletes queues, across the control plane and a pool. A queue exists when its record exists. The catalogue
 * names its pool and its epoch, and the pool has a row with that epoch. A crash may come after any step, so the order
 * of the steps is stated.
 */
import { randomUUID } from "node:crypto";
import type { Access } from "../../access/access.ts";
import { DomainError, hasCode, isUnavailable } from "../../errors.ts";
import type { CatalogueEntry } from "../../storage/control-driver.ts";
import { DEFAULT_POOL } from "../../storage/data-driver.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import type { Undo } from "../../storage/undo/undo-records.ts";
import { audited, type Trace } from "../audit/audit-trail.ts";
import type { OperationContext } from "../context.ts";
import type { QueueMetadata } from "../input/queue-metadata.ts";
import { orIfMissing, type QueueLookup } from "./queue-lookup.ts";
import { requireRoomForMetrics } from "./queues-with-metrics.ts";

/** The chosen pool may be deleted before the queue is mapped to it. Then another one is chosen. */
const PLACEMENT_ATTEMPTS = 3;

export interface QueueLifecycle {
  /**
   * Creates the queue's row in its pool, after the catalogue entry. A pool that cannot be reached is only warned of:
   * the pooling driver creates the row at the queue's first use.
   */
  attach(queue: QueueRef, entry: CatalogueEntry): Promise<void>;
  /**
   * Creates the queue: record, catalogue entry and audit entry in one transaction, then the pool's row. After a crash
   * between the two, the pooling driver creates the row at the first use. A deleted queue's catalogue entry, if there
   * is one, decides the pool. Returns false when the queue existed. FLAVOR_DOES_NOT_EXIST, NO_POOL_FOUND, TOO_LARGE
   * for one `_metrics` too many.
   */
  create(access: Access, queue: QueueRef, metadata: QueueMetadata): Promise<boolean>;
  /**
   * Deletes the queue: first its record, with the audit entry, so that after a crash the queue does not exist; then
   * what `collect` does. The catalogue entry is deleted last, because only it says which pool has something to free.
   * The queue is deleted even if its pool cannot be reached. How to take it back is recorded with the deletion.
   * `existed` is false when there was no such queue.
   */
  delete(access: Access, queue: QueueRef): Promise<{ existed: boolean; undo: Undo | null }>;
  /**
   * Frees what a deleted queue left: detaches its row in the pool, then deletes its catalogue entry unless the queue
   * has subscriptions or was created again. Safe at any time and for any entry. Returns true when nothing is left.
   */
  collect(entry: CatalogueEntry): Promise<boolean>;
}

export function createQueueLifecycle(context: OperationContext, lookup: QueueLookup): QueueLifecycle {
  const { control, data, limits } = context;
  const seconds = limits.UNDO_SECONDS;

  async function entryOf(queue: QueueRef): Promise<CatalogueEntry | null> {
    return (await control.catalogue.getMany([queue]))[0] ?? null;
  }

  async function attach(queue: QueueRef, entry: CatalogueEntry): Promise<void> {
    await data.forgetQueue(queue);
    try {
      await data.attachQueue({ project: queue.project, name: queue.name, epoch: entry.epoch });
    } catch (error) {
      // The queue was created again meanwhile, and that call attaches its own epoch.
      if (hasCode(error, "QUEUE_EPOCH_STALE")) return;
      if (!isUnavailable(error)) throw error;
      context.warn("A queue was mapped to a pool that cannot be reached now", error);
    }
  }

  /** A pool that does not hear of it now does so when a life is read: see messages/lives.ts. */
  async function keepLives(queue: QueueRef, seconds: number): Promise<void> {
    if (seconds === 0) return;
    await data.lives.keep({ queue, seconds }).catch((error: unknown) => {
      context.warn("A new queue does not keep the lives of its messages yet", error);
    });
  }

  return {
    attach,

    async create(access, queue, metadata) {
      const flavor = metadata.stored.flavor ?? null;
      if (flavor !== null && !(await control.flavors.exists({ project: queue.project, name: flavor }))) {
        throw flavorDoesNotExist(flavor);
      }
      for (let attempt = 1; attempt <= PLACEMENT_ATTEMPTS; attempt += 1) {
        const pool = (await entryOf(queue))?.pool ?? (await data.choosePool(flavor));
        const recorded = await record(context, access, queue, metadata, pool);
        if (recorded === undefined) continue;
        if (recorded.created) await lookup.forget(queue);
        // A queue that existed has its row, or the pooling driver creates it at the first use.
        if (recorded.changed) await attach(queue, recorded.entry);
        if (recorded.created) await keepLives(queue, metadata.effective.historySeconds);
        return recorded.created;
      }
      throw new DomainError("STORAGE_UNAVAILABLE", "The pools changed while the queue was created. Try again.");
    },

    async delete(access, queue) {
      const entry = await entryOf(queue);
      const trace: Trace = { access, action: "deleteQueue", project: queue.project, target: queue.name };
      const token = randomUUID();
      const existed = await audited(context, trace, async (tx) => {
        // Locks the record: of two deletes at once, one finds it.
        const exists = await orIfMissing(
          () => tx.queues.getMetadata(queue).then(() => true),
          () => false,
        );
        const undo = { token, action: "deleteQueue", queue, actor: access.actor, seconds } as const;
        if (exists && seconds > 0) await tx.undos.add(undo);
        if (exists) await tx.queues.delete(queue);
        return { result: exists, details: { pool: entry?.pool ?? null, epoch: entry?.epoch ?? null }, changed: exists };
      });
      await lookup.forget(queue);
      if (entry !== null) {
        await this.collect(entry).catch((error: unknown) => {
          context.warn("What a deleted queue left could not be freed; garbage collection tries again", error);
        });
      }
      const undo = existed ? await control.undos.find(token).catch(() => null) : null;
      return { existed, undo: undo?.closedBecause === null ? undo : null };
    },

    async collect(entry) {
      const queue: QueueRef = { project: entry.project, name: entry.queue };
      if (await control.queues.exists(queue)) return false;
      // Straight to the pool and with this epoch, so that a queue that was created again is not touched.
      const pool = await data.pool(entry.pool);
      const [undo] = await control.undos.openOf([queue]);
      const token = undo?.action === "deleteQueue" ? undo.token : undefined;
      await pool.detachQueue({ ...queue, epoch: entry.epoch }, token);
      const { items } = await pool.subscriptions.list({ queue, page: { limit: 1 } });
      if (items.length > 0) return false;
      const removed = await control.transaction(async (tx) => {
        // Holds the name during the transaction: a call that creates the queue now waits, and inserts a new entry then.
        if (!(await tx.queues.create(queue))) return false;
        const [current] = await tx.catalogue.getMany([queue]);
        if (current?.epoch === entry.epoch) await tx.catalogue.delete(queue);
        await tx.queues.delete(queue);
        return true;
      });
      await data.forgetQueue(queue);
      return removed;
    },
  };
}

/**
 * The control plane's half of `create`, in one transaction. Undefined, and nothing is written, when the chosen pool was
 * deleted.
 */
async function record(
  context: OperationContext,
  access: Access,
  queue: QueueRef,
  metadata: QueueMetadata,
  pool: string,
) {
  const trace: Trace = { access, action: "createQueue", project: queue.project, target: queue.name };
  const poolIsDeleted = Symbol("the pool is deleted");
  try {
    return await audited(context, trace, async (tx) => {
      if (metadata.effective.metrics && !(await tx.queues.exists(queue))) await requireRoomForMetrics(tx.queues);
      const created = await tx.queues.create(queue, metadata.text);
      const [former] = await tx.catalogue.getMany([queue]);
      const entry =
        former === undefined
          ? await tx.catalogue.insert(queue, pool, { ifAbsent: true })
          : created
            ? await tx.catalogue.update(queue, former.pool)
            : former;
      // The entry now keeps its pool from being deleted, so this check holds until the commit.
      if (former === undefined && pool !== DEFAULT_POOL && !(await tx.pools.exists(pool))) throw poolIsDeleted;
      const changed = created || former === undefined;
      return { result: { created, changed, entry }, details: { pool: entry.pool, epoch: entry.epoch }, changed };
    });
  } catch (error) {
    if (error === poolIsDeleted) return undefined;
    throw error;
  }
}

function flavorDoesNotExist(flavor: string): DomainError {
  return new DomainError("FLAVOR_DOES_NOT_EXIST", `There is no flavor ${flavor} in this project. Create it first.`, {
    details: { field: "_flavor", flavor },
  });
}
