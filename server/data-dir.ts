/** What Isimud keeps in DATA_DIR besides the database: who uses it now, and the secret key. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { identityOf, isAlive } from "./process-state.ts";
import { StartError } from "./start-error.ts";

interface Holder {
  pid: number;
  identity: string | null;
}

/**
 * Makes the folder this process's own until the function it gives is called. A holder that was killed is passed over; one that
 * lives is an error.
 */
export function claimDataDir(dataDir: string): () => void {
  mkdirSync(dataDir, { recursive: true });
  const file = join(dataDir, "isimud.pid");
  const mine = JSON.stringify({ pid: process.pid, identity: identityOf(process.pid) } satisfies Holder);
  const held = holderOf(file);
  if (held) {
    throw new StartError(
      `Another Isimud (process ${held.pid}) runs on ${dataDir}. Stop it first, or set DATA_DIR to another folder.`,
    );
  }
  rmSync(file, { force: true });
  writeFileSync(file, mine, { flag: "wx" });
  return () => {
    if (existsSync(file) && readFileSync(file, "utf8") === mine) rmSync(file);
  };
}

function holderOf(file: string): Holder | null {
  if (!existsSync(file)) return null;
  let holder: Holder;
  try {
    holder = JSON.parse(readFileSync(file, "utf8")) as Holder;
  } catch {
    // Killed while it wrote the file.
    return null;
  }
  const lives = holder.pid !== process.pid && isAlive(holder.pid) && identityOf(holder.pid) === holder.identity;
  return lives ? holder : null;
}

/** Made once, readable by this user only. Losing it loses the pools' URIs. */
export function readSecretKey(dataDir: string): string {
  const file = join(dataDir, "secret-key");
  if (!existsSync(file)) writeFileSync(file, `${randomBytes(32).toString("base64")}\n`, { mode: 0o600, flag: "wx" });
  return readFileSync(file, "utf8").trim();
}
