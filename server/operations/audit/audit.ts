import { type Access, requireRole } from "../../access/access.ts";
import type { AuditEntry } from "../../storage/control-driver.ts";
import type { Page } from "../../storage/list-pages.ts";
import type { OperationContext } from "../context.ts";
import type { PageParams, ProjectAddress } from "../input/addresses.ts";
import { checkBatch, checkText, pageRequest } from "../input/limits.ts";
import { chosenScope } from "../input/names.ts";
import { readVisible } from "../input/visible.ts";

/** Reading the log needs the role admin. */
export interface AuditOperations {
  /**
   * Audit entries of a project, newest first; with `actor`, only of that actor; with `target`, only what was done to
   * things of that name. Without `project`: those of all
   * projects for an unlimited caller, of its own for a caller with one project. BAD_INPUT.
   */
  list(
    access: Access,
    params: ProjectAddress & PageParams & { actor?: string | null; target?: string | null },
  ): Promise<Page<AuditEntry>>;
  /**
   * In the order asked, null for an entry that does not exist or that `list` would not show to this caller. One
   * statement. At most MAX_PAGE_SIZE.
   */
  getMany(access: Access, params: { ids: readonly string[] }): Promise<(AuditEntry | null)[]>;
}

export function createAuditOperations({ control, limits }: OperationContext): AuditOperations {
  return {
    async list(access, params) {
      requireRole(access, "admin");
      const named = params.project !== undefined && params.project !== null;
      const project = chosenScope(limits, access, named ? { project: params.project } : { allProjects: true });
      const actor = params.actor ?? undefined;
      if (actor !== undefined) checkText("actor", actor);
      const target = params.target ?? undefined;
      if (target !== undefined) checkText("target", target);
      return control.audit.list({
        page: pageRequest(limits, params.page),
        ...(project === undefined ? {} : { project }),
        ...(actor === undefined ? {} : { actor }),
        ...(target === undefined ? {} : { target }),
      });
    },

    async getMany(access, { ids }) {
      const maySee = ({ project }: AuditEntry) =>
        access.projects === "all" || (project !== null && access.projects.includes(project));
      const found = await readVisible(checkBatch(limits, "ids", ids), {
        choose(id) {
          requireRole(access, "admin");
          return id;
        },
        read: (wanted) => control.audit.getMany(wanted),
        keyOf: (id) => id,
        foundKeyOf: ({ id }) => id,
      });
      return found.map((entry) => (entry !== null && maySee(entry) ? entry : null));
    },
  };
}
