import { randomUUID } from "node:crypto";
import { ArrivalNotices, type Arrived } from "../arrival-notices.ts";
import type { ArrivalListener } from "../data-driver.ts";
import type { QueueRef } from "../queue-ref.ts";
import type { RedisLink } from "./server/cluster.ts";
import { ANSWER_TIMEOUT_MS, type Client, discard } from "./server/connection.ts";

/** How long a process relies on the last answer that nobody else listens. */
const LISTENERS_ASKED_EVERY_MS = 1000;
const RECONNECT_MS = 1000;

/**
 * Tells in which queues messages arrived: this process at once, other processes of the same store by PUBLISH.
 *
 * Notices are collected and sent beside the scripts. On a single server they pause for a second when nobody else
 * listened. In a cluster they never pause, because a server knows only its own listeners. A notice may be lost with a
 * broken connection, so a waiting client also looks by itself from time to time.
 */
export class Arrivals {
  readonly #link: RedisLink;
  readonly #channel: string;
  readonly #onError: (error: unknown) => void;
  readonly #listeners = new Set<ArrivalListener>();
  readonly #self = randomUUID();
  readonly #notices = new ArrivalNotices((arrived) => this.#send(arrived));
  #othersListen = true;
  #sentAt = Number.NEGATIVE_INFINITY;
  #client: Client | null = null;
  #connecting = false;
  #reconnect: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(link: RedisLink, channel: string, onError: (error: unknown) => void) {
    this.#link = link;
    this.#channel = channel;
    this.#onError = onError;
  }

  /** A call of this process made `count` messages of the queue ready. */
  tell(queue: QueueRef, count: number): void {
    if (count === 0 || this.#closed) return;
    for (const listener of this.#listeners) listener(queue, count);
    if (!this.#othersListen && performance.now() - this.#sentAt < LISTENERS_ASKED_EVERY_MS) return;
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
    this.#closed = true;
    this.#listeners.clear();
    this.#notices.close();
    this.#silence();
  }

  async #send(arrived: readonly Arrived[]): Promise<void> {
    const notice = JSON.stringify(arrived.map(({ queue, count }) => [queue.project, queue.name, count]));
    try {
      this.#sentAt = performance.now();
      const options = { wrote: false, deadline: performance.now() + ANSWER_TIMEOUT_MS };
      const command = ["PUBLISH", this.#channel, `${this.#self}${notice}`];
      const receivers = await this.#link.send(this.#channel, command, options);
      this.#othersListen = this.#link.isCluster || (receivers as number) > (this.#client === null ? 0 : 1);
    } catch (error) {
      // Waiting clients look by themselves. No new try at once: the server may forbid this user to publish.
      this.#othersListen = false;
      if (!this.#closed) this.#onError(error);
    }
  }

  async #listen(): Promise<void> {
    if (this.#client !== null || this.#connecting || this.#closed || this.#listeners.size === 0) return;
    this.#connecting = true;
    let client: Client | undefined;
    try {
      client = await this.#link.openClient((error) => this.#lost(client, error));
      await client.subscribe(this.#channel, (notice) => this.#hear(notice));
      this.#client = client;
      // The connection may have broken before `#client` was set.
      if (!client.isReady) this.#lost(client, null);
    } catch (error) {
      if (client !== undefined) discard(client);
      this.#onError(error);
      this.#retry();
    } finally {
      this.#connecting = false;
    }
    if (this.#listeners.size === 0) this.#silence();
  }

  /** Any client of the server can publish here, so anything that is no notice is ignored. */
  #hear(notice: string): void {
    const start = this.#self.length;
    if (notice.startsWith(this.#self) || notice[start] !== "[") return;
    for (const [project, name, count] of readNotice(notice.slice(start))) {
      for (const listener of this.#listeners) listener({ project, name }, count);
    }
  }

  #lost(client: Client | undefined, error: unknown): void {
    if (client === undefined || this.#client !== client) return;
    this.#client = null;
    discard(client);
    if (error !== null) this.#onError(error);
    this.#retry();
  }

  #retry(): void {
    if (this.#closed) return;
    this.#reconnect ??= setTimeout(() => {
      this.#reconnect = null;
      void this.#listen();
    }, RECONNECT_MS).unref();
  }

  #silence(): void {
    if (this.#reconnect !== null) clearTimeout(this.#reconnect);
    this.#reconnect = null;
    const client = this.#client;
    this.#client = null;
    if (client !== null) discard(client);
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
