/** The URIs of pools: encrypted, compared by digest, and masked for people. */
import type { Pool as PoolRow } from "../../../../prisma/generated/client.ts";
import type { SecretBox } from "../../../secret-box.ts";
import type { Pool } from "../../control-driver.ts";
import { DEFAULT_POOL } from "../../data-driver.ts";
import { maskPoolUri, normalisePoolUri } from "../../pool-uri.ts";
import { uriInUse } from "./pool-identities.ts";

/** The context with which a pool's URI is encrypted. So it cannot be decrypted in another pool's row. */
export function poolContext(name: string): string {
  return `pool ${name}`;
}

export class PoolUris {
  readonly #secrets: SecretBox;
  readonly #defaultUri: string | null;

  constructor({ secrets, defaultPoolUri }: { secrets: SecretBox; defaultPoolUri?: string }) {
    this.#secrets = secrets;
    this.#defaultUri = defaultPoolUri === undefined ? null : normalisePoolUri(defaultPoolUri);
  }

  digestOf(uri: string): string {
    return this.#secrets.digest(normalisePoolUri(uri));
  }

  /** The columns for a URI. POOL_URI_IN_USE for the control database's URI: that is the built-in pool. */
  columnsOf(name: string, uri: string): { encryptedUri: string; uriDigest: string } {
    if (normalisePoolUri(uri) === this.#defaultUri) throw uriInUse(DEFAULT_POOL);
    return { encryptedUri: this.#secrets.seal(uri, poolContext(name)), uriDigest: this.digestOf(uri) };
  }

  toPool(row: PoolRow): Pool {
    const uri = this.#secrets.open(row.encryptedUri, poolContext(row.name));
    return {
      name: row.name,
      uri,
      maskedUri: maskPoolUri(uri),
      weight: Number(row.weight),
      flavor: row.flavor,
      optionsText: row.optionsText,
      identity: row.identity,
      createdAt: row.createdAt,
      updatedAt: row.updatedAt,
    };
  }
}
