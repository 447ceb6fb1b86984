/**
 * A pool in memory that a test can break on purpose. It keeps rows of queues with their epochs, and messages. It
 * creates no claims: a message is claimed only if a test sets `claim` on it.
 */

import { randomUUID } from "node:crypto";
import { DomainError } from "../../server/errors.ts";
import { resultOf } from "../../server/storage/batch-result.ts";
import type { ArrivalListener, DataDriver, Message } from "../../server/storage/data-driver.ts";
import { pageOfAll } from "../../server/storage/list-pages.ts";
import type { QueueRef } from "../../server/storage/queue-ref.ts";
import { emptyTally, totalsOf } from "../../server/storage/queue-totals.ts";

interface Row {
  epoch: number;
  messages: Message[];
}

export class FakePool {
  readonly rows = new Map<string, Row>();
  /** The name of each call, such as "messages.post". */
  readonly calls: string[] = [];
  readonly listeners = new Set<ArrivalListener>();
  closed = 0;
  /** Runs before each call. A test makes it throw or wait, to break the pool. */
  before: (call: string) => void | Promise<void> = () => {};

  driver: DataDriver = {
    identity: randomUUID(),
    capabilities: new Set(["FIFO", "CLAIMS"]),
    messages: {
      ...refusing<DataDriver["messages"]>("messages"),
      post: ({ queue, messages }) =>
        this.#on("messages.post", queue, (row) => {
          const stored = messages.map((message) => aStoredMessage({ bodyText: message.bodyText }));
          row.messages.push(...stored);
          return { ids: stored.map((message) => message.id) };
        }),
      bulkGet: ({ queue, ids }) =>
        this.#on("messages.bulkGet", queue, (row) => row.messages.filter((message) => ids.includes(message.id))),
      copy: ({ queue, ids, claimId }) =>
        this.#on("messages.copy", queue, (row) =>
          row.messages.filter((message) => ids.includes(message.id) && message.claim?.id === claimId),
        ),
      adopt: ({ queue, messages }) =>
        this.#on("messages.adopt", queue, (row) => {
          const known = new Set(row.messages.map((message) => message.id));
          row.messages.push(
            ...messages.filter((message) => !known.has(message.id)).map((one) => ({ ...one, claim: null })),
          );
          return messages.map(({ id }) => id);
        }),
      removeCopied: ({ queue, ids, claimId }) =>
        this.#on("messages.removeCopied", queue, (row) => {
          const named = row.messages.filter((message) => ids.includes(message.id));
          const left = named.filter((message) => message.claim?.id !== claimId);
          row.messages = row.messages.filter((message) => !named.includes(message) || left.includes(message));
          return left.map(({ id }) => id);
        }),
      transfer: ({ from, to, ids }) =>
        this.#on("messages.transfer", from, async (row) => {
          const target = this.#row(to);
          target.messages.push(...row.messages.filter((message) => ids.includes(message.id)));
          row.messages = row.messages.filter((message) => !ids.includes(message.id));
          return [...ids];
        }),
      stats: async (queues) => {
        this.calls.push("messages.stats");
        await this.before("messages.stats");
        return queues.map((queue) => {
          const row = this.rows.get(keyOf(queue));
          if (row === undefined || row.epoch !== queue.epoch) return null;
          const total = row.messages.length;
          const counts = { ready: total, claimed: 0, delayed: 0, exhausted: 0, total, exact: true };
          return { ...counts, oldest: null, newest: null, totals: totalsOf(emptyTally()) };
        });
      },
    },
    claims: refusing<DataDriver["claims"]>("claims"),
    subscriptions: refusing<DataDriver["subscriptions"]>("subscriptions"),
    batch: {
      ...refusing<DataDriver["batch"]>("batch"),
      messages: async ({ queues, maxBytes }) => {
        this.calls.push(`batch.messages of ${queues.length} in ${maxBytes} bytes`);
        await this.before("batch.messages");
        return Promise.all(
          queues.map((queue) =>
            resultOf((async () => pageOfAll(this.#row(queue).messages, false, {}, ({ marker }) => marker))()),
          ),
        );
      },
    },
    activity: refusing<DataDriver["activity"]>("activity"),
    lives: refusing<DataDriver["lives"]>("lives"),
    transfer: null,
    undo: null,
    attachQueue: async (queue) => {
      this.calls.push("attachQueue");
      await this.before("attachQueue");
      const row = this.rows.get(keyOf(queue));
      if (row !== undefined && row.epoch > queue.epoch) throw stale();
      if (row === undefined || row.epoch < queue.epoch)
        this.rows.set(keyOf(queue), { epoch: queue.epoch, messages: [] });
    },
    detachQueue: async (queue) => {
      this.calls.push("detachQueue");
      this.rows.delete(keyOf(queue));
    },
    watchArrivals: (listener) => {
      this.listeners.add(listener);
      return () => this.listeners.delete(listener);
    },
    isAlive: async () => {
      this.calls.push("isAlive");
      await this.before("isAlive");
      return true;
    },
    health: async () => {
      this.calls.push("health");
      await this.before("health");
      return { storageReachable: true, writesRefused: null, freeBytes: null, totalBytes: null, operations: [] };
    },
    gc: async () => {
      this.calls.push("gc");
      await this.before("gc");
      return { messages: 1, claims: 2, subscriptions: 3, queues: 4 };
    },
    close: async () => {
      this.closed += 1;
    },
  };

  messagesOf(queue: QueueRef): Message[] {
    return this.rows.get(keyOf(queue))?.messages ?? [];
  }

  #row(queue: QueueRef): Row {
    const row = this.rows.get(keyOf(queue));
    if (row === undefined) throw new DomainError("QUEUE_DOES_NOT_EXIST", "There is no such queue here.");
    if (queue.epoch !== undefined && row.epoch !== queue.epoch) throw stale();
    return row;
  }

  async #on<T>(call: string, queue: QueueRef, work: (row: Row) => T | Promise<T>): Promise<T> {
    this.calls.push(call);
    await this.before(call);
    return work(this.#row(queue));
  }
}

export function aStoredMessage(changes: Partial<Message> = {}): Message {
  return {
    id: randomUUID(),
    marker: "1",
    bodyText: "1",
    ttlSeconds: 60,
    ageSeconds: 0,
    createdAt: new Date(0),
    expiresAt: new Date(60_000),
    delayedUntil: null,
    clientId: null,
    claimCount: 0,
    claim: null,
    lastClaimId: null,
    headers: null,
    deadLettered: null,
    ...changes,
  };
}

/** A controller whose every call fails, so that a call that no test expects is noticed. */
function refusing<C extends object>(name: string): C {
  return new Proxy({} as C, {
    get: (_target, call) => async () => {
      throw new Error(`Nobody expected ${name}.${String(call)}.`);
    },
  });
}

const keyOf = ({ project, name }: QueueRef) => JSON.stringify([project, name]);
const stale = () => new DomainError("QUEUE_EPOCH_STALE", "Another life.");
