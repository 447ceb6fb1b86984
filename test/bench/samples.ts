import pg from "pg";
import { pino } from "pino";
import { openEngine } from "../../server/bootstrap.ts";
import { readConfig } from "../../server/config.ts";
import { RESOLUTIONS } from "../../server/history/sample.ts";
import type { QueueOrder } from "../../server/storage/control-driver.ts";
import { FakePool, samplingOf } from "../history/fake-pools.ts";
import { BENCH_ACCESS } from "./engine.ts";
import { median, summary } from "./rounds.ts";

const QUEUES = 100_000;
const PROJECTS = 100;
/** Queues that are used in each minute; the busiest tenth of them every ten seconds. */
const ACTIVE = 10_000;
const BUSY = 1000;
const MINUTES = 12;
const TABLES = ["queue_samples", "sampled_groups", "sample_blocks"];

/**
 * Samples 100,000 queues, of which 10,000 are used, for twelve minutes of a moved clock. Says what that writes, what it
 * would take up over all the time for which samples are kept, and how long lists and histories take then.
 */
export async function samples(url: string): Promise<void> {
  const clock = { offsetMs: 0 };
  const now = () => Date.now() + clock.offsetMs;
  const config = readConfig({ DATABASE_URL: url, SECRET_KEY: "a secret key for the bench only" });
  const engine = await openEngine(config, { log: pino({ level: "warn" }), clock });
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await createQueues(client);
  const pool = new FakePool(now);
  const round = samplingOf(engine, new Map([["default", pool]]), []);
  const queues = Array.from({ length: QUEUES }, (_, number) => ({
    project: `samples-${number % PROJECTS}`,
    name: `q${String(number).padStart(6, "0")}`,
  }));
  for (const queue of queues) pool.use(queue, { posted: Math.floor(Math.random() * 5000) });
  const use = (from: number, count: number) => {
    for (let number = from; number < from + count; number += 1) {
      const posted = Math.floor(Math.random() * 1000);
      const queue = queues[(number * 7919) % QUEUES];
      if (queue !== undefined) pool.use(queue, { posted, deleted: Math.floor(posted * Math.random()) });
    }
  };

  const took = { first: [] as number[], tens: [] as number[], minutes: [] as number[] };
  const takeRound = async (seconds: number, times: number[]) => {
    clock.offsetMs += seconds * 1000 - (now() % (seconds * 1000)) + 500;
    const started = performance.now();
    await round();
    times.push(performance.now() - started);
  };
  // The first rounds read all queues. They are not measured, and belong to ten minutes of their own.
  for (let number = 0; number < 2; number += 1) await takeRound(60, took.first);
  await takeRound(600, []);
  const since = new Date(now());
  const before = { written: await written(client), cpu: process.cpuUsage() };
  for (let minute = 0; minute < MINUTES; minute += 1) {
    use(0, ACTIVE);
    for (let ten = 1; ten <= 5; ten += 1) {
      await takeRound(10, took.tens);
      use(0, BUSY);
    }
    await takeRound(60, took.minutes);
  }
  const after = { written: await written(client), cpu: process.cpuUsage(before.cpu) };
  const seconds = MINUTES * 60;
  const inMs = (times: number[]) => summary(times);
  console.log(
    `\nSamples of ${QUEUES.toLocaleString("en")} queues, ${ACTIVE.toLocaleString("en")} of them used, one pool`,
  );
  console.log(
    `  rounds in ms: first ${inMs(took.first)}, ten seconds ${inMs(took.tens)}, minute ${inMs(took.minutes)}`,
  );
  console.log(`  rows written a second: ${((after.written - before.written) / seconds).toFixed(0)}`);
  console.log(
    `  this process: ${((after.cpu.user + after.cpu.system) / 1000 / seconds).toFixed(1)} ms of CPU a second`,
  );
  await printSizes(client, since);
  await printReads(engine, queues);
  await client.end();
  await engine.close();
}

