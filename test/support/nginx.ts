/** A real nginx in front of a service: it speaks TLS to browsers, and passes on what is below a path. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it, vi } from "vitest";
import { endWithTests } from "./end-with-tests.ts";

/** It is often not on the path of users other than root. */
const PROGRAM = ["nginx", "/usr/sbin/nginx"].find((name) => {
  try {
    execFileSync(name, ["-v"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
});

/** Runs the suites if there is an nginx. Otherwise skips them and says what to install, or throws when CI is true. */
export function describeWithNginx(suites: () => void): void {
  if (PROGRAM !== undefined) {
    suites();
    return;
  }
  const missing = "There is no nginx on the path: apt-get install nginx";
  if (process.env.CI === "true") throw new Error(missing);
  console.warn(missing);
  // A skipped test whose name says what to install.
  it.skip(missing);
}

export interface Nginx {
  stop(): Promise<void>;
}

/**
 * `http`: what the block `http` of its configuration has, such as deploy/nginx/isimud.conf. It answers HTTP or TLS at
 * `port` then.
 */
export async function startNginx(http: string, port: number): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), "isimud-nginx-"));
  mkdirSync(join(folder, "temp"));
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon off;
pid nginx.pid;
error_log stderr;
worker_processes 1;
events {}
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path temp/${name};`).join("\n  ")}
${http}
}
`,
  );
  const child = spawn(PROGRAM as string, ["-p", folder, "-c", "nginx.conf", "-e", "stderr"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  endWithTests(child);
  let output = "";
  child.stderr.on("data", (chunk) => {
    output += chunk;
  });
  const answers = async () => {
    if (child.exitCode !== null) throw new Error(`nginx ended.\n${output}`);
    await fetch(`http://127.0.0.1:${port}/`);
  };
  await vi.waitFor(answers, { timeout: 10_000, interval: 50 });
  return {
    async stop() {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      if (child.exitCode === null) await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
