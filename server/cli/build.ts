/** Builds the pages of a checkout if they have changed since the last build. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { environmentForChild } from "../config.ts";
import { ROOT } from "../process/checkout.ts";
import { DOCUMENTS_FILE, writePageDocuments } from "../process/page-documents.ts";
import { builtFolder, PLACEHOLDER, servedFiles } from "../process/pages-folder.ts";
import { isAlive } from "../process/process-state.ts";
import { StartError } from "../process/start-error.ts";

/** Next cannot run two builds in one folder. */
const LOCK = join(ROOT, ".build", "lock");
/** Everything that the pages are built from. They import only types from server/, which the build erases. */
const SOURCES = ["app", "components", "next.config.mjs", "postcss.config.mjs", "tsconfig.json", "package-lock.json"];

/**
 * Resolves when the pages of the present sources are built: those without a base path, or those that are copied for each
 * base path. Processes that call this at the same time build once. A build that fails or is killed leaves no fingerprint,
 * so the next start builds again.
 */
export async function buildPages(params: {
  basePath: string;
  report: (line: string) => void;
  /** Ends the build. */
  signal?: AbortSignal;
}): Promise<void> {
  const { report } = params;
  const basePath = params.basePath === "" ? "" : PLACEHOLDER;
  if (isBuilt(basePath)) return;
  mkdirSync(join(ROOT, ".build"), { recursive: true });
  while (!takeLock()) await sleep(200, undefined, { signal: params.signal });
  try {
    if (isBuilt(basePath)) return;
    const fingerprint = fingerprintOf(basePath);
    rmSync(fingerprintFile(basePath), { force: true });
    if (basePath !== "")
      writeFileSync(join(ROOT, `${builtFolder(basePath)}.tsconfig.json`), '{ "extends": "../tsconfig.json" }\n');
    report("Building the pages (only when they changed; this takes a minute or so)...");
    const began = Date.now();
    await runNextBuild(basePath, report, params.signal);
    checkBuild(join(ROOT, builtFolder(basePath)));
    await writePageDocuments();
    writeFileSync(fingerprintFile(basePath), fingerprint);
    report(`Built the pages in ${Math.round((Date.now() - began) / 1000)} s.`);
  } finally {
    rmSync(LOCK, { force: true });
  }
}

function isBuilt(basePath: string): boolean {
  const file = fingerprintFile(basePath);
  return (
    existsSync(join(ROOT, builtFolder(basePath), "BUILD_ID")) &&
    existsSync(DOCUMENTS_FILE) &&
    existsSync(file) &&
    readFileSync(file, "utf8") === fingerprintOf(basePath)
  );
}

/**
 * Throws when the build cannot be copied elsewhere, because it has links to packages (of those that Next does not
 * bundle), or when it depends on the length of the placeholder: React's format tells the length of a long text, and a
 * compiler may compute that of a constant.
 */
export function checkBuild(folder: string): void {
  const links = servedFiles(folder).filter((file) => lstatSync(join(folder, file)).isSymbolicLink());
  if (links.length > 0) throw new StartError(`The pages link to packages, which no copy has: ${links.join(", ")}`);
  const lengths = new RegExp(`\\b${PLACEHOLDER.length}\\b|(?:\\n|\\\\n|")[0-9a-f]+:T[0-9a-f]+,`);
  for (const file of servedFiles(folder)) {
    const text = readFileSync(join(folder, file), "latin1");
    if (text.includes(PLACEHOLDER) && lengths.test(text))
      throw new StartError(
        `The length of the base path seems to be written into ${file}: no other one can replace it.`,
      );
  }
}

/** Outside of the pages' folder, which Next empties. */
function fingerprintFile(basePath: string): string {
  return join(ROOT, ".build", `${basename(builtFolder(basePath))}.fingerprint`);
}

/** False while another living process holds the lock. Removes the lock of a dead one, for the next attempt. */
function takeLock(): boolean {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const holder = Number(readFileSync(LOCK, "utf8"));
  if (holder > 0 && !isAlive(holder)) rmSync(LOCK, { force: true });
  return false;
}

function fingerprintOf(basePath: string): string {
  const hash = createHash("sha256").update(`${process.version}\0${basePath}\0`);
  for (const file of SOURCES.flatMap(filesUnder)) {
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(ROOT, file)))
      .update("\0");
  }
  return hash.digest("hex");
}

function filesUnder(path: string): string[] {
  const full = join(ROOT, path);
  if (!existsSync(full)) return [];
  try {
    return readdirSync(full, { withFileTypes: true })
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((entry) => (entry.isDirectory() ? filesUnder(join(path, entry.name)) : [join(path, entry.name)]));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return [path];
    throw error;
  }
}

function runNextBuild(basePath: string, report: (line: string) => void, signal?: AbortSignal): Promise<void> {
  const next = createRequire(import.meta.url).resolve("next/dist/bin/next");
  const child = spawn(process.execPath, [next, "build"], {
    cwd: ROOT,
    env: environmentForChild({ BASE_PATH: basePath, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" }),
    stdio: ["ignore", "pipe", "pipe"],
    signal,
  });
  let output = "";
  const take = (chunk: Buffer) => {
    output += chunk;
    for (const line of String(chunk).split("\n")) {
      // Only the steps, without the table of pages.
      if (/^\s*(Creating|Collecting|Generating|Finalizing|Compiled|✓)/.test(line)) report(`  ${line.trim()}`);
    }
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => {
      if (code === 0) resolve();
      else reject(new StartError(`The pages could not be built.\n${output}`));
    });
  });
}
