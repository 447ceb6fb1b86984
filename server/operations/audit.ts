import type { Access } from "../access/access.ts";
import type { AuditEntry } from "../storage/control-driver.ts";
import type { Page } from "../storage/data-driver.ts";
import type { PageParams, ProjectAddress } from "./addresses.ts";

/** Needs the role admin. */
export interface AuditOperations {
  /** Newest first. `project` left out = all, for an unlimited caller. */
  list(access: Access, params: ProjectAddress & PageParams & { actor?: string | null }): Promise<Page<AuditEntry>>;
}
