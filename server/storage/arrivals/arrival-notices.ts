import { type QueueRef, queueKey } from "../queue-ref.ts";

/** The shortest time between two notices. Arrivals in between go with the next one. */
const INTERVAL_MS = 5;

export interface Arrived {
  queue: QueueRef;
  count: number;
}

/**
 * Notifies other processes of the queues that got messages. Adds arrivals up by queue, and sends one notice at a time.
 * After a quiet time it sends at the end of the current turn of the event loop, so that waiting callers hear of it at
 * once. Under load it sends every few milliseconds.
 */
export class ArrivalNotices {
  readonly #send: (arrived: readonly Arrived[]) => Promise<void>;
  #pending = new Map<string, Arrived>();
  #sentAt = Number.NEGATIVE_INFINITY;
  #scheduled = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** `send` must not throw. A lost notice does no harm: see DataDriver.watchArrivals. */
  constructor(send: (arrived: readonly Arrived[]) => Promise<void>) {
    this.#send = send;
  }

  add(queue: QueueRef, count: number): void {
    const key = queueKey(queue);
    const pending = this.#pending.get(key);
    if (pending === undefined) this.#pending.set(key, { queue, count });
    else pending.count += count;
    this.#schedule();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed || this.#pending.size === 0) return;
    this.#scheduled = true;
    const wait = this.#sentAt + INTERVAL_MS - performance.now();
    if (wait <= 0) setImmediate(() => void this.#sendNow());
    else this.#timer = setTimeout(() => void this.#sendNow(), wait).unref();
  }

  async #sendNow(): Promise<void> {
    if (this.#closed) return;
    const arrived = [...this.#pending.values()];
    this.#pending = new Map();
    this.#sentAt = performance.now();
    await this.#send(arrived);
    this.#scheduled = false;
    this.#schedule();
  }
}
