/**
 * `npm run package`, which `npm pack` runs first: makes `dist`, what runs of the npm package. It has the folders of the
 * checkout, with JavaScript for TypeScript, because Node strips no types below node_modules; the Prisma client; the
 * migrations; and the pages, without a base path and for all base paths.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { generatePrismaClient } from "../../prisma/generate.ts";
import { ROOT } from "../process/checkout.ts";
import { DOCUMENTS_FILE } from "../process/page-documents.ts";
import { builtFolder, PLACEHOLDER, servedFiles } from "../process/pages-folder.ts";
import { explain, StartError } from "../process/start-error.ts";
import { buildPages } from "./build.ts";

const DIST = join(ROOT, "dist");

/** What the program reads by its path, beside code and pages. */
const READ_BY_PATH = [
  "docs/operating.md",
  "next.config.mjs",
  "prisma/migrations",
  "server/cli/check-node.mjs",
  "server/cli/launch.mjs",
  DOCUMENTS_FILE.slice(ROOT.length),
];

/** The program imports them in a checkout only. */
const CHECKOUT_ONLY = ["prisma/generate.js", "server/cli/build.js", "server/cli/reload.js"];

async function main(): Promise<void> {
  generatePrismaClient();
  for (const basePath of ["", PLACEHOLDER]) await buildPages({ basePath, report: console.log });
  rmSync(DIST, { recursive: true, force: true });
  compile();
  for (const path of READ_BY_PATH) cpSync(join(ROOT, path), join(DIST, path), { recursive: true });
  for (const basePath of ["", PLACEHOLDER]) copyPages(builtFolder(basePath));
  const { name, version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  writeFileSync(join(DIST, "package.json"), JSON.stringify({ name, version, type: "module" }));
}

/** `npm run check` checks the types. */
function compile(): void {
  const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  const result = spawnSync(process.execPath, [tsc, "--project", "tsconfig.package.json"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  if (result.status !== 0) throw new StartError(`The server could not be compiled.\n${result.stdout}${result.stderr}`);
  for (const file of CHECKOUT_ONLY) rmSync(join(DIST, file));
  for (const file of readdirSync(DIST, { recursive: true, encoding: "utf8" })) {
    if (file.endsWith(".js")) renameTypeScript(join(DIST, file));
  }
}

/** The compiler renames what is imported. This does it for threads and processes that are started by their file. */
function renameTypeScript(file: string): void {
  const text = readFileSync(file, "utf8");
  const renamed = text.replaceAll(
    /new URL\("(\.{1,2}\/[^"]+)\.ts", import\.meta\.url\)/g,
    'new URL("$1.js", import.meta.url)',
  );
  if (/\/[\w-]+\.ts["'`]/.test(renamed))
    throw new StartError(`${file} names a TypeScript file. Name it with \`new URL("./name.ts", import.meta.url)\`.`);
  if (renamed !== text) writeFileSync(file, renamed);
}

function copyPages(folder: string): void {
  const built = join(ROOT, folder);
  for (const file of servedFiles(built)) {
    mkdirSync(dirname(join(DIST, folder, file)), { recursive: true });
    cpSync(join(built, file), join(DIST, folder, file));
  }
  forgetRoot(join(DIST, folder, "required-server-files.json"));
}

/** Next reads other parts of this file when it serves the pages. These name the folder in which they were built. */
function forgetRoot(file: string): void {
  const { appDir: _, config, ...rest } = JSON.parse(readFileSync(file, "utf8"));
  const { outputFileTracingRoot: _root, repoRoot: _repository, turbopack: _turbopack, ...kept } = config;
  writeFileSync(file, JSON.stringify({ ...rest, config: kept }));
}

try {
  await main();
} catch (error) {
  console.error(explain(error));
  process.exit(1);
}
