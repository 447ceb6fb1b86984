import type { DataDriver } from "../../storage/data-driver.ts";
import { type QueueRef, queueKey } from "../../storage/queue-ref.ts";
import { badInput } from "../input/limits.ts";
import { type Ticker, Wake } from "./ticker.ts";

/** What a caller may wait for, in seconds. */
export const MAX_WAIT_SECONDS = 20;
/** After the last waiter has gone, how long arrivals are still listened to: those who poll come back. */
const LINGER_MS = 30_000;

/** A claimer takes what it sees, so one arrival wakes one; a reader leaves it, so it wakes all. */
type Waiting = "claim" | "read";

interface WaitedQueue {
  claim: Set<Waiter>;
  read: Set<Waiter>;
}

interface Waiter {
  wake: Wake;
  /** Told to look and not back at waiting yet. */
  called: boolean;
}

/**
 * Calls that wait for something to come, without holding anything but memory: no connection, no statement.
 *
 * Each looks first, and again when the driver says that messages arrived, and in turn each second, since nothing says when a claim lapses, a
 * delay ends or a notice was lost. Claimers are served in order of arrival: as many are woken as messages came, and who got something wakes the next.
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

  /** What `look` gives, as soon as it is `found`; else its last answer, after `waitSeconds`, when `signal` aborts, or when the server stops. */
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
    // Before the first look, so that nothing arrives unseen between the two.
    this.#join(key, waiting, waiter);
    try {
      for (;;) {
        const answer = await look();
        if (found(answer)) {
          this.#callNext(key, waiter);
          return answer;
        }
        // Only for those who really wait: a time-out is kept until its time, and most find something at once.
        over ??= this.#over(until, params.signal);
        if (over.aborted) return answer;
        waiter.called = false;
        await waiter.wake.wait(over);
        if (over.aborted) {
          // It may have been called for what came, and does not look.
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

  /** Everyone who waits answers with what there is; nobody waits any more. */
  close(): void {
    this.#closing.abort();
    this.#rest();
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
    this.#linger = setTimeout(() => this.#rest(), LINGER_MS).unref();
  }

  #rest(): void {
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

  /** One of each kind looks for all: if it finds something, it calls the others. */
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

/** BAD_INPUT unless it is 0 to MAX_WAIT_SECONDS; left out is 0. */
export function checkWait(waitSeconds: number | null | undefined): number {
  const seconds = waitSeconds ?? 0;
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > MAX_WAIT_SECONDS) {
    throw badInput("waitSeconds", `waitSeconds must be a whole number from 0 to ${MAX_WAIT_SECONDS}.`, {
      maximum: MAX_WAIT_SECONDS,
    });
  }
  return seconds;
}
