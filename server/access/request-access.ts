/** Turns an HTTP request that has passed the shell into an Access; nothing else does. */
import type { IncomingMessage } from "node:http";
import type { Config } from "../config.ts";
import { type Access, NOTHING } from "./access.ts";
import { addressList } from "./addresses.ts";
import type { Credentials, Identified } from "./credentials.ts";
import { localIdentity } from "./local.ts";
import { NO_LIMITS, type RateLimit } from "./rate-limits.ts";
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

function localAccess({ headers }: IncomingMessage, { address, isFromPage }: Caller, requestId: string): Asker {
  const access: Access = { ...localIdentity(headers["x-roles"]), requestId, address };
  return { access: isFromPage ? { ...access, isPerson: true } : access, rateLimits: NO_LIMITS };
}
