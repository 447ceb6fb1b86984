/**
 * How many requests a token, an account and an address may send a second. Each process counts in buckets of its own,
 * without a promise; rate-limit-exchange.ts tells it once a second what others counted.
 */
import { LRUCache } from "lru-cache";
import type { Config } from "../config.ts";
import { entriesUpTo } from "../entry-limit.ts";
import { DomainError } from "../errors.ts";

/** Tokens, accounts and addresses whose requests are counted at a time. The least recently used is forgotten. */
const MAX_BUCKETS = 100_000;

export type RateLimitSettings = Pick<
  Config,
  | "TOKEN_REQUESTS_PER_SECOND"
  | "ACCOUNT_REQUESTS_PER_SECOND"
  | "ADDRESS_REQUESTS_PER_SECOND"
  | "ADDRESS_FAILURES_PER_MINUTE"
>;

export type RateLimitKind = "token" | "account" | "address";

/** What is left of a limit. */
export interface RateLimit {
  readonly kind: RateLimitKind;
  readonly requestsPerSecond: number;
  readonly remaining: number;
}

export const NO_LIMITS: readonly RateLimit[] = [];

/** What was counted is told once it is this part of what a second allows: rare callers cost nothing. */
const TOLD_PART = 0.05;

/** How often its capacity a bucket may be below zero: as many processes as this keep a limit together. */
const MOST_DEBT = 16;

/** It fills at `perSecond` up to `capacity`. What other processes took may leave it below zero. */
export class Bucket {
  readonly perSecond: number;
  readonly capacity: number;
  readonly #toldFrom: number;
  /** What this process took, since the exchange last asked. */
  taken = 0;
  #level: number;
  #at: number;

  constructor(perSecond: number, capacity: number, now: number) {
    this.perSecond = perSecond;
    this.capacity = capacity;
    this.#toldFrom = Math.max(1, Math.ceil(perSecond * TOLD_PART));
    this.#level = capacity;
    this.#at = now;
  }

  /** What is left after taking one; null when there is none. `now`: milliseconds. */
  take(now: number): number | null {
    if (!this.hold(now)) return null;
    this.taken += 1;
    return Math.floor(this.#level);
  }

  /** Takes one that may be given back, so it is not counted as taken yet. False: there is none. */
  hold(now: number): boolean {
    const level = this.left(now);
    if (level < 1) return false;
    this.#level = level - 1;
    return true;
  }

  giveBack(now: number): void {
    this.#level = Math.min(this.capacity, this.left(now) + 1);
  }

  /** Whether it has just become due by what this process took. */
  get hasBecomeDue(): boolean {
    return this.taken === this.#toldFrom;
  }

  /** Whether other processes should hear of what this one took, or this one of what they did. */
  isDue(now: number): boolean {
    // Whoever waits for others to have taken less must hear of them.
    return this.taken >= this.#toldFrom || this.left(now) < 0;
  }

  left(now: number): number {
    this.#level = Math.min(this.capacity, this.#level + ((now - this.#at) / 1000) * this.perSecond);
    this.#at = now;
    return this.#level;
  }

  takenElsewhere(requests: number, now: number): void {
    this.#level = Math.max(-MOST_DEBT * this.capacity, this.left(now) - requests);
  }
}

export class RateLimits {
  /** By `kind:name`. */
  readonly buckets = new LRUCache<string, Bucket>(entriesUpTo(MAX_BUCKETS));
  /** Keys of the buckets that may be due, so that the exchange need not ask all. */
  readonly due = new Set<string>();
  readonly #settings: RateLimitSettings;
  readonly #now: () => number;

  constructor(settings: RateLimitSettings, now: () => number) {
    this.#settings = settings;
    this.#now = now;
  }

  /** A request from this address, whoever sends it. Null: there is no limit. RATE_LIMITED. */
  address(address: string): RateLimit | null {
    return this.#take("address", networkOf(address), this.#settings.ADDRESS_REQUESTS_PER_SECOND);
  }

  /** `own`: the token's own limit, if it has one. */
  token(id: string, own: number | null): RateLimit | null {
    return this.#take("token", id, own ?? this.#settings.TOKEN_REQUESTS_PER_SECOND);
  }

