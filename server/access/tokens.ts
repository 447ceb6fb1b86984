/** Who programs are, by the tokens that they send. */
import { LRUCache } from "lru-cache";
import { entriesUpTo } from "../entry-limit.ts";
import { DomainError } from "../errors.ts";
import type { Token, TokensController } from "../storage/tokens.ts";
import { type Access, rightsOfScopes } from "./access.ts";
import type { AccessChanges } from "./changes.ts";
import type { RateLimits } from "./rate-limits.ts";
import { Remembered } from "./remembered.ts";
import { digestOf, isTokenSecret } from "./token-secret.ts";

/** Tokens that this process remembers, and wrong ones. */
const MAX_TOKENS = 20_000;
const MAX_UNKNOWN = 10_000;
const UNKNOWN_MS = 60_000;

/** A token as requests with it are checked. */
export interface TokenIdentity extends Pick<Access, "actor" | "kind" | "rights"> {
  readonly kind: "token";
  readonly token: Token;
}

/** How the actor of a token begins. */
export const TOKEN_ACTOR = "token:";

export function tokenIdentity(token: Token): TokenIdentity {
  const rights = rightsOfScopes(token.scopes, token.projects);
  return { actor: `${TOKEN_ACTOR}${token.name}`, kind: "token", rights, token };
}

interface Known {
  readonly identity: TokenIdentity;
  /** By the clock of `now`, in milliseconds; infinite for one that never expires. */
  readonly expiresAt: number;
}

export class TokenIdentities {
  readonly #tokens: Remembered<Known>;
  /** Digests of secrets that nobody has. No token will ever have them. */
  readonly #unknown: LRUCache<string, true>;
  readonly #store: Pick<TokensController, "findByHash" | "noteUse">;
  readonly #limits: Pick<RateLimits, "lookUp" | "lookedUp">;
  readonly #now: () => number;
  #used = new Set<string>();

  constructor(parts: {
    store: Pick<TokensController, "findByHash" | "noteUse">;
    changes: AccessChanges;
    limits: Pick<RateLimits, "lookUp" | "lookedUp">;
    now: () => number;
  }) {
    this.#store = parts.store;
    this.#limits = parts.limits;
    this.#now = parts.now;
    this.#unknown = new LRUCache({ ...entriesUpTo(MAX_UNKNOWN), ttl: UNKNOWN_MS });
    this.#tokens = new Remembered({
      changes: parts.changes,
      read: (digest) => this.#read(digest),
      rowsOf: ({ identity }) => [{ table: "tokens", key: identity.token.id }],
      maximum: MAX_TOKENS,
      now: parts.now,
    });
  }

  /**
   * Whose secret it is. A promise only for one that must be read. UNAUTHENTICATED for a token that is unknown, revoked
   * or expired; RATE_LIMITED when too many wrong ones came from the address; STORAGE_UNAVAILABLE.
   */
  identify(secret: string, address: string): TokenIdentity | Promise<TokenIdentity> {
    const digest = digestOf(secret);
    const known = this.#tokens.get(digest);
    if (known !== undefined) return this.#usable(known);
    if (!isTokenSecret(secret) || this.#unknown.has(digest)) throw unknownToken();
    // Whoever joins another's reading costs nothing.
    if (this.#tokens.isLoading(digest)) return this.#tokens.load(digest).then((found) => this.#found(found));
    this.#limits.lookUp(address);
    return this.#load(digest, address);
  }

  /** Writes which tokens were used. */
  async writeUses(): Promise<void> {
    if (this.#used.size === 0) return;
    const used = this.#used;
    this.#used = new Set();
    await this.#store.noteUse([...used]);
  }

  close(): void {
    this.#tokens.close();
  }

  async #load(digest: string, address: string): Promise<TokenIdentity> {
    let isWrong = false;
    try {
      const known = await this.#tokens.load(digest);
      isWrong = known === null;
      if (isWrong) this.#unknown.set(digest, true);
      return this.#found(known);
    } finally {
      this.#limits.lookedUp(address, isWrong);
    }
  }

  #found(known: Known | null): TokenIdentity {
    if (known === null) throw unknownToken();
    return this.#usable(known);
  }

  async #read(digest: string): Promise<Known | null> {
    const now = this.#now();
    const found = await this.#store.findByHash(Buffer.from(digest, "base64url"));
    if (found === null) return null;
    const { token, expiresInSeconds } = found;
    return {
      identity: tokenIdentity(token),
      expiresAt: expiresInSeconds === null ? Number.POSITIVE_INFINITY : now + expiresInSeconds * 1000,
    };
  }

  #usable({ identity, expiresAt }: Known): TokenIdentity {
    if (identity.token.revokedAt !== null) throw unauthenticated("This token was revoked.");
    if (this.#now() >= expiresAt) throw unauthenticated("This token has expired. Make a new one.");
    this.#used.add(identity.token.id);
    return identity;
  }
}

const unknownToken = () => unauthenticated("This is no token of this service. Check that it was copied whole.");

export function unauthenticated(message: string): DomainError {
  return new DomainError("UNAUTHENTICATED", message);
}
