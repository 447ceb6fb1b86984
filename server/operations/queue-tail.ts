import { hasCode } from "../errors.ts";
import type { DataDriver, Message, QueueRef } from "../storage/data-driver.ts";
import { type Ticker, Wake } from "./ticker.ts";

/** What one read of a tail takes at most, and all that is held for a reader that does not read on. */
const READ_SIZE = 100;

interface TailedQueue {
  queue: QueueRef;
  /** Undefined: not known. */
  newest: string | undefined;
  watchers: Set<Wake>;
}

/**
 * Readers that follow a queue's end. Each keeps its own place, a marker, and reads on from there, so none misses what was committed; this
 * only says when to look: when the drivers tell of an arrival, and, since such a notice may be lost, each second if the newest message has changed.
 */
export class QueueTail {
  readonly #data: Pick<DataDriver, "messages" | "watchArrivals">;
  readonly #ticker: Ticker;
  /** Throws QUEUE_DOES_NOT_EXIST once the queue is gone. */
  readonly #require: (queue: QueueRef) => unknown;
  readonly #tailed = new Map<string, TailedQueue>();
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
        const { items } = await this.#data.messages.list({
          queue,
          page: { limit: READ_SIZE, ...(place === undefined ? {} : { after: place }) },
          includeClaimed: true,
          includeDelayed: true,
        });
        for (const message of items) {
          if (signal.aborted) return;
          place = message.marker;
          yield message;
        }
        if (items.length < READ_SIZE) await wake.wait(signal);
      }
    } finally {
      signal.removeEventListener("abort", leave);
      leave();
    }
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
    const tailed = this.#tailed.get(keyOf(queue)) ?? { queue, newest: undefined, watchers: new Set() };
    this.#tailed.set(keyOf(queue), tailed);
    tailed.watchers.add(wake);
    this.#stop ??= this.#start();
  }

  #start(): () => void {
    const endTicks = this.#ticker.listen(() => this.#look());
    const endNotices = this.#data.watchArrivals((queue) => {
      for (const wake of this.#tailed.get(keyOf(queue))?.watchers ?? []) wake.set();
    });
    return () => {
      endTicks();
      endNotices();
    };
  }

  /** Twice is once. */
  #leave(queue: QueueRef, wake: Wake): void {
    const tailed = this.#tailed.get(keyOf(queue));
    tailed?.watchers.delete(wake);
    if (tailed?.watchers.size === 0) this.#tailed.delete(keyOf(queue));
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
        for (const wake of tailed.watchers) wake.set();
      }),
    );
  }
}

function keyOf({ project, name }: QueueRef): string {
  return `${name} ${project}`;
}
