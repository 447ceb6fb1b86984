/** What Isimud keeps in DATA_DIR besides the database: who uses it now, and the secret key. */
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeDurably } from "./durable-file.ts";
import { identityOf, isAlive } from "./process-state.ts";
import { StartError } from "./start-error.ts";

interface Holder {
  pid: number;
  identity: string | null;
}

/**
 * Makes the folder if it is missing, and takes it from everybody else. The account that root runs the database as may
 * pass through it, if it could before, and list nothing.
 */
export function makePrivate(dataDir: string): void {
  const isRoot = process.getuid?.() === 0;
  if (mkdirSync(dataDir, { recursive: true, mode: isRoot ? 0o711 : 0o700 }) !== undefined) return;
  const { mode, uid } = statSync(dataDir);
  const kept = mode & (isRoot ? 0o711 : 0o700);
  if (process.getuid?.() === uid && (mode & 0o777) !== kept) chmodSync(dataDir, kept);
}

/**
 * Makes the folder this process's own until the function it gives is called. A holder that was killed is passed over; one that
 * lives is an error.
 */
export function claimDataDir(dataDir: string): () => void {
  makePrivate(dataDir);
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

/** A shorter one was cut short. */
const SHORTEST_KEY = 16;

/**
 * Made once, readable by this user only, and on disk before anything is encrypted with it. Losing it loses the pools'
 * URIs.
 */
export function readSecretKey(dataDir: string): string {
  const file = join(dataDir, "secret-key");
  if (!existsSync(file)) writeDurably(file, `${randomBytes(32).toString("base64")}\n`);
  const key = readFileSync(file, "utf8").trim();
  if (key.length < SHORTEST_KEY || key.includes("\0")) {
    throw new StartError(
      `${file} is empty or damaged. It encrypts the URIs of the pools. Put it back from a backup. If it is lost, delete the file; ` +
        "then, if there are pools, run `npm run rotate-key -- --lost`, start, and give each of them its URI anew with updatePool.",
    );
  }
  return key;
}
