import type { Access } from "../../access/access.ts";
import type { Action } from "../../access/needs.ts";
import { DomainError, isUnavailable } from "../../errors.ts";
import type { CatalogueEntry } from "../../storage/control-driver.ts";
import { DEFAULT_POOL } from "../../storage/data-driver.ts";
import type { QueueRef } from "../../storage/queue-ref.ts";
import { audited, permitted, type Trace } from "../audit/audit-trail.ts";
import type { OperationContext } from "../context.ts";
import { type DropAllParams, type DropAllResult, dropAll } from "../drop-all.ts";
import type { QueueAddress } from "../input/addresses.ts";
import { checkName, chosenQueue } from "../input/names.ts";
import type { QueueLifecycle } from "../lifecycle/queue-lifecycle.ts";

/** `discardMessages`: change the entry even if the queue has messages in its pool, or if that pool does not answer. */
export interface CatalogueChange extends QueueAddress {
  discardMessages?: boolean;
}

/**
 * Permission administer. Changes here only repair the catalogue: no message moves. A queue that is mapped to another
 * pool, or unmapped, loses its messages and claims, and starts empty in the next pool. Its subscriptions stay in the
 * old pool, unreachable. Without `discardMessages` such a change fails:
 *
 * - with CONFIRMATION_REQUIRED (`details.messages`) while the queue has messages,
 * - with the pool's own error, such as STORAGE_UNAVAILABLE (`details.pool`), while its pool does not answer.
 *
 * A crash after the change can leave the messages in the old pool. Nobody reads them there.
 */
export interface CatalogueWrites {
  /**
   * Maps the queue to the pool, which may be unreachable now. Changes nothing if the queue is mapped to it already.
   * QUEUE_DOES_NOT_EXIST, POOL_DOES_NOT_EXIST. CONFIRMATION_REQUIRED, whatever `discardMessages` says, if another
   * caller changes the entry at the same time.
   */
  insert(access: Access, params: CatalogueChange & { pool: string }): Promise<CatalogueEntry>;
  /** Like `insert`, for a queue that has an entry; else QUEUE_NOT_MAPPED. */
  update(access: Access, params: CatalogueChange & { pool: string }): Promise<CatalogueEntry>;
  /**
   * Unmaps the queue: it cannot be used (QUEUE_NOT_MAPPED) until it is mapped or created again. `deleted` is 0 when
   * there was no entry.
   */
  delete(access: Access, params: CatalogueChange): Promise<{ deleted: number }>;
  /**
   * Unmaps every queue. Their messages are lost: a queue that is mapped or created again starts empty. Needs an
   * unlimited caller. See DropAllParams.
   *
   * Goes step by step: an error between two has `partial` and the number of dropped `entries` in its details. Entries
   * that are inserted or changed meanwhile stay.
   */
  dropAll(access: Access, params: DropAllParams): Promise<DropAllResult>;
}

