/** What routing costs, and what more pools and other stores give, through the pooling driver of one process. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedPostgres } from "../../server/embedded-postgres/server.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { PoolKeys } from "../../server/storage/redis/keys.ts";
import { slotOf } from "../../server/storage/redis/server/cluster.ts";
import { openPooled, type Pooled } from "../support/pooled.ts";
import { NO_REDIS, REDIS_PROGRAM, startRedis, startRedisCluster } from "../support/redis.ts";
import { type Cell, interleaved, printCell, type Subject, subjectOf } from "./interleaved.ts";
import { driverContender } from "./isimud-driver.ts";
import { median, type Rates, summary } from "./rounds.ts";

const CONNECTIONS = 16;
const LOADS = [
  { clients: 64, batch: 1 },
  { clients: 64, batch: 10 },
  { clients: 8, batch: 10 },
];
/** Divisible by one, two and three, so that each server gets as many. */
const QUEUES = 18;
const MASTERS = 3;
const SLOTS = 16_384;

/** `url` is the control database; `routing` and `others` are numbers of rounds. 0 `others` measures routing only. */
export async function pools(url: string, params: { routing: number; others: number; seconds: number }): Promise<void> {
  const stops: (() => Promise<void>)[] = [];
  const pooled = await openPooled({ url, connections: CONNECTIONS });
  try {
    const aDatabase = async (name: string) => {
      const database = await startDatabase();
      stops.push(database.stop);
      await pooled.control.pools.create({ name, uri: database.url, weight: 1 });
    };
    await aDatabase("first");
    await routing(pooled, { rounds: params.routing, seconds: params.seconds });
    if (params.others === 0) return;

    for (const name of ["second", "third"]) await aDatabase(name);
    const subjects = [
      await subject(pooled, "1 PostgreSQL", ["first"]),
      await subject(pooled, "2 PostgreSQL", ["first", "second"]),
      await subject(pooled, "3 PostgreSQL", ["first", "second", "third"]),
    ];
    if (REDIS_PROGRAM === undefined) console.log(`\nWithout pools on Redis. ${NO_REDIS}`);
    else {
      const single = await startRedis();
      stops.push(single.stop);
      const durable = await startRedis(["--appendonly", "yes", "--appendfsync", "always"]);
      stops.push(durable.stop);
      const cluster = await startRedisCluster(MASTERS);
      stops.push(cluster.stop);
      for (const [name, uri, title] of [
        ["redis", single.url, "Redis"],
        ["durable", durable.url, "Redis, fsync always"],
        ["cluster", cluster.url, `Redis Cluster of ${MASTERS}`],
      ] as const) {
        await pooled.control.pools.create({ name, uri, weight: 1 });
        subjects.push(await subject(pooled, title, [name]));
      }
    }
    console.log(`\nPools, each with servers of its own on this machine; ${QUEUES} queues spread evenly over them`);
    for (const load of LOADS) {
      const cell = { ...load, rounds: params.others, seconds: params.seconds };
      printCell(subjects, await interleaved(subjects, cell), cell);
    }
  } finally {
    await pooled.close();
    for (const stop of stops) await stop();
  }
}

/** Compares the pooling driver with the driver of its one pool, called directly. */
async function routing(pooled: Pooled, params: { rounds: number; seconds: number }): Promise<void> {
  console.log("\nThrough the pooling driver to one PostgreSQL pool, beside the same driver called directly");
  const { project, name, epoch } = await aQueue(pooled, "routed", "first");
  const direct = driverContender("called directly", await pooled.data.pool("first"), [{ project, name, epoch }]);
  const routed = driverContender("routed", pooled.data, [{ project, name }]);
  const subjects = [direct, routed].map(subjectOf);
  for (const load of LOADS) {
    const cell: Cell = { ...load, ...params };
    const rates = await interleaved(subjects, cell);
    printCell(subjects, rates, cell);
    for (const [index, { name: title }] of subjects.entries()) {
      const of = (kind: keyof Rates) =>
        summary(
          (rates[index] ?? []).map((rate) => rate[kind]),
          1,
        );
      console.log(`  ${title.padEnd(16)} CPU µs a message: post ${of("postCpu")}, claim + delete ${of("takeCpu")}`);
    }
    // A ratio per round, because the machine's speed changes between rounds.
    const cost = (kind: keyof Rates) => {
      const ratios = (rates[0] ?? []).map((rate, round) => (rates[1]?.[round]?.[kind] ?? Number.NaN) / rate[kind]);
      const more = (median(ratios) - 1) * 100;
      return `${more < 0 ? "" : "+"}${more.toFixed(1)} %`;
    };
    console.log(
      `  routing changes messages a second by ${cost("post")} (post) and ${cost("take")} (claim + delete),` +
        ` CPU by ${cost("postCpu")} and ${cost("takeCpu")}`,
    );
  }
}

/** A subject with queues of its own, spread evenly over these pools and over the masters of a cluster. */
async function subject(pooled: Pooled, title: string, names: readonly string[]): Promise<Subject> {
  const queues: QueueRef[] = [];
  const keys = new PoolKeys("isimud");
  for (let number = 0; queues.length < QUEUES; number += 1) {
    const queue = { project: "bench", name: `${title} ${number}` };
    const slot = slotOf(keys.queue(queue)[0] as string);
    if (Math.floor((slot * MASTERS) / SLOTS) !== queues.length % MASTERS) continue;
    // Three queues in a row cover the masters. They go to one pool, the next three to the next.
    await aQueue(pooled, queue.name, names[Math.floor(queues.length / MASTERS) % names.length] as string);
    queues.push(queue);
  }
  return subjectOf(driverContender(title, pooled.data, queues));
}

async function aQueue(pooled: Pooled, name: string, pool: string): Promise<QueueRef & { epoch: number }> {
  const queue = { project: "bench", name };
  await pooled.control.queues.create(queue);
  const { epoch } = await pooled.control.catalogue.insert(queue, pool);
  await pooled.data.attachQueue({ ...queue, epoch });
  return { ...queue, epoch };
}

async function startDatabase(): Promise<{ url: string; stop(): Promise<void> }> {
  const dataDir = mkdtempSync(join(tmpdir(), "isimud-bench-pool-"));
  chmodSync(dataDir, 0o755);
  const { url, stop } = await startEmbeddedPostgres({ dataDir });
  return {
    url,
    async stop() {
      await stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
