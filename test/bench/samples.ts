import { setTimeout } from "node:timers/promises";
import pg from "pg";
import type { Engine } from "../../server/bootstrap.ts";
import { RESOLUTIONS } from "../../server/history/sample.ts";
import type { QueueOrder } from "../../server/storage/control-driver.ts";
import { payload } from "./contender.ts";
import { BENCH_ACCESS, openBenchEngine } from "./engine.ts";
import { createManyQueues } from "./many-queues.ts";
import { median, summary } from "./rounds.ts";

const QUEUES = 100_000;
const PROJECTS = 100;
/** Queues that are used in each minute; the busiest tenth of them every ten seconds. */
const ACTIVE = 10_000;
const BUSY = 1000;
const MINUTES = 12;
/** Of ten seconds, in a minute. */
const STEPS = 6;
/** What sampling writes, and what comes of samples. */
const TABLES = ["queue_samples", "sampled_groups", "sample_blocks", "queue_consumers", "problems"];
const CALLERS = 32;

/** How a queue is used: of each ten active ones, one each is not well, but for the busy ones of the fourth kind. */
const USES = ["stuck", "growing", "lapsing", "left", "well", "well", "well", "well", "well", "well"] as const;
type Use = (typeof USES)[number];
/** Consumers of the fourth kind leave after so many minutes. */
const LEAVE_AFTER = 7;

/**
 * Samples 100,000 queues of a PostgreSQL pool for twelve minutes of a moved clock. 10,000 of them are used, and 4,000 of
 * those have problems. Says what that writes and takes, what it would take up over all the time for which samples are
 * kept, which problems were found, and how long lists, histories and problems take then.
 */
export async function samples(url: string): Promise<void> {
  await createManyQueues(url, QUEUES, {
    project: `'samples-' || n % ${PROJECTS}`,
    name: "'q' || lpad(n::text, 6, '0')",
  });
  const clock = { offsetMs: 0 };
  const now = () => Date.now() + clock.offsetMs;
  const engine = await openBenchEngine(url, clock);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { queueSampling, problemRounds, consumers } = engine.operations;
  const { signal } = new AbortController();
  const queues = Array.from({ length: QUEUES }, (_, number) => ({
    project: `samples-${number % PROJECTS}`,
    queue: `q${String(number).padStart(6, "0")}`,
  }));
  // Spread over all projects.
  const active = Array.from({ length: ACTIVE }, (_, number) => ({
    queue: queues[(number * 7919) % QUEUES] as Queue,
    use: USES[number % USES.length] as Use,
  }));

  const took = { first: [] as number[], tens: [] as number[], minutes: [] as number[], problems: [] as number[] };
  const cpu = { user: 0, system: 0 };
  const timed = async (work: () => Promise<void>, times: number[]) => {
    const [started, before] = [performance.now(), process.cpuUsage()];
    await work();
    const { user, system } = process.cpuUsage(before);
    cpu.user += user;
    cpu.system += system;
    times.push(performance.now() - started);
  };
  /** To just after the next multiple of so many seconds, as the schedule does. Returns that multiple. */
  const moveOn = (seconds: number) => {
    const end = (Math.floor(now() / 1000 / seconds) + 1) * seconds;
    clock.offsetMs += end * 1000 + 500 - now();
    return end;
  };
  const takeRound = async (times: number[]) => {
    // What the pool has counted is in the database a second later.
    await setTimeout(1100);
    await timed(async () => {
      await consumers.flush();
      await queueSampling.sample(signal);
    }, times);
  };

  // The first rounds read all queues. They are not measured, and belong to ten minutes of their own.
  for (let number = 0; number < 2; number += 1) {
    moveOn(60);
    await takeRound(took.first);
  }
  moveOn(600);
  await takeRound([]);
  const since = new Date(now());
  const before = await written(client);
  cpu.user = 0;
  cpu.system = 0;
  const began = now();
  const passed = () => (now() - began) / 1000;
  for (let step = 0; passed() < MINUTES * 60; step += 1) {
    // The busy ones, and a part of the others: all of them have had their turn after a minute.
    const some = active.filter((_, number) => number < BUSY || number % STEPS === step % STEPS);
    await callers(some, (used) => useQueue(engine, used, passed() / 60));
    await takeRound(moveOn(10) % 60 === 0 ? took.minutes : took.tens);
    if (step % 3 === 2) await timed(() => problemRounds.find(signal), took.problems);
  }
  const seconds = passed();
  const rows = (await written(client)) - before;
  console.log(
    `\nSamples of ${QUEUES.toLocaleString("en")} queues, ${ACTIVE.toLocaleString("en")} of them used, one pool`,
  );
  console.log(
    `  rounds in ms: first ${summary(took.first)}, ten seconds ${summary(took.tens)}, minute ${summary(took.minutes)},` +
      ` problems ${summary(took.problems)}`,
  );
  console.log(`  rows written a second: ${(rows / seconds).toFixed(0)}`);
  console.log(`  this process: ${((cpu.user + cpu.system) / 1000 / seconds).toFixed(1)} ms of CPU a second`);
  await printSizes(client, since);
  await printProblems(engine);
  await printReads(engine, queues);
  await client.end();
  await engine.close();
}

