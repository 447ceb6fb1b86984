/** Encrypting the pools' URIs anew when the secret key changes. */
import { PrismaPg } from "@prisma/adapter-pg";
import type pg from "pg";
import { PrismaClient } from "../../../../prisma/generated/client.ts";
import type { SecretBox } from "../../../secret-box.ts";
import { normalisePoolUri } from "../../pool-uri.ts";
import { lockPools, poolContext } from "./pools.ts";
import { translateControlError } from "./prisma-session.ts";

/** Thousands of pools take seconds. */
const TIMEOUT_MS = 60_000;

/**
 * Seals every pool's URI with another key, and digests it anew, in one transaction; gives how many it changed. Those
 * that have the new key already are left as they are, so twice is once. INTERNAL, and nothing changed, when a URI opens
 * with neither. `from` null: the former key is lost. Then such a pool gets a URI that leads nowhere, and keeps all
 * else: its queues wait until `updatePool` gives it the URI of the same store.
 */
export async function rotatePoolKeys(params: {
  connections: pg.Pool;
  schema: string;
  from: SecretBox | null;
  to: SecretBox;
}): Promise<number> {
  const { connections, schema, from, to } = params;
  const client = new PrismaClient({ adapter: new PrismaPg(connections, { schema }), errorFormat: "minimal" });
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

/** A host that no name server knows (RFC 2606); another address for each pool, since no two pools share one. */
const lostUri = (name: string) => `postgresql://uri-is-lost@uri-is-lost.invalid/${encodeURIComponent(name)}`;
