/** A real browser for tests: PLAYWRIGHT_CHROMIUM, or a chromium on the path, or the one inside an npm package. */
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

/** The caller closes it. */
export async function launchBrowser(): Promise<Browser> {
  const { path, environment } = findInstalled() ?? (await unpackFromNpm());
  // Playwright runs without the browser's sandbox unless asked: as root it would not start, and tests show only our own pages.
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
 * Unpacks @sparticuz/chromium once per version and user: its own default is a folder that all users share, where the first
 * one's files are closed to the others. Under another name first, so that two test files at once do not see half of it.
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
      // Somebody else was faster.
      if (!existsSync(folder)) throw error;
      rmSync(unfinished, { recursive: true });
    }
  }
  const path = join(folder, "chromium");
  // Its own configuration looks for the fonts where a cloud function would have them; without any, letters are invisible, and some pages end the browser.
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

/** The package unpacks into the temporary folder, wherever that is said to be. */
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
