/**
 * `node server/cli/trim-packages.ts FOLDER`, for the image: removes from FOLDER/node_modules what only builds, editors
 * and debuggers read, or what serves other databases. No process of the service loads any of it.
 */
import { readdirSync, rmdirSync, rmSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** By their paths below node_modules. */
const UNUSED: readonly RegExp[] = [
  // Maps of sources, and types.
  /\.map$/,
  /\.d\.[cm]?ts$/,
  // Next for bundlers; what shows the size of bundles; its handbook; what NODE_ENV=development loads in its place.
  /^next\/dist\/(esm|bundle-analyzer|docs)\//,
  /^next\/dist\/compiled\/.*\.(dev|development)\.js$/,
  // What Prisma makes queries with for other databases.
  /^@prisma\/client\/runtime\/query_compiler_\w+\.(?!postgresql\.)/,
];

export const isUnused = (path: string) => UNUSED.some((pattern) => pattern.test(path));

export function trimPackages(folder: string): void {
  const packages = join(folder, "node_modules");
  for (const entry of readdirSync(packages, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    if (isUnused(relative(packages, file).replaceAll(sep, "/"))) rmSync(file);
  }
  removeEmpty(packages);
}

function removeEmpty(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmpty(join(folder, entry.name));
  }
  if (readdirSync(folder).length === 0) rmdirSync(folder);
}

const [program, folder] = process.argv.slice(1);
if (program === fileURLToPath(import.meta.url)) {
  if (folder === undefined) throw new Error("Say which folder: node server/cli/trim-packages.ts FOLDER");
  trimPackages(resolve(folder));
}
