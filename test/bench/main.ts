/**
 * `npm run bench`: measures messages a second beside peers on the same database, in interleaved rounds. Prints medians,
 * their spread and ratios. Fails when a message came twice or never. Options (all after `--`):
 *   --cells driver,http   what to measure: driver, http, auth, sampling, tracing, backlog, queues, samples,
 *                         searches, latency, snapshot, memory, pages, routing, pools (with routing)
 *   --rounds 5            rounds of each (of routing 9)
 *   --clients 1,8,64      callers at a time              --seconds 0.7   of posting in a round
 *   --batches 1,10        messages a call                --minutes 10    of the cell "memory"
 *   --queues 100000       and --messages 1000000 of the cell "pages"
 *   --peers plain,pg-boss,graphile,bullmq,pgmq           pgmq needs PGMQ_SQL, a file with its SQL
 *   --url URL             measures a running server over GraphQL, without peers; with accounts, TOKEN is sent
 */
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import pg from "pg";
import { pino } from "pino";
import { migrate } from "../../prisma/migrate.ts";
import { type Access, EVERYTHING } from "../../server/access/access.ts";
import { openEngine } from "../../server/bootstrap.ts";
import { readConfig } from "../../server/config.ts";
import { startEmbeddedPostgres } from "../../server/embedded-postgres/server.ts";
import { backlog } from "./backlog.ts";
import { bullmq } from "./bullmq.ts";
import type { Contender } from "./contender.ts";
import { graphileWorker } from "./graphile-worker.ts";
import { startLoad, startServer } from "./graphql-server.ts";
import { interleaved, printCell, type Subject, subjectOf } from "./interleaved.ts";
import { isimudDriver } from "./isimud-driver.ts";
import { latency } from "./latency.ts";
import { memory } from "./memory.ts";
import { pages } from "./pages.ts";
import { pgBoss } from "./pg-boss.ts";
import { pgmq } from "./pgmq.ts";
import { plainTable } from "./plain-table.ts";
import { pools } from "./pools.ts";
import { processorTime } from "./processor-time.ts";
import { queueLists } from "./queue-lists.ts";
import { samples } from "./samples.ts";
import { searches } from "./searches.ts";
import { BENCH_KEY } from "./secret-key.ts";
import { snapshot } from "./snapshot.ts";

const { values } = parseArgs({
  options: {
    cells: { type: "string", default: "driver,http" },
    rounds: { type: "string" },
    seconds: { type: "string", default: "0.7" },
    clients: { type: "string", default: "1,8,64" },
    batches: { type: "string", default: "1,10" },
    peers: { type: "string", default: "plain,pg-boss,graphile,bullmq,pgmq" },
    queues: { type: "string", default: "100000" },
    messages: { type: "string", default: "1000000" },
    minutes: { type: "string", default: "10" },
    url: { type: "string" },
  },
});
const rounds = Number(values.rounds ?? 5);
const seconds = Number(values.seconds);
const numbers = (text: string) => text.split(",").map(Number);

