import { hasCode } from "../../errors.ts";
import type { DataDriver, Message } from "../../storage/data-driver.ts";
import type { Page } from "../../storage/list-pages.ts";
import { type QueueRef, queueKey } from "../../storage/queue-ref.ts";
import { type Ticker, Wake } from "./ticker.ts";

/** Limits of one read, which returns at least one message. No more is held for a reader that does not read on. */
const READ_SIZE = 100;
const READ_BYTES = 64 * 1024;
/** Least time between two wake-ups of a queue's readers. The first one after a quiet time comes at once. */
const CALL_INTERVAL_MS = 10;
/** Reads that are kept for readers that come to the same position a little later. */
const KEPT_READS = 4;

/** How much of one turn of the event loop all readers of this process may use together. */
const TURN_MS = 5;

interface TailedQueue {
  queue: QueueRef;
  /** By the marker that they begin after: reads since the last wake-up that run, or found something just now. */
  reads: Map<string, Promise<Page<Message>>>;
  /** When its readers were last woken, by performance.now(). */
  calledAt: number;
  /** The wake-up that is due. */
  calling: NodeJS.Timeout | undefined;
  /** Marker of the newest message, or "empty". Undefined: unknown. */
  newest: string | undefined;
  watchers: Set<Wake>;
}

/**
 * Readers that follow the end of a queue. Each keeps its own position, a marker, and reads on from there, so it misses
 * no committed message. This class decides only when they read: when the driver reports an arrival, and each second if
 * the newest message has changed, because a notice may be lost.
 *
 * Readers at the same position share a read, so a hundred of them cost the store what one costs. But each event is
 * written for each reader. When that is more than this process can do, the readers fall behind, and other requests are
 * still answered.
 */
export class QueueTail {
  readonly #data: Pick<DataDriver, "messages" | "watchArrivals">;
  readonly #ticker: Ticker;
  /** Throws QUEUE_DOES_NOT_EXIST once the queue is deleted. */
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
    // Leaves at the abort, because a reader that was stopped may never ask again: its queue would be read for ever.
    const leave = () => this.#leave(queue, wake);
    signal.addEventListener("abort", leave);
    try {
      await this.#require(queue);
      let position = after ?? (await this.#newest(queue))?.marker;
      while (!signal.aborted) {
        await this.#require(queue);
        const { items, nextMarker } = await this.#read(queue, position);
        for (const message of items) {
          await this.#turns.take();
          if (signal.aborted) return;
          position = message.marker;
          yield message;
        }
        if (nextMarker === null) await wake.wait(signal);
      }
    } finally {
      signal.removeEventListener("abort", leave);
      leave();
    }
  }

  #read(queue: QueueRef, position: string | undefined): Promise<Page<Message>> {
    // This variable keeps the map: the next wake-up replaces it.
    const reads = this.#tailed.get(queueKey(queue))?.reads;
    const begin = position ?? "";
    const shared = reads?.get(begin);
    if (shared !== undefined) return shared;
    const page = { limit: READ_SIZE, ...(position === undefined ? {} : { after: position }) };
    const states = { includeClaimed: true, includeDelayed: true };
    const read = this.#data.messages.list({ queue, page, maxBytes: READ_BYTES, ...states });
    reads?.set(begin, read);
    read.then(
      ({ items }) => {
        if (reads === undefined) return;
        // Kept only shortly: the messages may be deleted soon. A reader without a position must not get older messages.
        if (position === undefined || items.length === 0) reads.delete(begin);
        else setTimeout(() => reads.delete(begin), CALL_INTERVAL_MS).unref();
        if (reads.size > KEPT_READS) reads.delete(reads.keys().next().value as string);
      },
      () => reads?.delete(begin),
    );
    return read;
  }

  /** Undefined when the queue is empty or missing. */
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

  /** May be called twice. */
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
          // The queue is deleted or cannot be reached. The readers wake up and get the error themselves.
        }
        if (newest !== undefined && newest === tailed.newest) return;
        tailed.newest = newest;
        callNow(tailed);
      }),
    );
  }
}

/**
 * Shares the event loop between readers and everything else. Without it, two hundred readers of a busy queue blocked
 * the loop for half a second at a time.
 */
class Turns {
  #began: number | undefined;
  #next: Promise<void> = Promise.resolve();

  /** Returns undefined while there is time left in this turn. Else a promise: it resolves after sockets and timers. */
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

/** Wakes the readers. Reads that began earlier are not shared any more: they may have missed the new message. */
function callNow(tailed: TailedQueue): void {
  tailed.reads = new Map();
  for (const wake of tailed.watchers) wake.set();
}

/** Wakes the readers now, or CALL_INTERVAL_MS after the last time. */
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
