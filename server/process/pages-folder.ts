/** Where the built pages are. Next writes the base path into hundreds of places of them. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import { ROOT } from "./checkout.ts";

/**
 * The base path of the pages that are built for all base paths. Neither URLs nor regular expressions nor scripts escape
 * a character of it. Its length occurs nowhere else: see `checkBuild` in server/cli/build.ts.
 */
export const PLACEHOLDER = "/__isimud_base_path_which_every_start_replaces_by_its_own__";

/** Relative to the folder that Next is given. next.config.mjs must agree. */
export function builtFolder(basePath: string): string {
  return basePath === "" ? ".next" : join(".build", "pages");
}

/**
 * The folder that Next is given. Without a base path that is the folder of the program. For each base path there is a
 * copy in DATA_DIR, and another one for each build: a process of the version before may still use its own.
 */
export function pagesRoot({ BASE_PATH, DATA_DIR }: { BASE_PATH: string; DATA_DIR: string }): string {
  if (BASE_PATH === "") return ROOT;
  const hash = createHash("sha256");
  for (const part of [BASE_PATH, buildId(ROOT, BASE_PATH), nextPackage()]) hash.update(`${part}\0`);
  return join(DATA_DIR, "pages", hash.digest("hex").slice(0, 16));
}

/** Differs between two builds. */
export function buildId(root: string, basePath: string): string {
  return readFileSync(join(root, builtFolder(basePath), "BUILD_ID"), "utf8");
}

/** The folder of the npm package `next`, which is all that the pages load. */
export function nextPackage(): string {
  return dirname(createRequire(import.meta.url).resolve("next/package.json"));
}

/** What only builds read. Some of it names folders of the machine that built. */
const BUILD_ONLY = /^(?:cache|diagnostics|dev|types|build|turbopack|trace.*|required-server-files\.js|.*\.nft\.json)$/;

/** The files that serving needs, relative to the folder of the build, in order. */
export function servedFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((file) => !BUILD_ONLY.test(file.split(sep)[0] ?? "") && !file.endsWith(".nft.json"))
    .sort();
}
