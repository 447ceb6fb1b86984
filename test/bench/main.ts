/**
 * `npm run bench [-- --cells driver,http --rounds 5 --seconds 0.7 --clients 1,8,64 --batches 1,10]`: messages a second against
 * peers on the same database, in interleaved rounds. Prints medians, spread and ratios; fails when a message came twice or never.
 */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { migrate } from "../../prisma/migrate.ts";
import { startEmbeddedPostgres } from "../../server/embedded-postgres.ts";
import type { Contender } from "./contender.ts";
import { graphileWorker } from "./graphile-worker.ts";
import { isimudDriver } from "./isimud-driver.ts";
import { pgBoss } from "./pg-boss.ts";
import { plainTable } from "./plain-table.ts";
import { median, oneRound, type Rates, summary } from "./rounds.ts";

const { values } = parseArgs({
  options: {
    cells: { type: "string", default: "driver" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "0.7" },
    clients: { type: "string", default: "1,8,64" },
    batches: { type: "string", default: "1,10" },
    peers: { type: "string", default: "plain,pg-boss,graphile" },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const numbers = (text: string) => text.split(",").map(Number);

const dataDir = mkdtempSync(join(tmpdir(), "isimud-bench-"));
chmodSync(dataDir, 0o755);
const postgres = await startEmbeddedPostgres({ dataDir, settings: { max_connections: "200" } });
try {
  await migrate({ url: postgres.url, only: "all" });
  const contenders: Contender[] = [await isimudDriver(postgres.url)];
  if (values.peers.includes("plain")) contenders.push(await plainTable(postgres.url));
  if (values.peers.includes("pg-boss")) contenders.push(await pgBoss(postgres.url));
  if (values.peers.includes("graphile")) contenders.push(await graphileWorker(postgres.url));
  console.log(`${rounds} interleaved rounds of ${seconds} s of posting; messages a second: median (lowest-highest).`);
  for (const clients of numbers(values.clients)) {
    for (const batch of numbers(values.batches)) await cell(contenders, clients, batch);
  }
  for (const contender of contenders) await contender.close();
} finally {
  await postgres.stop();
  rmSync(dataDir, { recursive: true, force: true });
}

async function cell(contenders: readonly Contender[], clients: number, batch: number): Promise<void> {
  const rates = new Map<Contender, Rates[]>(contenders.map((contender) => [contender, []]));
  for (let round = -1; round < rounds; round += 1) {
    // Each contender is first in turn, so that none always meets the noise of its neighbour. Round -1 warms up.
    const order = contenders.map((_, index) => contenders[(index + round + 1) % contenders.length] as Contender);
    for (const contender of order) {
      const measured = await oneRound(contender, clients, batch, round < 0 ? 0.2 : seconds);
      if (round >= 0) rates.get(contender)?.push(measured);
    }
  }
  console.log(
    `\n${clients} client${clients === 1 ? "" : "s"}, ${batch === 1 ? "one by one" : `in batches of ${batch}`}`,
  );
  const plain = contenders.find((contender) => contender.name === "plain table") ?? (contenders[0] as Contender);
  for (const contender of contenders) {
    const own = rates.get(contender) ?? [];
    const base = rates.get(plain) ?? [];
    const of = (kind: keyof Rates) =>
      `${summary(own.map((rate) => rate[kind]))}, x${(median(own.map((rate) => rate[kind])) / median(base.map((rate) => rate[kind]))).toFixed(2)}`;
    console.log(`  ${contender.name.padEnd(16)} post ${of("post").padEnd(32)} claim + delete ${of("take")}`);
  }
}
