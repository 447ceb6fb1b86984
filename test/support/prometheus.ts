/** A Prometheus that scrapes a service once a second: on a free port, in a temporary folder. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endWithTests } from "./end-with-tests.ts";
import { freePort } from "./process.ts";

const NO_PROMETHEUS = "There is no prometheus on the path: apt-get install prometheus";

/** True if there is one. Says what to install if not, or throws when CI is true. */
export function hasPrometheus(): boolean {
  try {
    for (const program of ["prometheus", "promtool"]) execFileSync(program, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    if (process.env.CI === "true") throw new Error(NO_PROMETHEUS);
    console.warn(NO_PROMETHEUS);
    return false;
  }
}

export interface TestPrometheus {
  /** How many series the expression gives now. Throws when it is invalid. */
  count(expression: string): Promise<number>;
  stop(): Promise<void>;
}

/** `url`: that of the service. Its job is named "isimud". */
export async function startPrometheus(url: string): Promise<TestPrometheus> {
  const folder = mkdtempSync(join(tmpdir(), "isimud-prometheus-"));
  const config = join(folder, "prometheus.yaml");
  const job = { job_name: "isimud", metrics_path: "/api/metrics", static_configs: [{ targets: [new URL(url).host] }] };
  // JSON is YAML.
  writeFileSync(config, JSON.stringify({ global: { scrape_interval: "1s" }, scrape_configs: [job] }));
  const address = `127.0.0.1:${await freePort()}`;
  const argv = [`--config.file=${config}`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=${address}`];
  const child = spawn("prometheus", argv, { stdio: "ignore" });
  endWithTests(child);
  return {
    async count(expression) {
      const answer = await fetch(`http://${address}/api/v1/query?${new URLSearchParams({ query: expression })}`);
      const { data, error } = (await answer.json()) as { data?: { result: unknown[] }; error?: string };
      if (data === undefined) throw new Error(`${expression}: ${error}`);
      return data.result.length;
    },
    async stop() {
      const exited = once(child, "exit");
      child.kill();
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
