import pg from "pg";
import { BENCH_ACCESS, openBenchEngine } from "./engine.ts";
import { median, summary } from "./rounds.ts";

const TIMES_A_ROUND = 50;

/**
 * The time from a post's acknowledgement to the answer of a claim that waits for it, on an idle system. Printed in
 * microseconds and in round trips to the database.
 */
export async function latency(url: string, rounds: number): Promise<void> {
  const here = await openBenchEngine(url);
  const there = await openBenchEngine(url);
  await here.operations.queues.create(BENCH_ACCESS, { project: "latency", queue: "q" });
  const at = { project: "latency", queue: "q" };
  const client = new pg.Client({ connectionString: url });
  await client.connect();

  const roundTrip = async () => {
    const start = performance.now();
    await client.query({ name: "round_trip", text: "SELECT 1" });
    return performance.now() - start;
  };
  await client.query("CREATE TABLE bench_writes (n int)");
  /** The least that a claim must do: write a row that survives a crash. */
  const write = async () => {
    const start = performance.now();
    await client.query({ name: "write", text: "INSERT INTO bench_writes VALUES (1)" });
    return performance.now() - start;
  };
  const delivery = async (claimer: typeof here) => {
    const waiting = claimer.operations.claims.create(BENCH_ACCESS, { ...at, limit: 1, waitSeconds: 20 });
    const answered = waiting.then(() => performance.now());
    // By then its first look has found nothing, and it waits.
    await new Promise((resolve) => setTimeout(resolve, 20));
    await here.operations.messages.post(BENCH_ACCESS, { ...at, messages: [{ bodyText: "1" }] });
    const acknowledged = performance.now();
    const took = (await answered) - acknowledged;
    const { claim, messages } = await waiting;
    await claimer.operations.messages.delete(BENCH_ACCESS, { ...at, id: messages[0]?.id ?? "", claimId: claim?.id });
    return Math.max(took, 0);
  };
  /** A claim that finds its message at once: no delivery can be faster. */
  const claiming = async () => {
    await here.operations.messages.post(BENCH_ACCESS, { ...at, messages: [{ bodyText: "1" }] });
    const start = performance.now();
    const { claim, messages } = await here.operations.claims.create(BENCH_ACCESS, { ...at, limit: 1 });
    const took = performance.now() - start;
    await here.operations.messages.delete(BENCH_ACCESS, { ...at, id: messages[0]?.id ?? "", claimId: claim?.id });
    return took;
  };
  const rows = {
    "round trip": roundTrip,
    "with a commit": write,
    "claim alone": claiming,
    "same process": () => delivery(here),
    "other process": () => delivery(there),
  };
  const medians: Record<string, number[]> = Object.fromEntries(Object.keys(rows).map((name) => [name, []]));
  for (let round = -1; round < rounds; round += 1) {
    for (const [name, measure] of Object.entries(rows)) {
      const took: number[] = [];
      for (let time = 0; time < TIMES_A_ROUND; time += 1) took.push(await measure());
      if (round >= 0) medians[name]?.push(median(took));
    }
  }
  console.log("\nFrom a post's acknowledgement to a waiting claim's answer, idle system: microseconds, p50");
  const base = median(medians["with a commit"] ?? []);
  for (const [name, values] of Object.entries(medians)) {
    const trips = name === "round trip" ? "" : `${(median(values) / base).toFixed(1)} round trips with a commit`;
    console.log(`  ${name.padEnd(16)} ${summary(values.map((value) => value * 1000)).padEnd(24)} ${trips}`);
  }
  await client.end();
  await here.close();
  await there.close();
}
