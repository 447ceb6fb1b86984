/** Writes the pages for a base path: a copy of those that were built with a placeholder for it. */
import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { builtFolder, nextPackage, PLACEHOLDER, servedFiles } from "./pages-folder.ts";

/** The name of a copy: see `pagesRoot` and `besideOf`. */
const COPY = /^[0-9a-f]{16}(\.[0-9a-f]{12})?$/;
/** What is in a copy. A folder that has anything else is somebody else's. */
const IN_COPY: readonly string[] = [".build", "next.config.mjs", "node_modules"];
/** Between two signs of use: each makes the time at which the copy's folder was changed the present one. */
const SIGN_MS = 600_000;
/** A copy without a sign for so long is used by nobody. Long, because clocks of machines differ, and machines sleep. */
const IDLE_MS = 86_400_000;

/** Relative to a copy, and to the folder that holds the build. */
type Files = ReadonlyMap<string, Buffer>;

export interface PagesCopy {
  from: string;
  to: string;
  basePath: string;
  /** No other process uses the folder of `to`. */
  isAlone: boolean;
  report: (line: string) => void;
}

/**
 * Afterwards the folder `to` has the pages that `from` holds, for `basePath`. A copy that is there already is compared
 * with what would be written, and replaced if it differs. It comes into its place by one rename: whatever a crash
 * interrupts, it is whole or absent. Processes that do this at the same time write the same.
 *
 * Removes the copies beside it that other versions, other base paths and killed starts left: when it is alone, all of
 * them, else those that no process has used for a day. Until `stop` it shows others that this one is used, and writes it
 * again if it is gone.
 */
export function keepPages(params: PagesCopy): { stop(): void } {
  const { to, isAlone, report } = params;
  copyPages(params);
  removeUnused(to, isAlone ? 0 : IDLE_MS, report);
  const timer = setInterval(() => {
    try {
      if (!showUse(to)) copyPages(params);
    } catch (error) {
      report(`The pages in ${to} cannot be kept: ${(error as Error).message}`);
    }
  }, SIGN_MS);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

function copyPages({ from, to, basePath, report }: PagesCopy): void {
  const files = filesFor(from, basePath);
  // Before it is compared: from now on nobody removes it.
  if (showUse(to) && isWritten(to, files)) return;
  report(`Writing the pages for BASE_PATH=${basePath} (once)...`);
  const written = besideOf(to);
  write(written, files);
  moveInto(to, written, files);
}

/** False when there is no such copy. */
function showUse(copy: string): boolean {
  const now = new Date();
  try {
    utimesSync(copy, now, now);
    return true;
  } catch {
    // It is another user's, or none may write there: then it is that user who removes it.
    return existsSync(copy);
  }
}

function removeUnused(to: string, idleMs: number, report: (line: string) => void): void {
  const folder = dirname(to);
  for (const name of readdirSync(folder)) {
    const copy = join(folder, name);
    if (name === basename(to) || !COPY.test(name)) continue;
    try {
      if (isOurs(copy) && isIdle(copy, idleMs)) removeIdle(copy, idleMs);
    } catch (error) {
      // Another process may be faster. What another user owns is no reason not to start.
      if (existsSync(copy)) report(`The unused pages in ${copy} cannot be removed: ${(error as Error).message}`);
    }
  }
}

/** A copy comes into its place whole, so an empty folder is ours only under a name for what comes or goes. */
function isOurs(folder: string): boolean {
  const names = readdirSync(folder);
  return names.length === 0 ? basename(folder).includes(".") : names.every((name) => IN_COPY.includes(name));
}

const isIdle = (copy: string, idleMs: number) => Date.now() - statSync(copy).mtimeMs >= idleMs;

/** Takes it away first: a process that begins to use it now finds none, or has shown it before and gets it back. */
function removeIdle(copy: string, idleMs: number): void {
  const taken = besideOf(copy);
  renameSync(copy, taken);
  if (isIdle(taken, idleMs) || !putBack(taken, copy)) rmSync(taken, { recursive: true, force: true });
}

/** False when there is another one by now. */
function putBack(taken: string, copy: string): boolean {
  try {
    renameSync(taken, copy);
    return true;
  } catch {
    return false;
  }
}

/** A new name beside a copy, for one that comes or goes. */
function besideOf(copy: string): string {
  const [name = ""] = basename(copy).split(".");
  return join(dirname(copy), `${name}.${randomBytes(6).toString("hex")}`);
}

function filesFor(from: string, basePath: string): Files {
  const folder = builtFolder(basePath);
  const names = ["next.config.mjs", ...servedFiles(join(from, folder)).map((name) => join(folder, name))];
  return new Map(names.map((name) => [name, withBasePath(readFileSync(join(from, name)), basePath)]));
}

/** Byte by byte, because some files are no text. */
function withBasePath(bytes: Buffer, basePath: string): Buffer {
  if (!bytes.includes(PLACEHOLDER)) return bytes;
  return Buffer.from(bytes.toString("latin1").replaceAll(PLACEHOLDER, basePath), "latin1");
}

function isWritten(copy: string, files: Files): boolean {
  if (!existsSync(linkIn(copy))) return false;
  try {
    return [...files].every(([name, bytes]) => readFileSync(join(copy, name)).equals(bytes));
  } catch {
    // A file is missing, or was a moment ago.
    return false;
  }
}

function write(copy: string, files: Files): void {
  for (const [name, bytes] of files) {
    mkdirSync(dirname(join(copy, name)), { recursive: true });
    writeFileSync(join(copy, name), bytes);
  }
  mkdirSync(dirname(linkIn(copy)));
  symlinkSync(nextPackage(), linkIn(copy), "junction");
}

/** Node looks there for the package that the pages load. */
const linkIn = (copy: string) => join(copy, "node_modules", "next");

/** A damaged copy makes room first. Another process may be faster, with the same files, and serve them by now. */
function moveInto(to: string, written: string, files: Files): void {
  if (isWritten(to, files)) {
    rmSync(written, { recursive: true });
    return;
  }
  const damaged = besideOf(to);
  try {
    renameSync(to, damaged);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  try {
    renameSync(written, to);
  } catch (error) {
    if (!isWritten(to, files)) throw error;
    rmSync(written, { recursive: true });
  }
  rmSync(damaged, { recursive: true, force: true });
}
