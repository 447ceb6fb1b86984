/**
 * `npm run rotate-key`: encrypts the URIs of all pools again, from OLD_SECRET_KEY to SECRET_KEY, in one transaction.
 *
 * First stop every Isimud on this database, then start them with the new SECRET_KEY: with the old key they can no
 * longer read any pool. Run twice, it finds nothing to do; stopped half-way, it has changed nothing.
 *
 * `npm run rotate-key -- --lost`: the old key is lost. The pools keep their queues, and each needs its URI again.
 */
import { ConfigError, readConfig } from "../config.ts";
import { startEmbeddedPostgres } from "../embedded-postgres/server.ts";
import { claimDataDir, readSecretKey } from "../process/data-dir.ts";
import { createSecretBox } from "../secret-box.ts";
import { rotatePoolKeys } from "../storage/postgres/control/reencrypt-pools.ts";
import { parsePostgresUri } from "../storage/postgres/sql/address.ts";
import { openConnections } from "../storage/postgres/sql/connection.ts";

const isLost = process.argv.includes("--lost");

async function rotateKey(): Promise<string> {
  const { DATABASE_URL, DATA_DIR, SECRET_KEY, OLD_SECRET_KEY } = readConfig();
  if (SECRET_KEY === undefined && !isLost) {
    throw new ConfigError("SECRET_KEY must be the new key. Create one with `openssl rand -base64 32` and keep it.");
  }
  if (DATABASE_URL !== undefined) {
    // readConfig requires SECRET_KEY with DATABASE_URL.
    const key = SECRET_KEY as string;
    if (isLost) return reencrypt(DATABASE_URL, null, key);
    if (OLD_SECRET_KEY === undefined) throw new ConfigError("OLD_SECRET_KEY must be the old key.");
    return reencrypt(DATABASE_URL, OLD_SECRET_KEY, key);
  }
  // The embedded database: its old key is in DATA_DIR, unless OLD_SECRET_KEY was set.
  const release = claimDataDir(DATA_DIR);
  try {
    const database = await startEmbeddedPostgres({ dataDir: DATA_DIR });
    try {
      if (isLost) return await reencrypt(database.url, null, SECRET_KEY ?? readSecretKey(DATA_DIR));
      return await reencrypt(database.url, OLD_SECRET_KEY ?? readSecretKey(DATA_DIR), SECRET_KEY as string);
    } finally {
      await database.stop();
    }
  } finally {
    release();
  }
}

async function reencrypt(url: string, oldKey: string | null, newKey: string): Promise<string> {
  const connections = openConnections({ url, connections: 1, applicationName: "isimud rotate-key" });
  try {
    const count = await rotatePoolKeys({
      connections,
      schema: parsePostgresUri(url).schema,
      from: oldKey === null ? null : createSecretBox(oldKey),
      to: createSecretBox(newKey),
    });
    if (oldKey === null)
      return `Pools that need their URI again, by updatePool: ${count}. Until then their queues cannot be used.`;
    return `Pool URIs encrypted again: ${count}. Start with this SECRET_KEY from now on; the old one is no longer needed.`;
  } finally {
    await connections.end();
  }
}

try {
  console.log(await rotateKey());
} catch (error) {
  // Without its causes, which may quote secrets.
  console.error(error instanceof Error ? error.message : "The key could not be changed.");
  process.exitCode = 1;
}
