import { type Access, mayUse, requirePermission } from "../../access/access.ts";
import type { Action } from "../../access/needs.ts";
import { isRefusal } from "../../errors.ts";
import type { AuditEntry, AuditFilter } from "../../storage/control-driver.ts";
import type { Page } from "../../storage/list-pages.ts";
import type { OperationContext } from "../context.ts";
import type { PageParams, ProjectAddress } from "../input/addresses.ts";
import { badInput, checkBatch, checkText, pageRequest } from "../input/limits.ts";
import { chosenScope } from "../input/names.ts";
import { readVisible } from "../input/visible.ts";
import { writeRefusal } from "./audit-trail.ts";

/** How a request filters entries. Left out or null: no such condition. */
export type AuditFilterInput = { [Name in keyof AuditFilter]?: AuditFilter[Name] | null };

/** Reading the log needs the permission administer. */
export interface AuditOperations {
  /**
   * Audit entries of a project, or without `project` of all that the caller may see, that meet all conditions, newest
   * first. BAD_INPUT.
   */
  list(access: Access, params: ProjectAddress & PageParams & AuditFilterInput): Promise<Page<AuditEntry>>;
  /**
   * In the order asked, null for an entry that does not exist or that `list` would not show to this caller. One
   * statement. At most MAX_PAGE_SIZE.
   */
  getMany(access: Access, params: { ids: readonly string[] }): Promise<(AuditEntry | null)[]>;
  /**
   * For doors: writes down that this was refused, if `error` says so: `isRefusal`. Needs no role. Never throws.
   * Operations that have written the refusal themselves make no second entry.
   */
  noteRefusal(
    access: Access,
    refused: { action: Action; project: string | null; target: string; error: unknown },
  ): Promise<void>;
}

const TEXTS = ["actor", "action", "target", "requestId"] as const;

export function createAuditOperations(context: OperationContext): AuditOperations {
  const { control, limits } = context;
  return {
    async list(access, params) {
      const named = params.project !== undefined && params.project !== null;
      const scope = named ? { project: params.project } : { allProjects: true };
      const projects = chosenScope(limits, access, "administer", scope);
      const filter: AuditFilter = {};
      for (const name of TEXTS) {
        const text = params[name] ?? undefined;
        if (text !== undefined) filter[name] = checkText(name, text);
      }
      const { outcome, from, to } = params;
      if (outcome) filter.outcome = outcome;
      if (from) filter.from = from;
      if (to) filter.to = to;
      if (from && to && from >= to) throw badInput("to", "`to` must be later than `from`.");
      return control.audit.list({ projects, page: pageRequest(limits, params.page), filter });
    },

    async getMany(access, { ids }) {
      const maySee = ({ project }: AuditEntry) =>
        access.rights.administer === "all" || (project !== null && mayUse(access, "administer", project));
      const found = await readVisible(checkBatch(limits, "ids", ids), {
        choose(id) {
          requirePermission(access, "administer");
          return id;
        },
        read: (wanted) => control.audit.getMany(wanted),
        keyOf: (id) => id,
        foundKeyOf: ({ id }) => id,
      });
      return found.map((entry) => (entry !== null && maySee(entry) ? entry : null));
    },

    async noteRefusal(access, { error, ...what }) {
      if (isRefusal(error) && !error.isNoted) await writeRefusal(context, { access, ...what }, error);
    },
  };
}
