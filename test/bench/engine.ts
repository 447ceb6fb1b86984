import { pino } from "pino";
import type { Access } from "../../server/access/access.ts";
import { type Engine, openEngine } from "../../server/bootstrap.ts";
import { readConfig } from "../../server/config.ts";
import { callerWith } from "../support/access.ts";

export const BENCH_ACCESS: Access = callerWith("admin", "all", "bench");

/** The whole engine in this process, without HTTP. */
export function openBenchEngine(url: string, clock = { offsetMs: 0 }): Promise<Engine> {
  const config = readConfig({ DATABASE_URL: url, SECRET_KEY: "a secret key for the bench only" });
  return openEngine(config, { log: pino({ level: "warn" }), clock });
}
