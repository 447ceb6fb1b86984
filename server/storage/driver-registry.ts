/** Which data driver opens a pool's URI, by its scheme. Knows no driver: server/bootstrap.ts registers them. */
import { DomainError } from "../errors.ts";
import type { DataDriver } from "./data-driver.ts";
import { schemeOf } from "./pool-uri.ts";

/**
 * Connects, makes the store's tables if they are missing, and reads what the store can do. What it opened before it failed, it closes.
 * `pool` is its name for the log; null for one that is only looked at.
 */
type OpenDataDriver = (uri: string, pool: string | null) => Promise<DataDriver>;

export interface DriverRegistry {
  /** Each scheme once, without its colon. */
  register(schemes: readonly string[], open: OpenDataDriver): void;
  /** The schemes a pool's URI may have. */
  schemes(): string[];
  /** BAD_INPUT for a scheme that nobody registered, before any connection is made; else the driver's own errors. */
  open(uri: string, pool: string | null): Promise<DataDriver>;
}

export function createDriverRegistry(): DriverRegistry {
  const openers = new Map<string, OpenDataDriver>();
  return {
    register(schemes, open) {
      for (const scheme of schemes) {
        if (openers.has(scheme)) throw new Error(`Two drivers want the scheme ${scheme}.`);
        openers.set(scheme, open);
      }
    },

    schemes: () => [...openers.keys()],

    async open(uri, pool) {
      const open = openers.get(schemeOf(uri) ?? "");
      if (open === undefined) {
        const known = [...openers.keys()].map((scheme) => `${scheme}://`).join(", ");
        throw new DomainError("BAD_INPUT", `A pool's URI must begin with one of ${known}.`);
      }
      return open(uri, pool);
    },
  };
}
