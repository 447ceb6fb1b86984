import { randomUUID } from "node:crypto";
import type { ArrivalListener } from "../data-driver.ts";
import type { QueueRef } from "../queue-ref.ts";
import { ArrivalNotices, type Arrived } from "./arrival-notices.ts";

/** How long a process relies on the last answer whether another process listens. */
export const LISTENERS_ASKED_EVERY_MS = 1000;
const RECONNECT_MS = 1000;

/**
 * Tells in which queues messages arrived: this process at once, other processes of the same store by notices. A process
 * listens to notices on a connection of its own, and only while a caller in it watches.
 *
 * A notice begins with `self`, so that its sender ignores it; then come project, name and count of each queue, as JSON.
 * A notice may be lost with a broken connection, so a waiting client also looks by itself from time to time.
 */
export abstract class ArrivalChannel<Connection> {
  protected readonly self = randomUUID();
  /** Null while this process does not listen. */
  protected connection: Connection | null = null;
  /** As it was at `askedAt`. True until it is known. */
  protected othersListen = true;
  protected askedAt = Number.NEGATIVE_INFINITY;
  protected closed = false;
  protected readonly onError: (error: unknown) => void;
  readonly #listeners = new Set<ArrivalListener>();
  readonly #notices = new ArrivalNotices((arrived) => this.send(arrived));
  #connecting = false;
  #reconnect: NodeJS.Timeout | null = null;

  constructor(onError: (error: unknown) => void) {
    this.onError = onError;
  }

  /** Sends notices to other processes. Must not throw. */
  protected abstract send(arrived: readonly Arrived[]): Promise<void>;
  /** Opens a connection that calls `hear` for each notice, and `lost` when it breaks. */
  protected abstract open(): Promise<Connection>;
  protected abstract discard(connection: Connection): void;
  /** False for a connection that broke before `open` returned it. */
  protected abstract isUsable(connection: Connection): boolean;

  /** A call of this process made `count` messages of the queue ready. */
  tell(queue: QueueRef, count: number): void {
    if (count === 0 || this.closed) return;
    for (const listener of this.#listeners) listener(queue, count);
    if (!this.othersListen && performance.now() - this.askedAt < LISTENERS_ASKED_EVERY_MS) return;
    this.#notices.add(queue, count);
  }

  watch(listener: ArrivalListener): () => void {
    this.#listeners.add(listener);
    void this.#listen();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#silence();
    };
  }

  close(): void {
    this.closed = true;
    this.#listeners.clear();
    this.#notices.close();
    this.#silence();
  }

  /** Any client of the store can send here, so anything that is no notice is ignored. */
  protected hear(notice: string): void {
    const start = this.self.length;
    if (notice.startsWith(this.self) || notice[start] !== "[") return;
    for (const [project, name, count] of readNotice(notice.slice(start))) {
      for (const listener of this.#listeners) listener({ project, name }, count);
    }
  }

  protected lost(connection: Connection, error: unknown): void {
    if (this.connection !== connection) return;
    this.connection = null;
    this.discard(connection);
    if (error !== null) this.onError(error);
    this.#retry();
  }

  async #listen(): Promise<void> {
    if (this.connection !== null || this.#connecting || this.closed || this.#listeners.size === 0) return;
    this.#connecting = true;
    try {
      const connection = await this.open();
      this.connection = connection;
      if (!this.isUsable(connection)) this.lost(connection, null);
    } catch (error) {
      this.onError(error);
      this.#retry();
    } finally {
      this.#connecting = false;
    }
    if (this.#listeners.size === 0) this.#silence();
  }

  #retry(): void {
    if (this.closed) return;
    this.#reconnect ??= setTimeout(() => {
      this.#reconnect = null;
      void this.#listen();
    }, RECONNECT_MS).unref();
  }

  #silence(): void {
    if (this.#reconnect !== null) clearTimeout(this.#reconnect);
    this.#reconnect = null;
    const { connection } = this;
    this.connection = null;
    if (connection !== null) this.discard(connection);
  }
}

function readNotice(text: string): [string, string, number][] {
  try {
    const parts: unknown[] = JSON.parse(text);
    return parts.filter(
      (part): part is [string, string, number] =>
        Array.isArray(part) &&
        typeof part[0] === "string" &&
        typeof part[1] === "string" &&
        Number.isSafeInteger(part[2]),
    );
  } catch {
    return [];
  }
}
