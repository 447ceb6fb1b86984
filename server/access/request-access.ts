/** Turns an HTTP request that has passed the shell into an Access; nothing else does. */
import type { IncomingMessage } from "node:http";
import { type Access, NOTHING, type Rights, ROLES, type Role, rightsOfGrants } from "./access.ts";
import type { Caller } from "./shell.ts";

/** Returns who is asking. */
export type RequestAccess = (request: IncomingMessage, caller: Caller, requestId: string) => Access;

const OF_ROLE = Object.fromEntries(
  ROLES.map((role) => [role, rightsOfGrants([{ role, projects: "all" }])]),
) as unknown as Readonly<Record<Role, Rights>>;

/** With AUTH=none, every client on this machine is admin, and may take less than that. */
export function createRequestAccess(): RequestAccess {
  return ({ headers }, { isFromPage }, requestId) => {
    const access: Access = { actor: "local", kind: "local", rights: localRights(headers["x-roles"]), requestId };
    return isFromPage ? { ...access, isPerson: true } : access;
  };
}

/**
 * `X-Roles` names roles, separated by commas: the highest of them counts. It can only lower what a client may do: one
 * that names none of our roles may do nothing.
 */
function localRights(named: string | string[] | undefined): Rights {
  if (named === undefined) return OF_ROLE.admin;
  const names = String(named)
    .split(",")
    .map((name) => name.trim().toLowerCase());
  const role = ROLES.findLast((role) => names.includes(role));
  return role === undefined ? NOTHING : OF_ROLE[role];
}
