/** The npm package, from `npm pack` to its end: installed in an empty folder with npm 12, which runs no install script. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { isAlive } from "../../server/process/process-state.ts";
import {
  freePort,
  removeDataDir,
  START_DEADLINE_MS,
  type StartedProcess,
  startProcess,
  temporaryDataDir,
} from "../support/process.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BASE_PATH = "/below/a.path";

let folder = "";
/** Where somebody installs it. */
let home = "";
/** What npm says about that. */
let said = "";

/** With the Node that runs this test, as programs that npm starts find it. */
function npm(cwd: string, ...args: string[]): string {
  const PATH = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`;
  const { npm_config_allow_scripts: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync("npx", ["--yes", "npm@12", ...args], {
    cwd,
    env: { ...env, PATH },
    encoding: "utf8",
  });
  expect(status, stderr).toBe(0);
  return stdout + stderr;
}

const isimud = (settings: Record<string, string>, ...args: string[]) =>
  startProcess(
    settings,
    [process.execPath, join(home, "node_modules/isimud/dist/server/cli/launch.mjs"), ...args],
    home,
  );

async function serve(settings: Record<string, string>): Promise<{ service: StartedProcess; url: string }> {
  const service = isimud({ DRAIN_SECONDS: "0", ...settings }, "start");
  onTestFinished(async () => {
    service.child.kill("SIGTERM");
    await service.ended;
  });
  const [, url = ""] = await service.printed(/Isimud is at (\S+)[\s\S]*Stop it with Ctrl-C/);
  return { service, url };
}

async function graphql(url: string, query: string): Promise<unknown> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${url}/api/graphql`, { method: "POST", headers, body: JSON.stringify({ query }) });
  return answer.json();
}

/** Status, and the statuses of all scripts and styles that the page loads first. */
async function open(address: string): Promise<{ page: number; parts: number[] }> {
  const answer = await fetch(address);
  const paths = [...(await answer.text()).matchAll(/(?:src|href)="(\/[^"]*\/_next\/[^"]*|\/_next\/[^"]*)"/g)];
  const parts = await Promise.all(paths.map(async ([, path]) => (await fetch(new URL(path ?? "", address))).status));
  return { page: answer.status, parts };
}

function newDataDir(): string {
  const dataDir = temporaryDataDir();
  onTestFinished(() => removeDataDir(dataDir));
  return dataDir;
}

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "isimud-package-")));
  // When root runs the tests, the database's account must be able to enter it.
  chmodSync(folder, 0o755);
  home = join(folder, "home");
  mkdirSync(home);
  npm(ROOT, "pack", "--pack-destination", folder);
  const [file = ""] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  expect(spawnSync("tar", ["-xzf", file], { cwd: folder }).status).toBe(0);
  said = npm(home, "install", "--no-audit", "--no-fund", join(folder, file));
}, START_DEADLINE_MS);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the package holds no links, no path of this machine, and nothing that only builds read", () => {
  const entries = readdirSync(join(folder, "package"), { recursive: true, withFileTypes: true });
  expect(entries.filter((entry) => !entry.isFile() && !entry.isDirectory())).toEqual([]);
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  expect(files.length).toBeGreaterThan(1000);
  expect(files.filter((file) => /\/dist\/.*(\.tsx?|\.nft\.json|\/cache\/.*)$/.test(file))).toEqual([]);
  // Not the end of a longer path.
  const own = [ROOT, `${homedir()}/`, `${folder}/`]
    .map((path) => `(?<![\\w./-])${path.replaceAll(/\W/g, "\\$&")}`)
    .join("|");
  expect(files.filter((file) => new RegExp(own).test(readFileSync(file, "latin1")))).toEqual([]);
});

