import { type Access, requirePermission } from "../access/access.ts";
import { type Page, type PageRequest, readsBackward } from "../storage/list-pages.ts";
import type { OperationContext } from "./context.ts";
import type { PageParams } from "./input/addresses.ts";
import { checkBatch, checkSearch, pageRequest } from "./input/limits.ts";
import { chosenProject } from "./input/names.ts";
import { readVisible } from "./input/visible.ts";

export interface ProjectRecord {
  /** "" is the project without a name. */
  name: string;
}

export interface ProjectOperations {
  /**
   * The projects that the caller may see, ascending by name: those with queues for an unlimited caller, else all of its
   * own. With `search`, those whose names begin with it. Permission read.
   */
  list(access: Access, params: PageParams & { search?: string | null }): Promise<Page<ProjectRecord>>;
  /**
   * Those of these projects that `list` lists: in the order asked, null for the others. One statement. Permission read.
   */
  getMany(access: Access, params: { names: readonly string[] }): Promise<(ProjectRecord | null)[]>;
}

export function createProjectOperations({ control, limits }: OperationContext): ProjectOperations {
  return {
    async list(access, params) {
      requirePermission(access, "read");
      const page = pageRequest(limits, params.page, (marker) => marker.startsWith("="));
      const { search = "" } = checkSearch(params.search, limits.MAX_PROJECT_LENGTH);
      const found =
        access.rights.read === "all"
          ? await control.queues.listProjects({ page, ...(search === "" ? {} : { search }) })
          : ownProjects(access.rights.read, search, page);
      return { ...found, items: found.items.map((name) => ({ name })) };
    },

    async getMany(access, { names }) {
      requirePermission(access, "read");
      const found = await readVisible(checkBatch(limits, "names", names), {
        choose: (name) => chosenProject(limits, access, "read", name),
        read: async (wanted) => (access.rights.read === "all" ? control.queues.projectsWithQueues(wanted) : wanted),
        keyOf: (name) => name,
        foundKeyOf: (name) => name,
      });
      return found.map((name) => (name === null ? null : { name }));
    },
  };
}

/** The caller's own projects, whether they have queues or not. Markers are those of the control driver. */
function ownProjects(projects: readonly string[], search: string, page: PageRequest): Page<string> {
  const named = [...new Set(projects)].filter((name) => name.startsWith(search)).sort(byCodePoint);
  const { limit } = page;
  const after = page.after?.slice(1);
  const before = page.before?.slice(1);
  const rest = named.filter(
    (name) =>
      (after === undefined || byCodePoint(name, after) > 0) && (before === undefined || byCodePoint(name, before) < 0),
  );
  const items = readsBackward(page) ? rest.slice(-limit) : rest.slice(0, limit);
  const markers = items.map((name) => `=${name}`);
  const [first, last] = [items[0], items.at(-1)];
  return {
    items,
    markers,
    nextMarker: last === named.at(-1) ? null : (markers.at(-1) ?? null),
    previousMarker: first === named[0] ? null : (markers[0] ?? null),
  };
}

/**
 * The database's order (COLLATE "C"). JavaScript's own order differs for characters beyond the Basic Multilingual
 * Plane.
 */
function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
