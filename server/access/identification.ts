/** What recognises callers with AUTH=accounts. It is opened and closed with the engine. */
import { performance } from "node:perf_hooks";
import type pg from "pg";
import type { TokensController } from "../storage/tokens.ts";
import type { AccessChanges } from "./changes.ts";
import { Credentials, type SessionIdentities } from "./credentials.ts";
import { RateLimitExchange } from "./rate-limit-exchange.ts";
import { type RateLimitSettings, RateLimits } from "./rate-limits.ts";
import { TokenIdentities } from "./tokens.ts";

export interface Identification {
  readonly credentials: Credentials;
  /** Writes when tokens were used: for each at most once a minute, however often it is called. */
  writeUses(): Promise<void>;
  /** Tells other processes what this one counted, and hears what they did. Called about once a second. */
  exchangeCounts(): Promise<void>;
  close(): void;
}

/** `clock` moves time forward, for tests. */
export function openIdentification(parts: {
  settings: RateLimitSettings;
  store: TokensController;
  sessions: SessionIdentities | null;
  changes: AccessChanges;
  connections: pg.Pool;
  clock: { offsetMs: number };
}): Identification {
  const { settings, store, sessions, changes, connections, clock } = parts;
  const now = () => performance.now() + clock.offsetMs;
  const limits = new RateLimits(settings, now);
  const tokens = new TokenIdentities({ store, changes, limits, now });
  const exchange = new RateLimitExchange({ limits, connections, now });
  return {
    credentials: new Credentials({ tokens, sessions, limits }),
    writeUses: () => tokens.writeUses(),
    exchangeCounts: () => exchange.run(),
    close: () => tokens.close(),
  };
}
