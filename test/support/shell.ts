/** What a person pastes in a shell. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

interface Answer {
  data?: Record<string, unknown> | null;
  /** Without a path: the request was refused before it was executed. */
  errors?: { message: string; path?: unknown[] }[];
}

/** Pastes lines with curl one after the other, and returns what the API answers. It may be in this process. */
export async function paste(lines: readonly string[]): Promise<Answer[]> {
  const shell = spawn("sh", { stdio: ["pipe", "pipe", "inherit"] });
  shell.stdin.end(lines.map((line) => `${line}\necho\n`).join(""));
  const printed = await text(shell.stdout);
  return printed
    .trimEnd()
    .split("\n")
    .map((answer) => JSON.parse(answer));
}
