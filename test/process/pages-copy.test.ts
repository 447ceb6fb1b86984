/** The pages for a base path are a copy of a build with a placeholder. Here the build is four small files. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { keepPages } from "../../server/process/pages-copy.ts";
import { PLACEHOLDER } from "../../server/process/pages-folder.ts";

const BINARY = Buffer.from([0, 255, 128, 10, 13]);

/** As `pagesRoot` makes it. */
const NAME = "0123456789abcdef";

let folder = "";
let from = "";
let to = "";
let reported: string[] = [];
let kept: { stop(): void }[] = [];

function build(name: string, content: string | Buffer): void {
  const file = join(from, ".build/pages", name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "isimud-pages-"));
  from = join(folder, "program");
  to = join(folder, "data/pages", NAME);
  reported = [];
  build("server/page.js", `"${PLACEHOLDER}/_next/x.js" + "${PLACEHOLDER}"`);
  build("static/font.woff2", BINARY);
  build("cache/big", "for the next build");
  build("server/page.js.nft.json", "for other tools");
  writeFileSync(join(from, "next.config.mjs"), "export default {}");
});

afterEach(() => {
  for (const one of kept) one.stop();
  kept = [];
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

const copy = (change: { isAlone?: boolean } = {}) => {
  const report = (line: string) => reported.push(line);
  kept.push(keepPages({ from, to, basePath: "/a.b/c", isAlone: false, report, ...change }));
};

const HOUR_MS = 3_600_000;

/** Another copy, or what looks like one, that was last used some hours ago. Without an entry it is empty. */
function other(name: string, entry: string, idleHours: number): void {
  const path = join(dirname(to), name);
  mkdirSync(join(path, entry), { recursive: true });
  const at = new Date(Date.now() - idleHours * HOUR_MS);
  utimesSync(path, at, at);
}

/** Without what is behind the way to the package next. */
const filesOf = (root: string) =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("node_modules"))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();

test("a copy has what serving needs, with the base path in it, and a way to the package next", () => {
  copy();
  expect(filesOf(to)).toEqual([".build/pages/server/page.js", ".build/pages/static/font.woff2", "next.config.mjs"]);
  expect(readFileSync(join(to, ".build/pages/server/page.js"), "utf8")).toBe('"/a.b/c/_next/x.js" + "/a.b/c"');
  expect(readFileSync(join(to, ".build/pages/static/font.woff2"))).toEqual(BINARY);
  const found = createRequire(join(to, ".build/pages/server/page.js")).resolve("next/package.json");
  expect(found).toBe(createRequire(import.meta.url).resolve("next/package.json"));
  expect(reported).toEqual(["Writing the pages for BASE_PATH=/a.b/c (once)..."]);
});

test("a second start writes nothing", () => {
  copy();
  const { ino } = statSync(to);
  copy();
  expect(statSync(to).ino).toBe(ino);
  expect(reported).toHaveLength(1);
});

test.each([
  ["a file was cut short", () => writeFileSync(join(to, ".build/pages/static/font.woff2"), "")],
  ["a file is missing", () => rmSync(join(to, "next.config.mjs"))],
  ["the way to the package next is missing", () => rmSync(join(to, "node_modules/next"))],
])("a copy is written again when %s", (_, damage) => {
  copy();
  damage();
  copy();
  expect(reported).toHaveLength(2);
  expect(filesOf(to)).toHaveLength(3);
  expect(readFileSync(join(to, ".build/pages/static/font.woff2"))).toEqual(BINARY);
  expect(readdirSync(dirname(to))).toEqual([NAME]);
});

test("what a killed start and other versions left goes when nobody has used it for a day, or could use it", () => {
  // With DATA_DIR=. the folder belongs to somebody's program.
  other("blog", "node_modules", 100);
  other("0000000000000000", "posts", 100);
  other("0000000000000001", "", 100);
  other("1111111111111111", ".build", 25);
  other(`${NAME}.0123456789ab`, "node_modules", 25);
  other(`${NAME}.0123456789ac`, "", 25);
  other("2222222222222222", ".build", 23);
  const others = ["0000000000000000", "0000000000000001"];
  copy();
  expect(readdirSync(dirname(to))).toEqual([...others, NAME, "2222222222222222", "blog"]);
  copy({ isAlone: true });
  expect(readdirSync(dirname(to))).toEqual([...others, NAME, "blog"]);
});

test("a copy that is used stays, and is written again when somebody removes it", () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"] });
  copy();
  vi.setSystemTime(Date.now() + 25 * HOUR_MS);
  vi.advanceTimersByTime(HOUR_MS);
  const used = to;
  to = join(dirname(to), "fedcba9876543210");
  copy();
  expect(readdirSync(dirname(to))).toEqual([NAME, "fedcba9876543210"]);
  rmSync(used, { recursive: true });
  vi.advanceTimersByTime(HOUR_MS);
  expect(filesOf(used)).toHaveLength(3);
  for (const one of kept) one.stop();
  vi.advanceTimersByTime(30 * HOUR_MS);
  copy();
  expect(existsSync(used)).toBe(false);
});

test("processes that start at the same time end with one whole copy", async () => {
  for (let file = 0; file < 300; file += 1) build(`static/${file}.js`, `${PLACEHOLDER}/${file}`);
  const module = fileURLToPath(new URL("../../server/process/pages-copy.ts", import.meta.url));
  const program = `import { keepPages } from ${JSON.stringify(module)};
    const params = ${JSON.stringify({ from, to, basePath: "/a.b/c", isAlone: false })};
    process.stdin.once("data", () => keepPages({ ...params, report() {} }));
    console.log("ready");`;
  const children = [1, 2, 3].map(() =>
    spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["pipe", "pipe", "inherit"] }),
  );
  await Promise.all(children.map(({ stdout }) => once(stdout, "data")));
  for (const { stdin } of children) stdin.end("go");
  const codes = await Promise.all(children.map(async (child) => (await once(child, "exit"))[0]));
  expect(codes).toEqual([0, 0, 0]);
  expect(readdirSync(dirname(to))).toEqual([NAME]);
  copy();
  expect(reported).toEqual([]);
});
