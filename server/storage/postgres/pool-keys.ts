/** Encrypting the pools' URIs anew when the secret key changes. */
import { PrismaPg } from "@prisma/adapter-pg";
import type pg from "pg";
import { PrismaClient } from "../../../prisma/generated/client.ts";
import type { SecretBox } from "../../secret-box.ts";
import { normalisePoolUri } from "../pool-uri.ts";
import { translateControlError } from "./control-session.ts";
import { lockPools, poolContext } from "./pools.ts";

/** Thousands of pools take seconds. */
const TIMEOUT_MS = 60_000;

/**
 * Seals every pool's URI with another key, and digests it anew, in one transaction; gives how many it changed. Those that have the new key
 * already are left as they are, so twice is once. INTERNAL, and nothing changed, when a URI opens with neither.
 */
export async function rotatePoolKeys(params: {
  connections: pg.Pool;
  schema: string;
  from: SecretBox;
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
          const uri = from.open(encryptedUri, poolContext(name));
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
