import type { Access } from "../access/access.ts";
import type { Page } from "../storage/data-driver.ts";
import type { PageParams } from "./addresses.ts";

export interface ProjectRecord {
  /** "" is the project without a name. */
  name: string;
}

export interface ProjectOperations {
  /** Projects that the caller may see: those with queues, and for a limited caller all of its own. Ascending by name. `search` is a part of the name. */
  list(access: Access, params: PageParams & { search?: string | null }): Promise<Page<ProjectRecord>>;
}
