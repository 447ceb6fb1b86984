/**
 * Live traffic for the demo: producers and workers that use the API as any program does, with the TypeScript client.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type ClientOptions, createClient, type Worker } from "../clients/typescript/client.ts";
import { callsTo } from "./seed-api.ts";

const PROJECT = "shop";
/** Short enough that a forgotten demo does not fill the disk. */
const MESSAGE_TTL_SECONDS = 3600;
/** How long an idle worker waits for messages in the server. */
const WAIT_SECONDS = 20;
const RETRY_MS = 2000;
/** How long a worker that died holds its messages. */
const HELD_SECONDS = 3600;
const REPORT_MS = 10_000;

interface Flow {
  queue: string;
  metadata?: Record<string, unknown>;
  /** Messages posted per second. */
  rate: number;
  workers: number;
  /** The last worker dies then, and holds messages for an hour. */
  lastStopsAfterMs?: number;
  /** How long a worker needs for one message. */
  workMs: number;
  /** The share of messages at which a worker fails. */
  failures: number;
  body: (serial: number) => object;
}

const FLOWS: readonly Flow[] = [
  {
    queue: "orders",
    // Two workers do not catch up.
    rate: 5,
    workers: 3,
    lastStopsAfterMs: 240_000,
    workMs: 900,
    failures: 0.02,
    body: (serial) => ({ order: 50_000 + serial, customer: `c-${(serial * 7919) % 1000}`, total: "24.90" }),
  },
  {
    queue: "emails",
    rate: 6,
    workers: 2,
    workMs: 150,
    failures: 0,
    body: (serial) => ({ to: `c-${serial % 1000}@example.org`, template: serial % 3 === 0 ? "receipt" : "shipped" }),
  },
  {
    queue: "invoices",
    metadata: { _max_claim_count: 2, _dead_letter_queue: "invoices.dead" },
    rate: 0.5,
    workers: 1,
    workMs: 300,
    failures: 0.3,
    body: (serial) => ({ invoice: 9000 + serial, currency: "EUR" }),
  },
  // Its worker is too slow, so this queue grows.
  {
    queue: "thumbnails",
    rate: 2,
    workers: 1,
    workMs: 900,
    failures: 0,
    body: (serial) => ({ image: `img-${serial}.png`, width: 320 }),
  },
  // Nobody takes its messages.
  {
    queue: "newsletters",
    rate: 0.2,
    workers: 0,
    workMs: 0,
    failures: 0,
    body: (serial) => ({ newsletter: "tea of the month", to: `c-${serial % 1000}@example.org` }),
  },
];

export interface TrafficReport {
  posted: number;
  done: number;
  /** Given back by a worker. */
  failed: number;
}

/**
 * Runs until `signal` aborts. Then producers stop, workers finish the messages that they hold, and the totals are
 * returned. A queue whose calls fail is reported once, and its calls are tried again. `report` gets a line of text.
 */
export async function runTraffic(
  at: Pick<ClientOptions, "url" | "token">,
  signal: AbortSignal,
  report: (line: string) => void,
  flows: readonly Flow[] = FLOWS,
): Promise<TrafficReport> {
  const totals: TrafficReport = { posted: 0, done: 0, failed: 0 };
  const pause = (milliseconds: number) => delay(milliseconds, undefined, { signal }).catch(() => {});
  const failing = new Set<string>();
  const clientOf = (clientId: string) => createClient({ ...at, project: PROJECT, clientId });

  function noteFailure(queue: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    if (!failing.has(queue)) report(`${queue}: trying again every few seconds. ${reason}`);
    failing.add(queue);
  }

  function noteSuccess(queue: string): void {
    if (failing.delete(queue)) report(`${queue}: recovered.`);
  }

  async function produce({ queue, rate, body }: Flow): Promise<void> {
    const client = clientOf(`${queue}-producer`);
    for (let serial = 0; ; ) {
      await pause((1000 / rate) * (0.5 + Math.random()));
      if (signal.aborted) return;
      try {
        await client.post(queue, [{ body: body(serial), ttlSeconds: MESSAGE_TTL_SECONDS }]);
      } catch (error) {
        noteFailure(queue, error);
        await pause(RETRY_MS);
        continue;
      }
      noteSuccess(queue);
      serial += 1;
      totals.posted += 1;
    }
  }

  function work({ queue, workMs, failures }: Flow, number: number) {
    const handler = async () => {
      noteSuccess(queue);
      await pause(workMs * (0.5 + Math.random()));
      if (Math.random() < failures) throw new Error("The demo fails now and then.");
      totals.done += 1;
    };
    return clientOf(`${queue}-worker-${number}`).worker(queue, handler, {
      concurrency: 2,
      waitSeconds: WAIT_SECONDS,
      restSeconds: () => 0,
      onError: (error, message) => {
        if (message === undefined) noteFailure(queue, error);
        else totals.failed += 1;
      },
    });
  }

  /** As a crash would: the worker ends, and what it had claimed stays claimed. */
  async function die({ queue, workers: count, lastStopsAfterMs }: Flow, worker: Worker | undefined): Promise<void> {
    if (lastStopsAfterMs === undefined || worker === undefined) return;
    await pause(lastStopsAfterMs);
    if (signal.aborted) return;
    await worker.stop();
    const mutation = "mutation Claim($input: CreateClaimInput!) { createClaim(input: $input) { claim { id } } }";
    const input = {
      project: PROJECT,
      queue,
      limit: 10,
      waitSeconds: WAIT_SECONDS,
      ttlSeconds: HELD_SECONDS,
      clientId: `${queue}-worker-${count}`,
    };
    await call(mutation, { input }).catch((error) => noteFailure(queue, error));
    report(`${queue}-worker-${count} stopped. It holds up to 10 messages for an hour.`);
  }

  async function reportTotals(): Promise<void> {
    while (!signal.aborted) {
      await pause(REPORT_MS);
      report(summary(totals));
    }
  }

  const call = callsTo(clientOf("demo"));
  for (const { queue, metadata } of flows) {
    const given = metadata === undefined ? {} : { metadata: { json: metadata } };
    await call("mutation Create($input: CreateQueueInput!) { createQueue(input: $input) { created } }", {
      input: { project: PROJECT, queue, ...given },
    });
  }
  const started = flows.map((flow) => ({
    flow,
    workers: Array.from({ length: flow.workers }, (_, index) => work(flow, index + 1)),
  }));
  const deaths = started.map(({ flow, workers }) => die(flow, workers.at(-1)));
  await Promise.all([reportTotals(), ...flows.map(produce), ...deaths]);
  await Promise.all(started.flatMap(({ workers }) => workers.map((worker) => worker.stop())));
  return totals;
}

function summary({ posted, done, failed }: TrafficReport): string {
  return `${posted} posted, ${done} done, ${failed} given back`;
}
