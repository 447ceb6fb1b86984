import { type Access, requireRole } from "../access/access.ts";
import { DomainError } from "../errors.ts";
import type { CatalogueEntry } from "../storage/control-driver.ts";
import { DEFAULT_POOL } from "../storage/data-driver.ts";
import type { Page } from "../storage/list-pages.ts";
import { type QueueRef, queueKey } from "../storage/queue-ref.ts";
import { audited, permitted, type Trace } from "./audit-trail.ts";
import type { OperationContext } from "./context.ts";
import { type DropAllParams, type DropAllResult, dropAll } from "./drop-all.ts";
import type { PageParams, ProjectAddress, QueueAddress } from "./input/addresses.ts";
import { checkBatch, checkSearch, pageRequest } from "./input/limits.ts";
import { checkName, chosenQueue, chosenScope } from "./input/names.ts";
import type { QueueLifecycle } from "./lifecycle/queue-lifecycle.ts";

/** `discardMessages`: go on though the queue has messages where it is, or though its pool cannot say. */
export interface CatalogueChange extends QueueAddress {
  discardMessages?: boolean;
}

/**
 * Which pool holds which queue. Reading needs the role viewer, changing admin. Changes here are a sharp tool, for mending: no message moves. A queue
 * that is mapped elsewhere or unmapped ends where it was, with its messages and claims, and begins empty where it is mapped next; its subscriptions
 * stay in the old pool, out of reach. While it has messages such a change is CONFIRMATION_REQUIRED (details.messages) without `discardMessages`, and STORAGE_UNAVAILABLE
 * (details.pool) while its pool cannot say.
 */
export interface CatalogueOperations {
  /** In order of insertion (by name with `search`, how the queue's name begins), of one project, or with `allProjects` of all (an unlimited caller). */
  list(
    access: Access,
    params: ProjectAddress & PageParams & { allProjects?: boolean; pool?: string | null; search?: string | null },
  ): Promise<Page<CatalogueEntry>>;
  /** QUEUE_NOT_MAPPED. */
  get(access: Access, params: QueueAddress): Promise<CatalogueEntry>;
  /** In the order asked; null where unmapped. At most MAX_PAGE_SIZE. */
  getMany(access: Access, params: { queues: readonly QueueAddress[] }): Promise<(CatalogueEntry | null)[]>;
  exists(access: Access, params: QueueAddress): Promise<boolean>;
  /**
   * Maps the queue; where it is mapped to this pool already nothing changes. A pool that is away gets the queue all the
   * same, for when it is back. QUEUE_DOES_NOT_EXIST, POOL_DOES_NOT_EXIST.
   */
  insert(access: Access, params: CatalogueChange & { pool: string }): Promise<CatalogueEntry>;
  /** As insert, and QUEUE_NOT_MAPPED when it has no entry. */
  update(access: Access, params: CatalogueChange & { pool: string }): Promise<CatalogueEntry>;
  /** The queue is out of reach until it is mapped or made again. `deleted` false when there was no entry. */
  delete(access: Access, params: CatalogueChange): Promise<{ deleted: boolean }>;
  /** Puts every queue out of reach, for good: what is made or mapped again begins empty. Needs an unlimited caller. */
  dropAll(access: Access, params: DropAllParams): Promise<DropAllResult>;
}