export function createCatalogueWrites(
  context: OperationContext,
  { lifecycle }: { lifecycle: Pick<QueueLifecycle, "attach"> },
): CatalogueWrites {
  const { control, data } = context;

  async function map(
    access: Access,
    action: "insertCatalogueEntry" | "updateCatalogueEntry",
    params: CatalogueChange & { pool: string },
  ): Promise<CatalogueEntry> {
    const { queue, trace } = await changing(context, access, action, params);
    const pool = checkName("pool", params.pool);
    const [former] = await control.catalogue.getMany([queue]);
    if (former === undefined && action === "updateCatalogueEntry") {
      await control.queues.get(queue);
      return control.catalogue.get(queue);
    }
    if (former?.pool === pool) return former;
    if (former !== undefined && params.discardMessages !== true) {
      // First what the caller can correct: an unreachable former pool would hide it.
      if (pool !== DEFAULT_POOL) await control.pools.get(pool);
      await requireEmpty(context, queue, former);
    }
    const entry = await audited(context, trace, async (tx) => {
      // Locks the queue's record, so that nobody deletes or maps it meanwhile.
      await tx.queues.get(queue);
      const [current] = await tx.catalogue.getMany([queue]);
      if (current?.epoch !== former?.epoch) {
        throw new DomainError(
          "CONFIRMATION_REQUIRED",
          "Another caller changed the entry at the same time. Look at it again.",
        );
      }
      const result = await tx.catalogue.insert(queue, pool);
      // The entry now keeps its pool from being deleted, so this check holds until the commit.
      if (pool !== DEFAULT_POOL) await tx.pools.get(pool);
      return { result, details: { before: former?.pool ?? null, after: pool, epoch: result.epoch } };
    });
    if (former !== undefined) await detach(context, queue, former);
    await lifecycle.attach(queue, entry);
    return entry;
  }

  return {
    insert: (access, params) => map(access, "insertCatalogueEntry", params),
    update: (access, params) => map(access, "updateCatalogueEntry", params),

    async delete(access, params) {
      const { queue, trace } = await changing(context, access, "deleteCatalogueEntry", params);
      const [former] = await control.catalogue.getMany([queue]);
      if (former === undefined) return { deleted: 0 };
      if (params.discardMessages !== true) await requireEmpty(context, queue, former);
      await audited(context, trace, async (tx) => {
        await tx.catalogue.delete(queue);
        return { result: undefined, details: { before: former.pool, epoch: former.epoch } };
      });
      await data.forgetQueue(queue);
      await detach(context, queue, former);
      return { deleted: 1 };
    },

    async dropAll(access, params) {
      const trace: Trace = { access, action: "dropAllCatalogueEntries", project: null, target: "*" };
      await permitted(context, trace, () => undefined);
      return dropAll(context, trace, params, {
        list: (tx, page) => tx.catalogue.list({ projects: "all", page }),
        identity: ({ project, queue, pool, epoch }) => [project, queue, pool, epoch],
        dropInSteps: () => control.catalogue.dropAll(),
      });
    },
  };
}

/** Checks the role and the queue's name. FORBIDDEN is audited as a refusal. */
function changing(
  context: OperationContext,
  access: Access,
  action: Action,
  params: QueueAddress,
): Promise<{ queue: QueueRef; trace: Trace }> {
  const trace: Trace = { access, action, project: params.project ?? null, target: String(params.queue) };
  return permitted(context, trace, (permission) => {
    const queue = chosenQueue(context.limits, access, permission, params);
    return { queue, trace: { ...trace, project: queue.project } };
  });
}

/**
 * CONFIRMATION_REQUIRED if the queue has messages in its pool. If the pool does not answer, its error with advice.
 */
async function requireEmpty({ data }: OperationContext, queue: QueueRef, entry: CatalogueEntry): Promise<void> {
  const count = async () => (await data.pool(entry.pool)).messages.stats([{ ...queue, epoch: entry.epoch }]);
  const [stats] = await count().catch((error: unknown) => {
    throw isUnavailable(error) ? doesNotAnswer(entry.pool, error) : error;
  });
  if (stats !== undefined && stats !== null && stats.total > 0) {
    throw new DomainError(
      "CONFIRMATION_REQUIRED",
      `The queue has messages in the pool ${entry.pool}, and they would be lost. ` +
        "Pass discardMessages if that is what you want.",
      { details: { messages: stats.total, exact: stats.exact, pool: entry.pool } },
    );
  }
}

/** Detaches the queue from its former pool, so that no process with a cached location can write there any more. */
async function detach({ data, warn }: OperationContext, queue: QueueRef, entry: CatalogueEntry): Promise<void> {
  try {
    const pool = await data.pool(entry.pool);
    await pool.detachQueue({ ...queue, epoch: entry.epoch });
  } catch (error) {
    warn(`A queue could not be detached from its former pool ${entry.pool}`, error);
  }
}

function doesNotAnswer(pool: string, error: DomainError): DomainError {
  return new DomainError(
    error.code,
    `The pool ${pool} does not answer whether the queue has messages, which would be lost. ` +
      `If it will not come back, pass discardMessages. It failed with: ${error.message}`,
    { details: { ...error.details, pool }, cause: error.cause },
  );
}