async function createQueues(client: pg.Client): Promise<void> {
  // Row by row the triggers would take longer than the measurement.
  await client.query("ALTER TABLE queues DISABLE TRIGGER USER");
  await client.query(
    `INSERT INTO queues (project, name)
     SELECT 'samples-' || n % $2, 'q' || lpad(n::text, 6, '0') FROM generate_series(0, $1::int - 1) n`,
    [QUEUES, PROJECTS],
  );
  await client.query(
    `INSERT INTO catalogue_entries (project, queue, pool, epoch)
     SELECT project, name, 'default', nextval('catalogue_epoch') FROM queues WHERE project LIKE 'samples-%'`,
  );
  await client.query("ALTER TABLE queues ENABLE TRIGGER USER");
  await client.query("SELECT rebuild_queue_facets()");
  await client.query(
    "INSERT INTO queue_samples (project, name) SELECT project, name FROM queues ON CONFLICT DO NOTHING",
  );
  await client.query("VACUUM ANALYZE");
}

async function written(client: pg.Client): Promise<number> {
  // Each connection tells of its rows after at most a second.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const { rows } = await client.query<{ rows: number }>(
    `SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::float8 AS rows FROM pg_stat_user_tables WHERE relname = ANY($1)`,
    [TABLES],
  );
  return rows[0]?.rows ?? 0;
}

async function printSizes(client: pg.Client, since: Date): Promise<void> {
  const { rows } = await client.query<{ resolution: number; rows: number; bytes: number; rounds: number }>(
    `SELECT resolution::int, count(*)::int AS rows, count(DISTINCT until)::int AS rounds,
       sum(pg_column_size(b.*) + 4 + 40)::float8 AS bytes
     FROM sample_blocks b WHERE until > $1
     GROUP BY resolution ORDER BY resolution`,
    [since],
  );
  let sum = 0;
  for (const { seconds, keptSeconds } of RESOLUTIONS) {
    // An hour has at most as much as ten minutes.
    const found = rows.findLast(({ resolution }) => resolution <= seconds);
    if (found === undefined) continue;
    const bytes = (found.bytes / found.rounds) * (keptSeconds / seconds);
    sum += bytes;
    console.log(
      `  every ${seconds} s, kept for ${keptSeconds} s: ${(found.bytes / found.rounds / 1000).toFixed(0)} kB a round, ${(bytes / 1e6).toFixed(0)} MB in all`,
    );
  }
  const { rows: last } = await client.query<{ bytes: number }>(
    "SELECT sum(pg_total_relation_size(t::regclass))::float8 AS bytes FROM unnest($1::text[]) t",
    [TABLES.slice(0, 2)],
  );
  sum += last[0]?.bytes ?? 0;
  console.log(`  last samples: ${((last[0]?.bytes ?? 0) / 1e6).toFixed(0)} MB; together ${(sum / 1e9).toFixed(2)} GB`);
}

async function printReads(
  { operations }: Awaited<ReturnType<typeof openEngine>>,
  queues: readonly { project: string; name: string }[],
): Promise<void> {
  const { samples, queues: lists } = operations;
  const list =
    (orderBy: QueueOrder, filter: object = {}) =>
    async () => {
      const { items } = await lists.list(BENCH_ACCESS, { allProjects: true, orderBy, filter, page: { limit: 100 } });
      if (items.length === 0) throw new Error("The page is empty.");
    };
  const some = queues.slice(0, 20).map(({ project, name }) => ({ project, queue: name }));
  const calls: [string, () => Promise<unknown>][] = [
    ["by depth", list({ field: "depth", direction: "desc" })],
    ["by rate", list({ field: "rate", direction: "desc" })],
    ["by oldest ready", list({ field: "oldestReady", direction: "asc" })],
    ["by name, ready", list({ field: "name", direction: "asc" }, { hasReady: true })],
    [
      "by creation, in a pool, ready",
      list({ field: "createdAt", direction: "asc" }, { hasReady: true, pool: "default" }),
    ],
    [
      "none that is claimed",
      async () => lists.count(BENCH_ACCESS, { allProjects: true, filter: { hasClaimed: true } }),
    ],
    ["last of 20", () => samples.last(BENCH_ACCESS, { queues: some })],
    ["hour of 20", () => samples.history(BENCH_ACCESS, { queues: some, resolutionSeconds: 60 })],
    [
      "hour of 1, by ten seconds",
      () => samples.history(BENCH_ACCESS, { queues: some.slice(0, 1), resolutionSeconds: 10 }),
    ],
  ];
  for (const [name, call] of calls) {
    const times: number[] = [];
    for (let time = 0; time < 20; time += 1) {
      const started = performance.now();
      await call();
      times.push(performance.now() - started);
    }
    console.log(`  ${name.padEnd(30)} ${median(times).toFixed(1)} ms`);
  }
}
