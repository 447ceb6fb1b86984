/**
 * A real browser for tests: the one that PLAYWRIGHT_CHROMIUM names, else a chromium on the path, else one from an npm
 * package.
 */
import { spawnSync } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium } from "playwright";

const CACHE = fileURLToPath(new URL("../../.build/", import.meta.url));

/** Starts a browser, which the caller closes. */
export async function launchBrowser(): Promise<Browser> {
  const { path, environment } = findInstalled() ?? (await unpackFromNpm());
  // Playwright runs the browser without its sandbox by default. As root the sandbox would not start, and tests show
  // only our own pages.
  return chromium.launch({ executablePath: path, env: { ...definedEnvironment(), ...environment } });
}

interface Executable {
  path: string;
  environment: Record<string, string>;
}

function findInstalled(): Executable | null {
  const named = process.env.PLAYWRIGHT_CHROMIUM;
  if (named) return { path: named, environment: {} };
  const folders = (process.env.PATH ?? "").split(delimiter);
  const path = folders.map((folder) => join(folder, "chromium")).find(isExecutable);
  return path === undefined ? null : { path, environment: {} };
}

/**
 * Unpacks @sparticuz/chromium once per version and user. The package's own default is a folder that all users share,
 * where later users may not read the first one's files. Unpacks into a temporary folder and renames it, so that no
 * other test file sees half of it.
 */
async function unpackFromNpm(): Promise<Executable> {
  const packageFolder = join(dirname(createRequire(import.meta.url).resolve("@sparticuz/chromium")), "..");
  const { version } = createRequire(import.meta.url)(join(packageFolder, "package.json")) as { version: string };
  const folder = join(CACHE, `chromium-${version}-${process.getuid?.() ?? "user"}`);
  if (!existsSync(folder)) {
    mkdirSync(CACHE, { recursive: true });
    const unfinished = mkdtempSync(`${folder}.`);
    await unpackInto(unfinished, packageFolder);
    try {
      renameSync(unfinished, folder);
    } catch (error) {
      // Another test file was faster.
      if (!existsSync(folder)) throw error;
      rmSync(unfinished, { recursive: true });
    }
  }
  const path = join(folder, "chromium");
  // The package's own configuration looks for fonts where a cloud function has them. Without fonts, letters are
  // invisible, and some pages crash the browser.
  const fonts = join(folder, "fonts");
  const configuration = `<fontconfig><dir>${fonts}</dir><cachedir>${join(fonts, "cache")}</cachedir></fontconfig>\n`;
  if (readFileSync(join(fonts, "fonts.conf"), "utf8") !== configuration) {
    writeFileSync(join(fonts, "fonts.conf"), configuration);
  }
  const environment = { FONTCONFIG_PATH: fonts };
  const libraries = { ...environment, LD_LIBRARY_PATH: join(folder, "al2023", "lib") };
  const complete = spawnSync(path, ["--version"], { env: { ...process.env, ...environment } }).status === 0;
  return { path, environment: complete ? environment : libraries };
}

/** The package unpacks into the folder that TMPDIR names. */
async function unpackInto(folder: string, packageFolder: string): Promise<void> {
  const before = process.env.TMPDIR;
  process.env.TMPDIR = folder;
  try {
    const { inflate } = await import("@sparticuz/chromium");
    const archives = ["chromium.br", "fonts.tar.br", "swiftshader.tar.br", "al2023.tar.br"];
    await Promise.all(archives.map((archive) => inflate(join(packageFolder, "bin", archive))));
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function definedEnvironment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => !!entry[1]));
}
