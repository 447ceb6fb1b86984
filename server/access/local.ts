/** Who asks with AUTH=none: every client on this machine is admin, and may take less than that. */
import { type Access, NOTHING, type Rights, ROLES, type Role, rightsOfGrants } from "./access.ts";

export type LocalIdentity = Pick<Access, "actor" | "rights"> & { readonly kind: "local" };

/** The actor of somebody who takes no less. */
const ACTOR = "local";
const OF_ROLE = Object.fromEntries(
  ROLES.map((role) => [role, rightsOfGrants([{ role, projects: "all" }])]),
) as unknown as Readonly<Record<Role, Rights>>;

/** `role`: null for nothing at all. The actor names a role that is lower than admin, so jobs know it too. */
function identityOf(role: Role | null): LocalIdentity {
  const actor = role === "admin" ? ACTOR : `${ACTOR}:${role ?? "nobody"}`;
  return { actor, kind: "local", rights: role === null ? NOTHING : OF_ROLE[role] };
}
const ADMIN = identityOf("admin");
const NOBODY = identityOf(null);
const IDENTITIES = [...ROLES.map(identityOf), NOBODY];

/**
 * `named`: the header X-Roles, roles with commas between them. The highest of them counts. It can only lower what a
 * client may do: one that names none of our roles may do nothing.
 */
export function localIdentity(named: string | string[] | undefined): LocalIdentity {
  if (named === undefined) return ADMIN;
  const names = String(named)
    .split(",")
    .map((name) => name.trim().toLowerCase());
  return IDENTITIES[ROLES.findLastIndex((role) => names.includes(role))] ?? NOBODY;
}

/** What an actor may do later, for its jobs. Who it was with accounts does not matter: everybody is admin now. */
export function localRightsOf(actor: string): Rights {
  return (IDENTITIES.find((known) => known.actor === actor) ?? ADMIN).rights;
}
