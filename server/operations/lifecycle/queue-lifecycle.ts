/**
 * How queues begin and end, across the control plane and a pool. A queue is there when its record is; the catalogue says in which pool and
 * in which life (epoch), and the pool holds a row of that epoch. Each step may be the last before a crash, so each order is stated.
 */
import type { Access } from "../../access/access.ts";
import { DomainError, hasCode } from "../../errors.ts";
import type { CatalogueEntry } from "../../storage/control-driver.ts";
import { DEFAULT_POOL } from "../../storage/data-driver.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import { audited } from "../audit-trail.ts";
import type { OperationContext } from "../context.ts";
import type { QueueMetadata } from "../input/queue-metadata.ts";
import { orIfMissing, type QueueLookup } from "./queue-lookup.ts";

/** A pool that is drawn may be deleted before the queue is mapped to it; each draw sees the pools that there are then. */
const PLACEMENT_ATTEMPTS = 3;

export interface QueueLifecycle {
  /**
   * Gives the queue's pool its row, once the catalogue says where that is. A pool that is away is only warned of: the
   * queue is mapped all the same, and the pooling driver gives the pool the row at the queue's first use.
   */
  attach(queue: QueueRef, entry: CatalogueEntry): Promise<void>;
  /**
   * Makes the queue: record, catalogue entry and audit row in one transaction, then the pool's row. After a crash between the two the queue
   * exists, and the pooling driver attaches it at its first use. A catalogue entry that remained from a former life decides the pool.
   * FLAVOR_DOES_NOT_EXIST, NO_POOL_FOUND.
   */
  create(access: Access, queue: QueueRef, metadata: QueueMetadata): Promise<boolean>;
  /**
   * Ends the queue: first its record, with the audit row, so that a crash leaves a queue that does not exist; then what `collect` does. The entry
   * stays till the end, for it alone says where there is something to free. When the pool cannot be reached the queue is deleted all the same.
   */
  delete(access: Access, queue: QueueRef): Promise<boolean>;
  /**
   * Frees what a deleted queue left: detaches its pool's row, then removes its catalogue entry if it has no subscriptions and
   * was not made again. Safe at any time, for any entry; true when it left nothing.
   */
  collect(entry: CatalogueEntry): Promise<boolean>;
}

export function createQueueLifecycle(context: OperationContext, lookup: QueueLookup): QueueLifecycle {
  const { control, data } = context;

  async function entryOf(queue: QueueRef): Promise<CatalogueEntry | null> {
    return (await control.catalogue.getMany([queue]))[0] ?? null;
  }

  async function attach(queue: QueueRef, entry: CatalogueEntry): Promise<void> {
    await data.forgetQueue(queue);
    try {
      await data.attachQueue({ project: queue.project, name: queue.name, epoch: entry.epoch });
    } catch (error) {
      // Somebody made it anew meanwhile; then that life counts, and he attaches it.
      if (hasCode(error, "QUEUE_EPOCH_STALE")) return;
      if (!(error instanceof DomainError) || error.kind !== "unavailable") throw error;
      context.warn("A queue was placed in a pool that cannot be reached now", error);
    }
  }

  /** One transaction; undefined when the pool that was drawn is gone, and nothing happened. */
  async function record(access: Access, queue: QueueRef, metadata: QueueMetadata, pool: string) {
    const trace = { access, action: "createQueue", project: queue.project, target: queue.name };
    const gone = Symbol("the pool is gone");
    try {
      return await audited(context, trace, async (tx) => {
        const created = await tx.queues.create(queue, metadata.text);
        const [former] = await tx.catalogue.getMany([queue]);
        const entry =
          former === undefined
            ? await tx.catalogue.insert(queue, pool, { ifAbsent: true })
            : created
              ? await tx.catalogue.update(queue, former.pool)
              : former;
        // Once inserted, the entry keeps its pool from being deleted; so this look is the last word.
        if (former === undefined && pool !== DEFAULT_POOL && !(await tx.pools.exists(pool))) throw gone;
        const changed = created || former === undefined;
        return { result: { created, changed, entry }, details: { pool: entry.pool, epoch: entry.epoch }, changed };
      });
    } catch (error) {
      if (error === gone) return undefined;
      throw error;
    }
  }

  return {
    attach,

    async create(access, queue, metadata) {
      const flavor = metadata.stored.flavor ?? null;
      if (flavor !== null && !(await control.flavors.exists({ project: queue.project, name: flavor }))) {
        throw new DomainError(
          "FLAVOR_DOES_NOT_EXIST",
          `There is no flavor ${flavor} in this project. Create it first.`,
          {
            details: { field: "_flavor", flavor },
          },
        );
      }
      for (let attempt = 1; attempt <= PLACEMENT_ATTEMPTS; attempt += 1) {
        const pool = (await entryOf(queue))?.pool ?? (await data.choosePool(flavor));
        const made = await record(access, queue, metadata, pool);
        if (made === undefined) continue;
        if (made.created) await lookup.forget(queue);
        // One that was there has its row, or gets it from the pooling driver at its first use.
        if (made.changed) await attach(queue, made.entry);
        return made.created;
      }
      throw new DomainError("NO_POOL_FOUND", "The pools changed while the queue was placed. Try again.");
    },

    async delete(access, queue) {
      const entry = await entryOf(queue);
      const trace = { access, action: "deleteQueue", project: queue.project, target: queue.name };
      const existed = await audited(context, trace, async (tx) => {
        // Locks the record: of two who delete at the same time one finds it.
        const exists = await orIfMissing(
          () => tx.queues.getMetadata(queue).then(() => true),
          () => false,
        );
        if (exists) await tx.queues.delete(queue);
        return { result: exists, details: { pool: entry?.pool ?? null, epoch: entry?.epoch ?? null }, changed: exists };
      });
      await lookup.forget(queue);
      if (entry !== null) {
        await this.collect(entry).catch((error: unknown) => {
          context.warn("What a deleted queue left could not be freed; garbage collection tries again", error);
        });
      }
      return existed;
    },

    async collect(entry) {
      const queue: QueueRef = { project: entry.project, name: entry.queue };
      if (await control.queues.exists(queue)) return false;
      // Straight to the pool and with this epoch: a life that began since then is not touched.
      const pool = await data.pool(entry.pool);
      await pool.detachQueue({ ...queue, epoch: entry.epoch });
      const { items } = await pool.subscriptions.list({ queue, page: { limit: 1 } });
      if (items.length > 0) return false;
      const removed = await control.transaction(async (tx) => {
        // Takes the name for the length of the transaction: whoever makes the queue at this moment waits, and then inserts a new entry.
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
