import type { DataDriver } from "../../storage/data-driver.ts";
import { type QueueRef, queueKey } from "../../storage/queue-ref.ts";
import { badInput } from "../input/limits.ts";
import { type Ticker, Wake } from "./ticker.ts";

/** How long a caller may wait. */
export const MAX_WAIT_SECONDS = 20;
/** How long arrivals are still watched after the last waiter has left: clients that poll come back. */
const LINGER_MS = 30_000;

/**
 * A claimer takes what it sees, so one arrival wakes one claimer. A reader leaves it, so an arrival wakes all readers.
 */
type Waiting = "claim" | "read";

interface WaitedQueue {
  claim: Set<Waiter>;
  read: Set<Waiter>;
}

interface Waiter {
  wake: Wake;
  /** True from the call to look until it waits again. */
  called: boolean;
}

/**
 * Calls that wait for messages. While it waits, a call holds only memory: no connection and no statement.
 *
 * - A call looks at once, and again when the driver reports an arrival.
 * - Each second one claimer and one reader of each queue look, because nothing reports a claim that expires, a delay
 *   that ends, or a notice that was lost.
 * - Claimers are served in the order in which they came. An arrival wakes as many as messages came; a claimer that gets
 *   something wakes the next.
 */
export class LongPolls {
  readonly #data: Pick<DataDriver, "watchArrivals">;
  readonly #ticker: Ticker;
  readonly #closing = new AbortController();
  readonly #queues = new Map<string, WaitedQueue>();
  #unwatch: (() => void) | undefined;
  #stopTicking: (() => void) | undefined;
  #linger: NodeJS.Timeout | undefined;

  constructor(parts: { data: Pick<DataDriver, "watchArrivals">; ticker: Ticker }) {
    this.#data = parts.data;
    this.#ticker = parts.ticker;
  }

  /**
   * Returns the first answer of `look` that is `found`. After `waitSeconds`, when `signal` aborts and when the server
   * stops, returns the last answer.
   */
  async until<T>(
    params: { queue: QueueRef; waiting: Waiting; waitSeconds: number; signal?: AbortSignal },
    look: () => Promise<T>,
    found: (answer: T) => boolean,
  ): Promise<T> {
    const { queue, waiting, waitSeconds } = params;
    if (waitSeconds === 0) return look();
    const until = performance.now() + waitSeconds * 1000;
    let over: AbortSignal | undefined;
    const key = queueKey(queue);
    const waiter: Waiter = { wake: new Wake(), called: true };
    // Before the first look, so that no arrival between the two is missed.
    this.#join(key, waiting, waiter);
    try {
      for (;;) {
        const answer = await look();
        if (found(answer)) {
          this.#callNext(key, waiter);
          return answer;
        }
        // Created only for calls that wait: most find something at once, and a time-out lives until its time.
        over ??= this.#over(until, params.signal);
        if (over.aborted) return answer;
        waiter.called = false;
        await waiter.wake.wait(over);
        if (over.aborted) {
          // It was called for an arrival, and does not look any more: another one must.
          if (waiter.called) this.#callNext(key, waiter);
          return answer;
        }
        waiter.called = true;
      }
    } finally {
      this.#leave(key, waiting, waiter);
    }
  }

  #over(until: number, signal: AbortSignal | undefined): AbortSignal {
    const time = AbortSignal.timeout(Math.max(0, Math.ceil(until - performance.now())));
    return AbortSignal.any([time, this.#closing.signal, ...(signal === undefined ? [] : [signal])]);
  }

  /** Ends all waits, with their last answers. Later calls look once and do not wait. */
  close(): void {
    this.#closing.abort();
    this.#stopWatching();
  }

  #join(key: string, waiting: Waiting, waiter: Waiter): void {
    const queue = this.#queues.get(key) ?? { claim: new Set(), read: new Set() };
    this.#queues.set(key, queue);
    queue[waiting].add(waiter);
    clearTimeout(this.#linger);
    this.#unwatch ??= this.#data.watchArrivals((arrived, count) => this.#arrived(queueKey(arrived), count));
    this.#stopTicking ??= this.#ticker.listen(async () => this.#tick());
  }

  #leave(key: string, waiting: Waiting, waiter: Waiter): void {
    const queue = this.#queues.get(key);
    queue?.[waiting].delete(waiter);
    if (queue === undefined || queue.claim.size + queue.read.size > 0) return;
    this.#queues.delete(key);
    if (this.#queues.size > 0) return;
    clearTimeout(this.#linger);
    this.#linger = setTimeout(() => this.#stopWatching(), LINGER_MS).unref();
  }

  #stopWatching(): void {
    clearTimeout(this.#linger);
    this.#unwatch?.();
    this.#stopTicking?.();
    this.#unwatch = undefined;
    this.#stopTicking = undefined;
  }

  #arrived(key: string, count: number): void {
    const queue = this.#queues.get(key);
    if (queue === undefined) return;
    call(queue.read, queue.read.size);
    call(queue.claim, count);
  }

  /** One waiter of each kind looks for all of them. If it finds something, it calls others. */
  #tick(): void {
    for (const queue of this.#queues.values()) {
      call(queue.claim, 1);
      call(queue.read, 1);
    }
  }

  #callNext(key: string, finder: Waiter): void {
    const queue = this.#queues.get(key);
    if (queue === undefined) return;
    if (queue.read.has(finder)) call(queue.read, queue.read.size);
    else call(queue.claim, 1);
  }
}

/** Wakes the first `count` waiters that are not awake already. */
function call(waiters: ReadonlySet<Waiter>, count: number): void {
  let left = count;
  for (const waiter of waiters) {
    if (left <= 0) return;
    if (waiter.called) continue;
    waiter.called = true;
    waiter.wake.set();
    left -= 1;
  }
}

/** Returns the seconds, by default 0. BAD_INPUT unless they are whole and from 0 to MAX_WAIT_SECONDS. */
export function checkWait(waitSeconds: number | null | undefined): number {
  const seconds = waitSeconds ?? 0;
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > MAX_WAIT_SECONDS) {
    throw badInput("waitSeconds", `waitSeconds must be a whole number from 0 to ${MAX_WAIT_SECONDS}.`, {
      value: seconds,
      minimum: 0,
      maximum: MAX_WAIT_SECONDS,
    });
  }
  return seconds;
}
