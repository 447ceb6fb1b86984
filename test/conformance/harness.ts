import { randomUUID } from "node:crypto";
import { afterAll } from "vitest";
import type { DataDriver, Message, NewMessage } from "../../server/storage/data-driver.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";

/** A data driver under test, with what a suite needs around it. Every suite runs on every driver through this. */
export interface DataDriverHarness {
  driver: DataDriver;
  /** A second driver on the same store, as another process would have it. */
  neighbour: DataDriver;
  /** Moves the store's clock for both drivers. */
  clock: { offsetMs: number };
  /** A new, empty queue that is attached (and, through the pooling driver, in the catalogue). */
  newQueue(name?: string, project?: string): Promise<QueueRef>;
  /** A new queue in the same store as another one, as a dead letter queue is. */
  newQueueBeside(queue: QueueRef): Promise<QueueRef>;
  close(): Promise<void>;
}

/** For how many bytes of answers the drivers under test have room in a queue. */
export const KEPT_POPS_BYTES = 10 * 1_048_576;

export type OpenDataDriver = () => Promise<DataDriverHarness>;

/**
 * One store for several suites of a file, opened by the first and closed after the last: most of a suite's start is
 * waiting for its servers. Not for suites that look at all that a store has, such as what gc frees.
 */
export function onOneStore(open: OpenDataDriver): OpenDataDriver {
  let opened: Promise<DataDriverHarness> | undefined;
  afterAll(async () => (await opened)?.close());
  return async () => {
    opened ??= open();
    return { ...(await opened), close: async () => {} };
  };
}

export const advance = (harness: DataDriverHarness, seconds: number) => {
  harness.clock.offsetMs += seconds * 1000;
};

export const uniqueName = (prefix = "q") => `${prefix}-${randomUUID().slice(0, 18)}`;

export function aMessage(body: unknown = { hello: "world" }, changes: Partial<NewMessage> = {}): NewMessage {
  return { bodyText: JSON.stringify(body), ttlSeconds: 3600, delaySeconds: 0, ...changes };
}

export async function post(
  harness: DataDriverHarness,
  queue: QueueRef,
  count: number,
  changes: Partial<NewMessage> = {},
) {
  const messages = Array.from({ length: count }, (_, index) => aMessage(index, changes));
  const { ids } = await harness.driver.messages.post({ queue, messages, clientId: null });
  return ids;
}

export function claim(
  harness: DataDriverHarness,
  queue: QueueRef,
  changes: Partial<Parameters<DataDriver["claims"]["create"]>[0]> = {},
) {
  return harness.driver.claims.create({
    queue,
    limit: 10,
    ttlSeconds: 100,
    graceSeconds: 60,
    clientId: null,
    ...changes,
  });
}

export const bodies = (messages: readonly Message[]) => messages.map((message) => JSON.parse(message.bodyText));
export const idsOf = (messages: readonly Message[]) => messages.map((message) => message.id);

/** All messages that a reader finds by paging from the beginning. */
export async function readAll(driver: DataDriver, queue: QueueRef, limit = 7): Promise<Message[]> {
  const all: Message[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await driver.messages.list({
      queue,
      page: { limit, ...(after === undefined ? {} : { after }) },
      includeClaimed: true,
      includeDelayed: true,
    });
    all.push(...page.items);
    if (page.nextMarker === null) return all;
    after = page.nextMarker;
  }
}
