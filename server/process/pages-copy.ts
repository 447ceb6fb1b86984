/** Writes the pages for a base path: a copy of those that were built with a placeholder for it. */
import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { builtFolder, nextPackage, PLACEHOLDER, servedFiles } from "./pages-folder.ts";

/** The name of a copy: see `pagesRoot`, `copyPages` and `moveInto`. What else is in the folder is somebody else's. */
const COPY = /^[0-9a-f]{16}(\.[0-9a-f]{12}(\.damaged)?)?$/;

/** Relative to a copy, and to the folder that holds the build. */
type Files = ReadonlyMap<string, Buffer>;

/**
 * Afterwards the folder `to` has the pages that `from` holds, for `basePath`. A copy that is there already is compared
 * with what would be written, and replaced if it differs. It comes into its place by one rename: whatever a crash
 * interrupts, it is whole or absent. Processes that do this at the same time write the same. `isAlone`: no other process
 * uses the folder of `to`, so the copies that other versions, other base paths and killed starts left there are removed.
 */
export function copyPages(params: {
  from: string;
  to: string;
  basePath: string;
  isAlone: boolean;
  report: (line: string) => void;
}): void {
  const { to, basePath } = params;
  const files = filesFor(params.from, basePath);
  if (!isWritten(to, files)) {
    params.report(`Writing the pages for BASE_PATH=${basePath} (once)...`);
    const written = `${to}.${randomBytes(6).toString("hex")}`;
    write(written, files);
    moveInto(to, written, files);
  }
  if (!params.isAlone) return;
  for (const name of readdirSync(dirname(to))) {
    if (COPY.test(name) && name !== basename(to)) rmSync(join(dirname(to), name), { recursive: true, force: true });
  }
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
  return [...files].every(([name, bytes]) => {
    const file = join(copy, name);
    return existsSync(file) && readFileSync(file).equals(bytes);
  });
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
  const damaged = `${written}.damaged`;
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
