/** Who sends a request: what its token or its session says. */
import type { IncomingMessage } from "node:http";
import { DomainError } from "../errors.ts";
import type { Access } from "./access.ts";
import { NO_LIMITS, type RateLimit, type RateLimits } from "./rate-limits.ts";
import type { Caller } from "./shell.ts";
import { type TokenIdentities, unauthenticated } from "./tokens.ts";

/** Who somebody is, in every request. */
export type Identity = Omit<Access, "requestId" | "isPerson" | "reason">;

/** Sessions of people. */
export interface SessionIdentities {
  /** Whether the request has the cookie of a session, good or not. */
  isNamedBy(request: IncomingMessage): boolean;
  /** A promise only for a session that must be read. Null: it has ended, or nobody has it. */
  identify(request: IncomingMessage, caller: Caller): SessionIdentity | null | Promise<SessionIdentity | null>;
}

/** What a request with a session says of its sender. */
export type SessionIdentity = Identity & Required<Pick<Identity, "personId" | "sessionId" | "sessionEndsAt">>;

export interface Identified {
  readonly identity: Identity;
  /** What is left of the limits that apply; empty when there are none. */
  readonly rateLimits: readonly RateLimit[];
}

/** Other schemes are no credential of ours: a browser repeats to us what a proxy asked for, such as Basic. */
const IS_BEARER = /^bearer( |$)/i;
const BEARER = /^bearer +([^ ]+) *$/i;

export class Credentials {
  readonly #tokens: TokenIdentities;
  readonly #sessions: SessionIdentities | null;
  readonly #limits: RateLimits;

  /** `sessions`: null where nobody can sign in. */
  constructor(parts: { tokens: TokenIdentities; sessions: SessionIdentities | null; limits: RateLimits }) {
    this.#tokens = parts.tokens;
    this.#sessions = parts.sessions;
    this.#limits = parts.limits;
  }

  /** A request that is open to everybody. RATE_LIMITED. */
  countAddress(caller: Caller): void {
    this.#limits.address(caller.address);
  }

  /**
   * Who sends the request; null when it has no credential. A promise only when something must be read: a credential
   * that is remembered costs a digest and two look-ups. UNAUTHENTICATED for a wrong token, BAD_INPUT for a token and a
   * session together, RATE_LIMITED, STORAGE_UNAVAILABLE.
   */
  identify(request: IncomingMessage, caller: Caller): Identified | null | Promise<Identified | null> {
    const ofAddress = this.#limits.address(caller.address);
    const { authorization } = request.headers;
    // A page of another site must not act with the session of the person who looks at it.
    const hasSession = caller.foreignOrigin === null && this.#sessions?.isNamedBy(request) === true;
    if (authorization !== undefined && IS_BEARER.test(authorization)) {
      if (hasSession) {
        throw new DomainError("BAD_INPUT", "This request has both a token and the cookie of a session. Send one.");
      }
      const secret = BEARER.exec(authorization)?.[1];
      if (secret === undefined) throw unauthenticated("Send a token as `Authorization: Bearer TOKEN`.");
      const found = this.#tokens.identify(secret, caller.address);
      const counted = (identity: Awaited<typeof found>) => {
        const { id, requestsPerSecond } = identity.token;
        return identified(identity, ofAddress, this.#limits.token(id, requestsPerSecond));
      };
      return found instanceof Promise ? found.then(counted) : counted(found);
    }
    if (!hasSession) return null;
    const found = (this.#sessions as SessionIdentities).identify(request, caller);
    const counted = (session: SessionIdentity | null) =>
      session === null ? null : identified(session, ofAddress, this.#limits.account(session.personId));
    return found instanceof Promise ? found.then(counted) : counted(found);
  }
}

function identified(identity: Identity, ...limits: readonly (RateLimit | null)[]): Identified {
  const rateLimits = limits.filter((limit) => limit !== null);
  return { identity, rateLimits: rateLimits.length === 0 ? NO_LIMITS : rateLimits };
}
