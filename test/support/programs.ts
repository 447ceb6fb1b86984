/** Programs that tests of what is in deploy/ run, and that are no part of npm's packages. */
import { execFileSync } from "node:child_process";

/** True if the program is on the path. Says so if not, or throws when CI is true. */
export function has(program: string, version = "--version"): boolean {
  try {
    execFileSync(program, [version], { stdio: "ignore" });
    return true;
  } catch {
    const missing = `There is no ${program} on the path: .ci/run installs what the tests need`;
    if (process.env.CI === "true") throw new Error(missing);
    console.warn(missing);
    return false;
  }
}
