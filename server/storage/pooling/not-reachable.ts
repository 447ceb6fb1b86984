/** Why a URI cannot be used as a pool, in words that hold no secrets. */
import { DomainError } from "../../errors.ts";

/** By error code, the system's or the server's. An error's own text could hold the URI. */
const REASONS: Record<string, string> = {
  ECONNREFUSED: "nothing listens at this host and port",
  ECONNRESET: "the server closed the connection",
  EHOSTUNREACH: "the host cannot be reached",
  ENETUNREACH: "the network cannot be reached",
  ENOENT: "there is no such socket",
  ENOTFOUND: "the host's name is not known",
  EAI_AGAIN: "the host's name could not be looked up",
  ETIMEDOUT: "it took too long to connect",
  "28P01": "the server does not accept this user and password",
  "28000": "the server does not let this user in from here",
  "3D000": "there is no such database",
  "25006": "the server is a replica, or read-only",
  "42501": "this user may not make tables there",
  // A schema that it may not enter.
  "3F000": "this user may not make tables there",
  "53300": "the server has no connection to spare",
};

/** Rethrows what says that the URI is wrong; anything else becomes POOL_NOT_REACHABLE. */
export function notUsable(error: unknown): never {
  throw error instanceof DomainError && error.kind === "invalid" ? error : notReachable(error);
}

export function throwNotReachable(): never {
  throw notReachable();
}

function notReachable(error?: unknown): DomainError {
  return new DomainError("POOL_NOT_REACHABLE", `The pool cannot be used: ${reasonOf(error)}. Check its URI.`, {
    cause: error,
  });
}

/** The message of a DomainError holds no secrets. Of other errors only the code is used. */
function reasonOf(error: unknown): string {
  if (error === undefined) return "it took too long to connect";
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const reason = REASONS[String((cause as { code?: unknown }).code)];
    if (reason !== undefined) return reason;
  }
  return error instanceof DomainError ? error.message.replace(/\.$/, "") : "it refused the connection";
}
