/** Finds the kind of store by the scheme of a pool's URI. server/bootstrap.ts registers the kinds. */
import { DomainError } from "../errors.ts";
import type { DataDriver, FoundStore } from "./data-driver.ts";
import { schemeOf } from "./pool-uri.ts";

/** What one kind of store does with a URI before there is a driver. A call that fails closes what it opened. */
export interface StoreKind {
  /** BAD_INPUT when the URI is not one of such a store. Makes no connection. */
  check(uri: string): void;
  /** Connects and reads what the store is. Checks that a pool can be created there, and writes nothing. */
  inspect(uri: string): Promise<FoundStore>;
  /**
   * Connects, and creates the store's tables if they are missing. `pool` is the pool's name for the log; null when the
   * store is only prepared.
   */
  open(uri: string, pool: string | null): Promise<DataDriver>;
}

/** Calls the kind that is registered for the URI's scheme. BAD_INPUT for any other scheme; makes no connection then. */
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
