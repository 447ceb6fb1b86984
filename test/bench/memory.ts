import { Pool } from "undici";
import { startLoad, startServer } from "./graphql-server.ts";
import { median } from "./rounds.ts";

const CLIENTS = 64;
const LONG_POLLS = 1000;
const STREAMS = 200;
const ROUND_SECONDS = 2;
const MEGABYTE = 1024 * 1024;

/**
 * The resident memory of the server's process, idle and under load: 64 clients post, claim and delete, while 1,000
 * claims wait and 200 streams are open.
 */
export async function memory(databaseUrl: string, minutes: number): Promise<void> {
  const server = await startServer(databaseUrl);
  const load = await startLoad(server.url);
  const resident = async () => {
    const text = await (await fetch(`${server.url}/api/metrics`)).text();
    return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]) / MEGABYTE;
  };
  // After one round, so that all code has run once and is compiled.
  await load.round({ clients: CLIENTS, batch: 10, seconds: ROUND_SECONDS });
  const idle = await resident();
  const pool = new Pool(server.url, { connections: LONG_POLLS + STREAMS, bodyTimeout: 0, headersTimeout: 0 });
  const stop = new AbortController();
  await post(pool, 'mutation { createQueue(input: { project: "bench", queue: "quiet" }) { created } }');
  const beside = [
    ...Array.from({ length: LONG_POLLS }, () => pollUntil(pool, stop.signal)),
    ...Array.from({ length: STREAMS }, () => readStream(pool, stop.signal)),
  ];
  let failed: unknown;
  const note = (error: unknown) => {
    if (!stop.signal.aborted) failed ??= error;
  };
  for (const one of beside) one.catch(note);

  const seen: number[][] = [];
  const begun = performance.now();
  console.log(`\nResident memory of the server, megabytes; idle ${Math.round(idle)}`);
  for (let minute = 1; minute <= minutes && failed === undefined; minute += 1) {
    const samples: number[] = [];
    while (performance.now() - begun < minute * 60_000) {
      await load.round({ clients: CLIENTS, batch: 10, seconds: ROUND_SECONDS });
      samples.push(await resident());
    }
    seen.push(samples);
    const most = Math.round(Math.max(...samples));
    console.log(`  minute ${String(minute).padEnd(3)} ${Math.round(median(samples))} (at most ${most})`);
  }
  const last = median(seen.at(-1) ?? []);
  const halfway = median(seen[Math.floor((minutes - 1) / 2)] ?? []);
  console.log(`  above idle ${Math.round(last - idle)}; since half-time ${Math.round(last - halfway)}`);
  stop.abort();
  await Promise.allSettled(beside);
  await pool.destroy();
  await load.stop();
  await server.stop();
  if (failed !== undefined) throw failed;
}

async function post(pool: Pool, query: string, signal?: AbortSignal): Promise<unknown> {
  const body = JSON.stringify({ query });
  const headers = { "content-type": "application/json" };
  const answered = await pool.request({ method: "POST", path: "/api/graphql", headers, body, signal });
  const answer = JSON.parse(await answered.body.text());
  if (answer.errors !== undefined) throw new Error(JSON.stringify(answer.errors));
  return answer.data;
}

async function pollUntil(pool: Pool, signal: AbortSignal): Promise<void> {
  const query =
    'mutation { createClaim(input: { project: "bench", queue: "quiet", waitSeconds: 20 }) { claim { id } } }';
  while (!signal.aborted) await post(pool, query, signal);
}

async function readStream(pool: Pool, signal: AbortSignal): Promise<void> {
  const query = 'subscription { messagePosted(project: "bench", queue: "bench") { id bodyText } }';
  const headers = { "content-type": "application/json", accept: "text/event-stream" };
  const { body, statusCode } = await pool.request({
    method: "POST",
    path: "/api/graphql",
    headers,
    body: JSON.stringify({ query }),
    signal,
  });
  if (statusCode !== 200) throw new Error(`A stream was refused with ${statusCode}.`);
  for await (const _chunk of body);
}
