/** The command line as a whole: its commands, help and exit codes. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createProgram } from "../../server/cli/program.ts";
import { runCommand } from "../support/command-line.ts";

const run = (...args: string[]) => runCommand(args);

const commands = createProgram().commands.map((command) => command.name());
const { scripts, version } = JSON.parse(readFileSync("package.json", "utf8"));

test("help lists all commands, and the version is that of the package", async () => {
  const [help, shown] = await Promise.all([run("--help"), run("--version")]);
  expect(help.code).toBe(0);
  for (const command of commands) expect(help.output).toMatch(new RegExp(`^  ${command} `, "m"));
  expect(shown).toEqual({ code: 0, output: `${version}\n`, errors: "" });
});

test("wrong usage ends with 2, and says what was meant", async () => {
  const [unknown, incomplete, wrong] = await Promise.all([run("exprot"), run("token"), run("start", "--devel")]);
  expect(unknown).toMatchObject({ code: 2, output: "", errors: expect.stringContaining("Did you mean export?") });
  expect(incomplete).toMatchObject({ code: 2, output: "", errors: expect.stringContaining("Usage: isimud token") });
  expect(wrong).toMatchObject({ code: 2, output: "", errors: expect.stringContaining("Did you mean --dev?") });
});

test("each npm script that calls the command line names a command", () => {
  const called = Object.values<string>(scripts).flatMap((script) => /cli\/isimud\.ts (\S+)/.exec(script)?.[1] ?? []);
  expect(called.length).toBeGreaterThan(7);
  expect(commands).toEqual(expect.arrayContaining(called));
});

test("the document has each command", () => {
  const text = readFileSync("docs/command-line.md", "utf8");
  const told = [...text.matchAll(/^### (.+)$/gm)].flatMap(([, heading = ""]) =>
    heading.replaceAll("isimud ", "").split(", "),
  );
  expect(told.toSorted()).toEqual(commands.toSorted());
});
