/**
 * `npm run test:mutations`: can the tests of the guarantees fail? Breaks each guarantee by one line in a copy of the
 * source and expects its test, green before, to turn red. Prints one line per mutation, and `N noticed, M missed` last.
 * Exits with 1 when one was missed. Options (all after `--`):
 *   WORD           only the mutations whose guarantee contains it
 *   --slice 1/4    only the first quarter of them, so that several machines can share the work
 *   --at-once 2    copies of the project, each of which tries one mutation at a time
 */
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Mutation } from "./mutation.ts";
import { MUTATIONS } from "./mutations.ts";

/** A test that hangs fails after its own time-out, so this ends only a Vitest that hangs itself. */
const TIME_LIMIT_MS = 180_000;
/** Some tests look for a race, and may meet none: a mutation is missed when its test stays green this often. */
const TRIES = 3;
const COPIED = ["server", "clients", "docs", "prisma", "test", "vitest.config.ts", "tsconfig.json", "package.json"];
const top = fileURLToPath(new URL("../..", import.meta.url));

type TestVerdict = "red" | "green" | "not found" | "did not run";
type Verdict = TestVerdict | "does not fit" | "red before";

interface VitestReport {
  testResults: { assertionResults: { title: string; status: string }[] }[];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { slice: { type: "string", default: "1/1" }, "at-once": { type: "string", default: "2" } },
});
const word = positionals[0]?.toLowerCase() ?? "";
const picked = sliceOf(
  MUTATIONS.filter(({ guarantee }) => guarantee.toLowerCase().includes(word)),
  values.slice,
);
const projects = Array.from({ length: Number(values["at-once"]) }, copyProject);
process.on("exit", () => {
  for (const project of projects) rmSync(project, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));

console.log(`${picked.length} mutations, ${projects.length} at a time. First their tests on the source as it is.`);
const notGreen = await testsNotGreen(picked);
let noticed = 0;
await inEachCopy(picked, async (project, mutation) => {
  const started = performance.now();
  const verdict = notGreen.has(keyOf(mutation.test)) ? "red before" : await tryMutation(project, mutation);
  if (verdict === "red") noticed += 1;
  const seconds = Math.round((performance.now() - started) / 1000);
  const outcome = verdict === "red" ? "noticed" : "MISSED ";
  console.log(`${outcome} ${verdict.padEnd(12)} ${`${seconds} s`.padStart(5)}  ${mutation.guarantee}`);
  if (verdict !== "red") console.log(`  ${mutation.file}: ${mutation.from.trim()}\n  test: ${keyOf(mutation.test)}`);
});
console.log(`${noticed} noticed, ${picked.length - noticed} missed`);
process.exitCode = noticed === picked.length && noticed > 0 ? 0 : 1;

/** The part `number/of` of the mutations. Those of one test file stay together: each file runs once unchanged. */
function sliceOf(mutations: readonly Mutation[], slice: string): Mutation[] {
  const [number = 0, of = 0] = slice.split("/").map(Number);
  if (!(number >= 1 && number <= of)) throw new Error(`--slice is a number and a count such as 1/4, not ${slice}`);
  const sorted = mutations.toSorted((a, b) => a.test.file.localeCompare(b.test.file));
  const start = (part: number) => Math.round((part * sorted.length) / of);
  return sorted.slice(start(number - 1), start(number));
}

/** The project without its history and pages: enough to run the tests of the engine. */
function copyProject(): string {
  const copy = mkdtempSync(join(tmpdir(), "isimud-mutations-"));
  for (const name of COPIED) cpSync(join(top, name), join(copy, name), { recursive: true });
  symlinkSync(join(top, "node_modules"), join(copy, "node_modules"));
  return copy;
}

/** Runs `work` for all items, in their order, one at a time in each copy. */
async function inEachCopy<T>(items: readonly T[], work: (project: string, item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  await Promise.all(
    projects.map(async (project) => {
      for (let item = left.shift(); item !== undefined; item = left.shift()) await work(project, item);
    }),
  );
}

function keyOf({ file, name }: Mutation["test"]): string {
  return `${file}: ${name}`;
}

/** Runs the tests that these mutations name, each file once. Returns the keys of those that are not green. */
async function testsNotGreen(mutations: readonly Mutation[]): Promise<Set<string>> {
  const notGreen = new Set<string>();
  await inEachCopy([...new Set(mutations.map(({ test }) => test.file))], async (project, file) => {
    const names = new Set(mutations.filter(({ test }) => test.file === file).map(({ test }) => test.name));
    for (const [name, verdict] of await runTests(project, file, [...names])) {
      if (verdict === "green") continue;
      notGreen.add(keyOf({ file, name }));
      console.log(`Before any mutation this test is ${verdict}: ${keyOf({ file, name })}`);
    }
  });
  return notGreen;
}

async function tryMutation(project: string, { file, from, to, test }: Mutation): Promise<Verdict> {
  const path = join(project, file);
  const source = readFileSync(path, "utf8");
  if (source.split(from).length !== 2) return "does not fit";
  writeFileSync(
    path,
    source.replace(from, () => to),
  );
  try {
    let verdict: Verdict = "not found";
    for (let tries = 0; tries < TRIES; tries += 1) {
      // One red test decides, so those of the other drivers need not run.
      verdict = (await runTests(project, test.file, [test.name], "--bail=1")).get(test.name) ?? "not found";
      if (verdict !== "green") break;
    }
    return verdict;
  } finally {
    writeFileSync(path, source);
  }
}

/** How the tests of these names in one file end. A name that several suites have is red when one of them is. */
async function runTests(
  project: string,
  file: string,
  names: readonly string[],
  ...options: string[]
): Promise<Map<string, TestVerdict>> {
  const report = join(project, "report.json");
  rmSync(report, { force: true });
  const pattern = `(${names.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})$`;
  const vitest = join(project, "node_modules", "vitest", "vitest.mjs");
  const words = [vitest, "run", file, "-t", pattern, "--reporter=json", `--outputFile=${report}`, ...options];
  await new Promise<void>((resolve) => {
    const env = { ...process.env, THOROUGH: "1" };
    execFile(process.execPath, words, { cwd: project, env, timeout: TIME_LIMIT_MS, maxBuffer: 2 ** 26 }, () =>
      resolve(),
    );
  });
  let read: VitestReport;
  try {
    read = JSON.parse(readFileSync(report, "utf8"));
  } catch {
    return new Map(names.map((name) => [name, "did not run"]));
  }
  const all = read.testResults.flatMap((result) => result.assertionResults);
  return new Map(
    names.map((name): [string, TestVerdict] => {
      const ran = all.filter(({ title, status }) => title === name && (status === "passed" || status === "failed"));
      if (ran.length === 0) return [name, "not found"];
      return [name, ran.some(({ status }) => status === "failed") ? "red" : "green"];
    }),
  );
}
