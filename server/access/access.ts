import { DomainError } from "../errors.ts";

/**
 * Each role includes the one before it. A viewer reads. An operator also changes queues, messages, claims and
 * subscriptions. An admin also changes pools, flavors and the catalogue, and uses key-value stores and the audit log.
 */
export type Role = "viewer" | "operator" | "admin";

const RANK: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };

/**
 * Who is asking. Created once for each request, in this folder; operations check it. Nothing else reads credentials.
 */
export interface Access {
  /** The caller's name in the audit log. */
  readonly actor: string;
  readonly role: Role;
  /** The projects that the caller may see; "all" for an unlimited caller. */
  readonly projects: "all" | readonly string[];
  readonly requestId: string;
  /** True: a person acts, on a page. Left out: a program, or nobody knows. */
  readonly isPerson?: boolean;
  /** Why the caller acts, in its own words: see `giving` in operations/audit/reason.ts. */
  readonly reason?: string;
}

/** FORBIDDEN unless the caller has at least this role. */
export function requireRole(access: Access, role: Role): void {
  if (RANK[access.role] < RANK[role]) {
    throw new DomainError("FORBIDDEN", `This needs the role ${role}; you have ${access.role}. Ask an admin for it.`);
  }
}

/**
 * The project that a request means: the one that it names, or the caller's only one when it names none. FORBIDDEN for a
 * project that the caller may not see; the error is the same when it does not exist. BAD_INPUT when a caller with
 * several projects names none.
 */
export function chooseProject(access: Access, named: string | null | undefined): string {
  if (named !== null && named !== undefined) {
    if (access.projects !== "all" && !access.projects.includes(named)) {
      throw new DomainError("FORBIDDEN", "You may not use this project, or it does not exist.");
    }
    return named;
  }
  if (access.projects !== "all" && access.projects.length === 1) return access.projects[0] as string;
  throw new DomainError("BAD_INPUT", 'Say which project you mean: pass `project`. The project without a name is "".', {
    details: { field: "project" },
  });
}
