/** Encrypts the pools' URIs again when the secret key changes. */
import type pg from "pg";
import type { SecretBox } from "../../../secret-box.ts";
import { normalisePoolUri } from "../../pool-uri.ts";
import { openPrisma } from "../sql/prisma.ts";
import { poolContext } from "./pool-uris.ts";
import { lockPools } from "./pools.ts";
import { translateControlError } from "./prisma-session.ts";

/** Long enough for thousands of pools, which take seconds. */
const TIMEOUT_MS = 60_000;

/**
 * Encrypts and digests every pool's URI with the key `to`, in one transaction. Returns how many pools it changed. Pools
 * that have the new key already stay as they are, so it may be repeated. INTERNAL, with nothing changed, when a URI can
 * be decrypted with neither key.
 *
 * `from` null: the former key is lost. Then each pool gets a URI that leads nowhere, and keeps everything else. Its
 * queues wait until `updatePool` sets the URI of the same store.
 */
export async function rotatePoolKeys(params: {
  connections: pg.Pool;
  schema: string;
  from: SecretBox | null;
  to: SecretBox;
}): Promise<number> {
  const { connections, schema, from, to } = params;
  const client = openPrisma(connections, schema);
  try {
    return await client.$transaction(
      async (tx) => {
        await lockPools(tx);
        const rows = await tx.pool.findMany({ select: { name: true, encryptedUri: true } });
        const left = rows.filter((row) => !to.sealed(row.encryptedUri));
        for (const { name, encryptedUri } of left) {
          const uri = from === null ? lostUri(name) : from.open(encryptedUri, poolContext(name));
          await tx.pool.update({
            where: { name },
            data: { encryptedUri: to.seal(uri, poolContext(name)), uriDigest: to.digest(normalisePoolUri(uri)) },
            select: { name: true },
          });
        }
        return left.length;
      },
      { timeout: TIMEOUT_MS },
    );
  } catch (error) {
    throw translateControlError(error, { wrote: true });
  } finally {
    await client.$disconnect();
  }
}

/**
 * A URI with a host that no name server knows (RFC 2606). Each pool gets a different one, since no two pools may share
 * a URI.
 */
const lostUri = (name: string) => `postgresql://uri-is-lost@uri-is-lost.invalid/${encodeURIComponent(name)}`;
