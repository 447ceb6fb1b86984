/** Live traffic for the demo: producers and workers that use the API like any other client. */
import { setTimeout as delay } from "node:timers/promises";
import type { Call } from "./seed-api.ts";

const PROJECT = "shop";
/** Short enough that a forgotten demo does not fill the disk. */
const MESSAGE_TTL_SECONDS = 3600;
const CLAIM_TTL_SECONDS = 60;
/** How long an idle worker waits for messages in the server; stopping may take as long. */
const WAIT_SECONDS = 2;
const RETRY_MS = 2000;
const REPORT_MS = 10_000;

interface Flow {
  queue: string;
  metadata?: Record<string, unknown>;
  /** Messages posted per second. */
  rate: number;
  workers: number;
  /** How long a worker needs for one message. */
  workMs: number;
  /** The share of messages that a worker releases. */
  failures: number;
  body: (serial: number) => object;
}

const FLOWS: readonly Flow[] = [
  {
    queue: "orders",
    rate: 3,
    workers: 3,
    workMs: 600,
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
];

export interface TrafficReport {
  posted: number;
  done: number;
  /** Released by a worker. */
  failed: number;
}

/**
 * Runs until `signal` aborts. Then producers stop, workers finish the message that they hold and release the rest, and
 * the totals are returned. A queue whose calls fail is reported once, and its calls are tried again every two seconds.
 * `report` gets a line of text.
 */
export async function runTraffic(
  call: Call,
  signal: AbortSignal,
  report: (line: string) => void,
  flows: readonly Flow[] = FLOWS,
): Promise<TrafficReport> {
  const totals: TrafficReport = { posted: 0, done: 0, failed: 0 };
  const pause = (milliseconds: number) => delay(milliseconds, undefined, { signal }).catch(() => {});
  const failing = new Set<string>();

  /** Repeats `step` until `signal` aborts. */
  async function repeat(queue: string, step: () => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      try {
        await step();
        if (failing.delete(queue)) report(`${queue}: recovered.`);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (!failing.has(queue)) report(`${queue}: trying again every ${RETRY_MS / 1000} s. ${reason}`);
        failing.add(queue);
        await pause(RETRY_MS);
      }
    }
  }

  const mutate = <Data>(name: string, type: string, fields: string, input: object) =>
    call<Data>(`mutation ($input: ${type}!) { ${name}(input: $input) { ${fields} } }`, {
      input: { project: PROJECT, ...input },
    });

  function produce({ queue, rate, body }: Flow): Promise<void> {
    let serial = 0;
    return repeat(queue, async () => {
      await pause((1000 / rate) * (0.5 + Math.random()));
      if (signal.aborted) return;
      const messages = [{ body: { json: body(serial) }, ttlSeconds: MESSAGE_TTL_SECONDS }];
      await mutate("postMessages", "PostMessagesInput", "ids", { queue, messages, clientId: `${queue}-producer` });
      serial += 1;
      totals.posted += 1;
    });
  }

  function work({ queue, workMs, failures }: Flow, number: number): Promise<void> {
    return repeat(queue, async () => {
      const { createClaim } = await mutate<{
        createClaim: { claim: { id: string } | null; messages: { id: string }[] };
      }>("createClaim", "CreateClaimInput", "claim { id } messages { id }", {
        queue,
        limit: 3,
        ttlSeconds: CLAIM_TTL_SECONDS,
        clientId: `${queue}-worker-${number}`,
        waitSeconds: WAIT_SECONDS,
      });
      if (createClaim.claim === null) return;
      const { id: claimId } = createClaim.claim;
      let left = createClaim.messages.length;
      for (const message of createClaim.messages) {
        await pause(workMs * (0.5 + Math.random()));
        if (signal.aborted) break;
        if (Math.random() < failures) {
          totals.failed += 1;
          continue;
        }
        await mutate("deleteMessage", "DeleteMessageInput", "deleted", { queue, id: message.id, claimId });
        totals.done += 1;
        left -= 1;
      }
      if (left > 0) await mutate("releaseClaim", "ReleaseClaimInput", "claimId", { queue, claimId });
    });
  }

  async function reportTotals(): Promise<void> {
    while (!signal.aborted) {
      await pause(REPORT_MS);
      report(summary(totals));
    }
  }

  for (const { queue, metadata } of flows) {
    const given = metadata === undefined ? {} : { metadata: { json: metadata } };
    await mutate("createQueue", "CreateQueueInput", "created", { queue, ...given });
  }
  await Promise.all([
    reportTotals(),
    ...flows.flatMap((flow) => [
      produce(flow),
      ...Array.from({ length: flow.workers }, (_, index) => work(flow, index + 1)),
    ]),
  ]);
  return totals;
}

function summary({ posted, done, failed }: TrafficReport): string {
  return `${posted} posted, ${done} done, ${failed} released`;
}