interface Queue {
  project: string;
  queue: string;
}

interface Used {
  queue: Queue;
  use: Use;
}

/** Two messages come, more where it grows, and those that are taken are claimed and deleted, but where claims lapse. */
async function useQueue({ operations }: Engine, { queue, use }: Used, minute: number): Promise<void> {
  const { messages, claims } = operations;
  const count = use === "growing" ? 4 : 2;
  await messages.post(BENCH_ACCESS, {
    ...{ ...queue, clientId: "producer" },
    messages: Array.from({ length: count }, () => ({ bodyText: JSON.stringify(payload()), ttlSeconds: 86_400 })),
  });
  if (use === "stuck" || (use === "left" && minute >= LEAVE_AFTER)) return;
  const limit = use === "growing" ? 1 : 2;
  const { claim, messages: taken } = await claims.create(BENCH_ACCESS, {
    ...{ ...queue, limit, clientId: "worker", ttlSeconds: 60, graceSeconds: 60 },
  });
  if (claim === null || use === "lapsing") return;
  const ids = taken.map(({ id }) => id);
  await messages.bulkDelete(BENCH_ACCESS, { ...queue, ids, claimIds: [claim.id] });
}

/** Works through the list with many callers at a time. */
async function callers<T>(list: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const left = list.values();
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      for (const one of left) await work(one);
    }),
  );
}

async function printProblems({ operations }: Engine): Promise<void> {
  const groups = await operations.problems.summary(BENCH_ACCESS, {});
  console.log(`  problems: ${groups.map(({ kind, count }) => `${count} ${kind}`).join(", ")}`);
}

async function written(client: pg.Client): Promise<number> {
  // Each connection tells of its rows after at most a second.
  await setTimeout(1500);
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
    [TABLES.filter((table) => table !== "sample_blocks")],
  );
  sum += last[0]?.bytes ?? 0;
  console.log(
    `  last samples, consumers, problems: ${((last[0]?.bytes ?? 0) / 1e6).toFixed(0)} MB; together ${(sum / 1e9).toFixed(2)} GB`,
  );
}

async function printReads({ operations }: Engine, queues: readonly Queue[]): Promise<void> {
  const { samples, queues: lists, problems } = operations;
  const list =
    (orderBy: QueueOrder, filter: object = {}) =>
    async () => {
      const { items } = await lists.list(BENCH_ACCESS, { allProjects: true, orderBy, filter, page: { limit: 100 } });
      if (items.length === 0) throw new Error("The page is empty.");
    };
  const some = queues.slice(0, 20);
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
    ["problems, counted by kind", () => problems.summary(BENCH_ACCESS, {})],
    ["problems, the first 100", () => problems.list(BENCH_ACCESS, { page: { limit: 100 } })],
    ["problems of 20 queues", () => problems.ofQueues(BENCH_ACCESS, { queues: some })],
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
