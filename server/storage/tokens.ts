/** Tokens of programs, as the control database keeps them. */
import type { Page, PageRequest } from "./list-pages.ts";
import type { Where } from "./where.ts";

/** What a token is for. `manage` is what an operator may do, `administer` everything. */
export const SCOPES = ["read", "produce", "consume", "manage", "administer"] as const;
export type Scope = (typeof SCOPES)[number];

export interface Token {
  id: string;
  /** Unique among all tokens, revoked ones included. */
  name: string;
  /** How its secret begins. */
  prefix: string;
  scopes: Scope[];
  projects: Where;
  createdBy: string;
  createdAt: Date;
  /** Null: never. */
  expiresAt: Date | null;
  /** Up to a minute old. Null: it was never used. */
  lastUsedAt: Date | null;
  revokedAt: Date | null;
  /** The actor. */
  revokedBy: string | null;
  /** Null: as the setting says. 0: no limit. */
  requestsPerSecond: number | null;
  /** By the clock of the database. */
  state: TokenState;
}

export type TokenState = "active" | "expired" | "revoked";

export interface NewToken
  extends Pick<Token, "name" | "prefix" | "scopes" | "projects" | "createdBy" | "requestsPerSecond"> {
  /** SHA-256 of the secret. */
  hash: Buffer;
  /** Null: it never expires. */
  expiresInDays: number | null;
}

export interface TokenFilter {
  /** Only tokens all of whose projects are among these. */
  within: Where;
  /** Only those that may be used in this project. */
  project?: string;
  state?: TokenState;
}

export interface TokensController {
  /** By name; the marker is the name. */
  list(params: { page: PageRequest; filter: TokenFilter }): Promise<Page<Token>>;
  /** The tokens that exist, in any order, with one statement. */
  getMany(names: readonly string[]): Promise<Token[]>;
  /** TOKEN_ALREADY_EXISTS when a token has, or had, this name. */
  create(token: NewToken): Promise<Token>;
  /** True when it was not revoked before. It keeps the first revocation. */
  revoke(params: { name: string; actor: string }): Promise<boolean>;
  /**
   * The token whose secret has this SHA-256, in any state. `expiresInSeconds`: by the clock of the database, null for
   * never.
   */
  findByHash(hash: Buffer): Promise<{ token: Token; expiresInSeconds: number | null } | null>;
  /** Notes that these were used now. What was noted within the last minute stays as it is. */
  noteUse(ids: readonly string[]): Promise<void>;
  /**
   * Deletes tokens that were revoked or expired more than `days` ago, at most `limit`. Their names are free then.
   * Returns how many.
   */
  trim(params: { days: number; limit: number }): Promise<number>;
}
