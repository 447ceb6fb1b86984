import type { Access } from "../access/access.ts";
import type { CatalogueEntry } from "../storage/control-driver.ts";
import type { Page } from "../storage/data-driver.ts";
import type { PageParams, ProjectAddress, QueueAddress } from "./addresses.ts";
import type { DropAllParams, DropAllResult } from "./drop-all.ts";

/**
 * Which pool holds which queue. Reading needs the role viewer, changing admin. Changes here are a sharp tool: no message moves. A queue that is
 * mapped elsewhere begins there empty, and what it held stays in the old pool, out of reach, until it is mapped back.
 */
export interface CatalogueOperations {
  /** In order of insertion, of one project, or with `allProjects` of all (an unlimited caller). */
  list(
    access: Access,
    params: ProjectAddress & PageParams & { allProjects?: boolean; pool?: string | null; search?: string | null },
  ): Promise<Page<CatalogueEntry>>;
  /** QUEUE_NOT_MAPPED. */
  get(access: Access, params: QueueAddress): Promise<CatalogueEntry>;
  /** In the order asked; null where unmapped. */
  getMany(access: Access, params: { queues: readonly QueueAddress[] }): Promise<(CatalogueEntry | null)[]>;
  exists(access: Access, params: QueueAddress): Promise<boolean>;
  /** Maps the queue, or maps it anew. QUEUE_DOES_NOT_EXIST, POOL_DOES_NOT_EXIST. */
  insert(access: Access, params: QueueAddress & { pool: string }): Promise<CatalogueEntry>;
  /** As insert, and QUEUE_NOT_MAPPED when it has no entry. */
  update(access: Access, params: QueueAddress & { pool: string }): Promise<CatalogueEntry>;
  /** The queue is out of reach until it is mapped or made again. `deleted` false when there was none. */
  delete(access: Access, params: QueueAddress): Promise<{ deleted: boolean }>;
  /** Puts every queue out of reach. Needs an unlimited caller. */
  dropAll(access: Access, params: DropAllParams): Promise<DropAllResult>;
}
