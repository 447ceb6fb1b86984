/**
 * A server for the bench: `node server-process.ts DATABASE_URL [with pages]`. Sends its address to its parent, and for
 * each message the processor time that it has taken, in microseconds. Pages must be built.
 */
import { pino } from "pino";
import { readConfig } from "../../server/config.ts";
import { serve } from "../../server/main.ts";
import { BENCH_KEY } from "./secret-key.ts";

const [url, pages] = process.argv.slice(2);
const config = readConfig({
  PORT: "0",
  DATABASE_URL: url,
  SECRET_KEY: BENCH_KEY,
  DRAIN_SECONDS: "0",
  QUEUE_SAMPLES: process.env.QUEUE_SAMPLES,
  AUTH: process.env.AUTH,
  OTEL_EXPORTER_OTLP_ENDPOINT: process.env.OTEL_EXPORTER_OTLP_ENDPOINT,
  OTEL_TRACES_SAMPLER: process.env.OTEL_TRACES_SAMPLER,
  OTEL_TRACES_SAMPLER_ARG: process.env.OTEL_TRACES_SAMPLER_ARG,
});
const server = await serve(config, { dev: false, pages: pages !== undefined, log: pino({ level: "warn" }) });
process.on("disconnect", () => void server.close({ hasty: true }).then(() => process.exit(0)));
process.send?.(server.url);
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.(user + system);
});
