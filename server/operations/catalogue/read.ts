import { type Access, requirePermission } from "../../access/access.ts";
import type { CatalogueEntry } from "../../storage/control-driver.ts";
import type { Page } from "../../storage/list-pages.ts";
import { queueKey } from "../../storage/queue-ref.ts";
import type { OperationContext } from "../context.ts";
import type { PageParams, ProjectAddress, QueueAddress } from "../input/addresses.ts";
import { checkBatch, checkSearch, pageRequest } from "../input/limits.ts";
import { checkName, chosenQueue, chosenScope } from "../input/names.ts";
import { readVisible } from "../input/visible.ts";

/** Permission read. */
export interface CatalogueReads {
  /**
   * Entries of one project, or with `allProjects` of all that the caller may see. In order of insertion; with `search`,
   * those whose queue's name begins with it, by name.
   */
  list(
    access: Access,
    params: ProjectAddress & PageParams & { allProjects?: boolean; pool?: string | null; search?: string | null },
  ): Promise<Page<CatalogueEntry>>;
  /**
   * `list` with `allProjects` of each pool, in the order given. At most MAX_PAGE_SIZE pools, and as many statements as
   * for one.
   */
  listOfPools(access: Access, params: PageParams & { pools: readonly string[] }): Promise<Page<CatalogueEntry>[]>;
  /** The queue's entry. QUEUE_NOT_MAPPED. */
  get(access: Access, params: QueueAddress): Promise<CatalogueEntry>;
  /** In the order asked, null for a queue that is not mapped or that the caller may not see. At most MAX_PAGE_SIZE. */
  getMany(access: Access, params: { queues: readonly QueueAddress[] }): Promise<(CatalogueEntry | null)[]>;
  /** True when the queue has an entry. */
  exists(access: Access, params: QueueAddress): Promise<boolean>;
}

export function createCatalogueReads({ control, limits }: OperationContext): CatalogueReads {
  return {
    async list(access, params) {
      requirePermission(access, "read");
      const projects = chosenScope(limits, access, "read", params);
      return control.catalogue.list({
        page: pageRequest(limits, params.page),
        projects,
        ...(params.pool === undefined || params.pool === null ? {} : { pool: checkName("pool", params.pool) }),
        ...checkSearch(params.search, limits.MAX_QUEUE_NAME_LENGTH),
      });
    },

    async listOfPools(access, params) {
      requirePermission(access, "read");
      const projects = chosenScope(limits, access, "read", { allProjects: true });
      const pools = checkBatch(limits, "pools", params.pools).map((pool) => checkName("pools", pool));
      const page = pageRequest(limits, params.page);
      return control.catalogue.listOfPools({ pools, page, projects });
    },

    async get(access, params) {
      requirePermission(access, "read");
      return control.catalogue.get(chosenQueue(limits, access, "read", params));
    },

    async getMany(access, { queues }) {
      requirePermission(access, "read");
      return readVisible(checkBatch(limits, "queues", queues), {
        choose: (queue) => chosenQueue(limits, access, "read", queue),
        read: (wanted) => control.catalogue.getMany(wanted),
        keyOf: queueKey,
        foundKeyOf: ({ project, queue }) => queueKey({ project, name: queue }),
      });
    },

    async exists(access, params) {
      requirePermission(access, "read");
      return control.catalogue.exists(chosenQueue(limits, access, "read", params));
    },
  };
}
