/** What commands print: results on standard output, and what is only for people on standard error. */
import { whyNotWritten } from "./file-errors.ts";

let hasFailed = false;

/**
 * Call it once. Whoever reads the output may go, such as `head`: then the command ends its work in order, and nobody
 * reads of it. Any other reason is told, and the process ends with 1.
 */
export function watchOutput(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    hasFailed = true;
    if (error.code === "EPIPE") return;
    tell(whyNotWritten("The output", error));
    process.exitCode = 1;
  });
  // Nobody reads why, either.
  process.stderr.on("error", () => undefined);
}

/** True once the output takes nothing more: `head` has ended, or the disk is full. What follows is lost. */
export function isOutputGone(): boolean {
  // Node forgets the error of this stream before it tells of it.
  return hasFailed || process.stdout.errored !== null;
}

/**
 * The text as a terminal may show it: what would control the terminal, or change the order of the letters, is written as
 * in JSON. Line breaks and tabs stay.
 */
function harmless(text: string): string {
  return text.replace(UNSAFE, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to find.
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A name, or another text of somebody's, as a part of a line: it can neither end the line nor look like two columns. */
export function inLine(text: string): string {
  return harmless(text)
    .replaceAll("\n", "\\n")
    .replaceAll("\t", "\\t")
    .replaceAll(/(?<= ) /g, "\\u0020");
}

/** Where somebody may do something. Names are quoted, because a project may be named `all projects`. */
export function inProjects(projects: "all" | readonly string[]): string {
  if (projects === "all") return "all projects";
  return projects.map((project) => inLine(JSON.stringify(project))).join(" ");
}

export function print(line: string): void {
  if (!isOutputGone()) process.stdout.write(`${harmless(line)}\n`);
}

/** One document of JSON, for programs. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

export function tell(line: string): void {
  process.stderr.write(`${harmless(line)}\n`);
}
