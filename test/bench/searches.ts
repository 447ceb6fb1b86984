/** Searches of long queues: how long a part takes, and what searches cost a load on the same storage. */
import type { DataDriver } from "../../server/storage/data-driver.ts";
import type { MessageFilter } from "../../server/storage/messages/message-select.ts";
import { openPostgresDataDriver } from "../../server/storage/postgres/data-driver.ts";
import { openRedisDataDriver } from "../../server/storage/redis/data-driver.ts";
import { NO_REDIS, REDIS_PROGRAM, startRedis } from "../support/redis.ts";
import { payload } from "./contender.ts";
import { driverContender } from "./isimud-driver.ts";
import { median } from "./rounds.ts";

const ROUNDS = 5;
const ROUND_MS = 2000;
const CLIENTS = 8;
/** As many as a process runs at a time. */
const SEARCHES = 2;
/** What the API gives a search. */
const BUDGET = { messages: 20_000, bytes: 64 * 1_048_576, milliseconds: 1000 };
const LONG = { project: "bench", name: "long", epoch: 1 };
const BUSY = { project: "bench", name: "busy", epoch: 1 };

export async function searches(url: string): Promise<void> {
  const postgres = await openPostgresDataDriver({ uri: url, connections: 16 });
  await ofDriver("PostgreSQL", postgres, 1_000_000);
  await postgres.close();
  if (REDIS_PROGRAM === undefined) {
    console.log(`\nWithout Redis. ${NO_REDIS}`);
    return;
  }
  const server = await startRedis();
  const redis = await openRedisDataDriver({ uri: server.url });
  await ofDriver("Redis", redis, 100_000);
  await redis.close();
  await server.stop();
}

async function ofDriver(name: string, driver: DataDriver, count: number): Promise<void> {
  for (const queue of [LONG, BUSY]) await driver.attachQueue(queue);
  for (let posted = 0; posted < count; posted += 1000) {
    const messages = Array.from({ length: 1000 }, (_, index) => ({
      bodyText: JSON.stringify({ ...payload(), order: posted + index }),
      ttlSeconds: 86_400,
      delaySeconds: 0,
    }));
    await driver.messages.post({ queue: LONG, messages, clientId: null });
  }
  console.log(`\nA queue of ${count.toLocaleString("en")} messages on ${name}, searched to its end`);
  const now = Date.now();
  await whole(driver, "a text that no body has", { bodyContains: "no body has this" });
  await whole(driver, "claimed messages, of which there are none", { states: ["claimed"] });
  await whole(driver, "20 at a time in the middle", { postedBefore: new Date(now - (now % 1000) - 1000) }, 20);
  await underLoad(driver);
}

/** With a limit, only the first call. */
async function whole(driver: DataDriver, what: string, filter: MessageFilter, limit = 0): Promise<void> {
  const times: number[] = [];
  let [examined, after]: [number, string | undefined] = [0, undefined];
  for (;;) {
    const began = performance.now();
    const budget = limit === 0 ? BUDGET : { ...BUDGET, messages: limit };
    const found = await driver.messages.select({
      queue: LONG,
      filter,
      order: "newestFirst",
      after,
      limit: 50,
      budget,
    });
    times.push(performance.now() - began);
    examined += found.examined;
    after = found.position;
    if (found.done || limit > 0) break;
  }
  const sum = times.reduce((all, time) => all + time, 0);
  const parts = `${times.length} parts of ${median(times).toFixed(0)} ms, the longest ${Math.max(...times).toFixed(0)} ms`;
  console.log(`${what}: ${examined.toLocaleString("en")} messages in ${sum.toFixed(0)} ms, ${parts}`);
}

/** Posts, claims and deletes one by one, with and without searches beside it, in interleaved rounds. */
async function underLoad(driver: DataDriver): Promise<void> {
  const results = { alone: [] as number[], searched: [] as number[] };
  const waits = { alone: [] as number[], searched: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const kind of ["alone", "searched"] as const) {
      let running = true;
      const search = async () => {
        for (let after: string | undefined; running; ) {
          const filter = { bodyContains: "no body has this" };
          const asked = { queue: LONG, filter, order: "newestFirst", after, limit: 50, budget: BUDGET } as const;
          const found = await driver.messages.select(asked);
          after = found.done ? undefined : found.position;
        }
      };
      const searching = kind === "searched" ? Array.from({ length: SEARCHES }, search) : [];
      const load = driverContender("busy", driver, [BUSY]);
      const end = performance.now() + ROUND_MS;
      let done = 0;
      await Promise.all(
        Array.from({ length: CLIENTS }, async () => {
          while (performance.now() < end) {
            const began = performance.now();
            await load.post(1);
            waits[kind].push(performance.now() - began);
            await load.take(1);
            done += 1;
          }
        }),
      );
      running = false;
      await Promise.all(searching);
      results[kind].push((done * 1000) / ROUND_MS);
    }
  }
  for (const kind of ["alone", "searched"] as const) {
    const sorted = waits[kind].sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor(sorted.length * share)]?.toFixed(1);
    console.log(
      `${kind}: ${median(results[kind]).toFixed(0)} messages posted, claimed and deleted a second; a post took ${at(0.5)} ms, p99 ${at(0.99)} ms, at most ${sorted.at(-1)?.toFixed(0)} ms`,
    );
  }
}
