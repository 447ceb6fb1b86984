/** `isimud COMMAND` in a process of its own, as users run it. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

interface Ended {
  code: number | null;
  output: string;
  errors: string;
}

/**
 * Resolves when the command has ended. `settings` are environment variables: those of the user who runs the tests do not
 * reach it. `input` is its standard input, empty by default.
 */
export function runCommand(
  args: readonly string[],
  { settings = {}, input = "" }: { settings?: Record<string, string>; input?: string | Buffer } = {},
): Promise<Ended> {
  const { PATH, HOME, TMPDIR, NODE_COMPILE_CACHE } = process.env;
  const child = spawn(process.execPath, ["server/cli/isimud.ts", ...args], {
    cwd: ROOT,
    env: { PATH, HOME, TMPDIR, NODE_COMPILE_CACHE, NODE_ENV: "production", ...settings },
  });
  let [output, errors] = ["", ""];
  child.stdout.on("data", (part) => {
    output += part;
  });
  child.stderr.on("data", (part) => {
    errors += part;
  });
  // It may end without reading.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, output, errors })));
}
