import { DomainError } from "../errors.ts";

/** Each role can do what the one before it can. viewer reads; operator works with queues, messages, claims, subscriptions; admin also with pools, flavors, catalogue, keys. */
export type Role = "viewer" | "operator" | "admin";

const RANK: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };

/** Who is asking, made once per request in this folder and asked by operations. Nothing else reads a cookie or a token. */
export interface Access {
  /** As the audit log names them. */
  readonly actor: string;
  readonly role: Role;
  /** The projects this caller may see; "all" for an unlimited one. */
  readonly projects: "all" | readonly string[];
  readonly requestId: string;
}

/** FORBIDDEN unless the caller has at least this role. */
export function requireRole(access: Access, role: Role): void {
  if (RANK[access.role] < RANK[role]) {
    throw new DomainError("FORBIDDEN", `This needs the role ${role}; you have ${access.role}. Ask an admin for it.`);
  }
}

/**
 * The project that a request means: the one it names, if the caller may see it, else the caller's only one.
 * "Not yours" and "does not exist" answer alike.
 */
export function chooseProject(access: Access, named: string | null | undefined): string {
  if (named !== null && named !== undefined) {
    if (access.projects !== "all" && !access.projects.includes(named)) {
      throw new DomainError("FORBIDDEN", "You may not use this project, or it does not exist.");
    }
    return named;
  }
  if (access.projects !== "all" && access.projects.length === 1) return access.projects[0] as string;
  throw new DomainError("BAD_INPUT", 'Say which project you mean: pass `project`. The project without a name is "".');
}
