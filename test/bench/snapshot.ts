import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { isimudDriver } from "./isimud-driver.ts";
import { median } from "./rounds.ts";

const CLIENTS = 64;
const BATCH = 10;
const MINUTE_MS = 60_000;
const PROBE_MS = 5000;
const LOAD = 0.7;

/** Full speed before others hold an old snapshot, after a minute of 70 % load with it, and 10 s after it ended. */
export async function snapshot(url: string): Promise<void> {
  console.log(`\nPost, claim and delete with ${CLIENTS} clients in batches of ${BATCH}, while others hold a snapshot`);
  console.log("Messages a second at full speed");
  for (const readers of [1, 4]) {
    const contender = await isimudDriver(url);
    await fullSpeed(contender, PROBE_MS / 5);
    const before = await fullSpeed(contender, PROBE_MS);
    const holders = await Promise.all(Array.from({ length: readers }, () => hold(url)));
    await work(contender, MINUTE_MS - PROBE_MS, before * LOAD);
    const held = await fullSpeed(contender, PROBE_MS);
    for (const holder of holders) await holder.end();
    await sleep(10_000 - PROBE_MS);
    const after = await fullSpeed(contender, PROBE_MS);
    const percent = (rate: number) =>
      `${Math.round(rate).toLocaleString("en")} (${Math.round((rate / before) * 100)} %)`;
    console.log(
      `  ${readers} held: before ${Math.round(before).toLocaleString("en")}, after a minute of it ${percent(held)},` +
        ` 10 s after it ended ${percent(after)}`,
    );
    await contender.close();
  }
}

type Worker = Awaited<ReturnType<typeof isimudDriver>>;

/** Messages a second: the median of one-second runs, so that one slow second does not count. */
async function fullSpeed(contender: Worker, milliseconds: number): Promise<number> {
  const seconds: number[] = [];
  for (let left = milliseconds; left > 0; left -= 1000)
    seconds.push(await work(contender, 1000, Number.POSITIVE_INFINITY));
  return median(seconds);
}

/** Each client posts a batch and takes one, at most `rate` messages a second in total. Returns the rate reached. */
async function work(contender: Worker, milliseconds: number, rate: number): Promise<number> {
  const start = performance.now();
  let done = 0;
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (performance.now() - start < milliseconds) {
        await contender.post(BATCH);
        // `done += (await …).length` would read `done` before the wait.
        const taken = await contender.take(BATCH);
        done += taken.length;
        const ahead = (done / rate) * 1000 - (performance.now() - start);
        if (ahead > 0) await sleep(ahead);
      }
    }),
  );
  return done / ((performance.now() - start) / 1000);
}

async function hold(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
  await client.query("SELECT count(*) FROM messages");
  return client;
}
