/**
 * `npm run bench`: messages a second against peers on the same database, in interleaved rounds. Prints medians, spread and
 * ratios, and fails when a message came twice or never. Options (all after `--`):
 *   --cells driver,http   what to measure: driver, http, backlog, queues, latency, snapshot, memory
 *   --rounds 5            rounds of each
 *   --clients 1,8,64      callers at a time              --seconds 0.7   of posting in a round
 *   --batches 1,10        messages a call                --peers plain,pg-boss,graphile
 *   --minutes 10          of the cell "memory"
 *   --url URL             drives a server that is already running, over GraphQL, with nothing beside it
 */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { migrate } from "../../prisma/migrate.ts";
import { startEmbeddedPostgres } from "../../server/embedded-postgres.ts";
import { backlog } from "./backlog.ts";
import type { Contender } from "./contender.ts";
import { graphileWorker } from "./graphile-worker.ts";
import { startLoad, startServer } from "./graphql-server.ts";
import { isimudDriver } from "./isimud-driver.ts";
import { latency } from "./latency.ts";
import { memory } from "./memory.ts";
import { pgBoss } from "./pg-boss.ts";
import { plainTable } from "./plain-table.ts";
import { queueLists } from "./queue-lists.ts";
import { median, oneRound, type Rates, summary } from "./rounds.ts";
import { snapshot } from "./snapshot.ts";

const { values } = parseArgs({
  options: {
    cells: { type: "string", default: "driver,http" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "0.7" },
    clients: { type: "string", default: "1,8,64" },
    batches: { type: "string", default: "1,10" },
    peers: { type: "string", default: "plain,pg-boss,graphile" },
    minutes: { type: "string", default: "10" },
    url: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const numbers = (text: string) => text.split(",").map(Number);

/** Of the round before the first, which does not count: a program that has just started runs what its compiler has not seen yet. */
const WARM_UP_SECONDS = 2;

/** What is measured against others: a name, and one round of it. */
interface Lane {
  name: string;
  round(clients: number, batch: number, seconds: number): Promise<Rates>;
}

const laneOf = (contender: Contender): Lane => ({
  name: contender.name,
  round: (clients, batch, length) => oneRound(contender, clients, batch, length),
});

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
    if (values.cells.includes("backlog")) await backlog(postgres.url, rounds);
    if (values.cells.includes("queues")) await queueLists(postgres.url, rounds);
    if (values.cells.includes("latency")) await latency(postgres.url, rounds);
    if (values.cells.includes("snapshot")) await snapshot(postgres.url);
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
  await cells(contenders.map(laneOf));
  for (const contender of contenders) await contender.close();
}

async function httpCells(databaseUrl: string): Promise<void> {
  console.log("\nGraphQL over HTTP with a load generator of its own, beside the plain table called directly");
  const server = await startServer(databaseUrl);
  const load = await startLoad(server.url);
  const plain = await plainTable(databaseUrl);
  const http = (clients: number, batch: number, length: number) => load.round({ clients, batch, seconds: length });
  await cells([{ name: "isimud graphql", round: http }, laneOf(plain)]);
  await plain.close();
  await load.stop();
  await server.stop();
}

async function cells(lanes: readonly Lane[]): Promise<void> {
  for (const clients of numbers(values.clients)) {
    for (const batch of numbers(values.batches)) await cell(lanes, clients, batch);
  }
}

async function cell(lanes: readonly Lane[], clients: number, batch: number): Promise<void> {
  const rates = new Map<Lane, Rates[]>(lanes.map((lane) => [lane, []]));
  for (let round = -1; round < rounds; round += 1) {
    // Each is first in turn, so that none always meets the noise of its neighbour.
    for (let place = 0; place < lanes.length; place += 1) {
      const lane = lanes[(place + round + 1) % lanes.length] as Lane;
      const measured = await lane.round(clients, batch, round < 0 ? WARM_UP_SECONDS : seconds);
      if (round >= 0) rates.get(lane)?.push(measured);
    }
  }
  console.log(
    `\n${clients} client${clients === 1 ? "" : "s"}, ${batch === 1 ? "one by one" : `in batches of ${batch}`}`,
  );
  const plain = lanes.find((lane) => lane.name === "plain table") ?? (lanes[0] as Lane);
  const of = (lane: Lane, kind: keyof Rates) => (rates.get(lane) ?? []).map((rate) => rate[kind]);
  for (const lane of lanes) {
    const text = (kind: keyof Rates) =>
      `${summary(of(lane, kind))}, x${(median(of(lane, kind)) / median(of(plain, kind))).toFixed(2)}`;
    console.log(`  ${lane.name.padEnd(16)} post ${text("post").padEnd(32)} claim + delete ${text("take")}`);
  }
}
