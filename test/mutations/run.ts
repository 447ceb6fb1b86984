/**
 * `npm run test:breaks`: are the promises' tests able to fail? Breaks each promise by one line in a copy of the source, and expects
 * its test, green before, to turn red. Prints a table; exits with 1 when a test stays green or a break no longer fits the source.
 * A word after the command picks the breaks whose promise contains it.
 */
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { BREAKS, type Break } from "./mutations.ts";

const TIME_LIMIT_MS = 180_000;
const COPIED = ["server", "prisma", "test", "vitest.config.ts", "tsconfig.json", "package.json"];
const top = fileURLToPath(new URL("../..", import.meta.url));

type Verdict = "red" | "green" | "not found" | "did not run";

interface VitestReport {
  testResults: { name: string; assertionResults: { title: string; status: string }[] }[];
}

/** The project without its history and pages: enough to run the tests of the engine. */
function copyProject(): string {
  const copy = mkdtempSync(join(tmpdir(), "isimud-breaks-"));
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
async function checkUnbroken(project: string, breaks: readonly Break[]): Promise<string | null> {
  for (const file of new Set(breaks.map(({ test }) => test.file))) {
    const names = [...new Set(breaks.filter(({ test }) => test.file === file).map(({ test }) => test.name))];
    for (const [name, verdict] of await runTests(project, file, names)) {
      if (verdict !== "green") return `Before any break, this test of ${file} is ${verdict}: ${name}`;
    }
  }
  return null;
}

async function tryBreak(project: string, { file, from, to, test }: Break): Promise<Verdict | "does not fit"> {
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
const breaks = BREAKS.filter(({ promise }) => promise.toLowerCase().includes(word));
const project = copyProject();
let sound = breaks.length > 0;
try {
  console.log(
    `${breaks.length} breaks in a copy, ${basename(dirname(project))}/${basename(project)}. First the tests as they are.`,
  );
  const wrong = await checkUnbroken(project, breaks);
  if (wrong !== null) {
    sound = false;
    console.log(wrong);
  } else {
    for (const one of breaks) {
      const verdict = await tryBreak(project, one);
      if (verdict !== "red") sound = false;
      console.log(`${verdict === "red" ? "noticed " : "MISSED  "} ${verdict.padEnd(12)} ${one.promise}`);
      if (verdict !== "red")
        console.log(`${" ".repeat(22)}${one.file}: ${one.from.trim()}\n${" ".repeat(22)}test: ${one.test.name}`);
    }
  }
} finally {
  rmSync(project, { recursive: true, force: true });
}
console.log(sound ? "Every promise has a test that can fail." : "Mend what is listed above.");
process.exitCode = sound ? 0 : 1;
