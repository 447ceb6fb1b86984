/** What Isimud keeps in DATA_DIR besides the database: the process that uses it now, and the secret key. */
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { commandLine } from "./command-line.ts";
import { writeDurably } from "./durable-file.ts";
import { identityOf, isAlive } from "./process-state.ts";
import { StartError } from "./start-error.ts";

/** Of the mode of a folder in which each user has files. */
const STICKY = 0o1000;

interface Holder {
  pid: number;
  identity: string | null;
  /** The service where it is left out. */
  by?: User;
}

/** What uses the folder: the service, or a command that ends soon. */
type User = "service" | "command";

/** Another living process uses the folder. */
export class DataDirHeld extends StartError {
  readonly by: User;

  constructor(dataDir: string, { pid, by = "service" }: Holder) {
    super(
      by === "service"
        ? `Another Isimud (process ${pid}) runs on ${dataDir}. Stop it first, or set DATA_DIR to another folder.`
        : `Another command of Isimud (process ${pid}) uses ${dataDir}. Try again when it has ended.`,
    );
    this.by = by;
  }
}

/**
 * Creates the folder if it is missing, and removes the rights of all other users. Exception: started by root, an
 * account that could pass through it before still can, so that the database can run as that account. It cannot list the
 * folder. A StartError when it cannot be made, and for a folder that all users share, such as /tmp.
 */
export function makePrivate(dataDir: string): void {
  const allowed = process.getuid?.() === 0 ? 0o711 : 0o700;
  try {
    if (makeFolder(resolve(dataDir), allowed)) return;
  } catch (error) {
    const advice = "Set it to a folder where this user may write.";
    throw new StartError(`DATA_DIR is ${dataDir}, but it cannot be made: ${(error as Error).message}. ${advice}`);
  }
  const { mode, uid } = statSync(dataDir);
  const kept = mode & allowed;
  if (process.getuid?.() !== uid || (mode & 0o777) === kept) return;
  if ((mode & STICKY) !== 0) {
    throw new StartError(`DATA_DIR is ${dataDir}, which all users share. Set it to a folder of its own.`);
  }
  chmodSync(dataDir, kept);
}

/**
 * False when it was there. One level after the other: below /proc, say, Node's own `recursive` never ends. Errors of the
 * file system.
 */
function makeFolder(folder: string, mode: number): boolean {
  if (existsSync(folder)) {
    if (statSync(folder).isDirectory()) return false;
    throw new Error(`${folder} is no folder`);
  }
  makeFolder(dirname(folder), mode);
  try {
    mkdirSync(folder, { mode });
    return true;
  } catch (error) {
    // Another process was faster.
    if ((error as NodeJS.ErrnoException).code === "EEXIST" && existsSync(folder)) return false;
    throw error;
  }
}

/**
 * Reserves the folder for this process until the returned function is called. DataDirHeld when another living process
 * holds it; the reservation of a process that was killed is taken over.
 */
export function claimDataDir(dataDir: string, by: User = "service"): () => void {
  makePrivate(dataDir);
  const file = join(dataDir, "isimud.pid");
  const mine = JSON.stringify({ pid: process.pid, identity: identityOf(process.pid), by } satisfies Holder);
  const held = holderOf(file);
  if (held) throw new DataDirHeld(dataDir, held);
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
    // Its process was killed while it wrote the file.
    return null;
  }
  const isHeld = holder.pid !== process.pid && isAlive(holder.pid) && identityOf(holder.pid) === holder.identity;
  return isHeld ? holder : null;
}

const KEY_FILE = "secret-key";
/** Characters. A shorter key is a file that was cut short. */
const MIN_KEY_LENGTH = 16;

/**
 * The key in DATA_DIR, created at the first call. Only this user may read it, and it is on disk before anything is
 * encrypted with it. Without it the URIs of the pools are lost.
 */
export function readSecretKey(dataDir: string): string {
  const existing = existingSecretKey(dataDir);
  if (existing !== null) return existing;
  const key = randomBytes(32).toString("base64");
  writeDurably(join(dataDir, KEY_FILE), `${key}\n`);
  return key;
}

/** The same, null when there is none yet. A StartError when the file is damaged. */
export function existingSecretKey(dataDir: string): string | null {
  const file = join(dataDir, KEY_FILE);
  if (!existsSync(file)) return null;
  const key = readFileSync(file, "utf8").trim();
  if (key.length < MIN_KEY_LENGTH || key.includes("\0")) {
    throw new StartError(
      `${file} is empty or damaged. It encrypts the URIs of the pools. Put it back from a backup. If it is lost, delete the file; ` +
        `then, if there are pools, run \`${commandLine("rotate-key --lost")}\`, start, and give each of them its URI again with updatePool.`,
    );
  }
  return key;
}