console.log(`${rounds} interleaved rounds of ${seconds} s of posting; messages a second: median (lowest-highest).`);
if (values.url !== undefined) {
  const load = await startLoad(values.url);
  await cells([
    { name: "isimud graphql", round: (clients, batch, length) => load.round({ clients, batch, seconds: length }) },
  ]);
  await load.stop();
} else {
  const dataDir = mkdtempSync(join(tmpdir(), "isimud-bench-"));
  chmodSync(dataDir, 0o755);
  const postgres = await startEmbeddedPostgres({ dataDir, settings: { max_connections: "200" } });
  try {
    await migrate({ url: postgres.url, only: "all" });
    if (values.cells.includes("driver")) await driverCells(postgres.url);
    if (values.cells.includes("http")) await httpCells(postgres.url);
    if (values.cells.includes("auth")) await authCells(postgres.url);
    if (values.cells.includes("sampling")) await samplingCells(postgres.url);
    if (values.cells.includes("tracing")) await tracingCells(postgres.url);
    if (values.cells.includes("backlog")) await backlog(postgres.url, rounds);
    if (values.cells.includes("queues")) await queueLists(postgres.url, rounds);
    if (values.cells.includes("samples")) await samples(postgres.url);
    if (values.cells.includes("searches")) await searches(postgres.url);
    if (values.cells.includes("latency")) await latency(postgres.url, rounds);
    if (values.cells.includes("snapshot")) await snapshot(postgres.url);
    if (values.cells.includes("pages")) {
      await pages(postgres.url, { queues: Number(values.queues), messages: Number(values.messages) });
    }
    if (/routing|pools/.test(values.cells)) {
      const others = values.cells.includes("pools") ? rounds : 0;
      await pools(postgres.url, { routing: Number(values.rounds ?? 9), others, seconds });
    }
    if (values.cells.includes("memory")) await memory(postgres.url, Number(values.minutes));
  } finally {
    await postgres.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function driverCells(url: string): Promise<void> {
  console.log("\nDriver called in process, beside peers on the same database");
  const contenders: Contender[] = [await isimudDriver(url)];
  if (values.peers.includes("plain")) contenders.push(await plainTable(url));
  if (values.peers.includes("pg-boss")) contenders.push(await pgBoss(url));
  if (values.peers.includes("graphile")) contenders.push(await graphileWorker(url));
  if (values.peers.includes("bullmq")) contenders.push(await bullmq(url));
  if (values.peers.includes("pgmq")) {
    const sqlFile = process.env.PGMQ_SQL;
    if (sqlFile) contenders.push(await pgmq(url, sqlFile));
    else console.log("Without pgmq: PGMQ_SQL names no file. It is pgmq-extension/sql/pgmq.sql of its repository.");
  }
  await cells(contenders.map(subjectOf));
  for (const contender of contenders) await contender.close();
}

async function httpCells(databaseUrl: string): Promise<void> {
  console.log("\nGraphQL over HTTP with a load generator of its own, beside the plain table called directly");
  const server = await startServer(databaseUrl);
  const load = await startLoad(server.url);
  const plain = await plainTable(databaseUrl);
  const http = (clients: number, batch: number, length: number) => load.round({ clients, batch, seconds: length });
  await cells([{ name: "isimud graphql", round: http }, subjectOf(plain)]);
  await plain.close();
  await load.stop();
  await server.stop();
}

/** Each server has a database of its own: two on one would share the sampler. */
async function samplingCells(databaseUrl: string): Promise<void> {
  console.log("\nGraphQL over HTTP with samples and consumers, beside a server without them");
  const servers = [
    await startServer(await anotherDatabase(databaseUrl, "without_samples"), { QUEUE_SAMPLES: "off" }),
    await startServer(databaseUrl, { QUEUE_SAMPLES: "on" }),
  ];
  const loads = await Promise.all(servers.map(({ url }) => startLoad(url)));
  await beside(loads, ["samples off", "samples on"]);
  for (const { stop } of [...loads, ...servers]) await stop();
}

/** The collector is this process, which takes what comes and looks at nothing of it. */
async function tracingCells(databaseUrl: string): Promise<void> {
  console.log("\nGraphQL over HTTP with traces, beside a server without them");
  let bytes = 0;
  const collector = createServer((request, response) => {
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    request.on("end", () => response.end());
  }).listen(0, "127.0.0.1");
  await once(collector, "listening");
  const url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  const share = { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.01" };
  const servers = [
    await startServer(await anotherDatabase(databaseUrl, "without_traces")),
    await startServer(databaseUrl, { OTEL_EXPORTER_OTLP_ENDPOINT: url }),
    await startServer(await anotherDatabase(databaseUrl, "few_traces"), { OTEL_EXPORTER_OTLP_ENDPOINT: url, ...share }),
  ];
  const loads = await Promise.all(servers.map((server) => startLoad(server.url)));
  await beside(loads, ["no traces", "all traces", "1 % of traces"]);
  for (const { stop } of [...loads, ...servers]) await stop();
  console.log(`The collector got ${Math.round(bytes / 1_048_576)} MiB.`);
  collector.close();
}

async function authCells(databaseUrl: string): Promise<void> {
  console.log("\nGraphQL over HTTP with a token, beside a server with AUTH=none");
  const engine = await openEngine(readConfig({ DATABASE_URL: databaseUrl, SECRET_KEY: BENCH_KEY }), {
    log: pino({ level: "silent" }),
  });
  const bench: Access = { actor: "bench", kind: "service", rights: EVERYTHING, requestId: "bench" };
  const { secret } = await engine.operations.tokens.create(bench, {
    name: "bench",
    scopes: ["manage"],
    projects: ["bench"],
  });
  await engine.close();
  const servers = [
    await startServer(await anotherDatabase(databaseUrl, "without_accounts"), { AUTH: "none" }),
    await startServer(databaseUrl, { AUTH: "accounts" }),
  ] as const;
  const names = ["AUTH=none", "a token"] as const;
  const timed = [
    { name: names[0], server: servers[0] },
    { name: names[1], server: servers[1], token: secret },
  ];
  await processorTime(timed, rounds);
  const loads = [await startLoad(servers[0].url), await startLoad(servers[1].url, secret)];
  await beside(loads, names);
  for (const { stop } of [...loads, ...servers]) await stop();
}

async function anotherDatabase(databaseUrl: string, name: string): Promise<string> {
  const url = new URL(databaseUrl);
  url.pathname = `/${name}`;
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  await migrate({ url: url.href, only: "all" });
  return url.href;
}

/** The cells of servers, each behind its load generator. */
function beside(loads: readonly Awaited<ReturnType<typeof startLoad>>[], names: readonly string[]): Promise<void> {
  return cells(
    loads.map((load, index) => ({
      name: names[index] as string,
      round: (clients: number, batch: number, length: number) => load.round({ clients, batch, seconds: length }),
    })),
  );
}

async function cells(subjects: readonly Subject[]): Promise<void> {
  for (const clients of numbers(values.clients)) {
    for (const batch of numbers(values.batches)) {
      const cell = { clients, batch, rounds, seconds };
      const plain = subjects.findIndex(({ name }) => name === "plain table");
      printCell(subjects, await interleaved(subjects, cell), cell, Math.max(0, plain));
    }
  }
}