  account(id: string): RateLimit | null {
    return this.#take("account", id, this.#settings.ACCOUNT_REQUESTS_PER_SECOND);
  }

  /**
   * A token from this address is about to be looked up in the database. It counts as wrong until `lookedUp` says
   * otherwise, so that many at once are no way around. RATE_LIMITED.
   */
  lookUp(address: string): void {
    if (this.#failures(address)?.hold(this.#now()) ?? true) return;
    const requests = this.#settings.ADDRESS_FAILURES_PER_MINUTE;
    throw rateLimited(`Too many wrong tokens came from this address: at most ${requests} a minute are looked up.`, {
      limit: "failures",
      requests,
      seconds: 60,
    });
  }

  /** What came of `lookUp`, once for each. Not wrong: it is good, or nothing was found out. */
  lookedUp(address: string, wrong: boolean): void {
    const bucket = this.#failures(address);
    if (bucket === null) return;
    if (wrong) {
      bucket.taken += 1;
      if (bucket.hasBecomeDue) this.due.add(failuresOf(address));
    } else bucket.giveBack(this.#now());
  }

  #failures(address: string): Bucket | null {
    const perMinute = this.#settings.ADDRESS_FAILURES_PER_MINUTE;
    return perMinute === 0 ? null : this.#bucket(failuresOf(address), perMinute / 60, perMinute);
  }

  #take(kind: RateLimitKind, name: string, requestsPerSecond: number): RateLimit | null {
    if (requestsPerSecond === 0) return null;
    const key = `${kind}:${name}`;
    const bucket = this.#bucket(key, requestsPerSecond, requestsPerSecond);
    const remaining = bucket.take(this.#now());
    if (remaining !== null && bucket.hasBecomeDue) this.due.add(key);
    if (remaining !== null) return { kind, requestsPerSecond, remaining };
    throw rateLimited(`This ${kind} may send ${requestsPerSecond} requests a second. Wait a second.`, {
      limit: kind,
      requests: requestsPerSecond,
      seconds: 1,
    });
  }

  #bucket(key: string, perSecond: number, capacity: number): Bucket {
    const known = this.buckets.get(key);
    if (known?.perSecond === perSecond) return known;
    const bucket = new Bucket(perSecond, capacity, this.#now());
    this.buckets.set(key, bucket);
    return bucket;
  }
}

/** The headers of an answer, as the IETF's draft on rate limits (draft-ietf-httpapi-ratelimit-headers-10) has them. */
export function rateLimitHeaders(limits: readonly RateLimit[]): { ratelimit: string; "ratelimit-policy": string } {
  return {
    "ratelimit-policy": limits.map(({ kind, requestsPerSecond }) => `"${kind}";q=${requestsPerSecond};w=1`).join(", "),
    ratelimit: limits.map(({ kind, remaining }) => `"${kind}";r=${remaining};t=1`).join(", "),
  };
}

/** A limit that is spent: so many requests in so many seconds. */
export interface SpentLimit {
  limit: RateLimitKind | "failures" | "signIn" | "identityProvider";
  requests: number;
  seconds: number;
  /** When there is room again. Left out: in a second. */
  retryAfterSeconds?: number;
}

/** The same headers for the answer that refuses a request, from the details of its error. */
export function spentLimitHeaders(details: Readonly<Record<string, unknown>>): ReturnType<typeof rateLimitHeaders> {
  const { limit, requests, seconds, retryAfterSeconds = 1 } = details as unknown as SpentLimit;
  return {
    "ratelimit-policy": `"${limit}";q=${requests};w=${seconds}`,
    ratelimit: `"${limit}";r=0;t=${retryAfterSeconds}`,
  };
}

/** One client may have all addresses of an IPv6 network of 64 bits. */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("%", 1)[0]?.split("::") ?? [];
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const missing = 8 - groups.length - (tail === "" ? 0 : tail.split(":").length);
    groups.push(...Array<string>(Math.max(0, missing)).fill("0"), ...(tail === "" ? [] : tail.split(":")));
  }
  return `${groups.slice(0, 4).join(":")}::/64`;
}

const failuresOf = (address: string) => `failures:${networkOf(address)}`;

export function rateLimited(message: string, spent: SpentLimit): DomainError {
  return new DomainError("RATE_LIMITED", message, { details: { ...spent } });
}
