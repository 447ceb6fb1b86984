/**
 * `npm run test:mutations`: are the guarantees' tests able to fail? Breaks each guarantee by one line in a copy of the source, and expects
 * its test, green before, to turn red. Prints a table; exits with 1 when a test stays green or a mutation no longer fits the source.
 * A word after the command picks the mutations whose guarantee contains it.
 */
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { MUTATIONS, type Mutation } from "./mutations.ts";

const TIME_LIMIT_MS = 180_000;
const COPIED = ["server", "prisma", "test", "vitest.config.ts", "tsconfig.json", "package.json"];
const top = fileURLToPath(new URL("../..", import.meta.url));

type Verdict = "red" | "green" | "not found" | "did not run";

interface VitestReport {
  testResults: { name: string; assertionResults: { title: string; status: string }[] }[];
}

/** The project without its history and pages: enough to run the tests of the engine. */
function copyProject(): string {
  const copy = mkdtempSync(join(tmpdir(), "isimud-mutations-"));
  for (const name of COPIED) cpSync(join(top, name), join(copy, name), { recursive: true });
  symlinkSync(join(top, "node_modules"), join(copy, "node_modules"));
  return copy;
}

/** How the tests of these names in one file end; a name that several suites have is red when one of them is. */
async function runTests(project: string, file: string, names: readonly string[]): Promise<Map<string, Verdict>> {
  const report = join(project, "report.json");
  rmSync(report, { force: true });
  const pattern = `(${names.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})$`;
  const vitest = join(project, "node_modules", "vitest", "vitest.mjs");
  const words = [vitest, "run", file, "-t", pattern, "--reporter=json", `--outputFile=${report}`];
  await new Promise<void>((resolve) => {
    execFile(process.execPath, words, { cwd: project, timeout: TIME_LIMIT_MS, maxBuffer: 2 ** 26 }, () => resolve());
  });
  let read: VitestReport;
  try {
    read = JSON.parse(readFileSync(report, "utf8"));
  } catch {
    return new Map(names.map((name) => [name, "did not run"]));
  }
  const all = read.testResults.flatMap((result) => result.assertionResults);
  return new Map(
    names.map((name): [string, Verdict] => {
      const ran = all.filter(({ title, status }) => title === name && (status === "passed" || status === "failed"));
      if (ran.length === 0) return [name, "not found"];
      return [name, ran.some(({ status }) => status === "failed") ? "red" : "green"];
    }),
  );
}

/** Null when all named tests are there and green; else what is wrong. */
async function checkUnchanged(project: string, mutations: readonly Mutation[]): Promise<string | null> {
  for (const file of new Set(mutations.map(({ test }) => test.file))) {
    const names = [...new Set(mutations.filter(({ test }) => test.file === file).map(({ test }) => test.name))];
    for (const [name, verdict] of await runTests(project, file, names)) {
      if (verdict !== "green") return `Before any mutation, this test of ${file} is ${verdict}: ${name}`;
    }
  }
  return null;
}

async function tryMutation(project: string, { file, from, to, test }: Mutation): Promise<Verdict | "does not fit"> {
  const path = join(project, file);
  const source = readFileSync(path, "utf8");
  if (source.split(from).length !== 2) return "does not fit";
  writeFileSync(
    path,
    source.replace(from, () => to),
  );
  try {
    return (await runTests(project, test.file, [test.name])).get(test.name) ?? "not found";
  } finally {
    writeFileSync(path, source);
  }
}

const word = process.argv[2]?.toLowerCase() ?? "";
const mutations = MUTATIONS.filter(({ guarantee }) => guarantee.toLowerCase().includes(word));
const project = copyProject();
let sound = mutations.length > 0;
try {
  console.log(
    `${mutations.length} mutations in a copy, ${basename(dirname(project))}/${basename(project)}. First the tests as they are.`,
  );
  const wrong = await checkUnchanged(project, mutations);
  if (wrong !== null) {
    sound = false;
    console.log(wrong);
  } else {
    for (const one of mutations) {
      const verdict = await tryMutation(project, one);
      if (verdict !== "red") sound = false;
      console.log(`${verdict === "red" ? "noticed " : "MISSED  "} ${verdict.padEnd(12)} ${one.guarantee}`);
      if (verdict !== "red")
        console.log(`${" ".repeat(22)}${one.file}: ${one.from.trim()}\n${" ".repeat(22)}test: ${one.test.name}`);
    }
  }
} finally {
  rmSync(project, { recursive: true, force: true });
}
console.log(sound ? "Every guarantee has a test that can fail." : "Fix what is listed above.");
process.exitCode = sound ? 0 : 1;
