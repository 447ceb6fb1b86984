#!/usr/bin/env node
// The command `isimud` of the npm package. It runs the program as `npm start` does: with the Node that the npm package
// "node" brings, or else with this one. It is plain JavaScript, so that an older Node can read it.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const check = pathToFileURL(join(here, "check-node.mjs")).href;
const child = spawn(
  node(),
  ["--max-semi-space-size=16", "--import", check, join(here, "isimud.js"), ...process.argv.slice(2)],
  { stdio: "inherit", env: { ...process.env, ISIMUD_LAUNCHED: "1" } },
);

child.once("error", (error) => {
  process.stderr.write(`${child.spawnfile} cannot be run: ${error.message}\n`);
  process.exit(1);
});
child.once("exit", (code, signal) => {
  if (signal === null) process.exit(code ?? 1);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
// In a terminal Ctrl-C reaches both, and a second signal changes nothing. Windows has no signals to pass on.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => process.platform !== "win32" && child.kill(signal));
}
// `kill` on npx ends npm and its shell, and nobody gets a signal: all that can be noticed is that the parent changed.
if (process.env.npm_lifecycle_event !== undefined) {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    child.kill("SIGINT");
  }, 500);
}

/** The install script of the package puts it there, if npm was allowed to run it. */
function node() {
  const name = process.platform === "win32" ? "node.exe" : "node";
  const brought = join(dirname(createRequire(import.meta.url).resolve("node/package.json")), "bin", name);
  return existsSync(brought) ? brought : process.execPath;
}