test("every link of its README leads to a file", () => {
  const readme = readFileSync(join(folder, "package/README.md"), "utf8");
  const links = [...readme.matchAll(/\]\(([^)#:]+)[^)]*\)/g)].map(([, path = ""]) => path);
  expect(links.length).toBeGreaterThan(10);
  expect(links.filter((path) => !existsSync(join(folder, "package", path)))).toEqual([]);
});

test("npm 12 installs it without running a script", () => {
  expect(said).toMatch(/node@\S+ \(preinstall/);
  expect(existsSync(join(home, "node_modules/node/bin"))).toBe(false);
  expect(existsSync(join(home, "node_modules/.bin/isimud"))).toBe(true);
  expect(existsSync(join(home, "node_modules/typescript"))).toBe(false);
});

test("it starts, serves pages and the API, and ends with its database on SIGTERM", async () => {
  const DATA_DIR = newDataDir();
  const { service, url } = await serve({ PORT: String(await freePort()), DATA_DIR });
  expect(await (await fetch(`${url}/api/health`)).json()).toMatchObject({ status: "pass" });
  // The server reads it from the file docs/operating.md.
  const stuck = { kind: "STUCK", text: expect.stringMatching(/./) };
  expect(await graphql(url, "{ runbook { kind text } }")).toMatchObject({
    data: { runbook: expect.arrayContaining([stuck]) },
  });
  const { page, parts } = await open(`${url}/queues`);
  expect(page).toBe(200);
  expect(parts.length).toBeGreaterThan(5);
  expect(new Set(parts)).toEqual(new Set([200]));

  const queue = 'project: "shop", queue: "orders"';
  const created = await graphql(url, `mutation { createQueue(input: { ${queue} }) { created } }`);
  expect(created).toEqual({ data: { createQueue: { created: true } } });
  const messages = 'messages: [{ body: { json: "{\\"order\\":1}" } }]';
  expect(await graphql(url, `mutation { postMessages(input: { ${queue}, ${messages} }) { ids } }`)).toMatchObject({
    data: { postMessages: { ids: [expect.any(String)] } },
  });
  // Read from a document.
  expect(await graphql(url, "{ runbook { kind } }")).toMatchObject({
    data: { runbook: expect.arrayContaining([{ kind: "STUCK" }]) },
  });
  const claimed = await graphql(url, `mutation { createClaim(input: { ${queue} }) { messages { body } } }`);
  expect(claimed).toMatchObject({ data: { createClaim: { messages: [{ body: '{"order":1}' }] } } });

  const pidFile = join(DATA_DIR, "postgres/data/postmaster.pid");
  const database = Number(readFileSync(pidFile, "utf8").split("\n")[0]);
  expect(isAlive(database)).toBe(true);
  service.child.kill("SIGTERM");
  expect(await service.ended).toBe(0);
  expect(service.output()).toMatch(/Stopped\.\n$/);
  expect([isAlive(database), existsSync(pidFile), existsSync(join(DATA_DIR, "isimud.pid"))]).toEqual([
    false,
    false,
    false,
  ]);
}, 120_000);

test("another base path needs no build; workers and the threads that judge passwords start from the package", async () => {
  const DATA_DIR = newDataDir();
  const ADMIN_PASSWORD_FILE = join(folder, "password");
  writeFileSync(ADMIN_PASSWORD_FILE, "plum-Quiver-93-tidal");
  const accounts = { AUTH: "accounts", ADMIN_EMAIL: "ada@example.org", ADMIN_PASSWORD_FILE };
  const settings = { PORT: String(await freePort()), DATA_DIR, BASE_PATH, WORKERS: "2", ...accounts };
  const { service, url } = await serve(settings);
  expect(service.output()).toContain(`Writing the pages for BASE_PATH=${BASE_PATH}`);
  expect(service.output()).toContain("ada@example.org signs in with the password");
  expect(url.endsWith(BASE_PATH)).toBe(true);
  const { page, parts } = await open(`${url}/sign-in`);
  expect(page).toBe(200);
  expect(parts.length).toBeGreaterThan(5);
  expect(new Set(parts)).toEqual(new Set([200]));
}, 120_000);

test("exit codes and signals come through the command, which takes the service with it when it is killed", async () => {
  expect(await isimud({}, "--version").ended).toBe(0);
  expect(await isimud({}, "nonsense").ended).toBe(2);
  const DATA_DIR = newDataDir();
  const { service } = await serve({ PORT: String(await freePort()), DATA_DIR });
  const { pid } = JSON.parse(readFileSync(join(DATA_DIR, "isimud.pid"), "utf8"));
  expect(pid).not.toBe(service.child.pid);
  service.child.kill("SIGKILL");
  await expect.poll(() => isAlive(pid)).toBe(false);
  expect(existsSync(join(DATA_DIR, "isimud.pid"))).toBe(false);
}, 120_000);

test("it runs on the Node of the package node, where that package's script has run", async () => {
  const bin = join(home, "node_modules/node/bin");
  mkdirSync(bin);
  onTestFinished(() => rmSync(bin, { recursive: true }));
  writeFileSync(join(bin, "node"), '#!/bin/sh\necho "$@"\nexit 7\n', { mode: 0o755 });
  const command = isimud({}, "tail", "orders");
  expect(await command.ended).toBe(7);
  expect(command.output()).toMatch(
    /^--max-semi-space-size=16 --import \S+check-node\.mjs \S+isimud\.js tail orders\n$/,
  );
});
