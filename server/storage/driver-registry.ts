/** Which kind of store a pool's URI leads to, by its scheme. Knows no driver: server/bootstrap.ts registers them. */
import { DomainError } from "../errors.ts";
import type { DataDriver, FoundStore } from "./data-driver.ts";
import { schemeOf } from "./pool-uri.ts";

/** What can be done with a URI before there is a driver. What a call opened before it failed, it closes. */
export interface StoreKind {
  /** BAD_INPUT for what is no URI of such a store. Connects nowhere. */
  check(uri: string): void;
  /** Connects, reads what the store is and whether a pool can be made there, and leaves nothing behind. */
  inspect(uri: string): Promise<FoundStore>;
  /**
   * Connects, and makes the store's tables if they are missing. `pool` is its name for the log; null for one that is
   * only prepared.
   */
  open(uri: string, pool: string | null): Promise<DataDriver>;
}

/**
 * Each call is BAD_INPUT for what is no URI of a registered scheme, before any connection is made; else it gives the
 * kind's own errors.
 */
export interface DriverRegistry extends StoreKind {
  /** Each scheme once, without its colon. */
  register(schemes: readonly string[], kind: StoreKind): void;
}

export function createDriverRegistry(): DriverRegistry {
  const kinds = new Map<string, StoreKind>();

  function kindOf(uri: string): StoreKind {
    const kind = kinds.get(schemeOf(uri) ?? "");
    if (kind === undefined) {
      const known = [...kinds.keys()].map((scheme) => `${scheme}://`).join(", ");
      throw new DomainError("BAD_INPUT", `A pool's URI must begin with one of ${known}.`, {
        details: { field: "uri" },
      });
    }
    kind.check(uri);
    return kind;
  }

  return {
    register(schemes, kind) {
      for (const scheme of schemes) {
        if (kinds.has(scheme)) throw new Error(`Two drivers want the scheme ${scheme}.`);
        kinds.set(scheme, kind);
      }
    },

    check(uri) {
      kindOf(uri);
    },
    inspect: async (uri) => kindOf(uri).inspect(uri),
    open: async (uri, pool) => kindOf(uri).open(uri, pool),
  };
}
