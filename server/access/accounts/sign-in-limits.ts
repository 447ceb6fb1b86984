/**
 * How often somebody may try to sign in. Counted exactly, over all processes: in the control database, before the
 * attempt, so that attempts at the same time count too. It is far slower than the limits of other requests, and rare.
 */
import type pg from "pg";
import { RateLimiterPostgres, RateLimiterRes } from "rate-limiter-flexible";
import { translatePostgresError } from "../../storage/postgres/sql/connection.ts";
import { networkOf, rateLimited } from "../rate-limits.ts";

/** Failures, and the seconds in which they count. A success takes its own attempt back, and forgets `pair`. */
const LIMITS = {
  /** From one address at one account: somebody who has forgotten the password, or guesses. */
  pair: { points: 10, duration: 900 },
  /** From one address at any account. Many people may share one. */
  address: { points: 60, duration: 900 },
  /** At one account from anywhere. Higher, because otherwise a stranger could lock its person out. */
  account: { points: 200, duration: 3600 },
} as const;
type Kind = keyof typeof LIMITS;
const KINDS = ["address", "pair", "account"] as const satisfies Kind[];

/**
 * Ways to the identity provider that begin at one address: each is a row in the database, and makes the provider work.
 * Nobody knows which of them will succeed, so all count.
 */
const AT_PROVIDER = { points: 300, duration: 900 } as const;

export interface Attempt {
  /** The client's IP address. */
  address: string;
  /** The e-mail address that was given. Null: what is guessed at cannot be guessed, such as the code of a link. */
  account: string | null;
}

export interface SignInLimits {
  /** Counts a way to the identity provider that begins. RATE_LIMITED, with the seconds to wait. */
  beginAtProvider(address: string): Promise<void>;
  /** Counts the attempt. RATE_LIMITED, with the seconds to wait. */
  begin(attempt: Attempt): Promise<void>;
  /** It was no guess: it no longer counts. */
  succeeded(attempt: Attempt): Promise<void>;
  /** Nobody has looked at the password: it no longer counts. Earlier ones do. */
  unmade(attempt: Attempt): Promise<void>;
}

/** `connections`: those of the control database. The caller closes them. */
export function createSignInLimits({ connections }: { connections: pg.Pool }): SignInLimits {
  const limiter = (keyPrefix: string, limit: { points: number; duration: number }) =>
    new RateLimiterPostgres({
      storeClient: connections,
      storeType: "pool",
      tableName: "sign_in_attempts",
      tableCreated: true,
      // Garbage collection does it: see `trim` of the people's controller.
      clearExpiredByTimeout: false,
      keyPrefix,
      ...limit,
    });
  const ofKind = (kind: Kind) => limiter(kind, LIMITS[kind]);
  const limiters = { pair: ofKind("pair"), address: ofKind("address"), account: ofKind("account") };
  const atProvider = limiter("identityProvider", AT_PROVIDER);

  async function consume(from: RateLimiterPostgres, key: string, limit: "signIn" | "identityProvider"): Promise<void> {
    try {
      await from.consume(key);
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw translatePostgresError(refused, { wrote: false });
      const retryAfterSeconds = Math.ceil(refused.msBeforeNext / 1000);
      const { points: requests, duration: seconds } = from;
      const spent = { limit, requests, seconds, retryAfterSeconds };
      throw rateLimited(`Too many attempts to sign in. Try again in ${retryAfterSeconds} s.`, spent);
    }
  }

  return {
    beginAtProvider: (address) => consume(atProvider, networkOf(address), "identityProvider"),

    async begin(attempt) {
      const keys = keysOf(attempt);
      // One after the other: what is refused for its address counts at no account, or one address could lock it.
      for (const kind of KINDS) {
        const key = keys[kind];
        if (key !== null) await consume(limiters[kind], key, "signIn");
      }
    },

    async succeeded(attempt) {
      const { pair, address, account } = keysOf(attempt);
      await Promise.all([
        pair === null ? null : limiters.pair.delete(pair),
        address === null ? null : limiters.address.reward(address),
        account === null ? null : limiters.account.reward(account),
      ]).catch((error: unknown) => {
        throw translatePostgresError(error, { wrote: true });
      });
    },

    async unmade(attempt) {
      const keys = keysOf(attempt);
      const given = KINDS.map((kind) => keys[kind] !== null && limiters[kind].reward(keys[kind]));
      await Promise.all(given).catch((error: unknown) => {
        throw translatePostgresError(error, { wrote: true });
      });
    },
  };
}

/** Keys have at most 255 characters, with the prefix. */
const MAX_KEY = 100;

function keysOf(attempt: Attempt): Record<Kind, string | null> {
  const address = networkOf(attempt.address);
  if (attempt.account === null) return { address, pair: null, account: null };
  const account = attempt.account.toLowerCase().slice(0, MAX_KEY);
  return { pair: `${address} ${account}`, address, account };
}
