import { type Access, type Grant, type Role, rightsOfGrants } from "../../server/access/access.ts";
import type { Where } from "../../server/storage/where.ts";

/** A person with these grants. */
export function person(actor: string, ...grants: Grant[]): Access {
  return { actor, kind: "person", rights: rightsOfGrants(grants), requestId: `r-${actor}` };
}

/** A caller with one role, as a door would have created it. */
export function callerWith(role: Role, projects: Where = "all", actor = "tester"): Access {
  return { ...person(actor, { role, projects }), kind: "local" };
}

/** The same caller with one role in these projects. */
export function limitedTo(access: Access, role: Role, projects: Where): Access {
  return { ...access, rights: rightsOfGrants([{ role, projects }]) };
}
