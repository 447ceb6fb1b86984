import { type QueueRef, queueKey } from "./queue-ref.ts";

/** Least time between two notices. Arrivals in between go with the next one. */
const INTERVAL_MS = 5;

export interface Arrived {
  queue: QueueRef;
  count: number;
}

/**
 * Tells other processes which queues got messages. Arrivals are added up by queue, and notices are sent one at a time.
 * After a quiet time a notice goes out at the end of the present turn of the event loop, so that waiting callers hear
 * of it at once. Under load there is one every few milliseconds.
 */
export class ArrivalNotices {
  readonly #send: (arrived: readonly Arrived[]) => Promise<void>;
  #gathered = new Map<string, Arrived>();
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
    const gathered = this.#gathered.get(key);
    if (gathered === undefined) this.#gathered.set(key, { queue, count });
    else gathered.count += count;
    this.#schedule();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed || this.#gathered.size === 0) return;
    this.#scheduled = true;
    const wait = this.#sentAt + INTERVAL_MS - performance.now();
    if (wait <= 0) setImmediate(() => void this.#sendNow());
    else this.#timer = setTimeout(() => void this.#sendNow(), wait).unref();
  }

  async #sendNow(): Promise<void> {
    if (this.#closed) return;
    const arrived = [...this.#gathered.values()];
    this.#gathered = new Map();
    this.#sentAt = performance.now();
    await this.#send(arrived);
    this.#scheduled = false;
    this.#schedule();
  }
}