export function createCatalogueOperations(
  context: OperationContext,
  { lifecycle }: { lifecycle: Pick<QueueLifecycle, "attach"> },
): CatalogueOperations {
  const { control, data, limits } = context;

  function changing(access: Access, action: string, params: QueueAddress): Promise<{ queue: QueueRef; trace: Trace }> {
    const trace = { access, action, project: params.project ?? null, target: String(params.queue) };
    return permitted(context, trace, "admin", () => {
      const queue = chosenQueue(limits, access, params);
      return { queue, trace: { ...trace, project: queue.project } };
    });
  }

  /** CONFIRMATION_REQUIRED when ending the queue's life in this pool would lose messages; what the pool fails with when it cannot say, and what to do then. */
  async function requireEmpty(queue: QueueRef, entry: CatalogueEntry): Promise<void> {
    const ask = async () => (await data.pool(entry.pool)).messages.stats([{ ...queue, epoch: entry.epoch }]);
    const [stats] = await ask().catch((error: unknown) => {
      throw error instanceof DomainError && error.kind === "unavailable" ? cannotSay(entry.pool, error) : error;
    });
    if (stats !== undefined && stats !== null && stats.total > 0) {
      throw new DomainError(
        "CONFIRMATION_REQUIRED",
        `The queue has messages in the pool ${entry.pool}, and they would be lost. Pass discardMessages if that is what you want.`,
        { details: { messages: stats.total, exact: stats.exact, pool: entry.pool } },
      );
    }
  }

  /** Its life there is over, so that nobody who remembers the old place writes to it any more. */
  async function endLife(queue: QueueRef, entry: CatalogueEntry): Promise<void> {
    try {
      const pool = await data.pool(entry.pool);
      await pool.detachQueue({ ...queue, epoch: entry.epoch });
    } catch (error) {
      context.warn(`The former life of a queue in the pool ${entry.pool} could not be ended`, error);
    }
  }

  async function map(
    access: Access,
    action: "insertCatalogueEntry" | "updateCatalogueEntry",
    params: CatalogueChange & { pool: string },
  ): Promise<CatalogueEntry> {
    const { queue, trace } = await changing(access, action, params);
    const pool = checkName("pool", params.pool);
    const [former] = await control.catalogue.getMany([queue]);
    if (former === undefined && action === "updateCatalogueEntry") return control.catalogue.get(queue);
    if (former?.pool === pool) return former;
    if (former !== undefined && params.discardMessages !== true) await requireEmpty(queue, former);
    const entry = await audited(context, trace, async (tx) => {
      // Locks the queue's record: it is neither deleted nor mapped by another meanwhile.
      await tx.queues.get(queue);
      const [current] = await tx.catalogue.getMany([queue]);
      if (current?.epoch !== former?.epoch) {
        throw new DomainError("CONFIRMATION_REQUIRED", "The entry was changed at the same time. Look at it again.");
      }
      const result = await tx.catalogue.insert(queue, pool);
      // Once inserted, the entry keeps its pool from being deleted; so this look is the last word.
      if (pool !== DEFAULT_POOL) await tx.pools.get(pool);
      return { result, details: { before: former?.pool ?? null, after: pool, epoch: result.epoch } };
    });
    if (former !== undefined) await endLife(queue, former);
    await lifecycle.attach(queue, entry);
    return entry;
  }

  return {
    async list(access, params) {
      requireRole(access, "viewer");
      const project = chosenScope(limits, access, params);
      return control.catalogue.list({
        page: pageRequest(limits, params.page),
        ...(project === undefined ? {} : { project }),
        ...(params.pool === undefined || params.pool === null ? {} : { pool: checkName("pool", params.pool) }),
        ...checkSearch(params.search, limits.MAX_QUEUE_NAME_LENGTH),
      });
    },

    async get(access, params) {
      requireRole(access, "viewer");
      return control.catalogue.get(chosenQueue(limits, access, params));
    },

    async getMany(access, { queues }) {
      requireRole(access, "viewer");
      const wanted = checkBatch(limits, "queues", queues).map((queue) => chosenQueue(limits, access, queue));
      const found = await control.catalogue.getMany(wanted);
      const byKey = new Map(found.map((entry) => [queueKey({ project: entry.project, name: entry.queue }), entry]));
      return wanted.map((queue) => byKey.get(queueKey(queue)) ?? null);
    },

    async exists(access, params) {
      requireRole(access, "viewer");
      return control.catalogue.exists(chosenQueue(limits, access, params));
    },

    insert: (access, params) => map(access, "insertCatalogueEntry", params),
    update: (access, params) => map(access, "updateCatalogueEntry", params),

    async delete(access, params) {
      const { queue, trace } = await changing(access, "deleteCatalogueEntry", params);
      const [former] = await control.catalogue.getMany([queue]);
      if (former === undefined) return { deleted: false };
      if (params.discardMessages !== true) await requireEmpty(queue, former);
      await audited(context, trace, async (tx) => {
        await tx.catalogue.delete(queue);
        return { result: undefined, details: { before: former.pool, epoch: former.epoch } };
      });
      await data.forgetQueue(queue);
      await endLife(queue, former);
      return { deleted: true };
    },

    async dropAll(access, params) {
      const trace = { access, action: "dropAllCatalogueEntries", project: null, target: "*" };
      await permitted(context, trace, "admin", () => {
        if (access.projects === "all") return;
        throw new DomainError("FORBIDDEN", "The whole catalogue is for those who may see all projects.");
      });
      return dropAll(context, trace, params, {
        list: (tx, page) => tx.catalogue.list({ page }),
        identity: ({ project, queue, pool, epoch }) => [project, queue, pool, epoch],
        drop: (tx) => tx.catalogue.dropAll(),
      });
    },
  };
}

function cannotSay(pool: string, error: DomainError): DomainError {
  return new DomainError(
    error.code,
    `The pool ${pool} cannot say whether the queue has messages, which would be lost. If it will not come back, pass discardMessages. It failed with: ${error.message}`,
    { details: { ...error.details, pool }, cause: error.cause },
  );
}
