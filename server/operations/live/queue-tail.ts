import { hasCode } from "../../errors.ts";
import type { DataDriver, Message } from "../../storage/data-driver.ts";
import type { Page } from "../../storage/list-pages.ts";
import { type QueueRef, queueKey } from "../../storage/queue-ref.ts";
import { type Ticker, Wake } from "./ticker.ts";

/** What one read of a tail takes at most, or one message, and all that is held for a reader that does not read on. */
const READ_SIZE = 100;
const READ_BYTES = 64 * 1024;
/** Between two calls of a busy queue's readers, in milliseconds; the first after a quiet time is at once. */
const CALL_INTERVAL_MS = 10;
/** Reads that are kept for readers who come to the same place a little later. */
const KEPT_READS = 4;

/** What all readers of this process together may use of a turn of the event loop, in milliseconds. */
const TURN_MS = 5;

interface TailedQueue {
  queue: QueueRef;
  /** By the place that they begin after; those since the last call that are under way, and the last that found something. */
  reads: Map<string, Promise<Page<Message>>>;
  calledAt: number;
  calling: NodeJS.Timeout | undefined;
  /** Undefined: not known. */
  newest: string | undefined;
  watchers: Set<Wake>;
}

/**
 * Readers that follow a queue's end. Each keeps its own place, a marker, and reads on from there, so none misses what was committed; this
 * only says when to look: when the drivers tell of an arrival, and, since such a notice may be lost, each second if the newest message has changed.
 * Readers at the same place share a read, so that a hundred of them cost the store what one does. What they are given is made for each of them: when
 * there is more than this process can make, they fall behind, and everybody else's requests are answered all the same.
 */
export class QueueTail {
  readonly #data: Pick<DataDriver, "messages" | "watchArrivals">;
  readonly #ticker: Ticker;
  /** Throws QUEUE_DOES_NOT_EXIST once the queue is gone. */
  readonly #require: (queue: QueueRef) => unknown;
  readonly #tailed = new Map<string, TailedQueue>();
  readonly #turns = new Turns();
  #stop: (() => void) | undefined;

  constructor(parts: {
    data: Pick<DataDriver, "messages" | "watchArrivals">;
    ticker: Ticker;
    require: (queue: QueueRef) => unknown;
  }) {
    this.#data = parts.data;
    this.#ticker = parts.ticker;
    this.#require = parts.require;
  }

  async *watch(
    queue: QueueRef,
    after: string | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<Message, void, undefined> {
    if (signal.aborted) return;
    const wake = new Wake();
    this.#join(queue, wake);
    // A reader that was stopped may never ask again, and nothing would look for it any more.
    const leave = () => this.#leave(queue, wake);
    signal.addEventListener("abort", leave);
    try {
      await this.#require(queue);
      let place = after ?? (await this.#newest(queue))?.marker;
      while (!signal.aborted) {
        await this.#require(queue);
        const { items, nextMarker } = await this.#read(queue, place);
        for (const message of items) {
          await this.#turns.take();
          if (signal.aborted) return;
          place = message.marker;
          yield message;
        }
        if (nextMarker === null) await wake.wait(signal);
      }
    } finally {
      signal.removeEventListener("abort", leave);
      leave();
    }
  }

  #read(queue: QueueRef, place: string | undefined): Promise<Page<Message>> {
    // Held here: the next call begins another map.
    const reads = this.#tailed.get(queueKey(queue))?.reads;
    const begin = place ?? "";
    const shared = reads?.get(begin);
    if (shared !== undefined) return shared;
    const page = { limit: READ_SIZE, ...(place === undefined ? {} : { after: place }) };
    const states = { includeClaimed: true, includeDelayed: true };
    const read = this.#data.messages.list({ queue, page, maxBytes: READ_BYTES, ...states });
    reads?.set(begin, read);
    read.then(
      ({ items }) => {
        if (reads === undefined) return;
        // What is read may be gone soon, and who comes to an empty queue wants nothing from before.
        if (place === undefined || items.length === 0) reads.delete(begin);
        else setTimeout(() => reads.delete(begin), CALL_INTERVAL_MS).unref();
        if (reads.size > KEPT_READS) reads.delete(reads.keys().next().value as string);
      },
      () => reads?.delete(begin),
    );
    return read;
  }

  /** Undefined when the queue is empty, or not there. */
  async #newest(queue: QueueRef): Promise<Message | undefined> {
    try {
      return await this.#data.messages.first({ queue, sort: -1 });
    } catch (error) {
      if (hasCode(error, "QUEUE_IS_EMPTY") || hasCode(error, "QUEUE_DOES_NOT_EXIST")) return undefined;
      throw error;
    }
  }

  #join(queue: QueueRef, wake: Wake): void {
    const tailed = this.#tailed.get(queueKey(queue)) ?? {
      queue,
      reads: new Map(),
      calledAt: 0,
      calling: undefined,
      newest: undefined,
      watchers: new Set(),
    };
    this.#tailed.set(queueKey(queue), tailed);
    tailed.watchers.add(wake);
    this.#stop ??= this.#start();
  }

  #start(): () => void {
    const endTicks = this.#ticker.listen(() => this.#look());
    const endNotices = this.#data.watchArrivals((queue) => {
      const tailed = this.#tailed.get(queueKey(queue));
      if (tailed !== undefined) callSoon(tailed);
    });
    return () => {
      endTicks();
      endNotices();
    };
  }

  /** Twice is once. */
  #leave(queue: QueueRef, wake: Wake): void {
    const tailed = this.#tailed.get(queueKey(queue));
    tailed?.watchers.delete(wake);
    if (tailed?.watchers.size === 0) {
      clearTimeout(tailed.calling);
      this.#tailed.delete(queueKey(queue));
    }
    if (this.#tailed.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }

  async #look(): Promise<void> {
    await Promise.all(
      [...this.#tailed.values()].map(async (tailed) => {
        let newest: string | undefined;
        try {
          await this.#require(tailed.queue);
          newest = (await this.#newest(tailed.queue))?.marker ?? "empty";
        } catch {
          // The queue is gone, or cannot be reached: the readers wake and meet the reason themselves.
        }
        if (newest !== undefined && newest === tailed.newest) return;
        tailed.newest = newest;
        callNow(tailed);
      }),
    );
  }
}

/**
 * Shares the event loop out: who takes a turn when the time for it is used up goes on in the next, behind the sockets and timers that wait. Without
 * it two hundred readers of a busy queue held the loop for half a second at a time.
 */
class Turns {
  #began: number | undefined;
  #next: Promise<void> = Promise.resolve();

  take(): Promise<void> | undefined {
    if (this.#began === undefined) {
      this.#began = performance.now();
      this.#next = new Promise((resolve) => {
        setImmediate(() => {
          this.#began = undefined;
          resolve();
        });
      });
    }
    return performance.now() - this.#began < TURN_MS ? undefined : this.#next.then(() => this.take());
  }
}

/** A read that began before the call may not have seen what it is about. */
function callNow(tailed: TailedQueue): void {
  tailed.reads = new Map();
  for (const wake of tailed.watchers) wake.set();
}

function callSoon(tailed: TailedQueue): void {
  if (tailed.calling !== undefined) return;
  const call = () => {
    tailed.calling = undefined;
    tailed.calledAt = performance.now();
    callNow(tailed);
  };
  const wait = tailed.calledAt + CALL_INTERVAL_MS - performance.now();
  if (wait <= 0) call();
  else tailed.calling = setTimeout(call, wait).unref();
}
