/**
 * `npm run demo`: fills a running Isimud with a demo world, over its GraphQL API like any other client. Running it
 * again adds only what is missing: a queue that has messages is not changed.
 */
import { parseArgs } from "node:util";
import { createClient } from "../clients/typescript/client.ts";
import { type Config, ConfigError, isLoopback, readConfig } from "../server/config.ts";
import { embeddedUrl } from "../server/embedded-postgres/server.ts";
import { serviceUrl } from "../server/http/listening.ts";
import { callsTo } from "./seed-api.ts";
import { fillJobs } from "./seed-jobs.ts";
import { fillPools } from "./seed-pools.ts";
import { fillShop } from "./seed-shop.ts";
import { fillStore, fillTelemetry, SENSORS } from "./seed-telemetry.ts";
import { runTraffic } from "./seed-traffic.ts";

const USAGE = `npm run demo -- [--live] [URL]

Fills a running Isimud with a demo world. URL is where the service is, such as http://127.0.0.1:3000;
left out, it follows from the same settings as npm start (HOST, PORT, PUBLIC_URL, BASE_PATH).

  --live   afterwards producers and workers run until Ctrl-C, so that pages move
  --help   this text

To a service with AUTH=accounts it sends the token of the variable TOKEN, which needs the scope administer.
Pools are schemas of the service's own database. It is found by DATABASE_URL or DATA_DIR, which must be those of the service.`;

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { help: { type: "boolean", short: "h" }, live: { type: "boolean", default: false } },
    });
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
  }
}

function readSettings(): Config {
  try {
    return readConfig();
  } catch (error) {
    if (error instanceof ConfigError) return fail(error.message);
    throw error;
  }
}

const { values, positionals } = readArguments();
if (values.help) {
  console.log(USAGE);
  process.exit();
}
const config = readSettings();
const url = positionals[0] ?? serviceUrl(config);
if (!URL.canParse(url) || positionals.length > 1) fail(`This is not one URL: ${positionals.join(" ")}\n\n${USAGE}`);
const ownDatabase = isLoopback(new URL(url).hostname) ? embeddedUrl(config.DATA_DIR) : null;
const call = callsTo(createClient({ url, token: config.TOKEN }));
let leftOut: string | null = null;

const steps: [string, () => Promise<unknown>][] = [
  [
    "Pools and flavors",
    async () => {
      leftOut = await fillPools(call, config.DATABASE_URL ?? ownDatabase);
    },
  ],
  [`${SENSORS.toLocaleString("en-US")} queues of telemetry`, () => fillTelemetry(call)],
  // After the 2,000 queues, so that the newest queues, which the overview shows, are these.
  ["The shop's queues, in every state", () => fillShop(call)],
  ["A job that fails", () => fillJobs(call)],
  ["A key-value store", () => fillStore(call)],
];
try {
  for (const [name, step] of steps) {
    console.log(`${name}...`);
    await step();
  }
  if (leftOut !== null) console.log(leftOut);
  console.log(`The demo world is at ${url}`);
  if (values.live) {
    const stop = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
    console.log("Producers and workers run. Ctrl-C stops them.");
    const { posted, done, failed } = await runTraffic({ url, token: config.TOKEN }, stop.signal, console.log);
    console.log(`Stopped: ${posted} posted, ${done} done, ${failed} given back.`);
  }
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}
