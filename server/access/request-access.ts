/** Turns an HTTP request that has passed the shell into an Access; nothing else does. */
import type { IncomingMessage } from "node:http";
import type { Config } from "../config.ts";
import { type Access, NOTHING, type Rights, ROLES, type Role, rightsOfGrants } from "./access.ts";
import { addressList } from "./addresses.ts";
import type { Credentials, Identified } from "./credentials.ts";
import type { RateLimit } from "./rate-limits.ts";
import type { Caller } from "./shell.ts";

export interface Asker {
  /** Null: nobody. The request has no credential, or its session has ended. */
  readonly access: Access | null;
  /** What is left of the limits that apply to the asker. */
  readonly rateLimits: readonly RateLimit[];
}

/**
 * Returns who is asking; a promise only when a credential must be read first. UNAUTHENTICATED for a wrong token,
 * BAD_INPUT for two credentials, RATE_LIMITED, STORAGE_UNAVAILABLE.
 */
export type RequestAccess = (request: IncomingMessage, caller: Caller, requestId: string) => Asker | Promise<Asker>;

const NO_LIMITS: readonly RateLimit[] = [];
const OF_ROLE = Object.fromEntries(
  ROLES.map((role) => [role, rightsOfGrants([{ role, projects: "all" }])]),
) as unknown as Readonly<Record<Role, Rights>>;

/** `credentials`: null with AUTH=none. */
export function createRequestAccess(
  config: Pick<Config, "BASE_PATH" | "MONITOR_ADDRESSES">,
  credentials: Pick<Credentials, "identify"> | null,
): RequestAccess {
  if (credentials === null) return localAccess;
  const monitors = addressList(config.MONITOR_ADDRESSES ?? []);
  const monitored = new Set(["health", "metrics"].map((name) => `${config.BASE_PATH}/api/${name}`));

  return (request, caller, requestId) => {
    const askerOf = (identified: Identified | null): Asker => {
      if (identified !== null) {
        const { identity, rateLimits } = identified;
        const { address } = caller;
        const isPerson = identity.kind === "person" && caller.isFromPage;
        return { access: { ...identity, requestId, address, ...(isPerson && { isPerson }) }, rateLimits };
      }
      const [path = ""] = request.url?.split("?", 1) ?? [];
      if (!monitored.has(path) || !monitors.has(caller.address)) return { access: null, rateLimits: NO_LIMITS };
      const rights = { ...NOTHING, read: "all" } as const;
      return { access: { actor: "isimud:monitor", kind: "service", rights, requestId }, rateLimits: NO_LIMITS };
    };
    const identified = credentials.identify(request, caller);
    return identified instanceof Promise ? identified.then(askerOf) : askerOf(identified);
  };
}

/** With AUTH=none, every client on this machine is admin, and may take less than that. */
function localAccess({ headers }: IncomingMessage, { address, isFromPage }: Caller, requestId: string): Asker {
  const rights = localRights(headers["x-roles"]);
  const access: Access = { actor: "local", kind: "local", rights, requestId, address };
  return { access: isFromPage ? { ...access, isPerson: true } : access, rateLimits: NO_LIMITS };
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
