import { DomainError } from "../errors.ts";
import type { Scope, Token } from "../storage/tokens.ts";
import { includesProject, type Where } from "../storage/where.ts";

/**
 * What can be allowed, in one project or in all of them.
 *
 * - read: lists, records, statistics and problems. Bodies of messages have a rule of their own.
 * - produce: post messages.
 * - consume: claim, renew, release and pop messages, and delete them.
 * - operate: change queues, messages, claims and subscriptions.
 * - administer: change the catalogue and what others may do; in all projects also pools and key-value stores.
 */
export const PERMISSIONS = ["read", "produce", "consume", "operate", "administer"] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** In which projects. */
export type Rights = Readonly<Record<Permission, Where>>;

/** Each role includes the one before it. */
export const ROLES = ["viewer", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];
/** A role that a person has, and where. */
export interface Grant {
  role: Role;
  projects: Where;
}

/**
 * Who is asking. Created once for each request, in this folder; operations check it. Nothing else reads credentials.
 */
export interface Access {
  /**
   * The caller's name in the audit log: a person's e-mail address, `token:NAME`, `isimud:…`, or with AUTH=none `local`,
   * and `local:ROLE` for one that takes less.
   */
  readonly actor: string;
  /** `local`: anybody on this machine, with AUTH=none. `service`: this program itself. */
  readonly kind: "local" | "person" | "token" | "service";
  readonly rights: Rights;
  readonly requestId: string;
  /** Of a person: who it is, and with which session. */
  readonly personId?: string;
  readonly sessionId?: string;
  /** When it ends in any case. One that nobody uses ends before. */
  readonly sessionEndsAt?: Date;
  /** True: a person acts, on a page. Left out: a program, or nobody knows. */
  readonly isPerson?: boolean;
  /** Of the kind `token`. */
  readonly token?: Token;
  /** The client's IP address, for the audit log. Left out: the service itself acts. */
  readonly address?: string;
  /** Why the caller acts, in its own words: see `giving` in operations/audit/reason.ts. */
  readonly reason?: string;
}

const OF_ROLE: Readonly<Record<Role, readonly Permission[]>> = {
  viewer: ["read"],
  operator: ["read", "produce", "consume", "operate"],
  admin: PERMISSIONS,
};
const OF_SCOPE: Readonly<Record<Scope, readonly Permission[]>> = {
  read: OF_ROLE.viewer,
  produce: ["produce"],
  consume: ["consume"],
  manage: OF_ROLE.operator,
  administer: OF_ROLE.admin,
};

export const NOTHING: Rights = { read: [], produce: [], consume: [], operate: [], administer: [] };
export const EVERYTHING: Rights = rightsOfGrants([{ role: "admin", projects: "all" }]);

/** What a person with these grants may do. A wider grant adds to a narrower one. */
export function rightsOfGrants(grants: readonly Grant[]): Rights {
  return together(grants.map(({ role, projects }) => ({ permissions: OF_ROLE[role], projects })));
}

/** What a token with these scopes may do in these projects. */
export function rightsOfScopes(scopes: readonly Scope[], projects: Where): Rights {
  return together(scopes.map((scope) => ({ permissions: OF_SCOPE[scope], projects })));
}

function together(parts: readonly { permissions: readonly Permission[]; projects: Where }[]): Rights {
  const rights: Record<Permission, Where> = { ...NOTHING };
  for (const { permissions, projects } of parts) {
    for (const permission of permissions) rights[permission] = union(rights[permission], projects);
  }
  return rights;
}

function union(some: Where, more: Where): Where {
  return some === "all" || more === "all" ? "all" : [...new Set([...some, ...more])];
}

/** The projects in which the caller may do anything at all. */
export function projectsOf({ rights }: Pick<Access, "rights">): Where {
  return PERMISSIONS.map((permission) => rights[permission]).reduce(union);
}

/** Whether the caller may do this in this project. */
export function mayUse({ rights }: Pick<Access, "rights">, permission: Permission, project: string): boolean {
  return includesProject(rights[permission], project);
}

/** The highest role whose permissions the caller has in this project. Null: less than a viewer. */
export function roleIn(access: Pick<Access, "rights">, project: string): Role | null {
  const has = (permission: Permission) => mayUse(access, permission, project);
  return ROLES.findLast((role) => OF_ROLE[role].every(has)) ?? null;
}

/** The highest role that the caller has anywhere. */
export function highestRole({ rights }: Pick<Access, "rights">): Role | null {
  const has = (permission: Permission) => rights[permission].length > 0;
  return ROLES.findLast((role) => OF_ROLE[role].every(has)) ?? null;
}

/** What to ask an admin for. */
const NEEDED: Readonly<Record<Permission, string>> = {
  read: "the role viewer, or a token with the scope read",
  produce: "the role operator, or a token with the scope produce",
  consume: "the role operator, or a token with the scope consume",
  operate: "the role operator, or a token with the scope manage",
  administer: "the role admin, or a token with the scope administer",
};

/** FORBIDDEN unless the caller may do this in at least one project. */
export function requirePermission({ rights }: Access, permission: Permission): void {
  if (rights[permission].length === 0) throw notAllowed(permission);
}

/** FORBIDDEN unless the caller may do this in all projects: what belongs to none concerns all of them. */
export function requireEverywhere({ rights }: Access, permission: Permission): void {
  if (rights[permission] !== "all") throw notAllowed(permission, " in all projects");
}

function notAllowed(permission: Permission, where = ""): DomainError {
  return new DomainError("FORBIDDEN", `This needs ${NEEDED[permission]}${where}. Ask an admin for it.`);
}

/**
 * The project that a request means: the one that it names, or the caller's only one when it names none. FORBIDDEN when
 * the caller may not do this there; for one that it may not use at all, the error is the same when it does not exist.
 * BAD_INPUT when a caller with several projects names none.
 */
export function chooseProject(access: Access, permission: Permission, named: string | null | undefined): string {
  requirePermission(access, permission);
  const where = access.rights[permission];
  if (named !== null && named !== undefined) {
    if (where === "all" || where.includes(named)) return named;
    // The caller knows a project in which it may do other things.
    if (PERMISSIONS.some((other) => mayUse(access, other, named))) throw notAllowed(permission, " in this project");
    throw new DomainError("FORBIDDEN", "You may not use this project, or it does not exist.");
  }
  if (where !== "all" && where.length === 1) return where[0] as string;
  throw new DomainError("BAD_INPUT", 'Say which project you mean: pass `project`. The project without a name is "".', {
    details: { field: "project" },
  });
}
