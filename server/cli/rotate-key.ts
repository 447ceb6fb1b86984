/**
 * `isimud rotate-key`: encrypts the URIs of all pools again, from OLD_SECRET_KEY to SECRET_KEY, in one transaction.
 *
 * First stop every Isimud on this database, then start them with the new SECRET_KEY: with the old key they can no
 * longer read any pool. Run twice, it finds nothing to do; stopped half-way, it has changed nothing.
 *
 * `isimud rotate-key --lost`: the old key is lost. The pools keep their queues, and each needs its URI again.
 */
import type { Command } from "commander";
import { CommandError } from "./command-error.ts";
import { print, printJson } from "./output.ts";

export function addRotateKey(program: Command): void {
  program
    .command("rotate-key")
    .summary("Encrypt the URIs of all pools with another key")
    .description(
      "Encrypts the URIs of all pools again, from OLD_SECRET_KEY to SECRET_KEY, in one transaction. " +
        "First stop every Isimud on this database, then start them with the new SECRET_KEY.",
    )
    .option("--lost", "the old key is lost: the pools keep their queues, and each needs its URI again")
    .option("--json", "print JSON")
    .action(async ({ lost = false, json }: { lost?: boolean; json?: boolean }) => {
      const { ConfigError } = await import("../config.ts");
      try {
        const pools = await rotateKey(lost);
        if (json) printJson({ pools, lost });
        else print(inWords(pools, lost));
      } catch (error) {
        if (error instanceof ConfigError) throw error;
        // Without its causes, which may quote secrets.
        throw new CommandError(error instanceof Error ? error.message : "The key could not be changed.");
      }
    });
}

function inWords(pools: number, isLost: boolean): string {
  return isLost
    ? `Pools that need their URI again, by updatePool: ${pools}. Until then their queues cannot be used.`
    : `Pool URIs encrypted again: ${pools}. Start with this SECRET_KEY from now on; the old one is no longer needed.`;
}

/** How many pools it is about. */
async function rotateKey(isLost: boolean): Promise<number> {
  const { ConfigError, readConfig } = await import("../config.ts");
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
  const { readSecretKey } = await import("../process/data-dir.ts");
  const { withOwnDatabase } = await import("./own-database.ts");
  // The embedded database: its old key is in DATA_DIR, unless OLD_SECRET_KEY was set.
  const inForce = () => readSecretKey(DATA_DIR);
  const work = (url: string) =>
    isLost
      ? reencrypt(url, null, SECRET_KEY ?? inForce())
      : reencrypt(url, OLD_SECRET_KEY ?? inForce(), SECRET_KEY as string);
  return withOwnDatabase({ DATABASE_URL, DATA_DIR }, work, { alone: true });
}

async function reencrypt(url: string, oldKey: string | null, newKey: string): Promise<number> {
  const { createSecretBox } = await import("../secret-box.ts");
  const { rotatePoolKeys } = await import("../storage/postgres/control/reencrypt-pools.ts");
  const { parsePostgresUri } = await import("../storage/postgres/sql/address.ts");
  const { openConnections } = await import("../storage/postgres/sql/connection.ts");
  const connections = openConnections({ url, connections: 1, applicationName: "isimud rotate-key" });
  try {
    return await rotatePoolKeys({
      connections,
      schema: parsePostgresUri(url).schema,
      from: oldKey === null ? null : createSecretBox(oldKey),
      to: createSecretBox(newKey),
    });
  } finally {
    await connections.end();
  }
}
